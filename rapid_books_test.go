package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// books is a payment company with books of its own, so that a test can hold ours to them. Money is taken, kept and paid
// back here only; what it answers may be late, lost or wrong.
type books struct {
	now      func() time.Time
	mu       sync.Mutex
	charges  map[string]*charged // by attempt
	underway map[string]underway // requests that may still arrive
	plan     string              // what becomes of the next charge
	refunds  string              // what becomes of the next refund
	silent   int                 // so many calls are answered with nothing
	lie      bool                // the next answer says test mode
	between  func()              // runs once between the company's deed and its answer
	replay   string              // the charge id that a replaying charge shows
	trouble  []string            // rules a caller has broken
	idle     func(context.Context) error
	serial   int
}

// charged is a charge as the company keeps it.
type charged struct {
	request  BeginRequest
	state    State
	captured int64
	currency string
	chargeID string
	own      bool // the money is its own, not another's shown again
	news     bool // something has happened that our side may not have heard of
	final    bool // it was refused or canceled for good
	refunds  []*paidBack
	no       int // refunds that were refused or not answered
}

// underway is a request that has not arrived yet. It does within a quarter of an hour, or never.
type underway struct {
	request BeginRequest
	until   time.Time
}

// paidBack is a refund. Those without a key were made at the company.
type paidBack struct {
	key, ref string
	state    State
	amount   int64
}

var errSilence = errors.New("books: the answer was lost")

func newBooks(now func() time.Time) *books {
	return &books{now: now, charges: map[string]*charged{}, underway: map[string]underway{}, plan: "pay", refunds: "pay"}
}

func (b *books) Name() string { return "books" }

func (b *books) Methods(_ context.Context, q MethodQuery) ([]Method, error) {
	if !q.Livemode {
		return nil, nil
	}
	return []Method{{ID: "wire", Label: "Wire"}}, nil
}

// pause lets others act while an answer is on its way, after asking whether a transaction is open meanwhile (I7).
func (b *books) pause(ctx context.Context) {
	if err := b.idle(ctx); err != nil {
		b.broken("I7: a transaction is open during a call: %v", err)
	}
	b.mu.Lock()
	between := b.between
	b.between = nil
	b.mu.Unlock()
	if between != nil {
		between()
	}
}

func (b *books) broken(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = append(b.trouble, fmt.Sprintf(format, args...))
}

// lost counts an answer that does not get through.
func (b *books) lost() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent == 0 {
		return false
	}
	b.silent--
	return true
}

func (b *books) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	b.mu.Lock()
	plan := b.plan
	b.plan = "pay"
	b.mu.Unlock()
	b.wantAlone(r)
	switch plan {
	case "die before":
		panic("the process ends before the call")
	case "unavailable":
		b.pause(ctx)
		return Step{}, ErrUnavailable
	case "underway":
		b.mu.Lock()
		b.underway[r.AttemptID] = underway{r, b.now().Add(15 * time.Minute)}
		b.mu.Unlock()
		b.pause(ctx)
		return Step{}, errSilence
	}
	b.charge(r, plan)
	answer := b.look(r.AttemptID)
	b.pause(ctx)
	switch plan {
	case "die after":
		panic("the process ends before the answer is read")
	case "reject":
		return Step{}, ErrRejected
	case "lose", "lose processing":
		return Step{}, errSilence
	}
	step := Step{Ref: "ref_" + r.AttemptID, Observation: &answer}
	if answer.State == StateActionRequired {
		step.RedirectURL = "https://bank.test/" + r.AttemptID
	}
	return step, nil
}

// wantAlone holds the caller to its first duty: no new charge while another one of the session may still take money.
func (b *books) wantAlone(r BeginRequest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.charges {
		if id != r.AttemptID && c.request.SessionID == r.SessionID && (c.state == StateProcessing || c.state == StateActionRequired) {
			b.trouble = append(b.trouble, "I4: a new charge while another is "+string(c.state))
		}
	}
	for id, o := range b.underway {
		if id != r.AttemptID && o.request.SessionID == r.SessionID && b.now().Before(o.until) {
			b.trouble = append(b.trouble, "I4: a new charge while the request for another is under way")
		}
	}
}

// charge books a new charge; one attempt has one, however often it is asked for.
func (b *books) charge(r BeginRequest, plan string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.underway, r.AttemptID)
	if _, ok := b.charges[r.AttemptID]; ok {
		return
	}
	c := &charged{request: r, own: true}
	b.charges[r.AttemptID] = c
	b.happen(c, plan)
}

