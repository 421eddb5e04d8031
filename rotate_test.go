package checkout

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// firstOnly is a receiver written from the first documentation: it looks at the first v1, and knows one secret.
type firstOnly struct {
	mu     sync.Mutex
	clock  *clock
	secret string
	whole  bool // looks at every v1
	got    []received
	taken  int
}

func (f *firstOnly) knows(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secret = secret
}

var firstSignature = regexp.MustCompile(`^t=\d+,v1=[0-9a-f]{64}`)

func (f *firstOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	f.got = append(f.got, received{r.Header.Clone(), string(body)})
	header := r.Header.Get(webhook.HeaderSignature)
	if !f.whole {
		header = firstSignature.FindString(header)
	}
	if webhook.Verify(body, header, f.secret, webhook.WithClock(f.clock.now)) != nil {
		return httpReply(http.StatusUnauthorized, "bad signature"), nil
	}
	f.taken++
	return httpReply(http.StatusOK, ""), nil
}

func (f *firstOnly) seen() (all []received, taken int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got), f.taken
}

// rotating gives a shop of each database with an endpoint at such a receiver.
func rotating(t *testing.T, body func(t *testing.T, s *shop, rx *firstOnly, endpoint string)) {
	var rx *firstOnly
	eachShop(t, func(t *testing.T, s *shop) {
		rx.clock = s.clock
		endpoint, secret := s.hook("https://merchant.example/hook")
		rx.knows(secret)
		body(t, s, rx, endpoint)
	}, func(cfg *Config) {
		rx = &firstOnly{}
		cfg.HTTPClient = &http.Client{Transport: rx}
	})
}

func (s *shop) rotate(endpoint string, overlap time.Duration) (secret string) {
	s.t.Helper()
	secret, err := s.co.RotateSecret(s.t.Context(), endpoint, overlap)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

func (s *shop) endpoint(id string) Endpoint {
	s.t.Helper()
	e, err := s.co.GetEndpoint(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// tries gives which secret led in every request of a session's delivery, and its status.
func (s *shop) tries(session string) (list []string) {
	s.t.Helper()
	d, err := s.co.GetDelivery(s.t.Context(), s.delivery(session).ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range d.Attempts {
		word := a.LeadSecret
		if a.HTTPStatus != nil && *a.HTTPStatus != 200 {
			word += " refused"
		}
		list = append(list, word)
	}
	return list
}

func TestRotationLosesNothingForAReceiverOfTheFirstSignature(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		fresh := s.rotate(endpoint, 24*time.Hour)
		send := func(want ...string) {
			t.Helper()
			session := s.expiredSession()
			s.sendDue()
			if row := s.delivery(session); row.State != "delivered" || row.Attempts != 1 {
				t.Errorf("%+v", row)
			}
			if got := s.tries(session); !slices.Equal(got, want) {
				t.Errorf("the requests were %q, want %q", got, want)
			}
		}
		send("previous")
		send("previous")
		if e := s.endpoint(endpoint); e.Leading != "previous" || e.Accepted != "previous" || e.AcceptedAt == nil || !e.PreviousUntil.Equal(s.clock.now().Add(24*time.Hour)) {
			t.Errorf("before the change: %+v", e)
		}
		rx.knows(fresh)
		send("previous refused", "current")
		send("current")
		if e := s.endpoint(endpoint); e.Leading != "current" || e.Accepted != "current" || e.Failures != 0 || e.SecretLast4 != fresh[len(fresh)-4:] {
			t.Errorf("after the change: %+v", e)
		}
		s.clock.advance(24 * time.Hour)
		send("current")
		if n := s.count("endpoints", "previous_secret IS NOT NULL OR previous_until IS NOT NULL"); n != 0 {
			t.Errorf("%d old secrets are still there", n)
		}
		if e := s.endpoint(endpoint); e.PreviousUntil != nil || e.Leading != "current" || e.Accepted != "current" {
			t.Errorf("after the overlap: %+v", e)
		}
	})
}

// The second request is the same event with a fresh signature: same id, same attempt, both secrets the other way round.
func TestTheSecondRequestHasTheOtherSecretInFront(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		fresh := s.rotate(endpoint, time.Hour)
		rx.knows(fresh)
		s.expiredSession()
		s.sendDue()
		got, _ := rx.seen()
		if len(got) != 2 {
			t.Fatalf("%d requests", len(got))
		}
		rule := regexp.MustCompile(`^t=\d+,v1=([0-9a-f]{64}),v1=([0-9a-f]{64})$`)
		one, two := rule.FindStringSubmatch(got[0].header.Get(webhook.HeaderSignature)), rule.FindStringSubmatch(got[1].header.Get(webhook.HeaderSignature))
		if one == nil || two == nil || one[1] != two[2] || one[2] != two[1] {
			t.Fatalf("the signatures are %q and %q", one, two)
		}
		first, second := strings.Fields(got[0].header.Get(webhook.HeaderStandardSignature)), strings.Fields(got[1].header.Get(webhook.HeaderStandardSignature))
		slices.Reverse(second)
		if len(first) != 2 || !slices.Equal(first, second) {
			t.Errorf("the standard signatures are %q and %q", first, second)
		}
		for _, name := range []string{webhook.HeaderID, "X-JoPay-Attempt", "X-JoPay-Delivery"} {
			if a, b := got[0].header.Get(name), got[1].header.Get(name); a == "" || a != b {
				t.Errorf("%s is %q, then %q", name, a, b)
			}
		}
		if got[0].body != got[1].body {
			t.Error("the bytes differ")
		}
		readWebhook(t, s, got[0], fresh)
	})
}

