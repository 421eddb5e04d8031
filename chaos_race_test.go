package checkout

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

const clicks = 64

// serve starts a process that answers buyers, and gives its address. It ends with the test.
func (k *killer) serve() string {
	k.t.Helper()
	cmd := k.command(childTask{Do: []string{"serve"}, At: k.world.later(0)})
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		k.t.Fatal("the process does not start")
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			k.t.Errorf("a process that answers buyers ended with %v", err)
		}
	})
	return strings.TrimSpace(address)
}

// TestChaosParallelPaysFromTwoProcesses sends 64 clicks on one session to two processes at the same moment.
func TestChaosParallelPaysFromTwoProcesses(t *testing.T) {
	sessions := extent(20, 500) // on each database
	total := newTally(t, "sessions clicked 64 times")
	eachLane(t, func(t *testing.T, db *gorm.DB, lane, lanes int) {
		k, done := newKiller(t, db), 0
		addresses := []string{k.serve(), k.serve()}
		buyers := &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: clicks},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		defer buyers.CloseIdleConnections()
		for n := lane; n < sessions; n += lanes {
			id := k.s.create(seedBody)
			k.click(buyers, addresses, id)
			if made := len(k.world.company.attemptsOf(id)); made != 1 {
				t.Fatalf("%d charges for one session", made)
			}
			k.s.want(id, "completed", "paid")
			if done++; done%100 == 0 {
				t.Logf("chaos: %d sessions × %d clicks on %s", done, clicks, db.Name())
			}
		}
		k.recover(0, "nothing; only clicks")
		t.Logf("chaos: %d sessions × %d clicks from two processes on %s: %d charges, %v, in %v", done, clicks, db.Name(), done, k.damage,
			time.Since(k.started).Round(time.Millisecond))
		total.add(k, done)
	})
}

// click sends the same form to every address in turn, all at once, and holds each answer to what a buyer may see.
func (k *killer) click(buyers *http.Client, addresses []string, id string) {
	k.t.Helper()
	form := k.s.wire(id).Encode()
	gate := make(chan struct{})
	var all sync.WaitGroup
	for n := range clicks {
		all.Go(func() {
			<-gate
			r, err := http.NewRequestWithContext(k.t.Context(), "POST", addresses[n%len(addresses)]+"/checkout/"+id, strings.NewReader(form))
			if err != nil {
				k.t.Error(err)
				return
			}
			r.Host = "shop.test"
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			answer, err := buyers.Do(r)
			if err != nil {
				k.t.Error(err)
				return
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusSeeOther {
				k.t.Errorf("a buyer was shown %d", answer.StatusCode)
			}
		})
	}
	close(gate)
	all.Wait()
}

// next sets what the company makes of the next new charge.
func (p *company) next(o outcome) {
	p.scripted.mu.Lock()
	defer p.scripted.mu.Unlock()
	p.script = []outcome{o}
}

// race is two things that want to end the same session; prepare gives the session.
type race struct {
	prepare func(s *shop, p *company) (id string)
	one     func(s *shop, id string)
	other   func(s *shop, id string)
	end     string // the only one that may be; empty: either
}

// openCharge leaves a payment that the shop does not know the outcome of. The money has come.
func openCharge(s *shop, p *company) string {
	p.next(outcome{state: StateProcessing})
	id := s.create(seedBody)
	s.payWire(id)
	p.set(p.attemptsOf(id)[0], StateSucceeded)
	return id
}

func openOrder(s *shop, p *company) string {
	p.next(outcome{state: StateSucceeded})
	return s.create(seedBody)
}

// lateCharge leaves a payment that had failed and whose money has come nevertheless.
func lateCharge(s *shop, p *company) string {
	p.next(outcome{state: StateFailed, reason: ReasonDeclined})
	id := s.create(seedBody)
	s.payWire(id)
	p.set(p.attemptsOf(id)[0], StateSucceeded)
	return id
}

func hasComeBack(s *shop, id string) {
	if w := s.page("/checkout/" + id + "/return"); w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "/success") {
		s.t.Errorf("the buyer who has paid was sent to %d %q", w.Code, w.Header().Get("Location"))
	}
}

func isNotified(s *shop, id string) {
	attempt := s.attempts(id)[0].ID
	if w := s.notify(noticeOf(attempt), "authentic"); w.Code != http.StatusOK {
		s.t.Errorf("the notification was answered %d", w.Code)
	}
}

func isExpired(s *shop, id string) {
	if w := s.api("POST", "/sessions/"+id+"/expire", ""); w.Code != http.StatusOK && w.Code != http.StatusConflict {
		s.t.Errorf("the expiry was answered %d: %s", w.Code, w.Body)
	}
}

func isPaid(s *shop, id string) {
	w := s.page("/checkout/" + id)
	m := tokenRule.FindStringSubmatch(w.Body.String())
	if m == nil {
		return // expired before the page was open
	}
	form := url.Values{"token": {m[1]}, "action": {"pay"}, "method": {"wire"}}
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
		s.t.Errorf("the buyer was shown %d", w.Code)
	}
}

var races = map[string][]race{
	"expiry against success": {
		{openOrder, isPaid, isExpired, ""},
		{lateCharge, isNotified, isExpired, ""},
		{openCharge, isNotified, isExpired, "completed"},
	},
	"redirect against notification": {{openCharge, hasComeBack, isNotified, "completed"}},
}

// TestChaosAtTheSameMoment lets two processes try to end a session at a barrier: there is exactly one end.
func TestChaosAtTheSameMoment(t *testing.T) {
	rounds := extent(50, 1000)
	for what, list := range races {
		t.Run(strings.ReplaceAll(what, " ", "-"), func(t *testing.T) {
			t.Parallel()
			eachUnsynced(t, func(t *testing.T, db *gorm.DB) {
				books := newCompany(outcome{})
				s := newLiveShop(t, db, books)
				other := secondProcess(t, s)
				ends := map[string]int{}
				for round := range rounds {
					r := list[round%len(list)]
					s.clock.advance(time.Minute) // so that no limit is met
					id := r.prepare(s, books)
					_ = atOnce( // they report for themselves
						func() error { r.one(s, id); return nil },
						func() error { r.other(other, id); return nil },
					)
					end := s.theEnd(id)
					if ends[end]++; r.end != "" && end != r.end {
						t.Fatalf("a session that is being paid was %s", end)
					}
				}
				if _, err := s.co.RunOnce(t.Context()); err != nil {
					t.Error(err)
				}
				checkInvariants(t, s, books, nil)
				t.Logf("chaos: %s on %s: %d rounds, ends %v", what, db.Name(), rounds, ends)
			})
		})
	}
}

// theEnd gives the one terminal event of a session.
func (s *shop) theEnd(id string) string {
	s.t.Helper()
	list := s.texts(`SELECT type FROM {events} WHERE session_id = ? AND type IN ('checkout.session.completed', 'checkout.session.expired')`, id)
	if len(list) != 1 {
		s.t.Fatalf("session %s has the ends %v", id, list)
	}
	return strings.TrimPrefix(list[0], "checkout.session.")
}
