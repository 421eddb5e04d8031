package checkout

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// outTray is a Mailer that keeps what it gets and answers as told.
type outTray struct {
	mu     sync.Mutex
	got    []Mail
	answer func(n int, m Mail) error // of the n-th call, from 1; nil: taken
}

func (o *outTray) Send(_ context.Context, m Mail) error {
	o.mu.Lock()
	o.got = append(o.got, m)
	n, answer := len(o.got), o.answer
	o.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(n, m)
}

func (o *outTray) all() []Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Mail(nil), o.got...)
}

// mailing has a Mailer, also for test mode.
func mailing(tray *outTray) func(*Config) {
	return func(c *Config) {
		c.Mailer, c.Mail = tray, MailSettings{From: "Acme Coffee <billing@acme.example>", ReplyTo: "help@acme.example", SendTest: true}
	}
}

// sendMails does the workers' part once.
func (s *shop) sendMails() {
	s.t.Helper()
	if err := errors.Join(s.co.issueDue(s.t.Context()), s.co.mailDue(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) mailRows() []mailRecord {
	s.t.Helper()
	list, err := all(s.co.store.direct(s.t.Context()), readMail, `SELECT `+mailColumns+` FROM {mails} ORDER BY id`)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// mailRow is the only mail there is.
func (s *shop) mailRow(want mailState) mailRecord {
	s.t.Helper()
	list := s.mailRows()
	if len(list) != 1 || list[0].State != want {
		s.t.Fatalf("the mails are %+v, want one that is %s", list, want)
	}
	return list[0]
}

func TestACompletionSendsItsDocument(t *testing.T) {
	tray := &outTray{}
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		tray.got = nil
		s := newShop(t, db, invoicing, mailing(tray))
		id := s.create(billedBody)
		s.pay(id, "4242424242424242")
		if err := s.co.mailDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.mailRow(mailIsDue); len(tray.all()) != 0 {
			t.Fatal("a mail left before its document had a number")
		}
		s.sendMails()
		s.sendMails()
		d := s.issuedFor(id, 1)[0]
		r := s.mailRow(mailSent)
		if r.Tries != 1 || r.Doubtful != 0 || r.EndedAt == nil || r.Claim != nil {
			t.Errorf("%+v", r)
		}
		got := tray.all()
		if len(got) != 1 {
			t.Fatalf("%d mails left", len(got))
		}
		m := got[0]
		wantID := "inv." + strings.TrimPrefix(d.ID, "inv_") + ".1@acme.example"
		if m.ID != wantID || m.To != "ada@example.com" || m.Lang != "de" || m.Subject != "[TEST] Rechnung TEST-2025-000001 von Acme Coffee (59,99\u00a0€)" {
			t.Errorf("%s to %s in %s: %q", m.ID, m.To, m.Lang, m.Subject)
		}
		link, err := s.co.DocumentURL(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			link, "59,99", "Beans", "Mill", "DE123456789", "Oranienstraße 12", "Ada Lovelace", "A-7", "help@acme.example", "Test: kein steuerliches Dokument", "Vielen Dank!",
		} {
			if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("%q is missing: in the text %v, in the HTML %v", want, strings.Contains(m.Text, want), strings.Contains(m.HTML, want))
			}
		}
	})
}

func TestARefundSendsItsDocument(t *testing.T) {
	tray := &outTray{}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		d := s.documented(billedBody)
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID, AmountCents: 1000}); err != nil {
			t.Fatal(err)
		}
		s.sendMails()
		subjects := map[string]bool{}
		for _, m := range tray.all() { // sent side by side, in any order
			subjects[m.Subject] = true
		}
		if len(subjects) != 2 || !subjects["[TEST] Rechnung TEST-2025-000001 von Acme Coffee (59,99\u00a0€)"] || !subjects["[TEST] Rechnungskorrektur TEST-C-2025-000001 von Acme Coffee (10,00\u00a0€)"] {
			t.Errorf("%v", subjects)
		}
	}, invoicing, mailing(tray))
}

