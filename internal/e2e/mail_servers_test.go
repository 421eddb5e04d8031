package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsmtp"
)

// A server that took a mail and answers too late has it twice at most, with the same Message-ID, and a person decides then.
func TestASlowAnswerDeliversTwiceAtMost(t *testing.T) {
	answers := map[string]string{"EHLO": "250 here", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": ""}
	port, heard := scriptedServer(t, "220 hi", answers)
	m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: "127.0.0.1", Port: port, TLS: checkoutsmtp.None, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s := mailShop(t, m, func(cfg *checkout.Config) { cfg.Now = func() time.Time { return now } })
	s.settled(s.order())
	for range 8 {
		now = now.Add(24 * time.Hour)
		s.work()
	}
	var row struct {
		State    string
		Doubtful int
	}
	if err := s.db.Table("checkout_mails").Take(&row).Error; err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(heard(), "DATA"); n != 2 || row.State != "failed" || row.Doubtful != 1 {
		t.Errorf("it was handed over %d times and is %+v", n, row)
	}
}

// Whatever a server repeats, the login does not reach people.
func TestServersThatRepeatTheLogin(t *testing.T) {
	const user, password = "u@shop.example", "correct horse"
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	both := encoded("\x00" + user + "\x00" + password)
	for name, c := range map[string]struct {
		offer  string
		line   int    // that it repeats: the command, the user, the password
		answer string // with the line and its last word
	}{
		"the command":        {"PLAIN", 1, "502 what is %[1]s?"},
		"only what was said": {"PLAIN", 1, "535 %[2]s"},
		"cut short":          {"PLAIN", 1, "502 what is %.24[1]s"},
		"the user":           {"LOGIN", 2, "535 no: %[1]s"},
		"the password":       {"LOGIN", 3, "535 no: %[1]s"},
	} {
		t.Run(name, func(t *testing.T) {
			port := listen(t, func(conn net.Conn, lines func() string) {
				fmt.Fprint(conn, "220 hi\r\n")
				lines()
				fmt.Fprintf(conn, "250-here\r\n250 AUTH %s\r\n", c.offer)
				said := lines()
				for range c.line - 1 {
					fmt.Fprint(conn, "334 VXNlcm5hbWU6\r\n")
					said = lines()
				}
				fmt.Fprintf(conn, c.answer+"\r\n", said, said[strings.LastIndex(said, " ")+1:])
			})
			m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: "127.0.0.1", Port: port, TLS: checkoutsmtp.None, Timeout: 5 * time.Second, Username: user, Password: password})
			if err != nil {
				t.Fatal(err)
			}
			var failure *checkout.MailError
			if err := m.Send(t.Context(), plainMail()); !errors.As(err, &failure) || failure.Permanent || !strings.Contains(failure.Reply, "…") {
				t.Fatalf("%#v", err)
			}
			for _, secret := range []string{password, user, both[:12], encoded(password), encoded(user)} {
				if strings.Contains(failure.Reply, secret) {
					t.Errorf("%q has %q", failure.Reply, secret)
				}
			}
		})
	}
}

// What people read of a long answer is short, whatever stands before it.
func TestLongAnswersAreCut(t *testing.T) {
	long := strings.Repeat("é", 5000)
	for word, answer := range map[string]string{"RCPT": "550 " + long, ".": "299 " + long} {
		answers := map[string]string{"EHLO": "250 here", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "RSET": "250 ok", "QUIT": "221 bye"}
		answers[word] = answer
		port, _ := scriptedServer(t, "220 hi", answers)
		m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: "127.0.0.1", Port: port, TLS: checkoutsmtp.None, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var failure *checkout.MailError
		if err := m.Send(t.Context(), plainMail()); !errors.As(err, &failure) || !strings.Contains(failure.Reply, "éé") || len([]rune(failure.Reply)) != 500 {
			t.Errorf("%s: %d runes, %.100v", word, len([]rune(failure.Reply)), err)
		}
	}
}

