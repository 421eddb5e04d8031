package checkouttest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

const (
	shopURL     = "https://shop.example"
	receiverURL = "https://receiver.example/webhooks"
)

// Shop is a host with the checkout inside, for one test. A method that cannot do what it says fails the test; call them
// from the test's own goroutine.
type Shop struct {
	t         testing.TB
	co        *checkout.Checkout
	db        *gorm.DB
	mux       *http.ServeMux
	clock     *clock
	pages     string // where the page's addresses begin
	secret    string
	receiver  *receiver
	order     *order
	companies map[string]*Provider // by host name
	buyers    int
}

// Option changes the shop that [New] makes.
type Option func(*settings)

type settings struct {
	cfg       checkout.Config
	companies []*Provider
}

// WithConfig changes the checkout's settings before it is made: OnEvent, Brand, Providers, SessionTTL, or DB for a
// database of the test's own. The clock and the way of webhooks stay the shop's.
func WithConfig(change func(*checkout.Config)) Option {
	return func(s *settings) { change(&s.cfg) }
}

// WithProvider adds a company of live mode, and gives it the shop's clock and its address for notifications.
func WithProvider(p *Provider) Option {
	return func(s *settings) {
		s.cfg.Providers = append(s.cfg.Providers, p)
		s.companies = append(s.companies, p)
	}
}

// New gives a shop on an empty in-memory SQLite database of its own, so that tests may run in parallel. Everything ends
// with the test. Its clock stands at noon UTC of 10 January 2025.
func New(t testing.TB, options ...Option) *Shop {
	t.Helper()
	s := &Shop{t: t, clock: newClock(), mux: http.NewServeMux(), secret: webhook.NewSecret(), order: newOrder(), companies: map[string]*Provider{}}
	set := &settings{cfg: checkout.Config{BaseURL: shopURL, Brand: checkout.Brand{Name: "Test Shop"}, Logger: slog.New(slog.DiscardHandler)}}
	for _, o := range options {
		o(set)
	}
	if set.cfg.DB == nil {
		set.cfg.DB = openMemory(t)
	}
	s.db = set.cfg.DB
	s.receiver = newReceiver(s, set.cfg.Brand.HeaderWord)
	set.cfg.Now, set.cfg.HTTPClient, set.cfg.OnEvent = s.clock.now, &http.Client{Transport: s.receiver}, s.order.watch(set.cfg.OnEvent)
	s.open(set.cfg)
	for _, p := range set.companies {
		p.join(s)
	}
	return s
}

// open sets the checkout up as a host does, with an endpoint for webhooks in each mode.
func (s *Shop) open(cfg checkout.Config) {
	s.t.Helper()
	var err error
	if s.co, err = checkout.New(cfg); err != nil {
		s.t.Fatalf("checkouttest: %v", err)
	}
	s.must("migrate", checkout.Migrate(s.t.Context(), cfg.DB, cfg.TablePrefix))
	for _, mode := range []checkout.Mode{checkout.Test, checkout.Live} {
		_, _, err := s.co.CreateEndpoint(s.t.Context(), checkout.EndpointParams{Mode: mode, URL: receiverURL, Events: allEvents, Secret: s.secret})
		s.must("add the webhook endpoint", err)
	}
	base := strings.TrimSuffix(cfg.BaseURL, "/")
	s.pages = base + s.co.PagePath() + "/"
	s.co.Mount(s.mux)
	if u, err := url.Parse(base); err == nil && u.Path != "" {
		inner := s.mux
		s.mux = http.NewServeMux()
		s.mux.Handle(u.Path+"/", http.StripPrefix(u.Path, inner))
	}
}

var allEvents = []string{
	webhook.SessionCreated, webhook.SessionCompleted, webhook.SessionExpired, webhook.PaymentFailed, webhook.PaymentProcessing,
	webhook.PaymentLate, webhook.RefundSucceeded, webhook.RefundFailed,
}

func (s *Shop) must(what string, err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatalf("checkouttest: %s: %v", what, err)
	}
}

// openMemory opens a database that lives as long as one of its connections. One is kept for that, which leaves a single
// one for work: SQLite's shared cache knows no waiting for another's lock. A hook that ignores the transaction it is
// given therefore waits for itself, as on hosts with one connection.
func openMemory(t testing.TB) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(memory("checkouttest_"+rand.Text()), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatalf("checkouttest: open SQLite: %v", err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatalf("checkouttest: open SQLite: %v", err)
	}
	pool.SetMaxOpenConns(2)
	keeper, err := pool.Conn(context.Background())
	if err != nil {
		t.Fatalf("checkouttest: open SQLite: %v", err)
	}
	t.Cleanup(func() {
		_ = keeper.Close()
		_ = pool.Close()
	})
	return db
}

// Checkout is the checkout itself, for everything the shop has no word of its own for.
func (s *Shop) Checkout() *checkout.Checkout { return s.co }

// DB is the database, for the host's own tables. In memory it has one connection.
func (s *Shop) DB() *gorm.DB { return s.db }

// Handler serves the API and the page, below the path of BaseURL if it has one.
func (s *Shop) Handler() http.Handler { return s.mux }

// Now is the shop's time. A receiver that verifies signatures needs it: see [webhook.WithClock].
func (s *Shop) Now() time.Time { return s.clock.now() }

// WebhookSecret is what all webhooks of the shop are signed with.
func (s *Shop) WebhookSecret() string { return s.secret }

// CreateSession makes a session. Unless p says otherwise it is one of test mode for one item of 25.00 eur.
func (s *Shop) CreateSession(p checkout.SessionParams) *checkout.Session {
	s.t.Helper()
	if p.Mode == "" {
		p.Mode = checkout.Test
	}
	if p.LineItems == nil {
		p.LineItems = []checkout.LineItem{{Name: "Premium Coffee Beans", Amount: 2500, Currency: "eur", Quantity: 1}}
	}
	if p.SuccessURL == "" {
		p.SuccessURL = shopURL + "/success"
	}
	if p.CancelURL == "" {
		p.CancelURL = shopURL + "/cancel"
	}
	made, err := s.co.CreateSession(s.t.Context(), p)
	s.must("create a session", err)
	s.work()
	return made
}

// Session reads a session as it is after everything that is due.
func (s *Shop) Session(id string) *checkout.Session {
	s.t.Helper()
	s.work()
	found, err := s.co.Session(s.t.Context(), id)
	s.must("read session "+id, err)
	return found
}
