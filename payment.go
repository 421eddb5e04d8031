package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jopay/checkout/webhook"
)

const (
	maxAttempts     = 10               // per session
	callTimeout     = 20 * time.Second // of a call to a provider
	commitTimeout   = 15 * time.Second // of our own writing, which does not end with the buyer's request
	maxHookRefusals = 5
	believeAbsence  = 15 * time.Minute // until then a request may still be on its way to the provider
)

// pollAfter is when an open attempt is looked at, counted from the look before.
var pollAfter = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour}

func nextPoll(polls int) time.Duration { return pollAfter[min(polls, len(pollAfter)-1)] }

// detached is a context for work that must not stop half-way because the client went away.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// payRequest is a buyer's click. Attempts is how many attempts the form knew of: a form that was sent twice finds that
// number changed and starts nothing.
type payRequest struct {
	SessionID string
	Provider  Provider
	Method    string
	Email     string
	Attempts  int
	Locale    string
	Input     url.Values
}

// pay starts an attempt: first the row is committed, then the provider is called with the row's id as idempotency key,
// then its answer is settled like any other fact. When an attempt is open already, or the form is older than the last
// attempt, nothing is started and the caller shows the present state.
func (c *Checkout) pay(ctx context.Context, r payRequest) error {
	session, attempt, isNew, err := c.openAttempt(ctx, r)
	if err != nil || !isNew {
		return err
	}
	call, cancel := detached(ctx, callTimeout)
	defer cancel()
	c.reached("begin.calling")
	step, err := r.Provider.Begin(call, c.beginRequest(session, attempt, r))
	c.reached("begin.answered")
	c.shared.circuits.note(r.Provider.Name(), err, c.now())
	return c.afterBegin(ctx, attempt, step, err)
}

// openAttempt writes the attempt (T2). The unique index over open attempts stands behind the lock.
func (c *Checkout) openAttempt(ctx context.Context, r payRequest) (session sessionRecord, attempt paymentRecord, isNew bool, err error) {
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	id := newID(prefixPayment, c.now())
	err = c.store.transact(ctx, func(t tx) (err error) {
		isNew = false // a run before this one may have been rolled back
		if session, err = t.lockSession(r.SessionID); err != nil {
			return err
		}
		open, err := t.openPayment(session.ID)
		if !errors.Is(err, ErrNotFound) {
			attempt, isNew = open, open.ID == id // ours is there after a commit whose answer was lost
			return err
		}
		if !c.mayPay(session, r) {
			return c.whyNot(session)
		}
		attempt = c.newAttempt(id, session, r)
		isNew, err = c.writeAttempt(t, session, attempt, r)
		c.reached("claim.written")
		return err
	})
	c.reached("claim.committed")
	return session, attempt, isNew, err
}

func (c *Checkout) mayPay(s sessionRecord, r payRequest) bool {
	return s.Status == StatusPending && millis(c.now()) < s.ExpiresAt && s.Attempts == r.Attempts && s.Attempts < maxAttempts
}

// whyNot is an error only where the buyer cannot see the reason in the session's state.
func (c *Checkout) whyNot(s sessionRecord) error {
	if s.Status == StatusPending && s.Attempts >= maxAttempts {
		return ErrTooManyAttempts
	}
	return nil
}

func (c *Checkout) newAttempt(id string, s sessionRecord, r payRequest) paymentRecord {
	return paymentRecord{
		ID: id, SessionID: s.ID, Mode: s.Mode, Ordinal: s.Attempts + 1, Provider: r.Provider.Name(), Method: r.Method,
		State: attemptOpen, Amount: s.Amount, Currency: s.Currency, CreatedAt: millis(c.now()),
	}
}

func (c *Checkout) writeAttempt(t tx, s sessionRecord, p paymentRecord, r payRequest) (bool, error) {
	firstLook := c.now().Add(callTimeout + nextPoll(0))
	isNew, err := t.insertPayment(p, millis(firstLook))
	if err != nil || !isNew {
		return false, err
	}
	email := ""
	if s.CustomerEmail == nil {
		email = r.Email
	}
	return true, t.markAttempt(s.ID, email, PaymentProcessing)
}

