//go:build !cgo

package dbtest

import (
	"github.com/glebarez/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func sqliteDSN(dir string) string {
	return sqliteFile(dir) + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"
}

func openSQLite(dsn string) gorm.Dialector { return sqlite.Open(dsn) }

func dsnOf(dialector gorm.Dialector) (string, bool) {
	switch d := dialector.(type) {
	case *sqlite.Dialector:
		return d.DSN, true
	case *postgres.Dialector:
		return d.DSN, true
	}
	return "", false
}
