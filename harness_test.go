package checkout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// clock is a time that tests move by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2025, 1, 10, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// shop is a host with the checkout mounted, for tests. Requests go straight into its handlers.
type shop struct {
	t     testing.TB
	co    *Checkout
	db    *gorm.DB
	mux   *http.ServeMux
	clock *clock
	key   string // sk_test_…
	log   *logBuffer
	watch *secretWatch
}

// newShop migrates db and mounts a checkout; configure may change its settings first.
func newShop(t testing.TB, db *gorm.DB, configure ...func(*Config)) *shop {
	t.Helper()
	s := &shop{t: t, db: db, clock: newClock(), mux: http.NewServeMux(), log: &logBuffer{}, watch: &secretWatch{}}
	t.Cleanup(func() { s.watch.finish(t, s.log.String()) })
	cfg := Config{
		DB: db, BaseURL: "http://shop.test", Now: s.clock.now, WebhookAllowHosts: []string{"127.0.0.0/8"},
		Logger: slog.New(slog.NewJSONHandler(s.log, nil)), Brand: Brand{Name: "Acme Coffee"},
		Providers: []Provider{newScripted(outcome{state: StateSucceeded})}, // a live session needs one
	}
	for _, f := range configure {
		f(&cfg)
	}
	var err error
	if s.co, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := Migrate(t.Context(), cfg.DB, cfg.TablePrefix); err != nil {
		t.Fatal(err)
	}
	s.co.Mount(s.mux)
	if s.key, err = s.co.CreateKey(t.Context(), Test, "tests"); err != nil {
		t.Fatal(err)
	}
	s.watch.know(s.key)
	return s
}

// eachShop runs a test body on SQLite and PostgreSQL.
func eachShop(t *testing.T, body func(t *testing.T, s *shop), configure ...func(*Config)) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) { body(t, newShop(t, db, configure...)) })
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// do sends a request into the handlers.
func (s *shop) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	s.watch.see(r, w)
	return w
}

// api sends an API request with the shop's test key; headers are pairs.
func (s *shop) api(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/api/checkout/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.do(r)
}

// seedBody is the request of the seed, which every test may start from.
const seedBody = `{"line_items":[{"name":"Premium Coffee Beans","amount":2500,"currency":"eur","quantity":1}],` +
	`"customer_email":"customer@example.com","success_url":"https://yoursite.com/success",` +
	`"cancel_url":"https://yoursite.com/cancel","metadata":{"order_id":"12345"}}`

// create makes a session from a body and gives its id.
func (s *shop) create(body string) string {
	s.t.Helper()
	w := s.api("POST", "/sessions", body)
	if w.Code != http.StatusCreated {
		s.t.Fatalf("create answered %d: %s", w.Code, w.Body)
	}
	return decode(s.t, w)["id"].(string)
}

// get reads a session through the API.
func (s *shop) get(id string) map[string]any {
	s.t.Helper()
	return decode(s.t, s.api("GET", "/sessions/"+id, ""))
}

func decode(t testing.TB, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("not a JSON object (%d): %s", w.Code, w.Body)
	}
	return m
}

// page opens a page of the checkout.
func (s *shop) page(path string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequestWithContext(s.t.Context(), "GET", path, nil))
}

// post sends a form as a browser would from our own page.
func (s *shop) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), "POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://shop.test")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.do(r)
}

var tokenRule = regexp.MustCompile(`name="token" value="([^"]+)"`)

// form opens the page and fills its form with a test card.
func (s *shop) form(id, card string) url.Values {
	s.t.Helper()
	w := s.page("/checkout/" + id)
	m := tokenRule.FindStringSubmatch(w.Body.String())
	if m == nil {
		s.t.Fatalf("the page has no form (%d): %s", w.Code, w.Body)
	}
	return url.Values{"token": {m[1]}, "action": {"pay"}, "method": {"test_card"}, "card_number": {card}, "card_exp": {"12/34"}, "card_cvc": {"123"}}
}

// pay pays with a test card and gives the answer to the form.
func (s *shop) pay(id, card string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/checkout/"+id, s.form(id, card))
}

// receiver is a merchant's server that keeps what it gets and answers as told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(n int) int // the status of the n-th request, from 1; nil: 200
	news   chan struct{}
}

type received struct {
	header http.Header
	body   string
}

func newReceiver(t testing.TB, answer func(n int) int) *receiver {
	r := &receiver{answer: answer, news: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, received{req.Header.Clone(), string(body)})
		n := len(r.got)
		r.mu.Unlock()
		if r.answer != nil {
			w.WriteHeader(r.answer(n))
		}
		r.news <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

// wait blocks until n webhooks have come in all, ten seconds at most.
func (r *receiver) wait(t testing.TB, n int) []received {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		if got := r.all(); len(got) >= n {
			return got
		}
		select {
		case <-r.news:
		case <-limit:
			t.Fatalf("%d webhooks came, want %d", len(r.all()), n)
		}
	}
}

// run starts the workers and stops them at the end of the test.
func (s *shop) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.co.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				s.t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			s.t.Error("Run did not stop within 30 s")
		}
	})
}

// count counts rows of a table of the checkout.
func (s *shop) count(table, where string, args ...any) (n int) {
	s.t.Helper()
	query := fmt.Sprintf("SELECT COUNT(*) FROM {%s} WHERE %s", table, where)
	err := s.co.store.direct(s.t.Context()).query(func(row scanner) error { return row.Scan(&n) }, query, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// secondProcess is the same shop in another process: its own pool and memory on the same database and clock.
func secondProcess(t *testing.T, s *shop, configure ...func(*Config)) *shop {
	t.Helper()
	other := *s
	cfg := s.co.cfg
	cfg.DB = dbtest.Reopen(t, s.db, nil)
	for _, f := range configure {
		f(&cfg)
	}
	var err error
	if other.co, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	other.db, other.mux = cfg.DB, http.NewServeMux()
	other.co.Mount(other.mux)
	return &other
}
