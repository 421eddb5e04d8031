package checkout

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// person is who sends requests to the admin of a test.
type person struct {
	Actor
	access Access
	err    error
}

var manager = person{Actor: Actor{ID: "u1", Name: "Ada Lovelace"}, access: AccessManage}

func (p person) authorize(*http.Request) (Actor, Access, error) { return p.Actor, p.access, p.err }

// admin sends a get to the admin as a person would.
func (s *shop) admin(p person, path string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), "GET", "/admin/checkout"+path, nil)
	w := httptest.NewRecorder()
	s.co.Admin(p.authorize).ServeHTTP(w, r)
	s.watch.see(r, w)
	return w
}

// adminPost sends a form from a page of the admin.
func (s *shop) adminPost(p person, path string, form url.Values) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), "POST", "/admin/checkout"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://shop.test")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	s.co.Admin(p.authorize).ServeHTTP(w, r)
	s.watch.see(r, w)
	return w
}

// addressOf fills the parts of an admin route.
func addressOf(pattern string) string {
	return strings.NewReplacer(":mode", "test", ":id", "x", ":name", "x").Replace(pattern)
}

// Every route × everybody: who has less than a route needs is refused, whatever it would have done.
func TestEveryAdminRouteAsksForAccess(t *testing.T) {
	s := oneShop(t)
	people := []person{
		{}, {Actor: Actor{ID: "u"}}, {Actor: Actor{ID: "u"}, access: AccessRead}, {Actor: Actor{ID: "u"}, access: AccessOperate},
		{Actor: Actor{ID: "u"}, access: AccessManage}, {access: AccessManage}, {Actor: Actor{ID: "u"}, access: AccessManage, err: errHost},
	}
	for _, route := range adminRoutes {
		path := addressOf(route.pattern)
		for _, p := range people {
			level := p.access
			if p.ID == "" || p.err != nil {
				level = AccessNone
			}
			if route.get != nil {
				if got, refused := s.admin(p, path).Code, level < AccessRead; (got == http.StatusForbidden) != refused {
					t.Errorf("GET %s answers %d to access %d (%q, %v)", path, got, p.access, p.ID, p.err)
				}
			}
			if route.post != nil {
				if route.needs < AccessOperate {
					t.Fatalf("POST %s needs %d: a change needs AccessOperate at least", path, route.needs)
				}
				if got, refused := s.adminPost(p, path, nil).Code, level < route.needs; (got == http.StatusForbidden) != refused {
					t.Errorf("POST %s answers %d to access %d (%q, %v)", path, got, p.access, p.ID, p.err)
				}
			}
		}
		if route.post == nil {
			continue
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/admin/checkout"+path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example")
		w := httptest.NewRecorder()
		s.co.Admin(manager.authorize).ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("POST %s from another site answers %d", path, w.Code)
		}
	}
}

func TestAdminWithoutAuthorizeIsClosed(t *testing.T) {
	s := oneShop(t)
	for _, pattern := range s.co.AdminRoutes() {
		w := httptest.NewRecorder()
		s.co.Admin(nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/admin/checkout"+addressOf(pattern), nil))
		if w.Code == http.StatusOK || w.Code >= 300 && w.Code < 400 {
			t.Errorf("%s answers %d", pattern, w.Code)
		}
	}
	if !strings.Contains(s.log.String(), "hand an Authorize function to Admin") {
		t.Errorf("the log gives no hint: %s", s.log)
	}
}

func TestAdminSendsPeopleToTheHostsLogin(t *testing.T) {
	s := oneShop(t)
	w := s.admin(person{err: errors.Join(LoginAt("/login?next=admin"))}, "/test")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?next=admin" {
		t.Errorf("it answers %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := s.adminPost(person{err: LoginAt("/login")}, "/test", nil); w.Code == http.StatusSeeOther {
		t.Errorf("a form is sent to the login, where it would be lost: %d", w.Code)
	}
}

func TestAdminPagesAreSafeAndWhole(t *testing.T) {
	s := oneShop(t)
	for _, path := range []string{"/test", "/live", "/test/audit", "/test?lang=de", "/nothing", "/test/nothing"} {
		w := s.admin(manager, path)
		if w.Code != http.StatusOK && w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", path, w.Code)
		}
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", path, header, got)
			}
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy is %s", path, policy)
		}
		if len(w.Result().Cookies()) > 0 {
			t.Errorf("%s sets a cookie", path)
		}
		if body := w.Body.String(); !strings.HasSuffix(strings.TrimSpace(body), "</html>") || strings.Contains(body, " style=") || strings.Contains(body, "<script>") {
			t.Errorf("%s is not whole or has inline code: %s", path, body)
		}
	}
}

func TestAdminLinksLeadBackToItself(t *testing.T) {
	for _, prefix := range []string{"", "/tenant/7"} {
		s := oneShop(t)
		mux := http.NewServeMux()
		mux.Handle(prefix+"/admin/checkout/", http.StripPrefix(prefix, s.co.Admin(manager.authorize)))
		for _, path := range []string{"/test", "/test/audit"} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", prefix+"/admin/checkout"+path, nil))
			base, _ := url.Parse("http://shop.test" + prefix + "/admin/checkout" + path)
			for _, link := range hrefsOf(w.Body.String()) {
				to, err := base.Parse(link)
				if err != nil || !strings.HasPrefix(to.Path, prefix+"/admin/checkout/") && !strings.HasPrefix(link, "#") {
					t.Errorf("%s links to %s, which is %s", path, link, to)
				}
			}
		}
	}
}

func hrefsOf(page string) (list []string) {
	for _, part := range strings.Split(page, ` href="`)[1:] {
		link, _, _ := strings.Cut(part, `"`)
		list = append(list, strings.ReplaceAll(link, "&amp;", "&"))
	}
	return list
}
