package main

import (
	"flag"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsmtp"
)

// smtpOptions are the server that mails leave by; without one the admin keeps them.
type smtpOptions struct{ server, from, user, password string }

// smtpPassword is the variable that has the password of -smtp-user. On a command line everybody on the machine could read it.
const smtpPassword = "SMTP_PASSWORD"

func (s smtpOptions) on() bool { return s.server != "" }

func (o *options) mailFlags(f *flag.FlagSet) {
	f.StringVar(&o.smtp.server, "smtp", "", "`host:port` of a mail server, like 127.0.0.1:1025 of a local mail catcher; others must encrypt (default: mails are kept in the admin)")
	f.StringVar(&o.smtp.from, "smtp-from", "", "`sender` of mails, an address or \"Name <address>\" (default: the seller's address)")
	f.StringVar(&o.smtp.user, "smtp-user", "", "`user` at the mail server; the password is taken from the environment, "+smtpPassword)
}

// mailDefaults reads the password where it was asked for, and nothing else of the environment.
func (o *options) mailDefaults() {
	if o.smtp.user != "" {
		o.smtp.password = os.Getenv(smtpPassword)
	}
}

// sender is who mails are from.
func (o options) sender() string {
	if o.smtp.from != "" || o.seller.email == "" {
		return o.smtp.from
	}
	return (&mail.Address{Name: shopName, Address: o.seller.email}).String()
}

// checkSMTP never repeats -smtp: whoever puts a password into it must not find it on the screen.
func (o options) checkSMTP() error {
	s := o.smtp
	host, port, err := s.hostPort()
	switch {
	case !s.on() && s.from+s.user != "":
		return usagef("-smtp-from and -smtp-user need -smtp as well: without a mail server, mails are kept in the admin")
	case !s.on():
		return nil
	case err != nil || host == "" || port < 1 || port > 65535 || strings.ContainsAny(host, "/@"):
		return usagef("-smtp is not host:port, like 127.0.0.1:1025 or smtp.example.com:587; a user goes into -smtp-user, its password into the environment, %s", smtpPassword)
	case s.user != "" && s.password == "":
		return usagef("-smtp-user needs its password in the environment: %s=… go run ./examples/shop …", smtpPassword)
	case o.sender() == "":
		return usagef("-smtp needs a sender: -smtp-from \"Acme Coffee <billing@acme.example>\", or -seller-email")
	case o.demo && !onThisMachine(host):
		return usagef("-demo has customers that are made up, and -smtp %s could write to them: with -demo, take a mail catcher on this machine, like 127.0.0.1:1025", host)
	case s.from == "" && o.seller == demoSeller && !onThisMachine(host):
		return usagef("-smtp %s is not on this machine, and the made-up seller has no address to send from: name one of yours with -smtp-from", host)
	}
	return nil
}

func (s smtpOptions) hostPort() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(s.server)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return strings.ToLower(host), port, err
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// encryption is none for mail catchers on this machine, which have none. Everybody else must encrypt: from the first byte on
// port 465 (RFC 8314), with STARTTLS on others.
func encryption(host string, port int) checkoutsmtp.TLS {
	switch {
	case onThisMachine(host):
		return checkoutsmtp.None
	case port == 465:
		return checkoutsmtp.Implicit
	}
	return checkoutsmtp.STARTTLS
}

// told says where mails go, and where they are kept otherwise.
func (s smtpOptions) told(kept string) string {
	host, port, _ := s.hostPort()
	switch {
	case !s.on():
		return "kept in the admin, at " + kept
	case encryption(host, port) == checkoutsmtp.None:
		return "sent to " + s.server + ", without encryption because it is on this machine"
	}
	return "sent to " + s.server + ", encrypted"
}

// mailer gives nil without -smtp.
func (s smtpOptions) mailer() (checkout.Mailer, error) {
	if !s.on() {
		return nil, nil
	}
	host, port, err := s.hostPort()
	if err != nil {
		return nil, err
	}
	m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: host, Port: port, Username: s.user, Password: s.password, TLS: encryption(host, port)})
	if err != nil {
		return nil, usagef("-smtp: %s", strings.TrimPrefix(err.Error(), "checkoutsmtp: "))
	}
	return m, nil
}
