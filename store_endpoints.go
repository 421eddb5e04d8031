package checkout

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// endpointRecord is a row of the endpoints table. Its secrets are as they are stored, sealed or readable.
type endpointRecord struct {
	ID            string
	Mode          Mode
	URL           string
	Secret        string
	Events        string // " a b c ", so that LIKE finds whole words
	Payload       string // full or seed
	Status        string // enabled, disabled or deleted
	Reason        string
	CreatedAt     int64
	Previous      *string // the secret before, while two live
	PreviousUntil *int64
	Lead          string  // current or previous: which signs first
	Accepted      *string // which one the receiver has taken last, in a replacement
	AcceptedAt    *int64
	FailingSince  *int64
	Failures      int
	DisabledAt    *int64
	MissedSince   *int64 // see Endpoint
}

// The states of an endpoint, and the names of its two secrets.
const (
	endpointEnabled  = "enabled"
	endpointDisabled = "disabled"
	endpointDeleted  = "deleted"

	secretCurrent  = "current"
	secretPrevious = "previous"
)

// twoLive tells whether the secret before the present one still counts.
func (e endpointRecord) twoLive(now time.Time) bool {
	return e.Previous != nil && e.PreviousUntil != nil && *e.PreviousUntil > millis(now)
}

const endpointColumns = `id, mode, url, secret, events, payload, status, COALESCE(status_reason, ''), created_at, previous_secret, previous_until,
	lead_secret, accepted, accepted_at, failing_since, failures, disabled_at, missed_since`

func readEndpoint(row scanner) (e endpointRecord, err error) {
	err = row.Scan(&e.ID, &e.Mode, &e.URL, &e.Secret, &e.Events, &e.Payload, &e.Status, &e.Reason, &e.CreatedAt, &e.Previous, &e.PreviousUntil,
		&e.Lead, &e.Accepted, &e.AcceptedAt, &e.FailingSince, &e.Failures, &e.DisabledAt, &e.MissedSince)
	return e, err
}

func (s *store) endpoints(ctx context.Context, mode Mode) (list []endpointRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE mode = ? AND status <> 'deleted' ORDER BY id`, mode)
		return err
	})
	return list, err
}

// endpoint reads one endpoint whatever its mode, also one that was deleted.
func (s *store) endpoint(ctx context.Context, id string) (e endpointRecord, err error) {
	if !isID(prefixEndpoint, id) {
		return e, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		e, err = first(s.direct(ctx), readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE id = ?`, id)
		return err
	})
	return e, err
}

// lockEndpoint is the first statement of every transaction that changes an endpoint by hand. There is none that was
// deleted.
func (t tx) lockEndpoint(id string) (endpointRecord, error) {
	if !isID(prefixEndpoint, id) {
		return endpointRecord{}, ErrNotFound
	}
	return first(t, readEndpoint, `UPDATE {endpoints} SET status = status WHERE id = ? AND status <> 'deleted' RETURNING `+endpointColumns, id)
}

