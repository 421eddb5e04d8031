package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutgin"
	"github.com/jopay/checkout/internal/dbtest"
)

// letIn is a host's login that knows a person by a header.
func letIn(r *http.Request) (checkout.Actor, checkout.Access, error) {
	if r.Header.Get("X-User") == "" {
		return checkout.Actor{}, checkout.AccessNone, nil
	}
	return checkout.Actor{ID: r.Header.Get("X-User"), Name: "Ada"}, checkout.AccessManage, nil
}

// adminMountings are the ways to put the admin on a router, below a prefix.
var adminMountings = map[string]struct {
	prefix string
	build  func(co *checkout.Checkout, admin http.Handler) http.Handler
}{
	"net/http": {"", func(co *checkout.Checkout, admin http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(co.AdminPath()+"/", admin)
		return mux
	}},
	"StripPrefix": {"", func(co *checkout.Checkout, admin http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(co.AdminPath()+"/", http.StripPrefix(co.AdminPath(), admin))
		return mux
	}},
	"behind a prefix": {"/tenant/7", func(_ *checkout.Checkout, admin http.Handler) http.Handler {
		return http.StripPrefix("/tenant/7", admin)
	}},
	"chi": {"", func(co *checkout.Checkout, admin http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Mount(co.AdminPath(), admin)
		return r
	}},
	"echo": {"", func(co *checkout.Checkout, admin http.Handler) http.Handler {
		e := echo.New()
		e.Any(co.AdminPath(), echo.WrapHandler(admin))
		e.Any(co.AdminPath()+"/*", echo.WrapHandler(admin))
		return e
	}},
	"gin": {"", func(co *checkout.Checkout, _ http.Handler) http.Handler {
		r := newGin()
		checkoutgin.Mount(r, co)
		checkoutgin.Admin(r, co, letIn)
		return r
	}},
	"gin group": {"/shop", func(co *checkout.Checkout, _ http.Handler) http.Handler {
		r := newGin()
		checkoutgin.Admin(r.Group("/shop", func(c *gin.Context) { c.Next() }), co, letIn)
		return r
	}},
}

var (
	linkRule = regexp.MustCompile(` (?:href|action|src)="([^"#]*)"`)
	onceRule = regexp.MustCompile(`name="once" value="([^"]+)"`)
)

func TestTheAdminOnEveryRouter(t *testing.T) {
	for name, m := range adminMountings {
		t.Run(name, func(t *testing.T) {
			co := adminCheckout(t, "http://shop.test"+m.prefix)
			h := m.build(co, co.Admin(letIn))
			at := m.prefix + "/admin/checkout"
			for path, want := range map[string]int{
				"/test/settings/keys": 200, "/test/settings/webhook": 200, "/test/deliveries": 200, "/live/audit": 200, "/test/nothing": 404, "/test/settings/keys/x": 404,
			} {
				if w := askAdmin(h, "GET", at+path, "", nil); w.Code == http.StatusOK {
					t.Errorf("%s is open to everybody", path)
				}
				w := askAdmin(h, "GET", at+path, "ada", nil)
				if w.Code != want || !strings.Contains(w.Body.String(), "</html>") {
					t.Errorf("%s answers %d, want %d", path, w.Code, want)
				}
				leadsHome(t, at, path, w.Body.String())
			}
			token := onceRule.FindStringSubmatch(askAdmin(h, "GET", at+"/test/settings/keys", "ada", nil).Body.String())
			if token == nil {
				t.Fatal("no form")
			}
			if w := askAdmin(h, "POST", at+"/test/settings/keys", "ada", url.Values{"once": {token[1]}, "name": {name}}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "sk_test_") {
				t.Errorf("making a key answers %d: %s", w.Code, w.Body)
			}
			if w := askAdmin(h, "GET", at+"/test/settings/keys/x/roll", "ada", nil); w.Code != http.StatusSeeOther {
				t.Errorf("the address of an action answers %d", w.Code)
			}
		})
	}
}

// leadsHome holds the links of a page to the admin.
func leadsHome(t *testing.T, at, path, page string) {
	t.Helper()
	base, err := url.Parse("http://shop.test" + at + path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range linkRule.FindAllStringSubmatch(page, -1) {
		to, err := base.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
		if err != nil || to.Host != "shop.test" || !strings.HasPrefix(to.Path, at+"/") {
			t.Errorf("%s leads to %s: %v", path, m[1], to)
		}
	}
}

func adminCheckout(t *testing.T, base string) *checkout.Checkout {
	t.Helper()
	db := dbtest.Open(t, dbtest.SQLite, nil)
	co, err := checkout.New(checkout.Config{DB: db, BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkout.Migrate(t.Context(), db, ""); err != nil {
		t.Fatal(err)
	}
	return co
}

func askAdmin(h http.Handler, method, path, user string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if user != "" {
		r.Header.Set("X-User", user)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