func (c *Checkout) beginRequest(s sessionRecord, p paymentRecord, r payRequest) BeginRequest {
	email := orEmpty(s.CustomerEmail)
	if email == "" {
		email = r.Email
	}
	page := c.pageURL(s.ID)
	return BeginRequest{
		AttemptID: p.ID, SessionID: s.ID, Amount: p.Amount, Currency: p.Currency, Method: p.Method,
		Description: c.cfg.Brand.Name + " " + s.ID, Email: email, Locale: r.Locale,
		ReturnURL: page + "/return", CancelURL: page, NotifyURL: c.base + c.cfg.APIPath + "/notify/" + p.Provider,
		ExpiresAt: fromMillis(s.ExpiresAt), Livemode: p.Mode == Live, Input: r.Input,
	}
}

// afterBegin reads the provider's answer. Whatever is not a clear yes or no leaves the attempt open for reconcile: a new
// one while nobody knows could charge twice.
func (c *Checkout) afterBegin(ctx context.Context, p paymentRecord, step Step, err error) error {
	switch {
	case errors.Is(err, ErrRejected):
		return c.settle(ctx, fact{PaymentID: p.ID, Observation: c.refusal(p, ReasonDeclined)})
	case errors.Is(err, ErrUnavailable):
		return c.settle(ctx, fact{PaymentID: p.ID, Observation: c.refusal(p, ReasonProviderUnavailable)})
	case err != nil:
		c.cfg.Logger.WarnContext(ctx, "checkout: the outcome of a payment is not known yet", "payment", shortID(p.ID), "provider", p.Provider, "error", err)
		return c.store.scheduleLook(context.WithoutCancel(ctx), p.ID, c.now().Add(nextPoll(0)))
	}
	o := Observation{Livemode: p.Mode == Live}
	if step.Observation != nil {
		o = *step.Observation
	}
	if o.Ref == "" {
		o.Ref = step.Ref
	}
	if o.State == StateUnknown && (step.RedirectURL != "" || step.Client != "") {
		o.State = StateActionRequired
	}
	return c.settle(ctx, fact{PaymentID: p.ID, Observation: o, ActionURL: step.RedirectURL, Client: step.Client})
}

func (c *Checkout) refusal(p paymentRecord, reason string) Observation {
	return Observation{State: StateFailed, Reason: Reason{Code: reason}, Livemode: p.Mode == Live}
}

// ConfirmPayment settles an open payment whose provider waits for a person's or a bank file's word: see [Settler]. The
// session completes as after any other success. A provider that asks its company instead gives [ErrNotByHand].
func (c *Checkout) ConfirmPayment(ctx context.Context, paymentID string, e Evidence) error {
	p, err := c.store.paymentByID(ctx, paymentID)
	if err != nil {
		return err
	}
	provider, err := c.provider(p)
	if err != nil {
		return err
	}
	settler, ok := provider.(Settler)
	if !ok {
		return ErrNotByHand
	}
	call, cancel := detached(ctx, callTimeout)
	defer cancel()
	o, err := settler.Settle(call, chargeRef(p), e)
	if err != nil {
		return err
	}
	if err := c.settle(ctx, fact{PaymentID: p.ID, Observation: o}); err != nil {
		return err
	}
	if p, err = c.store.paymentByID(ctx, p.ID); err == nil && p.State == attemptOpen && o.State == StateSucceeded {
		return ErrNotByHand.saying("The evidence does not fit this payment: nothing was changed.")
	}
	return err
}

// fact is one observation on its way into the books.
type fact struct {
	PaymentID   string
	Observation Observation
	ActionURL   string // where the buyer has to go on, when Begin has said so
	Client      string // what the provider's script needs, when Begin has said so
	EventKey    string // of a notification, which counts once
	Provider    string // with EventKey
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
	skipped bool
}

