package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jopay/checkout/webhook"
)

// openRequests counts the requests that are open at the same time, per host and in all.
type openRequests struct {
	mu                sync.Mutex
	open, most        int
	perHost, hostMost map[string]int
	done              map[string]int
}

func newOpenRequests() *openRequests {
	return &openRequests{perHost: map[string]int{}, hostMost: map[string]int{}, done: map[string]int{}}
}

func (g *openRequests) enter(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open++
	g.perHost[host]++
	g.most = max(g.most, g.open)
	g.hostMost[host] = max(g.hostMost[host], g.perHost[host])
}

func (g *openRequests) leave(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.perHost[host]--
	g.done[host]++
}

// inBubble runs a test in virtual time on SQLite: waits cost nothing, and synctest.Wait tells when nothing moves any more.
func inBubble(t *testing.T, network hookNet, body func(t *testing.T, s *shop)) {
	synctest.Test(t, func(t *testing.T) {
		body(t, oneShop(t, network.client, func(cfg *Config) { cfg.Now = time.Now }))
	})
}

// now gives how many requests to a host are open and how many are done.
func (g *openRequests) now(host string) (open, done int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.perHost[host], g.done[host]
}

func (s *shop) tenHooks() {
	for i := range 10 {
		s.hook(fmt.Sprintf("https://m%d.example/hook", i))
	}
}

func TestAtMostTwoPerEndpointAndSixteenInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gate := newOpenRequests(), make(chan struct{})
		s := oneShop(t, func(cfg *Config) { cfg.Now = time.Now }, hookNet(func(r *http.Request) (*http.Response, error) {
			g.enter(r.Host)
			defer g.leave(r.Host)
			<-gate
			return httpReply(200, ""), nil
		}).client)
		s.tenHooks()
		for range 5 {
			s.expiredSession()
		}
		sender := s.newSender()
		if err := sender.dispatch(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(gate)
		sender.running.Wait()
		most := 0
		for host := range g.done {
			if most = max(most, g.hostMost[host]); g.done[host] != 5 {
				t.Errorf("%s had %d requests", host, g.done[host])
			}
		}
		if most != 2 {
			t.Errorf("an endpoint had %d requests at once", most)
		}
		if g.most != 16 || s.count("deliveries", "state = 'delivered'") != 50 {
			t.Errorf("%d requests at once, outbox %+v", g.most, s.outbox("state <> 'delivered'"))
		}
	})
}

func TestDeadEndpointDelaysNobody(t *testing.T) {
	g := newOpenRequests()
	inBubble(t, func(r *http.Request) (*http.Response, error) {
		g.enter(r.Host)
		defer g.leave(r.Host)
		if r.Host == "m3.example" {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return httpReply(200, ""), nil
	}, func(t *testing.T, s *shop) {
		s.tenHooks()
		s.startWorkers()
		begin := time.Now()
		for range 20 {
			s.expiredSession()
			synctest.Wait()
		}
		if open, done := g.now("m3.example"); done != 0 || open == 0 {
			t.Errorf("the dead endpoint has %d open requests and %d done", open, done)
		}
		if n := s.count("deliveries", "state = 'delivered' AND attempts = 1"); n != 9*20 || time.Since(begin) != 0 {
			t.Errorf("%d of %d deliveries after %v", n, 9*20, time.Since(begin))
		}
	})
}

// The check is made where it counts: when a request ends, its row must still be leased to whoever sent it.
func TestLeaseOutlivesEveryRequest(t *testing.T) {
	var s *shop
	requests := 0
	var mu sync.Mutex
	synctest.Test(t, func(t *testing.T) {
		s = oneShop(t, func(cfg *Config) { cfg.Now = time.Now }, hookNet(func(r *http.Request) (*http.Response, error) {
			time.Sleep(14900 * time.Millisecond)
			row := s.outbox("id = ?", r.Header.Get("X-JoPay-Delivery"))[0]
			mu.Lock()
			defer mu.Unlock()
			if requests++; row.LeaseUntil < time.Now().UnixMilli() {
				t.Errorf("the lease of request %d ended %v before it", requests, time.Since(fromMillis(row.LeaseUntil)))
			}
			return httpReply(200, ""), nil
		}).client)
		s.hook("https://merchant.example/hook")
		for range 40 {
			s.expiredSession()
		}
		s.startWorkers()
		for range 40 {
			time.Sleep(15 * time.Second)
		}
		if n := s.count("deliveries", "state = 'delivered' AND attempts = 1"); n != 40 || requests != 40 {
			t.Errorf("%d deliveries with %d requests, want 40", n, requests)
		}
	})
}

// A stop takes nothing new; what hangs has its own limit of 15 seconds, well within the 20 of the stop.
func TestStopIsOverWithin20Seconds(t *testing.T) {
	inBubble(t, func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}, func(t *testing.T, s *shop) {
		s.hook("https://merchant.example/hook")
		for range 10 {
			s.expiredSession()
		}
		stop := s.startWorkers()
		time.Sleep(5 * time.Second)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if n := s.count("deliveries", "state = 'pending' AND lease IS NULL AND lease_until = 0"); n != 10 {
			t.Errorf("%d of 10 deliveries are free", n)
		}
		if n := s.count("deliveries", "attempts = 0"); n != 8 {
			t.Errorf("%d deliveries were handed back untouched, want 8", n)
		}
	})
}

