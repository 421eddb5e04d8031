package checkout

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// moody answers as told, and counts.
type moody struct {
	status atomic.Int64
	asked  atomic.Int64
}

func (m *moody) RoundTrip(*http.Request) (*http.Response, error) {
	m.asked.Add(1)
	return httpReply(int(m.status.Load()), ""), nil
}

func eachMoody(t *testing.T, body func(t *testing.T, s *shop, m *moody, endpoint string)) {
	var m *moody
	eachShop(t, func(t *testing.T, s *shop) {
		m.status.Store(500)
		id, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: "https://merchant.example/hook"})
		if err != nil {
			t.Fatal(err)
		}
		body(t, s, m, id)
	}, func(cfg *Config) {
		m = &moody{}
		cfg.HTTPClient = &http.Client{Transport: m}
	})
}

// failDays lets an event fail at each step of its schedule, for days.
func (s *shop) failFor(d time.Duration) {
	s.t.Helper()
	for end := s.clock.now().Add(d); s.clock.now().Before(end); s.clock.advance(6 * time.Hour) {
		s.expiredSession()
		s.sendAllDue()
	}
}

func TestAnEndpointThatFailsForFiveDaysIsSwitchedOff(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, m *moody, id string) {
		since := s.clock.now()
		s.failFor(5*24*time.Hour - 6*time.Hour)
		if e := s.endpoint(id); !e.Enabled || e.Failures < 20 || e.FailingSince == nil || !e.FailingSince.Equal(since) || strings.Contains(s.log.String(), "switched off") {
			t.Fatalf("before five days: %+v", e)
		}
		s.clock.advance(7 * time.Hour)
		missed := s.expiredSession()
		s.sendDue()
		e := s.endpoint(id)
		if e.Enabled || e.DisabledReason != "All attempts have failed for five days." || e.DisabledAt == nil || !e.DisabledAt.Equal(s.clock.now()) {
			t.Fatalf("after five days: %+v", e)
		}
		entries, _, err := s.co.Audit(t.Context(), AuditFilter{Object: id})
		if err != nil || len(entries) != 2 || entries[0].Action != "endpoint.disable" || entries[0].Actor != ownActor ||
			!strings.Contains(string(entries[0].After), `"status":"disabled"`) {
			t.Errorf("%+v, %v", entries, err)
		}
		if n := strings.Count(s.log.String(), `"ERROR","msg":"checkout: a webhook endpoint was switched off"`); n != 1 {
			t.Errorf("it was logged %d times: %s", n, s.log)
		}
		if row := s.delivery(missed); row.State != "pending" || row.Attempts != 1 {
			t.Errorf("its events are not kept: %+v", row)
		}
		unheard, asked := s.expiredSession(), m.asked.Load()
		s.clock.advance(time.Hour)
		s.sendDue()
		if len(s.outbox("session_id = ?", unheard)) != 0 || m.asked.Load() != asked {
			t.Error("it still gets webhooks")
		}
	})
}

func TestOneSuccessEndsTheFailing(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, m *moody, id string) {
		s.failFor(4 * 24 * time.Hour)
		m.status.Store(200)
		s.expiredSession()
		s.sendAllDue()
		if e := s.endpoint(id); e.FailingSince != nil || e.Failures != 0 {
			t.Fatalf("after a success: %+v", e)
		}
		m.status.Store(500)
		s.failFor(2 * 24 * time.Hour)
		if e := s.endpoint(id); !e.Enabled || e.FailingSince == nil {
			t.Errorf("%+v", e)
		}
	})
}

// Two accidents days apart, with nothing to send between them, are no five days of failing.
func TestTwoAccidentsAreNotFiveDays(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, _ *moody, id string) {
		s.expiredSession()
		s.sendDue()
		s.clock.advance(6 * time.Second)
		s.sendDue()
		s.clock.advance(6 * 24 * time.Hour)
		s.sendDue()
		if e := s.endpoint(id); !e.Enabled || e.Failures != 3 {
			t.Errorf("%+v", e)
		}
	})
}

func TestAMoveEndsTheFailing(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, _ *moody, id string) {
		s.failFor(5 * 24 * time.Hour)
		url := "https://merchant.example/elsewhere"
		if e, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{URL: &url}); err != nil || e.FailingSince != nil {
			t.Fatalf("%+v, %v", e, err)
		}
		s.expiredSession()
		s.sendDue()
		if e := s.endpoint(id); !e.Enabled || !e.FailingSince.Equal(s.clock.now()) {
			t.Errorf("%+v", e)
		}
	})
}

