// Package checkoutsepa is a [checkout.Provider] for bank transfers in euros. The page shows the shop's account, a creditor
// reference (ISO 11649) and the code that banking apps read (EPC069-12). Nothing is called over the network: what has come
// is read from the bank's statements with [Provider.Import], or told one by one to [checkout.Checkout.RecordTransfer].
package checkoutsepa

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jopay/checkout"
)

// MethodID is the one way to pay that a [Provider] offers.
const MethodID = "bank_transfer"

const (
	defaultPatience = 7 * 24 * time.Hour
	minPatience     = 24 * time.Hour
	maxPatience     = 60 * 24 * time.Hour
	defaultGrace    = 3 * 24 * time.Hour
	maxGrace        = 30 * 24 * time.Hour

	maxName = 70 // characters, EPC069-12
)

// Config is the shop's account and how long it waits. Name and IBAN are required.
type Config struct {
	Name     string // the payee as the bank knows it, 70 characters at most: banks compare it
	IBAN     string // with or without spaces; an account that SEPA credit transfers reach
	BIC      string // 8 or 11 characters. Optional: inside the EEA nobody needs it
	BankName string // shown to the buyer. Optional

	ProviderName string        // stored with every payment, never changed. Defaults to sepa
	Test         bool          // offered to test sessions instead of live ones
	Patience     time.Duration // how long the buyer is told to have, 1 to 60 days. Defaults to 7 days

	// Grace is how long after Patience the session stays open, 30 days at most: money that the bank has booked in time
	// comes here only with the next import. It is longer than the time between two imports, a weekend included. Defaults to
	// 3 days; a negative one is none.
	Grace time.Duration

	Now func() time.Time
}

// Provider is an account that buyers transfer to. It never changes after [New] and is safe for concurrent use.
type Provider struct {
	cfg  Config
	iban string // without spaces
}

var _ interface {
	checkout.Provider
	checkout.Canceler
	checkout.Instructor
	checkout.Transferee
} = (*Provider)(nil)

var (
	nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	bicRule  = regexp.MustCompile(`^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$`) // ISO 9362
)

// New checks the account: the IBAN's length in its country and its checksum (ISO 13616) before anybody pays to it.
func New(cfg Config) (*Provider, error) {
	cfg = cfg.withDefaults()
	iban := compact(cfg.IBAN)
	if err := checkIBAN(iban); err != nil {
		return nil, fmt.Errorf("checkoutsepa: IBAN: %w", err)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("checkoutsepa: %w", err)
	}
	return &Provider{cfg, iban}, nil
}

func (cfg Config) withDefaults() Config {
	cfg.Name, cfg.BankName, cfg.BIC = strings.TrimSpace(cfg.Name), strings.TrimSpace(cfg.BankName), compact(cfg.BIC)
	if cfg.ProviderName == "" {
		cfg.ProviderName = "sepa"
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	switch {
	case cfg.Grace == 0:
		cfg.Grace = defaultGrace
	case cfg.Grace < 0:
		cfg.Grace = 0
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

func (cfg Config) check() error {
	switch {
	case cfg.Name == "":
		return refuse("Name", "is missing: banks ask for the payee's")
	case !printable(cfg.Name) || utf8.RuneCountInString(cfg.Name) > maxName:
		return refuse("Name", "is at most %d printable characters", maxName)
	case !printable(cfg.BankName) || utf8.RuneCountInString(cfg.BankName) > maxName:
		return refuse("BankName", "is at most %d printable characters", maxName)
	case cfg.BIC != "" && !bicRule.MatchString(cfg.BIC):
		return refuse("BIC", "%q has not the form of ISO 9362: 8 or 11 characters", cfg.BIC)
	case !nameRule.MatchString(cfg.ProviderName):
		return refuse("ProviderName", "%q is not 1 to 32 of a-z, 0-9, _ and -", cfg.ProviderName)
	case cfg.Patience < minPatience || cfg.Patience > maxPatience:
		return refuse("Patience", "is %v, not between 1 and 60 days", cfg.Patience)
	case cfg.Grace > maxGrace:
		return refuse("Grace", "is %v, more than 30 days", cfg.Grace)
	}
	return nil
}

// printable keeps line breaks out, which would begin the next field of the code.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// compact is an IBAN, a BIC or an account as machines write it.
func compact(s string) string {
	return strings.ToUpper(strings.Join(strings.Fields(s), ""))
}

// inFours writes for people: groups of four.
func inFours(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// refuse is how New says no: the field, and what is wrong with it.
func refuse(field, format string, args ...any) error {
	return fmt.Errorf("%s %s", field, fmt.Sprintf(format, args...))
}
