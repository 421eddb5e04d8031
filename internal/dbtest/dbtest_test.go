package dbtest_test

import (
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

func TestEachGivesAnEmptyDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				// The same table twice would fail if two tests shared a database.
				mustExec(t, db, "CREATE TABLE things (id INTEGER PRIMARY KEY)")
				mustExec(t, db, "INSERT INTO things (id) VALUES (1)")
			})
		})
	}
}

func TestReopenSeesTheSameDatabase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		mustExec(t, db, "CREATE TABLE things (id INTEGER PRIMARY KEY)")
		other := dbtest.Reopen(t, db, &gorm.Config{
			PrepareStmt:    true,
			NamingStrategy: schema.NamingStrategy{TablePrefix: "app_"},
		})
		mustExec(t, other, "INSERT INTO things (id) VALUES (7)")
		var id int
		if err := db.Raw("SELECT id FROM things").Scan(&id).Error; err != nil || id != 7 {
			t.Errorf("the first handle reads %d, %v; want 7", id, err)
		}
	})
}

func TestSQLiteIsSetUpLikeACarefulHost(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t, dbtest.SQLite, nil)
	for pragma, want := range map[string]string{"journal_mode": "wal", "busy_timeout": "5000"} {
		var got string
		if err := db.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func mustExec(t *testing.T, db *gorm.DB, statement string) {
	t.Helper()
	if err := db.Exec(statement).Error; err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