func TestGoneIsToldOnce(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, m *moody, id string) {
		m.status.Store(http.StatusGone)
		s.expiredSession()
		s.sendDue()
		if e := s.endpoint(id); e.Enabled || e.DisabledReason != "The receiver answered 410 Gone." || e.DisabledAt == nil {
			t.Errorf("%+v", e)
		}
		if n := strings.Count(s.log.String(), "switched off"); n != 1 {
			t.Errorf("it was logged %d times", n)
		}
	})
}

func TestWhatWasMissedIsSentAfterSwitchingOn(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, m *moody, id string) {
		delivered := s.missSome(m, id)
		e := s.endpoint(id)
		yes := true
		if after, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Enabled: &yes}); err != nil || !after.Enabled || after.DisabledReason != "" ||
			after.FailingSince != nil || after.DisabledAt == nil || !after.DisabledAt.Equal(*e.DisabledAt) {
			t.Fatalf("%+v, %v", after, err)
		}
		m.status.Store(200)
		before := m.asked.Load()
		queued, err := s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: s.clock.now().Add(-24 * time.Hour), OnlyFailed: true})
		if err != nil || queued != 2 {
			t.Fatalf("%d were queued, %v", queued, err)
		}
		s.sendAllDue()
		if got := m.asked.Load() - before; got != 3 { // the one that waited, the one that was given up, the one that was missed
			t.Errorf("%d were sent", got)
		}
		if n := s.count("deliveries", "state = 'delivered'"); n != 4 || s.delivery(delivered).Attempts != 1 {
			t.Errorf("%d are delivered", n)
		}
		if queued, err = s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: s.clock.now().Add(-24 * time.Hour), OnlyFailed: true}); err != nil || queued != 0 {
			t.Errorf("%d more were queued, %v", queued, err)
		}
		if queued, err = s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: s.clock.now().Add(-24 * time.Hour)}); err != nil || queued != 4 {
			t.Errorf("all are %d, %v", queued, err)
		}
	})
}

// missSome leaves an event that was delivered, one that was given up, one that waits, and one that was never queued
// because the endpoint was off.
func (s *shop) missSome(m *moody, id string) (delivered string) {
	s.t.Helper()
	m.status.Store(200)
	delivered = s.expiredSession()
	s.sendAllDue()
	m.status.Store(500)
	parked := s.expiredSession()
	for range 4 {
		s.sendAllDue()
		s.clock.advance(20 * time.Minute)
	}
	if row := s.delivery(parked); row.State != "failed" {
		s.t.Fatalf("%+v", row)
	}
	s.expiredSession()
	s.sendDue()
	no := false
	if e, err := s.co.UpdateEndpoint(s.t.Context(), id, EndpointUpdate{Enabled: &no}); err != nil || e.Enabled || e.DisabledReason == "" {
		s.t.Fatalf("%+v, %v", e, err)
	}
	s.clock.advance(time.Hour)
	s.expiredSession()
	s.sendAllDueBut(1)
	return delivered
}

// sendAllDueBut sees that an endpoint which is off is left alone.
func (s *shop) sendAllDueBut(waiting int) {
	s.t.Helper()
	s.sendDue()
	if n := s.count("deliveries", "state = 'pending' AND lease_until = 0"); n != waiting {
		s.t.Errorf("%d are waiting, want %d", n, waiting)
	}
}

// What was given up during the five days is older than the moment of switching off. Switched on, what waits leaves at
// once, and the form begins early enough for the rest.
func TestNothingIsMissingAfterFiveDays(t *testing.T) {
	eachMoody(t, func(t *testing.T, s *shop, m *moody, id string) {
		start := s.clock.now()
		s.failFor(5*24*time.Hour - 6*time.Hour)
		s.clock.advance(7 * time.Hour)
		s.expiredSession()
		s.sendDue()
		e := s.endpoint(id)
		if e.Enabled || e.MissedSince == nil || e.MissedSince.After(start) {
			t.Fatalf("%+v", e)
		}
		s.clock.advance(time.Second)
		s.expiredSession()
		m.status.Store(200)
		yes := true
		if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Enabled: &yes}); err != nil {
			t.Fatal(err)
		}
		s.sendDue()
		if n := s.count("deliveries", "state = 'pending'"); n != 0 {
			t.Errorf("%d still wait", n)
		}
		since, _ := readSince(endpointRow{Endpoint: s.endpoint(id)}.missedSince(s.clock.now()).Format(typedTime))
		if _, err := s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: since, OnlyFailed: true}); err != nil {
			t.Fatal(err)
		}
		s.sendDue()
		if all, got := s.count("events", "type = 'checkout.session.expired'"), s.count("deliveries", "state = 'delivered'"); got != all || all < 20 {
			t.Errorf("%d of %d arrived", got, all)
		}
		if e := s.endpoint(id); e.MissedSince != nil {
			t.Errorf("it was made good: %+v", e)
		}
	})
}
