package checkoutstripe

import (
	"context"
	"fmt"

	"github.com/jopay/checkout"
)

// charge is what Stripe has of an attempt: a PaymentIntent of its own, or a Checkout Session, whose PaymentIntent is
// missing until the buyer pays.
type charge struct {
	session *hostedSession
	intent  *intent
}

func (c charge) ref() string {
	if c.session != nil {
		return c.session.ID
	}
	return c.intent.ID
}

func (c charge) attempt() string {
	if c.session != nil {
		return c.session.ClientReferenceID
	}
	return c.intent.Metadata["attempt"]
}

func (c charge) live() bool {
	if c.session != nil {
		return c.session.Livemode
	}
	return c.intent.Livemode
}

// Observe fetches the charge, by its Ref (pi_… or cs_…) or by its attempt, and what was paid back of it.
func (p *Provider) Observe(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	c, err := p.find(ctx, ref)
	if err != nil {
		return checkout.Observation{}, err
	}
	return p.observation(ctx, c)
}

func (p *Provider) observation(ctx context.Context, c charge) (checkout.Observation, error) {
	o := checkout.Observation{AttemptID: c.attempt(), Ref: c.ref(), Livemode: c.live()}
	if c.intent != nil {
		if err := p.readIntent(ctx, c.intent, &o); err != nil {
			return checkout.Observation{}, err
		}
	}
	if c.session == nil {
		if o.State == checkout.StateActionRequired && p.publishable != "" {
			o.Client = p.client(c.intent.ClientSecret, "")
		}
		return o, nil
	}
	return o, readSession(c.session, &o)
}

// readIntent fills in how a PaymentIntent stands. A capture by hand is never asked for here: somebody else may have
// changed the PaymentIntent, and then the money is still to come.
func (p *Provider) readIntent(ctx context.Context, in *intent, o *checkout.Observation) error {
	o.Currency = in.Currency
	switch in.Status {
	case "requires_payment_method":
		o.State = checkout.StateActionRequired
		o.TryID, o.Reason = failedTry(in.LastError)
	case "requires_confirmation", "requires_action":
		o.State = checkout.StateActionRequired
	case "processing", "requires_capture":
		o.State = checkout.StateProcessing
	case "canceled":
		o.State = checkout.StateCanceled
	case "succeeded":
		return p.readSuccess(ctx, in, o)
	default:
		return fmt.Errorf("checkoutstripe: payment intent %s has the unknown status %q", word(in.ID), word(in.Status))
	}
	return nil
}

func (p *Provider) readSuccess(ctx context.Context, in *intent, o *checkout.Observation) error {
	captured, ok := fromWire(in.AmountReceived, in.Currency)
	if !ok {
		return fmt.Errorf("checkoutstripe: payment intent %s has received %d %q, which is no amount of money", word(in.ID), in.AmountReceived, word(in.Currency))
	}
	list, err := p.refundsTold(ctx, in.ID)
	if err != nil {
		return err
	}
	o.State, o.Captured, o.ChargeID, o.Refunds = checkout.StateSucceeded, captured, in.LatestCharge.ID, list
	return nil
}

// readSession corrects the state of the PaymentIntent by that of the Checkout Session around it. In an open session the
// buyer may try again. A complete one is over, also when a debit fails days later.
func readSession(s *hostedSession, o *checkout.Observation) error {
	moving := o.State == checkout.StateProcessing || o.State == checkout.StateSucceeded
	switch s.Status {
	case "open":
		if !moving {
			o.State, o.RedirectURL = checkout.StateActionRequired, s.URL
		}
	case "expired":
		if !moving {
			o.State, o.TryID, o.Reason = checkout.StateCanceled, "", checkout.Reason{}
		}
	case "complete":
		switch {
		case o.State == checkout.StateUnknown:
			o.State = checkout.StateProcessing
		case o.TryID != "":
			o.State, o.TryID = checkout.StateFailed, ""
		}
	default:
		return fmt.Errorf("checkoutstripe: checkout session %s has the unknown status %q", word(s.ID), word(s.Status))
	}
	return nil
}
