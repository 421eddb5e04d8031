package checkout

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"
)

// runUntil runs the workers and gives what Run returns when ctx has ended.
func (s *shop) runUntil(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.co.Run(ctx) }()
	return done
}

// wantStopped waits for Run to return, as a host does that got SIGTERM.
func (s *shop) wantStopped(done <-chan error) {
	s.t.Helper()
	select {
	case err := <-done:
		if err != nil {
			s.t.Errorf("Run: %v", err)
		}
	case <-time.After(30 * time.Second):
		s.t.Fatal("Run did not stop")
	}
}

// runWhile runs the workers until body has returned.
func (s *shop) runWhile(body func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := s.runUntil(ctx)
	body()
	stop()
	s.wantStopped(done)
}

func TestRunStartsAndStopsFiftyTimesAndLeavesNothingBehind(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.runWhile(func() {}) // the pool of the database has its goroutines now
		known := goleak.IgnoreCurrent()
		for range 50 {
			ctx, stop := context.WithCancel(context.Background())
			done := s.runUntil(ctx)
			stop()
			s.wantStopped(done)
		}
		if err := goleak.Find(known); err != nil {
			t.Error(err)
		}
	})
}

func TestRunInsideATransactionIsRefused(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		err := s.db.Transaction(func(tx *gorm.DB) error { return s.co.WithTx(tx).Run(t.Context()) })
		if !errors.Is(err, errRunInTx) {
			t.Errorf("Run inside WithTx: %v", err)
		}
	})
}

func TestPanicOfTheHookDoesNotEndTheWorker(t *testing.T) {
	calls := make(chan int, 10)
	n := 0
	hook := func(context.Context, *gorm.DB, Event) error {
		n++
		calls <- n
		if n == 1 {
			panic("the host has a bug")
		}
		return nil
	}
	eachShop(t, func(t *testing.T, s *shop) {
		n = 0
		id := s.create(seedBody)
		s.clock.advance(2 * time.Hour)
		s.runWhile(func() {
			for range 2 {
				select {
				case <-calls:
				case <-time.After(20 * time.Second):
					t.Fatal("the worker did not come back")
				}
			}
		})
		s.want(id, "expired", "unpaid")
	}, func(c *Config) { c.OnEvent = hook })
}

func TestPanicOfAProviderCostsItsOwnPaymentOneRound(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		poison, fine := s.create(seedBody), s.create(seedBody)
		s.payWire(poison)
		s.payWire(fine)
		bad := s.attempts(poison)[0].ID
		p.onObserve = func(_ context.Context, ref ChargeRef) {
			if ref.AttemptID == bad {
				panic("the adapter has a bug")
			}
		}
		p.set(s.attempts(fine)[0].ID, StateSucceeded)
		s.reconcileAfter(time.Minute)
		s.want(fine, "completed", "paid")
		s.want(poison, "pending", "processing")
		if !strings.Contains(s.log.String(), "panic in a worker") {
			t.Error("the panic is not in the log")
		}
		p.onObserve = nil
		p.set(bad, StateSucceeded)
		s.reconcileAfter(2 * time.Minute)
		s.want(poison, "completed", "paid")
	})
}

func TestStoppingLetsDeliveriesFinishAndHandsTheRestBack(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		arrived, release := make(chan int, 100), make(chan struct{})
		rx := newReceiver(t, func(n int) int { arrived <- n; <-release; return http.StatusOK })
		if _, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil {
			t.Fatal(err)
		}
		for range 7 {
			s.pay(s.create(seedBody), "4242424242424242")
		}
		ctx, stop := context.WithCancel(context.Background())
		done := s.runUntil(ctx)
		for range sendersPerEndpoint {
			<-arrived
		}
		if n := s.count("deliveries", "lease IS NOT NULL"); n != 7 {
			t.Errorf("%d deliveries are leased, want all", n)
		}
		stop()
		select {
		case <-done:
			t.Fatal("Run returned while webhooks were on their way")
		default:
		}
		close(release)
		s.wantStopped(done)
		delivered, leased := s.count("deliveries", "state = 'delivered'"), s.count("deliveries", "lease IS NOT NULL")
		if got := len(rx.all()); delivered != got || leased != 0 {
			t.Errorf("%d sent, %d delivered, %d still leased", got, delivered, leased)
		}
		if n := s.count("deliveries", "state = 'pending' AND attempts = 0"); n != 7-delivered || n == 0 {
			t.Errorf("%d deliveries are left for the next process", n)
		}
		s.runWhile(func() { rx.wait(t, 7) })
		if n := s.count("deliveries", "state = 'delivered' AND attempts = 1"); n != 7 {
			t.Errorf("%d deliveries arrived after the restart", n)
		}
	})
}

func TestStoppingDoesNotWalkThroughTheWholeClaim(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		for range 30 {
			s.declined(p)
		}
		ctx, stop := context.WithCancel(t.Context())
		asked := make(chan struct{}, 100)
		p.onObserve = func(call context.Context, _ ChargeRef) {
			stop()
			asked <- struct{}{}
			if call.Err() != nil {
				t.Error("what was begun is cut off")
			}
		}
		s.clock.advance(time.Minute)
		if err := s.co.reconcileDue(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(asked); n == 0 || n > 16 {
			t.Errorf("%d of 30 payments were asked about after the stop", n)
		}
		p.onObserve = nil
		for _, c := range p.charges {
			c.outcome.state = StateSucceeded
		}
		s.reconcileAfter(time.Hour)
		if n := s.count("payments", "state = 'succeeded'"); n != 30 {
			t.Errorf("%d payments were found in the end", n)
		}
	})
}

func TestTwoReplicasShareTheDuePayments(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		for range 20 {
			s.declined(p)
		}
		asked := make(chan string, 100)
		p.onObserve = func(_ context.Context, ref ChargeRef) { asked <- ref.AttemptID }
		s.clock.advance(time.Minute)
		if err := atOnce(
			func() error { return s.co.reconcileDue(t.Context()) },
			func() error { return s.co.reconcileDue(t.Context()) },
		); err != nil {
			t.Fatal(err)
		}
		close(asked)
		seen := map[string]int{}
		for id := range asked {
			if seen[id]++; seen[id] > 1 {
				t.Errorf("%s was asked about twice", shortID(id))
			}
		}
		if len(seen) != 20 {
			t.Errorf("%d payments were asked about", len(seen))
		}
	})
}

func TestPaymentOfAProviderThatIsGoneIsNamed(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		s.payWire(s.create(seedBody))
		delete(s.co.providers, "scripted")
		s.reconcileAfter(time.Minute)
		if !strings.Contains(s.log.String(), "not configured any more") {
			t.Error("the log does not say which provider is missing")
		}
	})
}
