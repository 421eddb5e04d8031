package checkout

import (
	"context"
	"strings"
	"time"
)

// delivery is a claimed row of the deliveries table with the bytes to send.
type delivery struct {
	ID        string
	EventID   string
	SessionID string
	Mode      Mode
	Attempts  int // before this one
	CreatedAt int64
	Type      string
	Payload   string // the frozen bytes
	Form      string // full or seed

	lease string
	until int64
}

// claimDeliveries leases due deliveries of one endpoint. The token is asked for when the result is written, so that a
// worker that comes back after its lease ran out cannot overwrite what another has found.
func (s *store) claimDeliveries(ctx context.Context, endpointID, token string, now time.Time, lease time.Duration, limit int) (list []delivery, err error) {
	until := millis(now.Add(lease))
	read := func(row scanner) (d delivery, err error) {
		d.lease, d.until = token, until
		err = row.Scan(&d.ID, &d.EventID, &d.SessionID, &d.Mode, &d.Attempts, &d.CreatedAt, &d.Type, &d.Payload, &d.Form)
		return d, err
	}
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), read, `UPDATE {deliveries} SET lease = ?, lease_until = ?
			WHERE id IN (SELECT id FROM {deliveries} WHERE endpoint_id = ? AND state = 'pending' AND next_at <= ? AND lease_until <= ?
				ORDER BY next_at LIMIT ?`+s.skipLocked()+`)
			RETURNING id, event_id, session_id, mode, attempts, created_at,
				(SELECT type FROM {events} e WHERE e.id = event_id), (SELECT payload FROM {events} e WHERE e.id = event_id), payload_form`,
			token, until, endpointID, millis(now), millis(now), limit)
		return err
	})
	return list, err
}

// markDelivered records a batch of successes that share a lease and an answer.
func (t tx) markDelivered(ids []string, token string, httpStatus int, response string, at int64) (int64, error) {
	args := []any{at, httpStatus, nullable(response), token}
	for _, id := range ids {
		args = append(args, id)
	}
	return t.exec(`UPDATE {deliveries} SET state = 'delivered', delivered_at = ?, http_status = ?, response = ?, error = NULL, attempts = attempts + 1, lease = NULL, lease_until = 0
		WHERE lease = ? AND id IN (`+placeholders(len(ids))+`)`, args...)
}

// markFailed records one failure; an empty next time parks the delivery for good.
func (t tx) markFailed(d delivery, r sendResult, next *time.Time) error {
	state, nextAt := "failed", int64(0)
	if next != nil {
		state, nextAt = "pending", millis(*next)
	}
	_, err := t.exec(`UPDATE {deliveries} SET state = ?, next_at = ?, http_status = ?, error = ?, response = ?, attempts = attempts + 1, lease = NULL, lease_until = 0
		WHERE id = ? AND lease = ?`, state, nextAt, r.httpStatus, nullable(r.reason), nullable(r.response), d.ID, d.lease)
	return err
}

