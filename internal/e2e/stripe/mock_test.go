package stripe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/internal/e2e/stripefake"
)

// mockLife is how long a stripe-mock may run at most, in real time; mockStart how long it may take to listen.
const (
	mockLife  = 2 * time.Minute
	mockStart = 30 * time.Second
)

// TestStripesOwnMock holds the adapter's requests to the double that Stripe publishes. It is stateless, but strict on
// names, types and values.
func TestStripesOwnMock(t *testing.T) {
	t.Parallel()
	program := buildMock(t)
	t.Run("takes every kind of request", func(t *testing.T) {
		t.Parallel()
		mock := startMock(t, program)
		for kind, r := range recordAll(t) {
			if status, answer := mock.send(t, r); status != http.StatusOK {
				t.Errorf("%s: %d %s", kind, status, answer)
			}
		}
	})
	t.Run("refuses what is broken", func(t *testing.T) {
		t.Parallel()
		refusesBroken(t, startMock(t, program))
	})
	t.Run("lets a buyer act", func(t *testing.T) {
		t.Parallel()
		attempt := "pay_" + strings.Repeat("a1", 11)
		readsActionRequired(t, startMock(t, program, "-fixtures", actionFixtures(t, attempt)), attempt)
	})
}

// buildMock builds the tool that go.mod names. The build cache makes all but the first one quick.
func buildMock(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stripe-mock")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/stripe/stripe-mock").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED-NEEDS-STRIPE-MOCK: the tool cannot be built: %v\n%s", err, out)
	}
	return program
}

// mock is a running stripe-mock.
type mock struct {
	url string
}

// startMock gives only -http-port, because without it the tool listens on a second port as well. Somebody else may take
// the port in between, so it tries three times.
func startMock(t *testing.T, program string, more ...string) mock {
	t.Helper()
	var said string
	for range 3 {
		port := freePort(t)
		if said = runMock(t, program, append([]string{"-strict-version-check", "-http-port", port}, more...)); said == "" {
			return mock{url: "http://127.0.0.1:" + port}
		}
	}
	t.Fatalf("stripe-mock does not start: %s", said)
	return mock{}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// runMock waits until the tool listens, and gives what it has said if it ends before. It dies with the test.
func runMock(t *testing.T, program string, args []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), mockLife)
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errors bytes.Buffer
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	listens, rest := make(chan bool, 1), bufio.NewScanner(out)
	go func() {
		for rest.Scan() {
			if strings.Contains(rest.Text(), "Listening for HTTP") {
				listens <- true
			}
		}
		close(listens)
	}()
	select {
	case ok := <-listens:
		if ok {
			return ""
		}
		_ = cmd.Wait()
		return "it ended: " + errors.String()
	case <-time.After(mockStart):
		return "it was silent for " + mockStart.String()
	}
}

// request is what the adapter sent, without the host.
type request struct {
	method, path, body string
	header             http.Header
}

