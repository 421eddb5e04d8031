package checkoutgin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/jopay/checkout"
)

// Router is where the checkout can be mounted: *gin.Engine or *gin.RouterGroup.
type Router interface {
	gin.IRouter
	BasePath() string
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Mount puts the API and the page of co on r, below [checkout.Checkout.APIPath] and [checkout.Checkout.PagePath]. It changes
// no setting of the engine. Call it once for each checkout, after r.Use: gin gives a route the middleware that is there
// already. In gin's debug mode the list of routes grows by some 270 lines, because what is not a route of ours is registered
// too, so that the checkout answers it and not gin.
//
// Like gin itself it panics at start-up on what could not work later: when r's base path is not that of co's BaseURL (a
// group's :tenant stands for any one segment; what a proxy in front takes off the path may be missing at its beginning), and
// when a route of the host is in the way, like /checkout/:step beside /checkout/:id.
//
// An engine with HandleMethodNotAllowed breaks off requests with a method that nobody has registered, like PROPFIND: gin's
// search for the allowed methods panics wherever words and parameters stand side by side, with or without the checkout.
func Mount(r Router, co *checkout.Checkout) {
	if err := checkBase(r.BasePath(), co.BaseURL()); err != nil {
		panic(err)
	}
	mount(r, co.APIPath(), "APIPath", co.APIRoutes(), co.API())
	mount(r, co.PagePath(), "PagePath", co.PageRoutes(), co.Pages())
}

// Admin puts the admin of co on r, below [checkout.Checkout.AdminPath]. Nobody gets in whom authorize does not let in; it
// gets a context that [FromContext] finds the gin context in, with what the middleware before it has set:
//
//	admins := r.Group("/", requireLogin)
//	checkoutgin.Admin(admins, co, func(r *http.Request) (checkout.Actor, checkout.Access, error) {
//		c, _ := checkoutgin.FromContext(r.Context())
//		user := c.MustGet("user").(User)
//		return checkout.Actor{ID: user.ID, Name: user.Name}, user.Access, nil
//	})
//
// What is said of [Mount] counts here too: the group's path must be that of BaseURL, and middleware must be there before.
func Admin(r Router, co *checkout.Checkout, authorize checkout.Authorize) {
	if err := checkBase(r.BasePath(), co.BaseURL()); err != nil {
		panic(err)
	}
	mount(r, co.AdminPath(), "AdminPath", co.AdminRoutes(), co.Admin(authorize))
}

func mount(r Router, path, field string, routes []string, h http.Handler) {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Errorf("checkoutgin: a route of the host is in the way below %s, rename it or set Config.%s: %v", path, field, p))
		}
	}()
	for _, pattern := range append(routes, fallbacks(routes)...) {
		r.Match(methods, path+pattern, handle(h))
	}
}

func handle(h http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, done := withGin(c)
		defer done()
		defer breakOff(c)
		h.ServeHTTP(c.Writer, c.Request.WithContext(ctx))
	}
}

// checkBase compares the path of a group with the path of BaseURL, from the end.
func checkBase(group, baseURL string) error {
	u, err := url.Parse(baseURL)
	if err != nil {
		return fmt.Errorf("checkoutgin: BaseURL: %w", err)
	}
	mine, public := segments(group), segments(u.Path)
	ok := len(mine) <= len(public)
	for i := 0; ok && i < len(mine); i++ {
		ok = sameSegment(mine[len(mine)-1-i], public[len(public)-1-i])
	}
	if !ok {
		return fmt.Errorf("checkoutgin: the group's base path %q does not belong to BaseURL %q: links to the page would miss it. "+
			"Mount on another group or set Config.BaseURL to end in %s", group, baseURL, group)
	}
	return nil
}

func sameSegment(group, public string) bool {
	return group == public || isParameter(group)
}

func segments(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
