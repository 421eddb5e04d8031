package checkout

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// call sends a GET of /account with these Authorization headers from an address.
func (s *shop) call(address string, forwarded string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), "GET", "/api/checkout/v1/account", nil)
	r.RemoteAddr = address
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	return s.do(r)
}

func TestAuthRefusesWhatIsNoKey(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		revoked, expired := s.endedKeys()
		flipped := []byte(s.key)
		flipped[20] ^= 1
		for name, c := range map[string]struct {
			headers []string
			code    string
		}{
			"none":                 {nil, "api_key_missing"},
			"empty":                {[]string{""}, "api_key_missing"},
			"no scheme":            {[]string{s.key}, "api_key_missing"},
			"basic":                {[]string{"Basic " + s.key}, "api_key_missing"},
			"scheme only":          {[]string{"Bearer "}, "api_key_invalid"},
			"unknown":              {[]string{"Bearer sk_test_" + strings.Repeat("x", 43)}, "api_key_invalid"},
			"one bit off":          {[]string{"Bearer " + string(flipped)}, "api_key_invalid"},
			"cut":                  {[]string{"Bearer " + s.key[:50]}, "api_key_invalid"},
			"longer":               {[]string{"Bearer " + s.key + "x"}, "api_key_invalid"},
			"upper case":           {[]string{"Bearer " + strings.ToUpper(s.key)}, "api_key_invalid"},
			"test key as live":     {[]string{"Bearer sk_live_" + s.key[8:]}, "api_key_invalid"},
			"its hash":             {[]string{"Bearer " + sha256Hex(s.key)}, "api_key_invalid"},
			"injection":            {[]string{"Bearer ' OR 1=1 --"}, "api_key_invalid"},
			"injection in the key": {[]string{"Bearer sk_test_' OR '1'='1"}, "api_key_invalid"},
			"NUL":                  {[]string{"Bearer " + s.key + "\x00"}, "api_key_invalid"},
			"bad UTF-8":            {[]string{"Bearer sk_test_\xff\xfe"}, "api_key_invalid"},
			"a megabyte":           {[]string{"Bearer sk_test_" + strings.Repeat("x", 1<<20)}, "api_key_invalid"},
			"revoked":              {[]string{"Bearer " + revoked}, "api_key_revoked"},
			"expired":              {[]string{"Bearer " + expired}, "api_key_expired"},
		} {
			s.clock.advance(time.Minute) // for the limit of failures
			w := s.call("203.0.113.9:1", "", c.headers...)
			wantRefusal(t, w, http.StatusUnauthorized, c.code, "")
			if e := apiErrorOf(t, w); e.Type != "authentication_error" || w.Header().Get("WWW-Authenticate") != "Bearer" || len(e.Errors) != 0 {
				t.Errorf("%s: WWW-Authenticate %q, %.300s", name, w.Header().Get("WWW-Authenticate"), w.Body)
			}
		}
	})
}

func (s *shop) endedKeys() (revoked, expired string) {
	s.t.Helper()
	revoked, err := s.co.CreateKey(s.t.Context(), Test, "revoked")
	apiMust(s.t, err)
	s.clock.advance(time.Millisecond)
	expired, err = s.co.CreateKey(s.t.Context(), Test, "expired")
	apiMust(s.t, err)
	apiMust(s.t, s.co.RevokeKey(s.t.Context(), s.keyNamed("revoked").ID))
	apiMust(s.t, s.co.ExpireKey(s.t.Context(), s.keyNamed("expired").ID, s.clock.now()))
	return revoked, expired
}

func (s *shop) keyNamed(name string) Key {
	s.t.Helper()
	keys, err := s.co.Keys(s.t.Context())
	apiMust(s.t, err)
	for _, k := range keys {
		if k.Name == name {
			return k
		}
	}
	s.t.Fatalf("no key named %q", name)
	return Key{}
}

func TestAuthTakesOneHeaderOnly(t *testing.T) {
	s := apiShop(t)
	for _, two := range [][]string{{"Bearer " + s.key, "Bearer " + s.key}, {"", "Bearer " + s.key}, {"Bearer " + s.key, ""}} {
		wantRefusal(t, s.call("203.0.113.9:1", "", two...), http.StatusBadRequest, "parameter_invalid_string", "Authorization")
	}
	for _, spelling := range []string{"Bearer ", "bearer ", "BEARER ", "Bearer  "} {
		if w := s.call("203.0.113.9:1", "", spelling+s.key); w.Code != http.StatusOK {
			t.Errorf("%q answered %d", spelling, w.Code)
		}
	}
}

func TestAuthNeverReadsAKeyElsewhere(t *testing.T) {
	s := apiShop(t)
	for _, query := range []string{"api_key=" + s.key, "key=" + s.key, "access_token=" + s.key, "Authorization=Bearer+" + s.key} {
		wantRefusal(t, s.api("GET", "/account?"+query, "", "Authorization", ""), http.StatusUnauthorized, "api_key_missing", "")
	}
	for _, header := range []string{"X-Api-Key", "Proxy-Authorization", "Cookie"} {
		wantRefusal(t, s.api("GET", "/account", "", "Authorization", "", header, s.key), http.StatusUnauthorized, "api_key_missing", "")
	}
	r := httptest.NewRequest("GET", "/api/checkout/v1/account", nil)
	r.SetBasicAuth(s.key, "")
	wantRefusal(t, s.do(r), http.StatusUnauthorized, "api_key_missing", "")
}