// insertEndpoint gives false when the endpoint is there already.
func (t tx) insertEndpoint(e endpointRecord) (bool, error) {
	n, err := t.exec(`INSERT INTO {endpoints} (id, mode, url, secret, events, payload, status, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		e.ID, e.Mode, e.URL, e.Secret, e.Events, e.Payload, e.Status, e.CreatedAt)
	return n == 1, err
}

// updateEndpoint writes everything that people change of an endpoint.
func (t tx) updateEndpoint(e endpointRecord) error {
	return t.one(`UPDATE {endpoints} SET url = ?, secret = ?, events = ?, payload = ?, status = ?, status_reason = ?, previous_secret = ?, previous_until = ?,
		lead_secret = ?, accepted = ?, accepted_at = ?, failing_since = ?, failures = ?, disabled_at = ?, missed_since = ? WHERE id = ?`,
		e.URL, e.Secret, e.Events, e.Payload, e.Status, nullable(e.Reason), e.Previous, e.PreviousUntil,
		e.Lead, e.Accepted, e.AcceptedAt, e.FailingSince, e.Failures, e.DisabledAt, e.MissedSince, e.ID)
}

// disableEndpoint switches an endpoint off, unless it has moved to another address or is off already.
func (t tx) disableEndpoint(id, url, reason string, at time.Time) (bool, error) {
	n, err := t.exec(`UPDATE {endpoints} SET status = 'disabled', status_reason = ?, disabled_at = ?,
		missed_since = COALESCE(missed_since, failing_since - `+strconv.FormatInt(missedMargin.Milliseconds(), 10)+`, ?) WHERE id = ? AND url = ? AND status = 'enabled'`,
		reason, millis(at), millis(at), id, url)
	return n == 1, err
}

// releaseDeliveries makes what waits for an endpoint due now.
func (t tx) releaseDeliveries(id string, now time.Time) error {
	_, err := t.exec(`UPDATE {deliveries} SET next_at = ? WHERE endpoint_id = ? AND state = 'pending' AND next_at > ?`, millis(now), id, millis(now))
	return err
}

// forgetMissed notes that what an endpoint has missed was queued for it.
func (t tx) forgetMissed(id string) error {
	_, err := t.exec(`UPDATE {endpoints} SET missed_since = NULL WHERE id = ?`, id)
	return err
}

// noteFailures counts failures in a row and gives since when there are only such. At another address it is nobody's.
func (t tx) noteFailures(id, url string, n int, at time.Time) (since int64, err error) {
	read := func(row scanner) (ms int64, err error) { return ms, row.Scan(&ms) }
	since, err = first(t, read, `UPDATE {endpoints} SET failing_since = COALESCE(failing_since, ?), failures = failures + ?
		WHERE id = ? AND url = ? RETURNING failing_since`, millis(at), n, id, url)
	if errors.Is(err, ErrNotFound) {
		return millis(at), nil
	}
	return since, err
}

// noteSuccess ends a row of failures.
func (t tx) noteSuccess(id string) error {
	_, err := t.exec(`UPDATE {endpoints} SET failing_since = NULL, failures = 0 WHERE id = ?`, id)
	return err
}

// noteAccepted keeps which secret the receiver has taken, unless the secrets were replaced meanwhile.
func (t tx) noteAccepted(id, secret, name string, at time.Time) error {
	_, err := t.exec(`UPDATE {endpoints} SET lead_secret = ?, accepted = ?, accepted_at = ? WHERE id = ? AND secret = ?`, name, name, millis(at), id, secret)
	return err
}

// forgetPrevious ends a replacement whose time is up.
func (s *store) forgetPrevious(ctx context.Context, id string, now time.Time) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {endpoints} SET previous_secret = NULL, previous_until = NULL, lead_secret = 'current'
			WHERE id = ? AND previous_until <= ?`, id, millis(now))
		return err
	})
}

// failedOften reports whether an endpoint has as many failed attempts between two times.
func (t tx) failedOften(id string, from, to int64, times int) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {delivery_attempts} WHERE endpoint_id = ? AND at >= ? AND at < ? AND error IS NOT NULL LIMIT ?`, id, from, to, times)
	return len(list) == times, err
}

// wantsEvent reports whether an endpoint of a mode asks for a type. One that is off counts: what it misses is kept for it.
func (t tx) wantsEvent(mode Mode, kind string) (bool, error) {
	list, err := all(t, readText, `SELECT id FROM {endpoints} WHERE mode = ? AND status <> 'deleted' AND events LIKE ? LIMIT 1`, mode, "% "+kind+" %")
	return len(list) > 0, err
}

// dueEndpoints are the enabled endpoints for which something is to be sent now, and those with a secret to forget.
func (s *store) dueEndpoints(ctx context.Context, now time.Time) ([]endpointRecord, error) {
	return all(s.direct(ctx), readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE previous_until <= ? OR status = 'enabled'
		AND EXISTS (SELECT 1 FROM {deliveries} d WHERE d.endpoint_id = {endpoints}.id AND d.state = 'pending' AND d.next_at <= ? AND d.lease_until <= ?)
		ORDER BY id`, millis(now), millis(now), millis(now))
}
