package checkout

import (
	"context"
	"errors"
	"strings"
	"time"
)

// documentFilter chooses issued documents of a mode by the time of their issue, newest first. Empty fields do not filter; at
// most one cursor is set, which is a document of the list.
type documentFilter struct {
	Mode          Mode
	Kind          DocumentKind
	From, To      time.Time // From inclusive, To exclusive
	After, Before *documentRecord
	Limit         int
	Contents      bool // with what was issued
}

// documentHeads are the columns of a document without what was issued, for lists.
var documentHeads = strings.Replace(documentColumns, " content,", " NULL,", 1)

// listDocuments reads one document more than asked for, to know whether there are more. With Before, and from, it reads the
// oldest first.
func (s *store) listDocuments(ctx context.Context, f documentFilter) (list []documentRecord, err error) {
	c := conditions{ascending: f.Before != nil}
	c.add("mode = ?", string(f.Mode))
	c.add("issued_at IS NOT NULL")
	if f.Kind != "" {
		c.add("kind = ?", string(f.Kind))
	}
	if !f.From.IsZero() {
		c.add("issued_at >= ?", millis(f.From))
	}
	if !f.To.IsZero() {
		c.add("issued_at < ?", millis(f.To))
	}
	switch {
	case f.After != nil:
		c.add("(issued_at, id) < (?, ?)", *f.After.IssuedAt, f.After.ID)
	case f.Before != nil:
		c.add("(issued_at, id) > (?, ?)", *f.Before.IssuedAt, f.Before.ID)
	}
	columns := documentHeads
	if f.Contents {
		columns = documentColumns
	}
	statement := `SELECT ` + columns + ` FROM {documents} WHERE ` + c.text() + ` ORDER BY issued_at ` + c.order() + `, id ` + c.order() + ` LIMIT ?`
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readDocument, statement, append(c.args, f.Limit+1)...)
		return err
	})
	return list, err
}

// waitingDocuments are the newest that have no number yet.
func (s *store) waitingDocuments(ctx context.Context, m Mode, limit int) (list []documentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readDocument, `SELECT `+documentColumns+` FROM {documents} WHERE mode = ? AND state = 'due' ORDER BY id DESC LIMIT ?`, m, limit)
		return err
	})
	return list, err
}

// anyStuckDocument tells whether one that is due has failed.
func (s *store) anyStuckDocument(ctx context.Context, m Mode) (any bool, err error) {
	err = s.retry(ctx, func() error {
		_, err := first(s.direct(ctx), readText, `SELECT id FROM {documents} WHERE mode = ? AND state = 'due' AND failure IS NOT NULL LIMIT 1`, m)
		any = err == nil
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	return any, err
}

// documentByNumber finds what a series has counted.
func (s *store) documentByNumber(ctx context.Context, series string, year int, counter int64) (r documentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		r, err = first(s.direct(ctx), readDocument, `SELECT `+documentColumns+` FROM {documents} WHERE series = ? AND year = ? AND counter = ?`, series, year, counter)
		return err
	})
	return r, err
}

// firstDocument is when the first document of a mode was issued.
func (s *store) firstDocument(ctx context.Context, m Mode) (at time.Time, err error) {
	var ms int64
	err = s.retry(ctx, func() (err error) {
		ms, err = first(s.direct(ctx), readInt, `SELECT issued_at FROM {documents} WHERE mode = ? AND issued_at IS NOT NULL ORDER BY issued_at LIMIT 1`, m)
		return err
	})
	return fromMillis(ms), err
}

// documentsOfSession reads them outside of a transaction.
func (s *store) documentsOfSession(ctx context.Context, sessionID string) (list []documentRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = s.direct(ctx).documentsOf(sessionID)
		return err
	})
	return list, err
}

// seriesNext is the next number of a series in a year.
type seriesNext struct {
	Series string
	Next   int64
}

// nextNumbers are those of the series that have begun in a year.
func (s *store) nextNumbers(ctx context.Context, year int, series []string) (list []seriesNext, err error) {
	args := []any{year}
	for _, name := range series {
		args = append(args, name)
	}
	read := func(row scanner) (n seriesNext, err error) {
		err = row.Scan(&n.Series, &n.Next)
		return n, err
	}
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), read, `SELECT series, next FROM {document_series} WHERE year = ? AND series IN (`+placeholders(len(series))+`)`, args...)
		return err
	})
	return list, err
}

// mailsOfDocument are all mails that carry a document, newest first.
func (s *store) mailsOfDocument(ctx context.Context, id string) (list []mailRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readMail, `SELECT `+mailHeads+` FROM {mails} WHERE document_id = ? ORDER BY id DESC LIMIT 100`, id)
		return err
	})
	return list, err
}

// lastMails are the newest mails of some documents, by document.
func (s *store) lastMails(ctx context.Context, documents []documentRecord) (map[string]mailRecord, error) {
	last := map[string]mailRecord{}
	if len(documents) == 0 {
		return last, nil
	}
	args := make([]any, len(documents))
	for i, d := range documents {
		args[i] = d.ID
	}
	return last, s.retry(ctx, func() error {
		list, err := all(s.direct(ctx), readMail, `SELECT `+mailHeads+` FROM {mails}
			WHERE id IN (SELECT MAX(id) FROM {mails} WHERE document_id IN (`+placeholders(len(args))+`) GROUP BY document_id)`, args...)
		for _, m := range list {
			last[*m.DocumentID] = m
		}
		return err
	})
}

// splitNumber takes a document's number apart: series, year and counter, as draft.number has put it together.
func splitNumber(number string) (series string, year int, counter int64, ok bool) {
	head, tail, found := cutLast(number, "-")
	if !found || len(head) < 4 || len(tail) < 6 || len(tail) > 18 {
		return "", 0, 0, false
	}
	y, good := digits(head[len(head)-4:])
	n, also := digits(tail)
	return head[:len(head)-4], int(y), n, good && also
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// digits reads at most 18 ASCII digits.
func digits(s string) (n int64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, s != ""
}
