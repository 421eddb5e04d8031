package checkout

import (
	"regexp"
	"strings"

	"github.com/jopay/checkout/internal/money"
)

var (
	prefixRule = regexp.MustCompile(`^[A-Za-z0-9/-]{0,20}$`)
	vatIDRule  = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9+*]{2,13}$`)
)

// checkDocuments refuses what would be wrong on every document.
func (cfg *Config) checkDocuments() error {
	if !prefixRule.MatchString(cfg.Documents.Prefix) {
		return refuse("Documents.Prefix", "%q: use at most 20 letters, digits, - and /, like ACME-", cfg.Documents.Prefix)
	}
	if strings.HasPrefix(strings.ToUpper(cfg.Documents.Prefix), "TEST") {
		return refuse("Documents.Prefix", "%q begins like the numbers of test mode: use another", cfg.Documents.Prefix)
	}
	for code, amount := range cfg.Documents.SimplifiedUpTo {
		if !money.Valid(code) || code != asciiLower(code) || amount < 0 {
			return refuse("Documents.SimplifiedUpTo", "holds %q: %d: use ISO 4217 codes in lower case and minor units", code, amount)
		}
	}
	return cfg.checkSeller()
}

func (cfg *Config) checkSeller() error {
	s := cfg.Seller
	switch {
	case s.Address.Country != "" && !validCountry(s.Address.Country):
		return refuse("Seller.Address.Country", "%q must be an ISO 3166-1 alpha-2 code like DE", s.Address.Country)
	case s.VATID != "" && !vatIDRule.MatchString(s.VATID):
		return refuse("Seller.VATID", "%q must begin with its country and have no spaces, like DE123456789", s.VATID)
	case s.Email != "" && !validEmail(s.Email):
		return refuse("Seller.Email", "%q is not a bare e-mail address", s.Email)
	}
	for _, f := range []struct{ field, text string }{
		{"LegalName", s.LegalName}, {"Address.Line1", s.Address.Line1}, {"Address.Line2", s.Address.Line2}, {"Address.PostalCode", s.Address.PostalCode},
		{"Address.City", s.Address.City}, {"Address.State", s.Address.State}, {"TaxNumber", s.TaxNumber}, {"Contact", s.Contact}, {"Phone", s.Phone},
	} {
		if len([]rune(f.text)) > 200 || strings.ContainsFunc(f.text, func(r rune) bool { return r < ' ' }) {
			return refuse("Seller."+f.field, "must be one line of at most 200 characters")
		}
		if f.text != "" && !filled(f.text) {
			return refuse("Seller."+f.field, "%q shows nothing: leave it empty", f.text)
		}
	}
	return nil
}

// checkMail refuses a sender that mails could not leave with.
func (cfg *Config) checkMail() error {
	if cfg.Mailer != nil && cfg.Mail.From == "" {
		return refuse("Mail.From", "is empty: set the sender of mails, like Acme Coffee <billing@acme.example>")
	}
	for _, f := range []struct{ field, mailbox string }{{"Mail.From", cfg.Mail.From}, {"Mail.ReplyTo", cfg.Mail.ReplyTo}} {
		oneLine := !strings.ContainsFunc(f.mailbox, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' })
		if f.mailbox != "" && (!oneLine || len(f.mailbox) > 320 || !validEmail(bareAddress(f.mailbox))) {
			return refuse(f.field, "%q must be one address on one line, like Acme Coffee <billing@acme.example>", f.mailbox)
		}
	}
	return nil
}
