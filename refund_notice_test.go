package checkout

import (
	"context"
	"net/http"
	"testing"
	"time"
)

func TestARefundSeenFirstInANotificationIsMatched(t *testing.T) {
	lost := refundStep{state: StateSucceeded, err: context.DeadlineExceeded, made: true}
	eachRefundShop(t, allSucceed, []refundStep{lost}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		r := s.refund(`{"session_id":"` + id + `","amount_cents":1000}`)["id"].(string)
		p.tells(attempt, RefundObservation{Key: r, Ref: "ref_" + r, State: StateSucceeded, Amount: 1000, Currency: "eur"})
		for _, event := range []string{"e1", "e1", "e2"} {
			if w := s.notify(scriptedNotice{Event: event, AttemptID: attempt}, "authentic"); w.Code != http.StatusOK {
				t.Fatalf("the notification answered %d: %s", w.Code, w.Body)
			}
		}
		s.wantRefunded(id, "partially_refunded", 1000)
		s.after(24 * time.Hour)
		if got := s.refundOf(id); got.Status != "succeeded" || got.Origin != "request" || p.called(r) != 1 {
			t.Errorf("it is %s of origin %s after %d calls", got.Status, got.Origin, p.called(r))
		}
		s.wantRefunded(id, "partially_refunded", 1000)
		s.wantRefundEvents(1, 0)
	})
}

func TestANotificationBeforeTheAnswerCountsOnce(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		p.onRefund = func(o RefundObservation) {
			p.tells(attempt, o)
			s.notify(scriptedNotice{Event: "early", AttemptID: attempt}, "authentic")
			s.wantRefunded(id, "partially_refunded", 1000)
		}
		if r := s.refund(`{"session_id":"` + id + `","amount_cents":1000}`); r["status"] != "succeeded" {
			t.Errorf("it is %v", r["status"])
		}
		s.wantRefunded(id, "partially_refunded", 1000)
		s.wantRefundEvents(1, 0)
		s.refundOf(id)
	})
}

func TestAProviderThatEchoesNoKeyIsMatchedByItsReference(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{{state: StateProcessing}}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		r := s.refund(`{"session_id":"` + id + `","amount_cents":1000}`)["id"].(string)
		p.tells(attempt, RefundObservation{Ref: "ref_" + r, State: StateSucceeded, Amount: 1000, Currency: "eur"})
		s.notify(scriptedNotice{Event: "e", AttemptID: attempt}, "authentic")
		if got := s.refundOf(id); got.Status != "succeeded" || got.Origin != "request" {
			t.Errorf("it is %s of origin %s", got.Status, got.Origin)
		}
		s.wantRefunded(id, "partially_refunded", 1000)
	})
}

func TestARefundMadeAtTheProviderIsBooked(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		there := RefundObservation{Ref: "re_there", State: StateSucceeded, Amount: 700, Currency: "eur"}
		for name, ignored := range map[string]RefundObservation{
			"not finished":   {Ref: "re_there", State: StateProcessing, Amount: 700, Currency: "eur"},
			"failed":         {Ref: "re_failed", State: StateFailed, Amount: 700, Currency: "eur"},
			"without a name": {State: StateSucceeded, Amount: 700, Currency: "eur"},
			"of nothing":     {Ref: "re_zero", State: StateSucceeded, Currency: "eur"},
		} {
			p.tells(attempt, ignored)
			s.notify(scriptedNotice{Event: name, AttemptID: attempt}, "authentic")
			if n := s.count("refunds", "1 = 1"); n != 0 {
				t.Fatalf("a refund %s was booked", name)
			}
		}
		p.tells(attempt, there)
		for _, event := range []string{"e1", "e2"} {
			s.notify(scriptedNotice{Event: event, AttemptID: attempt}, "authentic")
		}
		if got := s.refundOf(id); got.Origin != "provider" || got.Status != "succeeded" || got.AmountCents != 700 || !got.Livemode {
			t.Errorf("it is booked as %+v", got)
		}
		s.wantRefunded(id, "partially_refunded", 700)
		wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`","amount_cents":1801}`), 409, "refund_exceeds_payment", "")
		if r := s.refund(`{"session_id":"` + id + `"}`); r["amount_cents"] != 1800.0 {
			t.Errorf("what is left is %v", r["amount_cents"])
		}
		s.wantRefunded(id, "refunded", 2500)
		s.wantRefundEvents(2, 0)
		s.after(48 * time.Hour)
		if len(p.calls) != 1 {
			t.Errorf("the provider was asked %d times, want once", len(p.calls))
		}
	})
}

func TestFactsThatAreNotBelievedBookNoRefunds(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, attempt := s.soldLive()
		p.tells(attempt, RefundObservation{Ref: "re_there", State: StateSucceeded, Amount: 700, Currency: "eur"})
		p.mu.Lock()
		p.charges[attempt].outcome.testMode = true
		p.mu.Unlock()
		s.notify(scriptedNotice{Event: "e", AttemptID: attempt}, "authentic")
		s.wantRefunded(id, "paid", 0)
		if n := s.count("refunds", "1 = 1"); n != 0 {
			t.Errorf("%d refunds of the other mode were booked", n)
		}
	})
}
