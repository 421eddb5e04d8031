package checkout

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout/webhook"
)

// testRoute calls one of the routes for tests: pay, fail or advance.
func (s *shop) testRoute(verb, id, body string, headers ...string) (status int, answer map[string]any) {
	s.t.Helper()
	w := s.api("POST", "/test/sessions/"+id+"/"+verb, body, headers...)
	return w.Code, decode(s.t, w)
}

// wantState compares a session that a test route has answered with, and the session itself.
func (s *shop) wantState(what string, status int, answer map[string]any, want string) {
	s.t.Helper()
	if got := stateOf(answer); status != http.StatusOK || got != want {
		s.t.Errorf("%s answered %d %s, want %s: %v", what, status, got, want, answer["error"])
	}
	if id, ok := answer["id"].(string); ok {
		if got := stateOf(s.get(id)); got != want {
			s.t.Errorf("after %s the session is %s, want %s", what, got, want)
		}
	}
}

func stateOf(session map[string]any) string {
	status, _ := session["status"].(string)
	payment, _ := session["payment_status"].(string)
	return status + "/" + payment
}

func TestTestRoutesAreHiddenFromLiveKeysAndStrangers(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		live := s.liveKey()
		made := s.api("POST", "/sessions", seedBody, "Authorization", live)
		liveID := decode(t, made)["id"].(string)
		for verb, body := range map[string]string{"pay": "", "fail": "", "advance": `{"seconds":60}`} {
			for _, one := range []string{id, liveID, "cs_none"} {
				wantRefusal(t, s.api("POST", "/test/sessions/"+one+"/"+verb, body, "Authorization", live), http.StatusNotFound, "route_unknown", "")
			}
			for _, one := range []string{liveID, "cs_none", "cs_" + hex44("0")} {
				wantRefusal(t, s.api("POST", "/test/sessions/"+one+"/"+verb, body), http.StatusNotFound, "resource_missing", "")
			}
			if w := s.api("POST", "/test/sessions/"+id+"/"+verb, body, "Authorization", "Bearer sk_test_no"); w.Code != http.StatusUnauthorized {
				t.Errorf("%s without a key answered %d", verb, w.Code)
			}
			if w := s.api("GET", "/test/sessions/"+id+"/"+verb, ""); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("GET %s answered %d", verb, w.Code)
			}
		}
		for _, one := range []string{id, liveID} {
			if n := s.count("sessions", "id = ? AND status = 'pending' AND payment_status = 'unpaid'", one); n != 1 {
				t.Errorf("session %s was changed", one)
			}
		}
		if n := s.count("payments", "1 = 1"); n != 0 {
			t.Errorf("%d attempts were made", n)
		}
	})
}

func TestTestPayIsTheBuyersClick(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for body, want := range map[string]string{
			"":                               "completed/paid",
			`{}`:                             "completed/paid",
			`{"card":null}`:                  "completed/paid",
			`{"card":"4242424242424242"}`:    "completed/paid",
			`{"card":"4242 4242-4242 4242"}`: "completed/paid",
			`{"card":"4000002500003155"}`:    "completed/paid", // its challenge is approved
			`{"card":"4000000000012213"}`:    "pending/unpaid generic_decline",
			`{"card":"4000000000000002"}`:    "pending/unpaid generic_decline",
			`{"card":"4000000000012239"}`:    "pending/processing",
			`{"card":"4000000000012247"}`:    "pending/processing",
		} {
			status, answer := s.testRoute("pay", s.create(seedBody), body)
			state, decline, _ := strings.Cut(want, " ")
			s.wantState("pay "+body, status, answer, state)
			if got := declineOf(answer); got != decline {
				t.Errorf("the decline of %s is %q, want %q", body, got, decline)
			}
			if answer["customer_email"] != "customer@example.com" {
				t.Errorf("the session's own address became %v", answer["customer_email"])
			}
		}
	})
}

