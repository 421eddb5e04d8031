package checkoutstripe

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/jopay/checkout"
)

// Cancel takes an unfinished charge back. A debit that is under way stays: it is told as it is. So does what Stripe refuses to
// take back, such as a voucher that the buyer has been given on Stripe's page: its PaymentIntent ends by itself.
func (p *Provider) Cancel(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	c, err := p.find(ctx, ref)
	if err != nil {
		return checkout.Observation{}, err
	}
	if c, err = p.takeBack(ctx, c); err != nil {
		return checkout.Observation{}, err
	}
	return p.observation(ctx, c)
}

// takeBack expires a Checkout Session while it is open. After that the PaymentIntent alone is left to be canceled.
func (p *Provider) takeBack(ctx context.Context, c charge) (charge, error) {
	after, err := c, error(nil)
	switch {
	case c.session != nil && c.session.Status == "open":
		after, err = p.expire(ctx, c.session.ID)
	case c.intent != nil && strings.HasPrefix(c.intent.Status, "requires_"):
		after.intent, err = p.cancelIntent(ctx, c.intent.ID)
	}
	if err = ofWrite(err); errors.Is(err, checkout.ErrRejected) { // it has moved on since
		return p.find(ctx, checkout.ChargeRef{AttemptID: c.attempt(), Ref: c.ref()})
	}
	return after, err
}

func (p *Provider) cancelIntent(ctx context.Context, id string) (*intent, error) {
	var in intent
	_, err := p.api.post(ctx, "/v1/payment_intents/"+id+"/cancel", url.Values{"cancellation_reason": {"abandoned"}}, "", &in)
	return &in, err
}

func (p *Provider) expire(ctx context.Context, id string) (charge, error) {
	var s hostedSession
	_, err := p.api.post(ctx, "/v1/checkout/sessions/"+id+"/expire", url.Values{"expand[]": {"payment_intent"}}, "", &s)
	return charge{session: &s, intent: s.PaymentIntent.Object}, err
}
