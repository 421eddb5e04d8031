package checkout

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timelineFacts reads the newest limit rows of everything about a session, each list oldest first.
func (s *store) timelineFacts(ctx context.Context, sessionID string, limit int) (f timelineFacts, err error) {
	if !isID(prefixSession, sessionID) {
		return f, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		f, err = s.direct(ctx).timelineFacts(sessionID, limit)
		return err
	})
	return f, err
}

func (t tx) timelineFacts(id string, limit int) (f timelineFacts, err error) {
	if f.session, err = t.session(id); err != nil {
		return f, err
	}
	if f.payments, err = newest(t, readPayment, `SELECT `+paymentColumns+` FROM {payments} WHERE session_id = ? ORDER BY ordinal DESC LIMIT ?`, id, limit); err != nil {
		return f, err
	}
	if f.transfers, err = newest(t, readTransfer, `SELECT `+transferColumns+` FROM {transfers} WHERE session_id = ? ORDER BY id DESC LIMIT ?`, id, limit); err != nil {
		return f, err
	}
	if f.refunds, err = newest(t, readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE session_id = ? ORDER BY id DESC LIMIT ?`, id, limit); err != nil {
		return f, err
	}
	if f.events, err = newest(t, readEventRow, `SELECT id, type, CASE WHEN type = 'checkout.payment.failed' THEN payload ELSE '' END FROM {events}
		WHERE session_id = ? ORDER BY id DESC LIMIT ?`, id, limit); err != nil {
		return f, err
	}
	if f.mails, err = newest(t, readMail, `SELECT `+mailColumns+` FROM {mails} WHERE session_id = ? ORDER BY id DESC LIMIT ?`, id, limit); err != nil {
		return f, err
	}
	if f.audit, err = newest(t, readAudit, `SELECT `+auditColumns+` FROM {audit} WHERE session_id = ? ORDER BY id DESC LIMIT ?`, id, limit); err != nil {
		return f, err
	}
	return f, t.deliveryFacts(&f, id, limit)
}

// deliveryFacts reads the deliveries and their attempts. A session has as many deliveries as its events have receivers.
func (t tx) deliveryFacts(f *timelineFacts, id string, limit int) (err error) {
	f.deliveries, err = newest(t, readDeliveryRow, `SELECT d.id, d.event_id, d.state, COALESCE(e.url, ''), d.attempts, COALESCE(d.http_status, 0), COALESCE(d.error, ''),
			d.created_at, d.delivered_at FROM {deliveries} d LEFT JOIN {endpoints} e ON e.id = d.endpoint_id WHERE d.session_id = ? ORDER BY d.id DESC LIMIT ?`, id, limit)
	if err != nil {
		return err
	}
	f.attempts, err = newest(t, readAttemptRow, `SELECT a.delivery_id, a.url, COALESCE(a.class, ''), COALESCE(a.error, ''), a.n, COALESCE(a.http_status, 0), a.at, a.duration_ms
		FROM {deliveries} d JOIN {delivery_attempts} a ON a.delivery_id = d.id WHERE d.session_id = ? ORDER BY a.id DESC LIMIT ?`, id, limit)
	return err
}

// newest reads rows that come newest first and gives them oldest first.
func newest[T any](t tx, read func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	list, err := all(t, read, statement, args...)
	slices.Reverse(list)
	return list, err
}

func readEventRow(row scanner) (e eventRow, err error) {
	err = row.Scan(&e.ID, &e.Type, &e.Payload)
	return e, err
}

func readDeliveryRow(row scanner) (d deliveryRow, err error) {
	err = row.Scan(&d.ID, &d.EventID, &d.State, &d.URL, &d.Attempts, &d.HTTPStatus, &d.Error, &d.CreatedAt, &d.DeliveredAt)
	return d, err
}

func readAttemptRow(row scanner) (a attemptRow, err error) {
	err = row.Scan(&a.DeliveryID, &a.URL, &a.Class, &a.Error, &a.N, &a.HTTPStatus, &a.At, &a.DurationMS)
	return a, err
}

// idTime is when an id was made; the zero time for what is none.
func idTime(prefix, id string) time.Time {
	if !isID(prefix, id) {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(strings.TrimPrefix(id, prefix)[:12], 16, 64)
	if err != nil {
		return time.Time{}
	}
	return fromMillis(ms)
}
