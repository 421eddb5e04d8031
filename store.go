package checkout

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// store holds every SQL statement of the module, in store*.go. The rules they follow:
//
//   - Plain SQL with parameters through the host's GORM, so that the host's naming, schema cache and error translation
//     do not matter while its plugins still see the calls.
//   - The first statement of a transaction is a write: on SQLite a transaction that reads first fails under load. For a
//     session this is [tx.lockSession], after which nothing else can change it.
//   - INSERT … ON CONFLICT DO NOTHING and a look at the affected rows, never insert-and-catch: a failed statement ends a
//     PostgreSQL transaction.
//   - Rows are read to their end before the next statement: the host may allow one connection only.
type store struct {
	host     *gorm.DB // as the host gave it, or its transaction
	inHostTx bool
	postgres bool
	names    *strings.Replacer
	texts    *sync.Map     // statement with {table} → statement with the table's name
	patience time.Duration // how long a busy database is tried
}

func (c *Checkout) setUpStore() error {
	p := c.cfg.TablePrefix
	var pairs []string
	for _, table := range []string{
		"settings", "keys", "sessions", "payments", "provider_events", "events", "endpoints", "deliveries", "refunds",
		"sandbox_charges", "sandbox_refunds", "transfers", "audit", "delivery_attempts", "documents", "document_series", "mails",
	} {
		pairs = append(pairs, "{"+table+"}", p+table)
	}
	c.store = &store{
		host:     c.cfg.DB,
		postgres: c.cfg.DB.Name() == "postgres",
		names:    strings.NewReplacer(pairs...),
		texts:    &sync.Map{},
		patience: busyLimit,
	}
	return nil
}

func (s *store) within(host *gorm.DB) *store {
	inside := *s
	inside.host, inside.inHostTx = host, true
	return &inside
}

// tx runs statements, inside a transaction or, from [store.direct], each on its own.
type tx struct {
	s    *store
	db   *gorm.DB // private session: own logger, no default transaction
	host *gorm.DB // the host's view of the same connection, for its hook
}

func (s *store) view(host *gorm.DB) tx {
	private := host.Session(&gorm.Session{NewDB: true, Logger: logger.Discard, SkipDefaultTransaction: true})
	return tx{s: s, db: private, host: host}
}

// direct runs single statements, each its own transaction.
func (s *store) direct(ctx context.Context) tx { return s.view(s.host.WithContext(ctx)) }

// transact runs fn in one transaction and repeats it while the database is busy. fn must bear being run again after a
// commit whose answer was lost: it re-reads, and finds its own work done.
func (s *store) transact(ctx context.Context, fn func(tx) error) error {
	return s.retry(ctx, func() error {
		finished := false
		err := s.host.WithContext(ctx).Transaction(func(host *gorm.DB) error {
			if err := fn(s.view(host)); err != nil {
				return err
			}
			finished = true
			return nil
		})
		if err != nil && finished {
			return commitFailed(err)
		}
		return err
	})
}

// commitFailed tells a COMMIT whose outcome is unknown from one that the server has refused: no constraint of ours is
// deferred, so what was refused is what the host's hook has written.
func commitFailed(err error) error {
	var state interface{ SQLState() string }
	if (errors.As(err, &state) && strings.HasPrefix(state.SQLState(), "23")) || strings.Contains(err.Error(), "constraint failed") {
		return &hookRefusal{err}
	}
	return &commitError{err}
}

// commitError is an error from COMMIT: the change may or may not be there.
type commitError struct{ err error }

