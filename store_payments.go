package checkout

import (
	"context"
	"errors"
	"time"
)

// paymentState is where an attempt stands for us.
type paymentState string

// The states of an attempt: open → succeeded | failed | refund_due; refund_due → refunded | needs_person.
const (
	attemptOpen      paymentState = "open"
	attemptSucceeded paymentState = "succeeded"
	attemptFailed    paymentState = "failed"
	attemptRefundDue paymentState = "refund_due"

	attemptRefunded    paymentState = "refunded"
	attemptNeedsPerson paymentState = "needs_person"
)

// paymentRecord is a row of the payments table: one attempt to pay a session. Its id is the idempotency key at the
// provider. Times are Unix milliseconds.
type paymentRecord struct {
	ID           string
	SessionID    string
	Mode         Mode
	Ordinal      int
	Provider     string
	Method       string
	State        paymentState
	Step         State // what the buyer has to do while the attempt is open; empty while nobody knows
	Amount       int64
	Currency     string
	Captured     int64
	Received     int64 // by transfer, while the attempt is open: a part of Amount
	Ref          string
	ChargeID     string
	ActionURL    string
	Client       string
	Reason       string
	ProviderCode string
	CreatedAt    int64
	SettledAt    *int64
	Polls        int
	Tries        int // that failed while the attempt went on
	HookRefusals int
	HookSkipped  bool
	Actor        string // who confirmed it by hand, and why
	Note         string
}

// due is what is still to be paid of an open attempt.
func (p paymentRecord) due() int64 {
	if p.State != attemptOpen {
		return 0
	}
	return p.Amount - p.Received
}

const paymentColumns = `id, session_id, mode, ordinal, provider, method, state, step, amount, currency, captured, received,
	COALESCE(ref, ''), COALESCE(charge_id, ''), COALESCE(action_url, ''), COALESCE(client, ''), COALESCE(reason, ''), COALESCE(provider_code, ''),
	created_at, settled_at, polls, tries, hook_refusals, hook_skipped,
	COALESCE(actor, ''), COALESCE(note, '')`

func readPayment(row scanner) (p paymentRecord, err error) {
	var skipped int
	err = row.Scan(&p.ID, &p.SessionID, &p.Mode, &p.Ordinal, &p.Provider, &p.Method, &p.State, &p.Step, &p.Amount, &p.Currency, &p.Captured, &p.Received,
		&p.Ref, &p.ChargeID, &p.ActionURL, &p.Client, &p.Reason, &p.ProviderCode, &p.CreatedAt, &p.SettledAt, &p.Polls, &p.Tries, &p.HookRefusals, &skipped,
		&p.Actor, &p.Note)
	p.HookSkipped = skipped == 1
	return p, err
}

// insertPayment opens an attempt. It does nothing when the session has an open one already, or one with this ordinal.
func (t tx) insertPayment(p paymentRecord, nextPoll int64) (bool, error) {
	n, err := t.exec(`INSERT INTO {payments} (id, session_id, mode, ordinal, provider, method, state, step, amount, currency, created_at, next_poll_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		p.ID, p.SessionID, p.Mode, p.Ordinal, p.Provider, p.Method, p.State, p.Step, p.Amount, p.Currency, p.CreatedAt, nextPoll)
	return n == 1, err
}

func (t tx) payment(id string) (paymentRecord, error) {
	return first(t, readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE id = ?`, id)
}

func (t tx) openPayment(sessionID string) (paymentRecord, error) {
	return first(t, readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE session_id = ? AND state = 'open'`, sessionID)
}

// lastPayment is the newest attempt of a session; [ErrNotFound] when there was none.
func (s *store) lastPayment(ctx context.Context, sessionID string) (p paymentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		p, err = first(s.direct(ctx), readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE session_id = ? ORDER BY ordinal DESC LIMIT 1`, sessionID)
		return err
	})
	return p, err
}

