package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// timeline gives a session's timeline as lines of kind, tone and whatever facts there are.
func (s *shop) timeline(id string) (lines []string) {
	s.t.Helper()
	list, cut, err := newAdminQuery(s.co.store).sessionTimeline(s.t.Context(), id)
	if err != nil || cut {
		s.t.Fatalf("timeline: %d entries, cut %v, %v", len(list), cut, err)
	}
	for i, e := range list {
		if e.Object == "" || e.At.IsZero() || (i > 0 && e.At.Before(list[i-1].At)) {
			s.t.Errorf("entry %d is out of order or about nothing: %+v", i, e)
		}
		lines = append(lines, e.line())
		if n := len(lines); i > 0 && e.Kind == tlDeliverySucceeded && list[i-1].Kind == e.Kind && e.At.Equal(list[i-1].At) {
			slices.Sort(lines[n-2:]) // two senders at once: either may be first
		}
	}
	return lines
}

func (e timelineEntry) line() string {
	line := string(e.Kind) + " " + string(e.Tone)
	add := func(has bool, format string, args ...any) {
		if has {
			line += " " + fmt.Sprintf(format, args...)
		}
	}
	add(e.Attempt > 0, "#%d", e.Attempt)
	add(e.Provider != "", "%s", e.Provider)
	add(e.Method != "", "%s", e.Method)
	add(e.Amount > 0, "%d %s", e.Amount, e.Currency)
	add(e.Surplus > 0, "surplus %d", e.Surplus)
	add(e.Origin != "", "origin %s", e.Origin)
	add(e.Reason != "", "because %s", e.Reason)
	add(e.Actor.ID != "", "by %s", e.Actor.ID)
	add(e.Action != "", "%s", e.Action)
	add(e.Note != "", "note %s", e.Note)
	add(e.EventType != "", "%s", strings.TrimPrefix(e.EventType, "checkout."))
	add(e.HTTPStatus > 0, "%d", e.HTTPStatus)
	add(e.Class != "", "%s", e.Class)
	add(e.Duration == keptDuration, "in %s", e.Duration) // how long a real one takes is a matter of the machine
	return line
}

func (s *shop) wantTimeline(id string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.timeline(id)); diff != "" {
		s.t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

func TestTimelineOfASale(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, nil)
		if _, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil {
			t.Fatal(err)
		}
		s.create(seedBody) // another session, of which nothing is told
		id := s.create(seedBody)
		s.clock.advance(time.Second)
		s.pay(id, "4000000000009995")
		s.clock.advance(time.Second)
		s.pay(id, "4242424242424242")
		s.clock.advance(time.Second)
		if _, err := s.co.Refund(ActingAs(t.Context(), Actor{ID: "ada"}), RefundParams{SessionID: id, AmountCents: 1000, Reason: "one bag was torn"}); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(time.Second)
		if _, err := s.co.RunOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.wantTimeline(id,
			"session.created neutral 2500 eur",
			"payment.started neutral #1 sandbox test_card 2500 eur",
			"payment.failed bad #1 sandbox test_card because insufficient_funds",
			"event neutral payment.failed",
			"payment.started neutral #2 sandbox test_card 2500 eur",
			"payment.succeeded good #2 sandbox test_card 2500 eur",
			"session.completed good 2500 eur",
			"event neutral session.completed",
			"refund.asked neutral 1000 eur origin request note one bag was torn",
			"refund.succeeded good 1000 eur origin request",
			`audit neutral by ada refund.create note {"after":{"amount_cents":1000,"by_hand":false,"currency":"eur","reason":"one bag was torn"},"before":null}`,
			"event neutral refund.succeeded",
			"event neutral invoice.issued",
			"delivery.succeeded good #1 payment.failed 200",
			"delivery.succeeded good #1 session.completed 200",
			"mail.caught neutral note [TEST] Receipt TEST-R-2025-000001 from Acme Coffee (€25.00)",
			"mail.caught neutral note [TEST] Refund receipt TEST-RR-2025-000001 from Acme Coffee (€10.00)",
		)
	})
}

const keptDuration = 84 * time.Millisecond