func (m mock) send(t *testing.T, r request) (int, string) {
	t.Helper()
	out, err := http.NewRequestWithContext(t.Context(), r.method, m.url+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	out.Header = r.header.Clone()
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// recorder keeps one request of each kind: method, address without ids, and the names of what was sent.
type recorder struct {
	next http.RoundTripper
	kept map[string]request
}

func (rec *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	kept := request{method: r.Method, path: r.URL.RequestURI(), header: r.Header.Clone()}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		kept.body = string(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	rec.kept[kindOf(r, kept.body)] = kept
	return rec.next.RoundTrip(r)
}

// recordAll has the adapter make every kind of request it makes, in all three ways, against the validated fake.
func recordAll(t *testing.T) map[string]request {
	t.Helper()
	kept := map[string]request{}
	for _, way := range ways {
		w := newWorld(t, false, func(cfg *checkoutstripe.Config) {
			cfg.Hosted, cfg.Methods = way.hosted, []string{"card", "automatic"}
			cfg.HTTPClient = &http.Client{Transport: &recorder{http.DefaultTransport, kept}}
		})
		for _, method := range []string{"card", "online"} {
			drive(t, w, way, method)
		}
	}
	for _, address := range []string{
		"POST /v1/payment_intents", "GET /v1/payment_intents", "GET /v1/payment_intents/search", "GET /v1/payment_intents/pi", "POST /v1/payment_intents/pi/cancel",
		"POST /v1/checkout/sessions", "GET /v1/checkout/sessions", "GET /v1/checkout/sessions/cs", "POST /v1/checkout/sessions/cs/expire",
		"POST /v1/refunds", "GET /v1/refunds",
	} {
		if !seenAddress(kept, address) {
			t.Errorf("the adapter was not made to call %s", address)
		}
	}
	t.Logf("the adapter makes %d kinds of requests", len(kept))
	return kept
}

func seenAddress(kept map[string]request, address string) bool {
	for kind := range kept {
		if strings.HasPrefix(kind, address+" ") {
			return true
		}
	}
	return false
}

// drive goes through a sale, a refund and a cancellation; and looks for a charge on an account that is too busy to list.
func drive(t *testing.T, w *world, way way, method string) {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	one, two := begin(t, w, way, method), begin(t, w, way, method)
	if err := w.fake.Pay(one.Ref); err != nil {
		t.Fatal(err)
	}
	must(w.provider.Observe(t.Context(), one))
	for _, reason := range []string{"", "requested_by_customer"} {
		must(w.provider.Refund(t.Context(), checkout.RefundRequest{Charge: one, Key: newID("re_"), Amount: 100, Currency: "eur", Reason: reason}))
	}
	must(w.provider.Cancel(t.Context(), two))
	w.fake.Crowd(1001, false)
	one.Ref = ""
	must(w.provider.Observe(t.Context(), one))
}

func begin(t *testing.T, w *world, way way, method string) checkout.ChargeRef {
	t.Helper()
	r := orderOf(w)
	r.Method, r.Scripted = method, way.scripted
	step, err := w.provider.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return checkout.ChargeRef{AttemptID: r.AttemptID, Ref: step.Ref, Method: method, Amount: r.Amount, Currency: r.Currency, Livemode: w.live, BegunAt: w.now()}
}

func refusesBroken(t *testing.T, m mock) {
	for name, c := range map[string]struct{ method, path, body, version, wants string }{
		"unknown parameter": {"POST", "/v1/payment_intents", "amount=2500&currency=eur&colour=red", "", "additional properties"},
		"missing parameter": {"POST", "/v1/payment_intents", "amount=2500", "", "currency"},
		"wrong value":       {"POST", "/v1/checkout/sessions", "mode=payment&ui_mode=hosted&success_url=https://shop.example/", "", "ui_mode"},
		"wrong type":        {"POST", "/v1/refunds", "payment_intent=pi_1&amount=lots", "", "amount"},
		"other version":     {"GET", "/v1/payment_intents/pi_1", "", "2020-08-27", "version"},
	} {
		if c.version == "" {
			c.version = stripefake.Version
		}
		h := http.Header{"Authorization": {"Bearer sk_test_" + strings.Repeat("1", 20)}, "Stripe-Version": {c.version}}
		if c.method == http.MethodPost {
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		status, answer := m.send(t, request{c.method, c.path, c.body, h})
		if status != http.StatusBadRequest || !strings.Contains(strings.ToLower(answer), c.wants) {
			t.Errorf("%s: %d %s, want 400 that names %q", name, status, answer, c.wants)
		}
	}
}

// actionFixtures are the tool's own objects, but for a payment intent that waits for its buyer.
func actionFixtures(t *testing.T, attempt string) string {
	t.Helper()
	var all map[string]map[string]json.RawMessage
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &all); err != nil {
		t.Fatal(err)
	}
	var intent map[string]any
	if err := json.Unmarshal(all["resources"]["payment_intent"], &intent); err != nil {
		t.Fatal(err)
	}
	intent["status"], intent["last_payment_error"] = "requires_action", nil
	intent["metadata"] = map[string]any{"attempt": attempt}
	raw, err := json.Marshal(intent)
	if err != nil {
		t.Fatal(err)
	}
	all["resources"]["payment_intent"] = raw
	raw, err = json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "fixtures.json")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// readsActionRequired asks by POST and by GET.
func readsActionRequired(t *testing.T, m mock, attempt string) {
	w := newWorld(t, false, func(cfg *checkoutstripe.Config) { cfg.BaseURL, cfg.HTTPClient = m.url, http.DefaultClient })
	r := checkout.BeginRequest{AttemptID: attempt, Amount: 1099, Currency: "usd", Method: "card", Scripted: true, ReturnURL: "https://shop.example/", ExpiresAt: w.now()}
	step, err := w.provider.Begin(t.Context(), r)
	if err != nil || step.Client == "" || step.Observation == nil || step.Observation.State != checkout.StateActionRequired {
		t.Fatalf("Begin gives %+v, %v", step, err)
	}
	o, err := w.provider.Observe(t.Context(), checkout.ChargeRef{AttemptID: attempt, Ref: step.Ref})
	if err != nil || o.State != checkout.StateActionRequired || o.AttemptID != attempt || o.Client == "" || o.TryID != "" {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
}

func kindOf(r *http.Request, body string) string {
	segments := strings.Split(r.URL.Path, "/")
	for i, s := range segments {
		if prefix, _, ok := strings.Cut(s, "_"); ok && len(s) > 20 {
			segments[i] = prefix
		}
	}
	return fmt.Sprint(r.Method, " ", strings.Join(segments, "/"), " ", names(r.URL.RawQuery+"&"+body))
}

// names are the sorted names of a form's fields.
func names(form string) []string {
	values, _ := url.ParseQuery(form)
	var list []string
	for name := range values {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