// A refund that is rolled back leaves neither a document nor a mail.
func TestARolledBackRefundLeavesNoMail(t *testing.T) {
	refuse := false
	eachShop(t, func(t *testing.T, s *shop) {
		refuse = false
		d := s.documented(billedBody)
		refuse = true
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID, AmountCents: 1000}); err == nil && s.get(d.SessionID)["amount_refunded_cents"] != float64(0) {
			t.Error("the hook's no counts for nothing")
		}
		if s.count("mails", "kind = 'refunded'") != 0 || s.count("documents", "refund_id IS NOT NULL") != 0 {
			t.Error("there is a mail or a document of a refund that was not booked")
		}
	}, invoicing, mailing(&outTray{}), func(c *Config) {
		c.OnEvent = func(_ context.Context, _ *gorm.DB, e Event) error {
			if refuse && e.Type == "checkout.refund.succeeded" {
				return errors.New("no")
			}
			return nil
		}
	})
}

func TestWhoGetsNoMail(t *testing.T) {
	if s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), mailing(&outTray{})); s.co.mailOf(sessionRecord{Mode: Test}, mailCompleted, "cs_x", nil, 0) != nil {
		t.Error("there is a mail to nobody")
	}
	for name, c := range map[string]struct {
		set  func(*Config)
		body string
		live bool
		want int
	}{
		"documents off":       {func(c *Config) { c.Documents.Off = true }, seedBody, false, 0},
		"live without Mailer": {func(c *Config) { c.Mailer = nil }, seedBody, true, 0},
		"live with a Mailer":  {func(*Config) {}, seedBody, true, 1},
		"test without Mailer": {func(c *Config) { c.Mailer = nil }, seedBody, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tray := &outTray{}
			db := dbtest.Open(t, dbtest.SQLite, nil)
			if c.live {
				s := newLiveShop(t, db, newScripted(outcome{state: StateSucceeded}), mailing(tray), c.set)
				s.payWire(s.create(c.body))
				if n := s.count("mails", "kind = 'completed'"); n != c.want {
					t.Errorf("%d rows, want %d", n, c.want)
				}
				return
			}
			s := newShop(t, db, mailing(tray), c.set)
			id := s.create(c.body)
			if w := s.api("POST", "/test/sessions/"+id+"/pay", ""); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if n := s.count("mails", "kind = 'completed'"); n != c.want {
				t.Errorf("%d rows, want %d", n, c.want)
			}
		})
	}
}

// Test mode shows its mails in the admin and sends none, whether there is a Mailer or not.
func TestTestModeCatchesItsMails(t *testing.T) {
	tray := &outTray{}
	eachShop(t, func(t *testing.T, s *shop) {
		s.documented(seedBody)
		s.sendMails()
		r := s.mailRow(mailCaught)
		if r.Tries != 0 || r.Subject == nil || !strings.HasPrefix(*r.Subject, "[TEST] ") || !strings.Contains(orEmpty(r.HTML), "25.00") || len(tray.all()) != 0 {
			t.Errorf("%+v, %d mails left", r, len(tray.all()))
		}
	}, mailing(tray), func(c *Config) { c.Mail.SendTest = false })
}

// What the hook rolls back leaves no mail behind.
func TestARolledBackCompletionLeavesNoMail(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		if s.count("mails", "1 = 1") != 0 || s.get(id)["status"] != "pending" {
			t.Error("there is a mail of an order that was not completed")
		}
	}, mailing(&outTray{}), func(c *Config) {
		c.OnEvent = func(context.Context, *gorm.DB, Event) error { return errors.New("no") }
	})
}