// keepAttempt writes down an attempt as the sender does.
func (s *shop) keepAttempt(delivery string, n, status int, class string, after time.Duration) {
	s.t.Helper()
	var answer any
	if status > 0 {
		answer = status
	}
	at := s.clock.now().Add(after)
	err := s.co.store.direct(s.t.Context()).one(`INSERT INTO {delivery_attempts} (id, delivery_id, endpoint_id, n, at, duration_ms, url, signed_at, signature, lead_secret, http_status, class, error)
		SELECT ?, id, endpoint_id, ?, ?, ?, 'https://shop.example/hook', 0, '', 'current', ?, ?, ? FROM {deliveries} WHERE id = ?`,
		newID(prefixAttempt, at), n, millis(at), keptDuration.Milliseconds(), answer, nullable(class), nullable(class), delivery)
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestTimelineOfDeliveries(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		if _, err := s.co.SetWebhook(t.Context(), Test, "http://127.0.0.1:9/"); err != nil {
			t.Fatal(err)
		}
		id := s.create(seedBody)
		s.clock.advance(2 * time.Hour)
		s.expireDue()
		before := []string{"session.created neutral 2500 eur", "session.expired neutral", "event neutral session.expired"}
		s.wantTimeline(id, before...) // what waits has not happened
		delivery, err := first(s.co.store.direct(t.Context()), readText, `SELECT id FROM {deliveries} WHERE session_id = ?`, id)
		if err != nil {
			t.Fatal(err)
		}
		change := func(text string, args ...any) {
			t.Helper()
			if err := s.co.store.direct(t.Context()).one(`UPDATE {deliveries} SET `+text+` WHERE id = ?`, append(args, delivery)...); err != nil {
				t.Fatal(err)
			}
		}
		change(`state = 'delivered', attempts = 2, http_status = 204, delivered_at = ?`, millis(s.clock.now().Add(time.Minute)))
		s.wantTimeline(id, append(before, "delivery.succeeded good #2 session.expired 204")...)
		s.keepAttempt(delivery, 1, 0, "timeout", time.Second)
		s.keepAttempt(delivery, 2, 500, "5xx", time.Minute)
		change(`state = 'failed', http_status = 500, error = 'The receiver answered 500.', delivered_at = NULL`)
		s.wantTimeline(id, append(before,
			"delivery.failed bad #1 because timeout session.expired timeout in 84ms",
			"delivery.failed bad #2 because 5xx session.expired 500 5xx in 84ms",
			"delivery.given_up bad #2 because The receiver answered 500. session.expired 500",
		)...)
	})
}

func TestTimelineOfLateMoney(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.after(2 * time.Hour)
		attempt := s.attempts(id)[0]
		late := Observation{AttemptID: attempt.ID, State: StateSucceeded, ChargeID: "ch_late", Captured: 2500, Currency: "eur", Livemode: true}
		s.clock.advance(time.Hour)
		if err := s.co.settle(t.Context(), fact{PaymentID: attempt.ID, Observation: late}); err != nil {
			t.Fatal(err)
		}
		s.after(time.Hour)
		s.wantTimeline(id,
			"session.created neutral 2500 eur",
			"payment.started neutral #1 scripted wire 2500 eur",
			"payment.failed bad #1 scripted wire because generic_decline",
			"event neutral payment.failed",
			"session.expired neutral",
			"event neutral session.expired",
			"payment.owed bad #1 scripted wire 2500 eur because late",
			"refund.asked neutral 2500 eur origin late",
			"event neutral payment.late",
			"refund.needs_person bad 2500 eur origin late because The provider cannot refund: pay back by hand.",
		)
	})
}

func TestTimelineOfMoneyInAnotherCurrency(t *testing.T) {
	eachRefundShop(t, []outcome{{state: StateSucceeded, took: 2400, currency: "usd"}}, []refundStep{{err: ErrRejected}}, func(t *testing.T, s *shop, p *refunding) {
		id := s.create(seedBody)
		s.payWire(id)
		s.after(time.Minute)
		s.wantTimeline(id,
			"session.created neutral 2500 eur",
			"payment.started neutral #1 scripted wire 2500 eur",
			"payment.owed bad #1 scripted wire 2400 usd because amount_mismatch",
			"refund.asked neutral 2400 usd origin amount_mismatch",
			"refund.needs_person bad 2400 usd origin amount_mismatch because The provider refused to pay back money that belongs to no order.",
		)
	})
}

