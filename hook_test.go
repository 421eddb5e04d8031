package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// hostOrder is a model of the host's own.
type hostOrder struct {
	ID        uint
	SessionID string `gorm:"uniqueIndex"`
	Paid      bool
}

// bookkeeping is a host's hook: it writes an order, and then says what it is told to say.
type bookkeeping struct {
	calls  int
	answer func(call int, tx *gorm.DB, e Event) error
}

func (b *bookkeeping) hook(ctx context.Context, tx *gorm.DB, e Event) error {
	b.calls++
	if e.Type != webhook.SessionCompleted && e.Type != webhook.SessionExpired {
		return nil
	}
	if err := tx.WithContext(ctx).Create(&hostOrder{SessionID: e.SessionID, Paid: true}).Error; err != nil {
		return err
	}
	if b.answer != nil {
		return b.answer(b.calls, tx, e)
	}
	return nil
}

// eachBookkeeper runs a body with a host that keeps orders in the same database.
func eachBookkeeper(t *testing.T, script []outcome, answer func(int, *gorm.DB, Event) error, body func(*testing.T, *shop, *scripted, *bookkeeping)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		if err := db.AutoMigrate(&hostOrder{}); err != nil {
			t.Fatal(err)
		}
		b, p := &bookkeeping{answer: answer}, newScripted(script...)
		body(t, newLiveShop(t, db, p, func(c *Config) { c.OnEvent = b.hook }), p, b)
	})
}

func (s *shop) orders() (n int64) {
	s.t.Helper()
	if err := s.db.Model(&hostOrder{}).Count(&n).Error; err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestHookCommitsWithTheSession(t *testing.T) {
	eachBookkeeper(t, []outcome{pays}, nil, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		s.payWire(id)
		s.want(id, "completed", "paid")
		if s.orders() != 1 || b.calls != 1 {
			t.Errorf("%d orders after %d calls", s.orders(), b.calls)
		}
	})
}

func TestHookErrorRollsBothBackAndIsTriedAgain(t *testing.T) {
	no := func(call int, _ *gorm.DB, _ Event) error {
		if call <= 2 {
			return errors.New("the warehouse is closed")
		}
		return nil
	}
	eachBookkeeper(t, []outcome{pays}, no, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		if w := s.payWire(id); w.Code != 303 || w.Header().Get("Location") != "/checkout/"+id {
			t.Errorf("the buyer got %d to %q, want the page that waits", w.Code, w.Header().Get("Location"))
		}
		s.want(id, "pending", "processing")
		if s.orders() != 0 {
			t.Error("the host's order was committed without the session")
		}
		s.reconcileAfter(time.Minute)
		s.want(id, "pending", "processing")
		if a := s.attempts(id)[0]; a.HookRefusals != 2 {
			t.Errorf("%d refusals are counted", a.HookRefusals)
		}
		s.reconcileAfter(time.Minute)
		s.want(id, "completed", "paid")
		if s.orders() != 1 {
			t.Errorf("%d orders", s.orders())
		}
		if a := s.attempts(id)[0]; a.HookRefusals != 0 || a.HookSkipped { // what comes next has its own five
			t.Errorf("refusals %d, skipped %t", a.HookRefusals, a.HookSkipped)
		}
		s.wantEvents(id, 1, 0, 0)
	})
}

func TestPaymentIsRecordedWithoutAHookThatRefusesFiveTimes(t *testing.T) {
	no := func(int, *gorm.DB, Event) error { return errors.New("never") }
	eachBookkeeper(t, []outcome{pays}, no, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		s.payWire(id)
		for range maxHookRefusals - 1 {
			s.want(id, "pending", "processing")
			s.reconcileAfter(2 * time.Hour)
		}
		s.want(id, "pending", "processing")
		s.reconcileAfter(2 * time.Hour)
		s.want(id, "completed", "paid")
		if b.calls != maxHookRefusals || s.orders() != 0 {
			t.Errorf("%d calls, %d orders", b.calls, s.orders())
		}
		if a := s.attempts(id)[0]; !a.HookSkipped {
			t.Error("the payment does not say that the hook was skipped")
		}
		if !strings.Contains(s.log.String(), "recorded without OnEvent") {
			t.Error("the log does not say that the hook was skipped")
		}
		s.wantEvents(id, 1, 0, 0)
	})
}

func TestExpiryIsRecordedWithoutAHookThatRefusesFiveTimes(t *testing.T) {
	no := func(int, *gorm.DB, Event) error { return errors.New("never") }
	eachBookkeeper(t, []outcome{pays}, no, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		s.clock.advance(2 * time.Hour)
		for range maxHookRefusals {
			if err := s.co.expireDue(t.Context()); err == nil {
				t.Error("a refused expiry is not reported")
			}
			s.want(id, "pending", "unpaid")
		}
		s.expireDue()
		s.want(id, "expired", "unpaid")
		if !strings.Contains(s.log.String(), "recorded without OnEvent") {
			t.Error("the log does not say that the hook was skipped")
		}
	})
}

func TestPanicOfTheHookIsARefusal(t *testing.T) {
	bang := func(call int, _ *gorm.DB, _ Event) error {
		if call == 1 {
			panic("nil map")
		}
		return nil
	}
	eachBookkeeper(t, []outcome{pays}, bang, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		if w := s.payWire(id); w.Code != 303 {
			t.Errorf("the buyer got %d", w.Code)
		}
		if n := s.attempts(id)[0].HookRefusals; n != 1 {
			t.Errorf("%d refusals are counted", n)
		}
		s.reconcileAfter(time.Minute)
		s.want(id, "completed", "paid")
		if s.orders() != 1 {
			t.Errorf("%d orders", s.orders())
		}
	})
}

