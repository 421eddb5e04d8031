package checkout

import (
	"context"
	"errors"
	"time"
)

// mailKind is what a mail is about. Texts hang on it: it never changes.
type mailKind string

// The kinds of mails, each once for its object.
const (
	mailCompleted  mailKind = "completed"  // of a session
	mailRefunded   mailKind = "refunded"   // of a refund
	mailProcessing mailKind = "processing" // of a payment that takes its time
)

// mailState is where a mail stands.
type mailState string

// The states of a mail: due → sending → sent, failed, or due again. Test mode ends in caught, a mail that has nothing to
// tell any more in canceled.
const (
	mailIsDue    mailState = "due"
	mailSending  mailState = "sending"
	mailSent     mailState = "sent"
	mailFailed   mailState = "failed"
	mailCanceled mailState = "canceled"
	mailCaught   mailState = "caught"
)

// waitsForWorker tells states that end by themselves.
func (s mailState) waitsForWorker() bool { return s == mailIsDue || s == mailSending }

// mailPatience is how long a payment may take before its buyer is told by mail.
const mailPatience = time.Minute

// mailOf is the row of a mail to the buyer of a session. It is nil where nobody is to be written to: the host sends its own,
// the address is not known, or nothing can be sent in live mode. Test mode needs no Mailer, because the admin shows its mails.
func (c *Checkout) mailOf(s sessionRecord, kind mailKind, object string, document *string, due int64) *mailRecord {
	if c.cfg.Documents.Off || orEmpty(s.CustomerEmail) == "" || (s.Mode == Live && c.cfg.Mailer == nil) {
		return nil
	}
	return &mailRecord{
		ID: newID(prefixMail, c.now()), Mode: s.Mode, SessionID: s.ID, DocumentID: document, Kind: kind, Object: object, Revision: 1,
		Recipient: *s.CustomerEmail, State: mailIsDue, NextAt: due, CreatedAt: millis(c.now()),
	}
}

// waitingMailOf is the row of a mail that tells how a payment goes on, if it has begun to take its time.
func (c *Checkout) waitingMailOf(s sessionRecord, p paymentRecord, before State) *mailRecord {
	if p.Step == before || !c.takesTime(p) {
		return nil
	}
	return c.mailOf(s, mailProcessing, p.ID, nil, millis(c.now().Add(mailPatience)))
}

// takesTime tells payments whose outcome is known later: a bank is working on them, or the buyer pays elsewhere.
func (c *Checkout) takesTime(p paymentRecord) bool {
	_, elsewhere := c.instructor(p)
	return p.State == attemptOpen && (p.Step == StateProcessing || (p.Step == StateActionRequired && elsewhere))
}

// QueuedMail is a mail on its way to a buyer.
type QueuedMail struct {
	ID        string    `json:"id"` // mail_…
	Object    string    `json:"object"`
	InvoiceID string    `json:"invoice_id"`
	SessionID string    `json:"session_id"`
	Email     string    `json:"email"`
	Status    string    `json:"status"` // due or sending
	Livemode  bool      `json:"livemode"`
	CreatedAt time.Time `json:"created_at"`
}

// SendDocument sends a document to its buyer again, as a copy; one that was never sent goes out as it is. While an earlier
// mail of the document is on its way nothing new is made, and that one is returned; if it waits for its next try, it is tried now. Documents without a number yet are sent as
// soon as they have it. The errors are [ErrNotFound] and [ErrNotSendable].
func (c *Checkout) SendDocument(ctx context.Context, id string) (*QueuedMail, error) {
	d, err := c.store.document(ctx, id)
	if err != nil {
		return nil, err
	}
	m := mailRecord{SessionID: d.SessionID, DocumentID: &d.ID, Kind: mailCompleted, Object: d.SessionID}
	if d.RefundID != nil {
		m.Kind, m.Object = mailRefunded, *d.RefundID
	}
	if m, err = c.queueAgain(ctx, m); err != nil {
		return nil, err
	}
	return &QueuedMail{
		ID: m.ID, Object: "mail", InvoiceID: d.ID, SessionID: d.SessionID, Email: m.Recipient, Status: string(m.State), Livemode: m.Mode == Live,
		CreatedAt: seconds(m.CreatedAt),
	}, nil
}

// queueAgain makes the next revision of a mail, whose last one must have come to its end.
func (c *Checkout) queueAgain(ctx context.Context, like mailRecord) (queued mailRecord, err error) {
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	err = c.store.transact(ctx, func(t tx) error {
		s, err := t.lockSession(like.SessionID)
		if err != nil {
			return err
		}
		last, err := t.lastMail(like.SessionID, like.Kind, like.Object)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if last.State.waitsForWorker() { // also ours, after a commit whose answer was lost
			queued = last
			hastened, err := t.hastenMail(last.ID, c.now())
			if err != nil || !hastened {
				return err
			}
			return c.auditMail(ctx, t, last)
		}
		next := c.mailOf(s, like.Kind, like.Object, like.DocumentID, millis(c.now()))
		if next == nil {
			return ErrNotSendable
		}
		next.Revision, queued = last.Revision+1, *next
		if err := t.insertMail(next); err != nil {
			return err
		}
		return c.auditMail(ctx, t, *next)
	})
	if err == nil && !c.inHostTx {
		c.shared.mails.wake()
	}
	return queued, err
}

func (c *Checkout) auditMail(ctx context.Context, t tx, m mailRecord) error {
	return c.audit(ctx, t, change{mode: m.Mode, action: "mail.send", object: m.ID, session: m.SessionID, after: map[string]any{
		"kind": m.Kind, "invoice_id": m.DocumentID, "revision": m.Revision,
	}})
}
