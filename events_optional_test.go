package checkout

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/webhook"
)

// payloads reads the bodies of all events of a type, oldest first.
func (s *shop) payloads(kind string) []string {
	s.t.Helper()
	list, err := all(s.co.store.direct(s.t.Context()), readText, `SELECT payload FROM {events} WHERE type = ? ORDER BY id`, kind)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// wantPayload compares the only event of a type, whose own id stands at the end.
func (s *shop) wantPayload(kind, want string) {
	s.t.Helper()
	list := s.payloads(kind)
	if len(list) != 1 {
		s.t.Fatalf("%d events of type %s, want 1", len(list), kind)
	}
	body := list[0]
	if end := len(body) - len(`,"id":"evt_"}`) - idDigits; body[:end]+"}" != want || body[end:end+11] != `,"id":"evt_` {
		s.t.Errorf("the body is\n%s, want\n%s", body, want)
	}
}

func TestRefundEventsHaveTheseBytes(t *testing.T) {
	for kind, step := range map[string]refundStep{webhook.RefundSucceeded: paysBack, webhook.RefundFailed: {err: ErrRejected}} {
		t.Run(kind, func(t *testing.T) {
			eachRefundShop(t, allSucceed, []refundStep{step}, func(t *testing.T, s *shop, _ *refunding) {
				id, attempt := s.soldLive()
				s.clock.advance(1500 * time.Millisecond)
				r := s.refund(`{"session_id":"` + id + `","amount_cents":1000,"reason":"<torn> \"bag\""}`)
				s.wantPayload(kind, fmt.Sprintf(`{"event":%q,"data":{"id":%q,"status":%q,"amount_cents":1000,"currency":"eur","session_id":%q,"payment_id":%q,`+
					`"reason":"<torn> \"bag\"","origin":"request","client_reference_id":null,"metadata":{"order_id":"12345"},"livemode":true},"created_at":"2025-01-10T12:00:01Z"}`,
					kind, r["id"], r["status"], id, attempt))
			})
		})
	}
}

func TestLateEventHasTheseBytes(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.after(2 * time.Hour)
		attempt := s.attempts(id)[0].ID
		s.lateSuccess(p, attempt)
		s.wantPayload(webhook.PaymentLate, fmt.Sprintf(`{"event":"checkout.payment.late","data":{"id":%q,"status":"expired","amount_cents":2500,"currency":"eur",`+
			`"customer_email":"customer@example.com","metadata":{"order_id":"12345"},"received_at":"2025-01-10T14:00:00Z","payment_status":"unpaid",`+
			`"client_reference_id":null,"payment_id":%q,"livemode":true},"created_at":"2025-01-10T14:00:00Z"}`, id, attempt))
	})
}

func TestProcessingIsToldOncePerAttempt(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		first := s.attempts(id)[0].ID
		s.wantPayload(webhook.PaymentProcessing, fmt.Sprintf(`{"event":"checkout.payment.processing","data":{"id":%q,"status":"pending","amount_cents":2500,"currency":"eur",`+
			`"customer_email":"customer@example.com","metadata":{"order_id":"12345"},"processing_at":"2025-01-10T12:00:00Z","payment_status":"processing",`+
			`"client_reference_id":null,"payment_id":%q,"livemode":true},"created_at":"2025-01-10T12:00:00Z"}`, id, first))
		for i, state := range []State{StateProcessing, StateActionRequired, StateProcessing, StateProcessing} {
			p.set(first, state)
			s.notify(scriptedNotice{Event: fmt.Sprint(i), AttemptID: first}, "authentic")
		}
		if n := len(s.payloads(webhook.PaymentProcessing)); n != 1 {
			t.Errorf("%d events for one attempt", n)
		}
		p.set(first, StateFailed)
		s.notify(scriptedNotice{Event: "failed", AttemptID: first}, "authentic")
		s.payWire(id)
		if n := len(s.payloads(webhook.PaymentProcessing)); n != 2 {
			t.Errorf("%d events for two attempts", n)
		}
	})
}

func TestAnAttemptThatAsksTheBuyerIsProcessingLater(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateActionRequired, redirect: "https://bank.example/"}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		if n := len(s.payloads(webhook.PaymentProcessing)); n != 0 {
			t.Errorf("%d events while the buyer is asked", n)
		}
		p.set(s.attempts(id)[0].ID, StateProcessing)
		s.reconcileAfter(time.Minute)
		if n := len(s.payloads(webhook.PaymentProcessing)); n != 1 {
			t.Errorf("%d events when the bank works on it, want 1", n)
		}
	})
}

