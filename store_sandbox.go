package checkout

import (
	"context"
	"errors"
	"time"
)

// sandboxCharge is a row of the sandbox's own books, as a payment company would keep them.
type sandboxCharge struct {
	ID        string
	PaymentID string
	SessionID string
	Amount    int64
	Currency  string
	Scenario  string
	State     State
	Reason    string
	ReadyAt   int64
	CreatedAt int64
}

const chargeColumns = `id, payment_id, session_id, amount, currency, scenario, state, COALESCE(reason, ''), ready_at, created_at`

func readCharge(row scanner) (c sandboxCharge, err error) {
	err = row.Scan(&c.ID, &c.PaymentID, &c.SessionID, &c.Amount, &c.Currency, &c.Scenario, &c.State, &c.Reason, &c.ReadyAt, &c.CreatedAt)
	return c, err
}

// insertCharge books a charge once per attempt and gives the one that counts.
func (s *store) insertCharge(ctx context.Context, c sandboxCharge) (sandboxCharge, error) {
	var stored sandboxCharge
	err := s.retry(ctx, func() error {
		t := s.direct(ctx)
		_, err := t.exec(`INSERT INTO {sandbox_charges} (id, payment_id, session_id, amount, currency, scenario, state, reason, ready_at, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.ID, c.PaymentID, c.SessionID, c.Amount, c.Currency, c.Scenario, c.State, nullable(c.Reason), c.ReadyAt, c.CreatedAt)
		if err != nil {
			return err
		}
		stored, err = t.charge(c.PaymentID)
		return err
	})
	return stored, err
}

func (t tx) charge(paymentID string) (sandboxCharge, error) {
	c, err := first(t, readCharge, `SELECT `+chargeColumns+` FROM {sandbox_charges} WHERE payment_id = ?`, paymentID)
	if errors.Is(err, ErrNotFound) {
		return c, ErrNoCharge
	}
	return c, err
}

func (s *store) charge(ctx context.Context, paymentID string) (c sandboxCharge, err error) {
	err = s.retry(ctx, func() (err error) {
		c, err = s.direct(ctx).charge(paymentID)
		return err
	})
	return c, err
}

// moveCharge changes a charge that is still in the state it was read in.
func (s *store) moveCharge(ctx context.Context, c sandboxCharge, to State, reason string) (bool, error) {
	var moved bool
	err := s.retry(ctx, func() error {
		n, err := s.direct(ctx).exec(`UPDATE {sandbox_charges} SET state = ?, reason = ? WHERE id = ? AND state = ?`, to, nullable(reason), c.ID, c.State)
		moved = n == 1
		return err
	})
	return moved, err
}

// insertSandboxRefund pays a charge back once per key, and never more than it took. It gives the refund's id.
func (s *store) insertSandboxRefund(ctx context.Context, charge sandboxCharge, key, id string, amount, at int64) (string, bool, error) {
	var paid string
	err := s.transact(ctx, func(t tx) error {
		if err := t.one(`UPDATE {sandbox_charges} SET state = state WHERE id = ?`, charge.ID); err != nil { // the lock: refunds of one charge take turns
			return err
		}
		_, err := t.exec(`INSERT INTO {sandbox_refunds} (key, id, payment_id, amount, created_at)
			SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT)
			WHERE (SELECT COALESCE(SUM(amount), 0) FROM {sandbox_refunds} WHERE payment_id = ?) + CAST(? AS BIGINT) <= ? ON CONFLICT DO NOTHING`,
			key, id, charge.PaymentID, amount, at, charge.PaymentID, amount, charge.Amount)
		if err != nil {
			return err
		}
		list, err := all(t, readText, `SELECT id FROM {sandbox_refunds} WHERE key = ?`, key)
		if len(list) > 0 {
			paid = list[0]
		}
		return err
	})
	return paid, paid != "", err
}

// advanceSession makes a test session and what it waits for older by d.
func (s *store) advanceSession(ctx context.Context, id string, d time.Duration) error {
	return s.transact(ctx, func(t tx) error {
		if _, err := t.lockSession(id); err != nil {
			return err
		}
		for _, statement := range []string{
			`UPDATE {sessions} SET expires_at = expires_at - ? WHERE id = ? AND status = 'pending' AND mode = 'test'`,
			`UPDATE {payments} SET created_at = created_at - ? WHERE session_id = ? AND state = 'open'`,
			`UPDATE {sandbox_charges} SET ready_at = ready_at - ? WHERE session_id = ? AND state = 'processing'`,
		} {
			if _, err := t.exec(statement, d.Milliseconds(), id); err != nil {
				return err
			}
		}
		return nil
	})
}
