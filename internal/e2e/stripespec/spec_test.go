package stripespec

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

var load = sync.OnceValues(func() (*Spec, error) { return Load(embedded.OpenAPISpec) })

func published(t *testing.T) *Spec {
	t.Helper()
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const goodIntent = "amount=1999&currency=eur&metadata[attempt]=pay_1&automatic_payment_methods[enabled]=true&expand[]=latest_charge"

func post(s *Spec, path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Stripe-Version", s.Version)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestBrokenRequestsAreNamed(t *testing.T) {
	t.Parallel()
	s := published(t)
	for _, c := range []struct{ path, body, field, reason string }{
		{"/v1/payment_intents", goodIntent, "", ""},
		{"/v1/payment_intents", "currency=eur", "/amount", "missing"},
		{"/v1/payment_intents", "amount=19.99&currency=eur", "/amount", "integer"},
		{"/v1/payment_intents", goodIntent + "&capture_method=later", "/capture_method", "allowed values"},
		{"/v1/payment_intents", goodIntent + "&colour=red", "", `"colour" is unsupported`},
		{"/v1/payment_intents", goodIntent + "&amount=1", "", "2 times"},
		{"/v1/payment_intents", goodIntent + "&metadata[a][b]=1", "/metadata/a", "string"},
		{"/v1/payment_intents", "amount=1&currency=eur&automatic_payment_methods[enabled]=yes", "/automatic_payment_methods/enabled", "boolean"},
		{"/v1/payment_intents?expand[]=latest_charge", goodIntent, "query ", "unsupported"},
		{"/v1/payment_intents", `{"amount":1}`, "", "unsupported"},
		{"/v1/payment_intents/pi_1/capture", "", "", "no such address"},
		{"/v1/checkout/sessions", "mode=payment&ui_mode=hosted_page&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur", "", ""},
		{"/v1/checkout/sessions", "mode=payment&ui_mode=hosted", "/ui_mode", "allowed values"},
		{"/v1/checkout/sessions", "mode=payment&line_items[0][price_data][unit_amount]=1", "/line_items/0/price_data/currency", "missing"},
		{"/v1/refunds", "payment_intent=pi_1&reason=a bag was torn", "/reason", "allowed values"},
	} {
		checkViolation(t, s.CheckRequest(post(s, c.path, c.body), []byte(c.body)), "request", c.path, c.field, c.reason)
	}
}

func checkViolation(t *testing.T, err error, side, path, field, reason string) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Errorf("%s of %s: %v", side, path, err)
		}
		return
	}
	v, ok := err.(*Violation)
	if !ok {
		t.Errorf("a broken %s of %s gives %v, want a violation at %q", side, path, err, field)
		return
	}
	address, _, _ := strings.Cut(path, "?")
	if v.Side != side || !strings.HasSuffix(v.Operation, address) || v.Field != field || !strings.Contains(v.Reason, reason) {
		t.Errorf("the violation is %v, want %s of %s at %q for %q", v, side, path, field, reason)
	}
}

func TestHeadersOfRequestsAreChecked(t *testing.T) {
	t.Parallel()
	s := published(t)
	for header, field := range map[string]string{"Stripe-Version": "header Stripe-Version", "Content-Type": "header Content-Type"} {
		r := post(s, "/v1/payment_intents", goodIntent)
		r.Header.Set(header, "application/json")
		checkViolation(t, s.CheckRequest(r, []byte(goodIntent)), "request", "/v1/payment_intents", field, "application/json")
	}
}

func TestABrowserHasNoVersion(t *testing.T) {
	t.Parallel()
	s := published(t)
	r := post(s, "/v1/payment_intents", goodIntent)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	r.Header.Del("Stripe-Version")
	checkViolation(t, s.CheckRequest(r, []byte(goodIntent)), "request", r.URL.Path, "header Stripe-Version", `""`)
	r.Header.Set("Authorization", "Bearer pk_"+"test_1")
	checkViolation(t, s.CheckRequest(r, []byte(goodIntent)), "request", r.URL.Path, "", "")
}

func TestADescriptionThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "[]", `{"openapi":"3.0.0","info":{"title":"t","version":"1"},"paths":{}}`} {
		if s, err := Load([]byte(raw)); err == nil {
			t.Errorf("%q is loaded as %+v", raw, s)
		}
	}
}

func TestQueriesAreChecked(t *testing.T) {
	t.Parallel()
	s := published(t)
	for _, c := range []struct{ path, field, reason string }{
		{"/v1/payment_intents/pi_1?expand[0]=latest_charge.refunds", "", ""},
		{"/v1/payment_intents/search?query=metadata['a']:'b'&limit=2", "", ""},
		{"/v1/payment_intents/search?limit=2", "query /query", "missing"},
		{"/v1/checkout/sessions?created[gte]=1&created[lte]=2&limit=100&starting_after=cs_1", "", ""},
		{"/v1/checkout/sessions?created[gte]=yesterday", "query /created/gte", "integer"},
		{"/v1/checkout/sessions?status=paid", "query /status", "allowed values"},
		{"/v1/refunds?intent=pi_1", "query ", `"intent" is unsupported`},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Header.Set("Stripe-Version", s.Version)
		checkViolation(t, s.CheckRequest(r, nil), "request", c.path, c.field, c.reason)
	}
}

