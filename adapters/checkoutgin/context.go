package checkoutgin

import (
	"context"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

type contextKey struct{}

// holder lets go of the gin context when the request is over, because gin uses it again for another request.
type holder struct{ c atomic.Pointer[gin.Context] }

func withGin(c *gin.Context) (ctx context.Context, done func()) {
	h := &holder{}
	h.c.Store(c)
	return context.WithValue(c.Request.Context(), contextKey{}, h), func() { h.c.Store(nil) }
}

// FromContext gives the gin context of the request that a hook like OnEvent runs for: what middleware has put there with
// c.Set is not in the request's own context. It is false where there is none: in the workers, and after the request. Use it
// within the hook's own goroutine and do not answer the request through it.
func FromContext(ctx context.Context) (*gin.Context, bool) {
	h, ok := ctx.Value(contextKey{}).(*holder)
	if !ok {
		return nil, false
	}
	c := h.c.Load()
	return c, c != nil
}
