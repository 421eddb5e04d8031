package checkout

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// company is a scripted provider that also pays back and keeps its books by key, as it must.
type company struct {
	*scripted
	mu      sync.Mutex
	refunds map[string]RefundRequest
}

func newCompany(script ...outcome) *company {
	return &company{scripted: newScripted(script...), refunds: map[string]RefundRequest{}}
}

func (p *company) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	o, err := p.scripted.Observe(ctx, ref)
	o.Refunds = p.refundsOf(ref.AttemptID)
	return o, err
}

func (p *company) refundsOf(attemptID string) (list []RefundObservation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.refunds {
		if r.Charge.AttemptID == attemptID {
			list = append(list, refunded(r))
		}
	}
	slices.SortFunc(list, func(a, b RefundObservation) int { return cmp.Compare(a.Key, b.Key) })
	return list
}

func refunded(r RefundRequest) RefundObservation {
	return RefundObservation{Key: r.Key, Ref: "back_" + r.Key, State: StateSucceeded, Amount: r.Amount, Currency: r.Currency}
}

// Refund pays back once for each key, and never more than it has.
func (p *company) Refund(_ context.Context, r RefundRequest) (RefundObservation, error) {
	took := p.captured(r.Charge.AttemptID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if have, ok := p.refunds[r.Key]; ok {
		return refunded(have), nil
	}
	for _, have := range p.refunds {
		if have.Charge.AttemptID == r.Charge.AttemptID {
			took -= have.Amount
		}
	}
	if r.Amount > took {
		return RefundObservation{}, ErrRejected
	}
	p.refunds[r.Key] = r
	return refunded(r), nil
}

// captured is what was taken from a buyer for an attempt.
func (p *company) captured(attemptID string) int64 {
	p.scripted.mu.Lock()
	_, known := p.charges[attemptID]
	p.scripted.mu.Unlock()
	if !known {
		return 0
	}
	if o := p.observation(attemptID); o.State == StateSucceeded {
		return o.Captured
	}
	return 0
}

// balance is the money of a session that the company holds, and how many charges it comes from.
func (p *company) balance(sessionID string) (held int64, charges int) {
	for _, attempt := range p.attemptsOf(sessionID) {
		left := p.captured(attempt)
		for _, r := range p.refundsOf(attempt) {
			left -= r.Amount
		}
		if held += left; left > 0 {
			charges++
		}
	}
	return held, charges
}

func (p *company) attemptsOf(sessionID string) (list []string) {
	p.scripted.mu.Lock()
	defer p.scripted.mu.Unlock()
	for id, c := range p.charges {
		if c.request.SessionID == sessionID {
			list = append(list, id)
		}
	}
	return list
}

// sessions are those the company has heard of.
func (p *company) sessions() map[string]bool {
	p.scripted.mu.Lock()
	defer p.scripted.mu.Unlock()
	ids := map[string]bool{}
	for _, c := range p.charges {
		ids[c.request.SessionID] = true
	}
	return ids
}
