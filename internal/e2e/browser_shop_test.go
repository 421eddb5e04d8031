package e2e

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/dbtest"
)

// store is a shop that browsers reach: a server on a loopback port with the checkout in it.
type store struct {
	t    testing.TB
	co   *checkout.Checkout
	db   *gorm.DB
	base string
	mux  *http.ServeMux

	mu    sync.Mutex
	posts []posted // the forms that were sent, in order
}

// posted is a form as it came from a browser, byte for byte.
type posted struct {
	path   string
	header http.Header
	body   []byte
}

// ServeHTTP keeps every form, so that a test can send it again.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Errorf("a form broke off: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.posts = append(s.posts, posted{r.URL.RequestURI(), r.Header.Clone(), body})
		s.mu.Unlock()
	}
	s.mux.ServeHTTP(w, r)
}

func openStore(t testing.TB, configure ...func(*checkout.Config)) *store {
	t.Helper()
	s := &store{t: t, mux: http.NewServeMux(), db: dbtest.Open(t, dbtest.SQLite, nil)}
	server := httptest.NewUnstartedServer(s)
	s.base = "http://" + server.Listener.Addr().String()
	cfg := checkout.Config{
		DB: s.db, BaseURL: s.base, Logger: slog.New(slog.DiscardHandler), SecretKey: make([]byte, 32),
		Brand: checkout.Brand{Name: "Acme Coffee"},
	}
	for _, f := range configure {
		f(&cfg)
	}
	var err error
	if s.co, err = checkout.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := checkout.Migrate(t.Context(), s.db, ""); err != nil {
		t.Fatal(err)
	}
	s.mountPages()
	server.Start()
	t.Cleanup(server.Close)
	return s
}

// mountPages puts the shop's own pages beside the checkout.
func (s *store) mountPages() {
	s.co.Mount(s.mux)
	for path, text := range map[string]string{"/thanks": "Thank you", "/basket": "Your basket", "/favicon.ico": ""} {
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><h1>%s</h1>`, text)
		})
	}
}

// order makes a session of 25 euros.
func (s *store) order(change ...func(*checkout.SessionParams)) *checkout.Session {
	s.t.Helper()
	params := checkout.SessionParams{
		Mode:          checkout.Test,
		LineItems:     []checkout.LineItem{{Name: "Premium Coffee Beans", Amount: 2500, Currency: "eur", Quantity: 1}},
		CustomerEmail: "customer@example.com", SuccessURL: s.base + "/thanks", CancelURL: s.base + "/basket",
	}
	for _, f := range change {
		f(&params)
	}
	session, err := s.co.CreateSession(s.t.Context(), params)
	if err != nil {
		s.t.Fatal(err)
	}
	return session
}

func (s *store) thanks(session *checkout.Session) string {
	return s.base + "/thanks?session_id=" + session.ID
}

// is checks what a session has become, and which events were told about it, in order.
func (s *store) is(session *checkout.Session, status checkout.Status, payment checkout.PaymentStatus, events ...string) {
	s.t.Helper()
	now, err := s.co.Session(s.t.Context(), session.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if now.Status != status || now.PaymentStatus != payment {
		s.t.Errorf("the session is %s and %s, want %s and %s", now.Status, now.PaymentStatus, status, payment)
	}
	var told []string
	err = s.db.Table("checkout_events").Where("session_id = ?", session.ID).Order("id").Pluck("type", &told).Error
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.Join(told, " ") != strings.Join(events, " ") {
		s.t.Errorf("the events are %q, want %q", told, events)
	}
}
