package migrations

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// patience bounds how long Migrate keeps trying while others hold the database.
const patience = 30 * time.Second

// patiently repeats do while it fails because the database is busy. The pauses are
// random, so that replicas which started together do not collide again together.
func patiently(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(patience)
	var lastBusy error
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err, lastBusy)
		}
		if !busy(err) || time.Now().After(deadline) {
			return err
		}
		lastBusy = err
		wait(ctx, pause/2+rand.N(pause))
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// busy knows PostgreSQL's lock_not_available by its code, so that no driver needs to be
// imported, and SQLite's SQLITE_BUSY and SQLITE_LOCKED by the words both drivers share.
func busy(err error) bool {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState() == "55P03"
	}
	return strings.Contains(err.Error(), "is locked")
}
