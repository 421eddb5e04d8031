package checkout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jopay/checkout/webhook"
)

// CreateSession opens a new order (T1). Inside [Checkout.WithTx] it commits with the host's own order. With an
// idempotency key a repeat gives the first session again, as it was when it was made; another order under the same key
// is [ErrKeyReused]. A refused order is an [*Error] whose Fields name every mistake.
func (c *Checkout) CreateSession(ctx context.Context, params SessionParams) (*Session, error) {
	params.LineItems = slices.Clone(params.LineItems)
	for i := range params.LineItems {
		setDefault(&params.LineItems[i].Quantity, 1)
	}
	return c.createSession(ctx, params, &problems{})
}

func (c *Checkout) createSession(ctx context.Context, params SessionParams, p *problems) (*Session, error) {
	total, metadata := c.normalize(&params, p)
	if err := p.err(); err != nil {
		return nil, err
	}
	rec, err := c.newSession(params, total, metadata)
	if err != nil {
		return nil, err
	}
	if err := c.deliverable(rec); err != nil {
		return nil, err
	}
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	stored, isNew, err := c.insertSession(ctx, rec)
	c.reached("create.committed")
	if err != nil {
		return nil, err
	}
	if isNew {
		return c.view(stored)
	}
	return c.replay(stored, rec)
}

// insertSession is one statement, unless an endpoint wants to hear of new sessions: then the event commits with it.
func (c *Checkout) insertSession(ctx context.Context, rec sessionRecord) (stored sessionRecord, isNew bool, err error) {
	if !c.inHostTx && !c.wantsCreated(ctx, rec.Mode) {
		return c.store.insertSession(ctx, rec)
	}
	var queued int64
	err = c.store.transact(ctx, func(t tx) error {
		if stored, isNew, err = t.insertSession(rec); err != nil || !isNew {
			return err
		}
		if wants, err := t.wantsEvent(rec.Mode, webhook.SessionCreated); err != nil || !wants {
			return err
		}
		if told, err := t.hasEvent(rec.ID, webhook.SessionCreated); err != nil || told { // by a commit whose answer was lost
			return err
		}
		e, err := c.newEvent(webhook.SessionCreated, rec, rec.CreatedAt, nil)
		if err != nil {
			return err
		}
		queued, err = c.publish(ctx, t, e, false) // who creates a session knows it already
		return err
	})
	if err == nil && queued > 0 && !c.inHostTx {
		c.shared.deliver.wake()
	}
	return stored, isNew, err
}

// replay answers a repeated create with the first answer: everything that can change is shown as it was then.
func (c *Checkout) replay(stored, asked sessionRecord) (*Session, error) {
	if orEmpty(stored.RequestHash) != orEmpty(asked.RequestHash) {
		return nil, ErrKeyReused
	}
	s, err := c.view(asCreated(stored))
	if err == nil {
		s.replayed = true
	}
	return s, err
}

func asCreated(r sessionRecord) sessionRecord {
	r.Status, r.PaymentStatus = StatusPending, initialPaymentStatus(r.Amount)
	r.AmountRefunded, r.LastError, r.PaymentID, r.DocumentID, r.CompletedAt, r.ExpiredAt = 0, nil, nil, nil, nil, nil
	r.ExpiresAt = r.CreatedAt + r.TTLSeconds*1000
	if r.EmailFromPage {
		r.CustomerEmail = nil
	}
	return r
}

func initialPaymentStatus(amount int64) PaymentStatus {
	if amount == 0 {
		return PaymentNotRequired
	}
	return PaymentUnpaid
}

func (c *Checkout) newSession(params SessionParams, total int64, metadata []byte) (sessionRecord, error) {
	now := c.now()
	rec := sessionRecord{
		ID: newID(prefixSession, now), Mode: params.Mode, Status: StatusPending, PaymentStatus: initialPaymentStatus(total),
		Amount: total, Currency: params.LineItems[0].Currency, AmountTax: totalTax(params.LineItems),
		CustomerEmail: pointer(params.CustomerEmail), Metadata: string(metadata), Reference: pointer(params.ClientReferenceID),
		Locale: params.Locale, SuccessURL: params.SuccessURL, CancelURL: params.CancelURL, EmbedOrigin: pointer(params.EmbedOrigin),
		LatePayment: params.LatePayment, CreatedAt: millis(now), TTLSeconds: int64(params.ExpiresIn / time.Second),
		IdempotencyKey: pointer(params.IdempotencyKey),
	}
	rec.ExpiresAt = rec.CreatedAt + rec.TTLSeconds*1000
	var err error
	if rec.LineItems, err = text(params.LineItems); err != nil {
		return rec, err
	}
	if rec.Billing, err = optional(params.BillingDetails != nil, params.BillingDetails); err != nil {
		return rec, err
	}
	if rec.Methods, err = optional(params.PaymentMethods != nil, params.PaymentMethods); err != nil {
		return rec, err
	}
	if params.IdempotencyKey != "" {
		rec.RequestHash, err = fingerprint(params, metadata)
	}
	return rec, err
}

