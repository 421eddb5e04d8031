package checkout

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/webhook"
)

// Notifications are a speed-up. Without any, Run and RunOnce find out by themselves what became of a payment.
func TestWorkersAskAboutAPaymentNobodyTellsOf(t *testing.T) {
	for _, worker := range []string{"RunOnce", "Run"} {
		t.Run(worker, func(t *testing.T) {
			completed := make(chan string, 10)
			hook := func(_ context.Context, _ *gorm.DB, e Event) error {
				if e.Type == webhook.SessionCompleted {
					completed <- e.SessionID
				}
				return nil
			}
			eachLiveShop(t, []outcome{{state: StateSucceeded, err: errCut}}, func(t *testing.T, s *shop, p *scripted) {
				id := s.create(seedBody)
				s.payWire(id)
				s.want(id, "pending", "processing")
				next, err := s.co.RunOnce(t.Context())
				if err != nil || next.Sub(s.clock.now()) > time.Minute {
					t.Fatalf("the next look is at %v, %v", next, err)
				}
				s.clock.advance(next.Sub(s.clock.now()))
				if worker == "Run" {
					s.run()
				} else if _, err := s.co.RunOnce(t.Context()); err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-completed:
					if got != id {
						t.Errorf("session %s is completed", got)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("nobody asked the provider")
				}
			}, func(c *Config) { c.OnEvent = hook })
		})
	}
}
