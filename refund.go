package checkout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/webhook"
)

// Refund is money on its way back to a buyer, as the API shows it. Amounts are in minor units, times in whole seconds.
type Refund struct {
	ID          string     `json:"id"`
	Object      string     `json:"object"`
	SessionID   string     `json:"session_id"`
	PaymentID   string     `json:"payment_id"`
	Status      string     `json:"status"` // pending, succeeded, failed, needs_person
	AmountCents int64      `json:"amount_cents"`
	Currency    string     `json:"currency"`
	Reason      *string    `json:"reason"`
	Origin      string     `json:"origin"` // request, provider, or why it was owed: amount_mismatch, late, extra, surplus
	Failure     *string    `json:"failure"`
	Livemode    bool       `json:"livemode"`
	CreatedAt   time.Time  `json:"created_at"`
	SettledAt   *time.Time `json:"settled_at"`

	replayed bool
}

// Replayed reports whether the refund was made by an earlier call with the same idempotency key.
func (r *Refund) Replayed() bool { return r.replayed }

// RefundParams asks for a refund.
type RefundParams struct {
	SessionID      string
	AmountCents    int64  // minor units; 0 for all that is left
	Reason         string // for people, at most 200 characters
	IdempotencyKey string // a repeat with the same key gives the first refund again

	// ByHand books a refund of a payment whose provider cannot pay back: it waits for a person who does, and says so with
	// [Checkout.SettleRefund]. Without it such a refund is [ErrRefundByHand].
	ByHand bool

	requestHash string
	mode        Mode // of the API key; empty in process
}

// refundAfter is when a refund that did not get through is tried again. After the last a person has to look.
var refundAfter = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

const (
	refundBatch       = 8 // claimed and sent at once, so that a claim outlives its calls
	longestRefundWait = 6 * time.Hour
)

// Refund pays a completed session back, in whole or in part. The row is written first, under the session's lock, so that
// the sum never exceeds what was captured; then the provider is called with the refund's id as idempotency key. A refund
// whose outcome is not known yet is pending, and goes on by itself. More than is left is [ErrRefundExceeds]. Inside
// [Checkout.WithTx] only the row is written; the provider is called after the commit.
func (c *Checkout) Refund(ctx context.Context, params RefundParams) (*Refund, error) {
	var p problems
	if params.AmountCents < 0 {
		p.add("amount_cents", "amount_too_small", "amount_cents must be 1 or more, in minor units.")
	}
	p.text("reason", params.Reason, 200)
	if err := p.err(); err != nil {
		return nil, err
	}
	rec, isNew, err := c.writeRefund(ctx, params)
	if err != nil {
		return nil, err
	}
	if isNew && !c.inHostTx && rec.State == refundPending {
		if err := c.sendRefund(ctx, rec); err != nil {
			c.cfg.Logger.WarnContext(ctx, "checkout: the outcome of a refund is not known yet", "refund", shortID(rec.ID), "error", err)
		}
		if rec, err = c.store.refundByID(context.WithoutCancel(ctx), rec.ID); err != nil {
			return nil, err
		}
	}
	view := rec.view()
	view.replayed = !isNew
	return &view, nil
}

func (r refundRecord) view() Refund {
	return Refund{
		ID: r.ID, Object: "refund", SessionID: r.SessionID, PaymentID: r.PaymentID, Status: string(r.State), AmountCents: r.Amount,
		Currency: r.Currency, Reason: r.Reason, Origin: r.Origin, Failure: r.Failure, Livemode: r.Mode == Live,
		CreatedAt: seconds(r.CreatedAt), SettledAt: optionalSeconds(r.SettledAt),
	}
}

// writeRefund books what is to be paid back.
func (c *Checkout) writeRefund(ctx context.Context, params RefundParams) (rec refundRecord, isNew bool, err error) {
	if !isID(prefixSession, params.SessionID) {
		return rec, false, ErrNotFound
	}
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	id := newID(prefixRefund, c.now())
	err = c.store.transact(ctx, func(t tx) (err error) {
		rec, isNew, err = c.writeRefundIn(ctx, t, id, params)
		return err
	})
	c.reached("refund.booked")
	return rec, isNew, err
}

