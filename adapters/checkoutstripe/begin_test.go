package checkoutstripe

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

const (
	makeIntents  = "POST /v1/payment_intents"
	makeSessions = "POST /v1/checkout/sessions"
	listIntents  = "GET /v1/payment_intents"
	listSessions = "GET /v1/checkout/sessions"
	listRefunds  = "GET /v1/refunds"
	getIntent    = "GET /v1/payment_intents/" + intentID
	getHosted    = "GET /v1/checkout/sessions/" + hostedID
)

func TestBeginIntent(t *testing.T) {
	c := newCompany(t, map[string][]said{makeIntents: {ok(intentJSON("requires_payment_method", ""))}})
	step, err := c.provider().Begin(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	client := `{"key":"` + testPublishable + `","secret":"pi_3Nx_secret_x","locale":"de"}`
	want := checkout.Step{Ref: intentID, Client: client, Observation: &checkout.Observation{
		AttemptID: attempt, Ref: intentID, State: checkout.StateActionRequired, Currency: "eur", Client: client,
	}}
	if diff := cmp.Diff(want, step); diff != "" {
		t.Error(diff)
	}
	form := url.Values{
		"amount": {"2500"}, "currency": {"eur"}, "payment_method_types[]": {"card"}, "description": {"Test Shop cs_1"},
		"metadata[attempt]": {attempt}, "metadata[session]": {"cs_1"},
	}
	if diff := cmp.Diff(form, c.asked[0].form); diff != "" {
		t.Error(diff)
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + testKey, "Stripe-Version": "2026-08-26.dahlia", "Idempotency-Key": attempt,
		"Content-Type": "application/x-www-form-urlencoded", "User-Agent": userAgent,
	} {
		if got := c.asked[0].header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestBeginAutomatic(t *testing.T) {
	c := newCompany(t, map[string][]said{makeIntents: {ok(intentJSON("requires_payment_method", ""))}, makeSessions: {ok(hostedJSON("open", "null"))}})
	p := c.provider(func(cfg *Config) { cfg.Methods = []string{"automatic"} })
	r := request()
	r.Method = "online"
	for _, r.Scripted = range []bool{true, false} {
		if _, err := p.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if f := c.asked[0].form; f.Get("automatic_payment_methods[enabled]") != "true" || f.Has("payment_method_types[]") {
		t.Errorf("the payment intent is asked for with %v", f)
	}
	if f := c.asked[1].form; f.Has("automatic_payment_methods[enabled]") || f.Has("payment_method_types[]") {
		t.Errorf("the checkout session is asked for with %v", f)
	}
}

func TestBeginSession(t *testing.T) {
	tests := map[string]struct {
		change   func(*Config)
		scripted bool
	}{"hosted": {hosted, true}, "a browser without scripts": {func(*Config) {}, false}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, map[string][]said{makeSessions: {ok(hostedJSON("open", "null"))}})
			r := request()
			r.Scripted = tt.scripted
			step, err := c.provider(tt.change).Begin(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			at := "https://checkout.stripe.com/c/pay/a1"
			want := checkout.Step{Ref: hostedID, RedirectURL: at, Observation: &checkout.Observation{
				AttemptID: attempt, Ref: hostedID, State: checkout.StateActionRequired, RedirectURL: at,
			}}
			if diff := cmp.Diff(want, step); diff != "" {
				t.Error(diff)
			}
			form := url.Values{
				"mode": {"payment"}, "ui_mode": {"hosted_page"}, "client_reference_id": {attempt}, "customer_email": {buyer}, "locale": {"de"},
				"success_url": {r.ReturnURL}, "cancel_url": {r.ReturnURL}, "expires_at": {strconv.FormatInt(r.ExpiresAt.Unix(), 10)},
				"payment_method_types[]": {"card"}, "line_items[0][quantity]": {"1"}, "line_items[0][price_data][currency]": {"eur"},
				"line_items[0][price_data][unit_amount]": {"2500"}, "line_items[0][price_data][product_data][name]": {"Test Shop cs_1"},
				"metadata[attempt]": {attempt}, "metadata[session]": {"cs_1"}, "payment_intent_data[metadata][attempt]": {attempt},
				"payment_intent_data[metadata][session]": {"cs_1"}, "payment_intent_data[description]": {"Test Shop cs_1"}, "expand[]": {"payment_intent"},
			}
			if diff := cmp.Diff(form, c.asked[0].form); diff != "" {
				t.Error(diff)
			}
			if got := c.asked[0].header.Get("Idempotency-Key"); got != attempt {
				t.Errorf("the idempotency key is %q, want %q", got, attempt)
			}
		})
	}
}

func TestBeginLeavesOutWhatIsNotKnown(t *testing.T) {
	c := newCompany(t, map[string][]said{makeSessions: {ok(hostedJSON("open", "null"))}})
	r := request()
	r.Email, r.Locale, r.Description = "", "xx", ""
	if _, err := c.provider(hosted).Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"customer_email", "locale", "payment_intent_data[description]"} {
		if c.asked[0].form.Has(field) {
			t.Errorf("%s is sent", field)
		}
	}
	if got := c.asked[0].form.Get("line_items[0][price_data][product_data][name]"); got != "Payment" {
		t.Errorf("the item is called %q", got)
	}
}

func TestSessionEnd(t *testing.T) {
	p := newCompany(t, nil).provider()
	for name, tt := range map[string]struct{ wanted, got time.Duration }{
		"one hour": {time.Hour, time.Hour}, "too soon": {10 * time.Minute, 31 * time.Minute}, "over": {-time.Hour, 31 * time.Minute},
		"too late": {48 * time.Hour, 24*time.Hour - time.Minute},
	} {
		if got := p.sessionEnd(noon.Add(tt.wanted)); got != noon.Add(tt.got).Unix() {
			t.Errorf("%s: the session ends %v after now, want %v", name, time.Unix(got, 0).Sub(noon), tt.got)
		}
	}
}

func TestShortened(t *testing.T) {
	if got := shortened(strings.Repeat("ä", 1001)); got != strings.Repeat("ä", 1000) {
		t.Errorf("%d bytes are left", len(got))
	}
}

func TestBeginRefusesByItself(t *testing.T) {
	tests := map[string]func(*checkout.BeginRequest){
		"the other mode":        func(r *checkout.BeginRequest) { r.Livemode = true },
		"a method not offered":  func(r *checkout.BeginRequest) { r.Method = "ideal" },
		"no method":             func(r *checkout.BeginRequest) { r.Method = "" },
		"nothing":               func(r *checkout.BeginRequest) { r.Amount = 0 },
		"a fraction of a króna": func(r *checkout.BeginRequest) { r.Amount, r.Currency = 1_000_000, "isk" },
		"another currency":      func(r *checkout.BeginRequest) { r.Currency = "kpw" },
	}
	for name, change := range tests {
		r := request()
		change(&r)
		if _, err := newCompany(t, nil).provider().Begin(t.Context(), r); !errors.Is(err, checkout.ErrRejected) {
			t.Errorf("%s gives %v, want ErrRejected", name, err)
		}
	}
}

// An answer that is played back is as old as the charge.
func TestBeginRepeatedLooksAgain(t *testing.T) {
	old := said{200, intentJSON("requires_payment_method", ""), map[string]string{"Idempotent-Replayed": "true"}}
	c := newCompany(t, map[string][]said{makeIntents: {old}, getIntent: {ok(intentJSON("processing", ""))}})
	step, err := c.provider().Begin(t.Context(), request())
	if err != nil || step.Ref != intentID || step.Observation.State != checkout.StateProcessing {
		t.Errorf("Begin gives %+v, %v", step, err)
	}
	if len(c.asked) != 2 {
		t.Errorf("the company was asked:\n%s", c.lines())
	}
}

// The same attempt with other details: its key was used, so there is a charge, perhaps of the other form.
func TestBeginWithUsedKeyFindsTheCharge(t *testing.T) {
	c := newCompany(t, map[string][]said{
		makeIntents: {refused(400, "idempotency_error", "")}, listSessions: {ok(listJSON(false, hostedJSON("open", "null")))}, getHosted: {ok(hostedJSON("open", "null"))},
	})
	step, err := c.provider().Begin(t.Context(), request())
	if err != nil || step.Ref != hostedID || step.RedirectURL == "" || step.Client != "" {
		t.Errorf("Begin gives %+v, %v", step, err)
	}
}

func TestBeginWithUsedKeyAndNoChargeIsOpen(t *testing.T) {
	c := newCompany(t, map[string][]said{
		makeIntents: {refused(400, "idempotency_error", "")}, listSessions: {ok(listJSON(false))}, listIntents: {ok(listJSON(false))},
	})
	_, err := c.provider().Begin(t.Context(), request())
	wantNoKind(t, err)
}

// What fails after a charge was made must not read as if none had been.
func TestBeginKeepsAMadeChargeOpen(t *testing.T) {
	old := said{200, intentJSON("requires_payment_method", ""), map[string]string{"Idempotent-Replayed": "true"}}
	for name, answers := range map[string]map[string][]said{
		"the second look is refused":  {makeIntents: {old}, getIntent: {refused(429, "invalid_request_error", "rate_limit")}},
		"the charge is gone":          {makeIntents: {old}, getIntent: {refused(404, "invalid_request_error", "resource_missing")}},
		"refunds cannot be looked at": {makeIntents: {ok(intentJSON("succeeded", paidMore))}, listRefunds: {refused(503, "api_error", "")}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newCompany(t, answers).provider().Begin(t.Context(), request())
			wantNoKind(t, err)
		})
	}
}

func wantNoKind(t *testing.T, err error) {
	t.Helper()
	for _, kind := range []error{checkout.ErrRejected, checkout.ErrUnavailable, checkout.ErrNoCharge, checkout.ErrNotAuthentic} {
		if err == nil || errors.Is(err, kind) {
			t.Fatalf("the error is %v, want one of no kind", err)
		}
	}
}
