package checkout

import (
	"context"
	"slices"
	"time"
)

// The states of a [Delivery].
const (
	DeliveryPending   = "pending"   // waits for its first or next attempt, or for its endpoint to be switched on
	DeliveryDelivered = "delivered" // the receiver has answered 2xx
	DeliveryFailed    = "failed"    // given up; see Redeliver and ReplayEvents
)

// Delivery is one event on its way to one endpoint, as the API shows it. Times are in whole seconds.
type Delivery struct {
	ID            string     `json:"id"`
	Object        string     `json:"object"`
	EventID       string     `json:"event_id"`
	EventType     string     `json:"event_type"`
	EndpointID    string     `json:"endpoint_id"`
	SessionID     *string    `json:"session_id"` // null for webhook.test
	Status        string     `json:"status"`     // pending, delivered or failed
	AttemptCount  int        `json:"attempt_count"`
	NextAttemptAt *time.Time `json:"next_attempt_at"` // while it is pending
	HTTPStatus    *int       `json:"http_status"`     // of the last answer; null when there was none
	Error         *string    `json:"error"`           // why the last attempt failed; null after a success
	Livemode      bool       `json:"livemode"`
	CreatedAt     time.Time  `json:"created_at"`
	DeliveredAt   *time.Time `json:"delivered_at"`
}

// Mode is the mode of the event.
func (d Delivery) Mode() Mode { return modeOf(d.Livemode) }

// DeliveryDetail is a delivery with all that went over the wire.
type DeliveryDetail struct {
	Delivery
	EndpointURL string      `json:"endpoint_url"` // as it is now; every attempt has its own
	Body        string      `json:"body"`         // the exact bytes that were signed, as the endpoint's payload setting wants them
	Event       EventRecord `json:"event"`
	Attempts    []Attempt   `json:"attempts"` // oldest first
}

// Attempt is one request to a receiver. While a secret is being replaced, one attempt may be two of them with the same N.
type Attempt struct {
	ID                string    `json:"id"`
	N                 int       `json:"n"` // from 1; it begins anew when a delivery is sent again by hand
	At                time.Time `json:"at"`
	DurationMS        int64     `json:"duration_ms"`
	URL               string    `json:"url"`
	SignedAt          int64     `json:"signed_at"` // the t of the signature, Unix seconds
	Signature         string    `json:"signature"` // X-JoPay-Signature as it was sent
	StandardSignature *string   `json:"standard_signature"`
	LeadSecret        string    `json:"lead_secret"` // current or previous: whose signature came first
	HTTPStatus        *int      `json:"http_status"`
	Class             *string   `json:"class"` // of a failure: dns, connect, tls, timeout, blocked, redirect, 4xx or 5xx
	Error             *string   `json:"error"` // for people; null after a success
	Response          *string   `json:"response"`
	ResponseHeaders   *string   `json:"response_headers"` // one a line, without cookies
}

// DeliveryFilter selects deliveries, newest first. Empty fields do not filter.
type DeliveryFilter struct {
	Mode          Mode // required
	SessionID     string
	EndpointID    string
	State         string // pending, delivered or failed
	StartingAfter string // id of the last delivery of the page before
	EndingBefore  string // id of the first delivery of the page behind
	Limit         int    // 1–100. Defaults to 10
}

// Deliveries lists deliveries, newest first; more tells whether the list goes on in the direction of the cursor.
func (c *Checkout) Deliveries(ctx context.Context, f DeliveryFilter) (list []Delivery, more bool, err error) {
	if err := checkPage(f.Mode, &f.Limit, prefixDelivery, f.StartingAfter, f.EndingBefore); err != nil {
		return nil, false, err
	}
	records, err := c.store.listDeliveries(ctx, f)
	if err != nil {
		return nil, false, err
	}
	records, more = page(records, f.Limit, f.EndingBefore != "")
	list = make([]Delivery, 0, len(records))
	for _, r := range records {
		list = append(list, r.view())
	}
	return list, more, nil
}

