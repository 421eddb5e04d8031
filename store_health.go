package checkout

import (
	"context"
	"time"

	"github.com/jopay/checkout/webhook"
)

func (s *store) endpointIDs(ctx context.Context, mode Mode) (list []string, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readText, `SELECT id FROM {endpoints} WHERE mode = ? ORDER BY id`, mode)
		return err
	})
	return list, err
}

// endpointHealth reads a bounded number of rows whatever an endpoint has been through.
func (s *store) endpointHealth(ctx context.Context, id string, since time.Time) (h endpointHealth, err error) {
	err = s.retry(ctx, func() error {
		t := s.direct(ctx)
		h = endpointHealth{EndpointID: id}
		err := t.query(func(row scanner) error { return row.Scan(&h.Attempts.N, &h.Accepted) },
			`SELECT COUNT(*), COALESCE(SUM(CASE WHEN http_status BETWEEN 200 AND 299 THEN 1 ELSE 0 END), 0)
			FROM (SELECT http_status FROM {delivery_attempts} WHERE endpoint_id = ? AND at >= ? ORDER BY at DESC LIMIT ?) AS sample`, id, millis(since), healthSample)
		if err != nil {
			return err
		}
		h.Attempts.More = h.Attempts.N == healthSample
		if h.Pending, err = t.countTo(`SELECT 1 FROM {deliveries} WHERE endpoint_id = ? AND state = 'pending' AND next_at >= 0`, id); err != nil {
			return err
		}
		h.Failed, err = t.countTo(`SELECT 1 FROM {deliveries} WHERE endpoint_id = ? AND state = 'failed'`, id)
		return err
	})
	return h, err
}

// gaveUp tells whether a webhook that was queued since a time was given up. Tests do not count.
func (s *store) gaveUp(ctx context.Context, endpointID string, since time.Time) (found bool, err error) {
	err = s.retry(ctx, func() error {
		found = false
		return s.direct(ctx).query(func(scanner) error { found = true; return nil }, `SELECT d.id FROM {deliveries} d JOIN {events} e ON e.id = d.event_id
			WHERE d.endpoint_id = ? AND d.state = 'failed' AND d.id >= ? AND e.type <> ? LIMIT 1`, endpointID, prefixDelivery+timeDigits(since), webhook.Test)
	})
	return found, err
}

// countTo counts rows up to the bound.
func (t tx) countTo(statement string, args ...any) (b bounded, err error) {
	err = t.query(func(row scanner) error { return row.Scan(&b.N) },
		`SELECT COUNT(*) FROM (`+statement+` LIMIT ?) AS counted`, append(args, countBound+1)...)
	if b.N > countBound {
		b = bounded{N: countBound, More: true}
	}
	return b, err
}

func (s *store) waitingRefunds(ctx context.Context, mode Mode, limit int) (list []refundRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readRefund, `SELECT `+refundColumns+` FROM {refunds} WHERE mode = ? AND state = 'needs_person' ORDER BY id LIMIT ?`, mode, limit)
		return err
	})
	return list, err
}

func (s *store) waitingTransfers(ctx context.Context, mode Mode, limit int) (list []transferRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readTransfer, `SELECT `+transferColumns+` FROM {transfers} WHERE mode = ? AND status = 'suggested' ORDER BY id LIMIT ?`, mode, limit)
		return err
	})
	return list, err
}