func TestMailsAreTriedAgain(t *testing.T) {
	tray := &outTray{answer: func(int, Mail) error { return &MailError{Code: 451, Reply: "451 4.7.1 try later"} }}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		s.documented(seedBody)
		s.sendMails()
		first := s.mailRow(mailIsDue)
		if *first.Code != 451 || *first.Reply != "451 4.7.1 try later" {
			t.Errorf("%+v", first)
		}
		for i, wait := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
			r := s.mailRow(mailIsDue)
			if got := fromMillis(r.NextAt).Sub(s.clock.now()); got != wait || r.Tries != i+1 {
				t.Fatalf("after try %d it waits %v, want %v", r.Tries, got, wait)
			}
			s.clock.advance(wait - time.Second)
			s.sendMails()
			if len(tray.all()) != i+1 {
				t.Fatal("it was tried too early")
			}
			s.clock.advance(time.Second)
			s.sendMails()
		}
		if r := s.mailRow(mailFailed); r.Tries != 8 || *r.Subject != *first.Subject || *r.HTML != *first.HTML {
			t.Errorf("%+v", r)
		}
		for _, m := range tray.all() {
			if m.ID != tray.all()[0].ID {
				t.Error("the Message-ID has changed")
			}
		}
	}, mailing(tray))
}

func TestAMailThatIsRefusedStops(t *testing.T) {
	tray := &outTray{answer: func(int, Mail) error {
		return fmt.Errorf("x: %w", &MailError{Code: 550, Reply: "550 no such user", Permanent: true})
	}}
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), mailing(tray))
	d := s.documented(seedBody)
	s.sendMails()
	s.clock.advance(48 * time.Hour)
	s.sendMails()
	if r := s.mailRow(mailFailed); *r.Code != 550 || *r.Reply != "550 no such user" || len(tray.all()) != 1 {
		t.Errorf("%+v", r)
	}
	if got := s.get(d.SessionID); got["status"] != "completed" || got["payment_status"] != "paid" {
		t.Errorf("the order is %v", got)
	}
}

type plainPrinter struct{}

func (plainPrinter) Print(_ context.Context, s Sheet) ([]byte, error) {
	return []byte("%PDF " + s.Title), nil
}

func TestThePDFIsAttached(t *testing.T) {
	tray := &outTray{}
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), mailing(tray), func(c *Config) { c.Printer = plainPrinter{} })
	s.documented(seedBody)
	s.sendMails()
	a := tray.all()[0].Attachments
	if len(a) != 1 || a[0].Name != "TEST-R-2025-000001.pdf" || a[0].Type != "application/pdf" || string(a[0].Content) != "%PDF Receipt TEST-R-2025-000001" {
		t.Errorf("%+v", a)
	}
}

// dieAt panics at a point once; what runs there is contained and writes nothing any more.
func (s *shop) dieAt(point string) {
	s.co.shared.failpoint = func(name string) {
		if name == point {
			s.co.shared.failpoint = nil
			panic("killed at " + name)
		}
	}
}

