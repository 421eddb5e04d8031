package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// comeBack is how long code of the host may take to return after its time is up.
const comeBack = 2 * time.Second

var errTooLate = errors.New("it did not come back in time")

// outlast calls code of the host. Whoever panics, or does not end with ctx, costs this call only: it is left behind.
func outlast[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	answer := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("panic: %v", p)
			}
			answer <- r
		}()
		r.value, r.err = call(ctx)
	}()
	select {
	case r := <-answer:
		return r.value, r.err
	case <-ctx.Done():
	}
	late := time.NewTimer(comeBack)
	defer late.Stop()
	select {
	case r := <-answer:
		return r.value, r.err
	case <-late.C:
		return result{}.value, errTooLate
	}
}
