package main

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestTheCookieIsSecureWhereTheShopIs(t *testing.T) {
	gin.SetMode(gin.TestMode)
	for base, want := range map[string]bool{"http://localhost:8080": false, "https://shop.example": true} {
		l, w := newLogin(base), httptest.NewRecorder()
		r := gin.New()
		r.GET(loginPath, l.open)
		r.ServeHTTP(w, httptest.NewRequest("GET", loginPath+"?token="+l.link, nil))
		if cookies := w.Result().Cookies(); len(cookies) != 1 || cookies[0].Secure != want || !cookies[0].HttpOnly {
			t.Errorf("%s: cookies %v, want Secure %t", base, cookies, want)
		}
	}
}
