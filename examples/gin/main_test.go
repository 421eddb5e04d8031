package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// build makes the example's binary.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "example")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// start runs the example on a free port and gives its output. It is killed after a minute.
func start(t *testing.T, bin string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, bin, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // a second time after a test that went well
	})
	return cmd, bufio.NewScanner(out)
}

// readUntil reads lines until one has the mark.
func readUntil(t *testing.T, lines *bufio.Scanner, mark string) string {
	t.Helper()
	var text strings.Builder
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), mark) {
			return text.String()
		}
	}
	t.Fatalf("the output ended before %q: %s", mark, text.String())
	return ""
}

var curlRule = regexp.MustCompile(`(?s)curl (\S+) .*-H 'Authorization: (Bearer \S+)' .*-d '([^']+)'`)

func TestStartSellStop(t *testing.T) {
	dsn := dbtest.DSN(t, dbtest.Open(t, dbtest.Postgres, nil))
	bin := build(t)
	cmd, lines := start(t, bin, "-db", dsn)
	m := curlRule.FindStringSubmatch(readUntil(t, lines, "-d '"))
	if m == nil {
		t.Fatal("no request to paste")
	}
	openAdmin(t, regexp.MustCompile(`http\S+token=\S+`).FindString(readUntil(t, lines, "Admin, for")))
	page := create(t, m[1], m[2], m[3])
	if status, body := get(t, page); status != http.StatusOK || !strings.Contains(body, "25.00") {
		t.Errorf("the page %s answered %d: %s", page, status, body)
	}
	if status, body := get(t, page[:strings.LastIndex(page, "/")]+"/shipping"); status != http.StatusOK || !strings.Contains(body, "own page") {
		t.Errorf("the shop's own page answered %d: %s", status, body)
	}
	stop(t, cmd)

	again, lines := start(t, bin, "-db", dsn)
	if text := readUntil(t, lines, "-new-key"); strings.Contains(text, "Test key:") {
		t.Errorf("the second start made another key: %s", text)
	}
	stop(t, again)
}

// openAdmin opens the printed link as a browser that keeps cookies, and as one that comes too late.
func openAdmin(t *testing.T, link string) {
	t.Helper()
	admin := strings.Replace(link[:strings.Index(link, "?")], "login", "checkout/test/settings/keys", 1)
	if status, body := get(t, admin); status != http.StatusForbidden || strings.Contains(body, "examples/gin") {
		t.Errorf("without a login the admin answers %d: %s", status, body)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	for _, url := range []string{link, admin} {
		resp, err := browser.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || url == admin && !strings.Contains(string(body), "examples/gin") {
			t.Errorf("%s answers %d (%v): %s", url, resp.StatusCode, err, body)
		}
	}
	if status, _ := get(t, link); status != http.StatusForbidden {
		t.Errorf("the link works twice: %d", status)
	}
}

// create sends the printed request and gives the page's address.
func create(t *testing.T, url, authorization, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var session struct {
		CheckoutURL string `json:"checkout_url"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&session); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("create answered %d (%v)", resp.StatusCode, err)
	}
	return session.CheckoutURL
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// stop asks the example to end and wants exit code 0.
func stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}

func TestWithoutADatabaseItSaysWhatToDo(t *testing.T) {
	bin := build(t)
	for _, args := range [][]string{nil, {"-db", "shop.db"}, {"-db", "mysql://localhost/shop"}} {
		out, err := exec.Command(bin, args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "-db postgres://") {
			t.Errorf("%v: %v, said %q", args, err, out)
		}
	}
}