func (c *Checkout) afterSettle(ctx context.Context, id string, done settled) {
	if done.verdict.alert != "" {
		c.cfg.Logger.ErrorContext(ctx, "checkout: "+done.verdict.alert, "object", shortID(id))
	}
	if done.skipped {
		c.cfg.Logger.ErrorContext(ctx, "checkout: recorded without OnEvent, which refused too often", "object", shortID(id))
	}
	if done.queued > 0 && !c.inHostTx {
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
	if o := f.Observation; o.State == StateSucceeded && o.ChargeID != "" {
		if taken, err = t.chargeTaken(p.Provider, o.ChargeID, p.ID); err != nil {
			return settled{}, err
		}
	}
	done, err := c.apply(ctx, t, session, p, f, decide(c.standing(session, p), p, f.Observation, taken))
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
		queued, err := c.settleRefundIn(ctx, t, s, paymentID, refundFact{observation: o})
		if err != nil {
			return done, err
		}
		done.queued += queued
	}
	return done, nil
}

func (c *Checkout) apply(ctx context.Context, t tx, s sessionRecord, p paymentRecord, f fact, v verdict) (settled, error) {
	done := settled{verdict: v}
	if v.refused() || (v.payment == "" && p.State != attemptOpen) {
		return done, nil
	}
	learn(&p, f)
	if v.payment == "" {
		return c.applyOpen(ctx, t, s, p, done)
	}
	return c.applyEnd(ctx, t, s, p, f, done)
}

// learn copies what a fact tells about the charge, and never forgets what was known.
func learn(p *paymentRecord, f fact) {
	o := f.Observation
	if o.Ref != "" {
		p.Ref = o.Ref
	}
	if f.ActionURL != "" {
		p.ActionURL = f.ActionURL
	}
	if f.Client != "" {
		p.Client = f.Client
	}
	if o.Reason.ProviderCode != "" {
		p.ProviderCode = o.Reason.ProviderCode
	}
}

// applyOpen keeps what is known of an attempt that goes on. That a bank is working on it is told once.
func (c *Checkout) applyOpen(ctx context.Context, t tx, s sessionRecord, p paymentRecord, done settled) (settled, error) {
	before := p.Step
	if done.verdict.step != "" {
		p.Step = done.verdict.step
	}
	if err := t.updateOpen(p, millis(c.now().Add(nextPoll(0)))); err != nil {
		return done, err
	}
	status := openStatus(p.Step)
	if status != s.PaymentStatus {
		if err := t.setPaymentStatus(s.ID, status); err != nil {
			return done, err
		}
	}
	if p.Step != StateProcessing || before == StateProcessing {
		return done, nil
	}
	if told, err := t.toldOf(s.ID, webhook.PaymentProcessing, p.ID); err != nil || told {
		return done, err
	}
	s.PaymentStatus, s.PaymentID = status, &p.ID
	return c.tell(ctx, t, s, webhook.PaymentProcessing, done)
}

// tell publishes an event that changes nothing of the session but the time of its last event.
func (c *Checkout) tell(ctx context.Context, t tx, s sessionRecord, kind string, done settled) (settled, error) {
	at := eventTime(s, c.now())
	e, err := c.newEvent(kind, s, at, nil)
	if err != nil {
		return done, err
	}
	if err := t.setEventTime(s.ID, at); err != nil {
		return done, err
	}
	done.queued, err = c.publish(ctx, t, e, !done.skipped)
	return done, err
}

func (c *Checkout) applyEnd(ctx context.Context, t tx, s sessionRecord, p paymentRecord, f fact, done settled) (settled, error) {
	v, from, o := done.verdict, p.State, f.Observation
	now := c.now()
	p.State, p.Step, p.Reason = v.payment, "", v.note
	if v.payment != attemptFailed {
		p.Captured, p.ChargeID = o.Captured, o.ChargeID
	}
	p.HookSkipped = c.hookSkipped(p.HookRefusals)
	done.skipped = p.HookSkipped
	if err := t.settlePayment(p, from, millis(now)); err != nil {
		return done, err
	}
	if v.payment == attemptRefundDue {
		return c.applyOwed(ctx, t, s, p, o, from, done)
	}
	event, err := c.applySession(t, s, p, v, now)
	if err != nil || event == nil {
		return done, err
	}
	done.queued, err = c.publish(ctx, t, *event, !p.HookSkipped)
	return done, err
}

