package checkout

import (
	"context"
	"testing"
	"time"
)

// Whatever a provider answers, and however often the buyer clicks and the workers look: all calls for one attempt carry
// the id of its row, so that the company can tell a repeat from a new order.
func TestEveryCallForAnAttemptCarriesTheIDOfItsRow(t *testing.T) {
	for name, answer := range map[string]error{
		"success": nil, "lost": errCut, "timeout": context.DeadlineExceeded, "unplaced": errBroke, "rejected": ErrRejected, "unavailable": ErrUnavailable,
	} {
		t.Run(name, func(t *testing.T) {
			eachLiveShop(t, []outcome{{state: StateProcessing, err: answer}}, func(t *testing.T, s *shop, p *scripted) {
				var begun []string
				p.onBegin = func(_ context.Context, r BeginRequest) { begun = append(begun, r.AttemptID) }
				asked := map[string]bool{}
				p.onObserve = func(_ context.Context, ref ChargeRef) { asked[ref.AttemptID] = true }
				id := s.create(seedBody)
				form := s.wire(id)
				s.post("/checkout/"+id, form)
				s.post("/checkout/"+id, form)
				s.reconcileAfter(time.Minute)
				attempts := s.attempts(id)
				if len(attempts) != 1 || len(begun) != 1 || begun[0] != attempts[0].ID || len(p.charges) != 1 {
					t.Fatalf("%d attempts, begun %v, %d charges", len(attempts), begun, len(p.charges))
				}
				delete(asked, attempts[0].ID)
				if len(asked) > 0 {
					t.Errorf("asked about %v, which are no attempts", asked)
				}
			})
		})
	}
}
