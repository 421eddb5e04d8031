package checkoutstripe

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout"
)

// Keys of the shape of real ones, put together here so that nothing takes them for real.
var (
	testKey         = "sk_" + "test_" + strings.Repeat("a1", 12)
	testPublishable = "pk_" + "test_" + strings.Repeat("b2", 12)
	testSecret      = "whsec" + "_" + strings.Repeat("c3", 12)
)

const (
	attempt  = "pay_0000000000000001"
	intentID = "pi_3Nx"
	hostedID = "cs_test_a1"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// said is one answer of the company.
type said struct {
	status int
	body   string
	header map[string]string
}

func ok(body string) said { return said{status: 200, body: body} }

func refused(status int, kind, code string) said {
	return said{status: status, body: fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"for %s %s"}}`, kind, code, buyer, testKey),
		header: map[string]string{"Request-Id": "req_77"}}
}

const buyer = "kim.tester@buyer.example"

// asked is one request as it arrived.
type asked struct {
	line   string // method and path
	form   url.Values
	header http.Header
}

// company answers each "METHOD /path" with its answers in turn; the last one stays.
type company struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]said
	asked   []asked
	server  *httptest.Server
	log     bytes.Buffer
}

func newCompany(t *testing.T, answers map[string][]said) *company {
	c := &company{t: t, answers: answers}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	return c
}

func (c *company) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = r.ParseForm()
	line := r.Method + " " + r.URL.Path
	c.asked = append(c.asked, asked{line, r.Form, r.Header})
	list := c.answers[line]
	if len(list) == 0 {
		c.t.Errorf("unexpected %s %v", line, r.Form)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if len(list) > 1 {
		c.answers[line] = list[1:]
	}
	for name, value := range list[0].header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(list[0].status)
	fmt.Fprint(w, list[0].body)
}

// lines are the requests so far, one a line.
func (c *company) lines() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, a := range c.asked {
		b.WriteString(a.line + "\n")
	}
	return b.String()
}

func (c *company) config() Config {
	return Config{
		SecretKey: testKey, PublishableKey: testPublishable, WebhookSecrets: []string{testSecret}, BaseURL: c.server.URL,
		Now: func() time.Time { return noon }, Logger: slog.New(slog.NewTextHandler(&c.log, nil)),
	}
}

// provider is one whose configuration may be changed before.
func (c *company) provider(change ...func(*Config)) *Provider {
	c.t.Helper()
	cfg := c.config()
	for _, f := range change {
		f(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func hosted(cfg *Config) { cfg.Hosted = true }

func intentJSON(status, more string) string {
	return fmt.Sprintf(`{"object":"payment_intent","id":%q,"status":%q,"currency":"eur","amount":2500,"amount_received":0,
		"client_secret":"pi_3Nx_secret_x","livemode":false,"metadata":{"attempt":%q,"session":"cs_1"}%s}`, intentID, status, attempt, more)
}

const paidMore = `,"amount_received":2500,"latest_charge":"ch_1"`

func hostedJSON(status, intent string) string {
	return fmt.Sprintf(`{"object":"checkout.session","id":%q,"status":%q,"url":"https://checkout.stripe.com/c/pay/a1","livemode":false,
		"client_reference_id":%q,"metadata":{"attempt":%q},"payment_intent":%s}`, hostedID, status, attempt, attempt, intent)
}

func listJSON(hasMore bool, objects ...string) string {
	return fmt.Sprintf(`{"object":"list","has_more":%v,"data":[%s]}`, hasMore, strings.Join(objects, ","))
}

func refOf(id string) checkout.ChargeRef {
	return checkout.ChargeRef{AttemptID: attempt, Ref: id, Method: "card", Amount: 2500, Currency: "eur", BegunAt: noon}
}

func request() checkout.BeginRequest {
	return checkout.BeginRequest{
		AttemptID: attempt, SessionID: "cs_1", Amount: 2500, Currency: "eur", Method: "card", Description: "Test Shop cs_1", Email: buyer, Locale: "de-AT",
		ReturnURL: "https://shop.example/checkout/cs_1/return", CancelURL: "https://shop.example/checkout/cs_1", ExpiresAt: noon.Add(time.Hour), Scripted: true,
	}
}
