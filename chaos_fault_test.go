package checkout

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// steps are what may meet a database that fails. Each prepares in peace and gives what is done while it fails.
var steps = map[string]func(s *shop, p *company) (id string, act func()){
	"create": func(s *shop, p *company) (string, func()) {
		key := newID("order_", s.clock.now())
		return "", func() { s.api("POST", "/sessions", seedBody, "Idempotency-Key", key) }
	},
	"pay": func(s *shop, p *company) (string, func()) {
		id := openOrder(s, p)
		form := s.wire(id)
		return id, func() { s.post("/checkout/"+id, form) }
	},
	"challenge and return": func(s *shop, p *company) (string, func()) {
		id := openOrder(s, p)
		p.next(outcome{state: StateActionRequired, redirect: "https://bank.example/"})
		form := s.wire(id)
		return id, func() {
			s.post("/checkout/"+id, form)
			for _, attempt := range p.attemptsOf(id) {
				p.set(attempt, StateSucceeded)
			}
			s.page("/checkout/" + id + "/return")
		}
	},
	"notification": func(s *shop, p *company) (string, func()) {
		id := openCharge(s, p)
		notice := noticeOf(s.attempts(id)[0].ID)
		return id, func() { s.notify(notice, "authentic") }
	},
	"late money": func(s *shop, p *company) (string, func()) {
		id := lateCharge(s, p)
		s.clock.advance(2 * time.Hour)
		s.runOnce()
		notice := noticeOf(s.attempts(id)[0].ID)
		return id, func() { s.notify(notice, "authentic") }
	},
	"expiry": func(s *shop, p *company) (string, func()) {
		id := openOrder(s, p)
		s.clock.advance(2 * time.Hour)
		return id, func() { _ = s.co.expireDue(s.t.Context()) } // a failure is the point
	},
	"refund": func(s *shop, p *company) (string, func()) {
		id := openOrder(s, p)
		s.payWire(id)
		return id, func() { _, _ = s.co.Refund(s.t.Context(), RefundParams{SessionID: id, AmountCents: 700}) }
	},
	"refund of money that belongs to no order": func(s *shop, p *company) (string, func()) {
		id := openOrder(s, p)
		p.next(outcome{state: StateSucceeded, took: 2700})
		s.payWire(id)
		return id, func() { _ = s.co.refundDue(s.t.Context()) }
	},
	"delivery": func(s *shop, p *company) (string, func()) {
		id := openOrder(s, p)
		s.payWire(id)
		return id, func() { _ = s.co.deliverDue(s.t.Context()) }
	},
}

// noticeOf is the one notification about an attempt, however often the company repeats it.
func noticeOf(attempt string) scriptedNotice {
	return scriptedNotice{Event: "ev_" + attempt, AttemptID: attempt, Claims: StateSucceeded}
}

func (s *shop) runOnce() {
	s.t.Helper()
	if _, err := s.co.RunOnce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// TestChaosNthDatabaseCallFails lets every single call to the database of every step fail, before it happens and after.
func TestChaosNthDatabaseCallFails(t *testing.T) {
	kinds := []error{errCut, errBroke}[:extent(1, 2)]
	for name := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachUnsynced(t, func(t *testing.T, db *gorm.DB) {
				f, rx, books := faulty(t, db), newReceiver(t, nil), newCompany(outcome{})
				go drain(rx.news)
				s := newLiveShop(t, db, books, func(c *Config) { c.HTTPClient = &http.Client{Transport: toWorld{rx.URL}} })
				s.listen()
				calls := 0
				for _, fault := range kinds {
					for _, moment := range moments {
						calls += s.failEach(f, name, books, moment, fault)
						checkInvariants(t, s, books, rx.all())
					}
				}
				t.Logf("chaos: %s on %s: %d calls failed", name, db.Name(), calls)
			})
		})
	}
}

// eachUnsynced is dbtest.Each for tests that commit very often.
func eachUnsynced(t *testing.T, body func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	for _, dialect := range dbtest.Dialects() {
		t.Run(dialect, func(t *testing.T) { body(t, dbtest.OpenUnsynced(t, dialect)) })
	}
}

// drain takes what nobody waits for, so that the sender never blocks.
func drain(news <-chan struct{}) {
	for range news {
		continue
	}
}

// listen sets the merchant's endpoint of live mode, which hears of everything.
func (s *shop) listen() {
	s.t.Helper()
	rec, err := s.co.newEndpoint(EndpointParams{Mode: Live, URL: "https://receiver.example/hook", Events: allEvents})
	if err == nil {
		err = second(s.co.store.direct(s.t.Context()).insertEndpoint(rec))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// failEach goes through all calls of a step and gives their number.
func (s *shop) failEach(f *faults, step string, books *company, moment string, fault error) int {
	s.t.Helper()
	for n := 1; ; n++ {
		id, act := steps[step](s, books)
		what := s.failNth(f, n, moment, fault, act)
		s.afterTheFault(books, id)
		switch {
		case what == nil && n < 3:
			s.t.Errorf("%s calls the database %d times", step, n-1)
			return 0
		case what == nil:
			return n - 1
		}
		if d := s.inspect(books, nil); len(d.lines()) > 0 {
			s.t.Fatalf("%s, call %d, %v: %v", step, n, what, d.lines())
		}
	}
}

// failNth lets the n-th call of act fail and gives what failed.
func (s *shop) failNth(f *faults, n int, moment string, fault error, act func()) []string {
	var calls atomic.Int64
	s.co.shared.keys.forget()
	f.when(func(string) (string, error) {
		if calls.Add(1) == int64(n) {
			return moment, fault
		}
		return "", nil
	})
	act()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule = nil
	return f.fired
}

// afterTheFault is what time, the workers and the company's repetitions do.
func (s *shop) afterTheFault(books *company, id string) {
	s.t.Helper()
	for _, attempt := range books.attemptsOf(id) {
		if w := s.notify(noticeOf(attempt), "authentic"); w.Code != http.StatusOK {
			s.t.Errorf("the repeated notification was answered %d", w.Code)
		}
	}
	for range 2 {
		s.clock.advance(believeAbsence + time.Minute)
		s.runOnce()
	}
}
