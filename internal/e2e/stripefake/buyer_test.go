package stripefake_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/e2e/stripefake"
)

func TestAnIntentGoesThroughItsLife(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	p := b.intent("&automatic_payment_methods[enabled]=true&expand[]=latest_charge")
	if p.Status != "requires_payment_method" || !p.Livemode || p.LatestCharge != nil || !strings.HasPrefix(p.ClientSecret, p.ID+"_secret_") || p.Metadata["attempt"] != "pay_1" {
		t.Errorf("a new intent is %+v", p)
	}
	b.must(b.Challenge(p.ID))
	b.seen(p.ID, "requires_action")
	b.must(b.Decline(p.ID, "", "insufficient_funds"))
	first := b.seen(p.ID, "requires_payment_method").LastPaymentError
	b.must(b.Decline(p.ID, "expired_card", ""))
	second := b.seen(p.ID, "requires_payment_method").LastPaymentError
	if first.DeclineCode != "insufficient_funds" || second.Code != "expired_card" || first.Charge == second.Charge || first.Charge == "" {
		t.Errorf("two declines are %+v and %+v", first, second)
	}
	b.must(b.Process(p.ID))
	b.seen(p.ID, "processing")
	b.must(b.Pay(p.ID))
	if paid := b.seen(p.ID, "succeeded"); paid.AmountReceived != 2500 || paid.LastPaymentError != nil || paid.LatestCharge.(map[string]any)["paid"] != true {
		t.Errorf("a paid intent is %+v", paid)
	}
	if b.Pay(p.ID) == nil || b.Booked(p.ID) != "25.00 eur" || b.Charges() != 1 {
		t.Errorf("it can be paid twice, is booked as %s, or there are %d charges", b.Booked(p.ID), b.Charges())
	}
	const want = "payment_intent.created payment_intent.requires_action charge.failed payment_intent.payment_failed charge.failed " +
		"payment_intent.payment_failed payment_intent.processing charge.succeeded payment_intent.succeeded"
	if got := b.types(); got != want {
		t.Errorf("the events are %s, want %s", got, want)
	}
}

func TestAnIntentIsCanceledOnce(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	p := b.intent("")
	if a := b.post("/v1/payment_intents/"+p.ID+"/cancel", "cancellation_reason=abandoned", ""); a.Status != "canceled" {
		t.Errorf("it is %q", a.Status)
	}
	b.post("/v1/payment_intents/"+p.ID+"/cancel", "", "payment_intent_unexpected_state")
	b.post("/v1/payment_intents/pi_unknown/cancel", "", "resource_missing")
	if b.Pay(p.ID) == nil {
		t.Error("a canceled intent can be paid")
	}
}

