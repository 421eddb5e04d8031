package checkout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// outcome is what the scripted provider makes of one attempt. Its zero value with a state is an honest charge.
type outcome struct {
	state    State
	reason   string
	took     int64  // another amount than asked for
	currency string // another one than asked for
	chargeID string // another one than the charge's own
	testMode bool   // the charge is said to be of test mode
	redirect string
	err      error // Begin's answer, whatever happened at the provider
	nothing  bool  // nothing reaches the provider
}

// scripted is a provider of live mode that does what a test tells it. It keys charges by attempt id, as it must.
type scripted struct {
	mu        sync.Mutex
	script    []outcome // one for each new charge; the last one repeats
	charges   map[string]*scriptedCharge
	observeBy error // Observe's answer, if set

	onBegin   func(ctx context.Context, r BeginRequest) // runs before the charge is made
	onCharged func(ctx context.Context, r BeginRequest) // runs after it was made, before the answer
	onObserve func(ctx context.Context, ref ChargeRef)
}

type scriptedCharge struct {
	request BeginRequest
	outcome outcome
}

func newScripted(script ...outcome) *scripted {
	return &scripted{script: script, charges: map[string]*scriptedCharge{}}
}

func (p *scripted) Name() string { return "scripted" }

func (p *scripted) Methods(_ context.Context, q MethodQuery) ([]Method, error) {
	if !q.Livemode {
		return nil, nil
	}
	return []Method{{ID: "wire", Label: "Wire"}}, nil
}

func (p *scripted) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	if p.onBegin != nil {
		p.onBegin(ctx, r)
	}
	o := p.charge(r)
	if p.onCharged != nil {
		p.onCharged(ctx, r)
	}
	if o.err != nil {
		return Step{}, o.err
	}
	answer := p.observation(r.AttemptID)
	return Step{Ref: "ref_" + r.AttemptID, RedirectURL: o.redirect, Observation: &answer}, nil
}

func (p *scripted) charge(r BeginRequest) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.charges[r.AttemptID]; ok {
		return c.outcome
	}
	o := p.script[0]
	if len(p.script) > 1 {
		p.script = p.script[1:]
	}
	if !o.nothing {
		p.charges[r.AttemptID] = &scriptedCharge{r, o}
	}
	return o
}

func (p *scripted) observation(attemptID string) Observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.charges[attemptID]
	o := Observation{
		AttemptID: attemptID, Ref: "ref_" + attemptID, State: c.outcome.state, Currency: c.request.Currency,
		Reason: Reason{Code: c.outcome.reason}, Livemode: !c.outcome.testMode,
	}
	if o.State == StateSucceeded {
		o.Captured, o.ChargeID = c.request.Amount, "money_"+attemptID
	}
	if c.outcome.took != 0 {
		o.Captured = c.outcome.took
	}
	if c.outcome.currency != "" {
		o.Currency = c.outcome.currency
	}
	if c.outcome.chargeID != "" {
		o.ChargeID = c.outcome.chargeID
	}
	return o
}

func (p *scripted) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	if p.onObserve != nil {
		p.onObserve(ctx, ref)
	}
	p.mu.Lock()
	_, known := p.charges[ref.AttemptID]
	err := p.observeBy
	p.mu.Unlock()
	if err != nil {
		return Observation{}, err
	}
	if !known {
		return Observation{}, ErrNoCharge
	}
	return p.observation(ref.AttemptID), nil
}

// scriptedNotice is a notification. Its word about the state is never to be believed.
type scriptedNotice struct {
	Event, AttemptID, Ref string
	Claims                State
}

const scriptedSignature = "Scripted-Signature"

func (p *scripted) Notice(r *http.Request, body []byte) ([]Observation, error) {
	var n scriptedNotice
	if r.Header.Get(scriptedSignature) != "authentic" || json.Unmarshal(body, &n) != nil {
		return nil, fmt.Errorf("scripted: %w", ErrNotAuthentic)
	}
	return []Observation{{AttemptID: n.AttemptID, Ref: n.Ref, EventKey: n.Event, State: n.Claims}}, nil
}

