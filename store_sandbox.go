package checkout

import (
	"context"
	"errors"
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
