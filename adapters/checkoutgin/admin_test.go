package checkoutgin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/jopay/checkout"
)

// login is a host's middleware: it knows people by a header.
func login(c *gin.Context) {
	name := c.GetHeader("X-User")
	if name == "stranger" {
		c.AbortWithStatus(http.StatusTeapot)
		return
	}
	c.Set("user", name)
}

var errNoUser = errors.New("nobody is logged in")

// fromGin lets people in whom the middleware knows.
func fromGin(r *http.Request) (checkout.Actor, checkout.Access, error) {
	c, ok := FromContext(r.Context())
	if !ok {
		return checkout.Actor{}, checkout.AccessNone, errNoUser
	}
	name := c.GetString("user")
	return checkout.Actor{ID: name, Name: name}, map[string]checkout.Access{"ada": checkout.AccessManage, "eve": checkout.AccessRead}[name], nil
}

func as(user, method, path string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("X-User", user)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func send(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAdminBehindMiddlewareOfAGroup(t *testing.T) {
	for _, prefix := range []string{"", "/shop"} {
		t.Run("under "+prefix+"/", func(t *testing.T) {
			r := gin.New()
			co := newCheckout(t, func(cfg *checkout.Config) { cfg.BaseURL = "http://shop.test" + prefix })
			var fullPath string
			Mount(r.Group(prefix), co)
			Admin(r.Group(prefix, login, func(c *gin.Context) { fullPath = c.FullPath() }), co, fromGin)
			at := prefix + "/admin/checkout"
			for user, want := range map[string]int{"ada": 200, "eve": 200, "bob": 403, "": 403, "stranger": http.StatusTeapot} {
				if w := send(r, as(user, "GET", at+"/test/settings/keys", nil)); w.Code != want {
					t.Errorf("%q gets %d, want %d", user, w.Code, want)
				}
			}
			if fullPath != at+"/:mode/settings/keys" {
				t.Errorf("gin knows the route as %q", fullPath)
			}
			page := send(r, as("ada", "GET", at+"/test/settings/keys", nil)).Body.String()
			_, token, _ := strings.Cut(page, `name="once" value="`)
			token, _, _ = strings.Cut(token, `"`)
			form := url.Values{"once": {token}, "name": {"made behind gin"}}
			if w := send(r, as("eve", "POST", at+"/test/settings/keys", form)); w.Code != http.StatusForbidden {
				t.Errorf("somebody who may read makes a key: %d", w.Code)
			}
			if w := send(r, as("ada", "POST", at+"/test/settings/keys", form)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "sk_test_") {
				t.Errorf("making a key answered %d: %s", w.Code, w.Body)
			}
			if w := get(r, prefix+"/checkout/cs_x"); w.Code != http.StatusNotFound || w.Header().Get("X-Request-Id") == "" {
				t.Errorf("the page beside the admin answers %d", w.Code)
			}
		})
	}
}

func TestAdminIsClosedWithoutAuthorize(t *testing.T) {
	r, co := gin.New(), newCheckout(t, nil)
	Admin(r, co, nil)
	for _, path := range []string{"/test", "/live/audit", "/nothing", "/", ""} {
		if w := get(r, "/admin/checkout"+path); w.Code == http.StatusOK || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
}

func TestAdminLeavesTheHostsRoutes(t *testing.T) {
	r, co := gin.New(), newCheckout(t, nil)
	r.GET("/admin", func(c *gin.Context) { c.String(http.StatusOK, "the host's admin") })
	r.GET("/admin/checkout/help", func(c *gin.Context) { c.String(http.StatusOK, "the host's help") })
	Admin(r, co, fromGin)
	for path, want := range map[string]string{"/admin": "the host's admin", "/admin/checkout/help": "the host's help"} {
		if w := get(r, path); w.Body.String() != want {
			t.Errorf("%s is answered with %d %q", path, w.Code, w.Body)
		}
	}
}

func TestAdminRefusesAForeignGroupAndARouteInTheWay(t *testing.T) {
	r, co := gin.New(), newCheckout(t, nil)
	if said := panicOf(func() { Admin(r.Group("/elsewhere"), co, fromGin) }); !strings.Contains(said, "Config.BaseURL") {
		t.Errorf("Admin said %q", said)
	}
	r.GET("/admin/checkout/*rest", func(*gin.Context) {})
	if said := panicOf(func() { Admin(r, co, fromGin) }); !strings.Contains(said, "Config.AdminPath") {
		t.Errorf("Admin said %q", said)
	}
}
