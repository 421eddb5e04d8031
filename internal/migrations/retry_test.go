package migrations

import (
	"context"
	"errors"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
	"gorm.io/gorm"
)

var errLocked = errors.New("database is locked")

func TestPatientlyTriesAgainWhileBusy(t *testing.T) {
	t.Parallel()
	final := errors.New("no such table")
	tests := []struct {
		name    string
		answers []error
		want    error
		calls   int
	}{
		{"at once", []error{nil}, nil, 1},
		{"busy twice", []error{errLocked, errLocked, nil}, nil, 3},
		{"another error", []error{final}, final, 1},
		{"busy, then another error", []error{errLocked, final}, final, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := patiently(t.Context(), func() error {
				calls++
				return tt.answers[calls-1]
			})
			if !errors.Is(err, tt.want) || calls != tt.calls {
				t.Errorf("error %v after %d calls, want %v after %d", err, calls, tt.want, tt.calls)
			}
		})
	}
}

func TestPatienceEndsWithTheContextAndNamesTheCause(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := patiently(ctx, func() error {
		if calls++; calls == 1 {
			return errLocked
		}
		cancel()
		return errors.New("connection closed")
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errLocked) {
		t.Errorf("error %v, want the context's and the lock's", err)
	}
}

func TestMigrateWaitsForAnotherWriter(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		mustMigrate(t, db, files(initSQL), "checkout_")
		replica := dbtest.Reopen(t, db, nil)
		oneConnection(t, replica)
		if db.Name() == dbtest.SQLite {
			mustExec(t, replica, "PRAGMA busy_timeout = 0") // so that only our own patience can help
		}
		writer := db.Begin()
		mustExec(t, writer, "INSERT INTO checkout_sessions (id) VALUES ('a')")
		if err := runOnce(t, replica, initSQL, moreSQL); err == nil || !busy(err) {
			t.Errorf("while the writer holds its lock: %v, want an error that means busy", err)
		}
		done := make(chan error, 1)
		go func() { done <- migrate(t.Context(), replica, files(initSQL, moreSQL), "checkout_") }()
		if err := writer.Commit().Error; err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
