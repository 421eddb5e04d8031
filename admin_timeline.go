package checkout

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jopay/checkout/webhook"
)

// tone is how a timeline entry feels to the shop owner.
type tone string

const (
	toneGood    tone = "good"
	toneBad     tone = "bad"
	toneNeutral tone = "neutral"
)

// timelineKind names what happened. Texts in all languages hang on it: it never changes.
type timelineKind string

// The kinds of entries, each with the facts it has beside At, Kind, Tone and Object.
const (
	tlSessionCreated    timelineKind = "session.created"     // Amount, Currency
	tlSessionCompleted  timelineKind = "session.completed"   // Amount, Currency
	tlSessionExpired    timelineKind = "session.expired"     //
	tlPaymentStarted    timelineKind = "payment.started"     // Attempt, Provider, Method, Amount, Currency
	tlPaymentTryFailed  timelineKind = "payment.try_failed"  // Attempt, Reason: the buyer may try again within the attempt
	tlPaymentSucceeded  timelineKind = "payment.succeeded"   // Attempt, Provider, Method, Amount, Currency, Reference
	tlPaymentConfirmed  timelineKind = "payment.confirmed"   // as succeeded, by a person: Actor, Note
	tlPaymentFailed     timelineKind = "payment.failed"      // Attempt, Provider, Method, Reason, ProviderCode
	tlPaymentOwed       timelineKind = "payment.owed"        // Attempt, Amount, Currency, Reason: amount_mismatch, late or extra
	tlTransferBooked    timelineKind = "transfer.booked"     // Amount, Surplus, Currency, Reference, Actor, Note
	tlRefundAsked       timelineKind = "refund.asked"        // Amount, Currency, Origin, Note: its reason in the asker's words
	tlRefundSucceeded   timelineKind = "refund.succeeded"    // Amount, Currency, Origin, Reference
	tlRefundFailed      timelineKind = "refund.failed"       // Amount, Currency, Origin, Reason
	tlRefundNeedsPerson timelineKind = "refund.needs_person" // as failed
	tlEvent             timelineKind = "event"               // EventType: what receivers are told
	tlDeliverySucceeded timelineKind = "delivery.succeeded"  // EventType, Event, URL, Attempt, HTTPStatus, Duration
	tlDeliveryFailed    timelineKind = "delivery.failed"     // as succeeded, Reason in English, Class
	tlDeliveryGivenUp   timelineKind = "delivery.given_up"   // EventType, Event, URL, Attempt: no more will follow
	tlMailSent          timelineKind = "mail.sent"           // Note: its subject
	tlMailCaught        timelineKind = "mail.caught"         // as sent
	tlMailFailed        timelineKind = "mail.failed"         // Note: the last answer
	tlAudit             timelineKind = "audit"               // Action, Actor, Note: JSON with before and after
)

// timelineEntry is one thing that happened to a session. Amounts are in minor units of Currency; which facts an entry has
// is told by its kind.
type timelineEntry struct {
	At     time.Time // to the millisecond, UTC
	Kind   timelineKind
	Tone   tone
	Object string // id of the session, payment, transfer, refund, event, delivery or audit row

	Amount, Surplus  int64
	Currency         string
	Attempt          int // number of the payment within its session, or of the delivery's attempt
	Provider, Method string
	Reference        string // the provider's
	Reason           string // a code of [PaymentError], or words where the kind says so
	ProviderCode     string
	Origin           string // of a refund, see [Refund]
	Actor            Actor
	Note             string
	EventType        string
	Event            string // id of the event delivered
	URL              string
	HTTPStatus       int // 0: no answer came
	Class            string
	Duration         time.Duration
	Action           string
}

// timelineLimit bounds a timeline; of each source as many of the newest rows are read.
const timelineLimit = 500

// sessionTimeline gives everything that happened to a session, oldest first. Cut tells that only the newest entries are
// there, timelineLimit of them.
func (q *adminQuery) sessionTimeline(ctx context.Context, sessionID string) (list []timelineEntry, cut bool, err error) {
	f, err := q.store.timelineFacts(ctx, sessionID, timelineLimit+1)
	if err != nil {
		return nil, false, err
	}
	list = f.entries()
	if cut = len(list) > timelineLimit; cut {
		list = list[len(list)-timelineLimit:]
	}
	return list, cut, nil
}

