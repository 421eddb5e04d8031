package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

var (
	buildFlags = []string{"build", "-buildvcs=false"}
	binary     string // the shop, built once
)

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "shop")
	build := exec.Command("go", append(buildFlags, "-o", binary, ".")...)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the shop was not built:", err)
		return 1
	}
	return m.Run()
}

// eachDatabase runs a test on a new SQLite file and in a new schema of PostgreSQL.
func eachDatabase(t *testing.T, body func(t *testing.T, db string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		body(t, sqliteFile(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		body(t, dbtest.DSN(t, dbtest.Open(t, dbtest.Postgres, nil)))
	})
}

func sqliteFile(t *testing.T) string { return filepath.Join(t.TempDir(), "shop.db") }

// process is a running shop, with a person in front of it.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	output string // what it said when it opened
	base   string
	errors *bytes.Buffer
	ended  chan error
	done   bool
}

// start runs the shop on a free port and waits until it is open.
func start(t *testing.T, db string, flags ...string) *process {
	t.Helper()
	p := &process{t: t, errors: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(binary, append([]string{"-addr", "127.0.0.1:0", "-db", db}, flags...)...)
	p.cmd.Stderr = p.errors
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	p.readOpening(bufio.NewReader(stdout))
	p.base = strings.TrimSuffix(p.row("Shop"), "/")
	return p
}

func (p *process) readOpening(r *bufio.Reader) {
	p.t.Helper()
	last := testCards[len(testCards)-1].Number
	watchdog := time.AfterFunc(4*time.Minute, // the demo plays sixty days first, slowly under the race detector
		func() { p.cmd.Process.Kill() })
	defer watchdog.Stop()
	for !strings.Contains(p.output, last) {
		text, err := r.ReadString('\n')
		p.output += text
		if err != nil {
			p.ended <- p.cmd.Wait()
			p.t.Fatalf("the shop did not open: %v\n%s%s", err, p.output, p.errors)
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, r)
		p.ended <- p.cmd.Wait()
	}()
}

// row is what the opening says about one thing.
func (p *process) row(name string) string {
	p.t.Helper()
	m := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + ` {2,}(.+)$`).FindStringSubmatch(p.output)
	if m == nil {
		p.t.Fatalf("the opening does not tell %q:\n%s", name, p.output)
	}
	return m[1]
}

// stop sends SIGTERM and holds the shop to ending well, within seconds and without a word on its error output.
func (p *process) stop() { p.stopWith(syscall.SIGTERM) }

func (p *process) stopWith(signal os.Signal) {
	p.t.Helper()
	if p.done {
		return
	}
	p.done = true
	_ = p.cmd.Process.Signal(signal)
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("after %v the shop ended with: %v", signal, err)
		}
	case <-time.After(workersEnd - 2*time.Second):
		p.t.Errorf("the shop still runs long after %v", signal)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.errors.Len() > 0 {
		p.t.Errorf("the shop complained: %s", p.errors)
	}
}

// refuseToStart runs a shop that is expected to end by itself.
func refuseToStart(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// answer is a response, read.
type answer struct {
	status   int
	location string
	header   http.Header
	body     string
}

// browser goes where it is told, and nowhere else.
var browser = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (p *process) do(r *http.Request) answer {
	p.t.Helper()
	res, err := browser.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header.Get("Location"), res.Header, string(body)}
}

// at makes an address of a path; a whole address stays as it is.
func (p *process) at(path string) string {
	if strings.HasPrefix(path, "http") {
		return path
	}
	return p.base + path
}

func (p *process) get(path string, headers ...string) answer {
	p.t.Helper()
	return p.do(p.request(http.MethodGet, path, "", headers...))
}

func (p *process) request(method, path, body string, headers ...string) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.at(path), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (p *process) post(path string, form url.Values, headers ...string) answer {
	p.t.Helper()
	headers = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)
	return p.do(p.request(http.MethodPost, path, form.Encode(), headers...))
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// submit opens a page, fills its form and sends it, like a browser with the page's hidden fields.
func (p *process) submit(path string, typed url.Values) answer {
	p.t.Helper()
	page := p.get(path)
	if !strings.Contains(page.body, `<form method="post"`) {
		p.t.Fatalf("%s has no form (%d): %s", path, page.status, page.body)
	}
	for _, m := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		typed.Set(m[1], m[2])
	}
	return p.post(path, typed)
}

// buy puts coffee into the basket and gives the hosted page's address.
func (p *process) buy(form url.Values) string {
	p.t.Helper()
	a := p.post("/buy", form)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, p.row("Shop")+"checkout/cs_") {
		p.t.Fatalf("buy answered %d to %q: %s", a.status, a.location, a.body)
	}
	return a.location
}

func (p *process) pay(page, card string) answer {
	p.t.Helper()
	return p.submit(page, url.Values{"action": {"pay"}, "card_number": {card}, "card_exp": {"12/34"}, "card_cvc": {"123"}})
}

// eventually looks at a page of another process until it holds all texts, ten seconds at most.
func (p *process) eventually(path string, texts ...string) string {
	p.t.Helper()
	return p.eventuallyWith(nil, path, texts...)
}

// eventuallyWith sends headers along.
func (p *process) eventuallyWith(headers []string, path string, texts ...string) string {
	p.t.Helper()
	limit, again := time.After(10*time.Second), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		body := p.get(path, headers...).body
		if missing(body, texts) == "" {
			return body
		}
		select {
		case <-again.C:
		case <-limit:
			p.t.Fatalf("%s never showed %q: %s", path, missing(body, texts), body)
		}
	}
}

var isolation = regexp.MustCompile(`</?bdi[^>]*>`) // stands around every part of a text on the hosted page

func missing(body string, texts []string) string {
	body = isolation.ReplaceAllString(body, "")
	for _, text := range texts {
		if !strings.Contains(body, text) {
			return text
		}
	}
	return ""
}

func (p *process) shows(a answer, status int, texts ...string) {
	p.t.Helper()
	if text := missing(a.body, texts); a.status != status || text != "" {
		p.t.Errorf("answered %d, want %d; missing %q in: %s", a.status, status, text, a.body)
	}
}
