package webhook

import (
	"encoding/json"
	"fmt"
	"time"
)

// The values of Event.Type. The first three are sent to every endpoint, the others to those that ask for them.
const (
	SessionCompleted  = "checkout.session.completed"  // paid: fulfil the order
	SessionExpired    = "checkout.session.expired"    // ended without a payment
	PaymentFailed     = "checkout.payment.failed"     // an attempt failed; the session stays open for another
	SessionCreated    = "checkout.session.created"    // a session was opened
	PaymentProcessing = "checkout.payment.processing" // the bank has not decided yet
	PaymentLate       = "checkout.payment.late"       // money came after the session had ended
	RefundSucceeded   = "checkout.refund.succeeded"   // a refund was paid out
	RefundFailed      = "checkout.refund.failed"      // a refund could not be paid out
	InvoiceIssued     = "checkout.invoice.issued"     // an invoice got its number
	Test              = "webhook.test"                // sent by hand from the admin
)

// Event is the body of one webhook.
type Event struct {
	// ID is the same in every delivery of the event: evt_…. It is empty if the endpoint is set to the original short
	// body and the request has no valid Standard Webhooks signature, which is what proves an id outside the body.
	ID string `json:"id"`
	// Type is one of the constants above, or one that this version does not know.
	Type string `json:"event"`
	// CreatedAt is when it happened; within one session it never goes back.
	CreatedAt time.Time `json:"created_at"`
	// Data is the object it happened to, as it was sent. See Session.
	Data json.RawMessage `json:"data"`
}

// Session is the Data of the checkout.session.… and checkout.payment.… events. Fields that were null or not sent have
// their zero value.
type Session struct {
	ID            string         `json:"id"`             // cs_…
	Status        string         `json:"status"`         // pending, completed or expired
	AmountCents   int64          `json:"amount_cents"`   // total in minor units of Currency
	Currency      string         `json:"currency"`       // ISO 4217 in lower case
	CustomerEmail string         `json:"customer_email"` // as given by the merchant or the buyer
	Metadata      map[string]any `json:"metadata"`       // the merchant's own: string, float64 or bool each

	CompletedAt time.Time `json:"completed_at"` // in SessionCompleted
	ExpiredAt   time.Time `json:"expired_at"`   // in SessionExpired
	FailedAt    time.Time `json:"failed_at"`    // in PaymentFailed
	Failure     *Failure  `json:"failure"`      // in PaymentFailed

	PaymentStatus     string `json:"payment_status"`      // paid, unpaid, …
	ClientReferenceID string `json:"client_reference_id"` // the merchant's own
	PaymentID         string `json:"payment_id"`          // pay_…
	// Livemode is false for test keys, and nil if the endpoint is set to the original short body, which does not say.
	Livemode *bool `json:"livemode"`
}

// Failure says why an attempt to pay failed.
type Failure struct {
	Code        string `json:"code"`         // card_declined, …
	DeclineCode string `json:"decline_code"` // the bank's reason, if it gave one
	Message     string `json:"message"`      // for people, in English
}

// Session decodes Data. The error matches ErrBody if Data has another shape; events about refunds and invoices have.
func (e Event) Session() (Session, error) {
	var s Session
	if err := json.Unmarshal(e.Data, &s); err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return s, nil
}

func decode(payload []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if e.Type == "" {
		return Event{}, fmt.Errorf("%w: it has no event type", ErrBody)
	}
	return e, nil
}
