package checkout

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// closing is a session or refund that ended at a moment.
type closing struct {
	at       time.Time
	kind     string // completed, expired, refund or owed
	mode     Mode
	currency string
	amount   int64
}

// close stores what has ended.
func (s *shop) close(list ...closing) {
	s.t.Helper()
	err := s.co.store.transact(s.t.Context(), func(t tx) error {
		for _, c := range list {
			if err := c.insert(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (c closing) insert(t tx) error {
	at := millis(c.at)
	rec := sessionRecord{ID: newID(prefixSession, c.at), Mode: c.mode, Amount: c.amount, Currency: c.currency, LineItems: "[]", Metadata: "{}", CreatedAt: at}
	switch c.kind {
	case "completed":
		rec.Status, rec.CompletedAt = StatusCompleted, &at
	case "expired":
		rec.Status, rec.ExpiredAt = StatusExpired, &at
	default:
		r := refundRecord{ID: newID(prefixRefund, c.at), PaymentID: newID(prefixPayment, c.at), Mode: c.mode, Origin: originRequest, State: refundSucceeded, Amount: c.amount, Currency: c.currency, SettledAt: &at}
		if c.kind == "owed" {
			r.Origin = noteLate
		}
		_, err := t.insertRefund(r)
		return err
	}
	_, _, err := t.insertSession(rec)
	return err
}

// naively sums up what ended in the days of UTC that end with now.
func naively(list []closing, mode Mode, now time.Time, days int) period {
	p := period{Paid: map[string]sum{}, Refunded: map[string]sum{}}
	from := time.Date(now.Year(), now.Month(), now.Day()-days+1, 0, 0, 0, 0, time.UTC)
	for _, c := range list {
		if c.mode != mode || c.at.Before(from) {
			continue
		}
		one := map[string]sum{c.currency: {c.amount, 1}}
		switch c.kind {
		case "completed":
			p.Completed++
			addSums(p.Paid, one)
		case "expired":
			p.Expired++
		case "refund":
			addSums(p.Refunded, one)
		}
	}
	return p
}

func randomClosing(r *rand.Rand, at time.Time) closing {
	return closing{at, pick(r, "completed", "completed", "completed", "expired", "refund", "owed"), pick(r, Test, Test, Live), pick(r, "eur", "usd"), 1 + r.Int64N(10_000)}
}

func TestOverviewAgreesWithANaiveSum(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := rand.New(rand.NewPCG(7, 8))
		q, now := newAdminQuery(s.co.store), time.Date(2025, 3, 31, 0, 30, 0, 0, time.UTC)
		var list []closing
		for range 300 {
			list = append(list, randomClosing(r, now.Add(-time.Duration(r.Int64N(int64(40*24*time.Hour))))))
		}
		midnight := time.Date(2025, 3, 31, 0, 0, 0, 0, time.UTC)
		list = append(list, closing{midnight, "completed", Test, "eur", 1}, closing{midnight.Add(-time.Millisecond), "completed", Test, "eur", 1})
		s.close(list...)
		for round := range 6 {
			for _, mode := range []Mode{Test, Live} {
				got, err := q.overview(t.Context(), mode, now)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range []struct {
					days int
					got  period
				}{{1, got.Today}, {7, got.Week}, {30, got.Month}} {
					if diff := cmp.Diff(naively(list, mode, now, p.days), p.got); diff != "" {
						t.Fatalf("round %d, %d days of %s (-want +got):\n%s", round, p.days, mode, diff)
					}
				}
				got.checkSeries(t, now)
			}
			late := []closing{randomClosing(r, now), randomClosing(r, now.Add(-20*time.Minute))} // before midnight the first time
			s.close(late...)
			list, now = append(list, late...), now.Add(13*time.Hour)
		}
	})
}

// checkSeries compares the bars with the sums over them.
func (o overviewFigures) checkSeries(t *testing.T, now time.Time) {
	t.Helper()
	for _, currency := range o.Currencies {
		bars := o.Series[currency]
		if len(bars) != 30 || bars[29].Day.Format(time.DateOnly) != now.Format(time.DateOnly) || bars[0].Day.Format(time.DateOnly) != now.AddDate(0, 0, -29).Format(time.DateOnly) {
			t.Fatalf("%d bars of %s, from %v", len(bars), currency, bars)
		}
		var all sum
		for _, b := range bars {
			all.Amount, all.Count = all.Amount+b.Amount, all.Count+b.Count
		}
		if all != o.Month.Paid[currency] || bars[29].sum != o.Today.Paid[currency] {
			t.Errorf("the bars of %s add up to %+v, the month is %+v", currency, all, o.Month.Paid[currency])
		}
	}
}

// TestOverviewReadsDaysThatAreOverOnce changes the past behind the back of the overview: it must not look there again.
func TestOverviewReadsDaysThatAreOverOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		now := time.Date(2025, 3, 31, 12, 0, 0, 0, time.UTC)
		q := newAdminQuery(s.co.store)
		s.close(closing{now.AddDate(0, 0, -3), "completed", Test, "eur", 100})
		for _, want := range []int64{100, 107} {
			o, err := q.overview(t.Context(), Test, now)
			if err != nil || o.Month.Paid["eur"].Amount != want {
				t.Fatalf("the month is %+v, want %d: %v", o.Month, want, err)
			}
			s.close(closing{now, "completed", Test, "eur", 7}, closing{now.AddDate(0, 0, -3), "completed", Test, "eur", 1000})
		}
		if o, err := newAdminQuery(s.co.store).overview(t.Context(), Test, now); err != nil || o.Month.Paid["eur"].Amount != 2114 {
			t.Errorf("another process sees %+v, %v", o.Month, err)
		}
	})
}

