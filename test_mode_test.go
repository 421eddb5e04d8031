package checkout

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestTestRoutesPayByCard(t *testing.T) {
	for card, want := range map[string]string{
		"":                    "completed paid",
		"4242424242424242":    "completed paid",
		"4242 4242 4242 4242": "completed paid",
		"4000000000009995":    "pending unpaid",
		"4000002500003155":    "completed paid",
		"4000000000012213":    "pending unpaid",
		"4000000000012239":    "pending processing",
		"4000000000012247":    "pending processing",
	} {
		t.Run(card, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id, body := s.create(seedBody), ""
				if card != "" {
					body = `{"card":"` + card + `"}`
				}
				w := s.api("POST", "/test/sessions/"+id+"/pay", body)
				got := decode(t, w)
				if w.Code != http.StatusOK || fmt.Sprint(got["status"], " ", got["payment_status"]) != want {
					t.Errorf("it answered %d with %v %v, want %s", w.Code, got["status"], got["payment_status"], want)
				}
				s.api("POST", "/test/sessions/"+id+"/advance", `{"seconds":60}`)
				if strings.HasSuffix(want, "processing") {
					s.want(id, "completed", "paid")
				}
			})
		})
	}
}

func TestTestRoutesFailByCode(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for body, want := range map[string]string{
			``: "generic_decline", `{}`: "generic_decline", `{"decline_code":"generic_decline"}`: "generic_decline",
			`{"decline_code":"insufficient_funds"}`: "insufficient_funds", `{"decline_code":"expired_card"}`: "expired_card",
			`{"decline_code":"incorrect_cvc"}`: "incorrect_cvc", `{"decline_code":"processing_error"}`: "processing_error",
		} {
			id := s.create(seedBody)
			w := s.api("POST", "/test/sessions/"+id+"/fail", body)
			if got := decode(t, w)["last_error"]; w.Code != http.StatusOK || got == nil || got.(map[string]any)["decline_code"] != want {
				t.Errorf("%s answered %d with %v", body, w.Code, got)
			}
			s.want(id, "pending", "unpaid")
		}
	})
}

func TestTestRoutesRefuseWhatTheyDoNotKnow(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		pending, paid := s.create(seedBody), s.create(seedBody)
		s.pay(paid, "4242424242424242")
		expired := s.create(seedBody)
		s.api("POST", "/sessions/"+expired+"/expire", "")
		free := s.create(strings.Replace(seedBody, `"amount":2500`, `"amount":0`, 1))
		unknown := "cs_" + hex44("0")
		for _, c := range []struct {
			id, verb, body string
			status         int
			code, param    string
		}{
			{pending, "pay", `{"card":"4111111111111111"}`, 400, "parameter_invalid_string", "card"},
			{pending, "pay", `{"card":4242424242424242}`, 400, "parameter_invalid_string", "card"},
			{pending, "pay", `{"Card":"x"}`, 400, "parameter_unknown", "Card"},
			{pending, "pay", `[`, 400, "body_invalid_json", ""},
			{pending, "fail", `{"decline_code":"challenge"}`, 400, "parameter_invalid_string", "decline_code"},
			{pending, "fail", `{"decline_code":"stolen_card"}`, 400, "parameter_invalid_string", "decline_code"},
			{pending, "advance", ``, 400, "parameter_missing", "seconds"},
			{pending, "advance", `{"seconds":0}`, 400, "parameter_invalid_integer", "seconds"},
			{pending, "advance", `{"seconds":2592001}`, 400, "parameter_invalid_integer", "seconds"},
			{pending, "advance", `{"seconds":1.5}`, 400, "parameter_invalid_integer", "seconds"},
			{paid, "pay", ``, 409, "session_not_pending", ""},
			{paid, "fail", ``, 409, "session_not_pending", ""},
			{expired, "pay", ``, 409, "session_not_pending", ""},
			{free, "fail", ``, 409, "session_not_pending", ""},
			{unknown, "pay", ``, 404, "resource_missing", ""},
			{unknown, "fail", ``, 404, "resource_missing", ""},
			{unknown, "advance", `{"seconds":1}`, 404, "resource_missing", ""},
		} {
			t.Log(c.verb, c.body)
			wantRefusal(t, s.api("POST", "/test/sessions/"+c.id+"/"+c.verb, c.body), c.status, c.code, c.param)
		}
		s.want(pending, "pending", "unpaid")
		s.want(free, "pending", "no_payment_required")
		if w := s.api("POST", "/test/sessions/"+free+"/pay", ""); decode(t, w)["status"] != "completed" {
			t.Errorf("paying a free order answered %d: %s", w.Code, w.Body)
		}
	})
}

func TestTestRoutesDoNotExistForLiveKeys(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		test := s.create(seedBody)
		key, err := s.co.CreateKey(t.Context(), Live, "live")
		apiMust(t, err)
		s.key = key
		live := s.create(seedBody)
		for _, id := range []string{test, live} {
			for _, verb := range []string{"pay", "fail", "advance"} {
				wantRefusal(t, s.api("POST", "/test/sessions/"+id+"/"+verb, `{"seconds":7200}`), 404, "route_unknown", "")
			}
		}
		s.want(live, "pending", "unpaid")
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
