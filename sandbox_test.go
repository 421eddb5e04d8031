package checkout

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

func TestEveryTestNumber(t *testing.T) {
	want := map[string]struct{ attempt, status, payment string }{
		"pays":               {"succeeded", "completed", "paid"},
		"slow":               {"succeeded", "completed", "paid"},
		"declined":           {"failed:declined", "pending", "unpaid"},
		"insufficient_funds": {"failed:insufficient_funds", "pending", "unpaid"},
		"expired_card":       {"failed:expired_card", "pending", "unpaid"},
		"incorrect_cvc":      {"failed:incorrect_cvc", "pending", "unpaid"},
		"processing_error":   {"failed:processing_error", "pending", "unpaid"},
		"challenge":          {"open", "pending", "requires_action"},
		"challenge_declined": {"open", "pending", "requires_action"},
		"pays_later":         {"open", "pending", "processing"},
		"network_error":      {"open", "pending", "processing"},
	}
	eachShop(t, func(t *testing.T, s *shop) {
		for _, card := range testCards {
			w, ok := want[card.Scenario]
			if !ok {
				t.Errorf("nothing is promised about %s", card.Scenario)
			}
			id := s.create(seedBody)
			if code := s.pay(id, card.Number).Code; code != http.StatusSeeOther {
				t.Errorf("%s answered %d", card.Scenario, code)
			}
			s.wantAttempts(id, w.attempt)
			s.want(id, w.status, w.payment)
		}
		s.wantInvariants()
	})
}

func TestTestNumbersThatPayAfterAWhile(t *testing.T) {
	for _, number := range []string{"4000000000012239", "4000000000012247"} {
		scenario, _ := scenarioOf(number)
		t.Run(scenario, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id := s.create(seedBody)
				s.pay(id, number)
				if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, `name="card_number"`) {
					t.Error("the page asks for a card while a payment is under way")
				}
				s.reconcileAfter(time.Minute)
				s.want(id, "completed", "paid")
				s.wantEvents(id, 1, 0, 0)
				if n := s.count("sandbox_charges", "session_id = ?", id); n != 1 {
					t.Errorf("%d charges", n)
				}
			})
		})
	}
}

// dump reads every row of every table of the checkout as text.
func (s *shop) dump() string {
	s.t.Helper()
	var b strings.Builder
	for _, table := range []string{
		"settings", "keys", "sessions", "payments", "provider_events", "events", "endpoints", "deliveries", "sandbox_charges", "migrations",
	} {
		var rows []map[string]any
		if err := s.db.Table("checkout_" + table).Find(&rows).Error; err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintln(&b, table, rows)
	}
	return b.String()
}

func TestNumberThatMayBeARealCardIsRefusedAndForgotten(t *testing.T) {
	const number = "5105105105105100" // passes the check digit, and is none of the sandbox's
	for _, typed := range []string{number, "5105 1051 0510 5100", "5105-1051-0510-5100"} {
		eachShop(t, func(t *testing.T, s *shop) {
			id := s.create(seedBody)
			w := s.pay(id, typed)
			if w.Code != http.StatusUnprocessableEntity {
				t.Errorf("answered %d", w.Code)
			}
			for where, text := range map[string]string{
				"database": s.dump(), "log": s.log.String(), "answer": w.Body.String(), "headers": fmt.Sprint(w.Header()), "page": s.page("/checkout/" + id).Body.String(),
			} {
				for _, part := range []string{"510510", "105105", "105100", "5105 1051", "0510 5100", "5105-1051", "0510-5100"} {
					if strings.Contains(text, part) {
						t.Errorf("%q of the number is in the %s", part, where)
					}
				}
			}
			s.wantAttempts(id)
			s.want(id, "pending", "unpaid")
		})
	}
}

func TestCardFieldsThatAreRefused(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		for _, c := range []struct{ field, value string }{
			{"card_number", ""}, {"card_number", "4242424242424241"}, {"card_number", "4242"}, {"card_number", "abcdabcdabcdabcd"},
			{"card_number", "4000000000000010"}, {"card_exp", ""}, {"card_exp", "13/34"}, {"card_exp", "12/24"}, {"card_exp", "x"},
			{"card_cvc", ""}, {"card_cvc", "12"}, {"card_cvc", "12345"}, {"card_cvc", "12a"}, {"method", "wire"}, {"token", "1.2.3"},
		} {
			form := s.form(id, "4242424242424242")
			form.Set(c.field, c.value)
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s %q answered %d", c.field, c.value, w.Code)
			}
		}
		s.wantAttempts(id)
		form := s.form(id, "4242424242424242")
		form.Set("card_exp", "01/25") // this very month
		s.post("/checkout/"+id, form)
		s.want(id, "completed", "paid")
	})
}

// challenge pays with a number that asks the bank, and gives the bank's page and its form.
func (s *shop) challenge(id, number string) (path string, form url.Values) {
	s.t.Helper()
	path = strings.TrimPrefix(s.pay(id, number).Header().Get("Location"), "http://shop.test")
	m := tokenRule.FindStringSubmatch(s.page(path).Body.String())
	if m == nil {
		s.t.Fatalf("there is no bank at %s", path)
	}
	return path, url.Values{"token": {m[1]}}
}

