package checkout

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// The moments at which a call to the database can fail.
const (
	before = "before" // nothing has happened
	after  = "after"  // it has happened, and the answer is lost
)

// faults decides which calls to the database fail. A call is Begin, COMMIT, or a statement's text.
type faults struct {
	mu    sync.Mutex
	rule  func(call string) (moment string, err error)
	fired []string
	calls []string
}

const (
	callBegin  = "BEGIN"
	callCommit = "COMMIT"
)

// when sets the rule; nil heals the database.
func (f *faults) when(rule func(call string) (string, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule, f.fired, f.calls = rule, nil, nil
}

// once lets the first call that has this text fail.
func (f *faults) once(text, moment string, err error) {
	done := false
	f.when(func(call string) (string, error) {
		if done || !strings.Contains(call, text) {
			return "", nil
		}
		done = true
		return moment, err
	})
}

func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.fired)
}

func (f *faults) ask(call string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	if f.rule == nil {
		return "", nil
	}
	moment, err := f.rule(call)
	if err != nil {
		f.fired = append(f.fired, moment+" "+call)
	}
	return moment, err
}

// guard runs a call with the fault that is due for it.
func guard[T any](f *faults, call string, run func() (T, error)) (T, error) {
	moment, fault := f.ask(call)
	if fault != nil && moment == before {
		var zero T
		return zero, fault
	}
	result, err := run()
	if err == nil && fault != nil {
		if rows, ok := any(result).(*sql.Rows); ok {
			rows.Close() // the statement has run
		}
		err = fault
	}
	return result, err
}

// faultPool stands between GORM and the real pool.
type faultPool struct {
	*sql.DB
	f *faults
}

func (p *faultPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

func (p *faultPool) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	return guard(p.f, q, func() (sql.Result, error) { return p.DB.ExecContext(ctx, q, args...) })
}

func (p *faultPool) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	return guard(p.f, q, func() (*sql.Rows, error) { return p.DB.QueryContext(ctx, q, args...) })
}

// BeginTx whose answer is lost leaves no transaction behind: it ends with its connection.
func (p *faultPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	var tx *sql.Tx
	pool, err := guard(p.f, callBegin, func() (_ gorm.ConnPool, err error) {
		tx, err = p.DB.BeginTx(ctx, opts)
		return &faultTx{tx, p.f}, err
	})
	if err != nil && tx != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return pool, err
}

type faultTx struct {
	*sql.Tx
	f *faults
}

func (t *faultTx) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	return guard(t.f, q, func() (sql.Result, error) { return t.Tx.ExecContext(ctx, q, args...) })
}

func (t *faultTx) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	return guard(t.f, q, func() (*sql.Rows, error) { return t.Tx.QueryContext(ctx, q, args...) })
}

// Commit that fails before leaves nothing behind, as when the server dies.
func (t *faultTx) Commit() error {
	moment, fault := t.f.ask(callCommit)
	if fault == nil {
		return t.Tx.Commit()
	}
	if moment == before {
		if err := t.Tx.Rollback(); err != nil {
			return err
		}
		return fault
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return fault
}

// faulty puts faults between a handle and its database.
func faulty(t testing.TB, db *gorm.DB) *faults {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	f := &faults{}
	between := &faultPool{pool, f}
	db.ConnPool, db.Statement.ConnPool = between, between
	return f
}

// eachFaultyShop runs a body with a shop whose database can be made to fail.
func eachFaultyShop(t *testing.T, body func(t *testing.T, s *shop, f *faults), configure ...func(*Config)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		f := faulty(t, db)
		body(t, newShop(t, db, configure...), f)
	})
}

func TestFaultsReachEveryCall(t *testing.T) {
	eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
		f.when(nil)
		s.pay(s.create(seedBody), "4242424242424242")
		seen := map[string]bool{}
		for _, call := range f.calls {
			seen[strings.Fields(call)[0]] = true
		}
		want := map[string]bool{callBegin: true, callCommit: true, "INSERT": true, "UPDATE": true, "SELECT": true}
		if !reflect.DeepEqual(seen, want) {
			t.Errorf("the faults stand before %v", seen)
		}
	})
}
