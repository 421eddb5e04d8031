package checkout

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	mailEvery   = 2 * time.Second
	mailBatch   = 8 // sent at once
	mailLease   = 10 * time.Minute
	mailTimeout = time.Minute     // of one call of the Mailer
	mailTurn    = 5 * time.Second // after which other work gets its turn in RunOnce
)

// mailAfter is when a mail that did not get through is tried again. After the last it has failed.
var mailAfter = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// mailDue writes and sends what is due, for a turn at most: a mail server that hangs must not hold other work up. Many processes
// may do it at once.
func (c *Checkout) mailDue(ctx context.Context) error {
	for start := time.Now(); ctx.Err() == nil && time.Since(start) < mailTurn; {
		list, err := c.store.claimMails(ctx, newID("claim_", c.now()), c.now(), mailLease, mailBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		c.reached("mail.claimed")
		var wg sync.WaitGroup
		for _, r := range list {
			wg.Go(func() { c.contained(ctx, "mail", func(ctx context.Context) error { return c.handleMail(ctx, r) }) })
		}
		wg.Wait()
	}
	return nil
}

// handleMail brings a mail that this process has claimed to its next state. What was begun is finished after ctx has ended.
func (c *Checkout) handleMail(ctx context.Context, r mailRecord) error {
	ctx, cancel := detached(ctx, mailLease/2)
	defer cancel()
	if r.State == mailSending {
		if r.Doubtful == 1 {
			return c.endMail(ctx, r, mailFailed, errors.New("processes ended twice while they sent this mail"))
		}
		r.Doubtful = 1
	}
	switch nothing, err := c.writeMail(ctx, &r); {
	case errors.Is(err, errMailWaits):
		r.NextAt = millis(c.now().Add(mailPatience))
		return c.endMail(ctx, r, mailIsDue, nil)
	case err != nil:
		r.Tries++
		return errors.Join(err, c.postponeMail(ctx, r, err))
	case nothing:
		return c.endMail(ctx, r, mailCanceled, nil)
	case r.Mode == Test && (!c.cfg.Mail.SendTest || c.cfg.Mailer == nil):
		return c.endMail(ctx, r, mailCaught, nil)
	}
	return c.sendMail(ctx, r)
}

func (c *Checkout) sendMail(ctx context.Context, r mailRecord) error {
	m, err := c.mail(ctx, r)
	r.Tries++
	if err != nil {
		return errors.Join(err, c.postponeMail(ctx, r, err))
	}
	mine, err := c.store.startMail(ctx, r)
	if err != nil || !mine {
		return err
	}
	c.reached("mail.calling")
	err = c.callMailer(ctx, m)
	c.reached("mail.answered")
	switch {
	case err == nil:
		err = c.endMail(ctx, r, mailSent, nil)
	case permanentMail(err):
		c.cfg.Logger.ErrorContext(ctx, "checkout: a mail was refused for good", "object", shortID(r.ID), "code", codeOf(err))
		err = c.endMail(ctx, r, mailFailed, err)
	case unknownMail(err):
		err = c.doubtMail(ctx, r, err)
	default:
		err = c.postponeMail(ctx, r, err)
	}
	c.reached("mail.committed")
	return err
}

// doubtMail is for a mail that the server may have although it has not said so: it is sent once more, and then a person decides.
func (c *Checkout) doubtMail(ctx context.Context, r mailRecord, cause error) error {
	if r.Doubtful == 1 {
		c.cfg.Logger.ErrorContext(ctx, "checkout: a mail did not get through and is given up", "object", shortID(r.ID), "code", codeOf(cause))
		return c.endMail(ctx, r, mailFailed, cause)
	}
	r.Doubtful, r.NextAt = 1, millis(c.now().Add(mailLease))
	return c.endMail(ctx, r, mailIsDue, cause)
}

// callMailer hands a mail over. When the time is up and the Mailer cannot say more, the server may have the mail.
func (c *Checkout) callMailer(ctx context.Context, m Mail) error {
	if c.cfg.Mailer == nil {
		return errors.New("no Mailer is configured")
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	_, err := outlast(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, c.cfg.Mailer.Send(ctx, m) })
	var said *MailError
	if err != nil && ctx.Err() != nil && !errors.As(err, &said) {
		return &MailError{Reply: "no answer in time: " + err.Error(), Unknown: true, Err: err}
	}
	return err
}

// mail is what the Mailer gets. A file that cannot be made is left out: the link leads to the document. A document that cannot
// be read now is another matter.
func (c *Checkout) mail(ctx context.Context, r mailRecord) (Mail, error) {
	m := Mail{
		ID: *r.MessageID, From: c.cfg.Mail.From, ReplyTo: c.cfg.Mail.ReplyTo, To: r.Recipient, Subject: *r.Subject, Text: *r.Text, HTML: *r.HTML,
		Lang: *r.Lang,
	}
	if r.QR != nil {
		if png, err := codeOfMail(*r.QR); err == nil {
			m.Attachments = append(m.Attachments, Attachment{Name: "qr.png", Type: "image/png", ID: mailCode, Content: png})
		}
	}
	if r.DocumentID == nil {
		return m, nil
	}
	d, err := c.Document(ctx, *r.DocumentID)
	if err != nil {
		return m, err
	}
	for _, f := range c.mailFormats(ctx, *d) {
		content, err := f.make()
		if err != nil {
			c.cfg.Logger.WarnContext(ctx, "checkout: a mail leaves without a file", "object", shortID(r.ID), "type", f.kind, "error", err)
			continue
		}
		m.Attachments = append(m.Attachments, Attachment{Name: fileName(*d) + f.ending, Type: f.kind, Content: content})
	}
	return m, nil
}

// mailFormat is a file that a document is sent as.
type mailFormat struct {
	kind, ending string
	make         func() ([]byte, error)
}

// mailFormats are the files a document exists as.
func (c *Checkout) mailFormats(ctx context.Context, d Document) (list []mailFormat) {
	if c.cfg.Printer != nil {
		list = append(list, mailFormat{"application/pdf", ".pdf", func() ([]byte, error) { return c.DocumentPDF(ctx, d) }})
	}
	if d.Profile != "" {
		list = append(list, mailFormat{"application/xml", ".xml", func() ([]byte, error) { return c.DocumentXML(d) }})
	}
	return list
}

// postponeMail plans the next try, or ends a mail after the last.
func (c *Checkout) postponeMail(ctx context.Context, r mailRecord, cause error) error {
	if r.Tries > len(mailAfter) {
		c.cfg.Logger.ErrorContext(ctx, "checkout: a mail did not get through and is given up", "object", shortID(r.ID), "code", codeOf(cause))
		return c.endMail(ctx, r, mailFailed, cause)
	}
	r.NextAt = millis(c.now().Add(mailAfter[r.Tries-1]))
	return c.endMail(ctx, r, mailIsDue, cause)
}

// endMail writes the state a mail has come to, and the answer that led there.
func (c *Checkout) endMail(ctx context.Context, r mailRecord, state mailState, cause error) error {
	r.State, r.Code, r.Reply, r.Failure = state, nil, nil, nil
	var answer *MailError
	switch {
	case errors.As(cause, &answer):
		r.Reply = pointer(visible(shorten(answer.Reply, 500)))
		if answer.Code != 0 {
			r.Code = &answer.Code
		}
	case cause != nil:
		r.Failure = pointer(visible(shorten(cause.Error(), 500)))
	}
	if state != mailIsDue {
		r.EndedAt = new(int64)
		*r.EndedAt = millis(c.now())
	}
	return c.keepMail(ctx, r)
}

// keepMail does not let go while a database is away: what the server has taken would be sent again when the lease ends.
func (c *Checkout) keepMail(ctx context.Context, r mailRecord) error {
	for {
		err := c.store.endMail(ctx, r)
		if !errors.Is(err, ErrDatabaseBusy) || !pause(ctx, mailEvery) {
			return err
		}
	}
}

func codeOf(err error) int {
	var answer *MailError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}
