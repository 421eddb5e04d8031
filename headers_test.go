package checkout

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := apiShop(t)
	id := s.create(seedBody)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/sessions", seedBody, 201}, {"POST", "/sessions", "{}", 400}, {"GET", "/sessions/" + id, "", 200}, {"GET", "/sessions", "", 200},
		{"GET", "/sessions/cs_1", "", 404}, {"POST", "/sessions/" + id + "/expire", "", 200}, {"GET", "/account", "", 200}, {"GET", "/health", "", 200},
		{"GET", "/nothing", "", 404}, {"GET", "", "", 404}, {"DELETE", "/sessions", "", 405}, {"OPTIONS", "/sessions", "", 204}, {"POST", "/notify/nobody", "{}", 404},
	} {
		w := s.api(c.method, c.path, c.body, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
		h := w.Header()
		if w.Code != c.status {
			t.Errorf("%s %s answered %d, want %d: %s", c.method, c.path, w.Code, c.status, w.Body)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || !regexp.MustCompile(`^req_[0-9A-Za-z]{20}$`).MatchString(h.Get("X-Request-Id")) {
			t.Errorf("%s %s has headers %v", c.method, c.path, h)
		}
		if w.Body.Len() > 0 && (h.Get("Content-Type") != "application/json; charset=utf-8" || !json.Valid(w.Body.Bytes())) {
			t.Errorf("%s %s answered %q: %s", c.method, c.path, h.Get("Content-Type"), w.Body)
		}
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
				t.Errorf("%s %s sets %s", c.method, c.path, name)
			}
		}
		if created := h.Get("Location") != ""; created != (c.status == 201) {
			t.Errorf("%s %s has Location %q", c.method, c.path, h.Get("Location"))
		}
	}
}

func TestLocationLeadsToTheNewSession(t *testing.T) {
	s := apiShop(t, func(c *Config) { c.BaseURL = "http://shop.test/" })
	w := s.api("POST", "/sessions", seedBody)
	id := decode(t, w)["id"].(string)
	if got, want := w.Header().Get("Location"), "http://shop.test/api/checkout/v1/sessions/"+id; got != want {
		t.Errorf("Location is %q, want %q", got, want)
	}
}