// applySession moves the session with its attempt and gives the event that has become true, if any.
func (c *Checkout) applySession(t tx, s sessionRecord, p paymentRecord, v verdict, now time.Time) (*Event, error) {
	switch {
	case v.status == StatusCompleted:
		return c.complete(t, s, p, now)
	case v.payment == attemptFailed && s.Status == StatusPending:
		return c.recordFailure(t, s, p, now)
	default:
		return nil, nil
	}
}

// applyOwed books money that belongs to no order: it goes back by itself. The session stays as it is, and its buyer may
// try again.
func (c *Checkout) applyOwed(ctx context.Context, t tx, s sessionRecord, p paymentRecord, o Observation, from paymentState, done settled) (settled, error) {
	if err := c.oweRefund(t, p, o.Currency, done.verdict.note); err != nil {
		return done, err
	}
	if from == attemptOpen && s.Status == StatusPending {
		s.PaymentStatus = PaymentUnpaid
		if err := t.setPaymentStatus(s.ID, PaymentUnpaid); err != nil {
			return done, err
		}
	}
	if done.verdict.note != noteLate {
		return done, nil
	}
	s.PaymentID = &p.ID
	return c.tell(ctx, t, s, webhook.PaymentLate, done)
}

func (c *Checkout) complete(t tx, s sessionRecord, p paymentRecord, now time.Time) (*Event, error) {
	at := eventTime(s, now)
	s.Status, s.PaymentStatus, s.PaymentID, s.CompletedAt, s.LastError = StatusCompleted, PaymentPaid, &p.ID, &at, nil
	if s.Amount == 0 {
		s.PaymentStatus = PaymentNotRequired
	}
	if err := t.completeSession(s.ID, p.ID, s.PaymentStatus, at, at); err != nil {
		return nil, err
	}
	e, err := c.newEvent(webhook.SessionCompleted, s, at, nil)
	return &e, err
}

func (c *Checkout) recordFailure(t tx, s sessionRecord, p paymentRecord, now time.Time) (*Event, error) {
	at := eventTime(s, now)
	failure := failureOf(p)
	text, err := json.Marshal(failure)
	if err != nil {
		return nil, err
	}
	lastError := string(text)
	s.PaymentStatus, s.LastError = PaymentUnpaid, &lastError
	if err := t.setFailure(s.ID, lastError, at); err != nil {
		return nil, err
	}
	s.PaymentID = &p.ID // the failed attempt, in this event only
	e, err := c.newEvent(webhook.PaymentFailed, s, at, &failure)
	return &e, err
}

// publish writes an event, lets the host write along and queues the event's deliveries: in this order, because a
// PostgreSQL transaction in which the hook has swallowed an error refuses the next statement.
func (c *Checkout) publish(ctx context.Context, t tx, e Event, hook bool) (int64, error) {
	if err := t.insertEvent(e); err != nil {
		return 0, err
	}
	if hook && c.cfg.OnEvent != nil {
		if err := c.callHook(ctx, t, e); err != nil {
			return 0, &hookRefusal{err}
		}
	}
	queued, err := t.insertDeliveries(e, c.now())
	if aborted(err) {
		err = &hookRefusal{errHookAborted}
	}
	return queued, err
}

// hookRefusal is a no of the host's hook, kept apart from failures of the database.
type hookRefusal struct{ err error }

func (h *hookRefusal) Error() string { return "OnEvent: " + h.err.Error() }

// hookSkipped says when enough is enough: the money has moved, and the books must say so.
func (c *Checkout) hookSkipped(refusals int) bool {
	return c.cfg.OnEvent != nil && refusals >= maxHookRefusals
}

var errHookAborted = errors.New("a statement of the hook failed and the hook did not say so: the transaction is lost")

// callHook contains the host's panics: they must not end a worker. The time limit is the transaction's own.
func (c *Checkout) callHook(ctx context.Context, t tx, e Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if err := c.cfg.OnEvent(ctx, t.host, e); err != nil {
		return err
	}
	return ctx.Err()
}

// shortID keeps enough of an id for a log to be searched and too little to open the page with it.
func shortID(id string) string {
	if len(id) <= 16 {
		return id
	}
	return id[:16] + "…"
}
