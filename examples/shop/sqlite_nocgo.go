//go:build !cgo

package main

import (
	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

// openSQLite uses SQLite translated to Go, for machines without a C compiler. Its settings are those of the other build.
func openSQLite(path string) gorm.Dialector {
	return sqlite.Open(fileURI(path) + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate")
}
