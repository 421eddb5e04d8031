package migrations

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// A migration is one numbered file. Its statements still carry placeholders; the last
// one records the migration itself.
type migration struct {
	version    int
	name       string
	checksum   string // SHA-256 of the file, hex
	statements []string
}

var (
	fileNames   = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)
	placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)
)

// load reads one dialect's folder; the numbers run from 1 without a gap, so that two
// branches that both added the next number are noticed when they meet.
func load(files fs.FS, folder string) ([]migration, error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	var loaded []migration
	for _, entry := range entries {
		m, err := read(files, folder, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("migrations: %s/%s: %w", folder, entry.Name(), err)
		}
		if m.version != len(loaded)+1 {
			return nil, fmt.Errorf("migrations: %s/%s: expected number %04d", folder, entry.Name(), len(loaded)+1)
		}
		loaded = append(loaded, m)
	}
	return loaded, nil
}

func read(files fs.FS, folder, file string) (migration, error) {
	parts := fileNames.FindStringSubmatch(file)
	if parts == nil {
		return migration{}, fmt.Errorf("the name is not like 0001_init.sql")
	}
	raw, err := fs.ReadFile(files, folder+"/"+file)
	if err != nil {
		return migration{}, err
	}
	// A checkout on Windows may have changed the line ends; that is no other migration.
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	statements, err := split(text)
	if err != nil {
		return migration{}, err
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil {
		return migration{}, err
	}
	sum := sha256.Sum256([]byte(text))
	m := migration{version, parts[2], hex.EncodeToString(sum[:]), statements}
	m.statements = append(m.statements, m.note())
	return m, nil
}

// note needs no escaping: its values are digits, lower-case letters and underscores.
func (m migration) note() string {
	return fmt.Sprintf("INSERT INTO {{prefix}}migrations (version, name, checksum) VALUES (%d, '%s', '%s')",
		m.version, m.name, m.checksum)
}

// split cuts a file into statements. A statement ends with a semicolon at the end of a
// line; "--" starts a comment outside quotes. Bodies with semicolons at line ends of
// their own (triggers, functions) are beyond it.
func split(text string) ([]string, error) {
	var statements []string
	var current []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(withoutComment(line), " \t\n")
		if line == "" {
			continue
		}
		body, last := strings.CutSuffix(line, ";")
		current = append(current, body)
		if last {
			statements = append(statements, strings.Join(current, "\n"))
			current = nil
		}
	}
	if len(current) > 0 {
		return nil, fmt.Errorf("the last statement does not end with a semicolon: %s", current[0])
	}
	return statements, checkStatements(statements)
}

func withoutComment(line string) string {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(line[i:], "--"):
			return line[:i]
		}
	}
	return line
}

func checkStatements(statements []string) error {
	if len(statements) == 0 {
		return fmt.Errorf("there is no statement in it")
	}
	for _, statement := range statements {
		for _, found := range placeholder.FindAllString(statement, -1) {
			if found != "{{prefix}}" && found != "{{index}}" {
				return fmt.Errorf("unknown placeholder %s", found)
			}
		}
	}
	return nil
}
