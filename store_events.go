package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/jopay/checkout/webhook"
)

// insertEvent freezes the bytes of an event. For a second terminal event of a session the database says no.
func (t tx) insertEvent(e Event) error {
	return t.one(`INSERT INTO {events} (id, session_id, mode, type, payload, created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		e.ID, e.SessionID, e.Mode, e.Type, string(e.Payload), millis(e.CreatedAt))
}

// toldOf reports whether a session has an event of a type that names a payment.
func (t tx) toldOf(sessionID, kind, paymentID string) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {events} WHERE session_id = ? AND type = ? AND payload LIKE ? LIMIT 1`,
		sessionID, kind, `%"payment_id":"`+paymentID+`"%`)
	return len(list) > 0, err
}

// hasEvent reports whether a session has an event of a type.
func (t tx) hasEvent(sessionID, kind string) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {events} WHERE session_id = ? AND type = ? LIMIT 1`, sessionID, kind)
	return len(list) > 0, err
}

// insertDeliveries queues an event for every enabled endpoint that wants it, in one statement. A delivery's id is made
// of the time, the event's random part and the endpoint's, so that the database can put it together by itself.
func (t tx) insertDeliveries(e Event, now time.Time) (int64, error) {
	stem := prefixDelivery + timeDigits(now) + e.ID[len(prefixEvent)+12:len(prefixEvent)+32]
	return t.exec(`INSERT INTO {deliveries} (id, event_id, endpoint_id, session_id, mode, state, next_at, created_at)
		SELECT CAST(? AS TEXT) || substr(id, 36), CAST(? AS TEXT), id, CAST(? AS TEXT), mode, 'pending', CAST(? AS BIGINT), CAST(? AS BIGINT)
		FROM {endpoints} WHERE mode = ? AND status = 'enabled' AND events LIKE ? ON CONFLICT DO NOTHING`,
		stem, e.ID, e.SessionID, millis(now), millis(now), e.Mode, "% "+e.Type+" %")
}

// endpointRecord is a row of the endpoints table.
type endpointRecord struct {
	ID        string
	Mode      Mode
	URL       string
	Secret    string
	Events    string // " a b c ", so that LIKE finds whole words
	Payload   string // full or seed
	Status    string // enabled or disabled
	Reason    string
	CreatedAt int64
}

const endpointColumns = `id, mode, url, secret, events, payload, status, COALESCE(status_reason, ''), created_at`

func readEndpoint(row scanner) (e endpointRecord, err error) {
	err = row.Scan(&e.ID, &e.Mode, &e.URL, &e.Secret, &e.Events, &e.Payload, &e.Status, &e.Reason, &e.CreatedAt)
	return e, err
}

func (s *store) endpoints(ctx context.Context, mode Mode) (list []endpointRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE mode = ? ORDER BY id`, mode)
		return err
	})
	return list, err
}

func (t tx) insertEndpoint(e endpointRecord) error {
	_, err := t.exec(`INSERT INTO {endpoints} (id, mode, url, secret, events, payload, status, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		e.ID, e.Mode, e.URL, e.Secret, e.Events, e.Payload, e.Status, e.CreatedAt)
	return err
}

// setEndpoint makes e the first endpoint of its mode: there is one afterwards, whether it was there before or not. The
// row of the settings makes processes that start together take turns.
func (t tx) setEndpoint(e endpointRecord, keepSecret bool) (endpointRecord, error) {
	_, err := t.exec(`INSERT INTO {settings} (name, value) VALUES (?, '') ON CONFLICT (name) DO UPDATE SET value = excluded.value`, "first_endpoint_"+string(e.Mode))
	if err != nil {
		return e, err
	}
	have, err := first(t, readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE mode = ? ORDER BY id LIMIT 1`, e.Mode)
	switch {
	case errors.Is(err, ErrNotFound):
		return e, t.insertEndpoint(e)
	case err != nil:
		return e, err
	}
	if have.URL = e.URL; !keepSecret {
		have.Secret = e.Secret
	}
	return have, t.one(`UPDATE {endpoints} SET url = ?, secret = ?, status = 'enabled', status_reason = NULL WHERE id = ?`, have.URL, have.Secret, have.ID)
}

// disableEndpoint switches an endpoint off, unless it has moved to another address meanwhile.
func (s *store) disableEndpoint(ctx context.Context, id, url, reason string) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {endpoints} SET status = 'disabled', status_reason = ? WHERE id = ? AND url = ?`, reason, id, url)
		return err
	})
}

// wantsEvent reports whether an enabled endpoint of a mode asks for a type.
func (t tx) wantsEvent(mode Mode, kind string) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {endpoints} WHERE mode = ? AND status = 'enabled' AND events LIKE ? LIMIT 1`, mode, "% "+kind+" %")
	return len(list) > 0, err
}

// dueEndpoints are the enabled endpoints for which something is to be sent now.
func (s *store) dueEndpoints(ctx context.Context, now time.Time) ([]endpointRecord, error) {
	return all(s.direct(ctx), readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE status = 'enabled'
		AND EXISTS (SELECT 1 FROM {deliveries} d WHERE d.endpoint_id = {endpoints}.id AND d.state = 'pending' AND d.next_at <= ? AND d.lease_until <= ?)
		ORDER BY id`, millis(now), millis(now))
}

// delivery is a claimed row of the deliveries table with the bytes to send.
type delivery struct {
	ID        string
	EventID   string
	SessionID string
	Mode      Mode
	Attempts  int // before this one
	CreatedAt int64
	Type      string
	Payload   string

	lease string
	until int64
}

// claimDeliveries leases due deliveries of one endpoint. The token is asked for when the result is written, so that a
// worker that comes back after its lease ran out cannot overwrite what another has found.
func (s *store) claimDeliveries(ctx context.Context, endpointID, token string, now time.Time, lease time.Duration, limit int) (list []delivery, err error) {
	until := millis(now.Add(lease))
	read := func(row scanner) (d delivery, err error) {
		d.lease, d.until = token, until
		err = row.Scan(&d.ID, &d.EventID, &d.SessionID, &d.Mode, &d.Attempts, &d.CreatedAt, &d.Type, &d.Payload)
		return d, err
	}
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), read, `UPDATE {deliveries} SET lease = ?, lease_until = ?
			WHERE id IN (SELECT id FROM {deliveries} WHERE endpoint_id = ? AND state = 'pending' AND next_at <= ? AND lease_until <= ?
				ORDER BY next_at LIMIT ?`+s.skipLocked()+`)
			RETURNING id, event_id, session_id, mode, attempts, created_at,
				(SELECT type FROM {events} e WHERE e.id = event_id), (SELECT payload FROM {events} e WHERE e.id = event_id)`,
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

// seedEvents are what a new endpoint gets.
var seedEvents = []string{webhook.SessionCompleted, webhook.SessionExpired, webhook.PaymentFailed}