// checkPage refuses what cannot be a page of a list, and fills the limit.
func checkPage(mode Mode, limit *int, prefix, after, before string) error {
	setDefault(limit, 10)
	if *limit < 1 || *limit > 100 || !mode.valid() {
		return invalid([]FieldError{{Param: "limit", Code: "parameter_invalid_integer", Message: "A list needs a mode and a limit of 1 to 100."}})
	}
	for _, cursor := range []struct{ param, id string }{{"starting_after", after}, {"ending_before", before}} {
		if cursor.id != "" && !isID(prefix, cursor.id) {
			return invalid([]FieldError{{Param: cursor.param, Code: ErrCursor.Code, Message: "The cursor is not the id of an object of this list."}})
		}
	}
	return nil
}

// page cuts the one row more off that tells whether a list goes on, and puts the newest first.
func page[T any](list []T, limit int, backwards bool) (cut []T, more bool) {
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	if backwards {
		slices.Reverse(list)
	}
	return list, more
}

func modeOf(livemode bool) Mode {
	if livemode {
		return Live
	}
	return Test
}

func (r deliveryRecord) view() Delivery {
	d := Delivery{
		ID: r.ID, Object: "webhook_delivery", EventID: r.EventID, EventType: r.EventType, EndpointID: r.EndpointID, SessionID: pointer(r.SessionID),
		Status: r.State, AttemptCount: r.Attempts, Error: r.Error, Livemode: r.Mode == Live,
		CreatedAt: seconds(r.CreatedAt), DeliveredAt: optionalSeconds(r.DeliveredAt),
	}
	if r.HTTPStatus != nil && *r.HTTPStatus != 0 {
		d.HTTPStatus = r.HTTPStatus
	}
	if r.State == DeliveryPending {
		d.NextAttemptAt = optionalSeconds(&r.NextAt)
	}
	return d
}

func (a attemptRecord) view() Attempt {
	v := Attempt{
		ID: a.ID, N: a.N, At: seconds(a.At), DurationMS: a.DurationMS, URL: a.URL, SignedAt: a.SignedAt, Signature: a.Signature,
		StandardSignature: pointer(a.Standard), LeadSecret: a.LeadSecret, Class: pointer(a.Class), Error: pointer(a.Error),
		Response: pointer(a.Response), ResponseHeaders: pointer(a.Headers),
	}
	if a.HTTPStatus != 0 {
		v.HTTPStatus = &a.HTTPStatus
	}
	return v
}

// GetDelivery gives a delivery of either mode with its body and all attempts, or [ErrNotFound].
func (c *Checkout) GetDelivery(ctx context.Context, id string) (DeliveryDetail, error) {
	rec, err := c.store.delivery(ctx, id)
	if err != nil {
		return DeliveryDetail{}, err
	}
	event, err := c.GetEvent(ctx, rec.EventID)
	if err != nil {
		return DeliveryDetail{}, err
	}
	endpoint, err := c.store.endpoint(ctx, rec.EndpointID)
	if err != nil {
		return DeliveryDetail{}, err
	}
	body, err := bodyFor(rec.Form, string(event.Payload))
	if err != nil {
		return DeliveryDetail{}, err
	}
	attempts, err := c.store.attempts(ctx, id)
	d := DeliveryDetail{Delivery: rec.view(), EndpointURL: endpoint.URL, Body: string(body), Event: event, Attempts: make([]Attempt, 0, len(attempts))}
	for _, a := range attempts {
		d.Attempts = append(d.Attempts, a.view())
	}
	return d, err
}

// Redeliver sends a delivery again, now: the same bytes under the same event id, with a fresh time in the signature. One
// that was delivered or given up gets its whole schedule anew. An endpoint that is off or deleted is [ErrEndpointOff].
func (c *Checkout) Redeliver(ctx context.Context, deliveryID string) (Delivery, error) {
	var after deliveryRecord
	err := c.store.transact(ctx, func(t tx) error {
		before, err := t.lockDelivery(deliveryID)
		if err != nil {
			return err
		}
		endpoint, err := first(t, readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE id = ?`, before.EndpointID)
		if err != nil {
			return err
		}
		if endpoint.Status != endpointEnabled {
			return ErrEndpointOff
		}
		if after, err = t.requeue(deliveryID, c.now()); err != nil {
			return err
		}
		return c.audit(ctx, t, change{mode: after.Mode, action: "delivery.redeliver", object: deliveryID, session: after.SessionID,
			before: map[string]any{"status": before.State, "attempts": before.Attempts}, after: map[string]any{"status": after.State}})
	})
	if err != nil {
		return Delivery{}, err
	}
	c.wakeSender()
	return after.view(), nil
}
