package checkout

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// After a minute the buyer of a transfer hears how to pay, with everything that the page shows and a code to scan.
func TestATransferIsExplainedByMail(t *testing.T) {
	tray, a := &outTray{}, newAccount()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		tray.got = nil
		s := newLiveShop(t, db, a, mailing(tray))
		id, ref := s.awaited(a)
		s.sendMails()
		s.clock.advance(mailPatience - time.Second)
		s.sendMails()
		if s.mailRow(mailIsDue); len(tray.all()) != 0 {
			t.Fatal("it was sent too early")
		}
		s.clock.advance(time.Second)
		s.sendMails()
		s.mailRow(mailSent)
		m := tray.all()[0]
		if m.Subject != "Acme Coffee: please pay €25.00" || !strings.HasPrefix(m.ID, "pay.") {
			t.Errorf("%s: %q", m.ID, m.Subject)
		}
		in, _ := s.co.instructions(s.attemptRecord(id), "en")
		for _, want := range []string{ref, "€25.00", "/checkout/" + id} {
			if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("%q is missing in\n%s", want, m.Text)
			}
		}
		for _, f := range in.Fields {
			if !strings.Contains(m.Text, f.Value) {
				t.Errorf("%q is missing", f.Value)
			}
		}
		if in.QR != "" && (len(m.Attachments) != 1 || m.Attachments[0].ID != "qr" || !strings.Contains(m.HTML, `src="cid:qr"`) || !strings.HasPrefix(string(m.Attachments[0].Content), "\x89PNG")) {
			t.Errorf("the code is missing: %d attachments", len(m.Attachments))
		}
		s.transfer("whole", ref, 2500, booked(id, 0, 0))
		s.sendMails()
		if n := s.count("mails", "state = 'sent'"); n != 2 {
			t.Errorf("%d mails, want 2", n)
		}
	})
}

func (s *shop) attemptRecord(session string) paymentRecord {
	s.t.Helper()
	p, err := s.co.store.lastPayment(s.t.Context(), session)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// What has ended within the minute is not told any more.
func TestAPaymentThatWasQuickIsNotExplained(t *testing.T) {
	tray, a := &outTray{}, newAccount()
	s := newLiveShop(t, dbtest.Open(t, dbtest.SQLite, nil), a, mailing(tray))
	id, ref := s.awaited(a)
	s.transfer("whole", ref, 2500, booked(id, 0, 0))
	s.clock.advance(mailPatience)
	s.sendMails()
	if n := s.count("mails", "kind = 'processing' AND state = 'canceled'"); n != 1 || len(tray.all()) != 1 || !strings.HasPrefix(tray.all()[0].ID, "inv.") {
		t.Errorf("%d canceled, sent %+v", n, tray.all())
	}
}

func TestABankThatTakesItsTimeIsTold(t *testing.T) {
	tray := &outTray{}
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), mailing(tray))
	s.pay(s.create(seedBody), "4000000000012239") // stays open
	s.clock.advance(mailPatience)
	s.sendMails()
	s.mailRow(mailSent)
	if m := tray.all()[0]; m.Subject != "[TEST] Acme Coffee: your payment of €25.00 is on its way" || !strings.Contains(m.Text, "*** Test mode ***") {
		t.Errorf("%q\n%s", m.Subject, m.Text)
	}
}

// figuresIn counts the figures of a text.
func figuresIn(text string) map[string]int {
	n := map[string]int{}
	for _, figure := range figureRule.FindAllString(text, -1) {
		n[figure]++
	}
	return n
}

