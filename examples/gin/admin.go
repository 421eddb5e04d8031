package main

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutgin"
)

const (
	loginPath   = "/admin/login"
	loginCookie = "gin_admin"
	userKey     = "user"
)

// login stands for what the host has already: it knows one person, whoever opens the printed link first, until the process
// ends.
type login struct {
	mu            sync.Mutex
	link, session string
	secure        bool // the cookie goes over https alone
}

func newLogin(base string) *login {
	return &login{link: rand.Text(), secure: strings.HasPrefix(base, "https://")}
}

// open is GET /admin/login?token=…; the link works once.
func (l *login) open(c *gin.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.link == "" || subtle.ConstantTimeCompare([]byte(c.Query("token")), []byte(l.link)) != 1 {
		c.String(http.StatusForbidden, "Open the link that was printed at the start. It works once.\n")
		return
	}
	l.link, l.session = "", rand.Text()
	http.SetCookie(c.Writer, &http.Cookie{Name: loginCookie, Value: l.session, Path: "/", HttpOnly: true, Secure: l.secure, SameSite: http.SameSiteLaxMode})
	c.Redirect(http.StatusSeeOther, "checkout/")
}

// know is middleware: it puts who is logged in where the handlers behind it look.
func (l *login) know(c *gin.Context) {
	cookie, err := c.Cookie(loginCookie)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.session != "" && subtle.ConstantTimeCompare([]byte(cookie), []byte(l.session)) == 1 {
		c.Set(userKey, "owner")
	}
}

// authorize asks the middleware, through the gin context of the request.
func authorize(r *http.Request) (checkout.Actor, checkout.Access, error) {
	c, ok := checkoutgin.FromContext(r.Context())
	if !ok || c.GetString(userKey) == "" {
		return checkout.Actor{}, checkout.AccessNone, checkout.LoginAt(loginPath)
	}
	return checkout.Actor{ID: c.GetString(userKey), Name: "Shop owner"}, checkout.AccessManage, nil
}