// Thirty-two workers of four processes send each mail once.
func TestManyWorkersSendEachMailOnce(t *testing.T) {
	const mails = 300
	for _, dialect := range dbtest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			tray := &outTray{}
			s := newShop(t, dbtest.OpenUnsynced(t, dialect), mailing(tray))
			s.mailsFor(mails)
			processes := []*shop{s, secondProcess(t, s), secondProcess(t, s), secondProcess(t, s)}
			var wg sync.WaitGroup
			for _, p := range processes {
				for range 8 {
					wg.Go(func() {
						if err := p.co.mailDue(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			seen := map[string]int{}
			for _, m := range tray.all() {
				seen[m.ID]++
			}
			if len(seen) != mails || len(tray.all()) != mails || s.count("mails", "state = 'sent'") != mails {
				t.Errorf("%d mails, %d of them different, %d marked as sent; want %d", len(tray.all()), len(seen), s.count("mails", "state = 'sent'"), mails)
			}
		})
	}
}

// mailsFor leaves n documents whose mails are due.
func (s *shop) mailsFor(n int) {
	s.t.Helper()
	s.dueFor(n)
	s.issueAll()
	now, t := millis(s.co.now()), s.co.store.direct(s.t.Context())
	for _, id := range s.texts(`SELECT id FROM {documents} WHERE state = 'issued'`) {
		d, err := s.co.store.document(s.t.Context(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		address := "a@example.com"
		rec := sessionRecord{ID: d.SessionID, Mode: Test, CustomerEmail: &address}
		if err := t.insertMail(s.co.mailOf(rec, mailCompleted, d.SessionID, &d.ID, now)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestDocumentsAreSentAgainAsCopies(t *testing.T) {
	tray := &outTray{}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		d := s.documented(seedBody)
		answer := decode(t, s.api("POST", "/invoices/"+d.ID+"/send", ""))
		if n := len(s.mailRows()); n != 1 {
			t.Fatalf("%d mails while the first is on its way", n)
		}
		s.sendMails()
		w := s.api("POST", "/invoices/"+d.ID+"/send", "")
		again := decode(t, w)
		if w.Code != 202 || again["object"] != "mail" || again["invoice_id"] != d.ID || again["status"] != "due" || again["email"] != "customer@example.com" || again["id"] == answer["id"] {
			t.Errorf("%d %v, before %v", w.Code, again, answer)
		}
		s.sendMails()
		got := tray.all()
		if len(got) != 2 || !strings.HasSuffix(got[1].ID, ".2@acme.example") || !strings.HasPrefix(got[1].Subject, "[TEST] Copy: Receipt") || !strings.Contains(got[1].Text, "copy of an earlier message") {
			t.Errorf("%+v", got)
		}
		if n := s.count("audit", "action = 'mail.send'"); n != 1 {
			t.Errorf("%d lines in the audit log", n)
		}
	}, mailing(tray))
}

// A completion rings whoever numbers documents, a number rings whoever sends mails, and so does a copy: buyers do not wait for
// the workers' turn.
func TestACompletionRingsTheWorkers(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	rung := func(what string, w waker) {
		t.Helper()
		select {
		case <-w:
		default:
			t.Errorf("%s rings nobody", what)
		}
	}
	s.pay(s.create(seedBody), "4242424242424242")
	rung("a completion", s.co.shared.documents)
	s.issueAll()
	rung("a number", s.co.shared.mails)
	s.sendMails()
	for len(s.co.shared.mails) > 0 {
		<-s.co.shared.mails
	}
	if _, err := s.co.SendDocument(t.Context(), s.firstDocument()); err != nil {
		t.Fatal(err)
	}
	rung("a copy", s.co.shared.mails)
}

// Who repairs a mail server need not wait for the next try.
func TestSendingAgainTriesNow(t *testing.T) {
	answer := error(&MailError{Code: 421, Reply: "421 later"})
	tray := &outTray{answer: func(int, Mail) error { return answer }}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		answer = &MailError{Code: 421, Reply: "421 later"}
		d := s.documented(seedBody)
		s.sendMails()
		r := s.mailRow(mailIsDue)
		if r.NextAt <= millis(s.clock.now()) {
			t.Fatalf("%+v is tried again at once", r)
		}
		answer = nil
		s.sendMails()
		if len(tray.all()) != 1 {
			t.Fatal("it was tried before its time")
		}
		if w := s.api("POST", "/invoices/"+d.ID+"/send", ""); w.Code != 202 || decode(t, w)["id"] != r.ID {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.sendMails()
		if sent := s.mailRow(mailSent); len(tray.all()) != 2 || sent.ID != r.ID || s.count("audit", "action = 'mail.send'") != 1 {
			t.Errorf("%d mails left, %+v", len(tray.all()), sent)
		}
	}, mailing(tray))
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	d := s.documented(strings.Replace(seedBody, `"metadata"`, `"locale":"en","metadata"`, 1))
	wantRefusal(t, s.api("POST", "/invoices/inv_"+hex44("0")+"/send", ""), 404, "resource_missing", "")
	if err := s.db.Exec("UPDATE checkout_sessions SET customer_email = NULL").Error; err != nil {
		t.Fatal(err)
	}
	if err := s.db.Exec("UPDATE checkout_mails SET state = 'caught'").Error; err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, s.api("POST", "/invoices/"+d.ID+"/send", ""), 409, "invoice_not_sendable", "")
}

var (
	mailTagRule = regexp.MustCompile(`(?s)<(style|title).*?</(style|title)>|<[^>]*>`)
	figureRule  = regexp.MustCompile(`\p{Nd}[\p{Nd}.,\x{66b}\x{66c}]*`)
)