// set changes what became of the charge of an attempt.
func (p *scripted) set(attemptID string, state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.charges[attemptID].outcome.state = state
}

// took counts the charges of a session that took money.
func (p *scripted) took(sessionID string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.charges {
		if c.request.SessionID == sessionID && c.outcome.state == StateSucceeded {
			n++
		}
	}
	return n
}

// canceling is a scripted provider that takes unfinished charges back.
type canceling struct{ *scripted }

func (p canceling) Cancel(_ context.Context, ref ChargeRef) (Observation, error) {
	p.mu.Lock()
	c, known := p.charges[ref.AttemptID]
	if known && c.outcome.state != StateSucceeded {
		c.outcome.state = StateCanceled
	}
	p.mu.Unlock()
	if !known {
		return Observation{}, ErrNoCharge
	}
	return p.observation(ref.AttemptID), nil
}

// eachLiveShop runs a body in live mode on both databases, with provider p made anew for each.
func eachLiveShop(t *testing.T, script []outcome, body func(t *testing.T, s *shop, p *scripted), configure ...func(*Config)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := newScripted(script...)
		body(t, newLiveShop(t, db, p, configure...), p)
	})
}

// newLiveShop makes a shop whose key is a live one.
func newLiveShop(t testing.TB, db *gorm.DB, p Provider, configure ...func(*Config)) *shop {
	t.Helper()
	s := newShop(t, db, append([]func(*Config){func(c *Config) { c.Providers = []Provider{p} }}, configure...)...)
	key, err := s.co.CreateKey(t.Context(), Live, "live tests")
	if err != nil {
		t.Fatal(err)
	}
	s.key = key
	return s
}

// wire fills the form of a live session.
func (s *shop) wire(id string) url.Values {
	s.t.Helper()
	form := s.form(id, "")
	for name := range form {
		if strings.HasPrefix(name, "card_") {
			form.Del(name)
		}
	}
	form.Set("method", "wire")
	return form
}

// payWire pays a live session through the page.
func (s *shop) payWire(id string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/checkout/"+id, s.wire(id))
}

// attempts reads all attempts of a session, oldest first.
func (s *shop) attempts(id string) []paymentRecord {
	s.t.Helper()
	list, err := s.co.store.payments(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// notify sends a notification of the scripted provider.
func (s *shop) notify(n scriptedNotice, signature string) *httptest.ResponseRecorder {
	s.t.Helper()
	body, err := json.Marshal(n)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.notifyBody("scripted", string(body), signature)
}

func (s *shop) notifyBody(provider, body, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), "POST", "/api/checkout/v1/notify/"+provider, strings.NewReader(body))
	r.Header.Set(scriptedSignature, signature)
	return s.do(r)
}

// reconcileAfter lets the workers look at everything that is due after d.
func (s *shop) reconcileAfter(d time.Duration) {
	s.t.Helper()
	s.clock.advance(d)
	if err := s.co.reconcileDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// want compares a session as the API shows it.
func (s *shop) want(id, status, paymentStatus string) {
	s.t.Helper()
	if got := s.get(id); got["status"] != status || got["payment_status"] != paymentStatus {
		s.t.Fatalf("session is %v/%v, want %s/%s", got["status"], got["payment_status"], status, paymentStatus)
	}
}

// wantAttempts compares the attempts of a session, as "state" or "state:reason".
func (s *shop) wantAttempts(id string, want ...string) {
	s.t.Helper()
	var got []string
	for _, p := range s.attempts(id) {
		text := string(p.State)
		if p.Reason != "" {
			text += ":" + p.Reason
		}
		got = append(got, text)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Fatalf("attempts are %v, want %v", got, want)
	}
}
