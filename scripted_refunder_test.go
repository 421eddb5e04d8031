package checkout

import (
	"context"
	"net/http"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// refundStep is what a scripted provider makes of one refund that it has not seen before.
type refundStep struct {
	state State
	err   error // the answer
	made  bool  // with err: the refund was made all the same, only the answer is an error
}

var paysBack = refundStep{state: StateSucceeded}

// refunding is a scripted provider that pays back, once per key, and tells of it when it is asked about the charge.
type refunding struct {
	*scripted
	steps    []refundStep // one for each call with a new key; the last one repeats
	calls    []RefundRequest
	made     map[string]RefundObservation
	told     map[string][]RefundObservation // by attempt
	onRefund func(RefundObservation)        // runs after a refund was made, before the answer
}

func newRefunding(script []outcome, steps ...refundStep) *refunding {
	return &refunding{scripted: newScripted(script...), steps: steps, made: map[string]RefundObservation{}, told: map[string][]RefundObservation{}}
}

func (p *refunding) Refund(_ context.Context, r RefundRequest) (RefundObservation, error) {
	o, err, isNew := p.book(r)
	if isNew && p.onRefund != nil {
		p.onRefund(o)
	}
	return o, err
}

func (p *refunding) book(r RefundRequest) (o RefundObservation, err error, isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, r)
	if have, ok := p.made[r.Key]; ok {
		return have, nil, false
	}
	step := p.steps[0]
	if len(p.steps) > 1 {
		p.steps = p.steps[1:]
	}
	if step.err != nil && !step.made {
		return o, step.err, false
	}
	o = RefundObservation{Key: r.Key, Ref: "ref_" + r.Key, State: step.state, Amount: r.Amount, Currency: r.Currency}
	p.made[r.Key] = o
	return o, step.err, true
}

// end changes what became of a refund.
func (p *refunding) end(key string, state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.made[key]
	o.State = state
	p.made[key] = o
}

// tells makes the provider report refunds of a charge.
func (p *refunding) tells(attemptID string, list ...RefundObservation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told[attemptID] = list
}

func (p *refunding) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	o, err := p.scripted.Observe(ctx, ref)
	p.mu.Lock()
	defer p.mu.Unlock()
	o.Refunds = p.told[ref.AttemptID]
	return o, err
}

// called counts the calls with a key.
func (p *refunding) called(key string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.calls {
		if r.Key == key {
			n++
		}
	}
	return n
}

// back sums what the provider has paid back or is paying back.
func (p *refunding) back() (sum int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.made {
		if o.State != StateFailed && o.State != StateCanceled {
			sum += o.Amount
		}
	}
	return sum
}

// eachRefundShop runs a body in live mode on both databases, with a provider that charges by script and refunds by steps.
func eachRefundShop(t *testing.T, script []outcome, steps []refundStep, body func(t *testing.T, s *shop, p *refunding), configure ...func(*Config)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := newRefunding(script, steps...)
		body(t, newLiveShop(t, db, p, configure...), p)
	})
}

var allSucceed = []outcome{{state: StateSucceeded}}

// soldLive makes a session that was paid, and gives it with its attempt.
func (s *shop) soldLive() (id, attemptID string) {
	s.t.Helper()
	id = s.create(seedBody)
	s.payWire(id)
	s.want(id, "completed", "paid")
	return id, s.attempts(id)[0].ID
}

// refund asks for a refund through the API and expects 201.
func (s *shop) refund(body string, headers ...string) map[string]any {
	s.t.Helper()
	w := s.api("POST", "/refunds", body, headers...)
	if w.Code != http.StatusCreated {
		s.t.Fatalf("the refund answered %d: %s", w.Code, w.Body)
	}
	return decode(s.t, w)
}

// refundOf gives the only refund of a session.
func (s *shop) refundOf(id string) Refund {
	s.t.Helper()
	list, err := s.co.Refunds(s.t.Context(), id)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("%d refunds, want 1: %v", len(list), err)
	}
	return list[0]
}

// after lets time pass and does what is due then.
func (s *shop) after(d time.Duration) (next time.Time) {
	s.t.Helper()
	s.clock.advance(d)
	next, err := s.co.RunOnce(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return next
}

// wantRefunded compares what a session has paid back.
func (s *shop) wantRefunded(id, paymentStatus string, amount float64) {
	s.t.Helper()
	if got := s.get(id); got["payment_status"] != paymentStatus || got["amount_refunded_cents"] != amount {
		s.t.Errorf("the session is %v with %v back, want %s with %v", got["payment_status"], got["amount_refunded_cents"], paymentStatus, amount)
	}
}

// wantRefundEvents compares the numbers of the events about refunds.
func (s *shop) wantRefundEvents(succeeded, failed int) {
	s.t.Helper()
	if n := s.count("events", "type = 'checkout.refund.succeeded'"); n != succeeded {
		s.t.Errorf("%d events say that a refund succeeded, want %d", n, succeeded)
	}
	if n := s.count("events", "type = 'checkout.refund.failed'"); n != failed {
		s.t.Errorf("%d events say that a refund failed, want %d", n, failed)
	}
}
