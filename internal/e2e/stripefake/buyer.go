package stripefake

import (
	"errors"
	"fmt"
	"maps"
)

// authenticationFailed is the code of a failed 3-D Secure check. It comes before the card is asked, so there is no charge.
const authenticationFailed = "payment_intent_authentication_failure"

var errUnknown = errors.New("stripefake: there is no such payment intent or checkout session")

// Pay lets the buyer of a payment intent or checkout session pay, or a payment that is processing arrive.
func (f *Fake) Pay(id string) error { return f.play(id, (*Fake).pay) }

// Decline lets a try fail, after which the buyer may try again. Code is Stripe's error code, empty for card_declined;
// declineCode is the bank's.
func (f *Fake) Decline(id, code, declineCode string) error {
	return f.play(id, func(f *Fake, q *request, p *intent) { f.decline(q, p, declined(code, declineCode)) })
}

// Challenge lets the buyer choose a card whose bank wants to ask first.
func (f *Fake) Challenge(id string) error { return f.play(id, (*Fake).challenge) }

// Process lets the buyer choose a way that takes days. Pay or Decline ends it.
func (f *Fake) Process(id string) error { return f.play(id, (*Fake).process) }

func (f *Fake) play(id string, move func(*Fake, *request, *intent)) (err error) {
	f.act(func() {
		f.expireOld()
		p := f.payable(id)
		if p == nil {
			err = fmt.Errorf("%w: %s", errUnknown, id)
			return
		}
		if err = p.open(); err == nil {
			move(f, nil, p)
		}
	})
	return err
}

// act does something under the lock and tells of it afterwards.
func (f *Fake) act(do func()) {
	f.mu.Lock()
	do()
	f.mu.Unlock()
	f.notify()
}

// payable is the payment intent of an id. That of a session is made when its buyer first tries to pay.
func (f *Fake) payable(id string) *intent {
	s := f.session(id)
	if s == nil {
		return f.intent(id)
	}
	if s.intent == nil && s.status == "open" {
		p := &intent{
			head:    head{id: "pi_3" + text(24), created: f.now(), livemode: s.livemode, metadata: maps.Clone(s.intentMetadata)},
			session: s, amount: s.amount, currency: s.currency, status: needsMethod, methods: s.methods, description: s.description, email: s.receipt,
		}
		p.secret = p.id + "_secret_" + text(25)
		s.intent = p
		f.intents = append(f.intents, p)
		f.emit(nil, "payment_intent.created", f.showIntent(p, nil), p.livemode)
	}
	return s.intent
}

// open tells why nothing can be paid any more.
func (p *intent) open() error {
	if p.status == succeeded || p.status == canceled {
		return fmt.Errorf("stripefake: payment intent %s is %s", p.id, p.status)
	}
	if p.session != nil && p.session.status == "expired" {
		return fmt.Errorf("stripefake: checkout session %s is expired", p.session.id)
	}
	return nil
}

// try is the charge of this try: a pending one if there is one.
func (f *Fake) try(p *intent) *charge {
	if c := p.latest(); c != nil && c.status == "pending" {
		return c
	}
	c := &charge{
		head:   head{id: "ch_3" + text(24), created: f.now(), livemode: p.livemode, metadata: maps.Clone(p.metadata)},
		intent: p, amount: p.amount, status: "pending",
	}
	p.charges = append(p.charges, c)
	return c
}

func (f *Fake) pay(q *request, p *intent) {
	c := f.try(p)
	c.status, p.status, p.failure = succeeded, succeeded, nil
	f.emit(q, "charge.succeeded", f.showCharge(c, nil), p.livemode)
	f.emit(q, "payment_intent.succeeded", f.showIntent(p, nil), p.livemode)
	f.endSession(q, p, "checkout.session.async_payment_succeeded")
}

func (f *Fake) decline(q *request, p *intent, why *apiError) {
	p.status, p.failure = needsMethod, why
	why.Method = "pm_1" + text(24)
	if why.Code == authenticationFailed {
		why.Type, why.DeclineCode = invalidRequest, ""
	} else {
		c := f.try(p)
		c.status, c.failure, why.Charge = "failed", why, c.id
		f.emit(q, "charge.failed", f.showCharge(c, nil), p.livemode)
	}
	f.emit(q, "payment_intent.payment_failed", f.showIntent(p, nil), p.livemode)
	if p.session != nil && p.session.status == "complete" {
		f.endSession(q, p, "checkout.session.async_payment_failed")
	}
}

func (f *Fake) challenge(q *request, p *intent) {
	p.status, p.failure = needsAction, nil
	f.emit(q, "payment_intent.requires_action", f.showIntent(p, nil), p.livemode)
}

func (f *Fake) process(q *request, p *intent) {
	f.try(p)
	p.status, p.failure = processing, nil
	f.emit(q, "payment_intent.processing", f.showIntent(p, nil), p.livemode)
	f.endSession(q, p, "")
}

// endSession completes the session of an intent, or tells how one that has completed before has ended.
func (f *Fake) endSession(q *request, p *intent, later string) {
	s := p.session
	if s == nil {
		return
	}
	kind := later
	if s.status == "open" {
		s.status, kind = "complete", "checkout.session.completed"
	}
	if kind != "" {
		f.emit(q, kind, f.showSession(s, nil), s.livemode)
	}
}
