//go:build cgo

package dbtest

import (
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

func sqliteDSN(dir string) string {
	return sqliteFile(dir) + "?_journal_mode=WAL&_busy_timeout=5000"
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
