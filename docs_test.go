package checkout

import (
	"os/exec"
	"strings"
	"testing"
)

// The guide's tests are run, not only compiled: together, because linking takes the time.
func TestTestingGuideIsTrue(t *testing.T) {
	t.Parallel()
	blocks, text := docBlocks(t, "docs/testing.md")
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
	_, text := docBlocks(t, "docs/testing.md")
	for _, card := range testCards {
		failure, fails := failures[card.Scenario]
		if fails && !strings.Contains(text, "`"+failure.DeclineCode+"`") {
			t.Errorf("%s is not in docs/testing.md", failure.DeclineCode)
		}
	}
}