func TestSuccessRate(t *testing.T) {
	for _, c := range []struct {
		completed, expired int64
		want               int
		ok                 bool
	}{{0, 0, 0, false}, {1, 0, 10_000, true}, {0, 5, 0, true}, {2, 1, 6_666, true}} {
		if got, ok := (period{Completed: c.completed, Expired: c.expired}).SuccessRate(); got != c.want || ok != c.ok {
			t.Errorf("%d of %d: %d, %v", c.completed, c.completed+c.expired, got, ok)
		}
	}
}

func TestEndpointsHealth(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newShop(t, db)
		q := newAdminQuery(s.co.store)
		var ids []string
		for range 2 {
			id, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: "https://shop.example/hook"})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		err := s.co.store.transact(t.Context(), func(t tx) error {
			for i := range 260 {
				state := []string{"pending", "failed", "delivered"}[min(i/countBound, 2)] // 100, 100 and 60
				if err := t.one(`INSERT INTO {deliveries} (id, event_id, endpoint_id, session_id, mode, state, next_at, created_at) VALUES (?, ?, ?, '', 'test', ?, 0, 0)`,
					fmt.Sprint("dlv_", i), fmt.Sprint("evt_", i), ids[0], state); err != nil {
					return err
				}
			}
			return t.one(`UPDATE {deliveries} SET state = 'failed' WHERE id = 'dlv_259'`)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range []struct {
			status int
			age    time.Duration
		}{{200, 0}, {204, time.Hour}, {500, 2 * time.Hour}, {0, 23 * time.Hour}, {200, 25 * time.Hour}, {301, time.Minute}} {
			s.keepAttempt(fmt.Sprint("dlv_", i), 1, a.status, "", -a.age)
		}
		got, err := q.endpointsHealth(t.Context(), Test, s.clock.now())
		want := []endpointHealth{
			{EndpointID: ids[0], Accepted: 2, Attempts: bounded{N: 5}, Pending: bounded{N: 100}, Failed: bounded{100, true}},
			{EndpointID: ids[1]},
		}
		if ids[1] < ids[0] {
			want[0], want[1] = want[1], want[0]
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if rate, ok := (endpointHealth{Accepted: 2, Attempts: bounded{N: 5}}).SuccessRate(); rate != 4000 || !ok {
			t.Errorf("2 of 5 are %d, %v", rate, ok)
		}
		if _, ok := (endpointHealth{}).SuccessRate(); ok {
			t.Error("nothing has a rate")
		}
	})
}

func TestNeedsPerson(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		q := newAdminQuery(s.co.store)
		id, ref := s.awaited(a)
		s.transfer("1", ref, 2700, booked(id, 0, 200))
		s.awaited(a)
		s.transfer("2", "", 2500, TransferResult{Status: TransferSuggested})
		if got := s.owed(id); got != "surplus 200 needs_person" {
			t.Fatalf("owed is %q", got)
		}
		got, err := q.needsPerson(t.Context(), Live)
		if err != nil || len(got.Refunds) != 1 || got.Refunds[0].AmountCents != 200 || len(got.Transfers) != 1 || got.Transfers[0].Amount != 2500 || got.MoreRefunds || got.MoreTransfers {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err = q.needsPerson(t.Context(), Test); err != nil || len(got.Refunds)+len(got.Transfers) != 0 {
			t.Errorf("of the other mode: %+v, %v", got, err)
		}
		err = s.co.store.transact(t.Context(), func(t tx) error {
			for range countBound {
				id := newID(prefixRefund, s.clock.now())
				if _, err := t.insertRefund(refundRecord{ID: id, PaymentID: id, Mode: Live, Origin: originRequest, State: refundNeedsPerson, Amount: 1, Currency: "eur"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err = q.needsPerson(t.Context(), Live); err != nil || len(got.Refunds) != countBound || !got.MoreRefunds {
			t.Errorf("%d refunds, more %v, %v", len(got.Refunds), got.MoreRefunds, err)
		}
	})
}
