package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// sessionRecord is a row of the sessions table. Times are Unix milliseconds.
type sessionRecord struct {
	ID             string
	Mode           Mode
	Status         Status
	PaymentStatus  PaymentStatus
	Amount         int64
	Currency       string
	AmountTax      int64
	AmountRefunded int64
	LineItems      string
	CustomerEmail  *string
	EmailFromPage  bool // the buyer typed it; the answer to the create did not have it
	Metadata       string
	Reference      *string
	Billing        *string
	Locale         string
	Methods        *string
	SuccessURL     string
	CancelURL      string
	EmbedOrigin    *string
	LatePayment    string
	LastError      *string
	PaymentID      *string
	Attempts       int
	CreatedAt      int64
	TTLSeconds     int64
	ExpiresAt      int64
	CompletedAt    *int64
	ExpiredAt      *int64
	LastEventAt    int64
	HookRefusals   int // of the expiry; payments count their own
	IdempotencyKey *string
	RequestHash    *string
	DocumentID     *string // from the completion on
	BuyerLocale    *string // BCP 47, of the last attempt
}

const sessionColumns = `id, mode, status, payment_status, amount, currency, amount_tax, amount_refunded, line_items,
	customer_email, email_from_page, metadata, client_reference_id, billing_details, locale, payment_methods,
	success_url, cancel_url, embed_origin, late_payment, last_error, payment_id, attempts, created_at, ttl_seconds,
	expires_at, completed_at, expired_at, last_event_at, hook_refusals, idempotency_key, request_hash, invoice_id, buyer_locale`

func readSession(row scanner) (r sessionRecord, err error) {
	var fromPage int
	err = row.Scan(&r.ID, &r.Mode, &r.Status, &r.PaymentStatus, &r.Amount, &r.Currency, &r.AmountTax, &r.AmountRefunded, &r.LineItems,
		&r.CustomerEmail, &fromPage, &r.Metadata, &r.Reference, &r.Billing, &r.Locale, &r.Methods,
		&r.SuccessURL, &r.CancelURL, &r.EmbedOrigin, &r.LatePayment, &r.LastError, &r.PaymentID, &r.Attempts, &r.CreatedAt, &r.TTLSeconds,
		&r.ExpiresAt, &r.CompletedAt, &r.ExpiredAt, &r.LastEventAt, &r.HookRefusals, &r.IdempotencyKey, &r.RequestHash, &r.DocumentID, &r.BuyerLocale)
	r.EmailFromPage = fromPage == 1
	return r, err
}

// items decodes what this package has encoded itself.
func (r sessionRecord) items() ([]LineItem, error) {
	var items []LineItem
	err := json.Unmarshal([]byte(r.LineItems), &items)
	return items, err
}

// methods are the payment methods the merchant has chosen; nil means all.
func (r sessionRecord) methods() (ids []string) {
	if r.Methods != nil {
		_ = json.Unmarshal([]byte(*r.Methods), &ids) // written by newSession; unreadable means none
	}
	return ids
}

// country is the buyer's as far as the merchant has told it.
func (r sessionRecord) country() string {
	var b BillingDetails
	if r.Billing == nil || json.Unmarshal([]byte(*r.Billing), &b) != nil || b.Address == nil {
		return ""
	}
	return orEmpty(b.Address.Country)
}

// insertSession stores a new session in one statement. It gives the stored record: the new one, or the one an earlier
// request with the same idempotency key made.
func (s *store) insertSession(ctx context.Context, r sessionRecord) (stored sessionRecord, isNew bool, err error) {
	err = s.retry(ctx, func() (err error) {
		stored, isNew, err = s.direct(ctx).insertSession(r)
		return err
	})
	return stored, isNew, err
}

func (t tx) insertSession(r sessionRecord) (sessionRecord, bool, error) {
	n, err := t.exec(`INSERT INTO {sessions} (`+sessionColumns+`) VALUES (`+sessionPlaceholders+`) ON CONFLICT DO NOTHING`, sessionValues(r)...)
	if err != nil || n == 1 {
		return r, true, err
	}
	return t.sessionInTheWay(r)
}

var sessionPlaceholders = placeholders(34)

