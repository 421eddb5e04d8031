package checkout

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/webhook"
)

// wantNext compares when RunOnce says that something is due next; an empty text stands for never.
func (s *shop) wantNext(when, want string) {
	s.t.Helper()
	got := ""
	if next := s.after(0); !next.IsZero() {
		got = next.Sub(newClock().now()).String()
	}
	if got != want {
		s.t.Errorf("%s something is due after %q, want %q", when, got, want)
	}
}

func TestRunOnceTellsWhenSomethingIsDueNext(t *testing.T) {
	eachRefundShop(t, []outcome{{state: StateProcessing}}, []refundStep{{err: ErrUnavailable}, paysBack}, func(t *testing.T, s *shop, p *refunding) {
		s.wantNext("in an empty shop", "")
		id := s.create(seedBody)
		s.wantNext("with a pending session", "1h0m0s")
		s.payWire(id)
		s.wantNext("with an open attempt", "5s")
		s.after(5 * time.Second)
		s.wantNext("after the first look", "35s")
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.after(30 * time.Second)
		s.want(id, "completed", "paid")
		s.wantNext("when all is done", "")
		s.refund(`{"session_id":"` + id + `"}`)
		s.wantNext("with a refund that did not get through", "1m35s")
		s.after(time.Minute)
		s.wantRefunded(id, "refunded", 2500)
		s.wantNext("after it", "")
	})
}

func TestRunOnceDoesWhatBecomesDueThroughItself(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, func(n int) int { return []int{500, 200}[min(n-1, 1)] })
		if _, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil {
			t.Fatal(err)
		}
		id := s.create(seedBody)
		s.pay(id, "4000000000012239") // pays later
		next := s.after(2 * time.Hour)
		s.want(id, "completed", "paid")
		if got := rx.all(); len(got) != 1 || got[0].header.Get("X-JoPay-Event") != webhook.SessionCompleted {
			t.Fatalf("%d webhooks came", len(got))
		}
		wait := next.Sub(s.clock.now())
		if err := within10(wait, 5*time.Second); err != nil {
			t.Errorf("the webhook that failed is due again: %v", err)
		}
		if next := s.after(wait); len(rx.all()) != 2 || !next.IsZero() {
			t.Errorf("%d webhooks came, the next is due at %v", len(rx.all()), next)
		}
	})
}

func TestRunOnceExpiresAndSaysSo(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		ids := make([]string, batch+3)
		for i := range ids {
			ids[i] = s.create(seedBody)
		}
		if next := s.after(time.Hour); !next.IsZero() {
			t.Errorf("something is due at %v", next)
		}
		if n := s.count("sessions", "status = 'expired'"); n != len(ids) {
			t.Errorf("%d of %d sessions are expired", n, len(ids))
		}
	})
}

func TestRunOnceIsRefusedInATransaction(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		err := s.db.Transaction(func(tx *gorm.DB) error {
			_, err := s.co.WithTx(tx).RunOnce(t.Context())
			return err
		})
		if !errors.Is(err, errRunInTx) {
			t.Errorf("it gave %v", err)
		}
	})
}

func TestRunOnceTellsThatTheDatabaseFailed(t *testing.T) {
	eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
		broken := errors.New("disk I/O error")
		f.once("UPDATE checkout_refunds", "before", broken)
		if _, err := s.co.RunOnce(t.Context()); !errors.Is(err, broken) {
			t.Errorf("it gave %v", err)
		}
		if w := s.api("GET", "/health", ""); w.Code != http.StatusOK {
			t.Errorf("health is %d", w.Code)
		}
	})
}
