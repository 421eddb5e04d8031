//go:build cgo

package main

import (
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// openSQLite uses SQLite itself, for which Go needs a C compiler. Transactions take the write lock when they begin: one
// that reads first and writes later would fail as soon as another has written.
func openSQLite(path string) gorm.Dialector {
	return sqlite.Open(fileURI(path) + "?_journal_mode=WAL&_busy_timeout=5000&_txlock=immediate&_foreign_keys=on")
}
