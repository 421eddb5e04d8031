package checkout

import (
	"context"
	"errors"
	"fmt"
)

// publish writes an event, lets the host write along and queues the event's deliveries: in this order, because a
// PostgreSQL transaction in which the hook has swallowed an error refuses the next statement.
func (c *Checkout) publish(ctx context.Context, t tx, e Event, hook bool) (int64, error) {
	if err := t.insertEvent(e); err != nil {
		return 0, err
	}
	if hook && c.cfg.OnEvent != nil {
		if err := c.callHook(ctx, t, e); err != nil {
			return 0, &hookRefusal{err}
		}
	}
	queued, err := t.insertDeliveries(e, c.now())
	if aborted(err) {
		err = &hookRefusal{errHookAborted}
	}
	return queued, err
}

// hookRefusal is a no of the host's hook, kept apart from failures of the database.
type hookRefusal struct{ err error }

func (h *hookRefusal) Error() string { return "OnEvent: " + h.err.Error() }

// hookSkipped says when enough is enough: the money has moved, and the books must say so.
func (c *Checkout) hookSkipped(refusals int) bool {
	return c.cfg.OnEvent != nil && refusals >= maxHookRefusals
}

var errHookAborted = errors.New("a statement of the hook failed and the hook did not say so: the transaction is lost")

// callHook contains the host's panics: they must not end a worker. The time limit is the transaction's own.
func (c *Checkout) callHook(ctx context.Context, t tx, e Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if err := c.cfg.OnEvent(ctx, t.host, e); err != nil {
		return err
	}
	return ctx.Err()
}
