package checkout

import (
	"context"
	"sync"
	"time"

	"github.com/jopay/checkout/webhook"
)

// wantsCache remembers for two seconds whether an endpoint of a mode wants to hear of new sessions. Most hosts have none,
// and a create stays one statement.
type wantsCache struct {
	mu     sync.Mutex
	byMode map[Mode]wanted
}

type wanted struct {
	yes   bool
	until time.Time
}

func (w *wantsCache) get(m Mode, now time.Time) (yes, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.byMode[m]
	return e.yes, ok && now.Before(e.until)
}

func (w *wantsCache) put(m Mode, yes bool, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byMode == nil {
		w.byMode = map[Mode]wanted{}
	}
	w.byMode[m] = wanted{yes, until}
}

func (w *wantsCache) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.byMode)
}

// wantsCreated does not keep a session from being made: when the database does not say, nobody hears of it.
func (c *Checkout) wantsCreated(ctx context.Context, m Mode) bool {
	now := c.now()
	if yes, known := c.shared.created.get(m, now); known {
		return yes
	}
	yes, err := c.store.direct(ctx).wantsEvent(m, webhook.SessionCreated)
	if err != nil {
		c.cfg.Logger.WarnContext(ctx, "checkout: whether an endpoint wants new sessions is not known", "error", err)
		return false
	}
	c.shared.created.put(m, yes, now.Add(keyCacheTime))
	return yes
}
