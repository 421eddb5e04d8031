package checkout

import (
	"context"
	"errors"
	"time"
)

// refundState is where a refund stands.
type refundState string

// The states of a refund: pending → succeeded | failed | needs_person.
const (
	refundPending     refundState = "pending"
	refundSucceeded   refundState = "succeeded"
	refundFailed      refundState = "failed"
	refundNeedsPerson refundState = "needs_person"
)

// The origins of a refund. Owed ones carry the note of the payment instead: amount_mismatch, late or extra.
const (
	originRequest  = "request"  // asked for by the merchant
	originProvider = "provider" // made at the provider, without us
	originSurplus  = "surplus"  // more came by transfer than was due
)

// refundRecord is a row of the refunds table. Times are Unix milliseconds.
type refundRecord struct {
	ID             string
	SessionID      string
	PaymentID      string
	Mode           Mode
	Origin         string
	State          refundState
	Amount         int64
	Currency       string
	Reason         *string
	Failure        *string
	ProviderRef    *string
	Tries          int
	NextAt         int64
	CreatedAt      int64
	SettledAt      *int64
	IdempotencyKey *string
	RequestHash    *string
}

// owed tells refunds of money that belongs to no order: they leave the session's own books alone.
func (r refundRecord) owed() bool { return r.Origin != originRequest && r.Origin != originProvider }

// ofPayment tells owed refunds that are all the money of their payment, whose state goes with them.
func (r refundRecord) ofPayment() bool { return r.owed() && r.Origin != originSurplus }

// key is the idempotency key at the provider.
func (r refundRecord) key() string {
	if r.ofPayment() {
		return r.PaymentID + ":refund"
	}
	return r.ID
}

const refundColumns = `id, session_id, payment_id, mode, origin, state, amount, currency, reason, failure, provider_ref,
	tries, next_at, created_at, settled_at, idempotency_key, request_hash`

func readRefund(row scanner) (r refundRecord, err error) {
	err = row.Scan(&r.ID, &r.SessionID, &r.PaymentID, &r.Mode, &r.Origin, &r.State, &r.Amount, &r.Currency, &r.Reason, &r.Failure, &r.ProviderRef,
		&r.Tries, &r.NextAt, &r.CreatedAt, &r.SettledAt, &r.IdempotencyKey, &r.RequestHash)
	return r, err
}

// insertRefund stores a refund unless its id, its idempotency key or its provider's reference is there already, or the
// payment has an owed one.
func (t tx) insertRefund(r refundRecord) (bool, error) {
	n, err := t.exec(`INSERT INTO {refunds} (`+refundColumns+`) VALUES (`+refundPlaceholders+`) ON CONFLICT DO NOTHING`,
		r.ID, r.SessionID, r.PaymentID, r.Mode, r.Origin, r.State, r.Amount, r.Currency, r.Reason, r.Failure, r.ProviderRef,
		r.Tries, r.NextAt, r.CreatedAt, r.SettledAt, r.IdempotencyKey, r.RequestHash)
	return n == 1, err
}

var refundPlaceholders = placeholders(17)

func (t tx) refund(id string) (refundRecord, error) {
	return first(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE id = ?`, id)
}

func (t tx) refundByKey(mode Mode, key string) (refundRecord, error) {
	return first(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE mode = ? AND idempotency_key = ?`, mode, key)
}

