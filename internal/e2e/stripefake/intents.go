package stripefake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The states of a payment intent.
const (
	needsMethod = "requires_payment_method"
	needsAction = "requires_action"
	processing  = "processing"
	succeeded   = "succeeded"
	canceled    = "canceled"
)

type intent struct {
	head
	session     *session // that it belongs to, if any
	secret      string
	amount      int64
	currency    string
	status      string
	description string
	email       string
	automatic   bool
	methods     []string
	reason      string // of a cancellation
	canceledAt  int64
	returnURL   string
	failure     *apiError
	charges     []*charge // tries, oldest first
}

// charge is one try to move money.
type charge struct {
	head
	intent  *intent
	amount  int64
	status  string
	failure *apiError
	refunds []*refund
}

func (c *charge) refunded() int64 {
	var sum int64
	for _, r := range c.refunds {
		if r.status != "failed" && r.status != canceled {
			sum += r.amount
		}
	}
	return sum
}

func (f *Fake) intent(id string) *intent {
	i := slices.IndexFunc(f.intents, func(p *intent) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	return f.intents[i]
}

// ownIntent is the intent of the request's path and mode.
func (q *request) ownIntent() (*intent, *apiError) {
	p := q.f.intent(q.id)
	if p == nil || p.livemode != q.livemode {
		return nil, noSuch("payment_intent", "intent", q.id)
	}
	if q.publishable && q.form.Get("client_secret") != p.secret {
		return nil, invalid("client_secret", "", "The client_secret provided does not match the client_secret associated with the PaymentIntent.")
	}
	return p, nil
}

func (p *intent) latest() *charge {
	if len(p.charges) == 0 {
		return nil
	}
	return p.charges[len(p.charges)-1]
}

// paid is the charge that has moved the money, if one has.
func (p *intent) paid() *charge {
	if c := p.latest(); c != nil && c.status == succeeded {
		return c
	}
	return nil
}

func createIntent(q *request) (map[string]any, *apiError) {
	amount, present, problem := q.number("amount")
	currency := strings.ToLower(q.form.Get("currency"))
	switch {
	case problem != nil:
		return nil, problem
	case !present:
		return nil, missing("amount")
	case currency == "":
		return nil, missing("currency")
	}
	if problem := firstOf(checkCurrency("currency", currency), checkAmount("amount", amount, currency), q.expand.only(intentFields...)); problem != nil {
		return nil, problem
	}
	methods, automatic := q.list("payment_method_types"), q.form.Get("automatic_payment_methods[enabled]") == "true"
	if automatic && len(methods) > 0 {
		return nil, invalid("payment_method_types", "", "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
	}
	if len(methods) == 0 {
		methods, automatic = []string{"card", "link"}, true
	}
	p := &intent{
		head: q.f.newHead("pi_3", q), amount: amount, currency: currency, status: needsMethod, automatic: automatic, methods: methods,
		description: q.form.Get("description"), email: q.form.Get("receipt_email"),
	}
	p.secret = p.id + "_secret_" + text(25)
	q.f.intents = append(q.f.intents, p)
	q.f.emit(q, "payment_intent.created", q.f.showIntent(p, nil), p.livemode)
	return q.f.showIntent(p, q.expand), nil
}

func firstOf(problems ...*apiError) *apiError {
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}

func getIntent(q *request) (map[string]any, *apiError) {
	p, problem := q.ownIntent()
	if problem = firstOf(problem, q.expand.only(intentFields...)); problem != nil {
		return nil, problem
	}
	shown := q.f.showIntent(p, q.expand)
	if q.publishable {
		delete(shown, "metadata")
	}
	return shown, nil
}

func cancelIntent(q *request) (map[string]any, *apiError) {
	p, problem := q.ownIntent()
	if problem = firstOf(problem, q.expand.only(intentFields...)); problem != nil {
		return nil, problem
	}
	switch {
	case p.session != nil && p.session.status == "open":
		return nil, invalid("", "payment_intent_unexpected_state", "You cannot cancel the PaymentIntent of a Checkout Session. Expire the Checkout Session instead.")
	case p.status != needsMethod && p.status != needsAction:
		e := invalid("", "payment_intent_unexpected_state", "You cannot cancel this PaymentIntent because it has a status of "+p.status+".")
		e.Intent = q.f.showIntent(p, nil)
		return nil, e
	}
	q.f.cancel(q, p, q.form.Get("cancellation_reason"))
	return q.f.showIntent(p, q.expand), nil
}

func (f *Fake) cancel(q *request, p *intent, reason string) {
	p.status, p.reason, p.canceledAt = canceled, reason, f.now()
	f.emit(q, "payment_intent.canceled", f.showIntent(p, nil), p.livemode)
}

// intentFields and chargeFields are what can be expanded, of what the fake keeps.
var intentFields = []string{"latest_charge", "customer", "payment_method"}

func (f *Fake) showIntent(p *intent, x expansion) map[string]any {
	o := map[string]any{
		"id": p.id, "object": "payment_intent", "amount": p.amount, "amount_capturable": 0, "amount_received": 0, "application": nil,
		"automatic_payment_methods": nil, "canceled_at": nil, "cancellation_reason": orNull(p.reason), "capture_method": "automatic_async",
		"client_secret": p.secret, "confirmation_method": "automatic", "created": p.created, "currency": p.currency, "customer": nil,
		"description": orNull(p.description), "last_payment_error": nil, "latest_charge": nil, "livemode": p.livemode,
		"metadata": maps.Clone(p.metadata), "next_action": nil, "payment_method": nil, "payment_method_types": p.methods,
		"processing": nil, "receipt_email": orNull(p.email), "status": p.status,
	}
	if p.automatic {
		o["automatic_payment_methods"] = map[string]any{"allow_redirects": "always", "enabled": true}
	}
	if p.status == canceled {
		o["canceled_at"] = p.canceledAt
	}
	if p.failure != nil {
		o["last_payment_error"] = p.failure.object()
	}
	if p.status == needsAction {
		o["next_action"] = map[string]any{"type": "redirect_to_url",
			"redirect_to_url": map[string]any{"url": f.url + "/3ds/" + p.id, "return_url": orNull(p.returnURL)}}
	}
	if c := p.latest(); c != nil {
		o["latest_charge"] = c.id
		if inner, ok := x["latest_charge"]; ok {
			o["latest_charge"] = f.showCharge(c, inner)
		}
	}
	if c := p.paid(); c != nil {
		o["amount_received"] = c.amount
	}
	return o
}

func (f *Fake) showCharge(c *charge, x expansion) map[string]any {
	captured := int64(0)
	if c.status == succeeded {
		captured = c.amount
	}
	o := map[string]any{
		"id": c.id, "object": "charge", "amount": c.amount, "amount_captured": captured, "amount_refunded": c.refunded(),
		"billing_details": map[string]any{"address": nil, "email": nil, "name": nil, "phone": nil, "tax_id": nil}, "captured": c.status == succeeded,
		"created": c.created, "currency": c.intent.currency, "description": orNull(c.intent.description), "disputed": false,
		"failure_code": nil, "failure_message": nil, "livemode": c.livemode, "metadata": maps.Clone(c.metadata), "paid": c.status == succeeded,
		"payment_intent": c.intent.id, "refunded": captured > 0 && c.refunded() == captured, "status": c.status,
	}
	if c.failure != nil {
		o["failure_code"], o["failure_message"] = c.failure.Code, c.failure.Message
	}
	if _, ok := x["refunds"]; ok {
		data := []any{}
		for _, r := range slices.Backward(c.refunds) {
			data = append(data, f.showRefund(r))
		}
		o["refunds"] = map[string]any{"object": "list", "data": data[:min(10, len(data))], "has_more": len(data) > 10, "url": "/v1/charges/" + c.id + "/refunds"}
	}
	return o
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// describe is a declined card in Stripe's words.
func declined(code, declineCode string) *apiError {
	if code == "" {
		code = "card_declined"
	}
	if code == "card_declined" && declineCode == "" {
		declineCode = "generic_decline"
	}
	return &apiError{Status: http.StatusPaymentRequired, Type: cardError, Code: code, DeclineCode: declineCode,
		Message: "Your card was declined: " + code + " " + strconv.Quote(declineCode) + "."}
}
