package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// wordyBody is an order of twenty items with names and descriptions of the greatest length, in letters of two bytes.
func wordyBody() string {
	item := fmt.Sprintf(`{"name":%q,"description":%q,"amount":125,"currency":"eur","quantity":1}`, strings.Repeat("م", 250), strings.Repeat("ش", 500))
	return strings.Replace(seedBody, `{"name":"Premium Coffee Beans","amount":2500,"currency":"eur","quantity":1}`, strings.Repeat(item+",", 19)+item, 1)
}

// sentFor pays an order and gives the one mail of it.
func (s *shop) sentFor(tray *outTray, body string) Mail {
	s.t.Helper()
	s.pay(s.create(body), "4242424242424242")
	s.sendMails()
	got := tray.all()
	if len(got) != 1 {
		s.t.Fatalf("%d mails", len(got))
	}
	return got[0]
}

func TestAWordyMailLeavesLinesOut(t *testing.T) {
	tray := &outTray{}
	m := oneShop(t, mailing(tray)).sentFor(tray, wordyBody())
	if n := len(m.Text) + len(m.HTML); n > mailBytes {
		t.Errorf("the parts have %d bytes", n)
	}
	for part, text := range map[string]string{"text": m.Text, "html": m.HTML} {
		if !strings.Contains(text, "€25.00") || !strings.Contains(text, "/documents/inv_") || !strings.Contains(text, "ممم") {
			t.Errorf("the %s part lacks the total, the link or every line: %s", part, text)
		}
	}
}

// A hundred rates with long names have a hundred sums: the mail keeps the total.
func TestAMailOfManyRatesIsSmall(t *testing.T) {
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"name":"Item %d","amount":100,"currency":"eur","tax_rate_bp":%d,"tax_name":%q}`, i, 100+i, fmt.Sprintf("%-31dx", i)))
	}
	body := strings.Replace(billedBody, billedBody[strings.Index(billedBody, "[")+1:strings.Index(billedBody, "],")], strings.Join(items, ","), 1)
	tray := &outTray{}
	m := oneShop(t, mailing(tray)).sentFor(tray, body)
	if n := len(m.Text) + len(m.HTML); n > mailBytes {
		t.Errorf("the parts have %d bytes", n)
	}
	for part, text := range map[string]string{"text": m.Text, "html": m.HTML} {
		if !strings.Contains(text, "100,00") || !strings.Contains(text, "/documents/inv_") || !strings.Contains(text, "Die übrigen Positionen") {
			t.Errorf("the %s part lacks the total, the link or the hint: %s", part, text)
		}
	}
}

func TestTheXMLIsAttached(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		tray := &outTray{}
		m := newShop(t, db, invoicing, mailing(tray)).sentFor(tray, billedBody)
		if len(m.Attachments) != 1 || m.Attachments[0].Type != "application/xml" || m.Attachments[0].Name != "TEST-2025-000001.xml" || !strings.Contains(string(m.Attachments[0].Content), "<Invoice") {
			t.Errorf("the attachments are %+v", m.Attachments)
		}
	})
}

// stubborn is a Mailer that does not end with its context.
type stubborn struct{ release chan struct{} }

func (s stubborn) Send(context.Context, Mail) error { <-s.release; return nil }

func TestAMailerThatDoesNotComeBackIsLeft(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := oneShop(t, func(c *Config) { c.Mailer, c.Mail = stubborn{release}, MailSettings{From: "a@acme.example"} })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.co.callMailer(ended, Mail{}); !unknownMail(err) || !errors.Is(err, errTooLate) {
		t.Errorf("it ends with %v", err)
	}
}

func TestTestModeWithoutAMailerIsCaughtWhateverItsSettings(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newShop(t, db, func(c *Config) { c.Mail = MailSettings{From: "a@acme.example", SendTest: true} })
		s.pay(s.create(seedBody), "4242424242424242")
		s.sendMails()
		s.mailRow(mailCaught)
	})
}

func TestAHostsLettersWin(t *testing.T) {
	tray := &outTray{}
	own := func(files fstest.MapFS) func(*Config) { return func(c *Config) { c.Templates = files } }
	m := oneShop(t, mailing(tray), own(fstest.MapFS{"mail/mail.txt": {Data: []byte("Own: {{.Title}}\n")}})).sentFor(tray, seedBody)
	if !strings.HasPrefix(m.Text, "Own: Receipt TEST-R-") || !strings.Contains(m.HTML, "<!doctype html>") {
		t.Errorf("%s\n%.100s", m.Text, m.HTML)
	}
	for name, broken := range map[string]string{"mail/mail.html": "{{.Nothing}}", "mail/mail.txt": "{{if}}"} {
		_, err := New(Config{DB: dbtest.Open(t, dbtest.SQLite, nil), BaseURL: "http://shop.test", Templates: fstest.MapFS{name: {Data: []byte(broken)}}})
		if err == nil || !strings.Contains(err.Error(), "Config.Templates") {
			t.Errorf("%s with %s is answered with %v", name, broken, err)
		}
	}
}
