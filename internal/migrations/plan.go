package migrations

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io/fs"
	"strings"
)

// A plan is the list of migrations for one database and one prefix.
type plan struct {
	dialect    dialect
	prefix     string
	migrations []migration
	failpoint  func(name string) // nil in production; tests stop the process where it is called
}

// reached tells a test that the work has come to a named point.
func (p plan) reached(point string) {
	if p.failpoint != nil {
		p.failpoint(point)
	}
}

func newPlan(files fs.FS, dialectName, prefix string) (plan, error) {
	d, err := dialectOf(dialectName)
	if err != nil {
		return plan{}, err
	}
	if err := checkPrefix(d, prefix); err != nil {
		return plan{}, err
	}
	migrations, err := load(files, d.name)
	return plan{dialect: d, prefix: prefix, migrations: migrations}, err
}

// run looks first without a lock, so that a replica that starts on a database which is
// up to date neither waits nor needs the right to change tables.
func (p plan) run(ctx context.Context, pool *sql.DB) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrations: connect: %w", err)
	}
	defer conn.Close()
	_, missing, err := p.missing(ctx, conn)
	if err != nil || len(missing) == 0 {
		return err
	}
	return p.transaction(ctx, conn)
}

// transaction speaks SQL instead of using sql.Tx, which cannot begin immediately.
func (p plan) transaction(ctx context.Context, conn *sql.Conn) error {
	if err := p.begin(ctx, conn); err != nil {
		return err
	}
	if err := p.apply(ctx, conn); err != nil {
		rollback(ctx, conn)
		return err
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		rollback(ctx, conn)
		return fmt.Errorf("migrations: commit: %w", err)
	}
	p.reached("migrate.committed")
	return nil
}

func (p plan) begin(ctx context.Context, conn *sql.Conn) error {
	for i, statement := range p.dialect.begin(p.prefix) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			// A refused BEGIN leaves nothing to undo; an interrupted one may.
			if i > 0 || ctx.Err() != nil {
				rollback(ctx, conn)
			}
			return fmt.Errorf("migrations: %s: %w", statement, err)
		}
	}
	return nil
}

// rollback must also work when ctx has ended. Where it fails, the connection may still
// be inside the transaction and is thrown away instead of going back to the host's pool.
func rollback(ctx context.Context, conn *sql.Conn) {
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

func (p plan) apply(ctx context.Context, conn *sql.Conn) error {
	recorded, missing, err := p.missing(ctx, conn)
	if err != nil {
		return err
	}
	if !recorded {
		if _, err := conn.ExecContext(ctx, fill(p.dialect.record, p.prefix)); err != nil {
			return fmt.Errorf("migrations: create %smigrations: %w", p.prefix, err)
		}
	}
	for _, m := range missing {
		if err := p.applyOne(ctx, conn, m); err != nil {
			return err
		}
	}
	p.reached("migrate.last")
	return nil
}

func (p plan) applyOne(ctx context.Context, conn *sql.Conn, m migration) error {
	for i, statement := range m.statements {
		if _, err := conn.ExecContext(ctx, fill(statement, p.prefix)); err != nil {
			return fmt.Errorf("migrations: %04d_%s, statement %d: %w", m.version, m.name, i+1, err)
		}
		p.reached("migrate.statement")
	}
	return nil
}

// missing returns whether the version table is there, and what it lacks. Versions it
// has beyond our own belong to a newer release that is being rolled out.
func (p plan) missing(ctx context.Context, conn *sql.Conn) (recorded bool, missing []migration, err error) {
	var tables int
	if err := conn.QueryRowContext(ctx, fill(p.dialect.exists, p.prefix)).Scan(&tables); err != nil {
		return false, nil, fmt.Errorf("migrations: look for %smigrations: %w", p.prefix, err)
	}
	if tables == 0 {
		return false, p.migrations, nil
	}
	applied, err := p.applied(ctx, conn)
	if err != nil {
		return true, nil, fmt.Errorf("migrations: read %smigrations: %w", p.prefix, err)
	}
	for _, m := range p.migrations {
		checksum, done := applied[m.version]
		if done && checksum != m.checksum {
			return true, nil, fmt.Errorf("migrations: %04d_%s was changed after it was applied to %s* (applied %.12s, now %.12s): "+
				"restore the file and add a new number", m.version, m.name, p.prefix, checksum, m.checksum)
		}
		if !done {
			missing = append(missing, m)
		}
	}
	return true, missing, nil
}

func (p plan) applied(ctx context.Context, conn *sql.Conn) (map[int]string, error) {
	rows, err := conn.QueryContext(ctx, fill("SELECT version, checksum FROM {{prefix}}migrations", p.prefix))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := map[int]string{}
	for rows.Next() {
		var version int
		var checksum string
		if err := rows.Scan(&version, &checksum); err != nil {
			return nil, err
		}
		applied[version] = checksum
	}
	return applied, rows.Err()
}

func (p plan) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s;\n", fill(p.dialect.record, p.prefix))
	for _, m := range p.migrations {
		fmt.Fprintf(&out, "\n-- %04d_%s\n", m.version, m.name)
		for _, statement := range m.statements {
			fmt.Fprintf(&out, "%s;\n", fill(statement, p.prefix))
		}
	}
	return out.String()
}
