package checkout

// verdict is what a fact about money changes. It is decided without I/O, under the session's lock.
type verdict struct {
	payment paymentState // the attempt's new state; empty: it stays
	note    string       // why money is to be given back, or the reason of a failure or a failed try
	step    State        // what an open attempt waits for; empty: unchanged
	status  Status       // the session's new status; empty: it stays
	alert   string       // for the log and the shop owner: something a person should know
}

// refused tells a fact that must not be believed in any part, so that not even its references are kept.
func (v verdict) refused() bool { return v.alert != "" && v.payment == "" }

// The notes of money that has to be given back.
const (
	noteMismatch = "amount_mismatch" // another amount or currency than asked for
	noteLate     = "late"            // it came after the session had expired
	noteExtra    = "extra"           // another attempt had paid already
)

// decide is the table of payments: what fact o means for attempt p of session s. Success is absorbing, failure never
// overrules it, and every fact may come again, late or out of order.
func decide(s sessionRecord, p paymentRecord, o Observation, chargeTaken bool) verdict {
	if o.Livemode != (p.Mode == Live) {
		return verdict{alert: "a fact of the other mode was ignored"}
	}
	if o.AttemptID != "" && o.AttemptID != p.ID {
		return verdict{alert: "a charge that is bound to another attempt was ignored"}
	}
	switch o.State {
	case StateSucceeded:
		return decideSuccess(s, p, o, chargeTaken)
	case StateFailed, StateCanceled:
		if p.State == attemptOpen {
			return decideFailure(p, o)
		}
	case StateActionRequired, StateProcessing:
		if p.State == attemptOpen {
			return decideOpen(o)
		}
	}
	return verdict{}
}

// decideFailure ends an attempt. What had come of its money by then is owed back.
func decideFailure(p paymentRecord, o Observation) verdict {
	if p.Received > 0 {
		return verdict{payment: attemptRefundDue, note: noteMismatch, alert: "a payment ended after only a part of its money had come"}
	}
	return verdict{payment: attemptFailed, note: failureReason(o)}
}

// decideOpen keeps an attempt open. A try that failed within it is news, although the buyer may try again.
func decideOpen(o Observation) verdict {
	if o.State == StateActionRequired && o.TryID != "" && o.Reason.Code != "" {
		return verdict{step: o.State, note: o.Reason.Code}
	}
	return verdict{step: o.State}
}

// decideSuccess takes open attempts and failed ones: a late success overrules a failure, because the money is there.
func decideSuccess(s sessionRecord, p paymentRecord, o Observation, chargeTaken bool) verdict {
	switch {
	case p.State != attemptOpen && p.State != attemptFailed:
		return verdict{}
	case chargeTaken:
		return decideEmpty(p, verdict{alert: "a charge that pays another attempt was offered again"})
	case o.Captured <= 0 && p.Amount > 0:
		return decideEmpty(p, verdict{alert: "the provider calls a payment successful that took no money"})
	case o.Captured != p.Amount || o.Currency != p.Currency:
		return verdict{payment: attemptRefundDue, note: noteMismatch, alert: "the provider took another amount than asked for"}
	case s.Status == StatusExpired:
		return verdict{payment: attemptRefundDue, note: noteLate, alert: "money arrived after the session had expired"}
	case s.Status == StatusCompleted:
		return verdict{payment: attemptRefundDue, note: noteExtra, alert: "a completed session was paid once more"}
	default:
		return verdict{payment: attemptSucceeded, status: StatusCompleted}
	}
}

// decideEmpty closes an attempt that has no money of its own, whatever its provider calls it: it must not hold its session
// open for ever.
func decideEmpty(p paymentRecord, v verdict) verdict {
	if p.State == attemptOpen {
		v.payment, v.note = attemptFailed, ReasonProcessingError
	}
	return v
}

func failureReason(o Observation) string {
	if o.Reason.Code != "" {
		return o.Reason.Code
	}
	if o.State == StateCanceled {
		return ReasonCanceledByCustomer
	}
	return ReasonDeclined
}

// openStatus is the payment status of a session whose open attempt waits for step. Nobody knowing counts as processing.
func openStatus(step State) PaymentStatus {
	if step == StateActionRequired {
		return PaymentRequiresAction
	}
	return PaymentProcessing
}