func sessionValues(r sessionRecord) []any {
	fromPage := 0
	if r.EmailFromPage {
		fromPage = 1
	}
	return []any{r.ID, r.Mode, r.Status, r.PaymentStatus, r.Amount, r.Currency, r.AmountTax, r.AmountRefunded, r.LineItems,
		r.CustomerEmail, fromPage, r.Metadata, r.Reference, r.Billing, r.Locale, r.Methods,
		r.SuccessURL, r.CancelURL, r.EmbedOrigin, r.LatePayment, r.LastError, r.PaymentID, r.Attempts, r.CreatedAt, r.TTLSeconds,
		r.ExpiresAt, r.CompletedAt, r.ExpiredAt, r.LastEventAt, r.HookRefusals, r.IdempotencyKey, r.RequestHash, r.DocumentID, r.BuyerLocale}
}

// sessionInTheWay finds the row that kept an insert from happening. The session's own id is there after an answer that
// was lost: the insert had worked.
func (t tx) sessionInTheWay(r sessionRecord) (sessionRecord, bool, error) {
	own, err := first(t, readSession, `SELECT `+sessionColumns+` FROM {sessions} WHERE id = ?`, r.ID)
	if err == nil {
		return own, true, nil
	}
	if !errors.Is(err, ErrNotFound) || r.IdempotencyKey == nil {
		return own, false, err
	}
	earlier, err := first(t, readSession, `SELECT `+sessionColumns+` FROM {sessions} WHERE mode = ? AND idempotency_key = ?`, r.Mode, *r.IdempotencyKey)
	return earlier, false, err
}

// session reads one session whatever its mode; callers compare the mode themselves.
func (s *store) session(ctx context.Context, id string) (rec sessionRecord, err error) {
	if !isID(prefixSession, id) {
		return rec, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		rec, err = s.direct(ctx).session(id)
		return err
	})
	return rec, err
}

func (t tx) session(id string) (sessionRecord, error) {
	return first(t, readSession, `SELECT `+sessionColumns+` FROM {sessions} WHERE id = ?`, id)
}

// lockSession is the first statement of every transaction that changes a session: whoever has written the row decides
// next, everybody else waits and then sees what was decided.
func (t tx) lockSession(id string) (sessionRecord, error) {
	return first(t, readSession, `UPDATE {sessions} SET rev = rev + 1 WHERE id = ? RETURNING `+sessionColumns, id)
}

// lockSessionOf locks the session a payment belongs to.
func (t tx) lockSessionOf(paymentID string) (sessionRecord, error) {
	return first(t, readSession, `UPDATE {sessions} SET rev = rev + 1
		WHERE id = (SELECT session_id FROM {payments} WHERE id = ?) RETURNING `+sessionColumns, paymentID)
}

// completeSession is the only statement that completes. It needs the lock, and changes pending sessions only.
func (t tx) completeSession(id, paymentID, documentID string, status PaymentStatus, at int64) error {
	return t.one(`UPDATE {sessions} SET status = 'completed', payment_status = ?, payment_id = ?, completed_at = ?, last_event_at = ?, last_error = NULL,
		invoice_id = ? WHERE id = ? AND status = 'pending'`, status, paymentID, at, at, nullable(documentID), id)
}

// expireSession is the only statement that expires. It needs the lock; a session with an open attempt is left alone,
// because its money may be on the way.
func (t tx) expireSession(id string, at, eventAt int64) (bool, error) {
	n, err := t.exec(`UPDATE {sessions} SET status = 'expired', expired_at = ?, last_event_at = ? WHERE id = ? AND status = 'pending'
		AND NOT EXISTS (SELECT 1 FROM {payments} WHERE session_id = ? AND state = 'open')`, at, eventAt, id, id)
	return n == 1, err
}

// markAttempt counts a new attempt and keeps the buyer's language and the address the buyer typed.
func (t tx) markAttempt(id, email, locale string, status PaymentStatus) error {
	if email == "" {
		return t.one(`UPDATE {sessions} SET attempts = attempts + 1, payment_status = ?, buyer_locale = ? WHERE id = ? AND status = 'pending'`,
			status, nullable(locale), id)
	}
	return t.one(`UPDATE {sessions} SET attempts = attempts + 1, payment_status = ?, buyer_locale = ?, customer_email = ?, email_from_page = 1
		WHERE id = ? AND status = 'pending'`, status, nullable(locale), email, id)
}