// timelineFacts are the rows a timeline is made of.
type timelineFacts struct {
	session    sessionRecord
	payments   []paymentRecord
	transfers  []transferRecord
	refunds    []refundRecord
	events     []eventRow
	deliveries []deliveryRow
	attempts   []attemptRow
	mails      []mailRecord
	audit      []auditRecord
}

func (f timelineFacts) entries() (list []timelineEntry) {
	list = append(list, sessionEntries(f.session)...)
	for _, p := range f.payments {
		list = append(list, paymentEntries(p, f.owed(p.ID))...)
	}
	for _, r := range f.transfers {
		list = append(list, transferEntry(r))
	}
	for _, r := range f.refunds {
		list = append(list, refundEntries(r)...)
	}
	list = append(list, f.eventEntries()...)
	list = append(list, f.deliveryEntries()...)
	for _, r := range f.mails {
		list = append(list, mailEntries(r)...)
	}
	for _, r := range f.audit {
		if saidElsewhere[r.Action] {
			continue
		}
		list = append(list, auditEntry(r))
	}
	slices.SortStableFunc(list, func(a, b timelineEntry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(rank[a.Kind], rank[b.Kind]))
	})
	return list
}

// saidElsewhere are the changes whose own entries name who has made them.
var saidElsewhere = map[string]bool{"transfer.record": true, "transfer.assign": true, "payment.confirm": true}

// rank orders what has happened in the same millisecond: causes before effects.
var rank = map[timelineKind]int{
	tlSessionCreated: 0, tlPaymentStarted: 1, tlPaymentTryFailed: 2, tlTransferBooked: 3, tlPaymentSucceeded: 4, tlPaymentConfirmed: 4,
	tlPaymentFailed: 4, tlPaymentOwed: 4, tlSessionCompleted: 5, tlSessionExpired: 5, tlRefundAsked: 6, tlRefundSucceeded: 7,
	tlRefundFailed: 7, tlRefundNeedsPerson: 7, tlAudit: 8, tlEvent: 9, tlDeliverySucceeded: 10, tlDeliveryFailed: 10, tlDeliveryGivenUp: 11,
	tlMailSent: 12, tlMailCaught: 12, tlMailFailed: 12,
}

func sessionEntries(s sessionRecord) []timelineEntry {
	list := []timelineEntry{{At: fromMillis(s.CreatedAt), Kind: tlSessionCreated, Tone: toneNeutral, Object: s.ID, Amount: s.Amount, Currency: s.Currency}}
	if s.CompletedAt != nil {
		list = append(list, timelineEntry{At: fromMillis(*s.CompletedAt), Kind: tlSessionCompleted, Tone: toneGood, Object: s.ID, Amount: s.Amount, Currency: s.Currency})
	}
	if s.ExpiredAt != nil {
		list = append(list, timelineEntry{At: fromMillis(*s.ExpiredAt), Kind: tlSessionExpired, Tone: toneNeutral, Object: s.ID})
	}
	return list
}

// mailEntries tell what became of a mail that has come to its end.
func mailEntries(r mailRecord) []timelineEntry {
	e := timelineEntry{Object: r.ID, Tone: toneNeutral, Note: orEmpty(r.Subject)}
	switch r.State {
	case mailSent:
		e.Kind, e.Tone = tlMailSent, toneGood
	case mailCaught:
		e.Kind = tlMailCaught
	case mailFailed:
		e.Kind, e.Tone, e.Note = tlMailFailed, toneBad, mailRow{r}.Answer()
	default:
		return nil
	}
	e.At = fromMillis(*r.EndedAt)
	return []timelineEntry{e}
}

// owed is the refund of all the money of a payment, nil if none is owed.
func (f timelineFacts) owed(paymentID string) *refundRecord {
	for _, r := range f.refunds {
		if r.PaymentID == paymentID && r.ofPayment() {
			return &r
		}
	}
	return nil
}

