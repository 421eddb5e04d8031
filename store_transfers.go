package checkout

import (
	"context"
	"slices"
)

// transferRecord is a row of the transfers table. Times are Unix milliseconds.
type transferRecord struct {
	ID        string
	Provider  string
	Mode      Mode
	Key       string
	Status    TransferStatus // booked, suggested, or dismissed
	PaymentID *string
	SessionID *string
	Amount    int64
	Surplus   int64
	Currency  string
	Reference *string
	Text      *string
	Payer     *string
	Actor     *string
	Note      *string
	BookedAt  *int64
	CreatedAt int64
}

const transferColumns = `id, provider, mode, line_key, status, payment_id, session_id, amount, surplus, currency, reference, remittance, payer,
	actor, note, booked_at, created_at`

var transferPlaceholders = placeholders(17)

func readTransfer(row scanner) (r transferRecord, err error) {
	err = row.Scan(&r.ID, &r.Provider, &r.Mode, &r.Key, &r.Status, &r.PaymentID, &r.SessionID, &r.Amount, &r.Surplus, &r.Currency, &r.Reference,
		&r.Text, &r.Payer, &r.Actor, &r.Note, &r.BookedAt, &r.CreatedAt)
	return r, err
}

// insertTransfer stores a line of a statement unless it is there already.
func (t tx) insertTransfer(r transferRecord) (bool, error) {
	n, err := t.exec(`INSERT INTO {transfers} (`+transferColumns+`) VALUES (`+transferPlaceholders+`) ON CONFLICT DO NOTHING`,
		r.ID, r.Provider, r.Mode, r.Key, r.Status, r.PaymentID, r.SessionID, r.Amount, r.Surplus, r.Currency, r.Reference,
		r.Text, r.Payer, r.Actor, r.Note, r.BookedAt, r.CreatedAt)
	return n == 1, err
}

func (s *store) transferByKey(ctx context.Context, provider, key string) (r transferRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		r, err = s.direct(ctx).transferByKey(provider, key)
		return err
	})
	return r, err
}

func (t tx) transferByKey(provider, key string) (transferRecord, error) {
	return first(t, readTransfer, `SELECT `+transferColumns+` FROM {transfers} WHERE provider = ? AND line_key = ?`, provider, key)
}

// claimTransfer takes a transfer that waits for a person and locks it.
func (t tx) claimTransfer(id string, status TransferStatus, paymentID, actor, note string) (transferRecord, error) {
	return first(t, readTransfer, `UPDATE {transfers} SET status = ?, payment_id = ?, session_id = (SELECT session_id FROM {payments} WHERE id = ?),
		actor = COALESCE(?, actor), note = COALESCE(?, note) WHERE id = ? AND status = 'suggested' RETURNING `+transferColumns,
		status, nullable(paymentID), paymentID, nullable(actor), nullable(note), id)
}

// hasTwin tells whether the same amount was booked on the same payment under another key.
func (t tx) hasTwin(r transferRecord) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {transfers} WHERE session_id = ? AND payment_id = ? AND amount = ? AND status = 'booked' AND id <> ? LIMIT 1`,
		r.SessionID, r.PaymentID, r.Amount, r.ID)
	return len(list) > 0, err
}

// setAside leaves a transfer to a person, with the payment it names.
func (t tx) setAside(id string) error {
	return t.one(`UPDATE {transfers} SET status = 'suggested' WHERE id = ?`, id)
}

func (t tx) setSurplus(id string, surplus int64) error {
	return t.one(`UPDATE {transfers} SET surplus = ? WHERE id = ?`, surplus, id)
}

// setReceived keeps a part of an open attempt's money.
func (t tx) setReceived(paymentID string, received int64) error {
	return t.one(`UPDATE {payments} SET received = ? WHERE id = ? AND state = 'open'`, received, paymentID)
}

func (s *store) transferByID(ctx context.Context, id string) (r transferRecord, err error) {
	if !isID(prefixTransfer, id) {
		return r, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		r, err = first(s.direct(ctx), readTransfer, `SELECT `+transferColumns+` FROM {transfers} WHERE id = ?`, id)
		return err
	})
	return r, err
}

// paymentOfRef is the newest payment with a reference at its provider.
func (s *store) paymentOfRef(ctx context.Context, provider, ref string) (p paymentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		p, err = first(s.direct(ctx), readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE provider = ? AND ref = ? ORDER BY id DESC LIMIT 1`, provider, ref)
		return err
	})
	return p, err
}

// waitingFor lists open payments of a provider of which just this amount is still due, newest first.
func (s *store) waitingFor(ctx context.Context, provider string, amount int64, currency string, limit int) (list []paymentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readPayment, `SELECT `+paymentColumns+` FROM {payments}
			WHERE provider = ? AND (amount - received) = ? AND state = 'open' AND currency = ? ORDER BY id DESC LIMIT ?`, provider, amount, currency, limit)
		return err
	})
	return list, err
}

// transfers lists what a filter asks for, newest first.
func (s *store) transfers(ctx context.Context, mode Mode, f TransferFilter) (list []transferRecord, err error) {
	where, args := `mode = ? AND status = ?`, []any{mode, f.Status}
	if f.SessionID != "" {
		where, args = `session_id = ?`, []any{f.SessionID}
	}
	if f.StartingAfter != "" {
		where, args = where+` AND id < ?`, append(slices.Clone(args), f.StartingAfter)
	}
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readTransfer, `SELECT `+transferColumns+` FROM {transfers} WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, f.Limit)...)
		return err
	})
	return list, err
}