// handBack gives leases of an endpoint up without counting an attempt. The endpoint is named for the index.
func (s *store) handBack(ctx context.Context, endpointID, token string) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {deliveries} SET lease = NULL, lease_until = 0 WHERE endpoint_id = ? AND state = 'pending' AND lease = ?`,
			endpointID, token)
		return err
	})
}

// deliveryRecord is a row of the deliveries table with the type of its event.
type deliveryRecord struct {
	ID          string
	EventID     string
	EventType   string
	EndpointID  string
	SessionID   string
	Mode        Mode
	State       string
	Attempts    int
	NextAt      int64
	HTTPStatus  *int
	Error       *string
	CreatedAt   int64
	DeliveredAt *int64
	Form        string // full or seed
}

const deliveryColumns = `id, event_id, (SELECT type FROM {events} e WHERE e.id = event_id), endpoint_id, session_id, mode, state, attempts, next_at, http_status, error,
	created_at, delivered_at, payload_form`

func readDelivery(row scanner) (d deliveryRecord, err error) {
	err = row.Scan(&d.ID, &d.EventID, &d.EventType, &d.EndpointID, &d.SessionID, &d.Mode, &d.State, &d.Attempts, &d.NextAt, &d.HTTPStatus, &d.Error,
		&d.CreatedAt, &d.DeliveredAt, &d.Form)
	return d, err
}

func (s *store) delivery(ctx context.Context, id string) (d deliveryRecord, err error) {
	if !isID(prefixDelivery, id) {
		return d, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		d, err = first(s.direct(ctx), readDelivery, `SELECT `+deliveryColumns+` FROM {deliveries} WHERE id = ?`, id)
		return err
	})
	return d, err
}

// listDeliveries reads one more row than asked for, to know whether there are more.
func (s *store) listDeliveries(ctx context.Context, f DeliveryFilter) (list []deliveryRecord, err error) {
	statement, args := pageOf(`SELECT `+deliveryColumns+` FROM {deliveries}`, []condition{
		{"mode = ?", string(f.Mode)}, {"session_id = ?", f.SessionID}, {"endpoint_id = ?", f.EndpointID}, {"state = ?", f.State},
		{"id < ?", f.StartingAfter}, {"id > ?", f.EndingBefore},
	}, f.EndingBefore != "", f.Limit)
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readDelivery, statement, args...)
		return err
	})
	return list, err
}

// condition is a part of a WHERE that counts when its value is not empty.
type condition struct{ text, value string }

// pageOf makes a statement that reads a page and one row more, newest first or, before a cursor, oldest first.
func pageOf(selection string, list []condition, backwards bool, limit int) (statement string, args []any) {
	var where []string
	for _, c := range list {
		if c.value != "" {
			where, args = append(where, c.text), append(args, c.value)
		}
	}
	order := "DESC"
	if backwards {
		order = "ASC"
	}
	return selection + ` WHERE ` + strings.Join(where, ` AND `) + ` ORDER BY id ` + order + ` LIMIT ?`, append(args, limit+1)
}

// lockDelivery is the first statement of a transaction that changes a delivery by hand.
func (t tx) lockDelivery(id string) (deliveryRecord, error) {
	if !isID(prefixDelivery, id) {
		return deliveryRecord{}, ErrNotFound
	}
	return first(t, readDelivery, `UPDATE {deliveries} SET state = state WHERE id = ? RETURNING `+deliveryColumns, id)
}

// requeue makes a delivery due now, with its whole schedule before it; what waits anyway keeps its count.
func (t tx) requeue(id string, now time.Time) (deliveryRecord, error) {
	return first(t, readDelivery, `UPDATE {deliveries} SET attempts = CASE state WHEN 'pending' THEN attempts ELSE 0 END, state = 'pending', next_at = ?,
		delivered_at = NULL WHERE id = ? RETURNING `+deliveryColumns, millis(now), id)
}

// parkDeliveries gives up what waits for an endpoint. A worker that is sending some of it finds its lease gone.
func (t tx) parkDeliveries(endpointID, reason string) error {
	_, err := t.exec(`UPDATE {deliveries} SET state = 'failed', error = ?, next_at = 0, lease = NULL, lease_until = 0 WHERE endpoint_id = ? AND state = 'pending'`,
		reason, endpointID)
	return err
}

// replay queues events of a range of ids for an endpoint, oldest first: those that it was never sent or could not take
// and, unless onlyFailed, those that it has taken. What is waiting is left alone. The ids are made as in insertDeliveries.
func (t tx) replay(e endpointRecord, fromID, toID string, onlyFailed bool, now time.Time, limit int) (int64, error) {
	again := `d.state <> 'pending'`
	if onlyFailed {
		again = `d.state = 'failed'`
	}
	return t.exec(`INSERT INTO {deliveries} (id, event_id, endpoint_id, session_id, mode, state, next_at, created_at, payload_form)
		SELECT CAST(? AS TEXT) || substr(e.id, 17, 20) || CAST(? AS TEXT), e.id, CAST(? AS TEXT), e.session_id, e.mode, 'pending', CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT)
		FROM {events} e LEFT JOIN {deliveries} d ON d.event_id = e.id AND d.endpoint_id = ?
		WHERE e.mode = ? AND e.id >= ? AND e.id < ? AND CAST(? AS TEXT) LIKE '% ' || e.type || ' %' AND (d.id IS NULL OR `+again+`)
		ORDER BY e.id LIMIT ?
		ON CONFLICT (event_id, endpoint_id) DO UPDATE SET state = 'pending', attempts = 0, next_at = excluded.next_at, delivered_at = NULL`,
		prefixDelivery+timeDigits(now), e.ID[35:], e.ID, millis(now), millis(now), e.Payload, e.ID, e.Mode, fromID, toID, e.Events, limit)
}

// insertLeased puts a delivery into the outbox that its maker sends at once. If he dies, it is sent when the lease ends.
func (t tx) insertLeased(endpointID string, d delivery) error {
	_, err := t.exec(`INSERT INTO {deliveries} (id, event_id, endpoint_id, session_id, mode, state, next_at, lease, lease_until, created_at, payload_form)
		VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		d.ID, d.EventID, endpointID, d.SessionID, d.Mode, d.CreatedAt, d.lease, d.until, d.CreatedAt, d.Form)
	return err
}
