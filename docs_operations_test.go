package checkout

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

func TestOperationsDocHasEveryTable(t *testing.T) {
	_, doc := blocksOf(t, operationsDoc)
	schema, err := Schema("postgres", "")
	if err != nil {
		t.Fatal(err)
	}
	tables := regexp.MustCompile(`CREATE TABLE checkout_(\w+)`).FindAllStringSubmatch(schema, -1)
	if len(tables) < 10 {
		t.Fatalf("%d tables were found", len(tables))
	}
	for _, table := range tables {
		if !strings.Contains(doc, "| `"+table[1]+"` |") {
			t.Errorf("the table %s is not in %s", table[1], operationsDoc)
		}
	}
}

func TestOperationsDocHasEveryLogMessageAndNoOther(t *testing.T) {
	_, doc := blocksOf(t, operationsDoc)
	levels := map[string]string{}
	for _, file := range source(t) {
		for _, message := range passed(file, "ErrorContext") {
			levels[message] = "ERROR"
		}
		for _, message := range passed(file, "WarnContext") {
			levels[message] = "WARN"
		}
		for _, alert := range keyed(file, "alert") {
			levels["checkout: "+alert] = "ERROR"
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (ERROR|WARN) \| ([^|]+) \|`).FindAllStringSubmatch(doc, -1) {
		for _, message := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			if levels[message[1]] != row[1] {
				t.Errorf("%s has %q at %s, the code has it at %q", operationsDoc, message[1], row[1], levels[message[1]])
			}
			delete(levels, message[1])
		}
	}
	for message := range maps.Keys(levels) {
		t.Errorf("the message %q is not in %s", message, operationsDoc)
	}
}

func TestOperationsDocStatementsRun(t *testing.T) {
	blocks, _ := blocksOf(t, operationsDoc)
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s, ran := newShop(t, db), 0
		for _, b := range blocks {
			if b.language != "sql" {
				continue
			}
			for statement := range strings.SplitSeq(strings.TrimSpace(b.text), ";\n") {
				if err := s.db.Exec(statement).Error; err != nil {
					t.Errorf("%s:%d: %v\n%s", operationsDoc, b.line, err, statement)
				}
				ran++
			}
		}
		if ran < 6 {
			t.Errorf("%d statements ran, want at least 6", ran)
		}
	})
}

func TestOperationsDocProgramsCompile(t *testing.T) {
	blocks, _ := blocksOf(t, operationsDoc)
	compiled := 0
	for _, b := range blocks {
		if b.language == "go" && strings.HasPrefix(b.text, "package ") {
			mustCompile(t, operationsDoc, b)
			compiled++
		}
	}
	if compiled != 2 {
		t.Errorf("%d programs were compiled, want the provider and the watch of the page", compiled)
	}
}
