package checkout

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The guide's tests are run, not only compiled: together, because linking takes the time.
func TestTestingGuideIsTrue(t *testing.T) {
	t.Parallel()
	blocks, text := blocksOf(t, "docs/testing.md")
	if n := strings.Count(text, "\n"); n > 150 {
		t.Errorf("the guide has %d lines, want 150 at most", n)
	}
	dir, args := t.TempDir(), []string{"test", "-v"}
	for i, b := range blocks {
		if b.language == "go" {
			args = append(args, writeBlock(t, dir, b, i))
		}
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS: Test") < 3 {
		t.Errorf("the tests of docs/testing.md: %v\n%s", err, out)
	}
}

func TestTestingGuideNamesEveryDecline(t *testing.T) {
	_, text := blocksOf(t, "docs/testing.md")
	for _, card := range testCards {
		failure, fails := failures[card.Scenario]
		if fails && !strings.Contains(text, "`"+failure.DeclineCode+"`") {
			t.Errorf("%s is not in docs/testing.md", failure.DeclineCode)
		}
	}
}

// writeBlock makes a file of block i: of tests a test file, of anything else a program. The files of one document may
// stand side by side.
func writeBlock(t *testing.T, dir string, b codeBlock, i int) string {
	t.Helper()
	name, text := fmt.Sprintf("block%d.go", i), b.text
	switch {
	case strings.Contains(text, "*testing.T"):
		name = fmt.Sprintf("block%d_test.go", i)
	case !strings.Contains(text, "func main()"):
		text += "\nfunc main() {}\n"
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