func (t tx) setPaymentStatus(id string, status PaymentStatus) error {
	_, err := t.exec(`UPDATE {sessions} SET payment_status = ? WHERE id = ? AND status = 'pending'`, status, id)
	return err
}

func (t tx) setFailure(id string, status PaymentStatus, lastError string, eventAt int64) error {
	_, err := t.exec(`UPDATE {sessions} SET payment_status = ?, last_error = ?, last_event_at = ? WHERE id = ? AND status = 'pending'`,
		status, lastError, eventAt, id)
	return err
}

// extendSession moves the end of a pending session forward, never back.
func (t tx) extendSession(id string, expiresAt int64) error {
	_, err := t.exec(`UPDATE {sessions} SET expires_at = ? WHERE id = ? AND status = 'pending' AND expires_at < ?`, expiresAt, id, expiresAt)
	return err
}

// shortenSession moves the end of a pending session back.
func (t tx) shortenSession(id string, expiresAt int64) error {
	_, err := t.exec(`UPDATE {sessions} SET expires_at = ? WHERE id = ? AND status = 'pending' AND expires_at > ?`, expiresAt, id, expiresAt)
	return err
}

// countSessionRefusal remembers that the host's hook said no to the expiry.
func (s *store) countSessionRefusal(ctx context.Context, id string) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {sessions} SET hook_refusals = hook_refusals + 1 WHERE id = ?`, id)
		return err
	})
}

// dueSessions are pending sessions whose time is up and that no payment holds open.
func (s *store) dueSessions(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return all(s.direct(ctx), readText, `SELECT id FROM {sessions} WHERE status = 'pending' AND expires_at <= ?
		AND NOT EXISTS (SELECT 1 FROM {payments} WHERE session_id = {sessions}.id AND state = 'open')
		ORDER BY expires_at LIMIT ?`, millis(now), limit)
}

// SessionFilter selects sessions for a list, newest first. Empty fields do not filter.
type SessionFilter struct {
	Mode              Mode // required
	Status            Status
	PaymentStatus     PaymentStatus
	CustomerEmail     string // exactly as stored
	ClientReferenceID string
	CreatedFrom       time.Time // inclusive
	CreatedTo         time.Time // inclusive, to the second
	StartingAfter     string    // id of the last session of the page before
	EndingBefore      string    // id of the first session of the page behind
	Limit             int       // 1–100. Defaults to 10
}

// listSessions reads one more row than asked for, to know whether there are more. The id sorts by time, so that dates
// and cursors are ranges of the index that each filter has.
func (s *store) listSessions(ctx context.Context, f SessionFilter) (list []sessionRecord, err error) {
	where, args := sessionWhere(f)
	order := "DESC"
	if f.EndingBefore != "" {
		order = "ASC"
	}
	statement := fmt.Sprintf(`SELECT %s FROM {sessions} WHERE %s ORDER BY id %s LIMIT ?`, sessionColumns, where, order)
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readSession, statement, append(args, f.Limit+1)...)
		return err
	})
	return list, err
}

func sessionWhere(f SessionFilter) (string, []any) {
	where, args := []string{"mode = ?"}, []any{f.Mode}
	add := func(condition string, arg any) { where, args = append(where, condition), append(args, arg) }
	for _, e := range []struct{ column, value string }{
		{"status", string(f.Status)}, {"payment_status", string(f.PaymentStatus)},
		{"customer_email", f.CustomerEmail}, {"client_reference_id", f.ClientReferenceID},
	} {
		if e.value != "" {
			add(e.column+" = ?", e.value)
		}
	}
	if f.StartingAfter != "" {
		add("id < ?", f.StartingAfter)
	}
	if f.EndingBefore != "" {
		add("id > ?", f.EndingBefore)
	}
	if !f.CreatedFrom.IsZero() {
		add("id >= ?", prefixSession+timeDigits(f.CreatedFrom))
	}
	if !f.CreatedTo.IsZero() {
		add("id < ?", prefixSession+timeDigits(f.CreatedTo.Truncate(time.Second).Add(time.Second)))
	}
	return strings.Join(where, " AND "), args
}
