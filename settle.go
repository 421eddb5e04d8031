package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jopay/checkout/webhook"
)

// fact is one observation on its way into the books.
type fact struct {
	PaymentID   string
	Observation Observation
	EventKey    string   // of a notification, which counts once
	Provider    string   // with EventKey
	Evidence    Evidence // of a person who confirms
}

// settle is the one door through which money changes a session. It may be called with the same fact any number of times
// and by any number of processes. The attempt, the session, the event, its deliveries and what the host's hook writes
// commit together.
func (c *Checkout) settle(ctx context.Context, f fact) error {
	work, cancel := detached(ctx, commitTimeout)
	defer cancel()
	var done settled
	err := c.store.transact(work, func(t tx) (err error) {
		done, err = c.settleIn(work, t, f)
		c.reached("settle.written")
		return err
	})
	if err != nil {
		return c.refused(ctx, err, f.PaymentID, c.store.countRefusal)
	}
	c.reached("settle.committed")
	c.afterSettle(ctx, f.PaymentID, done)
	return nil
}

// refused counts a no of the host's hook and passes every error on. It counts on a time of its own: the hook may have
// used up the transaction's.
func (c *Checkout) refused(ctx context.Context, err error, id string, count func(context.Context, string) error) error {
	var refusal *hookRefusal
	if !errors.As(err, &refusal) {
		return err
	}
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	c.cfg.Logger.ErrorContext(ctx, "checkout: OnEvent refused, it will be tried again", "object", shortID(id), "error", refusal.err)
	return errors.Join(err, count(ctx, id))
}

// settled is what a call of settle has changed.
type settled struct {
	verdict verdict
	queued  int64
	skip    bool // the hook has refused too often: do without it
	skipped bool // and an event did
}

func (c *Checkout) afterSettle(ctx context.Context, id string, done settled) {
	if done.verdict.alert != "" {
		c.cfg.Logger.ErrorContext(ctx, "checkout: "+done.verdict.alert, "object", shortID(id))
	}
	if done.skipped {
		c.cfg.Logger.ErrorContext(ctx, "checkout: recorded without OnEvent, which refused too often", "object", shortID(id))
	}
	if c.inHostTx {
		return
	}
	c.shared.documents.wake()
	if done.queued > 0 {
		c.shared.deliver.wake()
	}
}

func (c *Checkout) settleIn(ctx context.Context, t tx, f fact) (settled, error) {
	session, err := t.lockSessionOf(f.PaymentID)
	if err != nil {
		return settled{}, err
	}
	c.reached("settle.locked")
	p, err := t.payment(f.PaymentID)
	if err != nil {
		return settled{}, err
	}
	if f.EventKey != "" {
		isNew, err := t.insertProviderEvent(f.Provider, f.EventKey, p.ID, millis(c.now()))
		if err != nil || !isNew {
			return settled{}, err
		}
		c.reached("notice.inserted")
	}
	taken := false
	if o := &f.Observation; o.State == StateSucceeded && p.Amount > 0 {
		if o.ChargeID == "" { // one charge pays one attempt, also at a provider that does not name its charges
			o.ChargeID = p.ID
		}
		if taken, err = t.chargeTaken(p.Provider, o.ChargeID, p.ID); err != nil {
			return settled{}, err
		}
	}
	done := settled{verdict: decide(c.standing(session, p), p, f.Observation, taken), skip: c.hookSkipped(p.HookRefusals)}
	done, err = c.apply(ctx, t, session, p, f, done)
	if err != nil || done.verdict.refused() {
		return done, err
	}
	return c.applyRefunds(ctx, t, p.ID, f.Observation.Refunds, done)
}

// standing is a session as a late success finds it: for an attempt that had failed, time that is up counts although
// nobody has written it down yet, unless the merchant takes late money. An open attempt was begun in time.
func (c *Checkout) standing(s sessionRecord, p paymentRecord) sessionRecord {
	if p.State == attemptFailed && s.Status == StatusPending && s.ExpiresAt <= millis(c.now()) && s.LatePayment != "complete" {
		s.Status = StatusExpired
	}
	return s
}

// applyRefunds books what a provider says of refunds: ours by their key, others as made there.
func (c *Checkout) applyRefunds(ctx context.Context, t tx, paymentID string, list []RefundObservation, done settled) (settled, error) {
	for _, o := range list {
		s, err := t.lockSessionOf(paymentID) // as it is after what this transaction has done so far
		if err != nil {
			return done, err
		}
		if done, err = c.settleRefundIn(ctx, t, s, paymentID, refundFact{observation: o}, done); err != nil {
			return done, err
		}
	}
	return done, nil
}