func declineOf(session map[string]any) string {
	failure, _ := session["last_error"].(map[string]any)
	code, _ := failure["decline_code"].(string)
	return code
}

func TestTestPayRefusesWhatIsNoTestCard(t *testing.T) {
	const real = "4111 1111 1111 1111"
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		for body, want := range map[string]string{
			`{"card":"` + real + `"}`:              "card parameter_invalid_string",
			`{"card":"4111111111111111"}`:          "card parameter_invalid_string",
			`{"card":""}`:                          "card parameter_invalid_string",
			`{"card":4242424242424242}`:            "card parameter_invalid_string",
			`{"number":"4242424242424242"}`:        "number parameter_unknown",
			`{"card":"4242424242424242","cvc":""}`: "cvc parameter_unknown",
		} {
			w := s.api("POST", "/test/sessions/"+id+"/pay", body)
			param, code, _ := strings.Cut(want, " ")
			wantRefusal(t, w, http.StatusBadRequest, code, param)
			if strings.Contains(w.Body.String(), "1111") {
				t.Errorf("the answer repeats the number: %s", w.Body)
			}
		}
		for _, body := range []string{`{`, `[]`, `"4242424242424242"`} {
			wantRefusal(t, s.api("POST", "/test/sessions/"+id+"/pay", body), http.StatusBadRequest, "body_invalid_json", "")
		}
		if n := s.count("payments", "1 = 1") + s.count("sandbox_charges", "1 = 1"); n != 0 {
			t.Errorf("%d rows were written", n)
		}
		if strings.Contains(s.log.String(), "1111") {
			t.Errorf("the number was logged: %s", s.log)
		}
	})
}

func TestTestPayOfASessionThatIsOver(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		paid, ended, due := s.create(seedBody), s.create(seedBody), s.create(seedBody)
		s.testRoute("pay", paid, "")
		s.api("POST", "/sessions/"+ended+"/expire", "")
		s.clock.advance(3601e9) // no worker has come by for the last one
		for _, id := range []string{paid, ended, due} {
			for _, verb := range []string{"pay", "fail"} {
				wantRefusal(t, s.api("POST", "/test/sessions/"+id+"/"+verb, ""), http.StatusConflict, "session_not_pending", "")
			}
		}
		if n := s.count("payments", "1 = 1"); n != 1 {
			t.Errorf("there are %d attempts, want 1", n)
		}
	})
}

func TestTestPayWhileAnAttemptIsOpenStartsNone(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.testRoute("pay", id, `{"card":"4000000000012239"}`)
		status, answer := s.testRoute("pay", id, "")
		s.wantState("another pay", status, answer, "pending/processing")
		if n := s.count("payments", "session_id = ?", id); n != 1 {
			t.Errorf("there are %d attempts, want 1", n)
		}
	})
}

func TestTestFailGivesEveryDecline(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for body, want := range map[string]string{
			"":                                      "card_declined generic_decline",
			`{}`:                                    "card_declined generic_decline",
			`{"decline_code":"declined"}`:           "card_declined generic_decline",
			`{"decline_code":"generic_decline"}`:    "card_declined generic_decline",
			`{"decline_code":"insufficient_funds"}`: "card_declined insufficient_funds",
			`{"decline_code":"expired_card"}`:       "expired_card expired_card",
			`{"decline_code":"incorrect_cvc"}`:      "incorrect_cvc incorrect_cvc",
			`{"decline_code":"processing_error"}`:   "processing_error processing_error",
		} {
			id := s.create(seedBody)
			status, answer := s.testRoute("fail", id, body)
			s.wantState("fail "+body, status, answer, "pending/unpaid")
			failure, _ := answer["last_error"].(map[string]any)
			if got := fmt.Sprint(failure["code"], " ", failure["decline_code"]); got != want {
				t.Errorf("the failure of %s is %s, want %s", body, got, want)
			}
			if n := s.count("events", "session_id = ? AND type = ?", id, webhook.PaymentFailed); n != 1 {
				t.Errorf("%d events tell of it, want 1", n)
			}
			status, answer = s.testRoute("pay", id, "")
			s.wantState("pay after fail", status, answer, "completed/paid")
		}
	})
}

