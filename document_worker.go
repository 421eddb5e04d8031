package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/webhook"
)

const (
	documentEvery = 2 * time.Second
	documentBatch = 50 // numbered in one transaction: one counter row for all of them
)

// documentAfter is when a document that could not be issued is tried again; the last goes on for ever, since nothing else
// will issue it.
var documentAfter = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// issueDue gives numbers to what was completed and paid back. Many processes may do it at once.
func (c *Checkout) issueDue(ctx context.Context) error {
	for ctx.Err() == nil {
		due, err := c.store.dueDocuments(ctx, c.now(), documentBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		c.reached("documents.selected")
		err = c.issue(ctx, due)
		c.shared.mails.wake()
		if err != nil {
			return err
		}
	}
	return nil
}

// issue numbers the documents of sessions by series, all of a series at once where nobody is told of each, and those of
// refunds one by one, because a later one builds on the one before.
func (c *Checkout) issue(ctx context.Context, due []documentRecord) error {
	var failed error
	series := map[string][]draft{}
	for _, rec := range due {
		if rec.RefundID != nil {
			failed = errors.Join(failed, c.orPostpone(ctx, rec, c.issueCredit(ctx, rec)))
			continue
		}
		d, err := c.draftOf(ctx, rec)
		if err != nil {
			failed = errors.Join(failed, c.orPostpone(ctx, rec, err))
			continue
		}
		series[d.series] = append(series[d.series], d)
	}
	for _, drafts := range series {
		failed = errors.Join(failed, c.issueSeries(ctx, drafts))
	}
	return failed
}

func (c *Checkout) draftOf(ctx context.Context, rec documentRecord) (draft, error) {
	s, err := c.store.session(ctx, rec.SessionID)
	if err != nil {
		return draft{}, err
	}
	method := ""
	if s.PaymentID != nil && s.Amount > 0 {
		p, err := c.store.paymentByID(ctx, *s.PaymentID)
		if err != nil {
			return draft{}, err
		}
		method = p.Method
	}
	return c.newDraft(rec, s, method)
}

// orPostpone keeps what cannot be issued from being tried at every turn, and says why in the admin. A database that is busy
// is nobody's fault.
func (c *Checkout) orPostpone(ctx context.Context, rec documentRecord, err error) error {
	if err == nil || errors.Is(err, ErrDatabaseBusy) || errors.Is(err, errYearTurned) || ctx.Err() != nil {
		return err
	}
	wait := documentAfter[min(rec.Tries, len(documentAfter)-1)]
	err = fmt.Errorf("document %s: %w", shortID(rec.ID), err)
	return errors.Join(err, c.store.postponeDocument(ctx, rec.ID, shorten(err.Error(), 500), c.now().Add(wait)))
}

func (c *Checkout) issueSeries(ctx context.Context, drafts []draft) error {
	tells, err := c.tellsOfDocuments(ctx, drafts[0].session.Mode)
	if err != nil {
		return err
	}
	if !tells {
		err := c.store.transact(ctx, func(t tx) error { return c.numberAll(t, drafts) })
		c.reached("documents.committed")
		if err == nil || errors.Is(err, ErrDatabaseBusy) || errors.Is(err, errYearTurned) {
			return err
		}
		c.cfg.Logger.WarnContext(ctx, "checkout: documents are numbered one by one, because one of them fails", "error", err)
	}
	var failed error
	for _, d := range drafts {
		failed = errors.Join(failed, c.orPostpone(ctx, d.rec, c.issueAndTell(ctx, d)))
	}
	return failed
}

// numberAll takes one stretch of numbers. A document that another process has issued meanwhile leaves its number to the next.
func (c *Checkout) numberAll(t tx, drafts []draft) error {
	series := drafts[0].series
	next, at, err := c.takeNumbers(t, series)
	if err != nil {
		return err
	}
	c.reached("documents.locked")
	for _, d := range drafts {
		d.stamp(c, at)
		if err := d.number(next); err != nil {
			return err
		}
		isNew, err := t.issueDocument(d.rec)
		if err != nil {
			return err
		}
		if isNew {
			next++
		}
	}
	c.reached("documents.numbered")
	return t.keepNumber(series, c.yearOf(at), next)
}

// errYearTurned is said at midnight of a new year: the next round takes the new year's numbers.
var errYearTurned = errors.New("the year has turned meanwhile")

// takeNumbers locks a series of the present year and gives its next number with the moment that dates it. The clock is read
// behind the lock, so that a later number never has an earlier day.
func (c *Checkout) takeNumbers(t tx, series string) (next int64, at time.Time, err error) {
	year := c.yearOf(c.now())
	if next, err = t.takeNumbers(series, year); err != nil {
		return 0, at, err
	}
	if at = c.now(); c.yearOf(at) != year {
		return 0, at, errYearTurned
	}
	return next, at, nil
}

// tellsOfDocuments is whether somebody listens: the host's hook, or an endpoint.
func (c *Checkout) tellsOfDocuments(ctx context.Context, m Mode) (bool, error) {
	if c.cfg.OnEvent != nil {
		return true, nil
	}
	return c.store.direct(ctx).wantsEvent(m, webhook.InvoiceIssued)
}

// issueAndTell numbers one document under the lock of its session and publishes it.
func (c *Checkout) issueAndTell(ctx context.Context, d draft) error {
	return c.issueLocked(ctx, d.rec, func(tx, sessionRecord) (draft, error) { return d, nil })
}

func (c *Checkout) issueCredit(ctx context.Context, rec documentRecord) error {
	return c.issueLocked(ctx, rec, func(t tx, s sessionRecord) (draft, error) {
		original, earlier, err := t.issuedOf(s.ID)
		if err != nil {
			return draft{}, err
		}
		return c.newCredit(rec, s, original, earlier)
	})
}

// issuedOf are a session's own document and those of its refunds so far.
func (t tx) issuedOf(sessionID string) (original Document, credits []Document, err error) {
	list, err := t.documentsOf(sessionID)
	if err != nil {
		return original, nil, err
	}
	err = ErrNotFound
	for _, rec := range list {
		if rec.State != documentIssued {
			continue
		}
		d, failed := rec.document()
		if failed != nil {
			return original, nil, failed
		}
		if rec.RefundID == nil {
			original, err = d, nil
			continue
		}
		credits = append(credits, d)
	}
	return original, credits, err
}

func (c *Checkout) issueLocked(ctx context.Context, rec documentRecord, write func(tx, sessionRecord) (draft, error)) error {
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	queued := int64(0)
	err := c.store.transact(ctx, func(t tx) error {
		s, err := t.lockSession(rec.SessionID)
		if err != nil {
			return err
		}
		d, err := write(t, s)
		if err != nil {
			return err
		}
		next, at, err := c.takeNumbers(t, d.series)
		if err != nil {
			return err
		}
		c.reached("documents.locked")
		d.stamp(c, at)
		if err := d.number(next); err != nil {
			return err
		}
		isNew, err := t.issueDocument(d.rec)
		if err != nil || !isNew {
			return err
		}
		c.reached("documents.numbered")
		if err := t.keepNumber(d.series, d.year, next+1); err != nil {
			return err
		}
		queued, err = c.tellOfDocument(ctx, t, s, d)
		return err
	})
	c.reached("documents.committed")
	if err == nil && queued > 0 {
		c.shared.deliver.wake()
	}
	return err
}

// tellOfDocument publishes that a document was issued. A hook that has refused too often is left out: a number that is
// missing is worse than a hook that was not asked.
func (c *Checkout) tellOfDocument(ctx context.Context, t tx, s sessionRecord, d draft) (int64, error) {
	at := eventTime(s, c.now())
	e := Event{ID: newID(prefixEvent, c.now()), Type: webhook.InvoiceIssued, SessionID: s.ID, Mode: s.Mode, CreatedAt: seconds(at)}
	var body canonjson.Object
	body.String("event", e.Type)
	body.Object("data", func(o *canonjson.Object) {
		o.String("id", d.doc.ID)
		o.String("kind", string(d.doc.Kind))
		o.Int("amount_cents", d.doc.GrossCents)
		o.String("currency", d.doc.Currency)
		o.String("number", d.doc.Number)
		o.String("session_id", s.ID)
		o.String("issued_on", d.doc.IssuedOn)
		o.NullString("refund_id", d.doc.RefundID)
		o.NullString("client_reference_id", s.Reference)
		o.Raw("metadata", []byte(s.Metadata))
		o.Bool("livemode", s.Mode == Live)
	})
	var err error
	if e.Payload, err = sealEvent(&body, e); err != nil {
		return 0, err
	}
	if e.Session, err = c.view(s); err != nil {
		return 0, err
	}
	if err := t.setEventTime(s.ID, at); err != nil {
		return 0, err
	}
	skip := c.hookSkipped(d.rec.Tries)
	if skip {
		c.cfg.Logger.ErrorContext(ctx, "checkout: recorded without OnEvent, which refused too often", "object", shortID(d.doc.ID))
	}
	return c.publish(ctx, t, e, !skip)
}
