package checkout

import (
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// Two clicks with one form: the COMMIT of the first fails, and before it is tried again the second has paid, or has been
// declined. What the first had written is gone, so it must not call the provider.
func TestClickWhoseCommitFailedChargesNothingAfterAnotherHasPaid(t *testing.T) {
	for _, other := range []outcome{pays, {state: StateFailed}} {
		t.Run(string(other.state), func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				p := newScripted(other)
				f := faulty(t, db)
				s := newLiveShop(t, db, p)
				second := secondProcess(t, s)
				id := s.create(seedBody)
				form := s.wire(id)
				failed, clicked := false, false
				f.when(func(call string) (string, error) {
					switch {
					case call == callCommit && !failed:
						failed = true
						return before, errCut
					case call == callBegin && failed && !clicked:
						clicked = true
						second.post("/checkout/"+id, form)
					}
					return "", nil
				})
				s.post("/checkout/"+id, form)
				if !clicked {
					t.Fatal("the second click did not happen")
				}
				if attempts := s.attempts(id); len(p.charges) != 1 || len(attempts) != 1 {
					t.Errorf("%d charges for %d attempts", len(p.charges), len(attempts))
				}
			})
		})
	}
}