// refundOfNotice finds what a provider's word about a refund means: ours by the key it echoes, or one it has named before.
func (t tx) refundOfNotice(paymentID string, o RefundObservation) (refundRecord, error) {
	if o.Key == paymentID+":refund" {
		return first(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE payment_id = ? AND origin IN ('amount_mismatch', 'late', 'extra')`, paymentID)
	}
	r, err := first(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE payment_id = ? AND id = ?`, paymentID, o.Key)
	if !errors.Is(err, ErrNotFound) || o.Ref == "" {
		return r, err
	}
	r, err = first(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE payment_id = ? AND provider_ref = ?`, paymentID, o.Ref)
	if !errors.Is(err, ErrNotFound) {
		return r, err
	}
	// money that is owed and went back by hand at the provider is not owed any more
	return first(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE payment_id = ? AND amount = ?
		AND origin IN ('amount_mismatch', 'late', 'extra') AND state IN ('pending', 'needs_person')`, paymentID, o.Amount)
}

// refundOfRef gives the other refund of a payment that has the same reference at the provider, if any.
func (t tx) refundOfRef(r refundRecord) (id string, err error) {
	if r.ProviderRef == nil {
		return "", nil
	}
	id, err = first(t, readText, `SELECT id FROM {refunds} WHERE payment_id = ? AND provider_ref = ? AND id <> ?`, r.PaymentID, *r.ProviderRef, r.ID)
	return id, ignoreMissing(err)
}

// refundedOf sums what has gone back, or is on its way back, of a payment that completed a session.
func (t tx) refundedOf(paymentID string) (sum int64, err error) {
	err = t.query(func(row scanner) error { return row.Scan(&sum) }, `SELECT COALESCE(SUM(amount), 0) FROM {refunds}
		WHERE payment_id = ? AND state IN ('pending', 'succeeded', 'needs_person') AND origin IN ('request', 'provider')`, paymentID)
	return sum, err
}

// settleRefund ends a pending refund, or one that waits for a person.
func (t tx) settleRefund(r refundRecord, at int64) (bool, error) {
	n, err := t.exec(`UPDATE {refunds} SET state = ?, failure = ?, provider_ref = ?, settled_at = ? WHERE id = ? AND state IN ('pending', 'needs_person')`,
		r.State, r.Failure, r.ProviderRef, at, r.ID)
	return n == 1, err
}

// parkRefund leaves a refund to a person.
func (t tx) parkRefund(id, failure string) (bool, error) {
	n, err := t.exec(`UPDATE {refunds} SET state = 'needs_person', failure = ? WHERE id = ? AND state = 'pending'`, failure, id)
	return n == 1, err
}

// markRefunded moves the state of a payment whose money was owed.
func (t tx) markRefunded(paymentID string, state paymentState) error {
	return t.one(`UPDATE {payments} SET state = ? WHERE id = ? AND state IN ('refund_due', 'needs_person')`, state, paymentID)
}

// addRefunded books a refund into its completed session.
func (t tx) addRefunded(sessionID string, amount int64, status PaymentStatus, eventAt int64) error {
	return t.one(`UPDATE {sessions} SET amount_refunded = amount_refunded + ?, payment_status = ?, last_event_at = ? WHERE id = ? AND status = 'completed'`,
		amount, status, eventAt, sessionID)
}

func (t tx) setEventTime(sessionID string, eventAt int64) error {
	return t.one(`UPDATE {sessions} SET last_event_at = ? WHERE id = ?`, eventAt, sessionID)
}

// claimRefunds takes pending refunds that are due; moving the next try forward is the claim.
func (s *store) claimRefunds(ctx context.Context, now time.Time, again time.Duration, limit int) (list []refundRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readRefund, `UPDATE {refunds} SET tries = tries + 1, next_at = ?
			WHERE id IN (SELECT id FROM {refunds} WHERE state = 'pending' AND next_at <= ? ORDER BY next_at LIMIT ?`+s.skipLocked()+`)
			RETURNING `+refundColumns, millis(now.Add(again)), millis(now), limit)
		return err
	})
	return list, err
}

// scheduleRefund sets the next try and keeps the provider's name of a refund that is on its way.
// Forgiven tries are taken off the count.
func (s *store) scheduleRefund(ctx context.Context, id string, ref string, at time.Time, forgiven int) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {refunds} SET next_at = ?, provider_ref = COALESCE(?, provider_ref),
			tries = CASE WHEN tries >= ? THEN tries - ? ELSE 0 END WHERE id = ? AND state = 'pending'`,
			millis(at), nullable(ref), forgiven, forgiven, id)
		return err
	})
}

func (s *store) refundByID(ctx context.Context, id string) (r refundRecord, err error) {
	if !isID(prefixRefund, id) {
		return r, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		r, err = s.direct(ctx).refund(id)
		return err
	})
	return r, err
}

func (s *store) refunds(ctx context.Context, sessionID string) (list []refundRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE session_id = ? ORDER BY id DESC LIMIT 100`, sessionID)
		return err
	})
	return list, err
}
