package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheAdminOpensWithAPrintedLinkThatWorksOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p := start(t, db)
		link := p.row("Admin")
		for _, path := range []string{"/admin/checkout/test", "/admin/checkout", "/admin/checkout/live/settings/keys"} {
			if a := p.get(path); a.status == http.StatusOK || a.location != "" && a.location != loginPath && !strings.HasSuffix(a.location, "admin/checkout/") {
				t.Errorf("%s is open without a login: %d to %q", path, a.status, a.location)
			}
		}
		for _, wrong := range []string{loginPath, loginPath + "?token=", loginPath + "?token=x", link + "x"} {
			p.shows(p.get(wrong), http.StatusForbidden, "The admin is closed", "Open the link")
		}
		if a := p.do(p.request(http.MethodHead, link, "")); a.status != http.StatusForbidden {
			t.Errorf("HEAD answers %d", a.status)
		}
		opened := p.get(link)
		cookie := (&http.Response{Header: opened.header}).Cookies()
		if opened.status != http.StatusSeeOther || opened.location != "/admin/checkout/" || len(cookie) != 1 {
			t.Fatalf("the link answers %d to %q with %v", opened.status, opened.location, cookie)
		}
		if c := cookie[0]; !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || !c.Expires.IsZero() || c.MaxAge != 0 || c.Secure {
			t.Errorf("the cookie is %v", c)
		}
		p.shows(p.get(link), http.StatusForbidden, "The admin is closed")
		with := []string{"Cookie", cookie[0].Name + "=" + cookie[0].Value}
		p.shows(p.get("/admin/checkout/test/settings/keys", with...), http.StatusOK, "Checkout API Keys", "Example shop", "Create key", "Shop owner")
		p.shows(p.get("/admin/checkout/test/settings/webhook", with...), http.StatusOK, "Checkout Webhook", p.row("Webhooks go to"))
		if a := p.get("/admin/checkout/test", "Cookie", adminCookie+"="); a.status == http.StatusOK {
			t.Error("an empty cookie opens the admin")
		}
		p.stop()

		again := start(t, db)
		if a := again.get("/admin/checkout/test", with...); a.status == http.StatusOK || again.row("Admin") == link {
			t.Errorf("the cookie of an earlier run answers %d", a.status)
		}
	})
}

func TestTheCookieKeepsToHTTPS(t *testing.T) {
	t.Parallel()
	l := newAdminLogin("https://shop.example")
	w := httptest.NewRecorder()
	if err := l.open(w, httptest.NewRequest(http.MethodGet, loginPath+"?token="+l.link, nil)); err != nil {
		t.Fatal(err)
	}
	if c := w.Result().Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("the cookies are %v", c)
	}
}