func TestAuthGuardsEveryRouteButHealth(t *testing.T) {
	s := apiShop(t)
	id := s.create(seedBody)
	for _, call := range [][2]string{
		{"POST", "/sessions"}, {"GET", "/sessions"}, {"GET", "/sessions/" + id}, {"POST", "/sessions/" + id + "/expire"}, {"GET", "/sessions/" + id + "/payments"}, {"GET", "/account"},
	} {
		wantRefusal(t, s.api(call[0], call[1], seedBody, "Authorization", ""), http.StatusUnauthorized, "api_key_missing", "")
	}
}

const wrongKey = "Bearer sk_test_wrongwrong"

func TestAuthLimitsFailuresAndNeverAValidKey(t *testing.T) {
	s := apiShop(t)
	for i := range 20 {
		if w := s.call("203.0.113.9:"+fmt.Sprint(1000+i), "", wrongKey); w.Code != http.StatusUnauthorized {
			t.Fatalf("failure %d answered %d", i+1, w.Code)
		}
	}
	for _, failure := range []string{wrongKey, "", "Basic x"} {
		w := s.call("203.0.113.9:1", "", failure)
		wantRefusal(t, w, http.StatusTooManyRequests, "rate_limited", "")
		if e := apiErrorOf(t, w); e.Type != "rate_limit_error" || w.Header().Get("Retry-After") == "" || w.Header().Get("Retry-After") == "0" {
			t.Errorf("Retry-After %q: %s", w.Header().Get("Retry-After"), w.Body)
		}
	}
	for range 50 {
		if w := s.call("203.0.113.9:1", "", "Bearer "+s.key); w.Code != http.StatusOK {
			t.Fatalf("a valid key from the same address answered %d", w.Code)
		}
	}
	if w := s.call("203.0.113.10:1", "", wrongKey); w.Code != http.StatusUnauthorized {
		t.Errorf("another address answered %d", w.Code)
	}
	s.clock.advance(time.Minute)
	if w := s.call("203.0.113.9:1", "", wrongKey); w.Code != http.StatusUnauthorized {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// fail sends n wrong keys and gives how many of them were limited.
func (s *shop) fail(n int, address, forwarded func(i int) string) (limited int) {
	for i := range n {
		if s.call(address(i), forwarded(i), wrongKey).Code == http.StatusTooManyRequests {
			limited++
		}
	}
	return limited
}

func fixed(value string) func(int) string { return func(int) string { return value } }

func TestAuthLimitSeesThroughForgedAddresses(t *testing.T) {
	numbered := func(format string) func(int) string { return func(i int) string { return fmt.Sprintf(format, i) } }
	for name, c := range map[string]struct {
		trusted            []string
		address, forwarded func(int) string
		limited            int // of 30
	}{
		"no proxies: the header is nothing":       {nil, fixed("203.0.113.9:1"), numbered("198.51.100.%d"), 10},
		"a stranger beside the proxies":           {[]string{"10.0.0.0/8"}, fixed("203.0.113.9:1"), numbered("198.51.100.%d"), 10},
		"a proxy: its clients count on their own": {[]string{"10.0.0.0/8"}, fixed("10.1.2.3:1"), numbered("198.51.100.%d"), 0},
		"a proxy: one client":                     {[]string{"10.0.0.0/8"}, fixed("10.1.2.3:1"), fixed("198.51.100.7"), 10},
		"a proxy: forged hops on the left":        {[]string{"10.1.2.3"}, fixed("10.1.2.3:1"), numbered("198.51.100.%d, 203.0.113.9"), 10},
		"two proxies":                             {[]string{"10.0.0.0/8"}, fixed("10.1.2.3:1"), numbered("192.0.2.%d, 203.0.113.9, 10.9.9.9"), 10},
		"a proxy that forwards rubbish":           {[]string{"10.0.0.0/8"}, fixed("10.1.2.3:1"), numbered("rubbish%d"), 10},
		"a proxy over IPv4 in IPv6":               {[]string{"10.0.0.0/8"}, fixed("[::ffff:10.1.2.3]:1"), numbered("198.51.100.%d"), 0},
		"one /64 is one client":                   {nil, numbered("[2001:db8:1:2::%x]:1"), fixed(""), 10},
		"another /64 is another":                  {nil, numbered("[2001:db8:1:%x::1]:1"), fixed(""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := apiShop(t, func(cfg *Config) { cfg.TrustedProxies = c.trusted })
			if n := s.fail(30, c.address, c.forwarded); n != c.limited {
				t.Errorf("%d of 30 failures were limited, want %d", n, c.limited)
			}
		})
	}
}
