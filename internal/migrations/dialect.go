package migrations

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// A dialect holds what differs between the databases. The SQL texts take the prefix
// where they have a placeholder.
type dialect struct {
	name    string
	schemas bool // a prefix may name one
	record  string
	exists  string // one row: is the version table there, 0 or 1
	begin   func(prefix string) []string
}

var dialects = map[string]dialect{
	"sqlite": {
		name: "sqlite",
		record: `CREATE TABLE {{prefix}}migrations (
	version INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	checksum TEXT NOT NULL,
	applied_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
)`,
		exists: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '{{prefix}}migrations'`,
		begin:  beginSQLite,
	},
	"postgres": {
		name:    "postgres",
		schemas: true,
		record: `CREATE TABLE {{prefix}}migrations (
	version INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	checksum TEXT NOT NULL,
	applied_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
)`,
		// To_regclass alone answers from the connection's cache, which waiting for the
		// advisory lock does not refresh; reading a table does.
		exists: `SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('{{prefix}}migrations')`,
		begin:  beginPostgres,
	},
}

func dialectOf(name string) (dialect, error) {
	d, ok := dialects[name]
	if !ok {
		return dialect{}, fmt.Errorf(`migrations: dialect %q is not supported: use "sqlite" or "postgres"`, name)
	}
	return d, nil
}

// beginSQLite takes the write lock at once: a transaction that reads first and writes
// later is refused at its first write when another writer came between.
func beginSQLite(string) []string { return []string{"BEGIN IMMEDIATE"} }

// beginPostgres queues replicas on an advisory lock, where waiting is harmless, and
// lets no statement wait long for a table, since everyone behind it would wait too.
// The isolation level is named because under a stricter default the snapshot would be
// older than the lock.
func beginPostgres(prefix string) []string {
	key := fnv.New64a()
	key.Write([]byte("checkout migrations " + prefix))
	return []string{
		"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
		fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(key.Sum64())),
		"SET LOCAL lock_timeout = '3s'",
	}
}

func hasSchema(prefix string) bool { return strings.Contains(prefix, ".") }

func fill(text, prefix string) string {
	return strings.NewReplacer(
		"{{prefix}}", prefix,
		"{{index}}", strings.ReplaceAll(prefix, ".", "_"),
	).Replace(text)
}
