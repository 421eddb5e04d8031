package e2e

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/dbtest"
)

// host is a running server with the checkout mounted on one router.
type host struct {
	mounting
	t       testing.TB
	co      *checkout.Checkout
	server  *httptest.Server
	key     string
	callers int // each request comes from an address of its own, so that no limit is met
	posts   atomic.Int64
}

// now gives what each POST makes a millisecond of its own, because lists are ordered by it.
func (h *host) now() time.Time {
	return time.Date(2025, 1, 10, 12, 0, 0, 0, time.UTC).Add(time.Duration(h.posts.Load()) * time.Millisecond)
}

func startHost(t testing.TB, m mounting, configure ...func(*checkout.Config)) *host {
	t.Helper()
	h := &host{mounting: m, t: t, key: "sk_test_" + strings.Repeat("e2e", 8)}
	cfg := checkout.Config{
		DB: dbtest.Open(t, dbtest.SQLite, nil), BaseURL: "http://shop.test" + m.publicPath(), Now: h.now,
		Logger: slog.New(slog.DiscardHandler), TrustedProxies: []string{"127.0.0.1"}, SecretKey: make([]byte, 32),
		Brand: checkout.Brand{Name: "Acme Coffee"},
	}
	for _, f := range configure {
		f(&cfg)
	}
	var err error
	if h.co, err = checkout.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := checkout.Migrate(t.Context(), cfg.DB, ""); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(m.build(h.co))
	t.Cleanup(h.server.Close)
	if err := h.co.RegisterKey(t.Context(), h.key, "tests"); err != nil {
		t.Fatal(err)
	}
	return h
}

// call is a request; its path is below the host's prefix.
type call struct {
	method, path, body string
	contentType        string
	key                bool
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send gives the answer as it came.
func (h *host) send(c call) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), c.method, h.server.URL+h.prefix+c.path, strings.NewReader(c.body))
	if err != nil {
		h.t.Fatal(err)
	}
	h.callers++
	if c.method == http.MethodPost {
		h.posts.Add(1)
	}
	r.Header.Set("X-Forwarded-For", "10.1."+strconv.Itoa(h.callers/250)+"."+strconv.Itoa(h.callers%250))
	r.Header.Set("X-Request-Id", "request-of-the-test")
	if c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	if c.key {
		r.Header.Set("Authorization", "Bearer "+h.key)
	}
	resp, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// compared is an answer without what may differ between two servers: ids, tokens, the prefix and lengths that follow from it.
func (h *host) compared(a answer) answer {
	a.Header = a.Header.Clone()
	a.Header.Del("Date")
	if a.Header.Get("Content-Length") != "" {
		a.Header.Set("Content-Length", "set")
	}
	if l := a.Header.Get("Location"); l != "" {
		a.Header.Set("Location", strings.Trim(h.neutral(`"`+l+`"`), `"`))
	}
	a.Body = h.neutral(a.Body)
	return a
}

var (
	idRule    = regexp.MustCompile(`\b(cs|pay|req|key|evt|inv)_[0-9A-Za-z]{10,}`)
	tokenRule = regexp.MustCompile(`name="token" value="([^"]+)"`)
)

func (h *host) neutral(text string) string {
	text = idRule.ReplaceAllString(text, "${1}_ID")
	text = tokenRule.ReplaceAllString(text, `name="token" value="TOKEN"`)
	text = strings.ReplaceAll(text, "http://shop.test"+h.publicPath()+"/", "http://shop.test/")
	return strings.ReplaceAll(text, `"`+h.prefix+"/", `"/`)
}

const order = `{"line_items":[{"name":"Premium Coffee Beans","amount":2500,"currency":"eur","quantity":1}],` +
	`"customer_email":"customer@example.com","success_url":"https://yoursite.com/success",` +
	`"cancel_url":"https://yoursite.com/cancel","metadata":{"order_id":"12345"}}`

var idOfBody = regexp.MustCompile(`"id":"(cs_[0-9a-z]+)"`)

// create makes a session over HTTP and gives its id.
func (h *host) create() string {
	h.t.Helper()
	a := h.send(call{method: "POST", path: h.co.APIPath() + "/sessions", body: order, contentType: "application/json", key: true})
	m := idOfBody.FindStringSubmatch(a.Body)
	if a.Status != http.StatusCreated || m == nil {
		h.t.Fatalf("create answered %d: %s", a.Status, a.Body)
	}
	return m[1]
}

// pay opens the page of a session and sends its form with a test card.
func (h *host) pay(id, card string) answer {
	h.t.Helper()
	page := h.send(call{method: "GET", path: "/checkout/" + id})
	m := tokenRule.FindStringSubmatch(page.Body)
	if page.Status != http.StatusOK || m == nil {
		h.t.Fatalf("the page answered %d without a form: %s", page.Status, page.Body)
	}
	form := url.Values{"token": {m[1]}, "action": {"pay"}, "method": {"test_card"}, "card_number": {card}, "card_exp": {"12/34"}, "card_cvc": {"123"}}
	return h.send(call{method: "POST", path: "/checkout/" + id, body: form.Encode(), contentType: "application/x-www-form-urlencoded"})
}
