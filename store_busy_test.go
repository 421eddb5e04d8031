package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// foreignWriter is another program that writes to the same SQLite file.
type foreignWriter struct {
	t    testing.TB
	take func(query string)
}

func newForeignWriter(t testing.TB, s *shop) *foreignWriter {
	t.Helper()
	pool, err := dbtest.Reopen(t, s.db, nil).DB()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &foreignWriter{t, func(query string) {
		if _, err := conn.ExecContext(context.Background(), query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}}
}

func (w *foreignWriter) lock()   { w.take("BEGIN IMMEDIATE") }
func (w *foreignWriter) unlock() { w.take("ROLLBACK") }

// lockFor holds the lock for d; the returned function waits until it is free.
func (w *foreignWriter) lockFor(d time.Duration) (free func()) {
	w.lock()
	done := make(chan struct{})
	time.AfterFunc(d, func() { w.unlock(); close(done) })
	return func() { <-done }
}

// impatientSQLite is a shop whose host has not set a busy timeout: SQLite says no at once.
func impatientSQLite(t *testing.T) *shop {
	db := dbtest.Open(t, dbtest.SQLite, nil)
	oneConnection(t, db)
	s := newShop(t, db)
	if err := db.Exec("PRAGMA busy_timeout = 0").Error; err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRequestsOutliveALockOfAnotherProgram(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *shop{
		"with a busy timeout":    func(t *testing.T) *shop { return newShop(t, dbtest.Open(t, dbtest.SQLite, nil)) },
		"without a busy timeout": impatientSQLite,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			w := newForeignWriter(t, s)
			id := s.create(seedBody)
			form := s.form(id, "4242424242424242")
			for what, request := range map[string]func() int{
				"create": func() int { return s.api("POST", "/sessions", seedBody).Code },
				"pay":    func() int { return s.post("/checkout/"+id, form).Code },
			} {
				free := w.lockFor(1500 * time.Millisecond)
				if code := request(); code != http.StatusCreated && code != http.StatusSeeOther {
					t.Errorf("%s answered %d", what, code)
				}
				free()
			}
			s.want(id, "completed", "paid")
		})
	}
}

func TestLockThatDoesNotEndIsAnsweredAndLeavesNothingHalfDone(t *testing.T) {
	s := impatientSQLite(t)
	s.co.store.patience = 200 * time.Millisecond
	w := newForeignWriter(t, s)
	id := s.create(seedBody)
	form := s.form(id, "4242424242424242")
	w.lock()
	create := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k1")
	if create.Code != http.StatusServiceUnavailable || !strings.Contains(create.Body.String(), "database_busy") || create.Header().Get("Retry-After") == "" {
		t.Errorf("create answered %d: %s", create.Code, create.Body)
	}
	if pay := s.post("/checkout/"+id, form); pay.Code != http.StatusServiceUnavailable {
		t.Errorf("pay answered %d", pay.Code)
	}
	if expire := s.api("POST", "/sessions/"+id+"/expire", ""); expire.Code != http.StatusServiceUnavailable {
		t.Errorf("expire answered %d", expire.Code)
	}
	if read := s.api("GET", "/sessions/"+id, ""); read.Code != http.StatusOK {
		t.Errorf("reading, which needs no lock, answered %d", read.Code)
	}
	w.unlock()
	s.wantAttempts(id)
	if n := s.count("sessions", "1 = 1"); n != 1 {
		t.Errorf("%d sessions", n)
	}
	s.post("/checkout/"+id, form)
	s.want(id, "completed", "paid")
	s.wantInvariants()
}

type stateError string

func (e stateError) Error() string    { return "SQLSTATE " + string(e) }
func (e stateError) SQLState() string { return string(e) }

func TestRetryRepeatsWhatPassesAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		repeats bool
		busy    bool
	}{
		{"SQLite's lock", errors.New("database is locked (5) (SQLITE_BUSY)"), true, true},
		{"serialization", fmt.Errorf("x: %w", stateError("40001")), true, true},
		{"deadlock", stateError("40P01"), true, true},
		{"server shuts down", stateError("57P01"), true, true},
		{"too many connections", stateError("53300"), true, true},
		{"lost connection", stateError("08006"), true, true},
		{"lock timeout", stateError("55P03"), true, true},
		{"lost answer to COMMIT", &commitError{errors.New("anything")}, true, true},
		{"SQLite's full disk", errors.New("database or disk is full (13)"), false, true},
		{"SQLite's broken disk", errors.New("disk I/O error"), false, true},
		{"duplicate", stateError("23505"), false, false},
		{"syntax", stateError("42601"), false, false},
		{"unknown", errors.New("strange"), false, false},
		{"client is gone", context.Canceled, false, false},
		{"out of time", fmt.Errorf("timeout: %w", context.DeadlineExceeded), false, true},
		{"refusal of the hook", &hookRefusal{context.DeadlineExceeded}, false, false},
		{"ours", ErrNotPending, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, calls := &store{patience: 20 * time.Millisecond}, 0
			err := s.retry(t.Context(), func() error { calls++; return c.err })
			if (calls > 1) != c.repeats || errors.Is(err, ErrDatabaseBusy) != c.busy || !errors.Is(err, c.err) {
				t.Errorf("%d calls, then %v", calls, err)
			}
			calls = 0
			err = s.retry(t.Context(), func() error {
				if calls++; calls == 1 {
					return c.err
				}
				return nil
			})
			if (err == nil) != c.repeats {
				t.Errorf("an error that happens once gives %v", err)
			}
		})
	}
}

func TestRetryLeavesTheHostsTransactionAlone(t *testing.T) {
	s, calls := &store{inHostTx: true, patience: time.Second}, 0
	err := s.retry(t.Context(), func() error { calls++; return stateError("40001") })
	if calls != 1 || errors.Is(err, ErrDatabaseBusy) {
		t.Errorf("%d calls, then %v", calls, err)
	}
}

func TestRetryStopsWhenTheCallerIsGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, calls := &store{patience: time.Hour}, 0
	err := s.retry(ctx, func() error { calls++; cancel(); return stateError("40001") })
	if calls != 1 || !errors.Is(err, ErrDatabaseBusy) {
		t.Errorf("%d calls, then %v", calls, err)
	}
}