// listen is a server for one conversation.
func listen(t testing.TB, talk func(conn net.Conn, lines func() string)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		talk(conn, func() string {
			line := []byte{}
			for one := make([]byte, 1); ; {
				if _, err := conn.Read(one); err != nil || one[0] == '\n' {
					return strings.TrimSpace(string(line))
				}
				line = append(line, one[0])
			}
		})
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// A server that never stops talking costs a try, and not our memory.
func TestAServerThatTalksWithoutEnd(t *testing.T) {
	said := make(chan int, 1)
	port := listen(t, func(conn net.Conn, _ func() string) {
		line, n := strings.Repeat("x", 1<<20), 0
		for range 200 {
			if _, err := fmt.Fprint(conn, line); err != nil {
				break
			}
			n++
		}
		said <- n
	})
	m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: "127.0.0.1", Port: port, TLS: checkoutsmtp.None, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var failure *checkout.MailError
	if err := m.Send(t.Context(), plainMail()); !errors.As(err, &failure) || failure.Permanent || len(failure.Reply) > 2100 {
		t.Errorf("%.300v", err)
	}
	runtime.ReadMemStats(&after)
	if n := <-said; n > 50 {
		t.Errorf("it was listened to for %d MiB", n)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}

// Domains travel as A-labels; a name that is not ASCII takes a server that can.
func TestAddressesInEveryScript(t *testing.T) {
	server := startMailServer(t)
	m := plainMail()
	m.ID, m.From, m.ReplyTo, m.To = "inv.1.1@bücher.example", "Bücher <billing@bücher.example>", "help@bücher.example", "ada@münchen.example"
	if err := server.mailer().Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.all()[0]
	head, _, _ := strings.Cut(string(got.raw), "\r\n\r\n")
	if got.from != "billing@xn--bcher-kva.example" || got.to[0] != "ada@xn--mnchen-3ya.example" || !strings.Contains(head, "Message-ID: <inv.1.1@xn--bcher-kva.example>") || strings.ContainsFunc(head, func(r rune) bool { return r > 127 }) {
		t.Errorf("%s to %v\n%s", got.from, got.to, head)
	}
	if read := readMails(t, got.raw)[0]; read.From[0].Name != "Bücher" || read.To[0].Address != "ada@münchen.example" && read.To[0].Address != "ada@xn--mnchen-3ya.example" {
		t.Errorf("%+v", read)
	}
	m.To = "müller@b.example"
	var failure *checkout.MailError
	if err := server.mailer().Send(t.Context(), m); !errors.As(err, &failure) || !failure.Permanent || !strings.Contains(failure.Reply, "SMTPUTF8") || len(server.all()) != 1 {
		t.Errorf("%#v", err)
	}
	can := startMailServer(t, func(s *mailServer) { s.international = true })
	if err := can.mailer().Send(t.Context(), m); err != nil || can.all()[0].to[0] != "müller@b.example" {
		t.Errorf("%v, %+v", err, can.all())
	}
}

// No header is written in UTF-8 for a server that does not take it, whichever address asks for it, and a domain that has no
// A-labels is refused before anybody is asked.
func TestAddressesThatNeedMore(t *testing.T) {
	const local, domain = "müller@b.example", "a@my_bücher.example"
	for name, c := range map[string]struct {
		spoil func(*checkout.Mail)
		never bool // also where the server takes UTF-8
	}{
		"sender":               {func(m *checkout.Mail) { m.From = local }, false},
		"reply":                {func(m *checkout.Mail) { m.ReplyTo = local }, false},
		"recipient":            {func(m *checkout.Mail) { m.To = local }, false},
		"domain of sender":     {func(m *checkout.Mail) { m.From = domain }, true},
		"domain of reply":      {func(m *checkout.Mail) { m.ReplyTo = domain }, true},
		"domain of recipient":  {func(m *checkout.Mail) { m.To = domain }, true},
		"domain of Message-ID": {func(m *checkout.Mail) { m.ID = domain }, true},
	} {
		for _, international := range []bool{false, true} {
			server, m := startMailServer(t, func(s *mailServer) { s.international = international }), plainMail()
			c.spoil(&m)
			err := server.mailer().Send(t.Context(), m)
			if taken := international && !c.never; taken != (err == nil) || taken != (len(server.all()) == 1) {
				t.Errorf("%s, SMTPUTF8 %v: %v", name, international, err)
			}
			var failure *checkout.MailError
			if err != nil && (!errors.As(err, &failure) || !failure.Permanent || failure.Reply == "") {
				t.Errorf("%s: %#v", name, err)
			}
		}
	}
}

// A German business gets its invoice as a file that programs read, and the parts stand as RFC 2046 wants them: the plainest first.
func TestTheXMLArrives(t *testing.T) {
	server := startMailServer(t)
	s := mailShop(t, server.mailer(), func(cfg *checkout.Config) {
		cfg.Seller = checkout.Seller{
			LegalName: "Acme Coffee GmbH", Address: checkout.PostalAddress{Line1: "Oranienstraße 12", PostalCode: "10999", City: "Berlin", Country: "DE"},
			VATID: "DE123456789", Contact: "Accounts", Email: "billing@acme.example", Phone: "+49 30 1234567",
		}
	})
	text := func(s string) *string { return &s }
	rate := int64(700)
	order := s.order(func(p *checkout.SessionParams) {
		p.LineItems[0].TaxRateBP = &rate
		p.BillingDetails = &checkout.BillingDetails{Company: text("Engines GmbH"), TaxID: text("DE987654321"), Address: &checkout.Address{
			Line1: text("Hauptstraße 1"), PostalCode: text("50667"), City: text("Köln"), Country: text("DE"),
		}}
	})
	s.settled(order)
	docs, err := s.co.Documents(t.Context(), order.ID)
	if err != nil || len(docs) != 1 || docs[0].Profile != "xrechnung" {
		t.Fatalf("%+v, %v", docs, err)
	}
	got := server.all()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	raw, m := string(got[0].raw), readMails(t, got[0].raw)[0]
	want, err := s.co.DocumentXML(docs[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].Name != docs[0].Number+".xml" || m.Attachments[0].Type != "application/xml" || !bytes.Equal(m.Attachments[0].Content, want) {
		t.Fatalf("%+v", m.Attachments)
	}
	for d := xml.NewDecoder(bytes.NewReader(m.Attachments[0].Content)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	mixed, plain, html := strings.Index(raw, "multipart/mixed"), strings.Index(raw, "text/plain"), strings.Index(raw, "text/html")
	if alternative := strings.Index(raw, "multipart/alternative"); mixed < 0 || mixed > alternative || alternative > plain || plain > html || html > strings.Index(raw, "application/xml") {
		t.Errorf("the parts are in the wrong order: %s", raw)
	}
}

// Servers that are not there, that hang or hang up cost a try. After the 250 nothing does: the mail is theirs.
func TestServersThatBreakOff(t *testing.T) {
	all := map[string]string{"EHLO": "250 here", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken", "RSET": "250 ok", "QUIT": "221 bye"}
	without := func(words ...string) map[string]string {
		left := map[string]string{}
		for word, answer := range all {
			if !slices.Contains(words, word) {
				left[word] = answer
			}
		}
		return left
	}
	answering := func(word, answer string) map[string]string {
		changed := without()
		changed[word] = answer
		return changed
	}
	for name, c := range map[string]struct {
		greeting string
		answers  map[string]string
		taken    bool
		code     int
		unknown  bool // it may have the mail
	}{
		"says nothing":       {"", nil, false, 0, false},
		"busy":               {"421 busy", nil, false, 421, false},
		"cut at MAIL":        {"220 hi", without("MAIL"), false, 0, false},
		"cut at DATA":        {"220 hi", without("DATA"), false, 0, false},
		"cut after the mail": {"220 hi", without("."), false, 0, true},
		"silent after it":    {"220 hi", answering(".", ""), false, 0, true},
		"refused after it":   {"220 hi", answering(".", "451 no"), false, 451, false},
		"cut after taken":    {"220 hi", without("RSET", "QUIT"), true, 0, false},
		"good":               {"220 hi", all, true, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			port, heard := scriptedServer(t, c.greeting, c.answers)
			m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: "127.0.0.1", Port: port, TLS: checkoutsmtp.None, Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			err = m.Send(t.Context(), plainMail())
			var failure *checkout.MailError
			if c.taken != (err == nil) || (err != nil && (!errors.As(err, &failure) || failure.Permanent || failure.Code != c.code || failure.Unknown != c.unknown)) {
				t.Errorf("%#v after\n%s", err, heard())
			}
		})
	}
	port, _ := scriptedServer(t, "", nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	m, err := checkoutsmtp.New(checkoutsmtp.Config{Host: "127.0.0.1", Port: port, TLS: checkoutsmtp.None, Timeout: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Send(ctx, plainMail()); err == nil {
		t.Error("a server that says nothing has taken a mail")
	}
	server := startMailServer(t)
	down := server.mailer(func(c *checkoutsmtp.Config) { c.Port = 1 })
	var failure *checkout.MailError
	if err := down.Send(t.Context(), plainMail()); !errors.As(err, &failure) || failure.Permanent || failure.Code != 0 {
		t.Errorf("a server that is down: %#v", err)
	}
}

func TestImplicitTLSAndPlainOnLoopback(t *testing.T) {
	plain := startMailServer(t, func(s *mailServer) { s.plain = true })
	if err := plain.mailer(func(c *checkoutsmtp.Config) { c.TLS = checkoutsmtp.None }).Send(t.Context(), plainMail()); err != nil {
		t.Error(err)
	}
	wrapped := startMailServer(t, func(s *mailServer) { s.wrap = true })
	if err := wrapped.mailer(func(c *checkoutsmtp.Config) { c.TLS = checkoutsmtp.Implicit }).Send(t.Context(), plainMail()); err != nil {
		t.Error(err)
	}
	if len(plain.all()) != 1 || len(wrapped.all()) != 1 {
		t.Errorf("%d and %d mails came", len(plain.all()), len(wrapped.all()))
	}
}
