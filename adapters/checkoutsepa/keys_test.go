package checkoutsepa

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// entryOf is a line that a bank tells, in few variants, so that many are alike.
type entryOf struct {
	day, amount    int
	ref, payer     string
	pending, debit bool
}

func randomEntry(r *rand.Rand) entryOf {
	return entryOf{
		day: 1 + r.IntN(4), amount: 1 + r.IntN(2), ref: []string{"", "NONREF", "A", "B"}[r.IntN(4)], payer: []string{"Kim", "Jo"}[r.IntN(2)],
		pending: r.IntN(4) == 0, debit: r.IntN(6) == 0,
	}
}

func (e entryOf) counts() bool { return !e.pending && !e.debit }

func camtOf(list []entryOf) string {
	var entries []string
	for _, e := range list {
		status, direction := "BOOK", "CRDT"
		if e.pending {
			status = "PDNG"
		}
		if e.debit {
			direction = "DBIT"
		}
		entry := booked(fmt.Sprint(e.amount), "<AcctSvcrRef>"+e.ref+"</AcctSvcrRef>", details(transferOf(e.payer, "x")))
		entries = append(entries, strings.NewReplacer("BOOK<", status+"<", "CRDT", direction, "2026-03-02", fmt.Sprintf("2026-03-%02d", e.day)).Replace(entry))
	}
	return statement(entries...)
}

func csvOf(list []entryOf) string {
	file := "Datum;Betrag;Auftraggeber;Status;Soll/Haben;Bankreferenz\n"
	for _, e := range list {
		status, direction := "gebucht", "H"
		if e.pending {
			status = "vorgemerkt"
		}
		if e.debit {
			direction = "S"
		}
		file += fmt.Sprintf("%d.3.2026;%d,00;%s;%s;%s;%s\n", e.day, e.amount, e.payer, status, direction, e.ref)
	}
	return file
}

// Whatever stands beside a line, in a file of its day or of many: money that has come keeps its key. The order of the days
// differs as well, for banks begin with the first or with the last one.
func TestNothingElseInAFileChangesAKey(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		whole := make([]entryOf, 1+r.IntN(20))
		for i := range whole {
			whole[i] = randomEntry(r)
		}
		slices.SortStableFunc(whole, func(a, b entryOf) int { return b.day - a.day })
		for format, read := range map[string]func([]entryOf) []Line{
			"camt": func(list []entryOf) []Line { return readAll(t, camtOf(list)) },
			"csv":  func(list []entryOf) []Line { return readCSV(t, csvOf(list), CSVFormat{}) },
		} {
			var apart []string
			for day := 4; day >= 1; day-- {
				apart = append(apart, keysThatCount(read(only(whole, func(e entryOf) bool { return e.day == day && e.counts() })))...)
			}
			together := keysThatCount(read(whole))
			slices.Sort(apart)
			slices.Sort(together)
			if !slices.Equal(apart, together) {
				t.Fatalf("seed %d, %s: the days have the keys %q, all together %q", seed, format, apart, together)
			}
		}
	}
}

func only(list []entryOf, keep func(entryOf) bool) []entryOf {
	return slices.DeleteFunc(slices.Clone(list), func(e entryOf) bool { return !keep(e) })
}

func keysThatCount(lines []Line) (keys []string) {
	for _, l := range lines {
		if l.Ignored == "" && l.Problem == "" {
			keys = append(keys, l.Key)
		}
	}
	return keys
}