func TestTimelineOfTransfers(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.clock.advance(time.Second)
		s.transfer("1", ref, 2000, booked(id, 500, 0))
		s.clock.advance(time.Second)
		s.transfer("2", ref, 700, booked(id, 0, 200))
		s.wantTimeline(id,
			"session.created neutral 2500 eur",
			"payment.started neutral #1 account wire 2500 eur",
			"transfer.booked good account 2000 eur by ada",
			"transfer.booked bad account 700 eur surplus 200 by ada",
			"payment.succeeded good #1 account wire 2500 eur",
			"session.completed good 2500 eur",
			"refund.asked neutral 200 eur origin surplus",
			"event neutral session.completed",
		)
	})
}

func TestTimelineOfTries(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, _ *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		for i, reason := range []string{ReasonInsufficientFunds, ReasonExpiredCard} {
			f.tryID, f.reason = fmt.Sprint("try", i), reason
			s.reconcileAfter(3 * time.Minute)
		}
		attempt := s.attempts(id)[0]
		f.set(attempt.ID, StateFailed)
		f.tryID = ""
		s.reconcileAfter(3 * time.Minute)
		f.set(attempt.ID, StateSucceeded)
		late := f.observation(attempt.ID)
		late.Captured, late.ChargeID = 2500, "ch_late"
		s.clock.advance(time.Second)
		if err := s.co.settle(t.Context(), fact{PaymentID: attempt.ID, Observation: late}); err != nil {
			t.Fatal(err)
		}
		got := s.timeline(id)
		var told []string
		for _, line := range got {
			if strings.HasPrefix(line, "payment.") {
				told = append(told, line)
			}
		}
		want := []string{
			"payment.started neutral #1 scripted wire 2500 eur",
			"payment.try_failed bad #1 scripted wire because insufficient_funds",
			"payment.try_failed bad #1 scripted wire because expired_card",
			"payment.failed bad #1 scripted wire because generic_decline",
			"payment.succeeded good #1 scripted wire 2500 eur",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("timeline (-want +got):\n%s\n%s", diff, strings.Join(got, "\n"))
		}
	})
}

func TestTimelineOfAConfirmationByHand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := &settling{scripted: newScripted(outcome{state: StateProcessing})}
		s := newLiveShop(t, db, p)
		id := s.create(seedBody)
		s.payWire(id)
		s.clock.advance(time.Second)
		err := s.co.ConfirmPayment(t.Context(), s.attempts(id)[0].ID, Evidence{Actor: "ann", Note: "statement 7", Amount: 2500, Currency: "eur"})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.timeline(id); !slices.Contains(got, "payment.confirmed good #1 scripted wire 2500 eur by ann note statement 7") {
			t.Errorf("the timeline is %s", strings.Join(got, "\n"))
		}
	})
}

func TestTimelineIsBounded(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		err := s.co.store.transact(t.Context(), func(t tx) error {
			for i := range timelineLimit + 20 {
				e := Event{ID: newID(prefixEvent, s.clock.now().Add(time.Duration(i)*time.Second)), SessionID: id, Mode: Test, Type: webhook.PaymentProcessing}
				if err := t.insertEvent(e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		list, cut, err := newAdminQuery(s.co.store).sessionTimeline(t.Context(), id)
		if err != nil || !cut || len(list) != timelineLimit || list[0].Kind != tlEvent || !list[timelineLimit-1].At.Equal(s.clock.now().Add((timelineLimit+19)*time.Second)) {
			t.Fatalf("%d entries, cut %v, %v: the newest must be there", len(list), cut, err)
		}
	})
}

func TestTimelineOfNothing(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		q := newAdminQuery(s.co.store)
		for _, id := range []string{"", "pay_1", prefixSession + hex44("0")} {
			if _, _, err := q.sessionTimeline(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q: %v", id, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := q.sessionTimeline(ctx, s.create(seedBody)); !errors.Is(err, context.Canceled) {
			t.Errorf("without anybody who waits: %v", err)
		}
	})
}
