package checkout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// lateSuccess lets the money of a failed attempt arrive and tells us.
func (s *shop) lateSuccess(p interface{ set(string, State) }, attemptID string) {
	s.t.Helper()
	p.set(attemptID, StateSucceeded)
	if w := s.notify(scriptedNotice{Event: "late_" + attemptID, AttemptID: attemptID}, "authentic"); w.Code != 200 {
		s.t.Fatalf("the notification answered %d: %s", w.Code, w.Body)
	}
}

func TestMoneyThatBelongsToNoOrderGoesBackByItself(t *testing.T) {
	decline, pays := outcome{state: StateFailed}, outcome{state: StateSucceeded}
	for name, c := range map[string]struct {
		script                []outcome
		story                 func(s *shop, p *refunding, id string)
		attempts              []string
		amount                int64
		currency              string
		status, paymentStatus string
	}{
		"late": {
			[]outcome{decline}, func(s *shop, p *refunding, id string) {
				s.payWire(id)
				s.after(2 * time.Hour)
				s.lateSuccess(p, s.attempts(id)[0].ID)
			}, []string{"refunded:late"}, 2500, "eur", "expired", "unpaid",
		},
		"extra": {
			[]outcome{decline, pays}, func(s *shop, p *refunding, id string) {
				s.payWire(id)
				s.payWire(id)
				s.lateSuccess(p, s.attempts(id)[0].ID)
			}, []string{"refunded:extra", "succeeded"}, 2500, "eur", "completed", "paid",
		},
		"another amount": {
			[]outcome{{state: StateSucceeded, took: 2400}}, func(s *shop, _ *refunding, id string) { s.payWire(id) },
			[]string{"refunded:amount_mismatch"}, 2400, "eur", "pending", "unpaid",
		},
		"another currency": {
			[]outcome{{state: StateSucceeded, currency: "usd"}}, func(s *shop, _ *refunding, id string) { s.payWire(id) },
			[]string{"refunded:amount_mismatch"}, 2500, "usd", "pending", "unpaid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachRefundShop(t, c.script, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
				id := s.create(seedBody)
				c.story(s, p, id)
				if owed := s.refundOf(id); owed.Status != "pending" || len(p.calls) != 0 {
					t.Fatalf("before the worker has come by it is %s, called %d times", owed.Status, len(p.calls))
				}
				s.after(0)
				r := s.refundOf(id)
				call := p.calls[0]
				if call.Key != r.PaymentID+":refund" || call.Amount != c.amount || call.Currency != c.currency || r.AmountCents != c.amount || r.Currency != c.currency {
					t.Errorf("the provider was asked %+v for %+v", call, r)
				}
				s.wantAttempts(id, c.attempts...)
				s.want(id, c.status, c.paymentStatus)
				s.wantRefunded(id, c.paymentStatus, 0)
				s.after(48 * time.Hour)
				if len(p.calls) != 1 {
					t.Errorf("%d calls, want one", len(p.calls))
				}
				s.wantRefundEvents(1, 0)
			})
		})
	}
}

func TestABuyerPaysAgainAfterAMismatchWentBack(t *testing.T) {
	eachRefundShop(t, []outcome{{state: StateSucceeded, took: 2400}, {state: StateSucceeded}}, []refundStep{paysBack}, func(t *testing.T, s *shop, _ *refunding) {
		id := s.create(seedBody)
		s.payWire(id)
		s.payWire(id)
		s.after(0)
		s.want(id, "completed", "paid")
		s.wantRefunded(id, "paid", 0)
		if r := s.refund(`{"session_id":"` + id + `"}`); r["amount_cents"] != 2500.0 {
			t.Errorf("all that is left of the good payment is %v", r["amount_cents"])
		}
	})
}

func TestTwoWorkersPayBackOnce(t *testing.T) {
	eachRefundShop(t, []outcome{{state: StateSucceeded, took: 2400}}, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		ids := make([]string, 10)
		for i := range ids {
			ids[i] = s.create(seedBody)
			s.payWire(ids[i])
		}
		round := func(s *shop) func() error {
			return func() error {
				_, err := s.co.RunOnce(t.Context())
				return err
			}
		}
		if err := atOnce(round(s), round(secondProcess(t, s)), round(s)); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			s.wantAttempts(id, "refunded:amount_mismatch")
		}
		if len(p.calls) != len(ids) || p.back() != 2400*int64(len(ids)) {
			t.Errorf("%d calls, %d back for %d refunds", len(p.calls), p.back(), len(ids))
		}
		s.wantRefundEvents(len(ids), 0)
	})
}

