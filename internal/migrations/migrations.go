// Package migrations brings the checkout's tables in a host's database up to date.
//
// The SQL is numbered and kept per dialect: sqlite/0001_init.sql, postgres/0001_init.sql.
// Two placeholders stand for the table prefix: {{prefix}} before table names, and
// {{index}} before index names, where the dot of a schema prefix such as "pay." has
// become an underscore (an index lives in its table's schema and takes no schema name).
//
// What was applied is recorded in the table {{prefix}}migrations with a checksum. A file
// that has been released is therefore never edited; a change is a new number.
package migrations

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"regexp"

	"gorm.io/gorm"
)

//go:embed sqlite/*.sql postgres/*.sql
var embedded embed.FS

// Migrate applies the migrations that the database behind db lacks, all of them in one
// transaction. It may run twice, in many replicas at once, and be killed anywhere. Db is
// the host's plain handle, not a transaction; none of its GORM settings matter, since
// only its connection pool is used, and nothing is written to its logger.
//
// The prefix is put before every table name as it is: "checkout_", or "pay." for an
// existing PostgreSQL schema. A database migrated by a newer release is left alone; a
// migration whose text differs from the applied one is an error. When another writer
// holds the database, Migrate tries again for half a minute or until ctx ends.
func Migrate(ctx context.Context, db *gorm.DB, prefix string) error {
	return migrate(ctx, db, embedded, prefix)
}

// Schema returns the SQL of all migrations for a host that runs its own migration tool.
// It also records them as applied, so that Migrate finds nothing left to do. The dialect
// is "sqlite" or "postgres".
func Schema(dialect, prefix string) (string, error) {
	return schema(embedded, dialect, prefix)
}

func migrate(ctx context.Context, db *gorm.DB, files fs.FS, prefix string) error {
	plan, err := newPlan(files, db.Name(), prefix)
	if err != nil {
		return err
	}
	if _, inTransaction := db.Statement.ConnPool.(gorm.TxCommitter); inTransaction {
		return fmt.Errorf("migrations: the handle is a transaction: pass the database handle itself")
	}
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("migrations: the handle has no connection pool: %w", err)
	}
	return patiently(ctx, func() error { return plan.run(ctx, pool) })
}

func schema(files fs.FS, dialect, prefix string) (string, error) {
	plan, err := newPlan(files, dialect, prefix)
	if err != nil {
		return "", err
	}
	return plan.text(), nil
}

// Lower case only, because unquoted names are folded by PostgreSQL but GORM quotes
// them. The length leaves room for index names within PostgreSQL's 63 bytes.
var prefixes = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,29}\.)?([a-z_][a-z0-9_]{0,29})?$`)

func checkPrefix(d dialect, prefix string) error {
	if prefix == "" || !prefixes.MatchString(prefix) {
		return fmt.Errorf("migrations: table prefix %q: use lower-case letters, digits and underscores, such as "+
			`"checkout_", or "pay." for a PostgreSQL schema`, prefix)
	}
	if !d.schemas && hasSchema(prefix) {
		return fmt.Errorf("migrations: table prefix %q: %s has no schemas, use a prefix without a dot", prefix, d.name)
	}
	return nil
}
