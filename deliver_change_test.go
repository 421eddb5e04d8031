package checkout

import (
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// What was claimed before an endpoint changed is not sent with what it was: at most the requests that were under way go on.
func TestAClaimEndsWithAChangeOfItsEndpoint(t *testing.T) {
	for name, change := range map[string]func(s *shop, id, elsewhere string) error{
		"moved": func(s *shop, id, elsewhere string) error {
			return second(s.co.UpdateEndpoint(s.t.Context(), id, EndpointUpdate{URL: &elsewhere}))
		},
		"deleted": func(s *shop, id, _ string) error { return s.co.DeleteEndpoint(s.t.Context(), id) },
		"secret ended": func(s *shop, id, _ string) error {
			return second(s.co.RotateSecret(s.t.Context(), id, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				const events = 12
				var id, old string
				var arrived int // when the change was made
				var first *receiver
				elsewhere := newReceiver(t, nil)
				first = newReceiver(t, func(n int) int {
					if n == 1 {
						if err := change(s, id, elsewhere.URL); err != nil {
							t.Error(err)
						}
						arrived = len(first.all())
					}
					return 200
				})
				id, old = s.hook(first.URL)
				for range events {
					s.create(seedBody)
				}
				s.clock.advance(2 * time.Hour)
				s.expireDue()
				if err := s.co.deliverDue(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := 0
				for _, r := range first.all() {
					if webhook.Verify([]byte(r.body), r.header.Get(webhook.HeaderSignature), old, webhook.WithClock(s.clock.now)) == nil {
						before++
					}
				}
				if before == 0 || before > arrived+sendersPerEndpoint-1 {
					t.Errorf("%d webhooks left with what the endpoint was, %d of them before the change", before, arrived)
				}
				want := map[string]int{"moved": events, "deleted": before, "secret ended": events}[name]
				if got := len(first.all()) + len(elsewhere.all()); got != want {
					t.Errorf("%d webhooks were sent in all, want %d", got, want)
				}
			})
		})
	}
}