func (c *Checkout) apply(ctx context.Context, t tx, s sessionRecord, p paymentRecord, f fact, done settled) (settled, error) {
	v := done.verdict
	if v.refused() || (v.payment == "" && p.State != attemptOpen) {
		return done, nil
	}
	learn(&p, f)
	if v.payment == "" {
		return c.applyOpen(ctx, t, s, p, f, done)
	}
	return c.applyEnd(ctx, t, s, p, f, done)
}

// learn copies what a fact tells about the charge, and never forgets what was known.
func learn(p *paymentRecord, f fact) {
	o := f.Observation
	if o.Ref != "" {
		p.Ref = o.Ref
	}
	if o.RedirectURL != "" {
		p.ActionURL = o.RedirectURL
	}
	if o.Client != "" {
		p.Client = o.Client
	}
	if f.Evidence.Actor != "" {
		p.Actor, p.Note = f.Evidence.Actor, f.Evidence.Note
	}
	if o.Reason.ProviderCode != "" {
		p.ProviderCode = o.Reason.ProviderCode
	}
}

// applyOpen keeps what is known of an attempt that goes on. That a bank is working on it is told once.
func (c *Checkout) applyOpen(ctx context.Context, t tx, s sessionRecord, p paymentRecord, f fact, done settled) (settled, error) {
	before := p.Step
	if done.verdict.step != "" {
		p.Step = done.verdict.step
	}
	if done.verdict.note != "" {
		p.Reason = done.verdict.note
	}
	if until := f.Observation.ExpiresAt; !until.IsZero() {
		s.ExpiresAt = max(s.ExpiresAt, millis(earlier(until, fromMillis(p.CreatedAt).Add(longestWait))))
		if err := t.extendSession(s.ID, s.ExpiresAt); err != nil {
			return done, err
		}
	}
	if err := errors.Join(t.updateOpen(p, millis(c.now().Add(nextPoll(0)))), t.insertMail(c.waitingMailOf(s, p, before))); err != nil {
		return done, err
	}
	status := openStatus(p.Step)
	if status != s.PaymentStatus {
		if err := t.setPaymentStatus(s.ID, status); err != nil {
			return done, err
		}
	}
	s.PaymentStatus = status
	if f.Observation.TryID != "" && done.verdict.note != "" {
		return c.applyTry(ctx, t, s, p, f.Observation.TryID, done)
	}
	if p.Step != StateProcessing || before == StateProcessing {
		return done, nil
	}
	if told, err := t.toldOf(s.ID, webhook.PaymentProcessing, p.ID); err != nil || told {
		return done, err
	}
	s.PaymentID = &p.ID
	return c.tell(ctx, t, s, p.ID, webhook.PaymentProcessing, done)
}

// applyTry tells of a try that failed within an attempt that goes on, once.
func (c *Checkout) applyTry(ctx context.Context, t tx, s sessionRecord, p paymentRecord, tryID string, done settled) (settled, error) {
	isNew, err := t.insertProviderEvent(p.Provider, "try:"+p.ID+":"+tryID, p.ID, millis(c.now()))
	if err != nil || !isNew {
		return done, err
	}
	if err := t.countTry(p, millis(c.now())); err != nil {
		return done, err
	}
	event, err := c.recordFailure(t, s, p, c.now())
	if err != nil {
		return done, err
	}
	return c.publishOf(ctx, t, p.ID, *event, done)
}

// tell publishes an event that changes nothing of the session but the time of its last event.
func (c *Checkout) tell(ctx context.Context, t tx, s sessionRecord, paymentID, kind string, done settled) (settled, error) {
	at := eventTime(s, c.now())
	e, err := c.newEvent(kind, s, at, nil)
	if err != nil {
		return done, err
	}
	if err := t.setEventTime(s.ID, at); err != nil {
		return done, err
	}
	return c.publishOf(ctx, t, paymentID, e, done)
}

// publishOf publishes an event about a payment, without the hook where that has refused too often, and notes it.
func (c *Checkout) publishOf(ctx context.Context, t tx, paymentID string, e Event, done settled) (settled, error) {
	queued, err := c.publish(ctx, t, e, !done.skip)
	if done.queued += queued; err != nil {
		return done, err
	}
	if !done.skip {
		return done, t.forgetRefusals(paymentID)
	}
	done.skipped = true
	return done, t.noteSkip(paymentID)
}

