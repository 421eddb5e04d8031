package checkout

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// observe lets the checkout ask about the n-th attempt of a session, from 0, whatever its state.
func (s *shop) observe(id string, n int) {
	s.t.Helper()
	if err := s.co.observe(s.t.Context(), s.attempts(id)[n]); err != nil {
		s.t.Fatal(err)
	}
}

// wantEvents counts the events of a session by type.
func (s *shop) wantEvents(id string, completed, expired, failed int) {
	s.t.Helper()
	for kind, want := range map[string]int{webhook.SessionCompleted: completed, webhook.SessionExpired: expired, webhook.PaymentFailed: failed} {
		if n := s.count("events", "session_id = ? AND type = ?", id, kind); n != want {
			s.t.Errorf("%d events %s, want %d", n, kind, want)
		}
	}
}

func (s *shop) expireDue() {
	s.t.Helper()
	if err := s.co.expireDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func TestDeclineRetrySuccess(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed, reason: ReasonInsufficientFunds}, pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		if got, ok := s.get(id)["last_error"].(map[string]any); !ok || got["decline_code"] != "insufficient_funds" {
			t.Errorf("last_error is %v", got)
		}
		s.payWire(id)
		s.wantAttempts(id, "failed:insufficient_funds", "succeeded")
		s.wantEvents(id, 1, 0, 1)
		if got := s.get(id); got["last_error"] != nil || got["payment_id"] != s.attempts(id)[1].ID {
			t.Errorf("the completed session has error %v and payment %v", got["last_error"], got["payment_id"])
		}
	})
}

func TestSameFactAnyNumberOfTimesCountsOnce(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		before := s.attempts(id)[0]
		for range 5 {
			s.clock.advance(time.Minute)
			s.observe(id, 0)
		}
		s.wantEvents(id, 1, 0, 0)
		if after := s.attempts(id)[0]; *after.SettledAt != *before.SettledAt {
			t.Error("a repeated fact moved the time of the payment")
		}
	})
}

func TestLateSuccessOverrulesAFailure(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.observe(id, 0)
		s.wantAttempts(id, "succeeded")
		s.want(id, "completed", "paid")
		s.wantEvents(id, 1, 0, 1)
	})
}

func TestFailureNeverOverrulesSuccess(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		for _, state := range []State{StateFailed, StateCanceled, StateProcessing, StateActionRequired} {
			p.set(s.attempts(id)[0].ID, state)
			s.observe(id, 0)
		}
		s.wantAttempts(id, "succeeded")
		s.want(id, "completed", "paid")
		s.wantEvents(id, 1, 0, 0)
	})
}

func TestMoneyThatIsNotTheOrdersCompletesNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome outcome
		attempt string
	}{
		{"a cent less", outcome{state: StateSucceeded, took: 2499}, "refund_due:amount_mismatch"},
		{"a cent more", outcome{state: StateSucceeded, took: 2501}, "refund_due:amount_mismatch"},
		{"another currency", outcome{state: StateSucceeded, currency: "usd"}, "refund_due:amount_mismatch"},
		{"test money for a live order", outcome{state: StateSucceeded, testMode: true}, "open"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachLiveShop(t, []outcome{c.outcome}, func(t *testing.T, s *shop, p *scripted) {
				id := s.create(seedBody)
				s.payWire(id)
				s.reconcileAfter(time.Minute)
				s.wantAttempts(id, c.attempt)
				s.wantEvents(id, 0, 0, 0)
				if got := s.get(id)["status"]; got != "pending" {
					t.Errorf("session is %v", got)
				}
				if !strings.Contains(s.log.String(), `"level":"ERROR"`) {
					t.Error("nobody was alerted")
				}
			})
		})
	}
}

func TestFactOfAnotherModeLeavesNoTrace(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateSucceeded, testMode: true}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		if a := s.attempts(id)[0]; a.Ref != "" || a.ChargeID != "" {
			t.Errorf("a charge of test mode is remembered: %q %q", a.Ref, a.ChargeID)
		}
	})
}

func TestOneChargePaysOneSession(t *testing.T) {
	script := []outcome{{state: StateSucceeded, chargeID: "money_1"}}
	eachLiveShop(t, script, func(t *testing.T, s *shop, p *scripted) {
		first, second := s.create(seedBody), s.create(seedBody)
		s.payWire(first)
		s.payWire(second)
		s.reconcileAfter(time.Minute)
		s.want(first, "completed", "paid")
		s.want(second, "pending", "unpaid")
		s.wantEvents(second, 0, 0, 1)
		if n := s.count("payments", "charge_id = ?", "money_1"); n != 1 {
			t.Errorf("the charge is counted for %d attempts", n)
		}
	})
}

func TestMoneyAfterExpiryIsOwedBack(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.clock.advance(2 * time.Hour)
		s.expireDue()
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.observe(id, 0)
		s.wantAttempts(id, "refund_due:late")
		s.want(id, "expired", "unpaid")
		s.wantEvents(id, 0, 1, 1)
	})
}

func TestSecondPaymentOfASessionIsOwedBack(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}, pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.payWire(id)
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.observe(id, 0)
		s.wantAttempts(id, "refund_due:extra", "succeeded")
		s.want(id, "completed", "paid")
		s.wantEvents(id, 1, 0, 1)
	})
}