func TestStopHandsBackAndTheNextStartResumes(t *testing.T) {
	var m hookLog
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	network := hookNet(func(r *http.Request) (*http.Response, error) {
		m.take(r)
		entered <- struct{}{}
		<-gate
		return httpReply(200, ""), nil
	})
	eachShop(t, func(t *testing.T, s *shop) {
		m.got, gate = nil, make(chan struct{})
		s.hook("https://merchant.example/hook")
		for range 10 {
			s.expiredSession()
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.co.Run(ctx) }()
		<-entered
		<-entered
		cancel()
		close(gate)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := s.count("deliveries", "state = 'delivered' AND attempts = 1"); n != 2 {
			t.Errorf("%d were delivered before the stop, want the 2 under way", n)
		}
		if n := s.count("deliveries", "state = 'pending' AND lease IS NULL AND lease_until = 0 AND attempts = 0"); n != 8 {
			t.Errorf("%d were handed back, want 8", n)
		}
		stop := s.startWorkers()
		for range 8 {
			<-entered
		}
		stop()
		if n := s.count("deliveries", "state = 'delivered' AND attempts = 1"); n != 10 || len(m.all()) != 10 {
			t.Errorf("%d delivered by %d requests, want 10", n, len(m.all()))
		}
	}, network.client)
}

