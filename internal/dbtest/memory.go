package dbtest

import (
	"testing"

	"gorm.io/gorm"
)

// Memory makes an empty SQLite database in memory, for tests that need very many. It has one connection, as hosts of
// SQLite often allow no more. The second result closes it.
func Memory(t testing.TB) (*gorm.DB, func()) {
	t.Helper()
	db, err := gorm.Open(openSQLite(":memory:"), quiet(nil))
	if err != nil {
		t.Fatalf("dbtest: open memory: %v", err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatalf("dbtest: pool of memory: %v", err)
	}
	pool.SetMaxOpenConns(1)
	return db, func() {
		if err := pool.Close(); err != nil {
			t.Errorf("dbtest: close memory: %v", err)
		}
	}
}
