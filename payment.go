package checkout

import (
	"context"
	"errors"
	"net/url"
	"time"
)

const (
	maxAttempts     = 10               // per session
	maxTries        = 10               // per attempt whose buyer may try again: after that it is taken back, so that nobody tries out stolen cards
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
	Scripted  bool
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
	return true, t.markAttempt(s.ID, email, r.Locale, PaymentProcessing)
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
		ExpiresAt: fromMillis(s.ExpiresAt), Livemode: p.Mode == Live, Scripted: r.Scripted, Input: r.Input,
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
	if step.RedirectURL != "" || step.Client != "" {
		o.RedirectURL, o.Client = step.RedirectURL, step.Client
	}
	if !step.ExpiresAt.IsZero() {
		o.ExpiresAt = step.ExpiresAt
	}
	return c.settle(ctx, fact{PaymentID: p.ID, Observation: o})
}

func (c *Checkout) refusal(p paymentRecord, reason string) Observation {
	return Observation{State: StateFailed, Reason: Reason{Code: reason}, Livemode: p.Mode == Live}
}

// ConfirmPayment settles an open payment whose provider waits for a person's or a bank file's word: see [Settler]. The
// session completes as after any other success. A provider that asks its company instead gives [ErrNotByHand]; money that
// has to go back, because its order has ended, is booked and gives [ErrNotPending].
func (c *Checkout) ConfirmPayment(ctx context.Context, paymentID string, e Evidence) error {
	var bad problems
	bad.text("actor", e.Actor, maxTransferKey)
	bad.text("note", e.Note, maxTransferText)
	if err := bad.err(); err != nil {
		return err
	}
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
	if err := c.settle(ctx, fact{PaymentID: p.ID, Observation: o, Evidence: e}); err != nil {
		return err
	}
	p, err = c.store.paymentByID(ctx, p.ID)
	switch {
	case err != nil || o.State != StateSucceeded || p.State == attemptSucceeded:
		return err
	case p.State == attemptOpen:
		return ErrNotByHand.saying("The evidence does not fit this payment: nothing was changed.")
	}
	return ErrNotPending.saying("The money is booked, but its order has ended or was paid another way: pay it back.")
}
