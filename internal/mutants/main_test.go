package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// A patch that no longer applies proves nothing. Whoever changes the code beneath one makes it anew.
func TestEveryPatchStillApplies(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED-NEEDS-GIT: it applies the patches")
	}
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if err := copyFile(file, filepath.Join(dir, filepath.Base(file))); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range mutants {
		patch, err := filepath.Abs(m.name + ".patch")
		if err != nil {
			t.Fatal(err)
		}
		if err := apply(t.Context(), dir, patch, "--check"); err != nil {
			t.Errorf("%s (%s): %v", m.name, m.what, err)
		}
	}
}

// Every name in a list of tests must be one that exists, or a renamed test would leave its mutant to the others.
func TestEveryMutantHasItsTests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for _, m := range mutants {
		for name := range strings.SplitSeq(m.tests, "|") {
			if !regexp.MustCompile(`(?m)^func ` + name).MatchString(code.String()) {
				t.Errorf("%s names %s, which does not exist", m.name, name)
			}
		}
	}
	if patches, err := filepath.Glob("*.patch"); err != nil || len(patches) != len(mutants) {
		t.Errorf("%d patches for %d mutants, %v", len(patches), len(mutants), err)
	}
}

func TestUnknownMutantsAreRefused(t *testing.T) {
	if _, err := choose([]string{"N3", "N11"}); err == nil {
		t.Error("N11 was taken")
	}
	if chosen, err := choose([]string{"N3", "N10"}); err != nil || len(chosen) != 2 || chosen[0].name != "N3" {
		t.Errorf("%v, %v", chosen, err)
	}
}
