package checkout

import (
	"context"
	"errors"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/webhook"
)

// SendTestEvent sends a webhook.test event to an endpoint, also to one that is off, and gives the delivery with the
// receiver's answer. It is signed and recorded like every other, and sent once: a failure is in the delivery and no
// error. It cannot be called inside [Checkout.WithTx].
func (c *Checkout) SendTestEvent(ctx context.Context, endpointID string) (DeliveryDetail, error) {
	if c.inHostTx {
		return DeliveryDetail{}, errors.New("checkout: SendTestEvent was called inside a transaction: call it on the value that New gave")
	}
	e, err := c.store.endpoint(ctx, endpointID)
	if err == nil && e.Status == endpointDeleted {
		err = ErrNotFound
	}
	if err != nil {
		return DeliveryDetail{}, err
	}
	l := &lane{endpoint: e, known: e}
	if l.signing, err = c.signingOf(ctx, e); err != nil {
		return DeliveryDetail{}, ErrSecretLost.because(err)
	}
	d, err := c.queueTest(ctx, e)
	if err != nil {
		return DeliveryDetail{}, err
	}
	ctx = context.WithoutCancel(ctx) // whoever asked may go away; what was begun is recorded
	s := c.newSender()
	if err := s.write(ctx, l, []sendResult{s.safeSend(ctx, l, d)}); err != nil {
		return DeliveryDetail{}, err
	}
	return c.GetDelivery(ctx, d.ID)
}

// queueTest writes the event and its delivery, leased to the caller.
func (c *Checkout) queueTest(ctx context.Context, e endpointRecord) (delivery, error) {
	event, err := c.testEvent(e)
	if err != nil {
		return delivery{}, err
	}
	now := c.now()
	d := delivery{
		ID: newID(prefixDelivery, now), EventID: event.ID, Mode: e.Mode, CreatedAt: millis(now), Type: event.Type, Payload: string(event.Payload), Form: e.Payload,
		lease: newID("lease_", now), until: millis(now.Add(leaseTime)),
	}
	return d, c.store.transact(ctx, func(t tx) error {
		if isNew, err := t.addEvent(event); err != nil || !isNew {
			return err
		}
		if err := t.insertLeased(e.ID, d); err != nil {
			return err
		}
		return c.audit(ctx, t, change{mode: e.Mode, action: "endpoint.test", object: e.ID, after: map[string]any{"delivery": d.ID}})
	})
}

func (c *Checkout) testEvent(e endpointRecord) (Event, error) {
	now := c.now()
	event := Event{ID: newID(prefixEvent, now), Type: webhook.Test, Mode: e.Mode, CreatedAt: seconds(millis(now))}
	var body canonjson.Object
	body.String("event", event.Type)
	body.Object("data", func(d *canonjson.Object) {
		d.String("id", e.ID)
		d.String("object", "webhook_endpoint")
		d.Bool("livemode", e.Mode == Live)
	})
	var err error
	event.Payload, err = sealEvent(&body, event)
	return event, err
}
