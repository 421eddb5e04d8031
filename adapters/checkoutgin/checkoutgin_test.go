package checkoutgin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/dbtest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

func newCheckout(t testing.TB, configure func(*checkout.Config)) *checkout.Checkout {
	t.Helper()
	cfg := checkout.Config{DB: dbtest.Open(t, dbtest.SQLite, nil), BaseURL: "http://shop.test"}
	if configure != nil {
		configure(&cfg)
	}
	co, err := checkout.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkout.Migrate(t.Context(), cfg.DB, ""); err != nil {
		t.Fatal(err)
	}
	return co
}

func get(r http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func TestHostRoutesBesideOursKeepWorking(t *testing.T) {
	hosts := []string{
		"/", "/cart", "/checkout/shipping", "/checkout/shipping/options", "/checkout/shipping/:country", "/checkout/assets/logo.png",
		"/checkout/:id/receipt", "/checkout/:id/receipt/:format", "/api/orders", "/api/checkout/v2/sessions", "/api/checkout/v1/own", "/:page",
	}
	for _, order := range []string{"before", "after"} {
		t.Run(order, func(t *testing.T) {
			r, co := gin.New(), newCheckout(t, nil)
			if order == "after" {
				Mount(r, co)
			}
			for _, path := range hosts {
				r.GET(path, func(c *gin.Context) { c.String(http.StatusOK, "host "+path) })
			}
			if order == "before" {
				Mount(r, co)
			}
			for _, path := range hosts {
				sent := strings.NewReplacer(":id", "cs_x", ":country", "fr", ":format", "pdf", ":page", "about").Replace(path)
				if w := get(r, sent); w.Body.String() != "host "+path {
					t.Errorf("%s is answered with %d %q", sent, w.Code, w.Body)
				}
			}
			for path, want := range map[string]int{"/api/checkout/v1/health": 200, "/checkout/cs_x": 404, "/checkout/shippin": 404, "/checkout/shippin/x": 404, "/api/checkout/v1/owner": 404} {
				w := get(r, path)
				if w.Code != want || w.Header().Get("X-Request-Id") == "" {
					t.Errorf("%s: %d, want the checkout's %d", path, w.Code, want)
				}
			}
		})
	}
}

func TestGinKnowsEachRoute(t *testing.T) {
	r, co := gin.New(), newCheckout(t, nil)
	var fullPath, ran string
	r.Use(func(c *gin.Context) { fullPath, ran = c.FullPath(), "engine"; c.Next() })
	Mount(r, co)
	for path, want := range map[string]string{
		"/api/checkout/v1/sessions":             "/api/checkout/v1/sessions",
		"/api/checkout/v1/sessions/cs_1":        "/api/checkout/v1/sessions/:id",
		"/api/checkout/v1/sessions/cs_1/expire": "/api/checkout/v1/sessions/:id/expire",
		"/api/checkout/v1/account":              "/api/checkout/v1/account",
		"/checkout/cs_1":                        "/checkout/:id",
		"/checkout/cs_1/status":                 "/checkout/:id/status",
		"/checkout/test-bank":                   "/checkout/test-bank",
		"/checkout/assets/style.css":            "/checkout/assets/:name",
		"/api/checkout/v1/unknown/x":            "/api/checkout/v1/:unknown/*rest",
	} {
		fullPath, ran = "", ""
		get(r, path)
		if fullPath != want || ran != "engine" {
			t.Errorf("%s is %q to gin, want %q", path, fullPath, want)
		}
	}
}

func TestTheEngineStaysAsItWas(t *testing.T) {
	r := gin.New()
	settings := func() []any {
		return []any{r.RedirectTrailingSlash, r.RedirectFixedPath, r.HandleMethodNotAllowed, r.UseRawPath, r.UnescapePathValues, r.RemoveExtraSlash, len(r.Handlers)}
	}
	before := settings()
	Mount(r, newCheckout(t, nil))
	if !slices.Equal(before, settings()) {
		t.Error("a setting or the middleware of the engine has changed")
	}
	if w := get(r, "/elsewhere"); w.Code != http.StatusNotFound || w.Body.String() != "404 page not found" {
		t.Errorf("the host's own 404 is now %d %q", w.Code, w.Body)
	}
}

func TestMountRefusesAForeignGroup(t *testing.T) {
	for _, c := range []struct {
		group, baseURL string
		ok             bool
	}{
		{"/", "http://shop.test", true},
		{"/", "http://shop.test/", true},
		{"/pay", "http://shop.test/pay", true},
		{"/pay/", "http://shop.test/pay", true},
		{"/:tenant", "http://shop.test/acme", true},
		{"/:tenant/pay", "http://shop.test/acme/pay", true},
		{"/pay", "http://shop.test/shop/pay", true}, // a proxy takes /shop off
		{"/", "http://shop.test/shop", true},
		{"/pay", "http://shop.test", false},
		{"/pay", "http://shop.test/shop", false},
		{"/pa", "http://shop.test/pay", false},
		{"/shop", "http://shop.test/shop/pay", false},
		{"/:tenant", "http://shop.test", false},
		{"/:tenant/pay", "http://shop.test/pay", false},
		{"/v1/:tenant", "http://shop.test/v2/acme", false},
	} {
		t.Run(c.group+" under "+c.baseURL, func(t *testing.T) {
			r := gin.New()
			co := newCheckout(t, func(cfg *checkout.Config) { cfg.BaseURL = c.baseURL })
			said := panicOf(func() { Mount(r.Group(c.group), co) })
			if c.ok != (said == "") || !c.ok && !(strings.Contains(said, "does not belong to BaseURL") && strings.Contains(said, "Config.BaseURL")) {
				t.Errorf("Mount said %q", said)
			}
			if !c.ok && len(r.Routes()) != 0 {
				t.Errorf("%d routes are left behind", len(r.Routes()))
			}
		})
	}
}

func TestMountSaysWhichSettingAvoidsAConflict(t *testing.T) {
	for path, field := range map[string]string{"/checkout/:step": "Config.PagePath", "/api/*rest": "Config.APIPath"} {
		r := gin.New()
		r.GET(path, func(*gin.Context) {})
		if said := panicOf(func() { Mount(r, newCheckout(t, nil)) }); !strings.Contains(said, field) || !strings.Contains(said, path[strings.LastIndex(path, "/")+1:]) {
			t.Errorf("beside %s Mount said %q", path, said)
		}
	}
}

func panicOf(f func()) (said string) {
	defer func() {
		if p := recover(); p != nil {
			said = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

func TestTwoCheckoutsOnOneEngine(t *testing.T) {
	r := gin.New()
	Mount(r, newCheckout(t, nil))
	Mount(r, newCheckout(t, func(cfg *checkout.Config) { cfg.APIPath, cfg.PagePath = "/api/second/v1", "/second" }))
	for _, path := range []string{"/api/checkout/v1/health", "/api/second/v1/health"} {
		if w := get(r, path); w.Code != http.StatusOK {
			t.Errorf("%s answered %d", path, w.Code)
		}
	}
}

func TestFallbacksRepeatNothing(t *testing.T) {
	co := newCheckout(t, nil)
	for _, routes := range [][]string{co.APIRoutes(), co.PageRoutes(), co.AdminRoutes()} {
		list := slices.Sorted(slices.Values(append(fallbacks(routes), routes...)))
		if n := len(list); len(slices.Compact(list)) != n {
			t.Errorf("a pattern stands twice: %q", list)
		}
	}
}

var tokenRule = regexp.MustCompile(`name="token" value="([^"]+)"`)

// sell makes a session in process and pays it on the page of r.
func sell(t *testing.T, r http.Handler, co *checkout.Checkout) {
	t.Helper()
	s, err := co.CreateSession(t.Context(), checkout.SessionParams{
		Mode: checkout.Test, LineItems: []checkout.LineItem{{Name: "Coffee", Amount: 500, Currency: "eur", Quantity: 1}},
		CustomerEmail: "a@b.example", SuccessURL: "https://shop.test/thanks", CancelURL: "https://shop.test/cart",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := tokenRule.FindStringSubmatch(get(r, "/checkout/"+s.ID).Body.String())
	if m == nil {
		t.Fatal("the page has no form")
	}
	form := url.Values{"token": {m[1]}, "action": {"pay"}, "method": {"test_card"}, "card_number": {"4242424242424242"}, "card_exp": {"12/34"}, "card_cvc": {"123"}}
	req := httptest.NewRequest("POST", "/checkout/"+s.ID, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "https://shop.test/thanks") {
		t.Fatalf("paying answered %d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestHooksReachTheGinContext(t *testing.T) {
	var got []string
	var kept context.Context
	co := newCheckout(t, func(cfg *checkout.Config) {
		cfg.OnEvent = func(ctx context.Context, _ *gorm.DB, e checkout.Event) error {
			c, ok := FromContext(ctx)
			if ok {
				got = append(got, c.FullPath()+" "+c.GetString("visitor"))
			}
			kept = ctx
			return nil
		}
	})
	r := gin.New()
	r.Use(func(c *gin.Context) { c.Set("visitor", "ada") })
	Mount(r, co)
	sell(t, r, co)
	if want := []string{"/checkout/:id ada"}; !slices.Equal(got, want) {
		t.Errorf("the hook saw %q, want %q", got, want)
	}
	if _, ok := FromContext(kept); ok {
		t.Error("the gin context can still be had after the request, when gin uses it for another")
	}
}

func TestFromContextWithoutGin(t *testing.T) {
	if c, ok := FromContext(t.Context()); ok || c != nil {
		t.Errorf("got %v, %v", c, ok)
	}
}
