package stripefake

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type session struct {
	head
	intent         *intent // made when the buyer pays, as at Stripe
	intentMetadata map[string]string
	description    string
	receipt        string
	amount         int64
	currency       string
	status         string // open, complete, expired
	uiMode         string
	expiresAt      int64
	email          string
	reference      string
	locale         string
	successURL     string
	cancelURL      string
	methods        []string
}

func (f *Fake) session(id string) *session {
	i := slices.IndexFunc(f.sessions, func(s *session) bool { return s.id == id })
	if i < 0 {
		return nil
	}
	return f.sessions[i]
}

func (q *request) ownSession() (*session, *apiError) {
	q.f.expireOld()
	s := q.f.session(q.id)
	if s == nil || s.livemode != q.livemode {
		return nil, noSuch("checkout.session", "session", q.id)
	}
	return s, q.expand.only(sessionFields...)
}

func createSession(q *request) (map[string]any, *apiError) {
	amount, currency, problem := q.lineItems()
	if problem != nil {
		return nil, problem
	}
	s := &session{
		head: q.f.newHead("cs_"+modeWord(q.livemode)+"_a1", q), amount: amount, currency: currency, status: "open", uiMode: "hosted_page",
		email: q.form.Get("customer_email"), reference: q.form.Get("client_reference_id"), locale: q.form.Get("locale"),
		successURL: q.form.Get("success_url"), cancelURL: q.form.Get("cancel_url"), methods: q.list("payment_method_types"),
		description: q.form.Get("payment_intent_data[description]"), receipt: q.form.Get("payment_intent_data[receipt_email]"),
	}
	s.intentMetadata, problem = readMetadata(q.form, "payment_intent_data[metadata]")
	if problem = firstOf(problem, s.setEnd(q), s.check(q)); problem != nil {
		return nil, problem
	}
	if len(s.methods) == 0 {
		s.methods = []string{"card", "link"}
	}
	q.f.sessions = append(q.f.sessions, s)
	return q.f.showSession(s, q.expand), nil
}

// lineItems adds up the items, which have to be of one currency.
func (q *request) lineItems() (sum int64, currency string, problem *apiError) {
	if !q.form.Has("line_items[0][quantity]") {
		return 0, "", missing("line_items")
	}
	for i := 0; ; i++ {
		item := "line_items[" + strconv.Itoa(i) + "]"
		quantity, present, problem := q.number(item + "[quantity]")
		if !present {
			break
		}
		price, _, problem2 := q.number(item + "[price_data][unit_amount]")
		unit := strings.ToLower(q.form.Get(item + "[price_data][currency]"))
		if problem = firstOf(problem, problem2, checkCurrency(item+"[price_data][currency]", unit)); problem != nil {
			return 0, "", problem
		}
		if q.form.Get(item+"[price_data][product_data][name]") == "" {
			return 0, "", missing(item + "[price_data][product_data][name]")
		}
		if currency != "" && unit != currency {
			return 0, "", invalid("line_items", "", "The Checkout Session's items are of several currencies.")
		}
		currency, sum = unit, sum+price*quantity
	}
	return sum, currency, checkAmount("line_items", sum, currency)
}

// setEnd takes an end between 30 minutes and 24 hours ahead.
func (s *session) setEnd(q *request) *apiError {
	end, present, problem := q.number("expires_at")
	now := q.f.now()
	s.expiresAt = now + int64((24*time.Hour)/time.Second)
	switch {
	case problem != nil || !present:
		return problem
	case end < now+30*60:
		return invalid("expires_at", "", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
	case end > now+24*60*60:
		return invalid("expires_at", "", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
	}
	s.expiresAt = end
	return nil
}

func (s *session) check(q *request) *apiError {
	switch {
	case q.form.Get("mode") != "payment":
		return missing("mode")
	case s.successURL == "":
		return missing("success_url")
	case len(s.reference) > 200:
		return invalid("client_reference_id", "", "client_reference_id has at most 200 characters.")
	case s.email != "" && !strings.Contains(s.email, "@"):
		return invalid("customer_email", "email_invalid", "Invalid email address: "+s.email)
	}
	for param, u := range map[string]string{"success_url": s.successURL, "cancel_url": s.cancelURL} {
		if u != "" && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			return invalid(param, "url_invalid", "Not a valid URL")
		}
	}
	return q.expand.only(sessionFields...)
}

// expireOld ends the sessions whose time is over.
func (f *Fake) expireOld() {
	for _, s := range f.sessions {
		if s.status == "open" && f.now() >= s.expiresAt {
			f.expire(nil, s)
		}
	}
}

func (f *Fake) expire(q *request, s *session) {
	s.status = "expired"
	if p := s.intent; p != nil && (p.status == needsMethod || p.status == needsAction) {
		f.cancel(q, p, "automatic")
	}
	f.emit(q, "checkout.session.expired", f.showSession(s, nil), s.livemode)
}

func getSession(q *request) (map[string]any, *apiError) {
	s, problem := q.ownSession()
	if problem != nil {
		return nil, problem
	}
	return q.f.showSession(s, q.expand), nil
}

func expireSession(q *request) (map[string]any, *apiError) {
	s, problem := q.ownSession()
	if problem != nil {
		return nil, problem
	}
	if s.status != "open" {
		return nil, invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of "+s.status+".")
	}
	q.f.expire(q, s)
	return q.f.showSession(s, q.expand), nil
}

var sessionFields = []string{"payment_intent", "customer", "line_items"}

func (f *Fake) showSession(s *session, x expansion) map[string]any {
	o := map[string]any{
		"id": s.id, "object": "checkout.session", "amount_subtotal": s.amount, "amount_total": s.amount,
		"automatic_tax": map[string]any{"enabled": false, "liability": nil, "provider": nil, "status": nil}, "cancel_url": orNull(s.cancelURL),
		"client_reference_id": orNull(s.reference), "client_secret": nil, "created": s.created, "currency": s.currency, "custom_fields": []any{},
		"custom_text": map[string]any{"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil},
		"customer":    nil, "customer_email": orNull(s.email), "expires_at": s.expiresAt, "livemode": s.livemode, "locale": orNull(s.locale),
		"metadata": maps.Clone(s.metadata), "mode": "payment", "payment_intent": nil, "payment_method_types": s.methods,
		"payment_status": s.paymentStatus(), "shipping_options": []any{}, "status": s.status, "success_url": s.successURL,
		"ui_mode": s.uiMode, "url": nil,
	}
	if s.status == "open" {
		o["url"] = f.url + "/c/pay/" + s.id
	}
	if s.intent != nil {
		o["payment_intent"] = s.intent.id
		if inner, ok := x["payment_intent"]; ok {
			o["payment_intent"] = f.showIntent(s.intent, inner)
		}
	}
	return o
}

func (s *session) paymentStatus() string {
	if s.intent != nil && s.intent.status == succeeded {
		return "paid"
	}
	return "unpaid"
}