func TestTestFailRefusesWhatIsNoDecline(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		for _, code := range []string{"", "pays", "challenge", "challenge_declined", "pays_later", "slow", "network_error", "timeout", "authentication_failed", "stolen_card", "DECLINED"} {
			w := s.api("POST", "/test/sessions/"+id+"/fail", `{"decline_code":`+apiQuoted(code)+`}`)
			wantRefusal(t, w, http.StatusBadRequest, "parameter_invalid_string", "decline_code")
		}
		wantRefusal(t, s.api("POST", "/test/sessions/"+id+"/fail", `{"card":"4242424242424242"}`), http.StatusBadRequest, "parameter_unknown", "card")
		if n := s.count("payments", "1 = 1"); n != 0 {
			t.Errorf("%d attempts were made", n)
		}
	})
}

func TestTestFailStopsAtTheLimitOfAttempts(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		for range maxAttempts {
			status, answer := s.testRoute("fail", id, "")
			s.wantState("fail", status, answer, "pending/unpaid")
		}
		if w := s.api("POST", "/test/sessions/"+id+"/fail", ""); w.Code != ErrTooManyAttempts.Status {
			t.Errorf("one more answered %d: %s", w.Code, w.Body)
		}
	})
}

func TestTestAdvanceDoesWhatIsDueThen(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for name, c := range map[string]struct {
			card string // paid with before, if any
			walk []any  // seconds, and the state after them
		}{
			"a session expires":          {"", []any{3599, "pending/unpaid", 1, "expired/unpaid", 3600, "expired/unpaid"}},
			"a bank pays later":          {"4000000000012239", []any{14, "pending/processing", 1, "completed/paid", 3600, "completed/paid"}},
			"a lost answer is asked for": {"4000000000012247", []any{1, "completed/paid"}},
			"money comes before the end": {"4000000000012239", []any{2592000, "completed/paid"}},
			"a decline does not stay":    {"4000000000000002", []any{3600, "expired/unpaid"}},
		} {
			id, other := s.create(seedBody), s.create(seedBody)
			if c.card != "" {
				s.testRoute("pay", id, `{"card":"`+c.card+`"}`)
			}
			for i := 0; i < len(c.walk); i += 2 {
				status, answer := s.testRoute("advance", id, fmt.Sprintf(`{"seconds":%d}`, c.walk[i]))
				s.wantState(fmt.Sprintf("%s: advance by %d", name, c.walk[i]), status, answer, c.walk[i+1].(string))
			}
			if got := stateOf(s.get(other)); got != "pending/unpaid" {
				t.Errorf("%s: another session is %s", name, got)
			}
			if n := s.count("events", "session_id = ? AND type IN (?, ?)", id, webhook.SessionCompleted, webhook.SessionExpired); n != 1 {
				t.Errorf("%s: %d events end the session, want 1", name, n)
			}
		}
	})
}

func TestTestAdvanceTakesBackAnUnansweredChallenge(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4000002500003155")
		status, answer := s.testRoute("advance", id, `{"seconds":3600}`)
		s.wantState("advance", status, answer, "expired/unpaid")
		if got := declineOf(answer); got != "timeout" {
			t.Errorf("the attempt failed for %q", got)
		}
		if n := s.count("sandbox_charges", "state = 'canceled'"); n != 1 {
			t.Error("the charge was not taken back")
		}
	})
}