func TestLyingAnswersAreNamed(t *testing.T) {
	t.Parallel()
	s := published(t)
	const intent = `"id":"pi_1","object":"payment_intent","created":1,"livemode":false,`
	const charge = `"id":"ch_1","object":"charge","amount_captured":1,"amount_refunded":0,"billing_details":{},"captured":true,"created":1,` +
		`"currency":"eur","disputed":false,"livemode":false,"metadata":{},"paid":true,"refunded":false,"status":"succeeded"`
	for _, c := range []struct {
		status              int
		body, field, reason string
	}{
		{200, `{` + intent + `"status":"succeeded","latest_charge":null,"last_payment_error":null}`, "", ""},
		{200, `{` + intent + `"status":"succeeded","latest_charge":{` + charge + `,"amount":1}}`, "", ""},
		{200, `{` + intent + `"status":"paid"}`, "/status", "allowed values"},
		{200, `{` + intent + `"status":"succeeded","amount":"1999"}`, "/amount", "integer"},
		{200, `{` + intent + `"status":"succeeded","amount":null}`, "/amount", "nullable"},
		{200, `{` + intent[:len(intent)-1] + `}`, "/status", "missing"},
		{200, `{` + intent + `"status":"succeeded","paid":true}`, "", `"paid" is unsupported`},
		{200, `{` + intent + `"status":"succeeded","latest_charge":{` + charge + `}}`, "/latest_charge/amount", "missing"},
		{200, `{` + intent + `"status":"succeeded","last_payment_error":{"type":"no_money"}}`, "/last_payment_error/type", "allowed values"},
		{200, `{"error":{"type":"card_error"}}`, "", "unsupported"},
		{402, `{"error":{"type":"card_error","code":"card_declined"}}`, "", ""},
		{402, `{"error":{"type":"declined"}}`, "/error/type", "allowed values"},
		{402, `{"error":"no"}`, "/error", "object"},
		{200, `<html>`, "", "no JSON"},
	} {
		h := http.Header{"Content-Type": {"application/json"}}
		err := s.CheckAnswer(http.MethodPost, "/v1/payment_intents", c.status, h, []byte(c.body))
		checkViolation(t, err, "answer", "/v1/payment_intents", c.field, c.reason)
	}
	err := s.CheckAnswer(http.MethodPost, "/v1/payment_intents", 200, http.Header{"Content-Type": {"text/html"}}, nil)
	checkViolation(t, err, "answer", "/v1/payment_intents", "header Content-Type", "text/html")
}

func TestEventsAreChecked(t *testing.T) {
	t.Parallel()
	s := published(t)
	event := func(kind, object string) string {
		return `{"id":"evt_1","object":"event","created":1,"livemode":false,"pending_webhooks":1,"request":null,"api_version":null,` +
			`"type":"` + kind + `","data":{"object":` + object + `}}`
	}
	const intent = `{"id":"pi_1","object":"payment_intent","created":1,"livemode":false,"status":"succeeded"}`
	for _, c := range []struct{ body, field, reason string }{
		{event("payment_intent.succeeded", intent), "", ""},
		{event("payment_intent.succeeded", `{"id":"pi_1"}`), "/data/object/created", "missing"},
		{event("refund.updated", intent), "/data/object", "unsupported"},
		{event("customer.created", intent), "/type", "no object"},
		{`{}`, "/created", "missing"},
	} {
		checkViolation(t, s.CheckEvent([]byte(c.body)), "event", "notification", c.field, c.reason)
	}
}

// TestBothSidesAreReported sends a broken request to a handler that lies, and a good one to one that does not.
func TestBothSidesAreReported(t *testing.T) {
	t.Parallel()
	s := published(t)
	var reports []string
	answer := `{"id":7}`
	h := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("currency") != "eur" {
			t.Errorf("the handler reads %v, %v", r.PostForm, err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}), func(err error) { reports = append(reports, err.Error()) })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(s, "/v1/payment_intents", "currency=eur"))
	if len(reports) != 2 || !strings.Contains(reports[0], "request") || !strings.Contains(reports[1], "answer") || w.Body.String() != answer {
		t.Errorf("the reports are %q and the answer %q", reports, w.Body)
	}
	reports = nil
	answer = `{"id":"pi_1","object":"payment_intent","created":1,"livemode":false,"status":"succeeded"}`
	h.ServeHTTP(httptest.NewRecorder(), post(s, "/v1/payment_intents", goodIntent))
	if len(reports) != 0 {
		t.Errorf("the reports are %q, want none", reports)
	}
}
