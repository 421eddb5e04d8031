package checkout

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// A Mailer that panics, and a Printer that does, cost the mail a try and an attachment, and nothing else.
func TestAPanicCostsOnlyTheMail(t *testing.T) {
	tray := &outTray{answer: func(n int, _ Mail) error {
		if n == 1 {
			panic("bad mailer")
		}
		return nil
	}}
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), mailing(tray), func(c *Config) { c.Printer = badPrinter{} })
	d := s.documented(seedBody)
	s.sendMails()
	if r := s.mailRow(mailIsDue); r.Failure == nil || !strings.Contains(*r.Failure, "bad mailer") || r.Claim != nil {
		t.Errorf("%+v", r)
	}
	s.clock.advance(time.Minute)
	s.sendMails()
	s.mailRow(mailSent)
	if s.get(d.SessionID)["status"] != "completed" || len(tray.all()[1].Attachments) != 0 {
		t.Error("the order or the mail is not what it was")
	}
}

type badPrinter struct{}

func (badPrinter) Print(context.Context, Sheet) ([]byte, error) { panic("bad printer") }

// A process that died while it sent is made good once, and the mail is marked; after a second death nobody knows.
func TestAMailOfADeadProcessIsSentOnceMore(t *testing.T) {
	tray := &outTray{}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		s.documented(seedBody)
		s.issueAll()
		for range 2 {
			s.dieAt("mail.calling")
			s.sendMails()
			if r := s.mailRow(mailSending); len(tray.all()) != 0 || r.Claim == nil {
				t.Fatalf("%+v", r)
			}
			s.clock.advance(mailLease)
		}
		s.sendMails()
		if r := s.mailRow(mailFailed); r.Doubtful != 1 || !strings.Contains(*r.Failure, "twice") || len(tray.all()) != 0 {
			t.Errorf("%+v", r)
		}
		s.documented(seedBody)
		s.dieAt("mail.calling")
		s.sendMails()
		s.clock.advance(mailLease)
		s.sendMails()
		if r := s.mailRows()[1]; r.State != mailSent || r.Doubtful != 1 || r.Tries != 2 || len(tray.all()) != 1 {
			t.Errorf("%+v", r)
		}
	}, mailing(tray))
}

// A server that took a mail and did not say so gets it once more, marked; then a person decides.
func TestAnUnknownAnswerIsTriedOnce(t *testing.T) {
	tray := &outTray{answer: func(int, Mail) error { return &MailError{Reply: "no answer after the mail", Unknown: true} }}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		s.documented(seedBody)
		s.sendMails()
		if r := s.mailRow(mailIsDue); r.Doubtful != 1 || r.NextAt != millis(s.clock.now().Add(mailLease)) {
			t.Errorf("%+v", r)
		}
		s.clock.advance(mailLease)
		s.sendMails()
		if r := s.mailRow(mailFailed); r.Doubtful != 1 || len(tray.all()) != 2 || tray.all()[0].ID != tray.all()[1].ID {
			t.Errorf("%+v after %d calls", r, len(tray.all()))
		}
	}, mailing(tray))
}

// A database that is away when the server has taken a mail does not make it go twice.
func TestADatabaseThatIsAwayAfterwardsSendsNothingTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		var away atomic.Int32
		tray := &outTray{answer: func(int, Mail) error { away.Store(8); return nil }}
		s := newShop(t, db, mailing(tray))
		if err := db.Callback().Raw().Before("gorm:raw").Register("away", func(d *gorm.DB) {
			if away.Add(-1) >= 0 {
				_ = d.AddError(driver.ErrBadConn)
			}
		}); err != nil {
			t.Fatal(err)
		}
		s.documented(seedBody)
		s.sendMails()
		if r := s.mailRow(mailSent); r.Doubtful != 0 || away.Load() > 0 {
			t.Errorf("%+v, %d failures left", r, away.Load())
		}
	})
}

// What cannot be read for a moment is read at the next try: the files are not left out.
func TestAMailWaitsForItsFiles(t *testing.T) {
	tray := &outTray{}
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), mailing(tray), func(c *Config) { c.Printer = plainPrinter{} })
	d := s.documented(seedBody)
	s.sendMails()
	r := s.mailRow(mailSent)
	s.exec(`UPDATE {documents} SET state = 'due'`)
	if _, err := s.co.mail(t.Context(), r); !errors.Is(err, ErrNotIssued) {
		t.Errorf("the mail of %s would leave without its files: %v", d.ID, err)
	}
}

// silentPrinter does not end with its context.
type silentPrinter struct{ release chan struct{} }

func (p silentPrinter) Print(context.Context, Sheet) ([]byte, error) { <-p.release; return nil, nil }

func TestAPrinterThatDoesNotComeBackIsLeft(t *testing.T) {
	p := silentPrinter{make(chan struct{})}
	defer close(p.release)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := outlast(ctx, func(ctx context.Context) ([]byte, error) { return p.Print(ctx, Sheet{}) }); !errors.Is(err, errTooLate) {
		t.Errorf("it ends with %v", err)
	}
}
