package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

// hostPatterns are what hosts have on their mux already; a plain mux.Handle("/checkout/", …) panics beside some of them.
var hostPatterns = []string{"GET /", "GET /{rest...}", "POST /", "GET /api/", "/static/", "GET /shop/{id}", "POST /api/orders"}

func TestMountStandsBesideTheHostsPatterns(t *testing.T) {
	for _, pattern := range hostPatterns {
		for _, first := range []string{"host first", "checkout first"} {
			t.Run(pattern+" "+first, func(t *testing.T) {
				h := startHost(t, mounting{build: func(co *checkout.Checkout) http.Handler {
					mux := http.NewServeMux()
					if first == "checkout first" {
						co.Mount(mux)
					}
					mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the host's") })
					if first == "host first" {
						co.Mount(mux)
					}
					return mux
				}})
				if a := h.pay(h.create(), "4242424242424242"); a.Status != http.StatusSeeOther {
					t.Errorf("paying answered %d", a.Status)
				}
				if a := h.send(call{method: "DELETE", path: "/checkout/x"}); a.Status != http.StatusMethodNotAllowed {
					t.Errorf("DELETE on the page answered %d", a.Status)
				}
			})
		}
	}
}

func TestTheHostKeepsItsOwnAddresses(t *testing.T) {
	h := startHost(t, mounting{build: func(co *checkout.Checkout) http.Handler {
		mux := http.NewServeMux()
		co.Mount(mux)
		for _, pattern := range []string{"GET /", "POST /", "GET /api/", "GET /static/", "GET /checkout/shipping"} {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, pattern) })
		}
		return mux
	}})
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "GET /"}, {"GET", "/cart", "GET /"}, {"POST", "/cart", "POST /"}, {"GET", "/api/checkout/v2/x", "GET /api/"},
		{"GET", "/api/orders", "GET /api/"}, {"GET", "/static/a.css", "GET /static/"}, {"GET", "/checkout/shipping", "GET /checkout/shipping"},
		{"GET", "/checkouts", "GET /"},
	} {
		if a := h.send(call{method: c.method, path: c.path}); a.Body != c.want {
			t.Errorf("%s %s was answered by %q, want %q", c.method, c.path, a.Body, c.want)
		}
	}
}

func TestAHandlerOfItsOwnNeverRedirectsToAnotherHost(t *testing.T) {
	h := startHost(t, reference)
	for _, c := range []struct {
		handler         http.Handler
		path, wantClean string
	}{
		{h.co.API(), "//evil.example/api/checkout/v1//sessions", "/evil.example/api/checkout/v1/sessions"},
		{h.co.API(), "//evil.example/api/checkout/v1/sessions", "/evil.example/api/checkout/v1/sessions"},
		{h.co.Pages(), "//evil.example/checkout/test-bank", "/evil.example/checkout/test-bank"},
		{h.co.Pages(), "///evil.example//checkout/x/?a=//b", "/evil.example/checkout/x/?a=//b"},
	} {
		r := httptest.NewRequest("GET", "http://shop.test/", nil)
		r.RequestURI = c.path
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.path, "?")
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); w.Code != http.StatusTemporaryRedirect || got != c.wantClean {
			t.Errorf("%s: %d to %q, want %q", c.path, w.Code, got, c.wantClean)
		}
	}
}
