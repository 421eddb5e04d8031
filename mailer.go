package checkout

import (
	"context"
	"errors"
)

// Mail is a message to a buyer, ready to be sent.
type Mail struct {
	// ID is the Message-ID without angle brackets. It is the same at every try of one mail: a Mailer may use it as an
	// idempotency key.
	ID string

	From, ReplyTo string // addresses, RFC 5322: "Acme Coffee" <billing@acme.example>; ReplyTo may be empty
	To            string // one bare address
	Subject       string // no line breaks
	Lang          string // BCP 47, for Content-Language
	Text, HTML    string // the same content twice; both end with a line break
	Attachments   []Attachment
}

// Attachment is a file of a mail. One with an ID is shown inside the HTML part as cid:ID.
type Attachment struct {
	Name, Type string // file name and media type
	ID         string
	Content    []byte
}

// Mailer sends mails. It is called outside of any transaction, by several workers at once, and must end when ctx does.
//
// A nil error means that a server has taken the mail over. An error that wraps a [MailError] with Permanent set ends the
// mail. With Unknown set, or without a MailError when the time was up, it is handed over once more after ten minutes, with the
// same ID; so it is if the process died in between. Every other error is tried again after 1 m, 5 m, 30 m, 2 h, 6 h, 12 h and 24 h.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// MailError is what a mail server has answered.
type MailError struct {
	Code      int    // of SMTP (RFC 5321 section 4.2), 0 if there was no answer
	Reply     string // for the admin; no secrets
	Permanent bool   // 5xx: trying again will not help
	Unknown   bool   // the mail was handed over and no answer came: the server may have it
	Err       error
}

func (e *MailError) Error() string { return "mail server: " + e.Reply }
func (e *MailError) Unwrap() error { return e.Err }

// permanentMail tells errors after which a mail is not tried again.
func permanentMail(err error) bool {
	var e *MailError
	return errors.As(err, &e) && e.Permanent
}

// unknownMail tells errors after which the server may have the mail.
func unknownMail(err error) bool {
	var e *MailError
	return errors.As(err, &e) && e.Unknown
}
