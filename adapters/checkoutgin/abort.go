package checkoutgin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
)

// breakOff lets http.ErrAbortHandler reach the client: gin.Recovery would end the answer in good order, so that half a file
// looks whole. What cannot be hijacked, like HTTP/2, leaves the panic to the middleware.
func breakOff(c *gin.Context) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) || !closeConnection(c.Writer) {
		panic(p)
	}
	c.Abort()
}

// closeConnection goes below gin's own writer, which refuses to be hijacked once a body has begun.
func closeConnection(w http.ResponseWriter) bool {
	if own, ok := w.(gin.ResponseWriter); ok {
		own.WriteHeaderNow() // or gin does it afterwards, to a connection that is gone
	}
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return hijackAndClose(w)
		}
		w = outer.Unwrap()
	}
}

// hijackAndClose also says no where gin's writer panics, because what is below it cannot be hijacked.
func hijackAndClose(w http.ResponseWriter) (closed bool) {
	defer func() { closed = recover() == nil && closed }()
	h, ok := w.(http.Hijacker)
	if !ok {
		return false
	}
	conn, _, err := h.Hijack()
	return err == nil && conn.Close() == nil
}
