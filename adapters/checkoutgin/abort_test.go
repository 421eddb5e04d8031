package checkoutgin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestAbortBreaksTheConnectionOff runs behind gin.Recovery, which takes every panic for itself.
func TestAbortBreaksTheConnectionOff(t *testing.T) {
	gin.DefaultWriter, gin.DefaultErrorWriter = io.Discard, io.Discard
	for name, begun := range map[string]string{"before the body": "", "in the body": "id,amount\n1,25"} {
		t.Run(name, func(t *testing.T) {
			r := gin.Default()
			r.GET("/file", handle(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, begun)
				panic(http.ErrAbortHandler)
			})))
			server := httptest.NewServer(r)
			defer server.Close()
			resp, err := server.Client().Get(server.URL + "/file")
			if err == nil {
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
			}
			if err == nil {
				t.Errorf("the client takes the answer for a whole one: %d", resp.StatusCode)
			}
		})
	}
}

func TestOtherPanicsStayTheMiddlewares(t *testing.T) {
	for _, p := range []any{"a mistake", errors.New("a mistake"), http.ErrAbortHandler} { // a recorder cannot be hijacked
		r, said := gin.New(), any(nil)
		r.Use(func(c *gin.Context) { defer func() { said = recover() }(); c.Next() })
		r.GET("/", handle(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(p) })))
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if said != p {
			t.Errorf("the middleware got %v of %v", said, p)
		}
	}
}