func (e *commitError) Error() string { return "commit: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

const (
	busyTries = 6 // of a database that is not reachable; locks are tried until the limit
	busyLimit = 10 * time.Second
)

// retry repeats op while it fails for a reason that passes, for about ten seconds at most, and then says that the
// database is busy. Inside a transaction of the host nothing is repeated: what went wrong is the host's to see.
func (s *store) retry(ctx context.Context, op func() error) error {
	if s.inHostTx {
		return op()
	}
	start := time.Now()
	for try := 1; ; try++ {
		err := op()
		switch {
		case err == nil || !passing(err):
			return unreachable(err)
		case time.Since(start) > s.patience, try >= busyTries && !locked(err), !pause(ctx, backoff(try)):
			return ErrDatabaseBusy.because(err)
		}
	}
}

// unreachable names the failures that this process cannot wait out, but whose repeat may find another one or better
// times: a pool that the host has closed, a statement that took all of its time, and a disk on which SQLite cannot write.
func unreachable(err error) error {
	if err != nil && (errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "sql: database is closed") || diskTrouble(err)) {
		return ErrDatabaseBusy.because(err)
	}
	return err
}

// diskTrouble tells SQLite's words for a full, broken or read-only disk. PostgreSQL's are in passingState.
func diskTrouble(err error) bool {
	text := err.Error()
	return strings.Contains(text, "disk is full") || strings.Contains(text, "disk I/O error") || strings.Contains(text, "readonly database")
}

func backoff(try int) time.Duration {
	base := 10 * time.Millisecond << min(try, 5)
	return base/2 + rand.N(base)
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// passing tells failures that a repeat may cure: locks, lost connections, a server that is starting, and a COMMIT whose
// answer was lost. Drivers are recognised by what they say, because the core imports none.
func passing(err error) bool {
	var commit *commitError
	var network net.Error
	var state interface{ SQLState() string }
	switch {
	case errors.As(err, &commit):
		return true
	case errors.As(err, &state):
		return passingState(state.SQLState())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return true
	}
	text := err.Error()
	return locked(err) || strings.Contains(text, "conn closed") || strings.Contains(text, "failed to connect")
}

// locked tells SQLite's word for another writer. A host that has set no busy timeout hears it at once.
func locked(err error) bool {
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked") || strings.Contains(text, "SQLITE_BUSY")
}

// passingState reads SQLSTATE (PostgreSQL appendix A): 08 connection, 40 rollback, 53 resources, 55P03 lock, 57P shutdown.
func passingState(code string) bool {
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "40") || strings.HasPrefix(code, "53") ||
		strings.HasPrefix(code, "57P") || code == "55P03"
}

// aborted reports whether a statement was refused because one before it had failed (PostgreSQL's 25P02).
func aborted(err error) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && state.SQLState() == "25P02"
}

func (s *store) text(statement string) string {
	if named, ok := s.texts.Load(statement); ok {
		return named.(string)
	}
	named := s.names.Replace(statement)
	s.texts.Store(statement, named)
	return named
}

// writeFirst makes the first statement of a host's transaction a write, for verbs that have to look something up: on SQLite
// it takes the lock that a later write of a transaction that has read could not get any more. It changes nothing.
func (s *store) writeFirst(ctx context.Context) error {
	if !s.inHostTx {
		return nil
	}
	_, err := s.direct(ctx).exec(`UPDATE {settings} SET value = value WHERE name = 'write first'`)
	return err
}

// exec runs a statement and gives the number of rows it touched.
func (t tx) exec(statement string, args ...any) (int64, error) {
	res := t.db.Exec(t.s.text(statement), args...)
	return res.RowsAffected, res.Error
}

// one runs a statement that must touch exactly one row; touching none or more is a broken invariant.
func (t tx) one(statement string, args ...any) error {
	n, err := t.exec(statement, args...)
	if err == nil && n != 1 {
		err = errInvariant
	}
	return err
}

var errInvariant = errors.New("checkout: a statement that changes one row changed another number of rows")

// scanner is the part of sql.Rows that record readers use.
type scanner interface{ Scan(dest ...any) error }

