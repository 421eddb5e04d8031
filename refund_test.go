package checkout

import (
	"net/http"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

func TestRefundInPartsNeverExceedsThePayment(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		refund := func(body string, headers ...string) (int, map[string]any) {
			w := s.api("POST", "/refunds", body, headers...)
			return w.Code, decode(t, w)
		}
		code, first := refund(`{"session_id":"`+id+`","amount_cents":1000,"reason":"one bag was torn"}`, "Idempotency-Key", "r1")
		if code != http.StatusCreated || first["status"] != "succeeded" || first["amount_cents"] != 1000.0 {
			t.Fatalf("a refund answered %d: %v", code, first)
		}
		if got := s.get(id); got["payment_status"] != "partially_refunded" || got["amount_refunded_cents"] != 1000.0 || got["status"] != "completed" {
			t.Errorf("the session is %v with %v back", got["payment_status"], got["amount_refunded_cents"])
		}
		if code, again := refund(`{"session_id":"`+id+`","amount_cents":1000,"reason":"one bag was torn"}`, "Idempotency-Key", "r1"); code != http.StatusCreated || again["id"] != first["id"] {
			t.Errorf("a repeat answered %d with %v", code, again["id"])
		}
		if code, e := refund(`{"session_id":"` + id + `","amount_cents":1501}`); code != http.StatusConflict {
			t.Errorf("more than is left answered %d: %v", code, e)
		}
		if code, rest := refund(`{"session_id":"` + id + `"}`); code != http.StatusCreated || rest["amount_cents"] != 1500.0 {
			t.Errorf("the rest answered %d: %v", code, rest)
		}
		if got := s.get(id); got["payment_status"] != "refunded" {
			t.Errorf("the session is %v", got["payment_status"])
		}
		if n := s.count("events", "type = ?", webhook.RefundSucceeded); n != 2 {
			t.Errorf("%d refund events, want 2", n)
		}
	})
}

func TestMoneyAfterExpiryGoesBackByItself(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.clock.advance(2 * time.Hour)
		if _, err := s.co.RunOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		attempt := s.attempts(id)[0]
		late := Observation{AttemptID: attempt.ID, State: StateSucceeded, ChargeID: "ch_late", Captured: 2500, Currency: "eur", Livemode: true}
		if err := s.co.settle(t.Context(), fact{PaymentID: attempt.ID, Observation: late}); err != nil {
			t.Fatal(err)
		}
		if n := s.count("refunds", "origin = 'late' AND state = 'pending' AND amount = 2500"); n != 1 {
			t.Errorf("%d refunds are owed, want 1", n)
		}
		if n := s.count("events", "type = ?", webhook.PaymentLate); n != 1 {
			t.Errorf("%d late events, want 1", n)
		}
		if _, err := s.co.RunOnce(t.Context()); err != nil { // the scripted provider cannot refund
			t.Fatal(err)
		}
		if got := s.attempts(id)[0]; got.State != attemptNeedsPerson {
			t.Errorf("the payment is %s, want needs_person", got.State)
		}
		s.want(id, "expired", "unpaid")
	})
}

func TestTestModeRoutesWalkASession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		if w := s.api("POST", "/test/sessions/"+id+"/fail", `{"decline_code":"insufficient_funds"}`); w.Code != 200 || decode(t, w)["last_error"].(map[string]any)["decline_code"] != "insufficient_funds" {
			t.Fatalf("fail answered %d: %s", w.Code, w.Body)
		}
		if w := s.api("POST", "/test/sessions/"+id+"/pay", `{"card":"4000002500003155"}`); w.Code != 200 || decode(t, w)["status"] != "completed" {
			t.Fatalf("pay answered %d: %s", w.Code, w.Body)
		}
		id = s.create(seedBody)
		if w := s.api("POST", "/test/sessions/"+id+"/advance", `{"seconds":3600}`); w.Code != 200 || decode(t, w)["status"] != "expired" {
			t.Fatalf("advance answered %d: %s", w.Code, w.Body)
		}
	})
}
