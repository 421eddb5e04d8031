package e2e

import (
	"cmp"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutgin"
)

// mounting is one way to put the checkout on a router.
type mounting struct {
	name   string
	prefix string // of every address
	public string // path of BaseURL where it is not the prefix
	build  func(co *checkout.Checkout) http.Handler
	onMux  bool // a ServeMux sees the request first

	elsewhere []string // odd paths that the router's own settings lead out of the checkout
}

func (m mounting) publicPath() string { return cmp.Or(m.public, m.prefix) }

// reference is the mounting all others are held to.
var reference = mounting{name: "net/http", build: onServeMux}

var others = []mounting{
	{name: "StripPrefix", build: onStripPrefix, onMux: true},
	{name: "mux behind StripPrefix", prefix: "/stripped-prefix", build: onStrippedMux, onMux: true},
	{name: "gin engine", build: onGinEngine},
	{name: "gin group", prefix: "/group-prefix", build: onGinGroup("/group-prefix")},
	{name: "gin tenant group", prefix: "/tenant-prefix", build: onGinGroup("/:tenant")},
	{name: "gin group named like the page", prefix: "/checkout", build: onGinGroup("/checkout")},
	{name: "gin group named like the API", prefix: "/in/api/checkout/v1", build: onGinGroup("/in/api/checkout/v1")},
	{name: "gin group of another tenant", prefix: "/checkouts", public: "/other-tenant", build: onGinGroup("/:tenant")},
	{name: "gin with other settings", build: onOtherGin, elsewhere: []string{"{api}/..", "{api}/../x"}}, // RemoveExtraSlash cleans the path before it is looked up
	{name: "gin NoRoute", build: onGinNoRoute, onMux: true},
	{name: "chi", build: onChi},
	{name: "echo", build: onEcho},
}

func onServeMux(co *checkout.Checkout) http.Handler {
	mux := http.NewServeMux()
	co.Mount(mux)
	return mux
}

func onStripPrefix(co *checkout.Checkout) http.Handler {
	mux := http.NewServeMux()
	for path, h := range map[string]http.Handler{co.APIPath(): co.API(), co.PagePath(): co.Pages()} {
		stripped := http.StripPrefix(path, h)
		mux.Handle(path, stripped)
		mux.Handle(path+"/", stripped)
	}
	return mux
}

func onStrippedMux(co *checkout.Checkout) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/stripped-prefix/", http.StripPrefix("/stripped-prefix", onServeMux(co)))
	return mux
}

func newGin() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.LoggerWithWriter(io.Discard), gin.Recovery())
	return r
}

func onGinEngine(co *checkout.Checkout) http.Handler {
	r := newGin()
	checkoutgin.Mount(r, co)
	return r
}

func onGinGroup(path string) func(co *checkout.Checkout) http.Handler {
	return func(co *checkout.Checkout) http.Handler {
		r := newGin()
		checkoutgin.Mount(r.Group(path), co)
		return r
	}
}

func onOtherGin(co *checkout.Checkout) http.Handler {
	r := newGin()
	r.RedirectTrailingSlash, r.RedirectFixedPath, r.HandleMethodNotAllowed = false, true, true
	r.UseRawPath, r.RemoveExtraSlash = true, true
	checkoutgin.Mount(r, co)
	return r
}

func onGinNoRoute(co *checkout.Checkout) http.Handler {
	r := newGin()
	r.NoRoute(gin.WrapH(onServeMux(co)))
	return r
}

func onChi(co *checkout.Checkout) http.Handler {
	r := chi.NewRouter()
	r.Mount(co.APIPath(), co.API())
	r.Mount(co.PagePath(), co.Pages())
	return r
}

func onEcho(co *checkout.Checkout) http.Handler {
	e := echo.New()
	for path, h := range map[string]http.Handler{co.APIPath(): co.API(), co.PagePath(): co.Pages()} {
		e.Any(path, echo.WrapHandler(h))
		e.Any(path+"/*", echo.WrapHandler(h))
	}
	return e
}