// A PostgreSQL transaction is dead after a failed statement, also when the hook thinks nothing of it.
func TestHookThatSwallowsAnErrorOfTheDatabase(t *testing.T) {
	careless := func(_ int, tx *gorm.DB, e Event) error {
		_ = tx.Create(&hostOrder{SessionID: e.SessionID}).Error // a duplicate
		return nil
	}
	eachBookkeeper(t, []outcome{pays}, careless, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		if w := s.payWire(id); w.Code != 303 {
			t.Errorf("the buyer got %d: %s", w.Code, w.Body)
		}
		for range maxHookRefusals {
			s.reconcileAfter(2 * time.Hour)
		}
		s.want(id, "completed", "paid")
		if s.db.Name() == dbtest.Postgres && (b.calls != maxHookRefusals || !s.attempts(id)[0].HookSkipped) {
			t.Errorf("%d calls, want %d and then none", b.calls, maxHookRefusals)
		}
	})
}

func TestHookWorksOnTheOnlyConnection(t *testing.T) {
	eachBookkeeper(t, []outcome{pays}, nil, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		oneConnection(t, s.db)
		id := s.create(seedBody)
		s.payWire(id)
		s.want(id, "completed", "paid")
		if s.orders() != 1 {
			t.Errorf("%d orders", s.orders())
		}
	})
}

func TestHookSeesTheHostsOwnSettings(t *testing.T) {
	for _, dialect := range dbtest.Dialects() {
		t.Run(dialect, func(t *testing.T) {
			naming := schema.NamingStrategy{TablePrefix: "app_", SingularTable: true}
			log := &logBuffer{}
			db := dbtest.Open(t, dialect, &gorm.Config{NamingStrategy: naming, Logger: infoLogger(log)})
			if err := db.AutoMigrate(&hostOrder{}); err != nil {
				t.Fatal(err)
			}
			b := &bookkeeping{answer: func(_ int, tx *gorm.DB, _ Event) error {
				if name := tx.NamingStrategy.TableName("hostOrder"); name != "app_host_order" {
					return fmt.Errorf("the table would be %s", name)
				}
				return nil
			}}
			s := newLiveShop(t, db, newScripted(pays), func(c *Config) { c.OnEvent = b.hook })
			id := s.create(seedBody)
			s.payWire(id)
			s.want(id, "completed", "paid")
			if !strings.Contains(log.String(), `INSERT INTO "app_host_order"`) && !strings.Contains(log.String(), "INSERT INTO `app_host_order`") {
				t.Error("the host's logger does not see the host's own statement")
			}
		})
	}
}

func TestEventOfTheHookIsTheWebhooksBody(t *testing.T) {
	var got Event
	keep := func(_ int, _ *gorm.DB, e Event) error { got = e; return nil }
	eachBookkeeper(t, []outcome{pays}, keep, func(t *testing.T, s *shop, p *scripted, b *bookkeeping) {
		id := s.create(seedBody)
		s.payWire(id)
		if n := s.count("events", "id = ? AND payload = ? AND session_id = ?", got.ID, string(got.Payload), id); n != 1 {
			t.Error("the hook got another body than the webhook")
		}
		if got.Session == nil || got.Session.Status != StatusCompleted || got.Session.CompletedAt == nil || got.Mode != Live {
			t.Errorf("the hook sees the session as %+v", got.Session)
		}
	})
}

// The fake time of the bubble makes the fifteen seconds of the transaction pass at once.
func TestHookThatUsesUpItsTimeIsARefusal(t *testing.T) {
	for name, answer := range map[string]func(context.Context) error{
		"and says so":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"and is silent": func(ctx context.Context) error { <-ctx.Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang := func(ctx context.Context, _ *gorm.DB, _ Event) error { return answer(ctx) }
				s := newLiveShop(t, dbtest.Open(t, dbtest.SQLite, nil), newScripted(pays), func(c *Config) { c.OnEvent = hang })
				id := s.create(seedBody)
				if w := s.payWire(id); w.Code != 303 {
					t.Errorf("the buyer got %d", w.Code)
				}
				if a := s.attempts(id)[0]; a.HookRefusals != 1 || a.State != attemptOpen {
					t.Errorf("%d refusals, state %s", a.HookRefusals, a.State)
				}
			})
		})
	}
}

func TestAHookThatRefusesProcessingStillHearsOfCompletion(t *testing.T) {
	completed := 0
	hook := func(_ context.Context, _ *gorm.DB, e Event) error {
		switch e.Type {
		case webhook.PaymentProcessing:
			return errHost
		case webhook.SessionCompleted:
			completed++
		}
		return nil
	}
	eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, p *scripted) {
		completed = 0
		id := s.create(seedBody)
		s.payWire(id)
		for range 7 {
			s.reconcileAfter(11 * time.Minute)
		}
		if a := s.attempts(id)[0]; a.Step != StateProcessing || a.HookRefusals != 0 || !a.HookSkipped {
			t.Fatalf("after eight looks: %q, %d refusals, skipped %t", a.Step, a.HookRefusals, a.HookSkipped)
		}
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.reconcileAfter(2 * time.Hour)
		s.want(id, "completed", "paid")
		if completed != 1 {
			t.Errorf("the host heard %d times of the completion, want once", completed)
		}
	}, func(c *Config) { c.OnEvent = hook })
}