func (c *Checkout) writeRefundIn(ctx context.Context, t tx, id string, params RefundParams) (refundRecord, bool, error) {
	s, err := t.lockSession(params.SessionID)
	if err != nil {
		return refundRecord{}, false, err
	}
	if params.mode != "" && s.Mode != params.mode {
		return refundRecord{}, false, ErrNotFound
	}
	if have, err := t.refund(id); err == nil {
		return have, true, nil // ours is there after a commit whose answer was lost
	}
	if params.IdempotencyKey != "" {
		have, err := t.refundByKey(s.Mode, params.IdempotencyKey)
		if err == nil && orEmpty(have.RequestHash) != params.hash() {
			return have, false, ErrKeyReused
		}
		if !errors.Is(err, ErrNotFound) {
			return have, false, err
		}
	}
	rec, err := c.newRefund(t, id, s, params)
	if err != nil {
		return rec, false, err
	}
	isNew, err := t.insertRefund(rec)
	if err == nil && !isNew {
		err = ErrDatabaseBusy // the same key for two sessions at the same moment: the repeat will see which was first
	}
	if err != nil {
		return rec, false, err
	}
	return rec, true, c.audit(ctx, t, change{mode: rec.Mode, action: "refund.create", object: rec.ID, session: rec.SessionID, after: map[string]any{
		"amount_cents": rec.Amount, "currency": rec.Currency, "reason": params.Reason, "by_hand": params.ByHand,
	}})
}

func (params RefundParams) hash() string {
	if params.requestHash != "" {
		return params.requestHash
	}
	return sha256Hex(fmt.Sprintf("%s\n%d\n%s", params.SessionID, params.AmountCents, params.Reason))
}

func (c *Checkout) newRefund(t tx, id string, s sessionRecord, params RefundParams) (rec refundRecord, err error) {
	if s.Status != StatusCompleted || s.PaymentID == nil {
		return rec, ErrRefundExceeds.saying("Nothing was paid for this session.")
	}
	p, err := t.payment(*s.PaymentID)
	if err != nil {
		return rec, err
	}
	gone, err := t.refundedOf(p.ID)
	if err != nil {
		return rec, err
	}
	amount := params.AmountCents
	if amount == 0 {
		amount = p.Captured - gone
	}
	if amount <= 0 || amount > p.Captured-gone {
		return rec, ErrRefundExceeds.saying("Only %d minor units of this payment are left to refund.", p.Captured-gone)
	}
	provider, err := c.provider(p)
	if err != nil {
		return rec, ErrProviderUnavailable.because(err)
	}
	_, refunds := provider.(Refunder)
	if !refunds && !params.ByHand {
		return rec, ErrRefundByHand
	}
	now := c.now()
	rec = refundRecord{
		ID: id, SessionID: s.ID, PaymentID: p.ID, Mode: s.Mode, Origin: originRequest, State: refundPending, Amount: amount, Currency: p.Currency,
		Reason: pointer(params.Reason), NextAt: millis(now.Add(callTimeout)), CreatedAt: millis(now), IdempotencyKey: pointer(params.IdempotencyKey),
	}
	if params.ByHand && !refunds {
		rec.State, rec.Failure = refundNeedsPerson, pointer("The provider cannot refund: pay back by hand.")
	}
	if c.inHostTx {
		rec.NextAt = millis(now) // nobody calls the provider after the host's commit but the worker
	}
	if params.IdempotencyKey != "" {
		rec.RequestHash = pointer(params.hash())
	}
	return rec, nil
}

