// Package noderx runs the published webhook receiver (webhook/testdata/receiver) under node, for tests: what it
// refuses, a merchant who pasted the documentation refuses.
package noderx

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	receiverDir = "webhook/testdata/receiver"
	startLimit  = 20 * time.Second
	stopLimit   = 5 * time.Second
)

// Start runs the receiver on Express 5 with the endpoint's secret and returns its address, http://127.0.0.1:<port>:
// it takes webhooks on POST /webhook and says on GET /accepted how many it took. It stops when the test ends.
//
// Node's modules come from the folder named by CHECKOUT_NODE_MODULES or, if that is not set, from the receiver's own
// node_modules. Without node or modules the test is skipped with a reason that begins "SKIPPED-NEEDS-NODE:".
func Start(t testing.TB, secret string) string {
	t.Helper()
	return StartExpress(t, 5, secret)
}

// StartExpress is Start with a choice of Express 4 or 5.
func StartExpress(t testing.TB, version int, secret string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: node is not installed")
	}
	dir := findReceiver(t)
	modules := findModules(t, dir, "express"+strconv.Itoa(version))
	cmd := exec.Command(node, filepath.Join(dir, "receiver.js"))
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret, "RECEIVER_EXPRESS="+strconv.Itoa(version), "NODE_PATH="+modules)
	return "http://127.0.0.1:" + run(t, cmd)
}

// run starts the receiver, leaves its end to the test's cleanup and returns the port it printed.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	port, err := readPort(cmd, stdout)
	if err != nil {
		stop(cmd, stdin)
		t.Fatalf("the receiver did not start: %v\n%s", err, stderr.String())
	}
	t.Cleanup(func() {
		if err := stop(cmd, stdin); err != nil {
			t.Errorf("the receiver did not end well: %v\n%s", err, stderr.String())
		}
	})
	return port
}

// readPort waits for the first line. Past the limit it kills the process, which ends the read.
func readPort(cmd *exec.Cmd, stdout io.Reader) (string, error) {
	timer := time.AfterFunc(startLimit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("no port: %w", err)
	}
	port := strings.TrimSpace(line)
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("it printed %q for a port", port)
	}
	return port, nil
}

// stop closes the receiver's standard input, which ends it, and kills it if it does not end in time.
func stop(cmd *exec.Cmd, stdin io.Closer) error {
	_ = stdin.Close()
	timer := time.AfterFunc(stopLimit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	return cmd.Wait()
}

// findReceiver looks upwards from the test's folder, so that tests of every package and module in the tree find it.
func findReceiver(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		found := filepath.Join(dir, filepath.FromSlash(receiverDir))
		if isDir(found) {
			return found
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatalf("no %s above the test's folder (%v)", receiverDir, err)
	return ""
}

func findModules(t testing.TB, receiver, name string) string {
	t.Helper()
	modules := os.Getenv("CHECKOUT_NODE_MODULES")
	if modules == "" {
		modules = filepath.Join(receiver, "node_modules")
	}
	if !isDir(filepath.Join(modules, name)) {
		t.Skipf("SKIPPED-NEEDS-NODE: no module %s; run npm ci in %s or set CHECKOUT_NODE_MODULES", name, receiverDir)
	}
	return modules
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