// What one request has found out holds for the others of the same claim.
func TestAClaimLearnsFromItsFirstRequests(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		rx.knows(s.rotate(endpoint, time.Hour))
		const events = 8
		for range events {
			s.expiredSession()
		}
		s.sendDue()
		if got, taken := rx.seen(); taken != events || len(got) > events+sendersPerEndpoint {
			t.Errorf("%d of %d requests were taken", taken, len(got))
		}
	})
}

func TestReceiversOfBothSignaturesTakeTheFirstRequest(t *testing.T) {
	for _, which := range []string{"old", "new"} {
		t.Run(which, func(t *testing.T) {
			rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
				rx.whole = true
				if fresh := s.rotate(endpoint, time.Hour); which == "new" {
					rx.knows(fresh)
				}
				session := s.expiredSession()
				s.sendDue()
				if got := s.tries(session); !slices.Equal(got, []string{"previous"}) {
					t.Errorf("the requests were %q", got)
				}
			})
		})
	}
}

// A receiver that never learned the new secret is refused after the overlap, with one request an attempt, and heard when
// it has learned it.
func TestAfterTheOverlapOnlyTheNewSecretCounts(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		fresh := s.rotate(endpoint, time.Hour)
		s.clock.advance(time.Hour)
		session := s.expiredSession()
		s.sendDue()
		if got := s.tries(session); !slices.Equal(got, []string{"current refused"}) {
			t.Errorf("the requests were %q", got)
		}
		if got, _ := rx.seen(); strings.Count(got[0].header.Get(webhook.HeaderSignature), "v1=") != 1 || strings.Contains(got[0].header.Get(webhook.HeaderStandardSignature), " ") {
			t.Errorf("the old secret still signs: %v", got[0].header)
		}
		rx.knows(fresh)
		s.clock.advance(time.Minute)
		s.sendDue()
		if row := s.delivery(session); row.State != "delivered" || row.Attempts != 2 {
			t.Errorf("%+v", row)
		}
	})
}

func TestOtherRefusalsAreNotSentTwice(t *testing.T) {
	for status, want := range map[int]int{400: 2, 401: 2, 403: 2, 404: 1, 500: 1, 410: 1, 200: 1, 302: 1} {
		var m hookLog
		s := oneShop(t, failingHooks(&m, status))
		endpoint, _ := s.hook("https://merchant.example/hook")
		s.rotate(endpoint, time.Hour)
		session := s.expiredSession()
		s.sendDue()
		if got := len(m.all()); got != want {
			t.Errorf("%d is sent %d times, want %d", status, got, want)
		}
		if row := s.delivery(session); row.Attempts != 1 {
			t.Errorf("%d counts as %d attempts", status, row.Attempts)
		}
		if e := s.endpoint(endpoint); status >= 400 && status < 404 && (e.Leading != "previous" || e.Accepted != "") {
			t.Errorf("%d has turned the secrets: %+v", status, e)
		}
	}
}

// A secret that got lost on its way to the receiver is replaced again: the one that works must not be pushed out.
// A receiver that reads both signatures takes every webhook, whichever secret it knows: neither may go unasked.
func TestRotatingAgainKeepsTheSecretThatWorks(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		second := s.rotate(endpoint, time.Hour)
		if _, err := s.co.RotateSecret(t.Context(), endpoint, time.Hour); !errors.Is(err, ErrOverlap) {
			t.Fatalf("a second overlap: %v", err)
		}
		rx.knows(second)
		session := s.expiredSession()
		s.sendDue()
		if row := s.delivery(session); row.State != "delivered" {
			t.Errorf("%+v", row)
		}
		third := s.rotate(endpoint, 0)
		session = s.expiredSession()
		s.sendDue()
		if row := s.delivery(session); row.State != "pending" {
			t.Errorf("an overlap of 0 left a secret behind: %+v", row)
		}
		rx.knows(third)
		s.rotate(endpoint, time.Hour)
		s.clock.advance(time.Hour)
		s.rotate(endpoint, time.Hour)
	})
}

