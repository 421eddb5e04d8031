package checkout

import (
	"fmt"
	"testing"
)

// The whole input of decide, small enough to be walked through completely.
var (
	everyPaymentState = []paymentState{attemptOpen, attemptSucceeded, attemptFailed, attemptRefundDue, "refunded", "needs_person"}
	everyStatus       = []Status{StatusPending, StatusCompleted, StatusExpired}
	everyState        = []State{StateUnknown, StateActionRequired, StateProcessing, StateSucceeded, StateFailed, StateCanceled, "news_of_tomorrow"}
)

// factCase is one combination, in words that the rows of the table below use.
type factCase struct {
	attempt                                     paymentState
	session                                     Status
	state                                       State
	amount, currency, mode, attemptID, takenFor bool // wrong amount, wrong currency, …
}

func everyFact(body func(factCase)) {
	for _, p := range everyPaymentState {
		for _, s := range everyStatus {
			for _, o := range everyState {
				for bits := range 1 << 5 {
					on := func(n int) bool { return bits>>n&1 == 1 }
					body(factCase{p, s, o, on(0), on(1), on(2), on(3), on(4)})
				}
			}
		}
	}
}

func (f factCase) decide() verdict {
	o := Observation{AttemptID: "pay_1", State: f.state, Captured: 2500, Currency: "eur", ChargeID: "ch_1", Livemode: true}
	if f.amount {
		o.Captured--
	}
	if f.currency {
		o.Currency = "usd"
	}
	if f.mode {
		o.Livemode = false
	}
	if f.attemptID {
		o.AttemptID = "pay_2"
	}
	p := paymentRecord{ID: "pay_1", Mode: Live, State: f.attempt, Amount: 2500, Currency: "eur"}
	return decide(sessionRecord{Status: f.session, Mode: Live}, p, o, f.takenFor)
}

// outcome is what the design's table says, row by row; the first row that fits counts.
func (f factCase) outcome() (payment paymentState, note string, step State, status Status, alert bool) {
	payable := f.attempt == attemptOpen || f.attempt == attemptFailed
	switch {
	case f.mode || f.attemptID: // I8, and a charge that is bound to another attempt
		return "", "", "", "", true
	case f.state == StateSucceeded && !payable: // T5
		return
	case f.state == StateSucceeded && f.takenFor && f.attempt == attemptOpen: // the guard of T4: it has no money of its own
		return attemptFailed, "processing_error", "", "", true
	case f.state == StateSucceeded && f.takenFor:
		return "", "", "", "", true
	case f.state == StateSucceeded && (f.amount || f.currency): // T6
		return attemptRefundDue, "amount_mismatch", "", "", true
	case f.state == StateSucceeded && f.session == StatusExpired: // T7
		return attemptRefundDue, "late", "", "", true
	case f.state == StateSucceeded && f.session == StatusCompleted: // T8
		return attemptRefundDue, "extra", "", "", true
	case f.state == StateSucceeded: // T4
		return attemptSucceeded, "", "", StatusCompleted, false
	case f.attempt != attemptOpen: // T10
		return
	case f.state == StateFailed: // T9
		return attemptFailed, "declined", "", "", false
	case f.state == StateCanceled: // T9
		return attemptFailed, "canceled_by_customer", "", "", false
	case f.state == StateActionRequired || f.state == StateProcessing: // T11
		return "", "", f.state, "", false
	}
	return
}

func TestDecideFollowsTheTableForEveryCombination(t *testing.T) {
	everyFact(func(f factCase) {
		v := f.decide()
		payment, note, step, status, alert := f.outcome()
		got := fmt.Sprintf("%q %q %q %q %t", v.payment, v.note, v.step, v.status, v.alert != "")
		if want := fmt.Sprintf("%q %q %q %q %t", payment, note, step, status, alert); got != want {
			t.Errorf("%+v: got %s, want %s", f, got, want)
		}
	})
}

func TestNoFactTakesSuccessBack(t *testing.T) {
	everyFact(func(f factCase) {
		v := f.decide()
		if f.attempt != attemptOpen && f.attempt != attemptFailed && v.payment != "" {
			t.Errorf("%+v moves a settled attempt to %s", f, v.payment)
		}
		if f.attempt == attemptFailed && v.payment == attemptFailed {
			t.Errorf("%+v fails an attempt twice", f)
		}
	})
}

func TestOnlyAPendingSessionIsCompletedAndOnlyByTheExactMoney(t *testing.T) {
	completed := 0
	everyFact(func(f factCase) {
		v := f.decide()
		if (v.status == StatusCompleted) != (v.payment == attemptSucceeded) {
			t.Errorf("%+v: the session and its attempt part: %+v", f, v)
		}
		if v.status == "" {
			return
		}
		completed++
		if f.session != StatusPending || f.amount || f.currency || f.mode || f.attemptID || f.takenFor || f.state != StateSucceeded {
			t.Errorf("%+v completes the session", f)
		}
	})
	if completed != 2 {
		t.Errorf("%d combinations complete a session, want 2: from open and from failed", completed)
	}
}

func TestFailureReasonPrefersTheProvidersWord(t *testing.T) {
	for _, c := range []struct {
		o    Observation
		want string
	}{
		{Observation{State: StateFailed}, ReasonDeclined},
		{Observation{State: StateCanceled}, ReasonCanceledByCustomer},
		{Observation{State: StateFailed, Reason: Reason{Code: ReasonExpiredCard}}, ReasonExpiredCard},
		{Observation{State: StateCanceled, Reason: Reason{Code: ReasonTimeout}}, ReasonTimeout},
	} {
		if got := failureReason(c.o); got != c.want {
			t.Errorf("%+v: %q, want %q", c.o, got, c.want)
		}
	}
}

func TestOpenStatusShowsWhatTheBuyerHasToDo(t *testing.T) {
	for step, want := range map[State]PaymentStatus{
		StateActionRequired: PaymentRequiresAction, StateProcessing: PaymentProcessing, StateUnknown: PaymentProcessing,
	} {
		if got := openStatus(step); got != want {
			t.Errorf("step %q: %s, want %s", step, got, want)
		}
	}
}

func TestNoteOfAReasonOutsideTheListIsAPlainDecline(t *testing.T) {
	if got := failureOf(paymentRecord{ID: "pay_1", Reason: "stolen_card"}); got.Code != "card_declined" || got.DeclineCode != "generic_decline" || got.PaymentID != "pay_1" {
		t.Errorf("a stolen card is told as %+v", got)
	}
}

func TestSuccessWithoutMoneyIsAFailure(t *testing.T) {
	p := paymentRecord{ID: "pay_1", Mode: Live, State: attemptOpen, Amount: 2500, Currency: "eur"}
	o := Observation{State: StateSucceeded, Currency: "eur", Livemode: true}
	v := decide(sessionRecord{Status: StatusPending, Mode: Live}, p, o, false)
	if v.payment != attemptFailed || v.alert == "" || v.status != "" {
		t.Errorf("an empty success becomes %+v", v)
	}
	p.Amount = 0
	if v := decide(sessionRecord{Status: StatusPending, Mode: Live}, p, o, false); v.payment != attemptSucceeded {
		t.Errorf("an order that costs nothing becomes %+v", v)
	}
}
