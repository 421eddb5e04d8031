package checkouttest

import "time"

const (
	retryPace  = 2 * time.Second // how soon Run tries again what has failed
	maxFailing = 1000            // rounds in a row
)

// Advance lets d pass, from one thing that is due to the next: sessions expire, banks are asked, refunds and webhooks
// are sent, each at its time. All that falls due within d has been done when it returns. What fails is logged with the
// test and tried again, as in production.
func (s *Shop) Advance(d time.Duration) {
	s.t.Helper()
	end := s.clock.now().Add(d)
	for failing := 0; ; {
		next, ok := s.work()
		if failing++; ok {
			failing = 0
		}
		if failing > maxFailing {
			s.t.Fatalf("checkouttest: the work that is due failed %d times in a row", failing)
		}
		now := s.clock.now()
		if !ok || (!next.IsZero() && !next.After(now)) {
			next = now.Add(retryPace)
		}
		if next.IsZero() || next.After(end) {
			break
		}
		s.clock.set(next)
	}
	if s.clock.now().Before(end) {
		s.clock.set(end)
		s.work()
	}
}

// work does what is due now. It reports when something will be due next, and whether all went well.
func (s *Shop) work() (next time.Time, ok bool) {
	s.t.Helper()
	next, err := s.co.RunOnce(s.t.Context())
	if err != nil {
		s.t.Logf("checkouttest: at %s: %v", s.clock.now().Format(time.TimeOnly), err)
	}
	return next, err == nil
}
