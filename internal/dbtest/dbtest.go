// Package dbtest gives every test a database of its own on SQLite and on PostgreSQL.
//
// SQLite lives in a file of the test's temporary folder. PostgreSQL is a fresh schema
// on the server named by the environment variable CHECKOUT_TEST_POSTGRES (a DSN), which
// `make test` sets; without it those tests are skipped and say so. Nothing is shared
// between tests, so all of them may call t.Parallel.
package dbtest

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// The dialects, spelled as GORM's drivers spell them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// EnvPostgres names the variable that holds the DSN of a throw-away PostgreSQL server.
const EnvPostgres = "CHECKOUT_TEST_POSTGRES"

// Dialects returns the names of both databases.
func Dialects() []string { return []string{SQLite, Postgres} }

// Each runs fn once per dialect, as a subtest named after it, on an empty database.
func Each(t *testing.T, fn func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	for _, dialect := range Dialects() {
		t.Run(dialect, func(t *testing.T) { fn(t, Open(t, dialect, nil)) })
	}
}

// Open makes an empty database and returns a handle on it. A nil cfg means GORM's
// defaults; a cfg without a Logger stays silent. Handle and database end with the test.
func Open(t testing.TB, dialect string, cfg *gorm.Config) *gorm.DB {
	t.Helper()
	switch dialect {
	case SQLite:
		return open(t, openSQLite(sqliteDSN(t.TempDir())), cfg)
	case Postgres:
		return open(t, openPostgres(newSchema(t, serverDSN(t))), cfg)
	}
	t.Fatalf("dbtest: unknown dialect %q", dialect)
	return nil
}

// OpenUnsynced is Open for tests that commit very often and stop no server: PostgreSQL does not wait for its disk. What
// one connection has committed, every other sees, as always.
func OpenUnsynced(t testing.TB, dialect string) *gorm.DB {
	t.Helper()
	db := Open(t, dialect, nil)
	if dialect == Postgres {
		db = OpenDSN(t, dialect, withParam(DSN(t, db), "synchronous_commit", "off"), nil)
	}
	return db
}

// OpenSQLiteIn makes an empty SQLite database in a folder of the caller's.
func OpenSQLiteIn(t testing.TB, dir string) *gorm.DB {
	t.Helper()
	return open(t, openSQLite(sqliteDSN(dir)), nil)
}

// Reopen returns one more handle, with a pool of its own, on the database behind db.
// It stands for a second process, or for a host with other GORM settings.
func Reopen(t testing.TB, db *gorm.DB, cfg *gorm.Config) *gorm.DB {
	t.Helper()
	return OpenDSN(t, db.Name(), DSN(t, db), cfg)
}

// OpenDSN returns a handle on the database behind a name that DSN has given, perhaps to another process.
func OpenDSN(t testing.TB, dialect, dsn string, cfg *gorm.Config) *gorm.DB {
	t.Helper()
	if dialect == SQLite {
		return open(t, openSQLite(dsn), cfg)
	}
	return open(t, openPostgres(dsn), cfg)
}

// DSN returns the data source name behind a handle made by this package. For
// PostgreSQL it carries the schema as search_path.
func DSN(t testing.TB, db *gorm.DB) string {
	t.Helper()
	dsn, ok := dsnOf(db.Dialector)
	if !ok {
		t.Fatalf("dbtest: %T was not opened by this package", db.Dialector)
	}
	return dsn
}

func open(t testing.TB, dialector gorm.Dialector, cfg *gorm.Config) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, quiet(cfg))
	if err != nil {
		t.Fatalf("dbtest: open %s: %v", dialector.Name(), err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatalf("dbtest: pool of %s: %v", dialector.Name(), err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Errorf("dbtest: close %s: %v", dialector.Name(), err)
		}
	})
	return db
}

// quiet copies cfg, because GORM's own default logger writes to the terminal.
func quiet(cfg *gorm.Config) *gorm.Config {
	silent := gorm.Config{}
	if cfg != nil {
		silent = *cfg
	}
	if silent.Logger == nil {
		silent.Logger = logger.Discard
	}
	return &silent
}

func serverDSN(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(EnvPostgres)
	if dsn == "" {
		t.Skipf("SKIPPED-NEEDS-POSTGRES: set %s to the DSN of a throw-away server, or run make test", EnvPostgres)
	}
	return dsn
}

// sqliteFile is the URI of a database in dir. A subtest that runs twice has a # in its folder's name, which would begin the
// URI's fragment and leave all of them one database outside.
func sqliteFile(dir string) string {
	return "file:" + (&url.URL{Path: filepath.Join(dir, "test.db")}).EscapedPath()
}
