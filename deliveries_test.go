package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/netguard"
	"github.com/jopay/checkout/webhook"
)

func (s *shop) detail(id string) DeliveryDetail {
	s.t.Helper()
	d, err := s.co.GetDelivery(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// Every attempt is there as it went over the wire, and a receiver can check the kept signature against the kept body.
func TestEveryAttemptIsKept(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, func(n int) int { return []int{500, 200}[n-1] })
		id, secret, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: rx.URL, Payload: "seed"})
		if err != nil {
			t.Fatal(err)
		}
		session := s.expiredSession()
		s.sendDue()
		s.clock.advance(time.Minute)
		s.sendDue()
		d, got := s.detail(s.delivery(session).ID), rx.all()
		if d.Status != DeliveryDelivered || d.AttemptCount != 2 || d.EndpointURL != rx.URL || d.EndpointID != id || *d.SessionID != session || d.Error != nil ||
			*d.HTTPStatus != 200 || d.NextAttemptAt != nil || d.DeliveredAt == nil || d.Mode() != Test || d.EventType != webhook.SessionExpired || d.Event.ID != d.EventID {
			t.Errorf("%+v", d)
		}
		if d.Body != got[0].body || string(d.Event.Payload) != s.payload(session, webhook.SessionExpired) || d.Body == string(d.Event.Payload) {
			t.Errorf("the body is %s", d.Body)
		}
		if len(d.Attempts) != 2 {
			t.Fatalf("%d attempts", len(d.Attempts))
		}
		for i, a := range d.Attempts {
			if a.N != i+1 || a.URL != rx.URL || a.Signature != got[i].header.Get(webhook.HeaderSignature) || *a.StandardSignature != got[i].header.Get(webhook.HeaderStandardSignature) ||
				a.LeadSecret != "current" || !strings.Contains(*a.ResponseHeaders, "Content-Length: 0\n") || a.DurationMS < 0 {
				t.Errorf("%+v", a)
			}
			if err := webhook.Verify([]byte(d.Body), a.Signature, secret, webhook.WithClock(func() time.Time { return time.Unix(a.SignedAt, 0) })); err != nil {
				t.Error(err)
			}
		}
		if a := d.Attempts[0]; *a.HTTPStatus != 500 || *a.Class != "5xx" || *a.Error != "The receiver answered 500 Internal Server Error." {
			t.Errorf("%+v", a)
		}
		if a := d.Attempts[1]; *a.HTTPStatus != 200 || a.Class != nil || a.Error != nil || !a.At.After(d.Attempts[0].At) {
			t.Errorf("%+v", a)
		}
	})
}

type timeoutError struct{ error }

func (timeoutError) Timeout() bool { return true }

