package stripefake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/jopay/checkout/internal/e2e/stripefake"
	"github.com/jopay/checkout/internal/e2e/stripespec"
)

var load = sync.OnceValues(func() (*stripespec.Spec, error) { return stripespec.Load(embedded.OpenAPISpec) })

// bench is a fake behind a server; both sides of every request are held to Stripe's description.
type bench struct {
	*stripefake.Fake
	t      *testing.T
	server *httptest.Server
	client *http.Client
	clock  atomic.Int64 // Unix seconds
}

func open(t *testing.T, opts stripefake.Options) *bench {
	t.Helper()
	spec, err := load()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t}
	b.clock.Store(time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC).Unix())
	opts.Now = func() time.Time { return time.Unix(b.clock.Load(), 0) }
	opts.Notify = func(e stripefake.Event) {
		if err := spec.CheckEvent(e.Body); err != nil {
			t.Errorf("%s: %v", e.Type, err)
		}
	}
	b.Fake = stripefake.New(opts)
	b.server = httptest.NewServer(spec.Wrap(b.Fake, func(err error) { t.Error(err) }))
	t.Cleanup(b.server.Close)
	b.SetURL(b.server.URL)
	b.client = &http.Client{
		Transport:     b.Transport(&http.Transport{DisableKeepAlives: true}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b
}

func (b *bench) advance(d time.Duration) { b.clock.Add(int64(d / time.Second)) }

// request is a call; a form given as pairs goes into the body of a POST and into the query of a GET.
func (b *bench) request(method, path, form string) *http.Request {
	b.t.Helper()
	body := ""
	if method == http.MethodPost {
		body = form
	} else if form != "" {
		path += "?" + form
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.SecretKey(true))
	r.Header.Set("Stripe-Version", stripefake.Version)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// answer is what came back, as far as the tests look at it.
type answer struct {
	status int
	header http.Header

	ID, Object, Status, URL, Currency string
	Livemode                          bool
	Amount                            int64
	AmountReceived                    int64  `json:"amount_received"`
	ClientSecret                      string `json:"client_secret"`
	PaymentStatus                     string `json:"payment_status"`
	PaymentIntent                     any    `json:"payment_intent"`
	LatestCharge                      any    `json:"latest_charge"`
	Metadata                          map[string]string
	Data                              []answer
	HasMore                           bool `json:"has_more"`
	LastPaymentError                  *struct {
		Type, Code, Charge string
		DeclineCode        string `json:"decline_code"`
	} `json:"last_payment_error"`
	Error struct {
		Type, Code, Param string
		DeclineCode       string `json:"decline_code"`
		PaymentIntent     any    `json:"payment_intent"`
	}
}

func (b *bench) send(r *http.Request) answer {
	b.t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header}
	if err := json.Unmarshal(body, &a); err != nil {
		b.t.Fatalf("%s %s answered %s", r.Method, r.URL, body)
	}
	return a
}

func (b *bench) get(path, form string) answer {
	b.t.Helper()
	return b.send(b.request(http.MethodGet, path, form))
}

// post wants status 200 when code is empty, else an error with that code or type.
func (b *bench) post(path, form, code string) answer {
	b.t.Helper()
	a := b.send(b.request(http.MethodPost, path, form))
	b.want(path+" "+form, a, code)
	return a
}

func (b *bench) want(what string, a answer, code string) {
	b.t.Helper()
	if ok := a.status == http.StatusOK; ok != (code == "") || (!ok && a.Error.Code != code && a.Error.Type != code) {
		b.t.Errorf("%s: %d %+v, want %q", what, a.status, a.Error, code)
	}
}

func (b *bench) intent(more string) answer {
	b.t.Helper()
	return b.post("/v1/payment_intents", "amount=2500&currency=eur&metadata[attempt]=pay_1"+more, "")
}

const page = "mode=payment&success_url=https://shop.example/done?s={CHECKOUT_SESSION_ID}&cancel_url=https://shop.example/back&metadata[attempt]=pay_2" +
	"&payment_intent_data[metadata][attempt]=pay_2&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur" +
	"&line_items[0][price_data][unit_amount]=2500&line_items[0][price_data][product_data][name]=Beans"

func (b *bench) session(more string) answer {
	b.t.Helper()
	return b.post("/v1/checkout/sessions", page+more, "")
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// types are the kinds of the events so far.
func (b *bench) types() string {
	var list []string
	for _, e := range b.Events() {
		list = append(list, e.Type)
	}
	return strings.Join(list, " ")
}

func (b *bench) seen(id, status string) answer {
	b.t.Helper()
	a := b.get("/v1/payment_intents/"+id, "expand[]=latest_charge.refunds")
	if a.Status != status {
		b.t.Errorf("the intent is %q, want %q", a.Status, status)
	}
	return a
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// stripeless is a shop that takes notifications.
func stripeless(t *testing.T, got chan<- *http.Request) string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	t.Cleanup(server.Close)
	return server.URL
}
