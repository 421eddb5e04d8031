package migrations

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jopay/checkout/internal/dbtest"
	"gorm.io/gorm"
)

func TestSchemaByHandLeavesNothingToDo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		text, err := schema(files(initSQL, moreSQL), db.Name(), "checkout_")
		if err != nil {
			t.Fatal(err)
		}
		statements, err := split(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			mustExec(t, db, statement)
		}
		mustMigrate(t, db, files(initSQL, moreSQL), "checkout_")
		if got := count(t, db, "checkout_migrations"); got != 2 {
			t.Errorf("%d versions are recorded, want 2", got)
		}
	})
}

func TestShippedMigrations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		if _, err := Schema(db.Name(), "checkout_"); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := Migrate(t.Context(), db, "checkout_"); err != nil {
				t.Fatal(err)
			}
		}
		if err := Migrate(t.Context(), db, "other_"); err != nil {
			t.Errorf("a second prefix in one database: %v (are all names prefixed?)", err)
		}
	})
}

func TestDialectsHaveTheSameSteps(t *testing.T) {
	t.Parallel()
	steps := map[string][]string{}
	for _, dialect := range dbtest.Dialects() {
		loaded, err := load(embedded, dialect)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range loaded {
			steps[dialect] = append(steps[dialect], m.name)
		}
	}
	if diff := cmp.Diff(steps[dbtest.SQLite], steps[dbtest.Postgres]); diff != "" {
		t.Errorf("sqlite and postgres differ:\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct{ dialect, prefix, want string }{
		{"mysql", "checkout_", `dialect "mysql" is not supported`},
		{"", "checkout_", `dialect "" is not supported`},
		{"sqlite", "", `table prefix ""`},
		{"sqlite", "Checkout_", "lower-case"},
		{"postgres", "a b", "lower-case"},
		{"postgres", "a.b.c_", "lower-case"},
		{"postgres", "x'; DROP", "lower-case"},
		{"postgres", "1x_", "lower-case"},
		{"postgres", "pay_\n", "lower-case"},
		{"postgres", strings.Repeat("a", 31), "lower-case"},
		{"sqlite", "pay.", "sqlite has no schemas"},
	}
	for _, tt := range tests {
		if _, err := schema(files(initSQL), tt.dialect, tt.prefix); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("dialect %q, prefix %q: error %v, want %q in it", tt.dialect, tt.prefix, err, tt.want)
		}
	}
}

func TestMigrateNamesAnUnsupportedDialect(t *testing.T) {
	t.Parallel()
	db := &gorm.DB{Config: &gorm.Config{Dialector: otherDialect{}}}
	if err := Migrate(t.Context(), db, "checkout_"); err == nil || !strings.Contains(err.Error(), `"mysql" is not supported`) {
		t.Errorf("error %v", err)
	}
}

type otherDialect struct{ gorm.Dialector }

func (otherDialect) Name() string { return "mysql" }

func TestSchemaText(t *testing.T) {
	t.Parallel()
	text, err := schema(files("CREATE TABLE {{prefix}}a (id TEXT);\nCREATE INDEX {{index}}a_id\n  ON {{prefix}}a (id);\n"), "postgres", "pay.")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CREATE TABLE pay.migrations (",
		"\n-- 0001_step\nCREATE TABLE pay.a (id TEXT);\nCREATE INDEX pay_a_id\n  ON pay.a (id);\nINSERT INTO pay.migrations ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []string
		wantErr    string
	}{
		{"comments and blanks", "-- x;\n\nA\n  B; -- tail\nC;\n", []string{"A\n  B", "C"}, ""},
		{"dashes in quotes", "A '--;' -- y\n;\n", []string{"A '--;'\n"}, ""},
		{"semicolon inside a line", "A ';' B;\n", []string{"A ';' B"}, ""},
		{"no semicolon", "A;\nB\n", nil, "does not end with a semicolon: B"},
		{"nothing", "-- x\n", nil, "no statement"},
		{"placeholder", "A {{prefx}};\n", nil, "unknown placeholder {{prefx}}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := split(tt.text)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("error %v, want %q in it", err, tt.wantErr)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference:\n%s", err, diff)
			}
		})
	}
}

func TestLoadRefusesUnclearNumbers(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"expected number 0002":      {"0001_a.sql", "0003_c.sql"},
		"expected number 0003":      {"0001_a.sql", "0002_b.sql", "0002_c.sql"},
		"expected number 0001":      {"0000_a.sql"},
		"the name is not like 0001": {"0001-a.sql"},
	}
	for want, names := range tests {
		files := fstest.MapFS{}
		for _, name := range names {
			files["sqlite/"+name] = &fstest.MapFile{Data: []byte("A;\n")}
		}
		if _, err := load(files, "sqlite"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q in it", names, err, want)
		}
	}
}

func TestLineEndsDoNotChangeAChecksum(t *testing.T) {
	t.Parallel()
	unix, err := load(files(initSQL), "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	windows, err := load(files(strings.ReplaceAll(initSQL, "\n", "\r\n")), "sqlite")
	if err != nil {
		t.Fatal(err)
	}
	if unix[0].checksum != windows[0].checksum {
		t.Error("the checksum depends on the line ends")
	}
}
