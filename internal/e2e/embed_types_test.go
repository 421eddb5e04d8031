package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// The types of the events hold for what shops write: TypeScript itself says so, also of what must be an error.
func TestEmbedTypes(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: the types are checked by TypeScript, and node is not installed")
	}
	tsc := filepath.Join("testdata", "jsqr", "node_modules", "typescript", "bin", "tsc")
	if _, err := os.Stat(tsc); err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: no module typescript; run npm ci in internal/e2e/testdata/jsqr")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, tsc, "--project", filepath.Join("testdata", "types"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The types name the events that the loader dispatches, and no others.
func TestEmbedTypesNameEveryEvent(t *testing.T) {
	t.Parallel()
	loader := read(t, "../../templates/embed.js")
	types := regexp.MustCompile(`checkout\\\.\(([a-z|]+)\)`).FindStringSubmatch(loader)
	if types == nil {
		t.Fatal("the loader names no messages")
	}
	want := regexp.MustCompile(`[a-z]+`).FindAllString(types[1], -1)
	var got []string
	for _, m := range regexp.MustCompile(`"checkout:([a-z]+)": CustomEvent`).FindAllStringSubmatch(read(t, "../../types/embed.d.ts"), -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("the types name %q, the loader %q", got, want)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
