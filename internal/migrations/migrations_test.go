package migrations

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jopay/checkout/internal/dbtest"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	gormschema "gorm.io/gorm/schema"
)

const (
	initSQL = `-- Two things; a semicolon in a comment;
CREATE TABLE {{prefix}}sessions (
	id TEXT PRIMARY KEY, -- opaque
	note TEXT NOT NULL DEFAULT 'a -- b'
);
CREATE INDEX {{index}}sessions_note ON {{prefix}}sessions (note);
`
	moreSQL   = "CREATE TABLE {{prefix}}events (id TEXT PRIMARY KEY);\nALTER TABLE {{prefix}}sessions ADD COLUMN total BIGINT;\n"
	brokenSQL = "CREATE TABLE {{prefix}}events (id TEXT PRIMARY KEY);\nALTER TABLE {{prefix}}nowhere ADD COLUMN total BIGINT;\n"
)

// files puts the texts, numbered from 1, into the folders of both dialects.
func files(texts ...string) fs.FS {
	out := fstest.MapFS{}
	for i, text := range texts {
		for _, dialect := range dbtest.Dialects() {
			out[fmt.Sprintf("%s/%04d_step.sql", dialect, i+1)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return out
}

func TestMigrateTwiceAndThenMore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		mustMigrate(t, db, files(initSQL), "checkout_")
		before := appliedAt(t, db, "checkout_")
		mustMigrate(t, db, files(initSQL), "checkout_")
		if diff := cmp.Diff(before, appliedAt(t, db, "checkout_")); diff != "" {
			t.Errorf("a second run changed the record:\n%s", diff)
		}
		mustMigrate(t, db, files(initSQL, moreSQL), "checkout_")
		mustExec(t, db, "INSERT INTO checkout_sessions (id, total) VALUES ('a', 1)")
		if got := len(appliedAt(t, db, "checkout_")); got != 2 {
			t.Errorf("%d versions are recorded, want 2", got)
		}
	})
}

func TestMigrateFromSixteenHandlesAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		if err := sixteenAtOnce(t, db, func(handle *gorm.DB) error {
			return migrate(t.Context(), handle, files(initSQL, moreSQL), "checkout_")
		}); err != nil {
			t.Error(err)
		}
		if got := len(appliedAt(t, db, "checkout_")); got != 2 {
			t.Errorf("%d versions are recorded, want 2", got)
		}
	})
}

// With a busy timeout in the DSN, replicas queue for the write lock and no second
// attempt is needed; a transaction that began by reading would be refused.
func TestReplicasQueueForTheLock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		if err := sixteenAtOnce(t, db, func(handle *gorm.DB) error {
			return runOnce(t, handle, initSQL)
		}); err != nil {
			t.Error(err)
		}
	})
}

// sixteenAtOnce runs do on sixteen handles, as replicas that start together would.
func sixteenAtOnce(t *testing.T, db *gorm.DB, do func(*gorm.DB) error) error {
	t.Helper()
	const replicas = 16
	errs := make([]error, replicas)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range replicas {
		handle := dbtest.Reopen(t, db, nil)
		wg.Go(func() {
			<-start
			errs[i] = do(handle)
		})
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}

func TestTwoPrefixesKeepSeparateTables(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		mustMigrate(t, db, files(initSQL), "a_")
		mustMigrate(t, db, files(initSQL), "b_")
		mustExec(t, db, "INSERT INTO a_sessions (id) VALUES ('only in a')")
		if got := count(t, db, "b_sessions"); got != 0 {
			t.Errorf("b_sessions has %d rows, want 0", got)
		}
	})
}

func TestPrefixNamesAPostgresSchema(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t, dbtest.Postgres, nil)
	var own string
	if err := db.Raw("SELECT current_schema()").Scan(&own).Error; err != nil {
		t.Fatal(err)
	}
	// Both prefixes lead into the test's own schema, which ends with the test.
	for _, prefix := range []string{own + ".", own + ".x_"} {
		mustMigrate(t, db, files(initSQL), prefix)
		mustMigrate(t, db, files(initSQL), prefix)
		if got := count(t, db, prefix+"migrations"); got != 1 {
			t.Errorf("%q: %d versions are recorded, want 1", prefix, got)
		}
	}
}

func TestFailureInTheMiddleLeavesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		err := migrate(t.Context(), db, files(initSQL, brokenSQL), "checkout_")
		if err == nil || !strings.Contains(err.Error(), "0002_step, statement 2") {
			t.Fatalf("error %v does not name the statement", err)
		}
		for _, table := range []string{"migrations", "sessions", "events"} {
			if err := db.Exec("SELECT 1 FROM checkout_" + table).Error; err == nil {
				t.Errorf("checkout_%s was left behind", table)
			}
		}
		mustMigrate(t, db, files(initSQL, moreSQL), "checkout_")
	})
}

func TestHostSettingsDoNotMatter(t *testing.T) {
	t.Parallel()
	configs := map[string]gorm.Config{
		"naming":     {NamingStrategy: gormschema.NamingStrategy{TablePrefix: "app_", SingularTable: true, NoLowerCase: true}},
		"prepared":   {PrepareStmt: true, SkipDefaultTransaction: true, QueryFields: true},
		"translated": {TranslateError: true, DisableNestedTransaction: true},
		"dry run":    {DryRun: true},
	}
	for name, cfg := range configs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, plain *gorm.DB) {
				db := dbtest.Reopen(t, plain, &cfg)
				oneConnection(t, db)
				for range 2 {
					mustMigrate(t, db, files(initSQL, moreSQL), "checkout_")
				}
				if got := count(t, plain, "checkout_migrations"); got != 2 {
					t.Errorf("%d versions are recorded, want 2", got)
				}
			})
		})
	}
}

func TestHostLoggerHearsNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, plain *gorm.DB) {
		var heard bytes.Buffer
		db := dbtest.Reopen(t, plain, &gorm.Config{
			Logger: logger.New(log.New(&heard, "", 0), logger.Config{LogLevel: logger.Info}),
		})
		mustMigrate(t, db, files(initSQL), "checkout_")
		if heard.Len() > 0 {
			t.Errorf("the host's log received:\n%s", &heard)
		}
	})
}

func TestChangedMigrationIsAnError(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		mustMigrate(t, db, files(initSQL), "checkout_")
		err := migrate(t.Context(), db, files(initSQL+"-- edited\n"), "checkout_")
		if err == nil || !strings.Contains(err.Error(), "0001_step was changed") {
			t.Errorf("error %v does not say that 0001_step was changed", err)
		}
	})
}

func TestNewerDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		mustMigrate(t, db, files(initSQL, moreSQL), "checkout_")
		mustMigrate(t, db, files(initSQL), "checkout_")
	})
}

func TestMigrateStopsWithItsContext(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := migrate(ctx, db, files(initSQL), "checkout_"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
		mustMigrate(t, db, files(initSQL), "checkout_")
	})
}

func TestMigrateRefusesATransaction(t *testing.T) {
	t.Parallel()
	for _, prepared := range []bool{false, true} {
		db := dbtest.Open(t, dbtest.SQLite, &gorm.Config{PrepareStmt: prepared})
		err := db.Transaction(func(tx *gorm.DB) error { return migrate(t.Context(), tx, files(initSQL), "checkout_") })
		if err == nil || !strings.Contains(err.Error(), "is a transaction") {
			t.Errorf("PrepareStmt %t: error %v, want one about the transaction", prepared, err)
		}
	}
}

// runOnce is migrate without its patience.
func runOnce(t *testing.T, db *gorm.DB, texts ...string) error {
	t.Helper()
	plan, err := newPlan(files(texts...), db.Name(), "checkout_")
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return plan.run(t.Context(), pool)
}

func mustMigrate(t *testing.T, db *gorm.DB, files fs.FS, prefix string) {
	t.Helper()
	if err := migrate(t.Context(), db, files, prefix); err != nil {
		t.Fatal(err)
	}
}

func mustExec(t *testing.T, db *gorm.DB, statement string) {
	t.Helper()
	if err := db.Exec(statement).Error; err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func oneConnection(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
}

func count(t *testing.T, db *gorm.DB, table string) (n int64) {
	t.Helper()
	if err := db.Raw("SELECT count(*) FROM " + table).Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func appliedAt(t *testing.T, db *gorm.DB, prefix string) (times []time.Time) {
	t.Helper()
	if err := db.Raw("SELECT applied_at FROM " + prefix + "migrations ORDER BY version").Scan(&times).Error; err != nil {
		t.Fatal(err)
	}
	return times
}
