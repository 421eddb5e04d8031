package checkouttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// Delivery is one webhook as the receiver got it.
type Delivery struct {
	Header http.Header
	Body   []byte
	Event  webhook.Event // read from the body, after its signature was verified
	Status int           // what the receiver answered
}

// Chaos is what may happen to webhooks on their way, and what a receiver has to bear. Lost ones come again by their
// schedule: see [Shop.Advance].
type Chaos struct {
	Twice     bool // every webhook comes twice, as when the answer to the first gets lost
	Shuffle   bool // every other event, the first among them, is lost once and comes after those that followed
	DropFirst int  // so many webhooks are lost before one gets through
}

var errLost = errors.New("checkouttest: the webhook got lost on its way")

// receiver is the merchant's side of webhooks, and the way there.
type receiver struct {
	shop   *Shop
	header string

	mu       sync.Mutex
	handler  http.Handler
	got      []Delivery
	failing  []int // the statuses of the next answers
	chaos    Chaos
	shuffled map[string]bool // by event: whether its first delivery gets through
}

func newReceiver(s *Shop, word string) *receiver {
	r := &receiver{shop: s, header: webhook.HeaderSignature, shuffled: map[string]bool{}}
	if word != "" {
		r.header = "X-" + word + "-Signature"
	}
	return r
}

// RoundTrip is the network: it gets the signed request and gives the receiver's answer. Webhooks come one at a time.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shop.order.saw(req.Header.Get(webhook.HeaderID))
	if r.loses(req.Header.Get(webhook.HeaderID)) {
		return nil, errLost
	}
	answer := r.take(req, body)
	if r.chaos.Twice && accepted(answer.StatusCode) {
		answer = r.take(req, body)
	}
	return answer, nil
}

func (r *receiver) loses(event string) bool {
	if r.chaos.DropFirst > 0 {
		r.chaos.DropFirst--
		return true
	}
	if !r.chaos.Shuffle {
		return false
	}
	passes, seen := r.shuffled[event]
	if !seen {
		passes = len(r.shuffled)%2 == 1
	}
	r.shuffled[event] = true
	return !passes
}

func (r *receiver) take(req *http.Request, body []byte) *http.Response {
	w := httptest.NewRecorder()
	switch {
	case len(r.failing) > 0:
		w.WriteHeader(r.failing[0])
		r.failing = r.failing[1:]
	case r.handler != nil:
		own := req.Clone(req.Context())
		own.Body, own.RequestURI = io.NopCloser(bytes.NewReader(body)), req.URL.RequestURI()
		r.handler.ServeHTTP(w, own)
	}
	answer := w.Result()
	answer.Request = req
	r.got = append(r.got, Delivery{Header: req.Header.Clone(), Body: body, Event: r.read(req, body), Status: answer.StatusCode})
	return answer
}

// read verifies what comes: a checkout whose webhooks cannot be verified is broken in any test.
func (r *receiver) read(req *http.Request, body []byte) webhook.Event {
	own := req.Clone(req.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	e, err := webhook.Read(own, r.shop.secret, webhook.WithClock(r.shop.Now), webhook.WithHeader(r.header))
	if err != nil {
		r.shop.t.Errorf("checkouttest: a webhook cannot be read: %v", err)
	}
	return e
}

func accepted(status int) bool { return status >= 200 && status <= 299 }

// Receive hands webhooks to the host's own handler from now on. Without it every webhook is answered with 200. The
// handler must not call the shop, which is waiting for it.
func (s *Shop) Receive(h http.Handler) {
	s.receiver.mu.Lock()
	defer s.receiver.mu.Unlock()
	s.receiver.handler = h
}

// FailNextDeliveries answers the next n webhooks with status, without asking the handler.
func (s *Shop) FailNextDeliveries(n, status int) {
	s.receiver.mu.Lock()
	defer s.receiver.mu.Unlock()
	s.receiver.failing = append(s.receiver.failing, slices.Repeat([]int{status}, n)...)
}

// Chaos makes the way of webhooks as bad as c says, from now on.
func (s *Shop) Chaos(c Chaos) {
	s.receiver.mu.Lock()
	defer s.receiver.mu.Unlock()
	s.receiver.chaos, s.receiver.shuffled = c, map[string]bool{}
}

// Deliveries are the webhooks the receiver got, in the order they came: those it refused too, and one event as often as
// it was delivered.
func (s *Shop) Deliveries() []Delivery {
	s.t.Helper()
	s.work()
	s.receiver.mu.Lock()
	defer s.receiver.mu.Unlock()
	return slices.Clone(s.receiver.got)
}

// Events are the types of the events the receiver has accepted, each event once, in the order they happened.
func (s *Shop) Events() []string {
	s.t.Helper()
	seen := map[string]bool{}
	var list []webhook.Event
	for _, d := range s.Deliveries() {
		if accepted(d.Status) && !seen[d.Event.ID] {
			seen[d.Event.ID] = true
			list = append(list, d.Event)
		}
	}
	s.order.sort(list)
	types := make([]string, len(list))
	for i, e := range list {
		types[i] = e.Type
	}
	return types
}

// RequireEvent gives the newest event of a type that the receiver has accepted, and ends the test if there is none.
func (s *Shop) RequireEvent(t testing.TB, kind string) webhook.Event {
	t.Helper()
	list := s.Deliveries()
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Event.Type == kind && accepted(list[i].Status) {
			return list[i].Event
		}
	}
	t.Fatalf("the receiver has accepted no %s, only %v", kind, s.Events())
	return webhook.Event{}
}

// order remembers in which order the shop has heard of events first, by the hook or by their webhooks. Webhooks of one
// moment may come in any.
type order struct {
	mu   sync.Mutex
	byID map[string]int
}

func newOrder() *order { return &order{byID: map[string]int{}} }

func (o *order) saw(event string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.byID[event]; !ok {
		o.byID[event] = len(o.byID)
	}
}

// watch sees the events go by on their way to the host's hook. One that is rolled back comes again with another id.
func (o *order) watch(hook func(context.Context, *gorm.DB, checkout.Event) error) func(context.Context, *gorm.DB, checkout.Event) error {
	return func(ctx context.Context, tx *gorm.DB, e checkout.Event) error {
		o.saw(e.ID)
		if hook == nil {
			return nil
		}
		return hook(ctx, tx, e)
	}
}

func (o *order) sort(list []webhook.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.SortFunc(list, func(a, b webhook.Event) int { return o.byID[a.ID] - o.byID[b.ID] })
}

func (d Delivery) String() string { return fmt.Sprintf("%s (%d)", d.Event.Type, d.Status) }
