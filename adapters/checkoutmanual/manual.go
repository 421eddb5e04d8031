// Package checkoutmanual is a [checkout.Provider] for money that no company moves: cash on delivery, an invoice, whatever the
// shop agrees on with its buyers. The order counts at once, the page says what happens next, and a person confirms with
// [checkout.Checkout.ConfirmPayment] that the money has come.
package checkoutmanual

import (
	"fmt"
	"regexp"
	"time"
)

const (
	defaultPatience = 30 * 24 * time.Hour
	maxPatience     = 90 * 24 * time.Hour
)

// Config says which ways to pay there are, in the order to show them, and how long the shop waits for its money.
type Config struct {
	Methods []Method // at least one

	ProviderName string        // stored with every payment, never changed. Defaults to manual
	Test         bool          // offered to test sessions instead of live ones
	Patience     time.Duration // until a payment that nobody has confirmed fails, 90 days at most. Defaults to 30 days
	Now          func() time.Time
}

// Provider offers its methods. It never changes after [New] and is safe for concurrent use.
type Provider struct {
	cfg     Config
	methods []Method
}

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// New checks the methods. It keeps nothing of what the caller may change later.
func New(cfg Config) (*Provider, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("checkoutmanual: %w", err)
	}
	p, seen := &Provider{cfg: cfg}, map[string]bool{}
	for i, m := range cfg.Methods {
		m = m.completed()
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("checkoutmanual: Methods[%d]: %w", i, err)
		}
		if seen[m.ID] {
			return nil, fmt.Errorf("checkoutmanual: Methods[%d]: ID %q is there twice", i, m.ID)
		}
		seen[m.ID] = true
		p.methods = append(p.methods, m)
	}
	return p, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.ProviderName == "" {
		cfg.ProviderName = "manual"
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

func (cfg Config) check() error {
	switch {
	case len(cfg.Methods) == 0:
		return refuse("Methods", "is empty: there would be no way to pay")
	case !nameRule.MatchString(cfg.ProviderName):
		return refuse("ProviderName", "%q is not 1 to 32 of a-z, 0-9, _ and -", cfg.ProviderName)
	case cfg.Patience < 0 || cfg.Patience > maxPatience:
		return refuse("Patience", "is %v, not between 0 and 90 days", cfg.Patience)
	}
	return nil
}

// refuse is how New says no: the field, and what is wrong with it.
func refuse(field, format string, args ...any) error {
	return fmt.Errorf("%s %s", field, fmt.Sprintf(format, args...))
}
