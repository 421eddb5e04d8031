package main

import (
	"io"
	"testing"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsmtp"
)

// sellerFlags are a seller of one's own.
var sellerFlags = []string{
	"-seller-name", "Acme Coffee GmbH", "-seller-street", "Oranienstraße 12", "-seller-postal-code", "10999", "-seller-city", "Berlin", "-seller-country", "DE",
	"-seller-vat-id", "DE987654321", "-seller-email", "billing@acme.example",
}

func parsed(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parseOptions(args, io.Discard)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return o
}

func TestTheSellerIsTheMadeUpOneOrOnesOwn(t *testing.T) {
	t.Parallel()
	if s := parsed(t).seller.seller(); s != demoSeller.seller() || s.LegalName == "" || s.VATID == "" || s.Address.Line1 == "" {
		t.Errorf("without flags it is %+v", s)
	}
	want := checkout.Seller{
		LegalName: "Acme Coffee GmbH", VATID: "DE987654321", Email: "billing@acme.example",
		Address: checkout.PostalAddress{Line1: "Oranienstraße 12", PostalCode: "10999", City: "Berlin", Country: "DE"},
	}
	if got := parsed(t, sellerFlags...).seller.seller(); got != want {
		t.Errorf("with flags it is %+v", got)
	}
}

func TestTheSenderOfMails(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`"Finch Coffee" <billing@finch-coffee.example>`: {"-smtp", "localhost:1025"},
		`"Finch Coffee" <billing@acme.example>`:         append([]string{"-smtp", "smtp.example.com:587"}, sellerFlags...),
		"Acme <shop@acme.example>":                      {"-smtp", "smtp.example.com:587", "-smtp-from", "Acme <shop@acme.example>"},
	} {
		if got := parsed(t, args...).sender(); got != want {
			t.Errorf("%q send as %s, want %s", args, got, want)
		}
	}
}

func TestOnlyThisMachineMayGoWithoutEncryption(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]checkoutsmtp.TLS{
		"localhost:1025": checkoutsmtp.None, "LOCALHOST:25": checkoutsmtp.None, "127.0.0.1:587": checkoutsmtp.None, "127.9.9.9:1": checkoutsmtp.None, "[::1]:465": checkoutsmtp.None,
		"smtp.example.com:587": checkoutsmtp.STARTTLS, "smtp.example.com:25": checkoutsmtp.STARTTLS, "192.168.0.7:1025": checkoutsmtp.STARTTLS,
		"localhost.example.com:25": checkoutsmtp.STARTTLS, "0.0.0.0:25": checkoutsmtp.STARTTLS, "[2001:db8::1]:25": checkoutsmtp.STARTTLS,
		"smtp.example.com:465": checkoutsmtp.Implicit,
	} {
		o := parsed(t, "-smtp", server, "-smtp-from", "shop@acme.example")
		host, port, err := o.smtp.hostPort()
		if got := encryption(host, port); err != nil || got != want {
			t.Errorf("%s is encrypted with %s, want %s; %v", server, got, want, err)
		}
		if m, err := o.smtp.mailer(); m == nil || err != nil {
			t.Errorf("%s cannot be used: %v", server, err)
		}
	}
	if m, err := parsed(t).smtp.mailer(); m != nil || err != nil {
		t.Errorf("without -smtp there is %v, %v", m, err)
	}
}

// The password is read for -smtp-user only: one that lies around must not go to a mail catcher.
func TestTheMailPasswordIsReadWhenAskedFor(t *testing.T) {
	t.Setenv(smtpPassword, "correct horse")
	if o := parsed(t, "-smtp", "localhost:1025"); o.smtp.password != "" {
		t.Error("the password was read without a user")
	}
	if o := parsed(t, "-smtp", "localhost:1025", "-smtp-user", "ada"); o.smtp.password != "correct horse" {
		t.Error("the password was not read")
	}
}
