package checkout

import (
	"context"
	"strings"
	"time"
)

// attemptRecord is a row of the delivery_attempts table: one request to a receiver and what became of it.
type attemptRecord struct {
	ID         string
	DeliveryID string
	EndpointID string
	N          int
	At         int64
	DurationMS int64
	URL        string
	SignedAt   int64 // Unix seconds
	Signature  string
	Standard   string
	LeadSecret string
	HTTPStatus int
	Class      string
	Error      string
	Response   string
	Headers    string
}

func newAttempt(e endpointRecord, d delivery, now time.Time, lead string) attemptRecord {
	return attemptRecord{
		ID: newID(prefixAttempt, now), DeliveryID: d.ID, EndpointID: e.ID, N: d.Attempts + 1, At: millis(now), URL: e.URL, SignedAt: now.Unix(), LeadSecret: lead,
	}
}

// end writes down how a request went.
func (a *attemptRecord) end(r sendResult, took time.Duration) {
	a.DurationMS, a.HTTPStatus, a.Class, a.Error, a.Response, a.Headers = took.Milliseconds(), r.httpStatus, r.class, r.reason, r.response, r.headers
}

const attemptColumns = `id, delivery_id, endpoint_id, n, at, duration_ms, url, signed_at, signature, standard_signature, lead_secret, http_status, class, error, response, response_headers`

// insertAttempts writes requests down, all in one statement.
func (t tx) insertAttempts(list []attemptRecord) error {
	if len(list) == 0 {
		return nil
	}
	args := make([]any, 0, 16*len(list))
	for _, a := range list {
		args = append(args, a.ID, a.DeliveryID, a.EndpointID, a.N, a.At, a.DurationMS, a.URL, a.SignedAt, a.Signature, nullable(a.Standard), a.LeadSecret,
			nullableInt(a.HTTPStatus), nullable(a.Class), nullable(a.Error), nullable(a.Response), nullable(a.Headers))
	}
	rows := strings.TrimSuffix(strings.Repeat("("+placeholders(16)+"),", len(list)), ",")
	_, err := t.exec(`INSERT INTO {delivery_attempts} (`+attemptColumns+`) VALUES `+rows+` ON CONFLICT DO NOTHING`, args...)
	return err
}

func nullableInt(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func readAttempt(row scanner) (a attemptRecord, err error) {
	var standard, class, reason, response, headers *string
	var status *int
	err = row.Scan(&a.ID, &a.DeliveryID, &a.EndpointID, &a.N, &a.At, &a.DurationMS, &a.URL, &a.SignedAt, &a.Signature, &standard, &a.LeadSecret,
		&status, &class, &reason, &response, &headers)
	a.Standard, a.Class, a.Error, a.Response, a.Headers = orEmpty(standard), orEmpty(class), orEmpty(reason), orEmpty(response), orEmpty(headers)
	if status != nil {
		a.HTTPStatus = *status
	}
	return a, err
}

// attempts are the requests of a delivery, oldest first.
func (s *store) attempts(ctx context.Context, deliveryID string) (list []attemptRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readAttempt, `SELECT `+attemptColumns+` FROM {delivery_attempts} WHERE delivery_id = ? ORDER BY id`, deliveryID)
		return err
	})
	return list, err
}
