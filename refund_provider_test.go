package checkout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

func TestARejectedRefundFailsAndLeavesTheMoney(t *testing.T) {
	for name, step := range map[string]refundStep{
		"rejected": {err: ErrRejected}, "failed": {state: StateFailed}, "canceled": {state: StateCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			eachRefundShop(t, allSucceed, []refundStep{step, paysBack}, func(t *testing.T, s *shop, _ *refunding) {
				id, _ := s.soldLive()
				r := s.refund(`{"session_id":"` + id + `","amount_cents":2500}`)
				if r["status"] != "failed" || r["failure"] == nil || r["settled_at"] == nil {
					t.Errorf("the refund is %v", r)
				}
				s.wantRefunded(id, "paid", 0)
				s.wantRefundEvents(0, 1)
				if r := s.refund(`{"session_id":"` + id + `"}`); r["status"] != "succeeded" || r["amount_cents"] != 2500.0 {
					t.Errorf("the refund after it is %v", r)
				}
				s.wantRefunded(id, "refunded", 2500)
			})
		})
	}
}

func TestALostAnswerIsAskedForAgainWithTheSameKey(t *testing.T) {
	lost := refundStep{state: StateSucceeded, err: context.DeadlineExceeded, made: true}
	eachRefundShop(t, allSucceed, []refundStep{lost}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		r := s.refund(`{"session_id":"` + id + `","amount_cents":1000,"reason":"torn"}`)
		if r["status"] != "pending" || r["settled_at"] != nil {
			t.Fatalf("the refund is %v, want it pending", r)
		}
		s.wantRefunded(id, "paid", 0)
		wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`","amount_cents":1501}`), 409, "refund_exceeds_payment", "")
		s.after(59 * time.Second)
		if n := p.called(r["id"].(string)); n != 1 {
			t.Errorf("%d calls before a minute is over", n)
		}
		s.after(time.Second)
		if n := p.called(r["id"].(string)); n != 2 || p.back() != 1000 {
			t.Errorf("%d calls, %d back, want 2 and 1000", n, p.back())
		}
		call := p.calls[1]
		if call.Charge.AttemptID != attempt || call.Charge.Ref != "ref_"+attempt || call.Amount != 1000 || call.Currency != "eur" || call.Reason != "torn" || !call.Charge.Livemode {
			t.Errorf("the provider was asked %+v", call)
		}
		s.wantRefunded(id, "partially_refunded", 1000)
		s.after(48 * time.Hour)
		s.wantRefunded(id, "partially_refunded", 1000)
		s.wantRefundEvents(1, 0)
	})
}

func TestARefundThatNeverGetsThroughNeedsAPerson(t *testing.T) {
	for name, err := range map[string]error{"unavailable": ErrUnavailable, "unknown": errors.New("connection reset")} {
		t.Run(name, func(t *testing.T) {
			eachRefundShop(t, allSucceed, []refundStep{{err: err}}, func(t *testing.T, s *shop, p *refunding) {
				id, attempt := s.soldLive()
				r := s.refund(`{"session_id":"` + id + `","amount_cents":1000}`)["id"].(string)
				for _, wait := range refundAfter {
					if got := s.refundOf(id); got.Status != "pending" {
						t.Fatalf("after %d calls it is %s", p.called(r), got.Status)
					}
					s.after(wait)
				}
				got := decode(t, s.api("GET", "/refunds/"+r, ""))
				if n := p.called(r); got["status"] != "needs_person" || got["failure"] == nil || n != len(refundAfter)+1 {
					t.Errorf("after %d calls it is %v", n, got)
				}
				if log := s.log.String(); strings.Count(log, "a refund needs a person") != 1 || strings.Contains(log, r) {
					t.Errorf("the log does not say so, or names the whole id: %s", log)
				}
				s.wantRefunded(id, "paid", 0)
				if next := s.after(100 * time.Hour); !next.IsZero() || p.called(r) != len(refundAfter)+1 {
					t.Errorf("it goes on at %v after %d calls", next, p.called(r))
				}
				wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`","amount_cents":1501}`), 409, "refund_exceeds_payment", "")
				p.tells(attempt, RefundObservation{Key: r, Ref: "re_x", State: StateSucceeded, Amount: 1000, Currency: "eur"})
				s.notify(scriptedNotice{Event: "e", AttemptID: attempt}, "authentic")
				if got := s.refundOf(id); got.Status != "succeeded" || got.Failure != nil {
					t.Errorf("a later word leaves it %s, %v", got.Status, got.Failure)
				}
				s.wantRefunded(id, "partially_refunded", 1000)
			})
		})
	}
}

