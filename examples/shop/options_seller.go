package main

import (
	"flag"
	"strings"

	"github.com/jopay/checkout"
)

// sellerOptions are who the invoices are from: all that an invoice needs, or none. Only the e-mail address may be missing.
type sellerOptions struct{ name, street, postalCode, city, country, vatID, email string }

// demoSeller is made up so that it can be seen, and complete, so that orders get invoices and not receipts.
var demoSeller = sellerOptions{
	name: "Finch Coffee Example GmbH", street: "Musterstraße 1", postalCode: "12345", city: "Musterstadt", country: "DE", vatID: "DE123456789",
	email: "billing@finch-coffee.example",
}

func (o *options) sellerFlags(f *flag.FlagSet) {
	f.StringVar(&o.seller.name, "seller-name", "", "legal `name` of who the invoices are from (default: "+demoSeller.name+", which is made up)")
	f.StringVar(&o.seller.street, "seller-street", "", "its `street` and number")
	f.StringVar(&o.seller.postalCode, "seller-postal-code", "", "its postal `code`")
	f.StringVar(&o.seller.city, "seller-city", "", "its `city`")
	f.StringVar(&o.seller.country, "seller-country", "", "its country's two-letter `code`, like DE; where it pays with other money than the euro, orders get receipts")
	f.StringVar(&o.seller.vatID, "seller-vat-id", "", "its VAT `ID` with the country's prefix, like DE123456789")
	f.StringVar(&o.seller.email, "seller-email", "", "its e-mail `address`, on the invoices and as the sender of mails (default: none)")
}

func (o *options) sellerDefaults() {
	if o.seller == (sellerOptions{}) {
		o.seller = demoSeller
	}
}

// checkSeller leaves what the values may be to the checkout, see flagNames.
func (o options) checkSeller() error {
	var given, missing []string
	for _, f := range []struct{ name, value string }{
		{"-seller-name", o.seller.name}, {"-seller-street", o.seller.street}, {"-seller-postal-code", o.seller.postalCode}, {"-seller-city", o.seller.city},
		{"-seller-country", o.seller.country}, {"-seller-vat-id", o.seller.vatID},
	} {
		if strings.TrimSpace(f.value) == "" {
			missing = append(missing, f.name)
		} else {
			given = append(given, f.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return usagef("%s needs %s as well: an invoice has them all. Without any, a made-up seller stands in",
		append(given, "-seller-email")[0], strings.Join(missing, ", "))
}

// seller is what the options say as the checkout knows it.
func (s sellerOptions) seller() checkout.Seller {
	return checkout.Seller{
		LegalName: s.name, VATID: s.vatID, Email: s.email,
		Address: checkout.PostalAddress{Line1: s.street, PostalCode: s.postalCode, City: s.city, Country: s.country},
	}
}

// told says who the invoices are from.
func (s sellerOptions) told() string {
	if s == demoSeller {
		return s.name + ", made up; -seller-name and its sisters take yours"
	}
	return s.name
}

// simplifiedUpTo are the amounts up to which an invoice needs no buyer's address: € 250 in Germany (§ 33 UStDV), elsewhere
// in the Union € 100 at least (Directive 2006/112/EC Art. 220a).
func (s sellerOptions) simplifiedUpTo() map[string]int64 {
	if s.country == "DE" {
		return map[string]int64{currency: 25000}
	}
	return map[string]int64{currency: 10000}
}
