package checkout

import (
	"net/http"
	"testing"
	"time"
)

// A sender that died holds its webhooks for two minutes. A host with a timer of its own must not spin meanwhile.
func TestRunOnceWaitsForTheLeaseOfASenderThatDied(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, nil)
		if _, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil {
			t.Fatal(err)
		}
		s.pay(s.create(seedBody), "4242424242424242")
		endpoints, err := s.co.store.endpoints(t.Context(), Test)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := s.co.store.claimDeliveries(t.Context(), endpoints[0].ID, "lease_dead", s.clock.now(), leaseTime, batch); err != nil || len(list) != 1 {
			t.Fatalf("claimed %d, %v", len(list), err)
		}
		want := s.clock.now().Add(leaseTime)
		if next, err := s.co.RunOnce(t.Context()); err != nil || !next.Equal(want) {
			t.Fatalf("next is due at %v, want %v: %v", next, want, err)
		}
		s.clock.advance(leaseTime)
		if next, err := s.co.RunOnce(t.Context()); err != nil || !next.IsZero() || len(rx.all()) != 1 {
			t.Errorf("%d webhooks came, next at %v: %v", len(rx.all()), next, err)
		}
	})
}

func TestTheEarliestDeliveryIsDueNextAlsoBesideALease(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, func(int) int { return http.StatusInternalServerError })
		if _, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil {
			t.Fatal(err)
		}
		s.pay(s.create(seedBody), "4242424242424242")
		next, err := s.co.RunOnce(t.Context())
		if wait := next.Sub(s.clock.now()); err != nil || wait < 4*time.Second || wait > 6*time.Second {
			t.Errorf("a webhook that failed once is due in %v: %v", wait, err)
		}
	})
}
