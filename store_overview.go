package checkout

import "context"

// dayFigures sums up days of UTC, from and to inclusive, given as numbers since 1970. Each sum is a range of one index.
func (s *store) dayFigures(ctx context.Context, mode Mode, from, to int64) (days map[int64]*dayFigures, err error) {
	err = s.retry(ctx, func() (err error) {
		days = map[int64]*dayFigures{}
		for n := from; n <= to; n++ {
			days[n] = newDayFigures(dayStart(n))
		}
		return s.direct(ctx).fillDays(days, mode, millis(dayStart(from)), millis(dayStart(to+1)))
	})
	return days, err
}

func (t tx) fillDays(days map[int64]*dayFigures, mode Mode, from, to int64) error {
	for _, part := range []struct {
		text string
		add  func(d *dayFigures, currency string, s sum)
	}{
		{`SELECT completed_at / 86400000 AS day, currency, COUNT(*), CAST(SUM(amount) AS BIGINT) FROM {sessions}
			WHERE mode = ? AND completed_at >= ? AND completed_at < ? GROUP BY completed_at / 86400000, currency`,
			func(d *dayFigures, currency string, s sum) { d.Paid[currency], d.Completed = s, d.Completed+s.Count }},
		{`SELECT settled_at / 86400000 AS day, currency, COUNT(*), CAST(SUM(amount) AS BIGINT) FROM {refunds}
			WHERE mode = ? AND settled_at >= ? AND settled_at < ? AND state = 'succeeded' AND origin IN ('request', 'provider')
			GROUP BY settled_at / 86400000, currency`,
			func(d *dayFigures, currency string, s sum) { d.Refunded[currency] = s }},
		{`SELECT expired_at / 86400000 AS day, '', COUNT(*), 0 FROM {sessions}
			WHERE mode = ? AND expired_at >= ? AND expired_at < ? GROUP BY expired_at / 86400000`,
			func(d *dayFigures, _ string, s sum) { d.Expired = s.Count }},
	} {
		err := t.query(func(row scanner) error {
			var n int64
			var currency string
			var s sum
			if err := row.Scan(&n, &currency, &s.Count, &s.Amount); err != nil {
				return err
			}
			part.add(days[n], currency, s)
			return nil
		}, part.text, mode, from, to)
		if err != nil {
			return err
		}
	}
	return nil
}
