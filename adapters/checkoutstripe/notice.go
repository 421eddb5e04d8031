package checkoutstripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// tolerance is how far the time of a signature may lie from ours.
const tolerance = 300 * time.Second

// event is a notification, of any kind of object.
type event struct {
	ID       string `json:"id"`
	Livemode bool   `json:"livemode"`
	Data     struct {
		Object subject `json:"object"`
	} `json:"data"`
}

// subject is what an event is about.
type subject struct {
	Object        string                 `json:"object"`
	ID            string                 `json:"id"`
	PaymentIntent expandable[identified] `json:"payment_intent"`
	Metadata      map[string]string      `json:"metadata"`
}

// Notice checks the signature and says which charge the event is about, never how it stands: events come in any order.
// Accounts are shared, so events about other charges, and of kinds not known here, are taken and tell nothing.
func (p *Provider) Notice(r *http.Request, body []byte) ([]checkout.Observation, error) {
	if err := p.authenticate(r, body); err != nil {
		return nil, err
	}
	var e event
	if json.Unmarshal(body, &e) != nil || e.ID == "" {
		return nil, errors.New("checkoutstripe: a notification with a good signature cannot be read")
	}
	if e.Livemode != p.live {
		p.log.WarnContext(r.Context(), "checkoutstripe: a notification of the other mode was passed over: the endpoint's secret is not of the key's mode")
		return nil, nil
	}
	attempt, ref, err := p.about(r.Context(), e.Data.Object)
	if err != nil || attempt == "" {
		return nil, err
	}
	return []checkout.Observation{{AttemptID: attempt, Ref: ref, EventKey: e.ID, Livemode: e.Livemode}}, nil
}

// authenticate uses the verification of our own notifications, whose signature is made in the same way: t=…,v1=… with the
// HMAC-SHA256 of the time, a point and the body, several v1, constant time. Source: docs.stripe.com/webhooks/signature
func (p *Provider) authenticate(r *http.Request, body []byte) error {
	err := webhook.Verify(body, r.Header.Get("Stripe-Signature"), p.secrets[0],
		webhook.WithSecrets(p.secrets[1:]...), webhook.WithTolerance(tolerance), webhook.WithClock(p.now))
	if err != nil {
		return fmt.Errorf("%w: %w", checkout.ErrNotAuthentic, err)
	}
	return nil
}

// about is the attempt of an event's object, empty for charges of others. A charge has the metadata of its PaymentIntent.
// Refunds and disputes have their own: Stripe is asked whose money it was.
func (p *Provider) about(ctx context.Context, s subject) (attempt, ref string, err error) {
	switch s.Object {
	case "payment_intent", "checkout.session":
		return s.Metadata["attempt"], s.ID, nil
	case "charge":
		return s.Metadata["attempt"], s.PaymentIntent.ID, nil
	case "refund", "dispute":
		return p.attemptOf(ctx, s)
	}
	return "", "", nil
}

func (p *Provider) attemptOf(ctx context.Context, s subject) (attempt, ref string, err error) {
	if attempt := s.Metadata["attempt"]; attempt != "" || !refRule.MatchString(s.PaymentIntent.ID) {
		return attempt, s.PaymentIntent.ID, nil
	}
	c, err := p.fetchIntent(ctx, s.PaymentIntent.ID)
	if err = ofRead(err); errors.Is(err, checkout.ErrNoCharge) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	return c.attempt(), s.PaymentIntent.ID, nil
}
