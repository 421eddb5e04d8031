package checkout

import (
	"context"
	"strings"
	"time"
)

// mailRecord is a row of the mails table. Times are Unix milliseconds. What is nil until the mail is written does not
// change from then on, but for how an open payment goes on, until a server may have taken it.
type mailRecord struct {
	ID         string
	Mode       Mode
	SessionID  string
	DocumentID *string
	Kind       mailKind
	Object     string // id of what the mail is about
	Revision   int    // from 1; later ones are copies
	Recipient  string
	State      mailState
	MessageID  *string // without angle brackets
	Lang       *string
	Subject    *string
	Text       *string
	HTML       *string
	QR         *string // content of the code that HTML shows
	Tries      int     // calls of the Mailer, and failures to write the mail
	NextAt     int64   // when it is due; the end of the lease while it is claimed
	Claim      *string
	Code       *int // the server's last answer
	Reply      *string
	Failure    *string // why there was no answer
	Doubtful   int     // 1 when nobody knows whether a server has taken it: the buyer may have it twice
	CreatedAt  int64
	EndedAt    *int64
}

const mailColumns = `id, mode, session_id, document_id, kind, object, revision, recipient, state, message_id, lang, subject, text_body, html_body, qr,
	tries, next_at, claim, code, reply, failure, doubtful, created_at, ended_at`

// mailHeads are the same columns without the bodies, for lists.
var mailHeads = strings.Replace(mailColumns, "text_body, html_body", "NULL, NULL", 1)

func readMail(row scanner) (r mailRecord, err error) {
	err = row.Scan(&r.ID, &r.Mode, &r.SessionID, &r.DocumentID, &r.Kind, &r.Object, &r.Revision, &r.Recipient, &r.State, &r.MessageID, &r.Lang, &r.Subject,
		&r.Text, &r.HTML, &r.QR, &r.Tries, &r.NextAt, &r.Claim, &r.Code, &r.Reply, &r.Failure, &r.Doubtful, &r.CreatedAt, &r.EndedAt)
	return r, err
}

// insertMail notes in the transaction of its cause that a buyer is to be written to. A repeat changes nothing; nil is nobody.
func (t tx) insertMail(r *mailRecord) error {
	if r == nil {
		return nil
	}
	_, err := t.exec(`INSERT INTO {mails} (id, mode, session_id, document_id, kind, object, revision, recipient, state, next_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		r.ID, r.Mode, r.SessionID, r.DocumentID, r.Kind, r.Object, r.Revision, r.Recipient, r.State, r.NextAt, r.CreatedAt)
	return err
}

// mailIsReady is true of mails m that a worker can do something about: their document has its number.
const mailIsReady = `(m.state = 'due' OR m.state = 'sending') AND (m.document_id IS NULL
	OR EXISTS (SELECT 1 FROM {documents} d WHERE d.id = m.document_id AND d.state = 'issued'))`

// claimMails takes mails that are due for a token, until the lease ends. One that comes in state sending was taken by
// somebody who has died since.
func (s *store) claimMails(ctx context.Context, token string, now time.Time, lease time.Duration, limit int) (list []mailRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readMail, `UPDATE {mails} SET claim = ?, next_at = ?
			WHERE id IN (SELECT m.id FROM {mails} m WHERE `+mailIsReady+` AND m.next_at <= ? ORDER BY m.next_at LIMIT ?`+s.skipLocked()+`)
			RETURNING `+mailColumns, token, millis(now.Add(lease)), millis(now), limit)
		return err
	})
	return list, err
}

// startMail keeps what was written and notes that a mail leaves now. It is false when the lease is somebody else's.
func (s *store) startMail(ctx context.Context, r mailRecord) (mine bool, err error) {
	err = s.retry(ctx, func() error {
		n, err := s.direct(ctx).exec(`UPDATE {mails} SET state = 'sending', message_id = ?, lang = ?, subject = ?, text_body = ?, html_body = ?, qr = ?, doubtful = ?,
			tries = ? WHERE id = ? AND claim = ?`,
			r.MessageID, r.Lang, r.Subject, r.Text, r.HTML, r.QR, r.Doubtful, r.Tries, r.ID, r.Claim)
		mine = n == 1
		return err
	})
	return mine, err
}

// endMail writes what became of a mail and gives the claim back.
func (s *store) endMail(ctx context.Context, r mailRecord) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {mails} SET state = ?, message_id = ?, lang = ?, subject = ?, text_body = ?, html_body = ?, qr = ?, doubtful = ?, tries = ?,
			next_at = ?, code = ?, reply = ?, failure = ?, ended_at = ?, claim = NULL WHERE id = ? AND claim = ?`,
			r.State, r.MessageID, r.Lang, r.Subject, r.Text, r.HTML, r.QR, r.Doubtful, r.Tries, r.NextAt, r.Code, r.Reply, r.Failure, r.EndedAt, r.ID, r.Claim)
		return err
	})
}

// hastenMail makes a mail that waits for its next try due now. One that nobody has tried yet has a time for a reason, and one
// that is claimed has a lease.
func (t tx) hastenMail(id string, now time.Time) (bool, error) {
	n, err := t.exec(`UPDATE {mails} SET next_at = ? WHERE id = ? AND state = 'due' AND tries > 0 AND claim IS NULL AND next_at > ?`, millis(now), id, millis(now))
	return n == 1, err
}

// listMails reads one more row than asked for, to know whether there are more.
func (s *store) listMails(ctx context.Context, f mailFilter) (list []mailRecord, err error) {
	statement, args := pageOf(`SELECT `+mailHeads+` FROM {mails}`, []condition{
		{"mode = ?", string(f.Mode)}, {"session_id = ?", f.Session}, {"state = ?", f.State}, {"kind = ?", f.Kind}, {"id < ?", f.After}, {"id > ?", f.Before},
	}, f.Before != "", f.Limit)
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readMail, statement, args...)
		return err
	})
	return list, err
}

// lastMail is the newest revision about one thing.
func (t tx) lastMail(sessionID string, kind mailKind, object string) (mailRecord, error) {
	return first(t, readMail, `SELECT `+mailColumns+` FROM {mails} WHERE session_id = ? AND kind = ? AND object = ? ORDER BY revision DESC LIMIT 1`,
		sessionID, kind, object)
}

func (s *store) mail(ctx context.Context, id string) (r mailRecord, err error) {
	if !isID(prefixMail, id) {
		return r, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		r, err = first(s.direct(ctx), readMail, `SELECT `+mailColumns+` FROM {mails} WHERE id = ?`, id)
		return err
	})
	return r, err
}
