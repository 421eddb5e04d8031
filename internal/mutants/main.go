// Command mutants shows that the tests notice the ten shortcuts that the design of payments forbids. Each is a patch
// beside this file. For every one of them it copies the module, applies the patch and runs the tests that are to fail:
//
//	go run ./internal/mutants          all of them
//	go run ./internal/mutants N3 N10   some
//
// It runs in the module's folder, needs git, and ends with status 1 when a patch does not apply, does not compile or
// survives. Tests run on PostgreSQL too when CHECKOUT_TEST_POSTGRES names a server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mutant is one shortcut and the tests that must not let it pass.
type mutant struct {
	name  string // of the patch
	what  string
	tests string // a pattern for go test -run
}

// mutants are the shortcuts of the design, each of which breaks the model too.
var mutants = []mutant{
	{"N1", "check, then write in two steps", "TestManyParallelClicksPayOnce|TestClickWhoseCommitFailed|TestPaySurvivesALostCommit"},
	{"N2", "resend without the idempotency key", "TestEveryCallForAnAttempt"},
	{"N3", "the event is written after the commit", "TestHookCommitsWithTheSession|TestHookErrorRollsBothBack|TestPaySurvivesALostCommit"},
	{"N4", "expiry ignores an open attempt", "TestExpiryWaitsForAnOpenAttempt|TestExpireByHandIsRefused"},
	{"N5", "notifications only, no reconcile", "TestWorkersAskAboutAPayment"},
	{"N6", "not found is read as failed at once", "TestAbsenceIsBelieved"},
	{"N7", "a fact is applied without a look at the state", "TestFailureNeverOverrulesSuccess|TestSameFactAnyNumberOfTimes"},
	{"N8", "marked delivered before it is sent", "TestAnswersOfReceivers|TestStopHandsBackAndTheNextStartResumes"},
	{"N9", "any amount is accepted", "TestMoneyThatIsNotTheOrders"},
	{"N10", "a new attempt while the outcome of one is unknown", "TestAnswersOfBegin|TestBuyerIsNotLetIntoASecondAttempt"},
}

// testTime is how long the tests of one mutant may run before that counts as their failure.
const testTime = 3 * time.Minute

func main() {
	flag.Parse()
	if err := run(context.Background(), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string) error {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if err := copyModule(ctx, dir); err != nil {
		return err
	}
	if err := clean(ctx, dir, chosen); err != nil {
		return err
	}
	var failed error
	for _, m := range chosen {
		failed = errors.Join(failed, m.try(ctx, dir))
	}
	return failed
}

func choose(names []string) ([]mutant, error) {
	chosen := slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool { return len(names) > 0 && !slices.Contains(names, m.name) })
	if len(chosen) < len(names) {
		return nil, fmt.Errorf("there are N1 to N%d, not %s", len(mutants), strings.Join(names, ", "))
	}
	return chosen, nil
}

// clean makes sure that what fails later fails because of the patch.
func clean(ctx context.Context, dir string, chosen []mutant) error {
	var patterns []string
	for _, m := range chosen {
		patterns = append(patterns, m.tests)
	}
	start := time.Now()
	out, err := goTest(ctx, dir, strings.Join(patterns, "|"))
	if err != nil {
		return fmt.Errorf("the tests fail without any patch:\n%s", tail(out))
	}
	fmt.Printf("clean: all tests pass in %.0f s\n", time.Since(start).Seconds())
	return nil
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// try applies a patch, runs its tests and takes the patch back.
func (m mutant) try(ctx context.Context, dir string) (err error) {
	if err := apply(ctx, dir, m.patch()); err != nil {
		return fmt.Errorf("%s does not apply: %w", m.name, err)
	}
	defer func() { err = errors.Join(err, apply(ctx, dir, m.patch(), "--reverse")) }()
	start := time.Now()
	out, err := goTest(ctx, dir, m.tests)
	killer := failedTest.FindStringSubmatch(out)
	switch {
	case err == nil:
		fmt.Printf("%s SURVIVED: %s\n", m.name, m.what)
		return fmt.Errorf("%s survives: %s", m.name, m.what)
	case killer == nil:
		return fmt.Errorf("%s: the tests did not run:\n%s", m.name, tail(out))
	}
	fmt.Printf("%s killed by %s in %.0f s: %s\n", m.name, killer[1], time.Since(start).Seconds(), m.what)
	return nil
}

func (m mutant) patch() string { return filepath.Join("internal", "mutants", m.name+".patch") }

// apply runs git apply on a copy of the module, which is no repository itself and must not be taken for a part of one.
func apply(ctx context.Context, dir, patch string, options ...string) error {
	cmd := exec.CommandContext(ctx, "git", append(append([]string{"apply"}, options...), patch)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func goTest(ctx context.Context, dir, pattern string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-failfast", "-vet=off", "-timeout", testTime.String(), "-run", pattern, ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(out), "no tests to run") {
		err = errors.New("no tests to run")
	}
	return string(out), err
}

// copyModule copies the files that git knows, or would add, as they are in the working tree.
func copyModule(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if err := copyFile(name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// copyFile leaves out what was deleted and not committed yet.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// tail is the end of a long output.
func tail(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
