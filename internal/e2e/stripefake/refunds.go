package stripefake

import (
	"maps"
	"slices"
)

type refund struct {
	head
	charge *charge
	amount int64
	status string // pending, succeeded, failed, canceled
	reason string
}

func createRefund(q *request) (map[string]any, *apiError) {
	c, problem := q.refundedCharge()
	if problem = firstOf(problem, q.expand.only("charge", "payment_intent")); problem != nil {
		return nil, problem
	}
	left := c.amount - c.refunded()
	amount, present, problem := q.number("amount")
	switch {
	case problem != nil:
		return nil, problem
	case left == 0:
		return nil, invalid("", "charge_already_refunded", "Charge "+c.id+" has already been refunded.")
	case !present:
		amount = left
	case amount < 1:
		return nil, invalid("amount", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, invalid("amount", "", "Refund amount ("+decimal(amount, c.intent.currency)+") is greater than unrefunded amount on charge ("+
			decimal(left, c.intent.currency)+")")
	}
	r := &refund{head: q.f.newHead("re_3", q), charge: c, amount: amount, status: succeeded, reason: q.form.Get("reason")}
	if q.f.pending {
		r.status = "pending"
	}
	c.refunds = append(c.refunds, r)
	q.f.refunds = append(q.f.refunds, r)
	q.f.emit(q, "refund.created", q.f.showRefund(r), r.livemode)
	q.f.emit(q, "charge.refunded", q.f.showCharge(c, nil), r.livemode)
	return q.f.showRefund(r), nil
}

// refundedCharge is the paid charge that a refund is asked of.
func (q *request) refundedCharge() (*charge, *apiError) {
	id := q.form.Get("payment_intent")
	if id == "" {
		return nil, missing("payment_intent")
	}
	p := q.f.intent(id)
	if p == nil || p.livemode != q.livemode {
		return nil, noSuch("payment_intent", "payment_intent", id)
	}
	if c := p.paid(); c != nil {
		return c, nil
	}
	return nil, invalid("payment_intent", "", "This PaymentIntent ("+id+") does not have a successful charge to refund.")
}

func getRefund(q *request) (map[string]any, *apiError) {
	i := slices.IndexFunc(q.f.refunds, func(r *refund) bool { return r.id == q.id && r.livemode == q.livemode })
	if i < 0 {
		return nil, noSuch("refund", "refund", q.id)
	}
	return q.f.showRefund(q.f.refunds[i]), nil
}

func (f *Fake) showRefund(r *refund) map[string]any {
	o := map[string]any{
		"id": r.id, "object": "refund", "amount": r.amount, "balance_transaction": nil, "charge": r.charge.id, "created": r.created,
		"currency": r.charge.intent.currency, "metadata": maps.Clone(r.metadata), "payment_intent": r.charge.intent.id,
		"reason": orNull(r.reason), "receipt_number": nil, "status": r.status,
	}
	if r.status == "failed" {
		o["failure_reason"] = "lost_or_stolen_card"
	}
	return o
}

// HoldRefunds keeps refunds pending until SettleRefund, as some banks do.
func (f *Fake) HoldRefunds() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = true
}

// SettleRefund ends a pending refund: succeeded, failed or canceled.
func (f *Fake) SettleRefund(id, status string) {
	f.act(func() {
		for _, r := range f.refunds {
			if r.id != id || r.status != "pending" {
				continue
			}
			r.status = status
			f.emit(nil, "refund.updated", f.showRefund(r), r.livemode)
			if status == "failed" {
				f.emit(nil, "refund.failed", f.showRefund(r), r.livemode)
			}
		}
	})
}

// RefundOutside pays back from Stripe's dashboard, without metadata, and gives the refund's id.
func (f *Fake) RefundOutside(id string, amount int64) string {
	made := ""
	f.act(func() {
		c := f.payable(id).paid()
		r := &refund{head: head{id: "re_3" + text(24), created: f.now(), livemode: c.livemode, metadata: map[string]string{}}, charge: c, amount: amount, status: succeeded}
		made = r.id
		c.refunds = append(c.refunds, r)
		f.refunds = append(f.refunds, r)
		f.emit(nil, "refund.created", f.showRefund(r), r.livemode)
		f.emit(nil, "charge.refunded", f.showCharge(c, nil), r.livemode)
	})
	return made
}

// Refunds are the amounts paid back of a payment intent or checkout session by the value of a metadata key.
func (f *Fake) Refunds(id, key string) map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	sums := map[string]int64{}
	p := f.intent(id)
	if s := f.session(id); s != nil {
		p = s.intent
	}
	for _, r := range f.refunds {
		if p != nil && r.charge.intent == p {
			sums[r.metadata[key]] += r.amount
		}
	}
	return sums
}