// oweRefund books money that belongs to no order, in the transaction that found out.
func (c *Checkout) oweRefund(t tx, p paymentRecord, amount int64, currency, note string) error {
	if amount <= 0 {
		return nil
	}
	now := millis(c.now())
	isNew, err := t.insertRefund(refundRecord{
		ID: newID(prefixRefund, c.now()), SessionID: p.SessionID, PaymentID: p.ID, Mode: p.Mode, Origin: note, State: refundPending,
		Amount: amount, Currency: currency, NextAt: now, CreatedAt: now,
	})
	if err == nil && !isNew {
		err = errInvariant // owed money must not get lost
	}
	return err
}

// SettleRefund ends a refund that needs a person, who has paid it back by hand; the note says how. The event of a refund
// that succeeded is published. Anything else than a refund that needs a person is [ErrNotFound].
func (c *Checkout) SettleRefund(ctx context.Context, id, note string) error {
	if err := checkWords("", note); err != nil {
		return err
	}
	r, err := c.store.refundByID(ctx, id)
	if err == nil && r.State != refundNeedsPerson {
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	return c.settleRefund(ctx, r.PaymentID, refundFact{id: r.ID, byHand: true, note: note, observation: RefundObservation{
		State: StateSucceeded, Amount: r.Amount, Currency: r.Currency,
	}})
}

// refundDue sends the refunds that are due (T16).
func (c *Checkout) refundDue(ctx context.Context) error {
	due, err := c.store.claimRefunds(ctx, c.now(), claimAgain, refundBatch)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, r := range due {
		wg.Go(func() {
			c.contained(ctx, "refund", func(ctx context.Context) error { return c.sendRefund(ctx, r) })
		})
	}
	wg.Wait()
	return nil
}

// sendRefund calls the provider and settles its answer. Any number of calls with one refund pay back once: the key is
// the refund's own.
func (c *Checkout) sendRefund(ctx context.Context, r refundRecord) error {
	p, err := c.store.paymentByID(ctx, r.PaymentID)
	if err != nil {
		return err
	}
	provider, err := c.provider(p)
	if err != nil {
		return errors.Join(err, c.again(ctx, r, "", err))
	}
	refunder, ok := provider.(Refunder)
	if !ok {
		return c.settleRefund(ctx, r.PaymentID, refundFact{id: r.ID, park: "The provider cannot refund: pay back by hand."})
	}
	call, cancel := detached(ctx, callTimeout)
	defer cancel()
	c.reached("refund.calling")
	o, err := refunder.Refund(call, RefundRequest{Charge: chargeRef(p), Key: r.key(), Amount: r.Amount, Currency: r.Currency, Reason: orEmpty(r.Reason)})
	c.reached("refund.answered")
	switch {
	case errors.Is(err, ErrRejected):
		return c.settleRefund(ctx, r.PaymentID, refundFact{id: r.ID, observation: RefundObservation{State: StateFailed, Amount: r.Amount, Currency: r.Currency}})
	case err != nil:
		return errors.Join(err, c.again(ctx, r, "", err))
	case o.State == StateSucceeded || o.State == StateFailed || o.State == StateCanceled:
		return c.settleRefund(ctx, r.PaymentID, refundFact{id: r.ID, observation: o})
	}
	return c.again(ctx, r, o.Ref, nil)
}

// again plans the next try, or hands the refund to a person after the last. A refund the provider is working on waits as
// long as that takes.
func (c *Checkout) again(ctx context.Context, r refundRecord, ref string, cause error) error {
	if cause != nil && r.Tries >= len(refundAfter) {
		return c.settleRefund(ctx, r.PaymentID, refundFact{id: r.ID, park: "The provider could not be reached."})
	}
	work := context.WithoutCancel(ctx)
	if cause == nil { // an answer is no failed try; the older the refund, the less is asked
		age := c.now().Sub(fromMillis(r.CreatedAt))
		return c.store.scheduleRefund(work, r.ID, ref, c.now().Add(min(max(age/4, refundAfter[0]), longestRefundWait)), 1)
	}
	return c.store.scheduleRefund(work, r.ID, ref, c.now().Add(refundAfter[min(r.Tries, len(refundAfter)-1)]), 0)
}

// refundFact is what became of a refund: the provider's word, or that a person has to look.
type refundFact struct {
	id          string // ours; empty for what a provider reports
	observation RefundObservation
	park        string
	byHand      bool // a person has paid it back
	note        string
}

// settleRefund is the door for refunds, as settle is for payments.
func (c *Checkout) settleRefund(ctx context.Context, paymentID string, f refundFact) error {
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	var done settled
	err := c.store.transact(ctx, func(t tx) (err error) {
		s, err := t.lockSessionOf(paymentID)
		if err != nil {
			return err
		}
		p, err := t.payment(paymentID)
		if err != nil {
			return err
		}
		done, err = c.settleRefundIn(ctx, t, s, paymentID, f, settled{skip: c.hookSkipped(p.HookRefusals)})
		c.reached("refund.written")
		return err
	})
	if err != nil {
		return c.refused(ctx, err, paymentID, c.store.countRefusal)
	}
	c.afterSettle(ctx, paymentID, done)
	return nil
}

func (c *Checkout) settleRefundIn(ctx context.Context, t tx, s sessionRecord, paymentID string, f refundFact, done settled) (settled, error) {
	r, err := c.refundOf(t, s, paymentID, f)
	if err != nil || r == nil {
		return done, err
	}
	if f.park != "" {
		parked, err := t.parkRefund(r.ID, f.park)
		if err != nil || !parked {
			return done, err
		}
		c.cfg.Logger.ErrorContext(ctx, "checkout: a refund needs a person", "refund", shortID(r.ID), "why", f.park)
		if r.ofPayment() {
			return done, t.markRefunded(paymentID, attemptNeedsPerson)
		}
		return done, nil
	}
	if f.byHand {
		err := c.audit(ctx, t, change{mode: r.Mode, action: "refund.settle", object: r.ID, session: r.SessionID, after: map[string]any{
			"amount_cents": r.Amount, "currency": r.Currency, "note": f.note,
		}})
		if err != nil {
			return done, err
		}
	}
	return c.endRefund(ctx, t, s, *r, f.observation, done)
}

// refundOf finds the refund a fact is about. One that a provider made by itself is booked now; nil means nothing to do.
func (c *Checkout) refundOf(t tx, s sessionRecord, paymentID string, f refundFact) (*refundRecord, error) {
	if f.id != "" {
		r, err := t.refund(f.id)
		return &r, err
	}
	o := f.observation
	r, err := t.refundOfNotice(paymentID, o)
	if err == nil {
		return &r, nil
	}
	if !errors.Is(err, ErrNotFound) || o.State != StateSucceeded || o.Ref == "" || o.Amount <= 0 {
		return nil, ignoreMissing(err)
	}
	now := millis(c.now())
	r = refundRecord{
		ID: newID(prefixRefund, c.now()), SessionID: s.ID, PaymentID: paymentID, Mode: s.Mode, Origin: originProvider, State: refundPending,
		Amount: o.Amount, Currency: o.Currency, ProviderRef: &o.Ref, NextAt: now, CreatedAt: now,
	}
	isNew, err := t.insertRefund(r)
	if err != nil || !isNew {
		return nil, err
	}
	return &r, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// endRefund books the end of a refund once.
func (c *Checkout) endRefund(ctx context.Context, t tx, s sessionRecord, r refundRecord, o RefundObservation, done settled) (settled, error) {
	var kind string
	switch o.State {
	case StateSucceeded:
		r.State, kind, r.Failure = refundSucceeded, webhook.RefundSucceeded, nil // what a person was told is over
	case StateFailed, StateCanceled:
		r.State, kind = refundFailed, webhook.RefundFailed
		r.Failure = pointer("The provider refused the refund.")
	default:
		return done, nil
	}
	if o.State == StateSucceeded && o.Amount > 0 && (o.Amount != r.Amount || (o.Currency != "" && o.Currency != r.Currency)) {
		return c.settleRefundIn(ctx, t, s, r.PaymentID, refundFact{id: r.ID, park: "The provider paid back another amount than asked for."}, done)
	}
	if r.owed() && r.State == refundFailed {
		return c.settleRefundIn(ctx, t, s, r.PaymentID, refundFact{id: r.ID, park: "The provider refused to pay back money that belongs to no order."}, done)
	}
	if o.Ref != "" {
		r.ProviderRef = &o.Ref
	}
	other, err := t.refundOfRef(r)
	if err != nil {
		return done, err
	}
	if other != "" { // the provider had told of this money without our key
		r.State, r.ProviderRef, kind = refundFailed, nil, webhook.RefundFailed
		r.Failure = pointer("The provider has told of this money before: it is booked as " + other + ".")
	}
	at := eventTime(s, c.now())
	ended, err := t.settleRefund(r, at)
	if err != nil || !ended {
		return done, err
	}
	if err := c.bookRefund(t, &s, r, at); err != nil {
		return done, err
	}
	e, err := c.refundEvent(kind, s, r, at)
	if err != nil {
		return done, err
	}
	if done, err = c.publishOf(ctx, t, r.PaymentID, e, done); err != nil {
		return done, err
	}
	return done, t.forgetRefusals(r.PaymentID)
}

// bookRefund moves what the refund belongs to: the session's books, or the payment whose money was owed.
func (c *Checkout) bookRefund(t tx, s *sessionRecord, r refundRecord, at int64) error {
	if r.State != refundSucceeded {
		return t.setEventTime(s.ID, at)
	}
	if r.ofPayment() {
		return errors.Join(t.markRefunded(r.PaymentID, attemptRefunded), t.setEventTime(s.ID, at))
	}
	if r.owed() || s.Status != StatusCompleted || orEmpty(s.PaymentID) != r.PaymentID {
		return t.setEventTime(s.ID, at)
	}
	s.AmountRefunded += r.Amount
	s.PaymentStatus = PaymentPartiallyRefunded
	if s.AmountRefunded >= s.Amount {
		s.PaymentStatus = PaymentRefunded
	}
	if d := c.creditOf(*s, r, at); d != nil {
		if err := errors.Join(t.insertDocument(*d), t.insertMail(c.mailOf(*s, mailRefunded, r.ID, &d.ID, at))); err != nil {
			return err
		}
	}
	return t.addRefunded(s.ID, r.Amount, s.PaymentStatus, at)
}

// refundEvent freezes the bytes of an event about a refund.
func (c *Checkout) refundEvent(kind string, s sessionRecord, r refundRecord, at int64) (Event, error) {
	e := Event{ID: newID(prefixEvent, c.now()), Type: kind, SessionID: s.ID, Mode: s.Mode, CreatedAt: seconds(at)}
	var body canonjson.Object
	body.String("event", kind)
	body.Object("data", func(d *canonjson.Object) {
		d.String("id", r.ID)
		d.String("status", string(r.State))
		d.Int("amount_cents", r.Amount)
		d.String("currency", r.Currency)
		d.String("session_id", s.ID)
		d.String("payment_id", r.PaymentID)
		d.NullString("reason", r.Reason)
		d.String("origin", r.Origin)
		d.NullString("client_reference_id", s.Reference)
		d.Raw("metadata", []byte(s.Metadata))
		d.Bool("livemode", s.Mode == Live)
	})
	var err error
	if e.Payload, err = sealEvent(&body, e); err != nil {
		return e, err
	}
	e.Session, err = c.view(s)
	return e, err
}

// Refunds lists the refunds of a session, newest first, a hundred at most. A session that does not exist has none.
func (c *Checkout) Refunds(ctx context.Context, sessionID string) ([]Refund, error) {
	records, err := c.store.refunds(ctx, sessionID)
	list := make([]Refund, 0, len(records))
	for _, r := range records {
		list = append(list, r.view())
	}
	return list, err
}
