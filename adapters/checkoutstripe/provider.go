package checkoutstripe

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/jopay/checkout"
)

// Provider takes money through one account at Stripe, in one mode. All methods may be called concurrently.
type Provider struct {
	name        string
	live        bool
	hosted      bool
	publishable string
	secrets     []string
	offered     []string
	api         *api
	now         func() time.Time
	log         *slog.Logger
}

var (
	_ checkout.Provider = (*Provider)(nil)
	_ checkout.Canceler = (*Provider)(nil)
	_ checkout.Refunder = (*Provider)(nil)
	_ checkout.Embedder = (*Provider)(nil)
	_ checkout.Titled   = (*Provider)(nil)
)

func newProvider(cfg Config) *Provider {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.Methods) == 0 {
		cfg.Methods = []string{"card"}
	}
	log := cmp.Or(cfg.Logger, slog.Default())
	return &Provider{
		name: cfg.name(), live: cfg.live(), hosted: cfg.Hosted, publishable: cfg.PublishableKey,
		secrets: slices.Clone(cfg.WebhookSecrets), offered: slices.Clone(cfg.Methods), now: cfg.Now, log: log,
		api: newAPI(cfg, log),
	}
}

// Name is that of the configuration: stripe or stripe_test by default.
func (p *Provider) Name() string { return p.name }

// Title is what buyers know the company as.
func (p *Provider) Title() string { return "Stripe" }

// Methods are the configured ones that take the currency and, where it is known, the buyer's country. There are none for
// the other mode, and none for amounts and currencies that Stripe does not take.
func (p *Provider) Methods(_ context.Context, q checkout.MethodQuery) ([]checkout.Method, error) {
	wire, ok := toWire(q.Amount, q.Currency)
	if !ok || q.Livemode != p.live {
		return nil, nil
	}
	var list []checkout.Method
	for _, name := range p.offered {
		if m := methods[name]; m.takes(wire, q.Currency, q.Country) {
			list = append(list, m.Method)
		}
	}
	return list, nil
}