func TestLateResultsAreRefused(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		endpoint, _ := s.hook("https://merchant.example/hook")
		session := s.expiredSession()
		claim := func(token string) []delivery {
			t.Helper()
			list, err := s.co.store.claimDeliveries(t.Context(), endpoint, token, s.clock.now(), leaseTime, batch)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		late := claim("lease_a")
		s.clock.advance(leaseTime - time.Millisecond)
		if len(late) != 1 || len(claim("lease_b")) != 0 {
			t.Fatalf("the first claim has %d deliveries, and they are not its own", len(late))
		}
		s.clock.advance(time.Millisecond)
		taken := claim("lease_b")
		if len(taken) != 1 || taken[0].ID != late[0].ID {
			t.Fatalf("a lease that ran out was not taken over: %+v", taken)
		}
		write := func(d delivery, reason string) {
			t.Helper()
			err := s.co.store.transact(t.Context(), func(x tx) error {
				return writeResults(x, []sendResult{{delivery: d, httpStatus: 200, reason: reason}}, s.clock.now())
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, reason := range []string{"", "The receiver answered 500."} {
			write(late[0], reason)
			if err := s.co.store.handBack(t.Context(), endpoint, "lease_a"); err != nil {
				t.Fatal(err)
			}
			if row := s.delivery(session); row.State != "pending" || row.Attempts != 0 || row.Lease != "lease_b" {
				t.Errorf("the late worker changed the row with %q: %+v", reason, row)
			}
		}
		write(taken[0], "")
		if row := s.delivery(session); row.State != "delivered" || row.Attempts != 1 || row.Lease != "" {
			t.Errorf("the lease's owner was refused: %+v", row)
		}
		write(taken[0], "late news")
		if row := s.delivery(session); row.State != "delivered" || row.Attempts != 1 {
			t.Errorf("a delivered row was changed: %+v", row)
		}
	})
}

func TestTwoProcessesDeliverEachEventOnce(t *testing.T) {
	var m hookLog
	network := hookNet(func(r *http.Request) (*http.Response, error) { m.take(r); return httpReply(200, ""), nil })
	eachShop(t, func(t *testing.T, s *shop) {
		m.got = nil
		other := secondProcess(t, s, network.client)
		for i := range 3 {
			s.hook(fmt.Sprintf("https://m%d.example/hook", i))
		}
		const events = 60
		for range events / 2 {
			s.expiredSession()
		}
		stopOne, stopTwo := s.startWorkers(), other.startWorkers()
		for range events / 2 {
			other.expiredSession()
		}
		stopTwo()
		stopOne()
		s.sendAllDue()
		seen := map[string]int{}
		for _, r := range m.all() {
			seen[r.header.Get("X-JoPay-Delivery")]++
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was sent %d times", shortID(id), n)
			}
		}
		if n := s.count("deliveries", "state = 'delivered' AND attempts = 1"); n != 3*events || len(seen) != 3*events {
			t.Errorf("%d delivered, %d sent, want %d", n, len(seen), 3*events)
		}
	}, network.client)
}

func TestCommitWakesTheSender(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.co.shared.poll = time.Hour
		rx := newReceiver(t, nil)
		s.hook(rx.URL)
		s.run()
		for i, act := range []func(id string){
			func(id string) { s.pay(id, "4242424242424242") },
			func(id string) { s.pay(id, "4000000000000002") },
			func(id string) { s.api("POST", "/sessions/"+id+"/expire", "") },
			func(id string) { s.pay(id, "4242424242424242") },
		} {
			act(s.create(seedBody))
			rx.wait(t, i+1)
		}
	})
}

func TestPollFindsWhatAnotherProcessLeft(t *testing.T) {
	inBubble(t, func(*http.Request) (*http.Response, error) { return httpReply(200, ""), nil }, func(t *testing.T, s *shop) {
		s.hook("https://merchant.example/hook")
		s.startWorkers()
		synctest.Wait()
		session := secondProcess(t, s).expiredSession()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if row := s.delivery(session); row.State != "delivered" {
			t.Errorf("after a second: %+v", row)
		}
	})
}

func TestBrokenSendsAreFailedAttempts(t *testing.T) {
	for name, tc := range map[string]struct {
		send func() (*http.Response, error)
		want string
	}{
		"panic":            {func() (*http.Response, error) { panic("poison") }, "The webhook could not be sent."},
		"connection reset": {func() (*http.Response, error) { return nil, errors.New("read: connection reset by peer") }, "The receiver could not be reached."},
		"bad certificate": {func() (*http.Response, error) {
			return nil, errors.New("tls: failed to verify certificate: x509: expired")
		}, "The receiver's certificate was not accepted."},
	} {
		t.Run(name, func(t *testing.T) {
			bad := ""
			var mu sync.Mutex
			s := oneShop(t, hookNet(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				if r.Header.Get(webhook.HeaderID) == bad {
					return tc.send()
				}
				return httpReply(200, ""), nil
			}).client)
			s.hook("https://merchant.example/hook")
			poisoned := s.expiredSession()
			bad = s.delivery(poisoned).EventID
			healthy := s.expiredSession()
			s.sendDue()
			if row := s.delivery(poisoned); row.State != "pending" || row.Attempts != 1 || row.Error != tc.want || row.Lease != "" {
				t.Errorf("%+v", row)
			}
			if row := s.delivery(healthy); row.State != "delivered" {
				t.Errorf("the event behind it: %+v", row)
			}
			if text := s.log.String(); strings.Contains(text, "whsec_") || strings.Contains(text, poisoned) {
				t.Errorf("the log tells a secret: %s", text)
			}
			bad = ""
			s.clock.advance(time.Minute)
			s.sendDue()
			if row := s.delivery(poisoned); row.State != "delivered" || row.Attempts != 2 || row.Error != "" {
				t.Errorf("the repeat: %+v", row)
			}
		})
	}
}
