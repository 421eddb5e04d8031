package checkout

import (
	"fmt"
	"time"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/internal/strictjson"
	"github.com/jopay/checkout/webhook"
)

// Event is something that became true for a session. Payload is the exact body of its webhooks; Session is the session
// as it is after the event.
type Event struct {
	ID        string
	Type      string // checkout.session.completed, …: the constants of package webhook
	SessionID string
	Mode      Mode
	CreatedAt time.Time
	Payload   []byte
	Session   *Session
}

// maxPayload is the limit of a webhook's body in bytes; the most common receiver stops at 102,400.
const maxPayload = 64 << 10

// newEvent freezes the bytes of an event about s, which is the session as it will be when the event is true.
func (c *Checkout) newEvent(kind string, s sessionRecord, at int64, failure *PaymentError) (Event, error) {
	created := fromMillis(at).Truncate(time.Second)
	e := Event{ID: newID(prefixEvent, c.now()), Type: kind, SessionID: s.ID, Mode: s.Mode, CreatedAt: created}
	payload, err := eventPayload(e, s, at, failure)
	if err != nil {
		return e, fmt.Errorf("event of session %s: %w", shortID(s.ID), err)
	}
	e.Payload = payload
	e.Session, err = c.view(s)
	return e, err
}

// eventPayload writes the seed's members first, in the seed's order, and ours behind them. The guard in sealEvent makes
// sure that a receiver which parses and prints the body again still finds our signature right.
func eventPayload(e Event, s sessionRecord, at int64, failure *PaymentError) ([]byte, error) {
	var body canonjson.Object
	body.String("event", e.Type)
	body.Object("data", func(d *canonjson.Object) {
		d.String("id", s.ID)
		d.String("status", string(s.Status))
		d.Int("amount_cents", s.Amount)
		d.String("currency", s.Currency)
		d.NullString("customer_email", s.CustomerEmail)
		d.Raw("metadata", []byte(s.Metadata))
		d.String(eventTimeKey(e.Type), wireTime(at))
		d.String("payment_status", string(s.PaymentStatus))
		d.NullString("client_reference_id", s.Reference)
		d.NullString("payment_id", s.PaymentID)
		d.Bool("livemode", s.Mode == Live)
		if failure != nil {
			d.Object("failure", func(f *canonjson.Object) {
				f.String("code", failure.Code)
				f.String("decline_code", failure.DeclineCode)
				f.String("message", failure.Message)
			})
		}
	})
	return sealEvent(&body, e)
}

// sealEvent ends the body of an event and holds it to the limits of all bodies.
func sealEvent(body *canonjson.Object, e Event) ([]byte, error) {
	body.String("created_at", e.CreatedAt.Format(time.RFC3339))
	body.String("id", e.ID)
	payload, err := body.Bytes()
	if err != nil {
		return nil, err
	}
	if len(payload) > maxPayload {
		return nil, fmt.Errorf("the webhook's body has %d bytes, more than %d", len(payload), maxPayload)
	}
	return payload, canonjson.Fixed(payload)
}

func eventTimeKey(kind string) string {
	switch kind {
	case webhook.SessionCreated:
		return "created_at"
	case webhook.PaymentProcessing:
		return "processing_at"
	case webhook.PaymentLate:
		return "received_at"
	case webhook.SessionExpired:
		return "expired_at"
	case webhook.PaymentFailed:
		return "failed_at"
	default:
		return "completed_at"
	}
}

func wireTime(ms int64) string { return fromMillis(ms).Truncate(time.Second).Format(time.RFC3339) }

// eventTime keeps the times of a session's events from going backwards when the clocks of two replicas differ.
func eventTime(s sessionRecord, now time.Time) int64 { return max(millis(now), s.LastEventAt) }

// seedForm cuts a body down to the members of the first public documentation, for receivers that refuse others. The
// result depends on the frozen bytes alone, so that it is the same at every attempt.
func seedForm(payload []byte) ([]byte, error) {
	v, err := strictjson.Parse(payload, maxDepth)
	if err != nil {
		return nil, err
	}
	data, _ := v.Get("data")
	var body canonjson.Object
	for _, m := range v.Members {
		switch m.Name {
		case "event", "created_at":
			body.Raw(m.Name, m.Value.Raw)
		case "data":
			body.Object("data", func(d *canonjson.Object) {
				for _, m := range data.Members[:min(7, len(data.Members))] {
					d.Raw(m.Name, m.Value.Raw)
				}
			})
		}
	}
	return body.Bytes()
}
