package checkoutstripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/jopay/checkout"
)

// Refund pays back what was captured, or a part of it. Stripe forgets an idempotency key after a day, so a refund with
// the key in its metadata is looked for before another one is made.
func (p *Provider) Refund(ctx context.Context, r checkout.RefundRequest) (checkout.RefundObservation, error) {
	c, err := p.find(ctx, r.Charge)
	switch {
	case err != nil:
		return checkout.RefundObservation{}, err
	case c.intent == nil || c.intent.Status != "succeeded":
		return checkout.RefundObservation{}, rejected("the charge is not paid")
	}
	list, err := p.refunds(ctx, c.intent.ID)
	if err != nil {
		return checkout.RefundObservation{}, ofRead(err)
	}
	if i := slices.IndexFunc(list, func(made refund) bool { return made.Metadata["refund"] == r.Key }); i >= 0 {
		return observeRefund(list[i])
	}
	return p.makeRefund(ctx, r, c.intent)
}

func (p *Provider) makeRefund(ctx context.Context, r checkout.RefundRequest, of *intent) (checkout.RefundObservation, error) {
	wire, ok := toWire(r.Amount, r.Currency)
	if !ok || r.Currency != of.Currency {
		return checkout.RefundObservation{}, rejected("Stripe cannot pay back this amount in this currency")
	}
	form := url.Values{
		"payment_intent": {of.ID}, "amount": {strconv.FormatInt(wire, 10)},
		"metadata[refund]": {r.Key}, "metadata[attempt]": {r.Charge.AttemptID},
	}
	switch r.Reason {
	case "duplicate", "fraudulent", "requested_by_customer": // Stripe takes no others
		form.Set("reason", r.Reason)
	}
	var made refund
	if _, err := p.api.post(ctx, "/v1/refunds", form, r.Key, &made); err != nil {
		return checkout.RefundObservation{}, ofWrite(err)
	}
	return observeRefund(made)
}

// refunds are all refunds of a PaymentIntent, the failed ones too.
func (p *Provider) refunds(ctx context.Context, intentID string) ([]refund, error) {
	var all []refund
	_, err := look(ctx, p.api, "/v1/refunds", url.Values{"payment_intent": {intentID}}, func(r refund) (string, bool) {
		all = append(all, r)
		return r.ID, false
	})
	return all, err
}

// refundsTold are the refunds to tell with a success. A key without the permission to read them is a fault in the
// configuration, which has been logged, and no reason to keep back that the buyer has paid.
func (p *Provider) refundsTold(ctx context.Context, intentID string) ([]checkout.RefundObservation, error) {
	list, err := p.refunds(ctx, intentID)
	var e *refusal
	if errors.As(err, &e) && e.status == http.StatusForbidden {
		return nil, nil
	}
	if err != nil {
		return nil, ofRead(err)
	}
	var told []checkout.RefundObservation
	for _, r := range list {
		o, err := observeRefund(r)
		if err != nil {
			return nil, err
		}
		told = append(told, o)
	}
	return told, nil
}

var refundStates = map[string]checkout.State{
	"pending":         checkout.StateProcessing,
	"requires_action": checkout.StateProcessing,
	"succeeded":       checkout.StateSucceeded,
	"failed":          checkout.StateFailed,
	"canceled":        checkout.StateCanceled,
}

func observeRefund(r refund) (checkout.RefundObservation, error) {
	amount, ok := fromWire(r.Amount, r.Currency)
	state, known := refundStates[r.Status]
	if !ok || !known {
		return checkout.RefundObservation{}, fmt.Errorf("checkoutstripe: refund %s is %d %q with the status %q, which cannot be read",
			word(r.ID), r.Amount, word(r.Currency), word(r.Status))
	}
	return checkout.RefundObservation{Key: r.Metadata["refund"], Ref: r.ID, State: state, Amount: amount, Currency: r.Currency}, nil
}