func TestASessionGoesThroughItsLife(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	s := b.session("&ui_mode=hosted_page&expand[]=payment_intent")
	if s.Status != "open" || s.PaymentIntent != nil || s.URL != b.server.URL+"/c/pay/"+s.ID {
		t.Errorf("a new session is %+v", s)
	}
	b.must(b.Decline(s.ID, "", ""))
	s = b.get("/v1/checkout/sessions/"+s.ID, "expand[]=payment_intent.latest_charge")
	p := s.PaymentIntent.(map[string]any)
	if s.Status != "open" || p["metadata"].(map[string]any)["attempt"] != "pay_2" || p["latest_charge"].(map[string]any)["status"] != "failed" {
		t.Errorf("after a decline it is %+v", s)
	}
	b.post("/v1/payment_intents/"+p["id"].(string)+"/cancel", "", "payment_intent_unexpected_state")
	b.must(b.Process(s.ID))
	if a := b.get("/v1/checkout/sessions/"+s.ID, ""); a.Status != "complete" || a.PaymentStatus != "unpaid" || a.URL != "" {
		t.Errorf("while it is processing it is %+v", a)
	}
	b.must(b.Pay(s.ID))
	if a := b.get("/v1/checkout/sessions/"+s.ID, ""); a.PaymentStatus != "paid" || b.Charges() != 1 {
		t.Errorf("paid it is %+v", a)
	}
	b.post("/v1/checkout/sessions/"+s.ID+"/expire", "", "invalid_request_error")
	if got := b.types(); !strings.HasSuffix(got, "payment_intent.processing checkout.session.completed charge.succeeded payment_intent.succeeded checkout.session.async_payment_succeeded") {
		t.Errorf("the events are %s", got)
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	called, timed := b.session(""), b.session(form("", "")+"&expires_at="+unix(b, 31*time.Minute))
	b.must(b.Decline(called.ID, "", ""))
	if a := b.post("/v1/checkout/sessions/"+called.ID+"/expire", "", ""); a.Status != "expired" {
		t.Errorf("it is %q", a.Status)
	}
	b.seen(b.get("/v1/checkout/sessions/"+called.ID, "").PaymentIntent.(string), "canceled")
	b.advance(31 * time.Minute)
	if a := b.get("/v1/checkout/sessions/"+timed.ID, ""); a.Status != "expired" || b.Pay(timed.ID) == nil || b.Pay(called.ID) == nil {
		t.Errorf("after its time it is %q, or it can be paid", a.Status)
	}
	for _, end := range []time.Duration{29 * time.Minute, 24*time.Hour + time.Second} {
		b.post("/v1/checkout/sessions", page+"&expires_at="+unix(b, end), "invalid_request_error")
	}
}

func TestTheBrowserConfirms(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	for method, want := range map[string]string{
		"pm_card_visa": "succeeded", "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds", "pm_card_threeDSecureRequired": "requires_action",
		"pm_sepa_debit": "processing", "pm_none": "resource_missing",
	} {
		p := b.intent("&automatic_payment_methods[enabled]=true")
		r := b.request(http.MethodPost, "/v1/payment_intents/"+p.ID+"/confirm", form("client_secret", p.ClientSecret, "payment_method", method, "return_url", "https://shop.example/r?a=b"))
		r.Header.Set("Authorization", "Bearer "+b.PublishableKey(true))
		a := b.send(r)
		if got := a.Status + a.Error.DeclineCode; got != want && a.Error.Code != want {
			t.Errorf("%s: %d %s %+v, want %s", method, a.status, a.Status, a.Error, want)
		}
		if a.Error.DeclineCode != "" && (a.status != http.StatusPaymentRequired || a.Error.PaymentIntent.(map[string]any)["status"] != "requires_payment_method") {
			t.Errorf("a decline is %d %+v", a.status, a.Error)
		}
	}
}

func TestThePublishableKeyOpensLittle(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	p := b.intent("")
	as := func(key, method, path, form, code string) {
		t.Helper()
		r := b.request(method, path, form)
		r.Header.Set("Authorization", "Bearer "+key)
		b.want(path, b.send(r), code)
	}
	public := b.PublishableKey(true)
	as(public, http.MethodGet, "/v1/payment_intents/"+p.ID, "client_secret="+p.ClientSecret, "")
	as(public, http.MethodGet, "/v1/payment_intents/"+p.ID, "client_secret=wrong", "invalid_request_error")
	as(public, http.MethodGet, "/v1/payment_intents/search", "query=status:'succeeded'", "secret_key_required")
	as(public, http.MethodPost, "/v1/refunds", "payment_intent="+p.ID, "secret_key_required")
	as(b.SecretKey(false), http.MethodGet, "/v1/payment_intents/"+p.ID, "", "resource_missing")
	as("sk_live_other", http.MethodGet, "/v1/payment_intents/"+p.ID, "", "invalid_request_error")
}

func TestPagesSendTheBuyerOn(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	s := b.session("")
	visit := func(method, address, answer string) (int, string, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader("answer="+answer))
		b.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := b.client.Do(r)
		b.must(err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		b.must(err)
		return resp.StatusCode, resp.Header.Get("Location"), string(body)
	}
	for _, c := range []struct{ method, answer, location, body string }{
		{"GET", "", "", "25.00 eur"},
		{"POST", "cancel", "https://shop.example/back", ""},
		{"POST", "decline", "/c/pay/" + s.ID, ""},
		{"GET", "", "", "declined"},
		{"POST", "pay", "https://shop.example/done?s=" + s.ID, ""},
		{"GET", "", "https://shop.example/done?s=" + s.ID, ""},
	} {
		if _, location, body := visit(c.method, s.URL, c.answer); location != c.location || !strings.Contains(body, c.body) {
			t.Errorf("%s %s goes to %q with %q, want %q and %q", c.method, c.answer, location, body, c.location, c.body)
		}
	}
	for answer, want := range map[string]string{"complete": "succeeded", "fail": "requires_payment_method"} {
		p := b.intent("&automatic_payment_methods[enabled]=true")
		b.post("/v1/payment_intents/"+p.ID+"/confirm", form("payment_method", "pm_card_threeDSecureRequired", "return_url", "https://shop.example/r"), "")
		if _, location, _ := visit("POST", b.server.URL+"/3ds/"+p.ID, answer); !strings.HasPrefix(location, "https://shop.example/r?payment_intent="+p.ID) {
			t.Errorf("the bank sends to %q", location)
		}
		a := b.seen(p.ID, want)
		if e := a.LastPaymentError; (e != nil) != (answer == "fail") || (e != nil && (e.Charge != "" || e.Code != "payment_intent_authentication_failure")) {
			t.Errorf("after %s the error is %+v", answer, e)
		}
	}
}