// happen moves a charge. Success is for ever.
func (b *books) happen(c *charged, plan string) {
	c.news = true
	switch plan {
	case "decline":
		c.state = StateFailed
	case "reject":
		c.state, c.final = StateFailed, true
	case "challenge":
		c.state = StateActionRequired
	case "processing", "lose processing":
		c.state = StateProcessing
	case "replay":
		if b.replay == "" {
			c.state, c.final = StateFailed, true
			return
		}
		c.state, c.own, c.captured, c.currency, c.chargeID = StateSucceeded, false, c.request.Amount, c.request.Currency, b.replay
	default:
		b.take(c, plan)
	}
}

func (b *books) take(c *charged, plan string) {
	c.state, c.captured, c.currency, c.chargeID = StateSucceeded, c.request.Amount, c.request.Currency, "money_"+c.request.AttemptID
	switch plan {
	case "other amount":
		c.captured++
	case "other currency":
		c.currency = "usd"
	}
}

// look is what the company would answer now.
func (b *books) look(attemptID string) Observation {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.charges[attemptID]
	o := Observation{AttemptID: attemptID, Ref: "ref_" + attemptID, State: c.state, Captured: c.captured, Currency: c.currency, ChargeID: c.chargeID, Livemode: !b.lie}
	b.lie = false
	for _, r := range c.refunds {
		o.Refunds = append(o.Refunds, RefundObservation{Key: r.key, Ref: r.ref, State: r.state, Amount: r.amount, Currency: c.currency})
	}
	return o
}

func (b *books) knows(attemptID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.charges[attemptID] != nil
}

func (b *books) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	if b.lost() {
		return Observation{}, errSilence
	}
	if !b.knows(ref.AttemptID) {
		b.pause(ctx)
		return Observation{}, ErrNoCharge
	}
	o := b.look(ref.AttemptID)
	b.pause(ctx)
	return o, nil
}

// Cancel takes an unfinished charge back, unless a bank is working on it.
func (b *books) Cancel(ctx context.Context, ref ChargeRef) (Observation, error) {
	b.mu.Lock()
	c := b.charges[ref.AttemptID]
	if c != nil && c.state == StateActionRequired {
		c.state, c.final, c.news = StateCanceled, true, true
	}
	working := c != nil && c.state == StateProcessing
	b.mu.Unlock()
	switch {
	case c == nil:
		return Observation{}, ErrNoCharge
	case working:
		return Observation{}, ErrRejected
	case b.lost():
		return Observation{}, errSilence
	}
	o := b.look(ref.AttemptID)
	b.pause(ctx)
	return o, nil
}

// Refund pays back once for a key.
func (b *books) Refund(ctx context.Context, r RefundRequest) (RefundObservation, error) {
	b.mu.Lock()
	plan := b.refunds
	b.refunds = "pay"
	c := b.charges[r.Charge.AttemptID]
	back := c.back(r.Key)
	if back == nil && (plan == "reject" || plan == "unavailable" || r.Amount > c.kept() || r.Currency != c.currency) {
		c.no++
		b.mu.Unlock()
		if plan == "unavailable" {
			return RefundObservation{}, ErrUnavailable
		}
		return RefundObservation{}, ErrRejected
	}
	if back == nil {
		back = b.payBack(c, r.Key, r.Amount, plan)
	}
	o := RefundObservation{Key: r.Key, Ref: back.ref, State: back.state, Amount: back.amount, Currency: c.currency}
	b.mu.Unlock()
	b.pause(ctx)
	if plan == "lose" || b.lost() {
		return RefundObservation{}, errSilence
	}
	return o, nil
}

func (b *books) payBack(c *charged, key string, amount int64, plan string) *paidBack {
	b.serial++
	back := &paidBack{key: key, ref: fmt.Sprintf("back_%d", b.serial), state: StateSucceeded, amount: amount}
	switch plan {
	case "processing":
		back.state = StateProcessing
	case "fail":
		back.state = StateFailed
		c.no++
	}
	c.refunds, c.news = append(c.refunds, back), true
	return back
}

func (c *charged) back(key string) *paidBack {
	for _, r := range c.refunds {
		if r.key == key {
			return r
		}
	}
	return nil
}

// kept is the money that has not gone back and is not on its way back.
func (c *charged) kept() int64 {
	kept := c.captured
	for _, r := range c.refunds {
		if r.state != StateFailed {
			kept -= r.amount
		}
	}
	if !c.own || c.state != StateSucceeded {
		return 0
	}
	return kept
}

func (b *books) Notice(r *http.Request, body []byte) ([]Observation, error) {
	var n scriptedNotice
	if r.Header.Get(scriptedSignature) != "authentic" || json.Unmarshal(body, &n) != nil {
		return nil, ErrNotAuthentic
	}
	return []Observation{{AttemptID: n.AttemptID, Ref: n.Ref, EventKey: n.Event, State: n.Claims}}, nil
}
