package stripefake

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Version is the API version the fake speaks.
const Version = "2026-08-26.dahlia"

// Options are what a Fake may be told.
type Options struct {
	Now       func() time.Time // defaults to time.Now
	SearchLag time.Duration    // how long a new payment intent is hidden from search; Stripe says up to a minute
	Notify    func(Event)      // called for each event before the request that caused it is answered, without any lock held
}

// Fake is one Stripe account with its live and its test data. Its methods may be called from many goroutines.
type Fake struct {
	opts    Options
	mux     *http.ServeMux
	account string

	mu       sync.Mutex
	url      string
	calls    []Call
	faults   map[string][]Fault
	replays  map[string]*replay
	events   []Event
	unsent   []Event
	intents  []*intent
	sessions []*session
	refunds  []*refund
	pending  bool // refunds stay pending until SettleRefund
}

// Call is a request to the API that has arrived.
type Call struct {
	Pattern string // POST /v1/payment_intents/{id}/cancel
	Method  string
	Path    string
	Key     string // Idempotency-Key
	Form    url.Values
}

// New makes an account without any charges.
func New(opts Options) *Fake {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	f := &Fake{
		opts: opts, mux: http.NewServeMux(), account: "acct_" + text(16), url: "https://stripe.example",
		faults: map[string][]Fault{}, replays: map[string]*replay{},
	}
	f.route("POST /v1/payment_intents", createIntent)
	f.route("GET /v1/payment_intents", listIntents)
	f.route("GET /v1/payment_intents/search", searchIntents)
	f.route("GET /v1/payment_intents/{id}", getIntent)
	f.route("POST /v1/payment_intents/{id}/cancel", cancelIntent)
	f.route("POST /v1/payment_intents/{id}/confirm", confirmIntent)
	f.route("POST /v1/checkout/sessions", createSession)
	f.route("GET /v1/checkout/sessions", listSessions)
	f.route("GET /v1/checkout/sessions/{id}", getSession)
	f.route("POST /v1/checkout/sessions/{id}/expire", expireSession)
	f.route("POST /v1/refunds", createRefund)
	f.route("GET /v1/refunds", listRefunds)
	f.route("GET /v1/refunds/{id}", getRefund)
	f.mux.HandleFunc("/v1/", f.noSuchAddress)
	f.mux.HandleFunc("GET /c/pay/{id}", f.getPage)
	f.mux.HandleFunc("POST /c/pay/{id}", f.postPage)
	f.mux.HandleFunc("GET /3ds/{id}", f.getBank)
	f.mux.HandleFunc("POST /3ds/{id}", f.postBank)
	return f
}

// ServeHTTP answers the API below /v1/, the hosted page at /c/pay/{id} and the test bank at /3ds/{id}.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
			w.Header().Set("Access-Control-Allow-Headers", "authorization, content-type, stripe-version, idempotency-key")
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	f.mux.ServeHTTP(w, r)
}

// SetURL tells where browsers reach the fake, without a slash at the end.
func (f *Fake) SetURL(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.url = url
}

// SecretKey is the account's key for servers.
func (f *Fake) SecretKey(livemode bool) string { return "sk" + f.keyEnd(livemode) }

// PublishableKey is the account's key for browsers.
func (f *Fake) PublishableKey(livemode bool) string { return "pk" + f.keyEnd(livemode) }

// WebhookSecret is what notifications are signed with.
func (f *Fake) WebhookSecret() string { return "whsec_" + strings.Repeat(f.account[5:], 2) }

func (f *Fake) keyEnd(livemode bool) string {
	return "_" + modeWord(livemode) + "_" + strings.Repeat(f.account[5:], 2)
}

func modeWord(livemode bool) string {
	if livemode {
		return "live"
	}
	return "test"
}

// Calls are the requests to the API, oldest first.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Charges counts what a buyer can pay or has paid: payment intents, and checkout sessions together with theirs.
func (f *Fake) Charges() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.sessions)
	for _, p := range f.intents {
		if p.session == nil {
			n++
		}
	}
	return n
}

// Find gives the ids of the payment intents and checkout sessions whose metadata has a value, oldest first. A session's
// own intent is not named beside it.
func (f *Fake) Find(key, value string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, p := range f.intents {
		if p.session == nil && p.metadata[key] == value {
			ids = append(ids, p.id)
		}
	}
	for _, s := range f.sessions {
		if s.metadata[key] == value || s.intentMetadata[key] == value {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// Crowd makes n payment intents of somebody else who uses the account.
func (f *Fake) Crowd(n int, livemode bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		h := head{id: "pi_3" + text(24), created: f.now(), livemode: livemode, metadata: map[string]string{}}
		f.intents = append(f.intents, &intent{head: h, secret: h.id + "_secret_" + text(25), amount: 1000, currency: "eur", status: needsMethod, methods: []string{"card"}})
	}
}

// text is a random text of n letters and digits.
func text(n int) string {
	s := rand.Text() + rand.Text()
	return s[:n]
}

// head is what all objects have.
type head struct {
	id       string
	created  int64 // Unix seconds
	livemode bool
	metadata map[string]string
}

func (f *Fake) newHead(prefix string, q *request) head {
	return head{id: prefix + text(24), created: f.now(), livemode: q.livemode, metadata: maps.Clone(q.metadata)}
}

func (h *head) top() *head { return h }

func (f *Fake) now() int64 { return f.opts.Now().Unix() }
