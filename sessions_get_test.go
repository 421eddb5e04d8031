package checkout

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestGetSessionIsTheOneThatWasMade(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		made := s.api("POST", "/sessions", seedBody)
		id := decode(t, made)["id"].(string)
		w := s.api("GET", "/sessions/"+id, "")
		if w.Code != http.StatusOK || w.Body.String() != made.Body.String() || w.Header().Get("Location") != "" {
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
		if head := s.api("HEAD", "/sessions/"+id, ""); head.Code != http.StatusOK {
			t.Errorf("HEAD answered %d", head.Code)
		}
	})
}

// injections are strings that become SQL where somebody builds statements from text.
var injections = []string{
	"1=1", "1", "0", "' OR 1=1 --", `" OR ""="`, "' OR '1'='1", "'; DROP TABLE checkout_sessions; --", "%", "_", "cs_%", "*", "NULL",
	`\`, "?", "$1", ":id", "@p1", "id=id", "1) OR (1=1", "cs_' UNION SELECT id FROM checkout_keys --", "é", strings.Repeat("'", 300),
}

func TestGetSessionUnknownIDs(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		unknown := append([]string{
			"cs_" + strings.Repeat("0", 44), strings.ToUpper(id), id + "0", id[:46], "pay_" + id[3:], "cs_" + id[3:46] + "g", " " + id, id + "\x00", id + "'", id + "%00",
		}, injections...)
		for _, bad := range unknown {
			for _, path := range []string{"", "/payments"} {
				wantRefusal(t, s.api("GET", "/sessions/"+url.PathEscape(bad)+path, ""), http.StatusNotFound, "resource_missing", "")
			}
			wantRefusal(t, s.api("POST", "/sessions/"+url.PathEscape(bad)+"/expire", ""), http.StatusNotFound, "resource_missing", "")
			if _, err := s.co.Session(t.Context(), bad); !errors.Is(err, ErrNotFound) {
				t.Errorf("in process %q gave %v", bad, err)
			}
			if _, err := s.co.ExpireSession(t.Context(), bad); !errors.Is(err, ErrNotFound) {
				t.Errorf("in process the expiry of %q gave %v", bad, err)
			}
		}
		if got := s.get(id); got["status"] != "pending" {
			t.Errorf("the session is %v", got["status"])
		}
	})
}

func TestTestAndLiveNeverSeeEachOther(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		live := s.liveKey()
		testID := s.create(seedBody)
		made := s.api("POST", "/sessions", seedBody, "Authorization", live)
		liveID, _ := decode(t, made)["id"].(string)
		if made.Code != http.StatusCreated || decode(t, made)["livemode"] != true {
			t.Fatalf("live answered %d: %s", made.Code, made.Body)
		}
		for _, c := range []struct{ key, own, other string }{{"Bearer " + s.key, testID, liveID}, {live, liveID, testID}} {
			for _, call := range [][2]string{{"GET", ""}, {"GET", "/payments"}, {"POST", "/expire"}} {
				wantRefusal(t, s.api(call[0], "/sessions/"+c.other+call[1], "", "Authorization", c.key), http.StatusNotFound, "resource_missing", "")
			}
			if w := s.api("GET", "/sessions", "", "Authorization", c.key); !strings.Contains(w.Body.String(), c.own) || strings.Contains(w.Body.String(), c.other) {
				t.Errorf("the list: %s", w.Body)
			}
			cursor := s.api("GET", "/sessions?limit=100&ending_before=cs_"+strings.Repeat("0", 44), "", "Authorization", c.key)
			if strings.Contains(cursor.Body.String(), c.other) {
				t.Errorf("the list behind a cursor: %s", cursor.Body)
			}
		}
		if n := s.count("sessions", "status = 'expired'"); n != 0 {
			t.Errorf("%d sessions were expired across modes", n)
		}
	})
}

func TestPaymentsOfASession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		if w := s.api("GET", "/sessions/"+id+"/payments", ""); w.Body.String() != `{"object":"list","data":[],"has_more":false,"url":"/api/checkout/v1/sessions/`+id+`/payments"}` {
			t.Errorf("no attempts: %s", w.Body)
		}
		s.pay(id, "4000000000009995")
		s.pay(id, "4242424242424242")
		data := decode(t, s.api("GET", "/sessions/"+id+"/payments", ""))["data"].([]any)
		if len(data) != 2 {
			t.Fatalf("%d attempts, want 2", len(data))
		}
		declined, paid := data[0].(map[string]any), data[1].(map[string]any)
		failure, _ := declined["error"].(map[string]any)
		if declined["status"] != "failed" || failure["code"] != "card_declined" || failure["decline_code"] != "insufficient_funds" || failure["payment_id"] != declined["id"] {
			t.Errorf("the declined attempt: %v", declined)
		}
		if paid["status"] != "succeeded" || paid["error"] != nil || paid["amount_cents"] != 2500.0 || paid["currency"] != "eur" || paid["session_id"] != id || paid["settled_at"] != "2025-01-10T12:00:00Z" {
			t.Errorf("the paid attempt: %v", paid)
		}
		if got := s.get(id); got["payment_id"] != paid["id"] || got["completed_at"] != "2025-01-10T12:00:00Z" || got["last_error"] != nil {
			t.Errorf("the session: %v", got)
		}
	})
}

func TestSessionTellsItsLastError(t *testing.T) {
	s := apiShop(t)
	id := s.create(seedBody)
	s.pay(id, "4000000000000069")
	last, _ := s.get(id)["last_error"].(map[string]any)
	if last["code"] != "expired_card" || last["decline_code"] != "expired_card" || last["message"] == "" || last["payment_id"] == "" {
		t.Errorf("last_error is %v", last)
	}
}