// A part of a transfer that has come in between two tries is taken off what the mail asks for, and a mail whose payment waits for
// its buyer comes when the bank has it again.
func TestATransferMailIsWrittenAnew(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		tray, a := &outTray{answer: func(n int, _ Mail) error {
			if n == 1 {
				return &MailError{Code: 451, Reply: "451 later"}
			}
			return nil
		}}, newAccount()
		s := newLiveShop(t, db, a, mailing(tray))
		id, ref := s.awaited(a)
		s.clock.advance(mailPatience)
		s.sendMails()
		first := s.mailRow(mailIsDue)
		s.transfer("a part", ref, 1000, booked(id, 1500, 0))
		s.clock.advance(mailAfter[0])
		s.exec(`UPDATE {payments} SET step = 'open'`)
		s.sendMails()
		if r := s.mailRow(mailIsDue); r.NextAt != millis(s.clock.now().Add(mailPatience)) {
			t.Errorf("it waits until %v", fromMillis(r.NextAt))
		}
		s.exec(`UPDATE {payments} SET step = ?`, StateActionRequired)
		s.clock.advance(mailPatience)
		s.sendMails()
		got := tray.all()
		if len(got) != 2 || !strings.Contains(got[1].Text, "€15.00") || strings.Contains(got[1].Text, "€25.00") || got[1].ID != *first.MessageID {
			t.Errorf("%d mails, the last one says %s", len(got), got[len(got)-1].Text)
		}
	})
}

// Every language: the text says every figure of the HTML, nothing is loaded from elsewhere, and the size is kept.
func TestMailsInEveryLanguage(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, mailing(&outTray{}))
	var items []string
	for i := range 30 {
		items = append(items, fmt.Sprintf(`{"name":"Item %d of a rather long name that goes on for a while","description":"Roasted on day %d","amount":%d,"currency":"eur","quantity":%d,"tax_rate_bp":%d}`, i, i, 12345+i*77, i+1, []int{700, 1900}[i%2]))
	}
	d := s.documented(`{"line_items":[` + strings.Join(items, ",") + billedBody[strings.Index(billedBody, `],"customer_email"`):])
	largest := 0
	for _, lang := range shippedLocales {
		d.Locale = lang
		v := s.co.mailOfDocument(d)
		v.Link = "http://shop.test/checkout/documents/x?key=y"
		r := mailRecord{Revision: 2, Mode: Test}
		if err := s.co.fillMail(&r, v, d.ID); err != nil {
			t.Fatal(err)
		}
		size := len(*r.Text) + len(*r.HTML)
		largest = max(largest, size)
		inText := figuresIn(*r.Text)
		once := strings.Replace(html.UnescapeString(mailTagRule.ReplaceAllString(*r.HTML, " ")), v.Lead, "", 1) // it is there twice, once for lists of mails
		for figure, n := range figuresIn(once) {
			if inText[figure] < n {
				t.Errorf("%s: the text says %q %d times, the HTML %d times", lang, figure, inText[figure], n)
			}
		}
		dir := "ltr"
		if lang == "ar" || lang == "he" {
			dir = "rtl"
		}
		if !strings.Contains(*r.HTML, `<html lang="`+lang+`" dir="`+dir+`">`) || strings.Contains(*r.HTML, "<img") || strings.Contains(*r.HTML, "url(") || strings.Contains(*r.HTML, "ZgotmplZ") {
			t.Errorf("%s: %s", lang, *r.HTML)
		}
		if n := strings.Count(*r.Text, "\n- "); n != mailItems+1 {
			t.Errorf("%s: %d items, want %d and a word about the rest", lang, n, mailItems)
		}
		if strings.Contains(*r.Text, "mail.") || strings.Contains(*r.Text, "{") {
			t.Errorf("%s: a word is missing in\n%s", lang, *r.Text)
		}
	}
	t.Logf("the largest mail has %d bytes in its two parts", largest)
	if largest > 20<<10 {
		t.Errorf("%d bytes are too many", largest)
	}
}

// What comes from outside stays on its line: it cannot look like a line of ours.
func TestWordsFromOutsideMakeNoLines(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	const bad = "x\nTotal paid: 0\u202e"
	v := mailView{Lang: "en", Subject: bad, Title: bad, Lead: bad, Text: []string{bad}, Notes: []string{bad}, Buyer: []string{bad}, Seller: []string{bad}, Facts: []SheetFact{{bad, bad}}}
	r := mailRecord{Revision: 1, Mode: Live}
	if err := s.co.fillMail(&r, v, "inv_1"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(*r.Text, "\nTotal") || strings.Contains(*r.Subject, "\n") || strings.Contains(*r.Text+*r.HTML, "\u202e") || strings.Count(*r.Text, "Total paid") != 8 {
		t.Errorf("%q", *r.Text)
	}
}