// deliverable proves before the order exists that its webhooks can be written and will survive their receivers.
func (c *Checkout) deliverable(rec sessionRecord) error {
	failure := failures[ReasonProviderUnavailable]
	id := newID(prefixPayment, c.now())
	rec.PaymentID = &id
	e := Event{ID: newID(prefixEvent, c.now()), Type: webhook.PaymentFailed, CreatedAt: seconds(rec.CreatedAt)}
	_, err := eventPayload(e, rec, rec.CreatedAt, &failure)
	return err
}

// fingerprint tells two orders apart that come under the same idempotency key. The API hashes the request's own bytes;
// a call in process, what it asks for.
func fingerprint(params SessionParams, metadata []byte) (*string, error) {
	if params.requestHash != "" {
		return &params.requestHash, nil
	}
	params.Metadata = nil
	asked, err := text(params)
	if err != nil {
		return nil, err
	}
	hash := sha256Hex(asked + string(metadata))
	return &hash, nil
}

// text encodes what this package reads back itself. It leaves <, > and & alone, for people who look into the table.
func text(v any) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return string(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), err
}

func optional(set bool, v any) (*string, error) {
	if !set {
		return nil, nil
	}
	s, err := text(v)
	return &s, err
}

func pointer(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// view shows a record as the API does.
func (c *Checkout) view(r sessionRecord) (*Session, error) {
	s := &Session{
		ID: r.ID, CheckoutURL: c.pageURL(r.ID), URL: c.pageURL(r.ID), Object: "checkout.session", Livemode: r.Mode == Live,
		Status: r.Status, PaymentStatus: r.PaymentStatus, AmountCents: r.Amount, Currency: r.Currency,
		AmountTaxCents: r.AmountTax, AmountRefundedCents: r.AmountRefunded,
		CustomerEmail: r.CustomerEmail, Metadata: json.RawMessage(r.Metadata), ClientReferenceID: r.Reference, Locale: r.Locale,
		SuccessURL: r.SuccessURL, CancelURL: r.CancelURL, PaymentID: r.PaymentID, InvoiceID: r.DocumentID,
		CreatedAt: seconds(r.CreatedAt), ExpiresAt: seconds(r.ExpiresAt),
		CompletedAt: optionalSeconds(r.CompletedAt), ExpiredAt: optionalSeconds(r.ExpiredAt),
	}
	for _, part := range []struct {
		from *string
		to   any
	}{{&r.LineItems, &s.LineItems}, {r.Billing, &s.BillingDetails}, {r.Methods, &s.PaymentMethods}, {r.LastError, &s.LastError}} {
		if part.from == nil {
			continue
		}
		if err := json.Unmarshal([]byte(*part.from), part.to); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func seconds(ms int64) time.Time { return fromMillis(ms).Truncate(time.Second) }

func optionalSeconds(ms *int64) *time.Time {
	if ms == nil {
		return nil
	}
	t := seconds(*ms)
	return &t
}

func (c *Checkout) pageURL(id string) string { return c.base + c.cfg.PagePath + "/" + id }

// Session gives one session of either mode, or [ErrNotFound].
func (c *Checkout) Session(ctx context.Context, id string) (*Session, error) {
	rec, err := c.store.session(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.view(rec)
}

// Sessions lists sessions, newest first; more tells whether the list goes on in the direction of the cursor.
func (c *Checkout) Sessions(ctx context.Context, f SessionFilter) (list []Session, more bool, err error) {
	if f.Limit == 0 {
		f.Limit = 10
	}
	if f.Limit < 1 || f.Limit > 100 || !f.Mode.valid() {
		return nil, false, invalid([]FieldError{{Param: "limit", Code: "parameter_invalid_integer", Message: "A list needs a mode and a limit of 1 to 100."}})
	}
	for _, cursor := range []struct{ param, id string }{{"starting_after", f.StartingAfter}, {"ending_before", f.EndingBefore}} {
		if cursor.id != "" && !isID(prefixSession, cursor.id) {
			return nil, false, invalid([]FieldError{{Param: cursor.param, Code: ErrCursor.Code, Message: ErrCursor.Message}})
		}
	}
	records, err := c.store.listSessions(ctx, f)
	if err != nil {
		return nil, false, err
	}
	if more = len(records) > f.Limit; more {
		records = records[:f.Limit]
	}
	if f.EndingBefore != "" {
		slices.Reverse(records)
	}
	list = make([]Session, 0, len(records))
	for _, rec := range records {
		s, err := c.view(rec)
		if err != nil {
			return nil, false, err
		}
		list = append(list, *s)
	}
	return list, more, nil
}

// ExpireSession ends a pending session now (T19). An expired one is given back as it is. A payment under way is taken
// back first where its provider can do that; a session that is completed, or whose payment cannot be taken back, is
// [ErrNotPending]. Inside [Checkout.WithTx] no provider is called.
func (c *Checkout) ExpireSession(ctx context.Context, id string) (*Session, error) {
	rec, err := c.expireNow(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.view(rec)
}

func (c *Checkout) expireNow(ctx context.Context, id string) (sessionRecord, error) {
	if !isID(prefixSession, id) {
		return sessionRecord{}, ErrNotFound
	}
	rec, err := c.expire(ctx, id, true)
	if c.inHostTx || !errors.Is(err, ErrNotPending) || rec.Status != StatusPending {
		return rec, err
	}
	open, lookup := c.store.lastPayment(ctx, id)
	if lookup != nil {
		return rec, errors.Join(err, lookup)
	}
	if failed := c.takeBack(ctx, open, ReasonTimeout); failed != nil {
		c.cfg.Logger.WarnContext(ctx, "checkout: a payment could not be taken back", "payment", shortID(open.ID), "error", failed)
	}
	return c.expire(ctx, id, true)
}

// longestWait is how long an attempt may keep a session open, counted from its begin.
const longestWait = 90 * 24 * time.Hour

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// longestExtension is how long after its making a session can be paid at most, when buyers ask for more time.
const longestExtension = 24 * time.Hour

// extended is when a session would end if the buyer asked for more time now; ok tells whether that gains anything.
func (c *Checkout) extended(rec sessionRecord) (expiresAt int64, ok bool) {
	expiresAt = min(millis(c.now())+rec.TTLSeconds*1000, rec.CreatedAt+longestExtension.Milliseconds())
	return expiresAt, !c.cfg.FixedExpiry && expiresAt > rec.ExpiresAt
}

// extendable tells whether a page that is opened now may be extended until its time is up. At this moment it need not gain
// anything: the button waits on the page until it does.
func (c *Checkout) extendable(rec sessionRecord) bool {
	return !c.cfg.FixedExpiry && rec.ExpiresAt < rec.CreatedAt+longestExtension.Milliseconds()
}

// extend gives the buyer of a pending session more time.
func (c *Checkout) extend(ctx context.Context, id string) error {
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	return c.store.transact(ctx, func(t tx) error {
		rec, err := t.lockSession(id)
		if err != nil || rec.Status != StatusPending || rec.ExpiresAt <= millis(c.now()) {
			return err
		}
		expiresAt, ok := c.extended(rec)
		if !ok {
			return nil
		}
		return t.extendSession(id, expiresAt)
	})
}

// expire closes a session that no attempt holds open, and gives it as it is afterwards. Asked tells a wish from the clock.
func (c *Checkout) expire(ctx context.Context, id string, asked bool) (rec sessionRecord, err error) {
	work, cancel := detached(ctx, commitTimeout)
	defer cancel()
	var done settled
	err = c.store.transact(work, func(t tx) (err error) {
		var changed bool
		if rec, done, changed, err = c.expireIn(work, t, id); err == nil && changed && asked {
			err = c.audit(work, t, change{mode: rec.Mode, action: "session.expire", object: rec.ID, session: rec.ID})
		}
		return err
	})
	if err != nil {
		return rec, c.refused(ctx, err, id, c.store.countSessionRefusal)
	}
	c.reached("expire.committed")
	c.afterSettle(ctx, id, done)
	return rec, nil
}

func (c *Checkout) expireIn(ctx context.Context, t tx, id string) (rec sessionRecord, done settled, changed bool, err error) {
	rec, err = t.lockSession(id)
	if err != nil || rec.Status == StatusExpired {
		return rec, done, false, err
	}
	if rec.Status == StatusCompleted {
		return rec, done, false, ErrNotPending
	}
	at := eventTime(rec, c.now())
	expired, err := t.expireSession(id, at, at)
	if err != nil {
		return rec, done, false, err
	}
	if !expired {
		return rec, done, false, ErrNotPending.saying("A payment of this session is under way. Its outcome decides; ask again in a minute.")
	}
	c.reached("expire.written")
	rec.Status, rec.ExpiredAt = StatusExpired, &at
	e, err := c.newEvent(webhook.SessionExpired, rec, at, nil)
	if err != nil {
		return rec, done, false, err
	}
	done.skipped = c.hookSkipped(rec.HookRefusals)
	done.queued, err = c.publish(ctx, t, e, !done.skipped)
	return rec, done, true, err
}
