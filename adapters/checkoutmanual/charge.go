package checkoutmanual

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jopay/checkout"
)

var _ interface {
	checkout.Provider
	checkout.Canceler
	checkout.Instructor
	checkout.Settler
} = (*Provider)(nil)

// Name is the name under which payments are stored.
func (p *Provider) Name() string { return p.cfg.ProviderName }

func (p *Provider) livemode() bool { return !p.cfg.Test }

// Methods are those that fit the order's amount, currency and country, in the order of the configuration.
func (p *Provider) Methods(_ context.Context, q checkout.MethodQuery) ([]checkout.Method, error) {
	if q.Livemode != p.livemode() {
		return nil, nil
	}
	var list []checkout.Method
	for _, m := range p.methods {
		if m.fits(q) {
			list = append(list, checkout.Method{ID: m.ID, Label: m.label(q.Locale), Mark: m.Mark})
		}
	}
	return list, nil
}

func (p *Provider) method(id string) (Method, bool) {
	i := slices.IndexFunc(p.methods, func(m Method) bool { return m.ID == id })
	if i < 0 {
		return Method{}, false
	}
	return p.methods[i], true
}

// Begin takes the order: the payment is processing until a person confirms it. The country is not looked at again.
func (p *Provider) Begin(ctx context.Context, r checkout.BeginRequest) (checkout.Step, error) {
	if err := ctx.Err(); err != nil {
		return checkout.Step{}, err
	}
	m, known := p.method(r.Method)
	if !known || r.AttemptID == "" || r.Livemode != p.livemode() || !m.takes(r.Amount, r.Currency) {
		return checkout.Step{}, fmt.Errorf("checkoutmanual: %s of %d %s in livemode %v: %w", r.Method, r.Amount, r.Currency, r.Livemode, checkout.ErrRejected)
	}
	o := p.observation(checkout.ChargeRef{AttemptID: r.AttemptID}, checkout.StateProcessing)
	return checkout.Step{Ref: o.Ref, ExpiresAt: o.ExpiresAt, Observation: &o}, nil
}

// Observe says that the payment is processing, for ever: the provider keeps nothing, and hears of money from a person alone.
// The checkout asks only about attempts that are open.
func (p *Provider) Observe(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	return p.state(ctx, ref, checkout.StateProcessing)
}

// Cancel ends the waiting.
func (p *Provider) Cancel(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	return p.state(ctx, ref, checkout.StateCanceled)
}

func (p *Provider) state(ctx context.Context, ref checkout.ChargeRef, s checkout.State) (checkout.Observation, error) {
	if err := ctx.Err(); err != nil {
		return checkout.Observation{}, err
	}
	o := p.observation(ref, s)
	if ref.AttemptID == "" || ref.Livemode != p.livemode() || (ref.Ref != "" && ref.Ref != o.Ref) {
		return checkout.Observation{}, fmt.Errorf("checkoutmanual: attempt %s has no charge %q: %w", ref.AttemptID, ref.Ref, checkout.ErrNoCharge)
	}
	return o, nil
}

func (p *Provider) observation(ref checkout.ChargeRef, s checkout.State) checkout.Observation {
	o := checkout.Observation{AttemptID: ref.AttemptID, Ref: derived("manual_", ref.AttemptID), State: s, Livemode: p.livemode()}
	if s == checkout.StateProcessing {
		o.ExpiresAt = p.end(ref.BegunAt)
	}
	return o
}

// end is until when money is waited for. An attempt whose beginning is not told begins now.
func (p *Provider) end(begun time.Time) time.Time {
	if begun.IsZero() {
		begun = p.cfg.Now()
	}
	return begun.UTC().Add(p.cfg.Patience)
}

// derived is an id of the attempt: the same for ever, so that nothing has to be kept.
func derived(prefix, attempt string) string {
	sum := sha256.Sum256([]byte(prefix + attempt))
	return prefix + hex.EncodeToString(sum[:12])
}

// Settle confirms that the money has come. It takes the whole amount in the payment's currency only, from somebody who says
// who they are and how they know.
func (p *Provider) Settle(ctx context.Context, ref checkout.ChargeRef, e checkout.Evidence) (checkout.Observation, error) {
	o, err := p.state(ctx, ref, checkout.StateSucceeded)
	if err != nil {
		return checkout.Observation{}, err
	}
	switch {
	case strings.TrimSpace(e.Actor) == "":
		return checkout.Observation{}, errors.New("checkoutmanual: Actor is missing: the books say who has confirmed a payment")
	case strings.TrimSpace(e.Note) == "":
		return checkout.Observation{}, errors.New("checkoutmanual: Note is missing: the books say why a payment is confirmed")
	case e.Amount != ref.Amount || e.Amount < 1 || !strings.EqualFold(e.Currency, ref.Currency):
		return checkout.Observation{}, fmt.Errorf("checkoutmanual: %d %s have come for a payment of %d %s", e.Amount, e.Currency, ref.Amount, ref.Currency)
	}
	o.ChargeID, o.Captured, o.Currency = derived("settled_", ref.AttemptID), ref.Amount, ref.Currency
	return o, nil
}

// Notice believes nobody: there is no company that could send a notification.
func (p *Provider) Notice(*http.Request, []byte) ([]checkout.Observation, error) {
	return nil, fmt.Errorf("checkoutmanual: nobody sends notifications: %w", checkout.ErrNotAuthentic)
}

// Instructions are the method's text. The order counts, so the buyer cannot choose another way any more.
func (p *Provider) Instructions(q checkout.InstructionQuery) checkout.Instructions {
	m, known := p.method(q.Charge.Method)
	if !known { // it was taken out of the configuration since
		m = builtin[PayLater]
	}
	return checkout.Instructions{Text: m.text(q.Locale), Bound: true}
}