// endpointFor makes an endpoint that gets events of these types; of none named, the usual three.
func (s *shop) endpointFor(mode Mode, events ...string) {
	s.t.Helper()
	_, _, err := s.co.CreateEndpoint(s.t.Context(), EndpointParams{Mode: mode, URL: "https://example.com/hook", Events: events})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestNewSessionsAreToldOnlyToWhoWantsIt(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.endpointFor(Test)                         // the usual three
		s.endpointFor(Live, webhook.SessionCreated) // of the other mode
		s.create(seedBody)
		if n := len(s.payloads(webhook.SessionCreated)); n != 0 {
			t.Fatalf("%d events that nobody wants", n)
		}
		s.endpointFor(Test, webhook.SessionCreated)
		w := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k")
		id := decode(t, w)["id"].(string)
		s.wantPayload(webhook.SessionCreated, fmt.Sprintf(`{"event":"checkout.session.created","data":{"id":%q,"status":"pending","amount_cents":2500,"currency":"eur",`+
			`"customer_email":"customer@example.com","metadata":{"order_id":"12345"},"created_at":"2025-01-10T12:00:00Z","payment_status":"unpaid",`+
			`"client_reference_id":null,"payment_id":null,"livemode":false},"created_at":"2025-01-10T12:00:00Z"}`, id))
		if n := s.count("deliveries", "session_id = ?", id); n != 1 {
			t.Errorf("%d deliveries, want one to the endpoint that asked", n)
		}
		if again := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k"); again.Body.String() != w.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("the repeat answered %d: %s", again.Code, again.Body)
		}
		if n := len(s.payloads(webhook.SessionCreated)); n != 1 {
			t.Errorf("%d events after the repeat", n)
		}
	})
}

func TestCreatedCommitsWithTheHost(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.endpointFor(Test, webhook.SessionCreated)
		for i, outcome := range []error{errHost, nil} {
			err := s.db.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
				if _, err := s.co.WithTx(tx).CreateSession(t.Context(), orderParams()); err != nil {
					return err
				}
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatal(err)
			}
			if n, m := s.count("sessions", "1 = 1"), s.count("deliveries", "1 = 1"); n != i || m != i || len(s.payloads(webhook.SessionCreated)) != i {
				t.Errorf("after %v there are %d sessions and %d deliveries, want %d", outcome, n, m, i)
			}
		}
	})
}

func TestNoSessionIsMadeWhenItsEventCannotBeWritten(t *testing.T) {
	eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
		s.endpointFor(Test, webhook.SessionCreated)
		f.once("INSERT INTO checkout_events", "before", errors.New("disk full"))
		if w := s.api("POST", "/sessions", seedBody); w.Code != 500 {
			t.Errorf("create answered %d: %s", w.Code, w.Body)
		}
		if n := s.count("sessions", "1 = 1"); n != 0 {
			t.Errorf("%d sessions without their event", n)
		}
	})
}

func TestOptionalEventsGoOnlyToWhoAsked(t *testing.T) {
	eachRefundShop(t, []outcome{{state: StateProcessing}, {state: StateSucceeded}}, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		s.endpointFor(Live)
		s.clock.advance(time.Second)
		s.endpointFor(Live, webhook.RefundSucceeded, webhook.PaymentProcessing)
		id := s.create(seedBody)
		s.payWire(id)
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.reconcileAfter(time.Minute)
		s.refund(`{"session_id":"` + id + `"}`)
		endpoints, err := s.co.Endpoints(t.Context(), Live)
		apiMust(t, err)
		for i, want := range [][]string{{webhook.SessionCompleted}, {webhook.PaymentProcessing, webhook.RefundSucceeded}} {
			got, err := all(s.co.store.direct(t.Context()), readText,
				`SELECT e.type FROM {deliveries} d JOIN {events} e ON e.id = d.event_id WHERE d.endpoint_id = ? ORDER BY e.type`, endpoints[i].ID)
			apiMust(t, err)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("endpoint %d gets %v, want %v", i, got, want)
			}
		}
	})
}

func TestANewSessionIsToldOfOnceAlsoWhenItsCommitIsLost(t *testing.T) {
	for _, moment := range moments {
		eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
			if _, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: "https://merchant.example/hook", Events: []string{webhook.SessionCreated}}); err != nil {
				t.Fatal(err)
			}
			commitNumber(f, 1, moment)
			id := s.create(seedBody)
			if n := s.count("events", "session_id = ? AND type = ?", id, webhook.SessionCreated); f.count() != 1 || n != 1 {
				t.Errorf("commit lost %s: %d faults, %d events, want 1 and 1", moment, f.count(), n)
			}
		})
	}
}
