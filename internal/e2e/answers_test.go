package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// oddPaths are those that routers treat in ways of their own: {api} and {page} are the doors, {id} is a session.
var oddPaths = []string{
	"{api}", "{api}/", "{api}//", "{api}///", "{api}/.", "{api}/..", "{api}/../x", "{api}/unknown", "{api}/unknown/", "{api}/unknown/a/b/c/d/e/f",
	"{api}//sessions", "{api}/sessions/", "{api}/sessions//", "{api}/./sessions", "{api}/sessions/{id}/", "{api}/sessions//{id}", "{api}//sessions?limit=1&x=%2F",
	"{api}/sessions%2F", "{api}/sessions%2F{id}", "{api}/sessions/a%2Fb", "{api}/sessions/%2F", "{api}/sessions/{id}%2Fexpire",
	"{api}/sessions/{id}/unknown", "{api}/sessions/{id}/expire/", "{api}/sessions/{id}/expire/x", "{api}/sessions/{id}/exp", "{api}/sessions/{id}/expired",
	"{api}/session", "{api}/sessionsx", "{api}/Sessions", "{api}/account/", "{api}/account/x", "{api}/health/x/y", "{api}/notify", "{api}/notify/",
	"{api}/notify/unknown", "{api}/notify/sandbox/", "{api}/notify/sandbox/x", "{api}/notify//x", "{api}/sessions/%C3%A4", "{api}/sessions/a b",
	"{api}{api}/sessions", "{api}{page}/{id}",
	"{page}", "{page}/", "{page}//", "{page}/unknown", "{page}/unknown/", "{page}/unknown/a", "{page}/unknown/a/b/c/d/e", "{page}/{id}/", "{page}//{id}",
	"{page}/{id}/unknown", "{page}/{id}/return/", "{page}/{id}/return/x", "{page}/{id}/stat", "{page}/{id}/status/x/y", "{page}/{id}//status", "{page}/{id}%2Fstatus",
	"{page}/assets", "{page}/assets/", "{page}/assets/unknown.css", "{page}/assets/x/y", "{page}/assets%2Fx", "{page}/test-bank/", "{page}/test-bank/x",
	"{page}/test-bank?payment=pay_x", "{page}/test", "{page}{page}/{id}", "{page}/{id}?lang=de", "{page}/../checkout/{id}", "{page}/{id}/..", "{asset}",
}

func TestAnswersAreTheSameOnEveryRouter(t *testing.T) {
	want := map[call]answer{}
	ask(startHost(t, reference), func(h *host, c, sent call) { want[c] = h.compared(h.send(sent)) })
	if len(want) < 1000 {
		t.Fatalf("only %d requests", len(want))
	}
	for _, m := range others {
		t.Run(m.name, func(t *testing.T) {
			ask(startHost(t, m), func(h *host, c, sent call) {
				if diff := cmp.Diff(want[c], h.compared(h.send(sent))); diff != "" {
					t.Errorf("%s %s (key: %v) differs from %s:\n%s", c.method, c.path, c.key, reference.name, diff)
				}
			})
		})
	}
}

// net/http's ServeMux escapes a path again before it redirects there, so these are not held to it.
func TestRedirectsKeepWhatIsEscaped(t *testing.T) {
	for _, m := range others {
		if m.onMux {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			h := startHost(t, m)
			for _, path := range []string{"/api/checkout/v1//sessions/a%2Fb", "/api/checkout/v1/sessions//%C3%A4", "/checkout//a%2Fb%20c"} {
				a := h.compared(h.send(call{method: "GET", path: path}))
				if a.Status != http.StatusTemporaryRedirect || a.Header.Get("Location") != strings.ReplaceAll(path, "//", "/") {
					t.Errorf("%s answered %d to %q", path, a.Status, a.Header.Get("Location"))
				}
			}
		})
	}
}

func TestAnEmptyPartIsNoRoute(t *testing.T) {
	h := startHost(t, reference)
	for _, path := range []string{"/api/checkout/v1/sessions/", "/api/checkout/v1/notify/", "/checkout/assets/", "/checkout/"} {
		for _, method := range []string{"GET", "POST"} {
			if a := h.send(call{method: method, path: path}); a.Status != http.StatusNotFound || a.Header.Get("Allow") != "" {
				t.Errorf("%s %s answered %d", method, path, a.Status)
			}
		}
	}
}

// ask sends every request there is to compare. Each call comes with placeholders and as it is sent to this host.
func ask(h *host, each func(h *host, c, sent call)) {
	seen := map[call]bool{}
	fill := strings.NewReplacer("{api}", h.co.APIPath(), "{page}", h.co.PagePath(), "{id}", h.create(), "{ended}", h.create(), "{asset}", h.asset())
	for _, c := range calls(h.co) {
		if seen[c] || slices.Contains(h.elsewhere, c.path) {
			continue
		}
		seen[c] = true
		sent := c
		sent.path = fill.Replace(c.path)
		each(h, c, sent)
	}
}

// calls are all routes and odd paths with each method, with and without a key, and GET of whatever else words and slashes give.
func calls(co *checkout.Checkout) []call {
	var list []call
	for _, path := range append(routes(co), oddPaths...) {
		for _, method := range methods {
			c := call{method: method, path: path}
			if strings.HasSuffix(path, "/sessions") && method == "POST" {
				c.body, c.contentType = order, "application/json"
			}
			list = append(list, c, c.withKey())
		}
	}
	for _, path := range combinations("{api}", 3, "", ".", "sessions", "notify", "account", "expire", "{id}", "sess") {
		list = append(list, call{method: "GET", path: path}.withKey())
	}
	for _, path := range combinations("{page}", 3, "", "assets", "test-bank", "return", "{id}", "ass") {
		list = append(list, call{method: "GET", path: path})
	}
	return list
}

func (c call) withKey() call {
	c.key = true
	return c
}

// combinations are all paths of up to depth words below prefix.
func combinations(prefix string, depth int, words ...string) []string {
	if depth == 0 {
		return nil
	}
	var list []string
	for _, word := range words {
		path := prefix + "/" + word
		list = append(append(list, path), combinations(path, depth-1, words...)...)
	}
	return list
}

// routes are the addresses of both doors. What ends a session gets one of its own.
func routes(co *checkout.Checkout) []string {
	var list []string
	part := strings.NewReplacer(":id/expire", "{ended}/expire", ":id", "{id}", ":provider", "sandbox", ":name", "style.css")
	for _, pattern := range co.APIRoutes() {
		list = append(list, "{api}"+part.Replace(pattern))
	}
	for _, pattern := range co.PageRoutes() {
		list = append(list, "{page}"+part.Replace(pattern))
	}
	return list
}

var assetRule = regexp.MustCompile(`rel="stylesheet" href="([^"]+)"`)

// asset is the address of the page's style sheet, below the prefix, as a browser finds it.
func (h *host) asset() string {
	h.t.Helper()
	path := "/checkout/" + h.create()
	m := assetRule.FindStringSubmatch(h.send(call{method: "GET", path: path}).Body)
	if m == nil {
		h.t.Fatal("the page has no style sheet")
	}
	page, err := url.Parse(h.prefix + path)
	if err != nil {
		h.t.Fatal(err)
	}
	link, err := page.Parse(m[1])
	if err != nil {
		h.t.Fatal(err)
	}
	below, ok := strings.CutPrefix(link.Path, h.prefix)
	if a := h.send(call{method: "GET", path: below}); !ok || a.Status != http.StatusOK {
		h.t.Fatalf("the style sheet %s answered %d", link.Path, a.Status)
	}
	return below
}
