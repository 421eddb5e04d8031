package migrations

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// envChild makes the test binary migrate a database and die on the way. Its value is a killTask in JSON.
const envChild = "CHECKOUT_MIGRATION_CHILD"

// killTask is where a process dies: at the n-th passage of a point.
type killTask struct {
	Dialect, DSN, Point string
	Nth                 int
}

func TestMain(m *testing.M) {
	if task := os.Getenv(envChild); task != "" {
		if err := migrateAndDie(task); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childTB stands in for a test in a process that runs none.
type childTB struct{ testing.TB }

func (childTB) Helper()                      {}
func (childTB) Cleanup(func())               {}
func (childTB) Fatalf(form string, a ...any) { panic(fmt.Sprintf(form, a...)) }

func migrateAndDie(text string) error {
	var task killTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	pool, err := dbtest.OpenDSN(childTB{}, task.Dialect, task.DSN, nil).DB()
	if err != nil {
		return err
	}
	plan, err := newPlan(embedded, task.Dialect, "checkout_")
	if err != nil {
		return err
	}
	passed := 0
	plan.failpoint = func(point string) {
		if point != task.Point {
			return
		}
		if passed++; passed == task.Nth {
			_ = self.Kill()
			select {}
		}
	}
	return plan.run(context.Background(), pool)
}

// killed runs a process and tells whether it died on the way. Only that and a good end are allowed.
func killed(t *testing.T, db *gorm.DB, point string, nth int) bool {
	t.Helper()
	text, err := json.Marshal(killTask{db.Name(), dbtest.DSN(t, db), point, nth})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+string(text), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState != nil && cmd.ProcessState.String() == "signal: killed" {
		return true
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return false
}

// statements counts what all migrations consist of.
func statements(t *testing.T, dialect string) (n int) {
	t.Helper()
	loaded, err := load(embedded, dialect)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range loaded {
		n += len(m.statements)
	}
	return n
}

// TestChaosKillDuringMigration kills the first start of a shop between any two statements, after the last and after the
// commit. The tables are there in full or not at all, and the next start finishes.
func TestChaosKillDuringMigration(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		step := 8
		if os.Getenv("CHECKOUT_CHAOS") == "long" {
			step = 1
		}
		kills := 0
		for nth := 1; nth <= statements(t, db.Name()); nth += step {
			if !killed(t, db, "migrate.statement", nth) {
				t.Fatalf("nobody was killed after statement %d", nth)
			}
			wantTables(t, db, 0)
			kills++
		}
		if !killed(t, db, "migrate.last", 1) {
			t.Fatal("nobody was killed after the last statement")
		}
		wantTables(t, db, 0)
		if !killed(t, db, "migrate.committed", 1) {
			t.Fatal("nobody was killed after the commit")
		}
		wantMigrated(t, db)
		if killed(t, db, "migrate.statement", 1) {
			t.Error("the next start did something")
		}
		wantMigrated(t, db)
		t.Logf("chaos: migration on %s: kills %d, half-made 0", db.Name(), kills+2)
	})
}

// wantTables counts the tables a killed migration has left.
func wantTables(t *testing.T, db *gorm.DB, want int) {
	t.Helper()
	tables, err := db.Migrator().GetTables()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range tables {
		if strings.HasPrefix(name, "checkout_") {
			n++
		}
	}
	if n != want {
		t.Fatalf("%d tables are there, want %d", n, want)
	}
}

func wantMigrated(t *testing.T, db *gorm.DB) {
	t.Helper()
	loaded, err := load(embedded, db.Name())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(appliedAt(t, db, "checkout_")); got != len(loaded) {
		t.Errorf("%d migrations are recorded, want %d", got, len(loaded))
	}
}