func (s *store) payments(ctx context.Context, sessionID string) (list []paymentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE session_id = ? ORDER BY ordinal`, sessionID)
		return err
	})
	return list, err
}

func (s *store) paymentByID(ctx context.Context, id string) (p paymentRecord, err error) {
	if !isID(prefixPayment, id) {
		return p, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		p, err = s.direct(ctx).payment(id)
		return err
	})
	return p, err
}

// paymentOfNotice finds what a notification is about: by our id, which charges carry in their metadata, or the company's.
func (s *store) paymentOfNotice(ctx context.Context, provider string, o Observation) (p paymentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		p, err = first(s.direct(ctx), readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE provider = ? AND id = ?`, provider, o.AttemptID)
		if errors.Is(err, ErrNotFound) && o.Ref != "" {
			p, err = first(s.direct(ctx), readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE provider = ? AND ref = ?`, provider, o.Ref)
		}
		return err
	})
	return p, err
}

// updateOpen keeps what is known of an attempt that goes on.
func (t tx) updateOpen(p paymentRecord, nextPoll int64) error {
	return t.one(`UPDATE {payments} SET step = ?, ref = ?, action_url = ?, client = ?, reason = ?, provider_code = ?, next_poll_at = ?
		WHERE id = ? AND state = 'open'`,
		p.Step, nullable(p.Ref), nullable(p.ActionURL), nullable(p.Client), nullable(p.Reason), nullable(p.ProviderCode), nextPoll, p.ID)
}

// countTry counts a try that failed, and brings the next look forward after the last one there may be.
func (t tx) countTry(p paymentRecord, now int64) error {
	return t.one(`UPDATE {payments} SET tries = tries + 1, next_poll_at = CASE WHEN tries + 1 >= ? THEN ? ELSE next_poll_at END
		WHERE id = ? AND state = 'open'`, maxTries, now, p.ID)
}

// settlePayment moves an attempt on from the state it was read in.
func (t tx) settlePayment(p paymentRecord, from paymentState, at int64) error {
	return t.one(`UPDATE {payments} SET state = ?, step = ?, captured = ?, ref = ?, charge_id = ?, client = NULL, reason = ?, provider_code = ?, settled_at = ?, actor = ?, note = ?,
		hook_refusals = 0, next_poll_at = NULL WHERE id = ? AND state = ?`,
		p.State, p.Step, p.Captured, nullable(p.Ref), nullable(p.ChargeID), nullable(p.Reason), nullable(p.ProviderCode), at, nullable(p.Actor), nullable(p.Note), p.ID, from)
}

// chargeTaken reports whether the money was already counted for another attempt.
func (t tx) chargeTaken(provider, chargeID, paymentID string) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {payments} WHERE provider = ? AND charge_id = ? AND id <> ?`, provider, chargeID, paymentID)
	return len(list) > 0, err
}

// tookMoney reports whether an attempt of a session took money that belongs to no order.
func (s *store) tookMoney(ctx context.Context, sessionID string) (took bool, err error) {
	err = s.retry(ctx, func() error {
		list, err := all(s.direct(ctx), readText, `SELECT id FROM {payments} WHERE session_id = ? AND state IN ('refund_due', 'refunded', 'needs_person')`, sessionID)
		took = len(list) > 0
		return err
	})
	return took, err
}

// claimPayments takes open attempts whose next look is due. Moving the next look forward is the claim: nobody else
// takes them meanwhile, and if this process dies they come up again.
func (s *store) claimPayments(ctx context.Context, now time.Time, again time.Duration, limit int) (list []paymentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readPayment, `UPDATE {payments} SET polls = polls + 1, next_poll_at = ?
			WHERE id IN (SELECT id FROM {payments} WHERE state = 'open' AND next_poll_at <= ? ORDER BY next_poll_at LIMIT ?`+s.skipLocked()+`)
			RETURNING `+paymentColumns, millis(now.Add(again)), millis(now), limit)
		return err
	})
	return list, err
}

// scheduleLook sets the next look. After the last try the next look is at once, or when a claim has run out.
func (s *store) scheduleLook(ctx context.Context, id string, at time.Time) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {payments} SET next_poll_at = ? WHERE id = ? AND state = 'open' AND tries < ?`, millis(at), id, maxTries)
		return err
	})
}

// countRefusal remembers that the host's hook said no to this payment.
func (s *store) countRefusal(ctx context.Context, id string) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {payments} SET hook_refusals = hook_refusals + 1 WHERE id = ?`, id)
		return err
	})
}

// noteSkip remembers that an event of a payment went past the host's hook.
func (t tx) noteSkip(id string) error {
	return t.one(`UPDATE {payments} SET hook_skipped = 1, hook_refusals = 0 WHERE id = ?`, id)
}

// forgetRefusals starts the count anew: what comes next deserves its own five tries.
func (t tx) forgetRefusals(id string) error {
	_, err := t.exec(`UPDATE {payments} SET hook_refusals = 0 WHERE id = ? AND hook_refusals > 0`, id)
	return err
}

// insertProviderEvent counts a notification once: false means that it was seen before.
func (t tx) insertProviderEvent(provider, eventID, paymentID string, at int64) (bool, error) {
	n, err := t.exec(`INSERT INTO {provider_events} (provider, event_id, payment_id, received_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		provider, eventID, paymentID, at)
	return n == 1, err
}

func (s *store) providerEventSeen(ctx context.Context, provider, eventID string) (seen bool, err error) {
	err = s.retry(ctx, func() error {
		list, err := all(s.direct(ctx), readText, `SELECT event_id FROM {provider_events} WHERE provider = ? AND event_id = ?`, provider, eventID)
		seen = len(list) > 0
		return err
	})
	return seen, err
}
