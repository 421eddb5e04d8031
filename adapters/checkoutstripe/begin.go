package checkoutstripe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/jopay/checkout"
)

// Stripe refuses a Checkout Session that ends sooner than half an hour or later than a day after its creation. A minute
// more or less makes up for clocks that differ. A session that ends before is expired by Cancel.
const (
	shortestSession = 31 * time.Minute
	longestSession  = 24*time.Hour - time.Minute
)

// maxDescription is the API's limit, in characters.
const maxDescription = 1000

// Begin makes a PaymentIntent for the page's own fields or, with Hosted and for browsers without scripts, a Checkout
// Session. The idempotency key is the attempt for both, so that an attempt never has one of each.
func (p *Provider) Begin(ctx context.Context, r checkout.BeginRequest) (checkout.Step, error) {
	if r.Livemode != p.live {
		return checkout.Step{}, rejected("the account is of the other mode")
	}
	kind, ok := p.methodType(r.Method)
	if !ok {
		return checkout.Step{}, rejected("the method is not offered")
	}
	wire, ok := toWire(r.Amount, r.Currency)
	if !ok {
		return checkout.Step{}, rejected("Stripe does not take this amount in this currency")
	}
	var c charge
	var err error
	if p.hosted || !r.Scripted {
		c, err = p.makeSession(ctx, r, kind, wire)
	} else {
		c, err = p.makeIntent(ctx, r, kind, wire)
	}
	if err != nil {
		return checkout.Step{}, err
	}
	return p.step(ctx, c, r.Locale)
}

func (p *Provider) step(ctx context.Context, c charge, locale string) (checkout.Step, error) {
	o, err := p.observation(ctx, c)
	if err != nil {
		return checkout.Step{}, unsure(err)
	}
	if o.Client != "" {
		o.Client = p.client(c.intent.ClientSecret, locale)
	}
	return checkout.Step{Ref: o.Ref, RedirectURL: o.RedirectURL, Client: o.Client, Observation: &o}, nil
}

func (p *Provider) makeIntent(ctx context.Context, r checkout.BeginRequest, kind string, wire int64) (charge, error) {
	form := url.Values{"amount": {strconv.FormatInt(wire, 10)}, "currency": {r.Currency}}
	if kind == automatic {
		form.Set("automatic_payment_methods[enabled]", "true")
	} else {
		form.Set("payment_method_types[]", kind)
	}
	addMetadata(form, "metadata", r)
	if r.Description != "" {
		form.Set("description", shortened(r.Description))
	}
	var made intent
	replayed, err := p.api.post(ctx, "/v1/payment_intents", form, r.AttemptID, &made)
	return p.made(ctx, charge{intent: &made}, r.AttemptID, replayed, err)
}

func (p *Provider) makeSession(ctx context.Context, r checkout.BeginRequest, kind string, wire int64) (charge, error) {
	// Both ways back lead to the address where the checkout asks what has happened: that a buyer turned round is no proof
	// of anything.
	form := url.Values{
		"mode": {"payment"}, "ui_mode": {"hosted_page"}, "client_reference_id": {r.AttemptID},
		"success_url": {r.ReturnURL}, "cancel_url": {r.ReturnURL}, "expires_at": {strconv.FormatInt(p.sessionEnd(r.ExpiresAt), 10)},
		"line_items[0][quantity]": {"1"}, "line_items[0][price_data][currency]": {r.Currency},
		"line_items[0][price_data][unit_amount]":        {strconv.FormatInt(wire, 10)},
		"line_items[0][price_data][product_data][name]": {cmp.Or(shortened(r.Description), "Payment")},
	}
	if kind != automatic {
		form.Set("payment_method_types[]", kind)
	}
	addMetadata(form, "metadata", r)
	addMetadata(form, "payment_intent_data[metadata]", r)
	setIf(form, "payment_intent_data[description]", shortened(r.Description))
	setIf(form, "customer_email", r.Email)
	setIf(form, "locale", localeOf(locales, r.Locale))
	form.Set("expand[]", "payment_intent")
	var made hostedSession
	replayed, err := p.api.post(ctx, "/v1/checkout/sessions", form, r.AttemptID, &made)
	return p.made(ctx, charge{session: &made, intent: made.PaymentIntent.Object}, r.AttemptID, replayed, err)
}

// made looks again where the answer is an old one, or where the key was used for a request that differs: by a call before
// that made the charge already.
func (p *Provider) made(ctx context.Context, c charge, attempt string, replayed bool, err error) (charge, error) {
	var e *refusal
	ref := checkout.ChargeRef{AttemptID: attempt}
	switch {
	case errors.As(err, &e) && e.conflicts():
		found, lookErr := p.find(ctx, ref)
		if lookErr != nil {
			return charge{}, e // a refusal of the key says nothing of the charge
		}
		return found, nil
	case err != nil:
		return charge{}, ofWrite(err)
	case replayed:
		ref.Ref = c.ref()
		found, lookErr := p.find(ctx, ref)
		return found, unsure(lookErr)
	}
	return c, nil
}

func (p *Provider) sessionEnd(wanted time.Time) int64 {
	now := p.now()
	first, last := now.Add(shortestSession), now.Add(longestSession)
	switch {
	case wanted.Before(first):
		return first.Unix()
	case wanted.After(last):
		return last.Unix()
	}
	return wanted.Unix()
}

func addMetadata(form url.Values, field string, r checkout.BeginRequest) {
	form.Set(field+"[attempt]", r.AttemptID)
	setIf(form, field+"[session]", r.SessionID)
}

func setIf(form url.Values, field, value string) {
	if value != "" {
		form.Set(field, value)
	}
}

func shortened(text string) string {
	if runes := []rune(text); len(runes) > maxDescription {
		return string(runes[:maxDescription])
	}
	return text
}

// client is what element.js needs. Without a locale the script takes the page's language.
func (p *Provider) client(secret, language string) string {
	text, _ := json.Marshal(struct { // strings only: this cannot fail
		Key    string `json:"key"`
		Secret string `json:"secret"`
		Locale string `json:"locale,omitempty"`
	}{p.publishable, secret, localeOf(elementLocales, language)})
	return string(text)
}