func (c *Checkout) applyEnd(ctx context.Context, t tx, s sessionRecord, p paymentRecord, f fact, done settled) (settled, error) {
	v, from, o := done.verdict, p.State, f.Observation
	now := c.now()
	if v.payment == attemptRefundDue && o.Captured == 0 { // what had come before the attempt ended
		o.Captured, o.ChargeID, o.Currency = p.Received, p.ID, p.Currency
	}
	p.State, p.Step, p.Reason = v.payment, "", v.note
	if v.payment != attemptFailed {
		p.Captured, p.ChargeID = o.Captured, o.ChargeID
	}
	if err := t.settlePayment(p, from, millis(now)); err != nil {
		return done, err
	}
	if f.Evidence.Actor != "" {
		err := c.audit(ctx, t, change{mode: s.Mode, action: "payment.confirm", object: p.ID, session: s.ID, after: map[string]any{
			"by": f.Evidence.Actor, "note": f.Evidence.Note, "amount_cents": f.Evidence.Amount, "currency": f.Evidence.Currency,
		}})
		if err != nil {
			return done, err
		}
	}
	if v.payment == attemptRefundDue {
		return c.applyOwed(ctx, t, s, p, o, from, done)
	}
	event, err := c.applySession(t, s, p, v, now)
	if err != nil || event == nil {
		return done, err
	}
	return c.publishOf(ctx, t, p.ID, *event, done)
}

// applySession moves the session with its attempt and gives the event that has become true, if any.
func (c *Checkout) applySession(t tx, s sessionRecord, p paymentRecord, v verdict, now time.Time) (*Event, error) {
	switch {
	case v.status == StatusCompleted:
		return c.complete(t, s, p, now)
	case v.payment == attemptFailed && s.Status == StatusPending:
		s.PaymentStatus = PaymentUnpaid
		if err := c.shorten(t, &s, now); err != nil {
			return nil, err
		}
		return c.recordFailure(t, s, p, now)
	default:
		return nil, nil
	}
}

// applyOwed books money that belongs to no order: it goes back by itself. The session stays as it is, and its buyer may
// try again.
func (c *Checkout) applyOwed(ctx context.Context, t tx, s sessionRecord, p paymentRecord, o Observation, from paymentState, done settled) (settled, error) {
	if err := c.oweRefund(t, p, p.Captured, o.Currency, done.verdict.note); err != nil {
		return done, err
	}
	if from == attemptOpen && s.Status == StatusPending {
		s.PaymentStatus = PaymentUnpaid
		err := errors.Join(c.shorten(t, &s, c.now()), t.setPaymentStatus(s.ID, PaymentUnpaid))
		if err != nil {
			return done, err
		}
	}
	if done.verdict.note != noteLate {
		return done, nil
	}
	s.PaymentID = &p.ID
	return c.tell(ctx, t, s, p.ID, webhook.PaymentLate, done)
}

func (c *Checkout) complete(t tx, s sessionRecord, p paymentRecord, now time.Time) (*Event, error) {
	at := eventTime(s, now)
	s.Status, s.PaymentStatus, s.PaymentID, s.CompletedAt, s.LastError = StatusCompleted, PaymentPaid, &p.ID, &at, nil
	if s.Amount == 0 {
		s.PaymentStatus = PaymentNotRequired
	}
	if d := c.documentOf(s, at); d != nil {
		if err := t.insertDocument(*d); err != nil {
			return nil, err
		}
		s.DocumentID = &d.ID
		if err := t.insertMail(c.mailOf(s, mailCompleted, s.ID, s.DocumentID, at)); err != nil {
			return nil, err
		}
	}
	if err := t.completeSession(s.ID, p.ID, orEmpty(s.DocumentID), s.PaymentStatus, at); err != nil {
		return nil, err
	}
	e, err := c.newEvent(webhook.SessionCompleted, s, at, nil)
	return &e, err
}

// shorten takes back the days that an attempt needed which has ended: the next one has the session's own life.
func (c *Checkout) shorten(t tx, s *sessionRecord, now time.Time) error {
	end := millis(now) + s.TTLSeconds*1000
	if s.ExpiresAt <= end {
		return nil
	}
	s.ExpiresAt = end
	return t.shortenSession(s.ID, end)
}

// recordFailure keeps what went wrong in the session, whose payment status the caller has set.
func (c *Checkout) recordFailure(t tx, s sessionRecord, p paymentRecord, now time.Time) (*Event, error) {
	at := eventTime(s, now)
	failure := failureOf(p)
	text, err := json.Marshal(failure)
	if err != nil {
		return nil, err
	}
	lastError := string(text)
	s.LastError = &lastError
	if err := t.setFailure(s.ID, s.PaymentStatus, lastError, at); err != nil {
		return nil, err
	}
	s.PaymentID = &p.ID // the failed attempt, in this event only
	e, err := c.newEvent(webhook.PaymentFailed, s, at, &failure)
	return &e, err
}