func TestChallenge(t *testing.T) {
	for _, c := range []struct{ number, answer, attempt, status string }{
		{"4000002500003155", "approve", "succeeded", "completed"},
		{"4000002500003155", "refuse", "failed:authentication_failed", "pending"},
		{"4000000000012213", "approve", "failed:declined", "pending"},
		{"4000000000012213", "refuse", "failed:authentication_failed", "pending"},
	} {
		t.Run(c.number[12:]+" "+c.answer, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id := s.create(seedBody)
				path, form := s.challenge(id, c.number)
				form.Set("answer", c.answer)
				for range 3 { // a replay is harmless
					if w := s.post(path, form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "http://shop.test/checkout/"+id+"/return" {
						t.Errorf("the bank answered %d to %q", w.Code, w.Header().Get("Location"))
					}
				}
				s.page("/checkout/" + id + "/return")
				s.wantAttempts(id, c.attempt)
				if got := s.get(id)["status"]; got != c.status {
					t.Errorf("session is %v, want %s", got, c.status)
				}
				if n := s.count("provider_events", "provider = ?", "sandbox"); n != 1 {
					t.Errorf("%d notifications are counted, want 1", n)
				}
				if n := s.count("events", "session_id = ?", id); n != 1 {
					t.Errorf("%d events, want 1", n)
				}
				form.Set("answer", "approve")
				s.post(path, form)
				s.wantAttempts(id, c.attempt)
			})
		})
	}
}

func TestChallengeNeedsItsOwnForm(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		one, two := s.create(seedBody), s.create(seedBody)
		path, _ := s.challenge(one, "4000002500003155")
		_, other := s.challenge(two, "4000002500003155")
		for _, token := range []string{"", "0.1.x", other.Get("token")} {
			if w := s.post(path, url.Values{"token": {token}, "answer": {"approve"}}); w.Code != http.StatusForbidden {
				t.Errorf("token %q answered %d", token, w.Code)
			}
		}
		s.wantAttempts(one, "open")
	})
}

func TestAbandonedChallengeLetsTheBuyerPayAnotherWay(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		path, bank := s.challenge(id, "4000002500003155")
		form := url.Values{"token": s.form(id, "")["token"], "action": {"abandon"}}
		for range 2 {
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/checkout/"+id {
				t.Errorf("abandon answered %d to %q", w.Code, w.Header().Get("Location"))
			}
		}
		s.wantAttempts(id, "failed:canceled_by_customer")
		bank.Set("answer", "approve")
		s.post(path, bank)
		s.wantAttempts(id, "failed:canceled_by_customer")
		s.pay(id, "4242424242424242")
		s.want(id, "completed", "paid")
		s.wantInvariants()
	})
}

func TestForgottenChallengeExpires(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.challenge(id, "4000002500003155")
		s.reconcileAfter(2 * time.Hour)
		s.expireDue()
		s.want(id, "expired", "unpaid")
		s.wantAttempts(id, "failed:timeout")
	})
}

func TestSandboxCannotTouchLiveSessions(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, "card_number") || strings.Contains(body, "4242") {
			t.Error("a live page shows the sandbox's fields")
		}
		form := s.wire(id)
		form.Set("method", sandboxMethod)
		form.Set("card_number", "4242424242424242")
		if w := s.post("/checkout/"+id, form); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("the sandbox's method answered %d", w.Code)
		}
		if _, err := s.co.sandbox.Begin(t.Context(), BeginRequest{AttemptID: "pay_1", Livemode: true, Input: form}); err != ErrRejected {
			t.Errorf("Begin in live mode: %v", err)
		}
		if s.count("sandbox_charges", "1 = 1") != 0 {
			t.Error("the sandbox has booked something")
		}
		s.wantAttempts(id)
	})
}

func TestSandboxNotificationIsSignedFreshAndCountedOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4000000000012239")
		s.clock.advance(time.Minute)
		body := fmt.Sprintf(`{"id":"n1","attempt_id":"%s","sent_at":%d}`, s.attempts(id)[0].ID, s.clock.now().Unix())
		signature, err := s.co.sandbox.sign(t.Context(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		send := func(body, signature string) int {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/checkout/v1/notify/sandbox", strings.NewReader(body))
			r.Header.Set(sandboxHeader, signature)
			return s.do(r).Code
		}
		if code := send(strings.Replace(body, "n1", "n2", 1), signature); code != http.StatusBadRequest {
			t.Errorf("a changed notification answered %d", code)
		}
		s.want(id, "pending", "processing")
		for range 3 {
			if code := send(body, signature); code != http.StatusOK {
				t.Errorf("answered %d", code)
			}
		}
		s.want(id, "completed", "paid")
		if n := s.count("provider_events", "event_id = ?", "n1"); n != 1 {
			t.Errorf("counted %d times", n)
		}
		if n := s.count("events", "type = ?", webhook.SessionCompleted); n != 1 {
			t.Errorf("%d events", n)
		}
		s.clock.advance(6 * time.Minute)
		if code := send(body, signature); code != http.StatusBadRequest {
			t.Errorf("an old notification answered %d", code)
		}
	})
}

func TestLuhn(t *testing.T) {
	for number, want := range map[string]bool{
		"4242424242424242": true, "5105105105105100": true, "4242424242424241": false, "79927398713": true, "79927398710": false, "4242x": false, "0": true,
	} {
		if luhn(number) != want {
			t.Errorf("luhn(%s) is %t", number, !want)
		}
	}
}