func TestAttemptsNameTheKindOfTheirFailure(t *testing.T) {
	fail := func(err error) hookNet { return func(*http.Request) (*http.Response, error) { return nil, err } }
	status := func(n int) hookNet {
		return func(*http.Request) (*http.Response, error) {
			r := httpReply(n, "\xff\x00"+strings.Repeat("é", 4<<10))
			r.Header.Set("Set-Cookie", "receiver=secret")
			r.Header.Set("X-Long", strings.Repeat("x", 8<<10))
			return r, nil
		}
	}
	for want, network := range map[string]hookNet{
		"dns": fail(&net.DNSError{Err: "no such host", Name: "m.example"}), "connect": fail(errors.New("connection refused")), "tls": fail(errors.New("tls: bad")),
		"timeout": fail(timeoutError{errors.New("slow")}), "blocked": fail(netguard.ErrBlocked), "redirect": status(302), "4xx": status(404), "5xx": status(503),
		"": func(*http.Request) (*http.Response, error) { panic("poison") },
	} {
		t.Run(want, func(t *testing.T) {
			s := oneShop(t, network.client)
			s.hook("https://merchant.example/hook")
			session := s.expiredSession()
			s.sendDue()
			attempts := s.detail(s.delivery(session).ID).Attempts
			if len(attempts) != 1 || attempts[0].Error == nil {
				t.Fatalf("%+v", attempts)
			}
			a := attempts[0]
			if got := a.Class; (got == nil) != (want == "") || (got != nil && *got != want) {
				t.Errorf("the class is %v", got)
			}
			if a.HTTPStatus == nil {
				return
			}
			if len(*a.Response) > 4<<10 || len(*a.ResponseHeaders) > 2<<10 || strings.Contains(*a.ResponseHeaders, "receiver=secret") || strings.Contains(*a.Response, "\x00") {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestRedeliverSendsTheSameAgain(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.co.shared.poll = time.Hour
		rx := newReceiver(t, nil)
		id, _ := s.hook(rx.URL)
		s.run()
		session := s.expiredSession()
		rx.wait(t, 1)
		before := s.delivered(session)
		s.clock.advance(time.Hour)
		d, err := s.co.Redeliver(ActingAs(t.Context(), Actor{ID: "u1"}), before.ID)
		if err != nil || d.Status != DeliveryPending || d.AttemptCount != 0 || d.NextAttemptAt == nil || d.DeliveredAt != nil {
			t.Fatalf("%+v, %v", d, err)
		}
		got := rx.wait(t, 2) // the sender was woken: it does not look by itself for an hour
		if got[0].body != got[1].body || got[0].header.Get(webhook.HeaderID) != got[1].header.Get(webhook.HeaderID) ||
			got[0].header.Get(webhook.HeaderSignature) == got[1].header.Get(webhook.HeaderSignature) {
			t.Errorf("%+v", got)
		}
		entries, _, err := s.co.Audit(t.Context(), AuditFilter{Object: before.ID})
		if err != nil || len(entries) != 1 || entries[0].Action != "delivery.redeliver" || entries[0].Actor.ID != "u1" || entries[0].SessionID != session {
			t.Errorf("%+v, %v", entries, err)
		}
		no := false
		if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Enabled: &no}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.co.Redeliver(t.Context(), before.ID); !errors.Is(err, ErrEndpointOff) {
			t.Error(err)
		}
		if _, err := s.co.Redeliver(t.Context(), newID(prefixDelivery, s.clock.now())); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	})
}

// delivered waits until a session's webhook is marked as delivered, which is after its receiver has it.
func (s *shop) delivered(session string) outboxRow {
	s.t.Helper()
	limit, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if row := s.delivery(session); row.State == "delivered" {
			return row
		}
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatal("it was not delivered")
		}
	}
}

// A delivery that somebody is sending just now is not sent beside it.
func TestRedeliverLeavesALeaseAlone(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.hook("https://merchant.example/hook")
		session := s.expiredSession()
		if list, err := s.co.store.claimDeliveries(t.Context(), id, "lease_a", s.clock.now(), leaseTime, batch); err != nil || len(list) != 1 {
			t.Fatal(err)
		}
		if _, err := s.co.Redeliver(t.Context(), s.delivery(session).ID); err != nil {
			t.Fatal(err)
		}
		if row := s.delivery(session); row.Lease != "lease_a" || row.State != "pending" {
			t.Errorf("%+v", row)
		}
	})
}

func TestTestEventsAreSentAtOnceAndRecorded(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, func(n int) int { return []int{200, 500}[n-1] })
		id, secret := s.hook(rx.URL)
		no := false
		if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Enabled: &no}); err != nil {
			t.Fatal(err)
		}
		d, err := s.co.SendTestEvent(t.Context(), id)
		if err != nil || d.Status != DeliveryDelivered || d.EventType != webhook.Test || d.SessionID != nil || d.AttemptCount != 1 || len(d.Attempts) != 1 || *d.HTTPStatus != 200 {
			t.Fatalf("%+v, %v", d, err)
		}
		got := rx.all()[0]
		readWebhook(t, s, got, secret)
		if want := `{"event":"webhook.test","data":{"id":"` + id + `","object":"webhook_endpoint","livemode":false},"created_at":"2025-01-10T12:00:00Z","id":"` + d.EventID + `"}`; got.body != want || d.Body != want {
			t.Errorf("the body is %s", got.body)
		}
		if d, err = s.co.SendTestEvent(t.Context(), id); err != nil || d.Status != DeliveryFailed || *d.Error != "The receiver answered 500 Internal Server Error." {
			t.Errorf("a failure is %+v, %v", d, err)
		}
		entries, _, err := s.co.Audit(t.Context(), AuditFilter{Object: id})
		if err != nil || !slices.ContainsFunc(entries, func(e AuditEntry) bool { return e.Action == "endpoint.test" }) {
			t.Errorf("%+v, %v", entries, err)
		}
		tx := s.db.Begin()
		defer tx.Rollback()
		if _, err := s.co.WithTx(tx).SendTestEvent(t.Context(), id); err == nil {
			t.Error("it was sent from inside a transaction")
		}
	})
}

