package dbtest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the database/sql driver "pgx"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func openPostgres(dsn string) gorm.Dialector { return postgres.Open(dsn) }

// newSchema makes a schema that ends with the test and returns a DSN that leads into
// it. A schema is used rather than a database because it costs a fraction of the time.
func newSchema(t testing.TB, server string) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text())
	run(t, server, "CREATE SCHEMA "+name)
	t.Cleanup(func() {
		// A forgotten transaction must fail the test, not hang it.
		run(t, withParam(server, "lock_timeout", "10s"), "DROP SCHEMA "+name+" CASCADE")
	})
	return withParam(server, "search_path", name)
}

// run uses a connection of its own and closes it, so that tests that look for leaked
// goroutines find none of this package.
func run(t testing.TB, dsn, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatalf("dbtest: open the server: %v", err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Errorf("dbtest: %s: %v", statement, err)
	}
}

// withParam adds a run-time parameter to either form of DSN, URL or key=value.
func withParam(dsn, key, value string) string {
	if !strings.Contains(dsn, "://") {
		return dsn + " " + key + "=" + value
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // the driver reports it in its own words
	}
	query := u.Query()
	query.Set(key, value)
	u.RawQuery = query.Encode()
	return u.String()
}
