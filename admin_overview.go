package checkout

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// sum is money in minor units of one currency, and how often it came or went.
type sum struct {
	Amount int64
	Count  int64
}

// dayFigures is what happened on one day of UTC. Refunds are those in the books of sessions: money that belonged to no
// order and went back is in neither sum.
type dayFigures struct {
	Day       time.Time // its midnight
	Paid      map[string]sum
	Refunded  map[string]sum
	Completed int64
	Expired   int64
}

func newDayFigures(day time.Time) *dayFigures {
	return &dayFigures{Day: day, Paid: map[string]sum{}, Refunded: map[string]sum{}}
}

// period sums days up.
type period struct {
	Paid, Refunded     map[string]sum
	Completed, Expired int64
}

// SuccessRate is the share of sessions that ended paid, in basis points; ok is false while none has ended.
func (p period) SuccessRate() (basisPoints int, ok bool) {
	if p.Completed+p.Expired == 0 {
		return 0, false
	}
	return int(p.Completed * 10_000 / (p.Completed + p.Expired)), true
}

// overviewFigures are the numbers of the overview. Series has one bar for each of the last 30 days, the oldest first, for
// every currency that was paid in, sorted.
type overviewFigures struct {
	Today, Week, Month period // 1, 7 and 30 days of UTC, the present one among them
	Currencies         []string
	Series             map[string][]bar
}

// bar is what was paid on a day.
type bar struct {
	Day time.Time
	sum
}

const (
	overviewDays = 30
	dayLength    = 24 * time.Hour

	// A day is over for good some time after midnight: other replicas' clocks may be late, and what they write then still
	// belongs to the day before.
	dayRest = time.Hour
)

// dayCache keeps the days that are over, so that only the present one is summed up each time.
type dayCache struct {
	mu   sync.Mutex
	days map[Mode]map[int64]*dayFigures // by day number since 1970
}

func newDayCache() *dayCache { return &dayCache{days: map[Mode]map[int64]*dayFigures{}} }

// known gives the cached days of a mode from one on, and the first day that is not among them.
func (c *dayCache) known(mode Mode, from, to int64) (days map[int64]*dayFigures, missing int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	days = map[int64]*dayFigures{}
	for missing = from; missing <= to; missing++ {
		d, ok := c.days[mode][missing]
		if !ok {
			break
		}
		days[missing] = d
	}
	return days, missing
}

// keep stores days that are over and forgets those that nobody will ask for.
func (c *dayCache) keep(mode Mode, days map[int64]*dayFigures, from, over int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.days[mode] == nil {
		c.days[mode] = map[int64]*dayFigures{}
	}
	for n, d := range days {
		if n <= over {
			c.days[mode][n] = d
		}
	}
	maps.DeleteFunc(c.days[mode], func(n int64, _ *dayFigures) bool { return n < from })
}

// overview sums up what was paid in the 30 days of UTC that end with now. Days that are over are summed once in this
// process; the present one, each time.
func (q *adminQuery) overview(ctx context.Context, mode Mode, now time.Time) (overviewFigures, error) {
	today := dayNumber(now)
	from := today - overviewDays + 1
	days, missing := q.days.known(mode, from, today)
	fresh, err := q.store.dayFigures(ctx, mode, missing, today)
	if err != nil {
		return overviewFigures{}, err
	}
	q.days.keep(mode, fresh, from, dayNumber(now.Add(-dayRest))-1)
	maps.Copy(days, fresh)
	return sumUp(days, from, today), nil
}

func dayNumber(t time.Time) int64 { return t.UnixMilli() / dayLength.Milliseconds() }

func dayStart(n int64) time.Time { return fromMillis(n * dayLength.Milliseconds()) }

func sumUp(days map[int64]*dayFigures, from, today int64) overviewFigures {
	o := overviewFigures{Series: map[string][]bar{}}
	for _, p := range []struct {
		to   *period
		days int64
	}{{&o.Today, 1}, {&o.Week, 7}, {&o.Month, overviewDays}} {
		*p.to = period{Paid: map[string]sum{}, Refunded: map[string]sum{}}
		for n := today - p.days + 1; n <= today; n++ {
			p.to.add(days[n])
		}
	}
	o.Currencies = slices.Sorted(maps.Keys(o.Month.Paid))
	for _, currency := range o.Currencies {
		for n := from; n <= today; n++ {
			o.Series[currency] = append(o.Series[currency], bar{dayStart(n), days[n].Paid[currency]})
		}
	}
	return o
}

func (p *period) add(d *dayFigures) {
	addSums(p.Paid, d.Paid)
	addSums(p.Refunded, d.Refunded)
	p.Completed += d.Completed
	p.Expired += d.Expired
}

func addSums(to, from map[string]sum) {
	for currency, s := range from {
		have := to[currency]
		to[currency] = sum{have.Amount + s.Amount, have.Count + s.Count}
	}
}