// paymentEntries tell of an attempt. What came in another currency than asked for stands in the refund that is owed.
func paymentEntries(p paymentRecord, owed *refundRecord) []timelineEntry {
	e := timelineEntry{
		At: fromMillis(p.CreatedAt), Kind: tlPaymentStarted, Tone: toneNeutral, Object: p.ID, Attempt: p.Ordinal,
		Provider: p.Provider, Method: p.Method, Amount: p.Amount, Currency: p.Currency,
	}
	list := []timelineEntry{e}
	if p.SettledAt == nil {
		return list
	}
	e.At, e.Reference = fromMillis(*p.SettledAt), p.Ref
	switch p.State {
	case attemptSucceeded:
		e.Kind, e.Tone, e.Amount = tlPaymentSucceeded, toneGood, p.Captured
		if p.Actor != "" {
			e.Kind, e.Actor, e.Note = tlPaymentConfirmed, Actor{ID: p.Actor}, p.Note
		}
	case attemptFailed:
		e.Kind, e.Tone, e.Reason, e.ProviderCode, e.Amount, e.Currency = tlPaymentFailed, toneBad, p.Reason, p.ProviderCode, 0, ""
	default: // its money goes back, or has
		e.Kind, e.Tone, e.Reason, e.Amount = tlPaymentOwed, toneBad, p.Reason, p.Captured
		if owed != nil {
			e.Amount, e.Currency = owed.Amount, owed.Currency
		}
	}
	return append(list, e)
}

func transferEntry(r transferRecord) timelineEntry {
	e := timelineEntry{
		At: fromMillis(r.CreatedAt), Kind: tlTransferBooked, Tone: toneGood, Object: r.ID, Amount: r.Amount, Surplus: r.Surplus, Currency: r.Currency,
		Provider: r.Provider, Reference: orEmpty(r.Reference), Actor: Actor{ID: orEmpty(r.Actor)}, Note: orEmpty(r.Note),
	}
	if r.Surplus > 0 {
		e.Tone = toneBad
	}
	return e
}

func refundEntries(r refundRecord) []timelineEntry {
	e := timelineEntry{
		At: fromMillis(r.CreatedAt), Kind: tlRefundAsked, Tone: toneNeutral, Object: r.ID, Amount: r.Amount, Currency: r.Currency,
		Origin: r.Origin, Note: orEmpty(r.Reason),
	}
	list := []timelineEntry{e}
	e.At = r.endedAt()
	e.Note, e.Reference, e.Reason = "", orEmpty(r.ProviderRef), orEmpty(r.Failure)
	switch r.State {
	case refundSucceeded:
		e.Kind, e.Tone = tlRefundSucceeded, toneGood
	case refundFailed:
		e.Kind, e.Tone = tlRefundFailed, toneBad
	case refundNeedsPerson:
		e.Kind, e.Tone = tlRefundNeedsPerson, toneBad
	default:
		return list
	}
	return append(list, e)
}

// endedAt is when a refund left the machine's hands. For one that waits for a person nothing but its last try tells it, from
// which the next one was put off.
func (r refundRecord) endedAt() time.Time {
	switch {
	case r.SettledAt != nil:
		return fromMillis(*r.SettledAt)
	case r.Tries > 0:
		return fromMillis(max(r.CreatedAt, r.NextAt-claimAgain.Milliseconds()))
	default:
		return fromMillis(r.CreatedAt)
	}
}

// eventEntries are the events, and the failures that only events tell of.
func (f timelineFacts) eventEntries() (list []timelineEntry) {
	payments := map[string]*paymentRecord{}
	for _, p := range f.payments {
		payments[p.ID] = &p
	}
	for _, e := range f.events {
		list = append(list, timelineEntry{At: e.at(), Kind: tlEvent, Tone: toneNeutral, Object: e.ID, EventType: e.Type})
		if e.Type != webhook.PaymentFailed {
			continue
		}
		paymentID, reason := e.failure()
		if p := payments[paymentID]; p != nil {
			list = append(list, failureEntries(p, e.at(), reason)...)
		}
	}
	return list
}