func TestARefundUnderWayIsAskedAboutUntilItEnds(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{{state: StateProcessing}}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		r := s.refund(`{"session_id":"` + id + `","amount_cents":1000}`)
		for range 12 {
			s.after(24 * time.Hour)
		}
		if got := s.refundOf(id); got.Status != "pending" || p.called(got.ID) != 13 {
			t.Errorf("after twelve days it is %s, asked %d times", got.Status, p.called(got.ID))
		}
		p.end(r["id"].(string), StateSucceeded)
		s.after(24 * time.Hour)
		s.wantRefunded(id, "partially_refunded", 1000)
		s.wantRefundEvents(1, 0)
	})
}

func TestPaymentStatusFollowsTheRefunds(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		for _, c := range []struct {
			amount, status string
			sum            float64
		}{{"1", "partially_refunded", 1}, {"2498", "partially_refunded", 2499}, {"1", "refunded", 2500}} {
			s.refund(`{"session_id":"` + id + `","amount_cents":` + c.amount + `}`)
			s.wantRefunded(id, c.status, c.sum)
		}
		if got := s.get(id); got["status"] != "completed" || got["completed_at"] == nil {
			t.Errorf("the session is %v", got["status"])
		}
		wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`"}`), 409, "refund_exceeds_payment", "")
		if p.back() != 2500 {
			t.Errorf("%d went back", p.back())
		}
	})
}

func TestARefundWaitsForTheHostsHook(t *testing.T) {
	refuses := true
	hook := func(_ context.Context, _ *gorm.DB, e Event) error {
		if e.Type == "checkout.refund.succeeded" && refuses {
			return errHost
		}
		return nil
	}
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		refuses = true
		id, _ := s.soldLive()
		if r := s.refund(`{"session_id":"` + id + `"}`); r["status"] != "pending" {
			t.Errorf("it is %v although the host has refused", r["status"])
		}
		s.after(time.Minute)
		s.wantRefunded(id, "paid", 0)
		refuses = false
		s.after(time.Minute)
		s.wantRefunded(id, "refunded", 2500)
		s.wantRefundEvents(1, 0)
		if p.back() != 2500 {
			t.Errorf("%d went back", p.back())
		}
	}, func(c *Config) { c.OnEvent = hook })
}

func TestAHookThatRefusesARefundForEverIsPassedOver(t *testing.T) {
	hook := func(_ context.Context, _ *gorm.DB, e Event) error {
		if e.Type == "checkout.refund.succeeded" {
			return errHost
		}
		return nil
	}
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		s.refund(`{"session_id":"` + id + `"}`)
		for range 5 {
			s.after(time.Minute)
		}
		s.wantRefunded(id, "refunded", 2500)
		if !strings.Contains(s.log.String(), "recorded without OnEvent") {
			t.Error("the log does not say that the hook was passed over")
		}
	}, func(c *Config) { c.OnEvent = hook })
}

func TestARefundToldOfBeforeWithoutOurKeyIsBookedOnce(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{{state: StateSucceeded, err: errHost, made: true}, paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		r := s.refund(`{"session_id":"` + id + `","amount_cents":1000}`)["id"].(string)
		p.tells(attempt, RefundObservation{Ref: "ref_" + r, State: StateSucceeded, Amount: 1000, Currency: "eur"})
		s.notify(scriptedNotice{Event: "e", AttemptID: attempt}, "authentic")
		s.after(time.Minute)
		s.wantRefunded(id, "partially_refunded", 1000)
		if n := s.count("refunds", "state = 'failed' AND failure LIKE '%booked as re_%'"); n != 1 {
			t.Errorf("%d refunds say under which name their money is booked", n)
		}
	})
}