func TestLateSuccessWhileAnotherAttemptIsOpen(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}, {state: StateProcessing}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.payWire(id)
		p.set(s.attempts(id)[0].ID, StateSucceeded)
		s.observe(id, 0)
		s.want(id, "completed", "paid")
		s.wantAttempts(id, "succeeded", "open")
		p.set(s.attempts(id)[1].ID, StateSucceeded)
		s.reconcileAfter(time.Minute)
		s.wantAttempts(id, "succeeded", "refund_due:extra")
		s.wantEvents(id, 1, 0, 1)
	})
}

func TestExpiryWaitsForAnOpenAttempt(t *testing.T) {
	for _, c := range []struct {
		name, status, attempt string
		becomes               State
	}{
		{"that fails", "expired", "failed:declined", StateFailed},
		{"that pays", "completed", "succeeded", StateSucceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, p *scripted) {
				id := s.create(seedBody)
				s.payWire(id)
				s.clock.advance(2 * time.Hour)
				s.expireDue()
				s.want(id, "pending", "processing")
				p.set(s.attempts(id)[0].ID, c.becomes)
				s.reconcileAfter(time.Minute)
				s.expireDue()
				s.wantAttempts(id, c.attempt)
				if got := s.get(id)["status"]; got != c.status {
					t.Errorf("session is %v, want %s", got, c.status)
				}
			})
		})
	}
}

func TestUnfinishedPaymentIsTakenBackWhenTimeIsUp(t *testing.T) {
	for _, c := range []struct {
		name, status, attempt string
		outcome               outcome
	}{
		{"unfinished", "expired", "failed:timeout", outcome{state: StateActionRequired, redirect: "https://bank.example"}},
		{"paid meanwhile", "completed", "succeeded", outcome{state: StateSucceeded, err: errors.New("lost")}},
		{"never begun", "expired", "failed:timeout", outcome{nothing: true, err: errors.New("lost")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				s := newLiveShop(t, db, canceling{newScripted(c.outcome)})
				id := s.create(seedBody)
				s.payWire(id)
				s.reconcileAfter(2 * time.Hour)
				s.expireDue()
				s.wantAttempts(id, c.attempt)
				if got := s.get(id)["status"]; got != c.status {
					t.Errorf("session is %v, want %s", got, c.status)
				}
			})
		})
	}
}

func TestPaymentIsLookedAtWhenTheSessionsTimeIsUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newLiveShop(t, db, canceling{newScripted(outcome{state: StateActionRequired, redirect: "https://bank.example"})})
		id := s.create(seedBody)
		s.payWire(id)
		for range 10 { // until the looks are an hour apart
			s.reconcileAfter(5 * time.Minute)
		}
		s.wantAttempts(id, "open")
		s.reconcileAfter(10 * time.Minute)
		s.wantAttempts(id, "failed:timeout")
	})
}

func TestExpireByHandIsRefusedWhileAPaymentIsUnderWay(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		w := s.api("POST", "/sessions/"+id+"/expire", "")
		if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "session_not_pending") || !strings.Contains(w.Body.String(), "under way") {
			t.Errorf("expire answered %d: %s", w.Code, w.Body)
		}
		if _, err := s.co.ExpireSession(t.Context(), id); !errors.Is(err, ErrNotPending) {
			t.Errorf("ExpireSession: %v", err)
		}
		p.set(s.attempts(id)[0].ID, StateFailed)
		s.observe(id, 0)
		if w := s.api("POST", "/sessions/"+id+"/expire", ""); w.Code != http.StatusOK {
			t.Errorf("afterwards expire answered %d: %s", w.Code, w.Body)
		}
		s.wantEvents(id, 0, 1, 1)
	})
}

// rounds is how often the two meet; each round is a session of its own.
const rounds = 500

func TestExpiryAndSuccessAtTheSameInstantGiveOneEnd(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		ids := make([]string, rounds)
		for i := range ids {
			ids[i] = s.declined(p)
		}
		s.clock.advance(2 * time.Hour)
		for _, id := range ids {
			a := s.attempts(id)[0]
			p.set(a.ID, StateSucceeded)
			if err := atOnce(
				func() error { return s.co.observe(t.Context(), a) },
				func() error { _, err := s.co.expire(t.Context(), id, false); return ignore(err, ErrNotPending) },
			); err != nil {
				t.Fatal(err)
			}
		}
		both := s.count("events", "type = ?", webhook.SessionCompleted) + s.count("events", "type = ?", webhook.SessionExpired)
		if both != rounds {
			t.Errorf("%d terminal events for %d sessions", both, rounds)
		}
		s.wantInvariants()
	})
}

// declined makes a session whose first attempt has failed.
func (s *shop) declined(p *scripted) string {
	s.t.Helper()
	session, err := s.co.CreateSession(s.t.Context(), SessionParams{
		Mode: Live, LineItems: []LineItem{{Name: "Beans", Amount: 2500, Currency: "eur", Quantity: 1}}, CustomerEmail: "c@example.com",
		SuccessURL: "https://yoursite.com/success", CancelURL: "https://yoursite.com/cancel",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.co.pay(s.t.Context(), payRequest{SessionID: session.ID, Provider: p, Method: "wire"}); err != nil {
		s.t.Fatal(err)
	}
	return session.ID
}

// atOnce lets functions go at the same moment and joins their errors.
func atOnce(list ...func() error) error {
	start, results := make(chan struct{}), make(chan error, len(list))
	for _, f := range list {
		go func() { <-start; results <- f() }()
	}
	close(start)
	var joined error
	for range list {
		joined = errors.Join(joined, <-results)
	}
	return joined
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
