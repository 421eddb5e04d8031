package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// exampleShop is examples/shop as its own process.
type exampleShop struct {
	t       testing.TB
	opening string
}

// shopEnds are the last words of the shop's opening.
const shopEnds = "is found paid a little later"

func startExampleShop(t testing.TB, environment []string, flags ...string) *exampleShop {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "shop")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./examples/shop")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the shop was not built: %v\n%s", err, out)
	}
	cmd := exec.Command(program, append([]string{"-addr", "127.0.0.1:0", "-db", filepath.Join(dir, "shop.db")}, flags...)...)
	cmd.Env = append(cmd.Environ(), environment...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		watchdog.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if problems.Len() > 0 {
			t.Errorf("the shop complained: %s", problems.String())
		}
	})
	s := &exampleShop{t: t}
	for r := bufio.NewReader(stdout); !strings.Contains(s.opening, shopEnds); {
		line, err := r.ReadString('\n')
		s.opening += line
		if err != nil {
			t.Fatalf("the shop did not open: %v\n%s", err, s.opening)
		}
	}
	return s
}

// row is what the opening says about one thing.
func (s *exampleShop) row(name string) string {
	s.t.Helper()
	m := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + ` {2,}(.+)$`).FindStringSubmatch(s.opening)
	if m == nil {
		s.t.Fatalf("the opening does not tell %q:\n%s", name, s.opening)
	}
	return m[1]
}

// buy pays for three bags of coffee, as a person and then with the test API.
func (s *exampleShop) buy(email string) {
	s.t.Helper()
	form := url.Values{"quantity_espresso": {"2"}, "quantity_decaf": {"1"}, "email": {email}}
	asked := &http.Client{Timeout: waitLimit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := asked.PostForm(s.row("Shop")+"buy", form)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	page := resp.Header.Get("Location")
	id := page[strings.LastIndex(page, "/")+1:]
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.row("API")+"/test/sessions/"+id+"/pay", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.row("Test key"))
	if resp, err = asked.Do(r); err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("paying %q answers %d", page, resp.StatusCode)
	}
}

// first waits for a mail of another process.
func (s *mailServer) first() mailTaken {
	s.t.Helper()
	limit, again := time.After(2*waitLimit), time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		if got := s.all(); len(got) > 0 {
			return got[0]
		}
		select {
		case <-again.C:
		case <-limit:
			s.t.Fatal("no mail came")
		}
	}
}

var documentInMail = regexp.MustCompile(`http://\S+/checkout/documents/inv_\S+`)

// A mail catcher on this machine gets the shop's mails: they are complete, and their link opens the invoice.
func TestTheShopsMailsReachAMailCatcher(t *testing.T) {
	server := startMailServer(t, func(s *mailServer) { s.plain = true })
	for name, c := range map[string]struct {
		environment, flags []string
		from               string
		known              bool
	}{
		"as it is":     {[]string{"SMTP_PASSWORD=not for a catcher"}, nil, "billing@finch-coffee.example", false},
		"with a login": {[]string{"SMTP_PASSWORD=" + mailPassword}, []string{"-smtp-user", mailUser, "-smtp-from", "Acme <post@acme.example>"}, "post@acme.example", true},
	} {
		t.Run(name, func(t *testing.T) {
			server.mu.Lock()
			server.got = nil
			server.mu.Unlock()
			address := server.address()
			shop := startExampleShop(t, c.environment, append([]string{"-smtp", address}, c.flags...)...)
			if told := shop.row("Mails are"); told != "sent to "+address+", without encryption because it is on this machine" || strings.Contains(shop.opening, mailPassword) {
				t.Errorf("the opening says %q", told)
			}
			shop.buy("ada@example.com")
			got := server.first()
			if got.from != c.from || !slices.Equal(got.to, []string{"ada@example.com"}) || got.known != c.known {
				t.Errorf("from %s to %q, logged in %v", got.from, got.to, got.known)
			}
			if len(got.raw) > 150<<10 {
				t.Errorf("the mail has %d bytes", len(got.raw))
			}
			t.Logf("%d bytes with the PDF", len(got.raw))
			checkShopMail(t, readMails(t, got.raw)[0])
		})
	}
}

func checkShopMail(t *testing.T, m readMail) {
	t.Helper()
	number := regexp.MustCompile(`^\[TEST\] Invoice (TEST-\d{4}-000001) from Finch Coffee \(€38\.00\)$`).FindStringSubmatch(m.Subject)
	if number == nil {
		t.Fatalf("the subject is %q", m.Subject)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].Name != number[1]+".pdf" || m.Attachments[0].Type != "application/pdf" {
		t.Fatalf("there are %d files", len(m.Attachments))
	}
	pdf := m.Attachments[0].Content
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.HasSuffix(bytes.TrimSpace(pdf), []byte("%%EOF")) {
		t.Errorf("%d bytes are no PDF: %.20q", len(pdf), pdf)
	}
	resp, err := http.Get(documentInMail.FindString(m.Text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the link of the mail answers %d, %v", resp.StatusCode, err)
	}
	for _, want := range []string{number[1], "Finch Coffee Example GmbH", "€38.00"} {
		if !strings.Contains(string(page), want) || !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in the invoice or in the mail", want)
		}
	}
}
