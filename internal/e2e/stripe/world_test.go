package stripe

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-mock/embedded"

	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/internal/e2e/stripefake"
	"github.com/jopay/checkout/internal/e2e/stripespec"
)

var loadSpec = sync.OnceValues(func() (*stripespec.Spec, error) { return stripespec.Load(embedded.OpenAPISpec) })

func published(t *testing.T) *stripespec.Spec {
	t.Helper()
	spec, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// world is the adapter, and a fake Stripe behind a server of its own. What either says is held to the description.
type world struct {
	fake     *stripefake.Fake
	provider *checkoutstripe.Provider
	server   *httptest.Server
	log      safeBuffer
	ahead    atomic.Int64 // of the real clock, in nanoseconds
	live     bool
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) advance(d time.Duration) { w.ahead.Add(int64(d)) }

func newWorld(t *testing.T, live bool, configure func(*checkoutstripe.Config)) *world {
	t.Helper()
	w, spec := &world{live: live}, published(t)
	w.fake = stripefake.New(stripefake.Options{Now: w.now, Notify: func(e stripefake.Event) {
		if err := spec.CheckEvent(e.Body); err != nil {
			t.Error(err)
		}
	}})
	w.server = httptest.NewServer(spec.Wrap(w.fake, func(err error) { t.Error(err) }))
	t.Cleanup(w.server.Close)
	w.fake.SetURL(w.server.URL)
	cfg := w.config()
	if configure != nil {
		configure(&cfg)
	}
	var err error
	if w.provider, err = checkoutstripe.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, secret := range []string{w.fake.SecretKey(live), w.fake.WebhookSecret(), "_secret_"} {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log holds %.6s…", secret)
			}
		}
	})
	return w
}

func (w *world) config() checkoutstripe.Config {
	return checkoutstripe.Config{
		SecretKey: w.fake.SecretKey(w.live), PublishableKey: w.fake.PublishableKey(w.live), WebhookSecrets: []string{w.fake.WebhookSecret()},
		BaseURL: w.server.URL, Now: w.now, Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		// A connection of its own for each request: what a broken one does then depends on nothing before.
		HTTPClient: &http.Client{Transport: w.fake.Transport(&http.Transport{DisableKeepAlives: true})},
	}
}

// newID is an id of the checkout's kind.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
