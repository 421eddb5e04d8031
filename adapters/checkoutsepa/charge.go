package checkoutsepa

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jopay/checkout"
)

const (
	currency  = "eur"
	maxAmount = 999_999_999_99 // cents, EPC069-12
)

// Name is the name under which payments are stored.
func (p *Provider) Name() string { return p.cfg.ProviderName }

func (p *Provider) livemode() bool { return !p.cfg.Test }

// Methods offers [MethodID] for euros, from one cent on, in the mode of the account.
func (p *Provider) Methods(_ context.Context, q checkout.MethodQuery) ([]checkout.Method, error) {
	if q.Livemode != p.livemode() || !payable(q.Amount, q.Currency) {
		return nil, nil
	}
	return []checkout.Method{{ID: MethodID, Label: "Bank transfer", Mark: "bank"}}, nil
}

func payable(amount int64, unit string) bool {
	return unit == currency && amount >= 1 && amount <= maxAmount
}

// Begin gives the attempt its reference. The same attempt has the same one for ever, so nothing has to be kept.
func (p *Provider) Begin(ctx context.Context, r checkout.BeginRequest) (checkout.Step, error) {
	if err := ctx.Err(); err != nil {
		return checkout.Step{}, err
	}
	if r.AttemptID == "" || r.Method != MethodID || r.Livemode != p.livemode() || !payable(r.Amount, r.Currency) {
		return checkout.Step{}, fmt.Errorf("checkoutsepa: %s of %d %s in livemode %v: %w", r.Method, r.Amount, r.Currency, r.Livemode, checkout.ErrRejected)
	}
	o := p.observation(checkout.ChargeRef{AttemptID: r.AttemptID}, checkout.StateActionRequired)
	return checkout.Step{Ref: o.Ref, ExpiresAt: o.ExpiresAt, Observation: &o}, nil
}

// Observe says that the buyer has to act, for ever: an account knows nothing of what is expected on it. The checkout asks
// only about attempts that are open.
func (p *Provider) Observe(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	return p.state(ctx, ref, checkout.StateActionRequired)
}

// Cancel lets the buyer choose another way. No bank can be told to refuse a transfer, so money may still come: before the
// session's end it completes the session if nothing else has, and after that it is a late payment.
func (p *Provider) Cancel(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	return p.state(ctx, ref, checkout.StateCanceled)
}

func (p *Provider) state(ctx context.Context, ref checkout.ChargeRef, s checkout.State) (checkout.Observation, error) {
	if err := ctx.Err(); err != nil {
		return checkout.Observation{}, err
	}
	o := p.observation(ref, s)
	if ref.AttemptID == "" || ref.Livemode != p.livemode() || (ref.Ref != "" && ref.Ref != o.Ref) {
		return checkout.Observation{}, fmt.Errorf("checkoutsepa: attempt %s has no reference %q: %w", ref.AttemptID, ref.Ref, checkout.ErrNoCharge)
	}
	return o, nil
}

func (p *Provider) observation(ref checkout.ChargeRef, s checkout.State) checkout.Observation {
	o := checkout.Observation{AttemptID: ref.AttemptID, Ref: referenceOf(ref.AttemptID), State: s, Currency: currency, Livemode: p.livemode()}
	if s == checkout.StateActionRequired {
		o.ExpiresAt = p.end(ref.BegunAt)
	}
	return o
}

// end is until when money is waited for: what the buyer is told, and the time that banks and imports take. An attempt whose
// beginning is not told begins now.
func (p *Provider) end(begun time.Time) time.Time {
	if begun.IsZero() {
		begun = p.cfg.Now()
	}
	return begun.UTC().Add(p.cfg.Patience + p.cfg.Grace)
}

// Notice believes nobody: banks send no notifications.
func (p *Provider) Notice(*http.Request, []byte) ([]checkout.Observation, error) {
	return nil, fmt.Errorf("checkoutsepa: banks send no notifications: %w", checkout.ErrNotAuthentic)
}
