package checkout

import (
	"context"
	"time"
)

// documentState is where a document stands.
type documentState string

// The states of a document: due → issued.
const (
	documentDue    documentState = "due"
	documentIssued documentState = "issued"
)

// documentRecord is a row of the documents table. Times are Unix milliseconds. What is nil until the document is issued
// never changes from then on.
type documentRecord struct {
	ID        string
	Mode      Mode
	SessionID string
	RefundID  *string
	State     documentState
	Kind      *string
	Series    *string
	Year      *int
	Counter   *int64
	Number    *string
	Currency  string
	Gross     int64
	Tax       *int64
	Buyer     *string // for lists
	Content   *string // JSON of the Document
	SHA256    *string // of Content, hex
	Failure   *string // why it was not issued at the last try
	Tries     int
	NextAt    int64
	CreatedAt int64
	IssuedAt  *int64
}

const documentColumns = `id, mode, session_id, refund_id, state, kind, series, year, counter, number, currency, gross, tax, buyer, content, sha256,
	failure, tries, next_at, created_at, issued_at`

func readDocument(row scanner) (r documentRecord, err error) {
	err = row.Scan(&r.ID, &r.Mode, &r.SessionID, &r.RefundID, &r.State, &r.Kind, &r.Series, &r.Year, &r.Counter, &r.Number, &r.Currency, &r.Gross,
		&r.Tax, &r.Buyer, &r.Content, &r.SHA256, &r.Failure, &r.Tries, &r.NextAt, &r.CreatedAt, &r.IssuedAt)
	return r, err
}

// insertDocument notes in the transaction of its cause that a document is to be issued. A repeat changes nothing.
func (t tx) insertDocument(r documentRecord) error {
	_, err := t.exec(`INSERT INTO {documents} (id, mode, session_id, refund_id, state, currency, gross, next_at, created_at)
		VALUES (?, ?, ?, ?, 'due', ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		r.ID, r.Mode, r.SessionID, r.RefundID, r.Currency, r.Gross, r.NextAt, r.CreatedAt)
	return err
}

// documentIsReady is true of documents d that can get their number: a refund's waits for its session's own.
const documentIsReady = `d.state = 'due' AND (d.refund_id IS NULL
	OR EXISTS (SELECT 1 FROM {documents} o WHERE o.session_id = d.session_id AND o.refund_id IS NULL AND o.state = 'issued'))`

// dueDocuments are those to be issued now, oldest first.
func (s *store) dueDocuments(ctx context.Context, now time.Time, limit int) ([]documentRecord, error) {
	return all(s.direct(ctx), readDocument, `SELECT `+documentColumns+` FROM {documents} d WHERE `+documentIsReady+` AND d.next_at <= ? ORDER BY d.next_at, d.id LIMIT ?`, millis(now), limit)
}

// takeNumbers locks a series and gives its next number. The lock lasts until the transaction ends, so that numbers have no
// gaps: what is rolled back was never taken.
func (t tx) takeNumbers(series string, year int) (next int64, err error) {
	return first(t, readInt, `INSERT INTO {document_series} (series, year, next) VALUES (?, ?, 1)
		ON CONFLICT (series, year) DO UPDATE SET next = {document_series}.next RETURNING next`, series, year)
}

// keepNumber moves a series on to the number that is free now.
func (t tx) keepNumber(series string, year int, next int64) error {
	return t.one(`UPDATE {document_series} SET next = ? WHERE series = ? AND year = ?`, next, series, year)
}

// issueDocument writes what a document says, once.
func (t tx) issueDocument(r documentRecord) (bool, error) {
	n, err := t.exec(`UPDATE {documents} SET state = 'issued', kind = ?, series = ?, year = ?, counter = ?, number = ?, tax = ?, buyer = ?, content = ?,
		sha256 = ?, failure = NULL, issued_at = ? WHERE id = ? AND state = 'due'`,
		r.Kind, r.Series, r.Year, r.Counter, r.Number, r.Tax, r.Buyer, r.Content, r.SHA256, r.IssuedAt, r.ID)
	return n == 1, err
}

// postponeDocument notes why a document was not issued, and when it is tried again.
func (s *store) postponeDocument(ctx context.Context, id, failure string, next time.Time) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`UPDATE {documents} SET failure = ?, tries = tries + 1, next_at = ? WHERE id = ? AND state = 'due'`, failure, millis(next), id)
		return err
	})
}

func (s *store) document(ctx context.Context, id string) (r documentRecord, err error) {
	if !isID(prefixDocument, id) {
		return r, ErrNotFound
	}
	err = s.retry(ctx, func() (err error) {
		r, err = first(s.direct(ctx), readDocument, `SELECT `+documentColumns+` FROM {documents} WHERE id = ?`, id)
		return err
	})
	return r, err
}

// documentsOf are all documents of a session: its own, then those of its refunds in the order of their numbers.
func (t tx) documentsOf(sessionID string) ([]documentRecord, error) {
	return all(t, readDocument, `SELECT `+documentColumns+` FROM {documents} WHERE session_id = ?
		ORDER BY CASE WHEN refund_id IS NULL THEN 0 ELSE 1 END, issued_at, counter, id`, sessionID)
}

func readInt(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}
