package checkout

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

func TestSaleFromCurlToWebhook(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, nil)
		secret, err := s.co.SetWebhook(t.Context(), Test, rx.URL)
		if err != nil {
			t.Fatal(err)
		}
		s.run()
		id := s.create(seedBody)
		w := s.pay(id, "4242 4242 4242 4242")
		if want := "https://yoursite.com/success?session_id=" + id; w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Fatalf("pay answered %d to %q, want 303 to %q: %s", w.Code, w.Header().Get("Location"), want, w.Body)
		}
		if got := s.get(id); got["status"] != "completed" || got["payment_status"] != "paid" {
			t.Fatalf("session is %v/%v", got["status"], got["payment_status"])
		}
		got := rx.wait(t, 1)[0]
		err = webhook.Verify([]byte(got.body), got.header.Get("X-JoPay-Signature"), secret, webhook.WithClock(s.clock.now))
		if err != nil {
			t.Fatalf("signature: %v", err)
		}
		if !strings.HasPrefix(got.body, `{"event":"checkout.session.completed","data":{"id":"`+id+`","status":"completed","amount_cents":2500,"currency":"eur","customer_email":"customer@example.com","metadata":{"order_id":"12345"},"completed_at":"2025-01-10T12:00:00Z"`) {
			t.Errorf("body: %s", got.body)
		}
	})
}

func TestDeclineRetryChallengeSuccess(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		if w := s.pay(id, "4000000000000002"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/checkout/"+id {
			t.Fatalf("decline answered %d to %q", w.Code, w.Header().Get("Location"))
		}
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, "You have not been charged") {
			t.Error("the page does not say that nothing was charged")
		}
		w := s.pay(id, "4000002500003155")
		bank := w.Header().Get("Location")
		if !strings.HasPrefix(bank, "http://shop.test/checkout/test-bank?payment=pay_") {
			t.Fatalf("challenge leads to %q", bank)
		}
		if got := s.get(id); got["payment_status"] != "requires_action" {
			t.Errorf("payment_status is %v", got["payment_status"])
		}
		path := strings.TrimPrefix(bank, "http://shop.test")
		token := tokenRule.FindStringSubmatch(s.page(path).Body.String())[1]
		w = s.post(path, map[string][]string{"token": {token}, "answer": {"approve"}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "http://shop.test/checkout/"+id+"/return" {
			t.Fatalf("bank answered %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
		}
		w = s.page("/checkout/" + id + "/return")
		if want := "https://yoursite.com/success?session_id=" + id; w.Header().Get("Location") != want {
			t.Fatalf("return leads to %q", w.Header().Get("Location"))
		}
		if n := s.count("provider_events", "provider = ?", "sandbox"); n != 1 {
			t.Errorf("%d notifications were counted, want 1", n)
		}
		if n := s.count("events", "session_id = ?", id); n != 2 {
			t.Errorf("%d events, want failed and completed", n)
		}
	})
}

func TestExpiry(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(time.Hour)
		if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, `name="token"`) {
			t.Error("an expired page still has a form")
		}
		if err := s.co.expireDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.get(id); got["status"] != "expired" || got["expired_at"] != "2025-01-10T13:00:00Z" {
			t.Errorf("session is %v at %v", got["status"], got["expired_at"])
		}
		if n := s.count("events", "type = ?", webhook.SessionExpired); n != 1 {
			t.Errorf("%d expired events, want 1", n)
		}
	})
}