// Whoever asked for the test may be gone before the receiver has answered.
func TestATestEventOutlivesItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := oneShop(t, hookNet(func(r *http.Request) (*http.Response, error) {
		cancel()
		return httpReply(200, ""), r.Context().Err()
	}).client)
	id, _ := s.hook("https://merchant.example/hook")
	_, _ = s.co.SendTestEvent(ctx, id)
	if rows := s.outbox("1 = 1"); len(rows) != 1 || rows[0].State != "delivered" {
		t.Errorf("%+v", rows)
	}
}

func TestListsOfDeliveriesAndEvents(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.hook("https://merchant.example/hook")
		if _, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Live, URL: "https://merchant.example/hook"}); err != nil {
			t.Fatal(err)
		}
		var sessions []string
		for range 5 {
			sessions = append(sessions, s.expiredSession())
			s.clock.advance(time.Second)
		}
		all, more, err := s.co.Deliveries(t.Context(), DeliveryFilter{Mode: Test})
		if err != nil || more || len(all) != 5 || *all[0].SessionID != sessions[4] {
			t.Fatalf("%d, more %v, %v", len(all), more, err)
		}
		ids := func(list []Delivery) (ids []string) {
			for _, d := range list {
				ids = append(ids, d.ID)
			}
			return ids
		}
		for name, tc := range map[string]struct {
			f    DeliveryFilter
			want []Delivery
			more bool
		}{
			"first page": {DeliveryFilter{Limit: 2}, all[:2], true}, "next page": {DeliveryFilter{Limit: 2, StartingAfter: all[1].ID}, all[2:4], true},
			"last page": {DeliveryFilter{Limit: 2, StartingAfter: all[3].ID}, all[4:], false}, "page before": {DeliveryFilter{Limit: 2, EndingBefore: all[4].ID}, all[2:4], true},
			"of a session": {DeliveryFilter{SessionID: sessions[0]}, all[4:], false}, "of an endpoint": {DeliveryFilter{EndpointID: id}, all, false},
			"of a state": {DeliveryFilter{State: DeliveryDelivered}, nil, false}, "live": {DeliveryFilter{Mode: Live}, nil, false},
		} {
			setDefault(&tc.f.Mode, Test)
			list, more, err := s.co.Deliveries(t.Context(), tc.f)
			if err != nil || more != tc.more || !slices.Equal(ids(list), ids(tc.want)) {
				t.Errorf("%s: %d, more %v, %v", name, len(list), more, err)
			}
		}
		events, more, err := s.co.Events(t.Context(), EventFilter{Mode: Test, Limit: 2, Type: webhook.SessionExpired, StartingAfter: all[0].EventID})
		if err != nil || !more || len(events) != 2 || events[0].ID != all[1].EventID || *events[0].SessionID != sessions[3] || events[0].Mode() != Test {
			t.Errorf("%+v, more %v, %v", events, more, err)
		}
		if events, _, err = s.co.Events(t.Context(), EventFilter{Mode: Test, SessionID: sessions[1]}); err != nil || len(events) != 1 || !json.Valid(events[0].Payload) {
			t.Errorf("%+v, %v", events, err)
		}
		for _, f := range []DeliveryFilter{{}, {Mode: Test, Limit: 101}, {Mode: Test, StartingAfter: "x"}, {Mode: Test, EndingBefore: all[0].EventID}} {
			if _, _, err := s.co.Deliveries(t.Context(), f); public(err).Status != http.StatusBadRequest {
				t.Errorf("%+v: %v", f, err)
			}
		}
		if _, _, err := s.co.Events(t.Context(), EventFilter{}); public(err).Status != http.StatusBadRequest {
			t.Error(err)
		}
	})
}