func TestRotateRules(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, old := s.hook("https://merchant.example/hook")
		for _, overlap := range []time.Duration{-1, 7*24*time.Hour + 1} {
			if _, err := s.co.RotateSecret(t.Context(), id, overlap); public(err).Param != "overlap_hours" {
				t.Errorf("%v: %v", overlap, err)
			}
		}
		if _, err := s.co.RotateSecret(t.Context(), newID(prefixEndpoint, s.clock.now()), 0); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		s.clock.advance(time.Second)
		fresh := s.rotate(id, 7*24*time.Hour)
		if fresh == old || !validWebhookSecret(fresh, Live) {
			t.Errorf("a secret of %d characters", len(fresh))
		}
		entries, _, err := s.co.Audit(t.Context(), AuditFilter{Object: id})
		if err != nil || len(entries) != 2 || entries[0].Action != "endpoint.rotate" || entries[1].Action != "endpoint.create" {
			t.Errorf("%+v, %v", entries, err)
		}
	})
}

// A process that dies between the two secrets leaves the one before, whole.
func TestARotationThatFailsHasNotBeen(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		s.co.shared.failpoint = func(point string) {
			if point == "rotate.written" {
				panic("killed")
			}
		}
		func() {
			defer func() { _ = recover() }()
			s.rotate(endpoint, time.Hour)
			t.Error("the rotation went through")
		}()
		s.co.shared.failpoint = nil
		session := s.expiredSession()
		s.sendDue()
		if got := s.tries(session); !slices.Equal(got, []string{"current"}) || s.delivery(session).State != "delivered" {
			t.Errorf("the requests were %q", got)
		}
		if e := s.endpoint(endpoint); e.PreviousUntil != nil {
			t.Errorf("%+v", e)
		}
	})
}

// An overlap whose end nobody is sending at is ended all the same, and a host with a timer of its own is told when.
func TestRunOnceForgetsTheOldSecret(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.hook("https://merchant.example/hook")
		s.rotate(id, time.Hour)
		if next, err := s.co.RunOnce(t.Context()); err != nil || !next.Equal(s.clock.now().Add(time.Hour)) {
			t.Errorf("next is %v, %v", next, err)
		}
		s.clock.advance(time.Hour)
		if next, err := s.co.RunOnce(t.Context()); err != nil || !next.IsZero() || s.count("endpoints", "previous_secret IS NOT NULL") != 0 {
			t.Errorf("next is %v, %v", next, err)
		}
	})
}

// Two requests take twice the time: a lease in which only one fits is handed back.
func TestALeaseMustHoldBothRequests(t *testing.T) {
	rotating(t, func(t *testing.T, s *shop, rx *firstOnly, endpoint string) {
		s.rotate(endpoint, time.Hour)
		session := s.expiredSession()
		e, err := s.co.store.endpoint(t.Context(), endpoint)
		if err != nil {
			t.Fatal(err)
		}
		l := &lane{endpoint: e, known: e, changes: s.co.shared.changes.Load()}
		if l.signing, err = s.co.signingOf(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			lease time.Duration
			want  int
		}{{2*sendTimeout + leaseMargin - time.Second, 0}, {2*sendTimeout + leaseMargin, 1}} {
			list, err := s.co.store.claimDeliveries(t.Context(), endpoint, "lease_x", s.clock.now(), tc.lease, batch)
			if err != nil || len(list) != 1 {
				t.Fatalf("%d were claimed, %v", len(list), err)
			}
			if err := s.newSender().sendAll(t.Context(), t.Context(), l, "lease_x", list); err != nil {
				t.Fatal(err)
			}
			if got, _ := rx.seen(); len(got) != tc.want {
				t.Fatalf("within %v, %d requests were sent", tc.lease, len(got))
			}
		}
		if row := s.delivery(session); row.State != "delivered" {
			t.Errorf("%+v", row)
		}
	})
}

func TestTheRequestsOfAMomentSortAsTheyWereSent(t *testing.T) {
	for _, ids := range [][2]string{{"att_1", "att_2"}, {"att_2", "att_1"}} {
		got := inTurn(attemptRecord{ID: ids[0], LeadSecret: secretPrevious}, attemptRecord{ID: ids[1], LeadSecret: secretCurrent})
		if got[0].ID != "att_1" || got[0].LeadSecret != secretPrevious || got[1].ID != "att_2" {
			t.Errorf("%+v", got)
		}
	}
}
