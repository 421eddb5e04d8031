package checkout

import (
	"context"
	"encoding/json"
	"time"
)

// insertEvent freezes the bytes of an event. For a second terminal event of a session the database says no.
func (t tx) insertEvent(e Event) error {
	isNew, err := t.addEvent(e)
	if err == nil && !isNew {
		err = errInvariant
	}
	return err
}

// addEvent is insertEvent for an event that may be there already, and gives false then.
func (t tx) addEvent(e Event) (bool, error) {
	n, err := t.exec(`INSERT INTO {events} (id, session_id, mode, type, payload, created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		e.ID, e.SessionID, e.Mode, e.Type, string(e.Payload), millis(e.CreatedAt))
	return n == 1, err
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
	return t.exec(`INSERT INTO {deliveries} (id, event_id, endpoint_id, session_id, mode, state, next_at, created_at, payload_form)
		SELECT CAST(? AS TEXT) || substr(id, 36), CAST(? AS TEXT), id, CAST(? AS TEXT), mode, 'pending', CAST(? AS BIGINT), CAST(? AS BIGINT), payload
		FROM {endpoints} WHERE mode = ? AND status = 'enabled' AND events LIKE ? ON CONFLICT DO NOTHING`,
		stem, e.ID, e.SessionID, millis(now), millis(now), e.Mode, "% "+e.Type+" %")
}

const eventColumns = `id, session_id, mode, type, payload, created_at`

func readEvent(row scanner) (e EventRecord, err error) {
	var session, payload string
	var mode Mode
	var at int64
	err = row.Scan(&e.ID, &session, &mode, &e.Type, &payload, &at)
	e.Object, e.SessionID, e.Livemode, e.CreatedAt, e.Payload = "event", pointer(session), mode == Live, seconds(at), json.RawMessage(payload)
	return e, err
}

func (s *store) event(ctx context.Context, id string) (e EventRecord, err error) {
	if !isID(prefixEvent, id) {
		return e, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		e, err = first(s.direct(ctx), readEvent, `SELECT `+eventColumns+` FROM {events} WHERE id = ?`, id)
		return err
	})
	return e, err
}

// listEvents reads one more row than asked for, to know whether there are more.
func (s *store) listEvents(ctx context.Context, f EventFilter) (list []EventRecord, err error) {
	since := ""
	if !f.since.IsZero() {
		since = prefixEvent + timeDigits(f.since)
	}
	statement, args := pageOf(`SELECT `+eventColumns+` FROM {events}`, []condition{
		{"mode = ?", string(f.Mode)}, {"session_id = ?", f.SessionID}, {"type = ?", f.Type}, {"id >= ?", since},
		{"id < ?", f.StartingAfter}, {"id > ?", f.EndingBefore},
	}, f.EndingBefore != "", f.Limit)
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readEvent, statement, args...)
		return err
	})
	return list, err
}
