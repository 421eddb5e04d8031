package checkout

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestAccountTellsWhoseKeyItIs(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		live := s.liveKey()
		for _, c := range []struct{ header, secret, mode, name string }{{"Bearer " + s.key, s.key, "test", "tests"}, {live, strings.TrimPrefix(live, "Bearer "), "live", "live"}} {
			w := s.api("GET", "/account", "", "Authorization", c.header)
			got := decode(t, w)
			if w.Code != http.StatusOK || got["object"] != "account" || got["mode"] != c.mode || got["livemode"] != (c.mode == "live") || got["key_name"] != c.name ||
				got["key_prefix"] != c.secret[:12] || got["key_last4"] != c.secret[47:] || got["server_time"] != "2025-01-10T12:00:00Z" || got["expires_at"] != nil {
				t.Errorf("answered %d: %s", w.Code, w.Body)
			}
			if scopes, ok := got["scopes"].([]any); !ok || len(scopes) == 0 {
				t.Errorf("scopes are %v", got["scopes"])
			}
			if strings.Contains(w.Body.String(), c.secret) {
				t.Error("the answer holds the secret")
			}
		}
	})
}

func TestAccountTellsWhenItsKeyEnds(t *testing.T) {
	s := apiShop(t)
	keys, err := s.co.Keys(t.Context())
	apiMust(t, err)
	apiMust(t, s.co.ExpireKey(t.Context(), keys[0].ID, s.clock.now().Add(time.Hour)))
	if got := decode(t, s.api("GET", "/account", "")); got["expires_at"] != "2025-01-10T13:00:00Z" {
		t.Errorf("expires_at is %v", got["expires_at"])
	}
}

func TestHealthNeedsNoKey(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		w := s.do(httptest.NewRequest("GET", "/api/checkout/v1/health", nil))
		if w.Code != http.StatusOK || w.Body.String() != `{"status":"ok"}` {
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
	})
}

func TestOurExtraIDsHaveTheirShape(t *testing.T) {
	s := apiShop(t)
	id := s.create(seedBody)
	s.pay(id, "4242424242424242")
	w := s.api("GET", "/sessions/"+id+"/payments", "")
	if !regexp.MustCompile(`"id":"pay_[0-9a-f]{44}"`).MatchString(w.Body.String()) {
		t.Errorf("payments: %s", w.Body)
	}
	if n := s.count("events", "id LIKE 'evt_%' AND LENGTH(id) = 48"); n != 1 {
		t.Errorf("%d events have the shape of evt_", n)
	}
	keys, err := s.co.Keys(t.Context())
	apiMust(t, err)
	if !isID("key_", keys[0].ID) {
		t.Errorf("key id %q", keys[0].ID)
	}
}

func TestIDsSortByTimeAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	at := time.Date(2025, 1, 10, 12, 0, 0, 0, time.UTC)
	last := ""
	for range 1000 {
		at = at.Add(time.Millisecond)
		id := newID(prefixSession, at)
		if id <= last || seen[id[15:]] || !isID(prefixSession, id) {
			t.Fatalf("%s after %s", id, last)
		}
		seen[id[15:]], last = true, id
	}
}