func TestTheSameSurplusIsOwedOnce(t *testing.T) {
	eachRefundShop(t, []outcome{{state: StateFailed}}, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id := s.create(seedBody)
		s.payWire(id)
		s.after(2 * time.Hour)
		attempt := s.attempts(id)[0].ID
		s.lateSuccess(p, attempt)
		for _, event := range []string{"a", "b"} {
			s.notify(scriptedNotice{Event: event, AttemptID: attempt}, "authentic")
		}
		p.tells(attempt, RefundObservation{Key: attempt + ":refund", Ref: "re_1", State: StateSucceeded, Amount: 2500, Currency: "eur"})
		s.notify(scriptedNotice{Event: "c", AttemptID: attempt}, "authentic")
		s.after(time.Hour)
		if r := s.refundOf(id); r.Origin != "late" || r.Status != "succeeded" || len(p.calls) != 0 {
			t.Errorf("a refund the provider told of first is %s of origin %s after %d calls", r.Status, r.Origin, len(p.calls))
		}
		s.wantAttempts(id, "refunded:late")
		if n := s.count("events", "type = ?", webhook.PaymentLate); n != 1 {
			t.Errorf("%d late events", n)
		}
		s.wantRefundEvents(1, 0)
	})
}

func TestASurplusThatIsRefusedNeedsAPerson(t *testing.T) {
	for name, step := range map[string]refundStep{"rejected": {err: ErrRejected}, "failed": {state: StateFailed}, "unavailable": {err: ErrUnavailable}} {
		t.Run(name, func(t *testing.T) {
			eachRefundShop(t, []outcome{{state: StateSucceeded, took: 2400}}, []refundStep{step}, func(t *testing.T, s *shop, p *refunding) {
				id := s.create(seedBody)
				s.payWire(id)
				for range 10 {
					s.after(24 * time.Hour)
				}
				if r := s.refundOf(id); r.Status != "needs_person" || r.Failure == nil {
					t.Errorf("it is %s, %v", r.Status, r.Failure)
				}
				s.wantAttempts(id, "needs_person:amount_mismatch")
				s.wantRefundEvents(0, 0)
				if !strings.Contains(s.log.String(), "a refund needs a person") {
					t.Error("the log calls nobody")
				}
				attempt := s.attempts(id)[0].ID
				p.tells(attempt, RefundObservation{Ref: "re_1", State: StateSucceeded, Amount: 2400, Currency: "eur"}) // made there, without our key
				s.notify(scriptedNotice{Event: "by hand", AttemptID: attempt}, "authentic")
				s.wantAttempts(id, "refunded:amount_mismatch")
				if n := s.count("refunds", "1 = 1"); n != 1 {
					t.Errorf("%d refunds are booked, want 1", n)
				}
			})
		})
	}
}

func TestARefundByHandWaitsForAPersonAndIsSettledOnce(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 1000}); !errors.Is(err, ErrRefundByHand) {
			t.Fatalf("Refund gives %v", err)
		}
		back, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 1000, ByHand: true})
		if err != nil || back.Status != string(refundNeedsPerson) {
			t.Fatalf("Refund gives %+v, %v", back, err)
		}
		s.want(id, "completed", "paid")
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 1501, ByHand: true}); !errors.Is(err, ErrRefundExceeds) {
			t.Errorf("more than is left: %v", err)
		}
		s.clock.advance(time.Second)
		ada := ActingAs(t.Context(), Actor{ID: "u1", Name: "Ada"})
		if err := s.co.SettleRefund(ada, back.ID, "transferred on Monday"); err != nil {
			t.Fatal(err)
		}
		s.want(id, "completed", "partially_refunded")
		if err := s.co.SettleRefund(ada, back.ID, "again"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a second settlement gives %v", err)
		}
		log, _, err := s.co.Audit(t.Context(), AuditFilter{Object: back.ID})
		if err != nil || len(log) != 2 || log[0].Action != "refund.settle" || log[0].Actor.Name != "Ada" || !strings.Contains(string(log[0].After), "transferred on Monday") || log[1].Action != "refund.create" {
			t.Errorf("the audit log is %+v, %v", log, err)
		}
	})
}

func TestOwedMoneyThatWasPaidBackByHandIsClosed(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.clock.advance(8 * 24 * time.Hour)
		s.work()
		s.transfer("1", ref, 2600, booked(id, 0, 2600))
		if got, want := s.owed(id), "late 2500 needs_person, surplus 100 needs_person"; got != want {
			t.Fatalf("owed is %q, want %q", got, want)
		}
		list, err := s.co.Refunds(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if err := s.co.SettleRefund(t.Context(), r.ID, "done"); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := s.owed(id), "late 2500 succeeded, surplus 100 succeeded"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
		s.wantAttempts(id, "refunded:late")
		s.want(id, "expired", "unpaid")
	})
}