// query reads all rows and closes them before it returns.
func (t tx) query(read func(scanner) error, statement string, args ...any) error {
	rows, err := t.db.Raw(t.s.text(statement), args...).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

// first reads one record and gives [ErrNotFound] when there is none.
func first[T any](t tx, read func(scanner) (T, error), statement string, args ...any) (T, error) {
	list, err := all(t, read, statement, args...)
	if err != nil || len(list) == 0 {
		var zero T
		if err == nil {
			err = ErrNotFound
		}
		return zero, err
	}
	return list[0], nil
}

func all[T any](t tx, read func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	var list []T
	err := t.query(func(row scanner) error {
		rec, err := read(row)
		list = append(list, rec)
		return err
	}, statement, args...)
	return list, err
}

func readText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// skipLocked lets replicas on PostgreSQL share due work without waiting for each other. SQLite has one writer anyway.
func (s *store) skipLocked() string {
	if s.postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// nullable turns the empty string into NULL.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// placeholders gives "?,?,?" for n parameters.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// setting reads a value that is made once: whoever comes first stores what make gives, everybody reads that.
func (s *store) setting(ctx context.Context, name string, make func() string) (string, error) {
	var value string
	err := s.retry(ctx, func() (err error) {
		t := s.direct(ctx)
		value, err = first(t, readText, `SELECT value FROM {settings} WHERE name = ?`, name)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if _, err := t.exec(`INSERT INTO {settings} (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, make()); err != nil {
			return err
		}
		value, err = first(t, readText, `SELECT value FROM {settings} WHERE name = ?`, name)
		return err
	})
	return value, err
}

// ping asks the database for nothing, to see whether it answers.
func (s *store) ping(ctx context.Context) error {
	_, err := all(s.direct(ctx), readText, `SELECT value FROM {settings} WHERE name = ?`, "ping")
	return err
}

// nextDue is when a worker will have something to do; the zero time when nothing waits. A webhook that somebody has
// leased waits for the lease's end: whoever it is may never come back. The lower bounds are true of every row: they let
// planners search the index of what is due.
func (s *store) nextDue(ctx context.Context, now time.Time) (next time.Time, err error) {
	for _, question := range []struct {
		text string
		args []any
	}{
		{`SELECT expires_at FROM {sessions} WHERE status = 'pending' AND expires_at >= 0
			AND NOT EXISTS (SELECT 1 FROM {payments} WHERE session_id = {sessions}.id AND state = 'open') ORDER BY expires_at LIMIT 1`, nil},
		{`SELECT next_poll_at FROM {payments} WHERE state = 'open' AND next_poll_at IS NOT NULL ORDER BY next_poll_at LIMIT 1`, nil},
		{`SELECT next_at FROM {refunds} WHERE state = 'pending' AND next_at >= 0 ORDER BY next_at LIMIT 1`, nil},
		{`SELECT d.next_at FROM {documents} d WHERE ` + documentIsReady + ` AND d.next_at >= 0 ORDER BY d.next_at LIMIT 1`, nil},
		{`SELECT m.next_at FROM {mails} m WHERE ` + mailIsReady + ` AND m.next_at >= 0 ORDER BY m.next_at LIMIT 1`, nil},
		{`SELECT previous_until FROM {endpoints} WHERE previous_until IS NOT NULL ORDER BY previous_until LIMIT 1`, nil},
		{`SELECT due FROM (SELECT (SELECT d.next_at FROM {deliveries} d WHERE d.endpoint_id = {endpoints}.id AND d.state = 'pending' AND d.lease_until = 0
				ORDER BY d.next_at LIMIT 1) AS due
			FROM {endpoints} WHERE status = 'enabled') AS waiting WHERE due IS NOT NULL ORDER BY due LIMIT 1`, nil},
		{`SELECT due FROM (SELECT (SELECT MIN(d.lease_until) FROM {deliveries} d WHERE d.endpoint_id = {endpoints}.id AND d.state = 'pending'
				AND d.next_at <= ? AND d.lease_until > 0) AS due
			FROM {endpoints} WHERE status = 'enabled') AS leased WHERE due IS NOT NULL ORDER BY due LIMIT 1`, []any{millis(now)}},
	} {
		at, err := first(s.direct(ctx), readMillis, question.text, question.args...)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return next, err
		}
		if err == nil && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

func readMillis(row scanner) (time.Time, error) {
	var ms int64
	err := row.Scan(&ms)
	return fromMillis(ms), err
}