func TestTestAdvanceIsBounded(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		for body, want := range map[string]string{
			``:                                 "parameter_missing",
			`{}`:                               "parameter_missing",
			`{"seconds":null}`:                 "parameter_missing",
			`{"seconds":0}`:                    "parameter_invalid_integer",
			`{"seconds":-1}`:                   "parameter_invalid_integer",
			`{"seconds":2592001}`:              "parameter_invalid_integer",
			`{"seconds":1e3}`:                  "parameter_invalid_integer",
			`{"seconds":1.5}`:                  "parameter_invalid_integer",
			`{"seconds":"60"}`:                 "parameter_invalid_integer",
			`{"seconds":99999999999999999999}`: "parameter_invalid_integer",
		} {
			wantRefusal(t, s.api("POST", "/test/sessions/"+id+"/advance", body), http.StatusBadRequest, want, "seconds")
		}
		wantRefusal(t, s.api("POST", "/test/sessions/"+id+"/advance", `{"seconds":60,"days":1}`), http.StatusBadRequest, "parameter_unknown", "days")
		if got := s.get(id); stateOf(got) != "pending/unpaid" || got["expires_at"] != "2025-01-10T13:00:00Z" {
			t.Errorf("the session is %s until %v", stateOf(got), got["expires_at"])
		}
	})
}

func TestTestRoutesOfASessionWithoutEmail(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(patched(t, "customer_email", ""))
		if got := s.get(id)["customer_email"]; got != nil {
			t.Fatalf("the session starts with the address %v", got)
		}
		status, answer := s.testRoute("fail", id, "")
		s.wantState("fail", status, answer, "pending/unpaid")
		if answer["customer_email"] != "buyer@example.com" {
			t.Errorf("the buyer's address is %v", answer["customer_email"])
		}
		status, answer = s.testRoute("pay", id, "")
		s.wantState("pay", status, answer, "completed/paid")
	})
}

func TestTestRoutesOfAnOrderThatCostsNothing(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		paid, ended := s.create(patched(t, "item.amount", "0")), s.create(patched(t, "item.amount", "0"))
		wantRefusal(t, s.api("POST", "/test/sessions/"+paid+"/fail", ""), http.StatusBadRequest, "amount_too_small", "")
		if got := stateOf(s.get(paid)); got != "pending/no_payment_required" {
			t.Fatalf("after a fail the session is %s", got)
		}
		status, answer := s.testRoute("pay", paid, "")
		s.wantState("pay", status, answer, "completed/no_payment_required")
		status, answer = s.testRoute("advance", ended, `{"seconds":3600}`)
		s.wantState("advance", status, answer, "expired/no_payment_required")
		if n := s.count("sandbox_charges", "1 = 1"); n != 0 {
			t.Errorf("%d charges were made", n)
		}
	})
}

func TestTimePassesForOneTestSessionOnly(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, other := s.create(seedBody), s.create(seedBody)
		w := s.api("POST", "/test/sessions/"+id+"/advance", `{"seconds":3599}`)
		if got := decode(t, w); got["status"] != "pending" || got["expires_at"] != "2025-01-10T12:00:01Z" {
			t.Errorf("after 3599 seconds it is %v until %v", got["status"], got["expires_at"])
		}
		if got := decode(t, s.api("POST", "/test/sessions/"+id+"/advance", `{"seconds":1}`)); got["status"] != "expired" || got["expired_at"] != "2025-01-10T12:00:00Z" {
			t.Errorf("after an hour it is %v at %v", got["status"], got["expired_at"])
		}
		s.wantEvents(id, 0, 1, 0)
		if got := s.get(other); got["status"] != "pending" || got["expires_at"] != "2025-01-10T13:00:00Z" {
			t.Errorf("the other session is %v until %v", got["status"], got["expires_at"])
		}
		if w := s.api("POST", "/test/sessions/"+id+"/advance", `{"seconds":60}`); w.Code != 200 || decode(t, w)["status"] != "expired" {
			t.Errorf("time after the end answered %d: %s", w.Code, w.Body)
		}
	})
}
