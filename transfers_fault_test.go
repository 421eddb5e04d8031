package checkout

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// recordAll is an import of a file that has every kind of line, by somebody who tries again when told so.
func (s *shop) recordAll(lines [][3]string) error {
	var failed error
	for _, l := range lines {
		var amount int64
		fmt.Sscan(l[2], &amount)
		_, err := s.co.RecordTransfer(s.t.Context(), l[1], amount, Transfer{Key: l[0]})
		failed = errors.Join(failed, err)
	}
	return failed
}

func TestAnyCallToTheDatabaseMayFailOnceDuringAnImport(t *testing.T) {
	for _, fault := range []error{errCut, errBroke} {
		for _, moment := range moments {
			t.Run(fmt.Sprintf("%s/%v", moment, fault), func(t *testing.T) {
				dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
					f, a := faulty(t, db), newAccount()
					f.when(nil)
					s := newLiveShop(t, db, a)
					n := 1
					for happened := true; happened; n++ {
						happened = s.importWithFault(a, f, n, moment, fault)
					}
					if n < 20 {
						t.Errorf("only %d calls could fail", n-1)
					}
				})
			})
		}
	}
}

// importWithFault lets the n-th call of an import fail, imports again, and looks at the books.
func (s *shop) importWithFault(a *account, f *faults, n int, moment string, fault error) bool {
	s.t.Helper()
	whole, wholeRef := s.awaited(a)
	parts, partsRef := s.awaited(a)
	name := func(line string) string { return fmt.Sprintf("%d %s", n, line) }
	lines := [][3]string{
		{name("whole"), wholeRef, "2500"}, {name("part"), partsRef, "1000"}, {name("rest"), partsRef, "1600"}, {name("more"), wholeRef, "1"},
	}
	var calls atomic.Int64
	f.when(func(string) (string, error) {
		if calls.Add(1) == int64(n) {
			return moment, fault
		}
		return "", nil
	})
	_ = s.recordAll(lines)
	happened := f.count() > 0
	f.when(nil)
	if err := s.recordAll(lines); err != nil {
		s.t.Fatalf("fault at call %d: the second import fails: %v", n, err)
	}
	s.want(whole, "completed", "paid")
	s.want(parts, "completed", "paid")
	if got, want := s.owed(whole)+"; "+s.owed(parts), "surplus 1 needs_person; surplus 100 needs_person"; got != want {
		s.t.Fatalf("fault at call %d: owed is %q, want %q", n, got, want)
	}
	if got := s.count("transfers", "session_id IN (?, ?)", whole, parts); got != len(lines) {
		s.t.Fatalf("fault at call %d: %d transfers", n, got)
	}
	return happened
}

// statement is the import of a file: two lines for every payment that waits at the account.
func (c *child) statement() {
	for _, ref := range c.texts(`SELECT ref FROM {payments} WHERE provider = 'account' ORDER BY id`) {
		for _, amount := range []int64{1000, 1500} {
			childMust(c.co.RecordTransfer(c.t.Context(), ref, amount, Transfer{Key: fmt.Sprintf("%s %d", ref, amount)}))
		}
	}
}

// transferPoints are the moments at which a process dies while it imports a file.
var transferPoints = []string{"transfer.taken", "transfer.written", "transfer.committed"}

func TestChaosKillWhileAStatementIsImported(t *testing.T) {
	total := newTally(t, "points of an import killed at")
	eachLane(t, func(t *testing.T, db *gorm.DB, lane, lanes int) {
		a := newAccount()
		k := &killer{t: t, world: newWorld(t), dsn: dbtest.DSN(t, db), s: newLiveShop(t, db, a)}
		if err := db.Exec("CREATE TABLE host_events (id TEXT PRIMARY KEY, session_id TEXT, type TEXT)").Error; err != nil {
			t.Fatal(err)
		}
		for i := lane; i < len(transferPoints)*4; i += lanes {
			k.killImport(a, transferPoints[i%len(transferPoints)], 1+i/len(transferPoints))
		}
		total.add(k, k.kills)
	})
}

// killImport kills an import of four lines and repeats it.
func (k *killer) killImport(a *account, point string, nth int) {
	k.t.Helper()
	k.s.clock.at = k.world.later(0)
	one, _ := k.s.awaited(a)
	two, _ := k.s.awaited(a)
	before := k.s.count("transfers", "1 = 1")
	task := childTask{Do: []string{"statement"}, Point: point, Nth: before + nth} // lines of earlier rounds pass the first point again
	if point != "transfer.taken" {
		task.Nth = nth
	}
	if killed, _ := k.start(0, task); !killed && point != "transfer.taken" {
		k.t.Errorf("%s was not passed %d times", point, nth)
	}
	if killed, _ := k.start(0, childTask{Do: []string{"statement"}}); killed {
		k.t.Fatal("nobody was to be killed")
	}
	for _, id := range []string{one, two} {
		k.s.want(id, "completed", "paid")
		if n := k.s.count("transfers", "session_id = ? AND status = 'booked'", id); n != 2 {
			k.t.Errorf("after a kill at %s %d: %d transfers", point, nth, n)
		}
		if n := k.s.count("events", "session_id = ? AND type = 'checkout.session.completed'", id); n != 1 {
			k.t.Errorf("after a kill at %s %d: %d completed events", point, nth, n)
		}
	}
	if n := k.s.count("refunds", "1 = 1"); n != 0 {
		k.t.Errorf("after a kill at %s %d: money is owed", point, nth)
	}
	if lost := k.s.texts(`SELECT e.id FROM {events} e LEFT JOIN host_events h ON h.id = e.id WHERE h.id IS NULL AND e.session_id IN ('` + one + `', '` + two + `')`); len(lost) > 0 {
		k.t.Errorf("after a kill at %s %d: the host's books lack %v", point, nth, lost)
	}
}
