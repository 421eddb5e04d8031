package main

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"

	"github.com/jopay/checkout"
)

const (
	loginPath   = "/admin/login"
	adminCookie = "finch_admin"
)

// adminLogin lets one person into the admin: whoever opens the link that was printed. A real shop asks its own login here.
// Nothing of it outlives the process.
type adminLogin struct {
	secure bool // buyers come over https, so the cookie goes nowhere else

	mu      sync.Mutex
	link    string // the token of the link; empty once it was used
	session string // the value of the cookie; empty until then
}

func newAdminLogin(base string) *adminLogin {
	return &adminLogin{secure: strings.HasPrefix(base, "https:"), link: rand.Text()}
}

func mountAdmin(mux *http.ServeMux, co *checkout.Checkout, l *adminLogin, s *shop) {
	admin := co.Admin(l.authorize)
	mux.Handle(co.AdminPath(), admin)
	mux.Handle(co.AdminPath()+"/", admin)
	mux.HandleFunc("GET "+loginPath, s.page(l.open))
}

// open is GET /admin/login?token=…: the first who comes with the token gets the cookie.
func (l *adminLogin) open(w http.ResponseWriter, r *http.Request) error {
	session := ""
	if r.Method == http.MethodGet { // what only looks, like HEAD, does not use the link up
		session = l.redeem(r.URL.Query().Get("token"))
	}
	if session == "" {
		return render(w, http.StatusForbidden, "message", message{"The admin is closed", "Open the link that the shop printed when it started. It works once; start the shop again for another one."})
	}
	http.SetCookie(w, &http.Cookie{Name: adminCookie, Value: session, Path: "/", HttpOnly: true, Secure: l.secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "checkout/", http.StatusSeeOther)
	return nil
}

func (l *adminLogin) redeem(token string) (session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.link == "" || subtle.ConstantTimeCompare([]byte(token), []byte(l.link)) != 1 {
		return ""
	}
	l.link, l.session = "", rand.Text()
	return l.session
}

// authorize knows the person by the cookie. It is all that a host writes for the admin.
func (l *adminLogin) authorize(r *http.Request) (checkout.Actor, checkout.Access, error) {
	cookie, err := r.Cookie(adminCookie)
	if err != nil || !l.knows(cookie.Value) {
		return checkout.Actor{}, checkout.AccessNone, checkout.LoginAt(loginPath)
	}
	return checkout.Actor{ID: "owner", Name: "Shop owner"}, checkout.AccessManage, nil
}

func (l *adminLogin) knows(session string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session != "" && subtle.ConstantTimeCompare([]byte(session), []byte(l.session)) == 1
}