// failureEntries tell of a failure whose payment does not tell it any more. The first ones of a payment are tries within it,
// as many as it has counted; one more ended it, and is forgotten there when its money came all the same.
func failureEntries(p *paymentRecord, at time.Time, reason string) []timelineEntry {
	e := timelineEntry{
		At: at, Kind: tlPaymentTryFailed, Tone: toneBad, Object: p.ID, Attempt: p.Ordinal, Provider: p.Provider, Method: p.Method, Reason: reason,
	}
	switch {
	case p.Tries > 0:
		p.Tries--
	case p.State != attemptFailed:
		e.Kind = tlPaymentFailed
	default:
		return nil
	}
	return []timelineEntry{e}
}

// eventRow is an event without what its receivers do not need to be shown again. Payload is read of failures only.
type eventRow struct{ ID, Type, Payload string }

// at is when the event was written: its id knows that to the millisecond.
func (e eventRow) at() time.Time { return idTime(prefixEvent, e.ID) }

// failure reads who failed and why from the body of an event.
func (e eventRow) failure() (paymentID, reason string) {
	var body struct {
		Data struct {
			PaymentID string `json:"payment_id"`
			Failure   PaymentError
		}
	}
	if json.Unmarshal([]byte(e.Payload), &body) != nil {
		return "", ""
	}
	return body.Data.PaymentID, cmp.Or(body.Data.Failure.DeclineCode, body.Data.Failure.Code)
}

// deliveryRow is an event's way to an endpoint, attemptRow one attempt to go it.
type (
	deliveryRow struct {
		ID, EventID, State, URL string
		Attempts, HTTPStatus    int
		Error                   string
		CreatedAt               int64
		DeliveredAt             *int64
	}
	attemptRow struct {
		DeliveryID, URL, Class, Error string
		N, HTTPStatus                 int
		At, DurationMS                int64
	}
)

func (a attemptRow) ok() bool { return a.HTTPStatus >= 200 && a.HTTPStatus <= 299 }

func (f timelineFacts) deliveryEntries() (list []timelineEntry) {
	types, of, logged := map[string]string{}, map[string]deliveryRow{}, map[string]int64{}
	for _, e := range f.events {
		types[e.ID] = e.Type
	}
	for _, d := range f.deliveries {
		of[d.ID] = d
	}
	for _, a := range f.attempts {
		d := of[a.DeliveryID]
		logged[d.ID] = max(logged[d.ID], a.At)
		list = append(list, a.entry(d, types[d.EventID]))
	}
	for _, d := range f.deliveries {
		list = append(list, d.entries(types[d.EventID], logged[d.ID])...)
	}
	return list
}

func (a attemptRow) entry(d deliveryRow, kind string) timelineEntry {
	e := timelineEntry{
		At: fromMillis(a.At), Kind: tlDeliverySucceeded, Tone: toneGood, Object: d.ID, EventType: kind, Event: d.EventID, URL: a.URL,
		Attempt: a.N, HTTPStatus: a.HTTPStatus, Duration: time.Duration(a.DurationMS) * time.Millisecond,
	}
	if !a.ok() {
		e.Kind, e.Tone, e.Reason, e.Class = tlDeliveryFailed, toneBad, a.Error, a.Class
	}
	return e
}

// entries tell how a delivery ended where its attempts do not: they were not always written down one by one.
func (d deliveryRow) entries(kind string, logged int64) []timelineEntry {
	e := timelineEntry{Object: d.ID, EventType: kind, Event: d.EventID, URL: d.URL, Attempt: d.Attempts, HTTPStatus: d.HTTPStatus}
	switch {
	case d.State == "failed":
		e.At, e.Kind, e.Tone, e.Reason = fromMillis(max(logged, d.CreatedAt)), tlDeliveryGivenUp, toneBad, d.Error
	case d.DeliveredAt != nil && logged == 0:
		e.At, e.Kind, e.Tone = fromMillis(*d.DeliveredAt), tlDeliverySucceeded, toneGood
	default:
		return nil
	}
	return []timelineEntry{e}
}

func auditEntry(r auditRecord) timelineEntry {
	return timelineEntry{
		At: fromMillis(r.At), Kind: tlAudit, Tone: toneNeutral, Object: r.ID, Action: r.Action, Actor: Actor{r.ActorID, r.ActorName}, Note: r.Detail,
	}
}