func TestDeletedEndpoints(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, nil)
		id, secret := s.hook(rx.URL)
		session := s.expiredSession()
		if err := s.co.DeleteEndpoint(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		s.expiredSession()
		s.sendDue()
		if d := s.detail(s.delivery(session).ID); d.Status != DeliveryFailed || *d.Error != "The endpoint was deleted." || d.EndpointURL != rx.URL || len(rx.all()) != 0 {
			t.Errorf("%+v, %d requests", d, len(rx.all()))
		}
		for name, err := range map[string]error{
			"get": second(s.co.GetEndpoint(t.Context(), id)), "delete": s.co.DeleteEndpoint(t.Context(), id), "test": second(s.co.SendTestEvent(t.Context(), id)),
			"update": second(s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{})), "rotate": second(s.co.RotateSecret(t.Context(), id, 0)),
			"replay": second(s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: time.Unix(1, 0)})),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.co.Redeliver(t.Context(), s.delivery(session).ID); !errors.Is(err, ErrEndpointOff) {
			t.Error(err)
		}
		if list, err := s.co.Endpoints(t.Context(), Test); err != nil || len(list) != 0 || s.count("endpoints", "secret <> ''") != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		if got, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil || got == secret {
			t.Errorf("the deleted endpoint came back, %v", err)
		}
	})
}

func TestReplayKeepsToItsRangeAndTypes(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.expiredSession()
		s.clock.advance(time.Hour)
		from := s.clock.now()
		want := s.expiredSession()
		s.pay(s.create(seedBody), "4242424242424242")
		s.clock.advance(time.Hour)
		until := s.clock.now()
		s.expiredSession()
		id, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: "https://merchant.example/hook", Events: []string{webhook.SessionExpired}})
		if err != nil {
			t.Fatal(err)
		}
		if queued, err := s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: from, Until: until, OnlyFailed: true}); err != nil || queued != 1 {
			t.Fatalf("%d were queued, %v", queued, err)
		}
		if queued, err := s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: from, Until: until}); err != nil || queued != 0 {
			t.Errorf("%d that are waiting were queued again, %v", queued, err)
		}
		row := s.delivery(want)
		if !isID(prefixDelivery, row.ID) || row.EndpointID != id || row.NextAt != millis(s.clock.now()) {
			t.Errorf("%+v", row)
		}
		for _, params := range []ReplayParams{{}, {Since: until, Until: from}, {Since: until.Add(time.Hour)}} {
			if _, err := s.co.ReplayEvents(t.Context(), id, params); public(err).Status != http.StatusBadRequest {
				t.Errorf("%+v: %v", params, err)
			}
		}
		err = s.co.store.transact(t.Context(), func(x tx) error {
			e, err := x.lockEndpoint(id)
			if err != nil {
				return err
			}
			n, err := x.replay(e, prefixEvent, prefixEvent+"g", true, s.clock.now(), 1)
			if n != 1 {
				t.Errorf("%d were queued, the limit is 1", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// An endpoint that asks for another form gets it for what comes, and what was before stays as it was signed.
func TestTheFormOfADeliveryIsFrozen(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := newReceiver(t, func(int) int { return 200 })
		id, _ := s.hook(r.URL)
		s.expiredSession()
		s.sendAllDue()
		list, _, err := s.co.Deliveries(t.Context(), DeliveryFilter{Mode: Test, EndpointID: id})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		body, seed := s.detail(list[0].ID).Body, "seed"
		if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Payload: &seed}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.co.Redeliver(t.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		}
		s.expiredSession()
		s.sendAllDue()
		got := r.all()
		if len(got) != 3 || s.detail(list[0].ID).Body != body || !strings.Contains(body, "livemode") {
			t.Fatalf("%d webhooks, %s", len(got), s.detail(list[0].ID).Body)
		}
		full := 0
		for _, w := range got {
			if strings.Contains(w.body, "livemode") {
				full++
			}
		}
		if full != 2 {
			t.Errorf("%d of 3 are full", full)
		}
	})
}