func TestRequestIDIsTakenWhereItIsHarmless(t *testing.T) {
	s := apiShop(t)
	for id, taken := range map[string]bool{
		"a": true, "trace-1_B": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\r\nSet-Cookie: x": false, "a\x1b[31m": false, "<b>": false, "ü": false, "a.b": false,
	} {
		w := s.api("GET", "/sessions/cs_1", "", "X-Request-Id", id)
		if got := w.Header().Get("X-Request-Id"); (got == id) != taken {
			t.Errorf("%q became %q", id, got)
		}
		if e := apiErrorOf(t, w); e.RequestID != w.Header().Get("X-Request-Id") {
			t.Errorf("the body says %q, the header %q", e.RequestID, w.Header().Get("X-Request-Id"))
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	s := apiShop(t)
	id := s.create(seedBody)
	for _, path := range []string{"", "/", "/session", "/Sessions", "/sessions/", "/sessions/" + id + "/", "/sessions/" + id + "/x", "/sessions/" + id + "/expire/x", "/test/sessions/" + id + "/pay/x", "/notify/nobody"} {
		method := "GET"
		if strings.HasPrefix(path, "/notify") {
			method = "POST"
		}
		wantRefusal(t, s.api(method, path, "", "Authorization", ""), http.StatusNotFound, "route_unknown", "")
	}
	for _, c := range [][3]string{
		{"PUT", "/sessions", "GET, HEAD, OPTIONS, POST"}, {"DELETE", "/sessions/" + id, "GET, HEAD, OPTIONS"}, {"POST", "/sessions/" + id, "GET, HEAD, OPTIONS"},
		{"GET", "/sessions/" + id + "/expire", "OPTIONS, POST"}, {"PATCH", "/account", "GET, HEAD, OPTIONS"}, {"POST", "/health", "GET, HEAD, OPTIONS"}, {"GET", "/notify/x", "OPTIONS, POST"},
	} {
		w := s.api(c[0], c[1], "")
		wantRefusal(t, w, http.StatusMethodNotAllowed, "method_not_allowed", "")
		if got := w.Header().Get("Allow"); got != c[2] {
			t.Errorf("%s %s allows %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if got := s.get(id); got["status"] != "pending" {
		t.Errorf("the session is %v: a GET changed it", got["status"])
	}
}

// A path made of slashes must not become a redirect to another host.
func TestCleanedPathsStayOnTheHost(t *testing.T) {
	s := apiShop(t)
	for _, handler := range []http.Handler{s.co.API(), s.co.Pages()} {
		for _, path := range []string{"//evil.example/api/checkout/v1/sessions//x", "//evil.example//x", "///evil.example/checkout//x", "/\\evil.example/checkout//x", "//evil.example/checkout/a/../b", "//evil.example/.."} {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.Path, r.RequestURI = path, path
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			to := w.Header().Get("Location")
			if strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.Contains(to, "://") {
				t.Errorf("%s leads to %s", path, to)
			}
		}
	}
}

func TestDatabaseDownIsBusyAndNeutral(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(time.Minute) // no cached key
		pool, err := s.db.DB()
		apiMust(t, err)
		apiMust(t, pool.Close())
		for _, c := range [][3]string{
			{"POST", "/sessions", seedBody}, {"GET", "/sessions/" + id}, {"GET", "/sessions"}, {"POST", "/sessions/" + id + "/expire"}, {"GET", "/account"}, {"GET", "/health"},
		} {
			w := s.api(c[0], c[1], c[2], "X-Request-Id", "down-1")
			wantRefusal(t, w, http.StatusServiceUnavailable, "database_busy", "")
			if e := apiErrorOf(t, w); e.Type != "api_error" || w.Header().Get("Retry-After") != "2" {
				t.Errorf("Retry-After %q, %s", w.Header().Get("Retry-After"), w.Body)
			}
			for _, inside := range []string{"sql", "closed", "postgres", "sqlite", "SELECT"} {
				if strings.Contains(w.Body.String(), inside) {
					t.Errorf("the answer tells about the inside: %s", w.Body)
				}
			}
		}
		wantInLog(t, s, "down-1", "database is closed")
	})
}

func TestDatabaseDownAfterTheKeyWasRead(t *testing.T) {
	s := apiShop(t)
	s.api("GET", "/account", "")
	pool, err := s.db.DB()
	apiMust(t, err)
	apiMust(t, pool.Close())
	for _, c := range [][2]string{{"POST", "/sessions"}, {"GET", "/sessions"}, {"POST", "/sessions/cs_" + hex44("0") + "/expire"}} {
		wantRefusal(t, s.api(c[0], c[1], seedBody), http.StatusServiceUnavailable, "database_busy", "")
	}
}

// wantInLog holds the log to a line with both the request's id and the cause.
func wantInLog(t *testing.T, s *shop, request, cause string) {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"request":"`+request+`"`) && strings.Contains(line, cause) {
			return
		}
	}
	t.Errorf("no line of the log has %q beside %q:\n%s", cause, request, s.log.String())
}

func TestMissingTablesAreInternalAndNeutral(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		apiMust(t, s.db.Exec("DROP TABLE checkout_sessions").Error)
		w := s.api("POST", "/sessions", seedBody, "X-Request-Id", "gone-1")
		wantRefusal(t, w, http.StatusInternalServerError, "internal", "")
		if strings.Contains(w.Body.String(), "checkout_sessions") {
			t.Errorf("the answer tells about the inside: %s", w.Body)
		}
		wantInLog(t, s, "gone-1", "checkout_sessions")
	})
}

// alarm is a clock that panics once it is set off: the panic of a handler itself, outside any hook.
type alarm struct {
	*clock
	cause any
}

func (a *alarm) now() time.Time {
	if a.cause != nil {
		panic(a.cause)
	}
	return a.clock.now()
}

func TestPanicIsContained(t *testing.T) {
	a := &alarm{clock: newClock()}
	s := apiShop(t, func(c *Config) { c.Now = a.now })
	a.cause = "the clock fell off the wall"
	for _, path := range []string{"/account", "/sessions"} {
		w := s.api("GET", path, "", "X-Request-Id", "panic-1")
		wantRefusal(t, w, http.StatusInternalServerError, "internal", "")
		if strings.Contains(w.Body.String(), "wall") {
			t.Errorf("the answer tells about the inside: %s", w.Body)
		}
	}
	wantInLog(t, s, "panic-1", "the clock fell off the wall")
	a.cause = nil
	if w := s.api("GET", "/account", ""); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestAbortedHandlersGoOnAborting(t *testing.T) {
	a := &alarm{clock: newClock()}
	s := apiShop(t, func(c *Config) { c.Now = a.now })
	a.cause = http.ErrAbortHandler
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	s.api("GET", "/account", "")
	t.Error("http.ErrAbortHandler was swallowed")
}

func TestPanicOfTheHostsHookIsContained(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		w := s.api("POST", "/sessions/"+id+"/expire", "", "X-Request-Id", "panic-1")
		wantRefusal(t, w, http.StatusInternalServerError, "internal", "")
		if strings.Contains(w.Body.String(), "hook went wrong") {
			t.Errorf("the answer tells about the inside: %s", w.Body)
		}
		wantInLog(t, s, "panic-1", "hook went wrong")
		if got := s.get(id); got["status"] != "pending" || s.count("events", "1 = 1") != 0 {
			t.Errorf("the session is %v after a rolled back expiry", got["status"])
		}
	}, func(c *Config) {
		c.OnEvent = func(context.Context, *gorm.DB, Event) error { panic("hook went wrong") }
	})
}
