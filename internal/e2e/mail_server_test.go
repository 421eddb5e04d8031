package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/jopay/checkout/adapters/checkoutsmtp"
)

// The login of the mail server in these tests.
const mailUser, mailPassword = "shop", "correct horse battery staple"

// mailServer is a real SMTP server on loopback. It keeps what it takes over.
type mailServer struct {
	t      testing.TB
	port   int
	pool   *x509.CertPool
	mu     sync.Mutex
	got    []mailTaken
	refuse func(stage string) error // mail, rcpt or data; nil takes it
	plain  bool                     // offers no STARTTLS
	wrap   bool                     // encrypts from the first byte

	international bool // takes addresses that are not ASCII
}

// mailTaken is a mail as it came over the wire, with its envelope.
type mailTaken struct {
	from  string
	to    []string
	raw   []byte
	known bool // the sender had logged in
}

func startMailServer(t testing.TB, change ...func(*mailServer)) *mailServer {
	t.Helper()
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	t.Cleanup(web.Close)
	s := &mailServer{t: t, pool: x509.NewCertPool(), refuse: func(string) error { return nil }}
	s.pool.AddCert(web.Certificate())
	for _, f := range change {
		f(s)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: s}, nil }))
	server.Domain, server.AllowInsecureAuth, server.EnableSMTPUTF8 = "localhost", s.plain || s.wrap, s.international
	certificates := &tls.Config{Certificates: web.TLS.Certificates}
	if !s.plain && !s.wrap {
		server.TLSConfig = certificates
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if s.wrap {
		l = tls.NewListener(l, certificates)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return s
}

func (s *mailServer) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// mailer is the adapter, set up for the server.
func (s *mailServer) mailer(change ...func(*checkoutsmtp.Config)) *checkoutsmtp.Mailer {
	s.t.Helper()
	cfg := checkoutsmtp.Config{
		Host: "127.0.0.1", Port: s.port, Username: mailUser, Password: mailPassword, TLSConfig: &tls.Config{RootCAs: s.pool}, Timeout: 10 * time.Second,
	}
	for _, f := range change {
		f(&cfg)
	}
	m, err := checkoutsmtp.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

func (s *mailServer) all() []mailTaken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mailTaken(nil), s.got...)
}

type mailSession struct {
	server *mailServer
	mail   mailTaken
	known  bool
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such login: " + user + " with " + password}
		}
		s.known = true
		return nil
	}), nil
}

func (s *mailSession) Reset()        { s.mail = mailTaken{} }
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if !s.known && !s.server.plain {
		return smtp.ErrAuthRequired
	}
	s.mail.from, s.mail.known = from, s.known
	return s.server.refuse("mail")
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return s.server.refuse("rcpt")
}

func (s *mailSession) Data(r io.Reader) (err error) {
	if s.mail.raw, err = io.ReadAll(r); err != nil {
		return err
	}
	if err := s.server.refuse("data"); err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.got = append(s.server.got, s.mail)
	return nil
}

// scriptedServer is a mail server that misbehaves: it answers each command by its first word, and ends the connection where
// there is no answer.
func scriptedServer(t testing.TB, greeting string, answers map[string]string) (port int, heard func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var log strings.Builder
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go converse(conn, greeting, answers, func(line string) {
				mu.Lock()
				defer mu.Unlock()
				log.WriteString(line + "\n")
			})
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
}

func converse(conn net.Conn, greeting string, answers map[string]string, note func(string)) {
	if greeting == "" {
		return // says nothing and keeps the line open
	}
	fmt.Fprintf(conn, "%s\r\n", greeting)
	lines, inData := bufio.NewScanner(conn), false
	for lines.Scan() {
		word := "."
		if line := lines.Text(); !inData {
			note(line)
			word, _, _ = strings.Cut(strings.ToUpper(line), " ")
		} else if line != "." {
			continue
		}
		answer, ok := answers[word]
		if !ok {
			conn.Close()
			return
		}
		if answer == "" {
			return // says nothing more and keeps the line open
		}
		fmt.Fprintf(conn, "%s\r\n", answer)
		inData = word == "DATA" && strings.HasPrefix(answer, "354")
	}
}

// readMail is a mail as mailparser reads it.
type readMail struct {
	Headers     []string          `json:"headers"`
	Values      map[string]string `json:"values"`
	From        []readAddress     `json:"from"`
	To          []readAddress     `json:"to"`
	ReplyTo     []readAddress     `json:"replyTo"`
	Subject     string            `json:"subject"`
	ID          string            `json:"id"`
	Dated       bool              `json:"dated"`
	Text        string            `json:"text"`
	HTML        string            `json:"html"`
	Attachments []struct {
		Name, Type, ID, Disposition string
		Content                     []byte
	} `json:"attachments"`
}

type readAddress struct{ Address, Name string }

// readMails gives what a foreign mail program makes of raw mails.
func readMails(t testing.TB, raw ...[]byte) []readMail {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: mails are read back by mailparser, and node is not installed")
	}
	dir := filepath.Join("testdata", "mailparser")
	if found, _ := filepath.Glob(filepath.Join(dir, "node_modules", "mailparser", "package.json")); found == nil {
		t.Skipf("SKIPPED-NEEDS-NODE: no module mailparser; run npm ci in internal/e2e/%s", filepath.ToSlash(dir))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join(dir, "read.js"))
	var in, problems bytes.Buffer
	for _, mail := range raw {
		in.WriteString(base64.StdEncoding.EncodeToString(mail) + "\n")
	}
	cmd.Stdin, cmd.Stderr = &in, &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the reader failed: %v\n%s", err, problems.String())
	}
	var list []readMail
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m readMail
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	if len(list) != len(raw) {
		t.Fatalf("%s of %d mails were read", strconv.Itoa(len(list)), len(raw))
	}
	return list
}
