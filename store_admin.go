package checkout

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// conditions are a WHERE clause over the sessions table, and the direction in which ids are read.
type conditions struct {
	where     []string
	args      []any
	with      string // common table expressions that where refers to
	withArgs  []any
	ascending bool
	nothing   bool // no session can meet them
}

func (c *conditions) add(condition string, args ...any) {
	c.where, c.args = append(c.where, condition), append(c.args, args...)
}

func (c *conditions) addIn(column string, values []string) {
	if len(values) == 0 {
		c.nothing = true
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	c.add(column+" IN ("+placeholders(len(values))+")", args...)
}

func (c conditions) clone() conditions {
	c.where, c.args = slices.Clone(c.where), slices.Clone(c.args)
	return c
}

func (c conditions) text() string { return strings.Join(c.where, " AND ") }

func (c conditions) order() string {
	if c.ascending {
		return "ASC"
	}
	return "DESC"
}

// until ends the range of ids at one, which is inside.
func (c conditions) until(id string) conditions {
	c = c.clone()
	if c.ascending {
		c.add("id <= ?", id)
	} else {
		c.add("id >= ?", id)
	}
	return c
}

// containing looks for members of objects in the text of the metadata. That text is canonical, without spaces, so that a
// member stands in it as it stands in an object of its own; quotes inside strings are escaped, so that it stands nowhere else.
func (c conditions) containing(objects []string, postgres bool) conditions {
	position := "instr(metadata, ?) > 0"
	if postgres {
		position = "strpos(metadata, ?) > 0"
	}
	var tests []string
	var needles []any
	for _, o := range objects {
		member := strings.TrimSuffix(strings.TrimPrefix(o, "{"), "}")
		for _, needle := range []string{"{" + member + "}", "{" + member + ",", "," + member + "}", "," + member + ","} {
			tests, needles = append(tests, position), append(needles, needle)
		}
	}
	c = c.clone()
	c.add("("+strings.Join(tests, " OR ")+")", needles...)
	return c
}

// indexed narrows down to the sessions whose metadata contains one of the objects, found through PostgreSQL's index.
func (c conditions) indexed(objects []string) conditions {
	c = c.clone()
	test, args := containsObject(objects)
	c.with, c.withArgs = `WITH found AS MATERIALIZED (SELECT id FROM {sessions} WHERE `+test+`) `, args
	c.add("id IN (SELECT id FROM found)")
	return c
}

func containsObject(objects []string) (string, []any) {
	tests, args := make([]string, len(objects)), make([]any, len(objects))
	for i, o := range objects {
		tests[i], args[i] = "metadata::jsonb @> CAST(? AS jsonb)", o
	}
	return strings.Join(tests, " OR "), args
}

const paymentRowColumns = `s.id, s.mode, s.status, s.payment_status, s.amount, s.amount_tax, s.amount_refunded, s.currency,
	COALESCE(s.customer_email, ''), COALESCE(s.client_reference_id, ''), s.line_items, s.metadata,
	COALESCE(p.provider, ''), COALESCE(p.method, ''), COALESCE(p.ref, ''), COALESCE(s.payment_id, ''),
	s.created_at, s.completed_at, s.expired_at`

func readPaymentRow(row scanner) (r paymentRow, err error) {
	var items string
	var created int64
	var completed, expired *int64
	err = row.Scan(&r.ID, &r.Mode, &r.Status, &r.PaymentStatus, &r.Amount, &r.Tax, &r.Refunded, &r.Currency,
		&r.Email, &r.Reference, &items, &r.Metadata, &r.Provider, &r.Method, &r.ProviderRef, &r.PaymentID,
		&created, &completed, &expired)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.CompletedAt, r.ExpiredAt = fromMillis(created), optionalMillis(completed), optionalMillis(expired)
	var names []struct {
		Name string `json:"name"`
	}
	if err = json.Unmarshal([]byte(items), &names); err == nil && len(names) > 0 {
		r.Description, r.MoreItems = names[0].Name, len(names)-1
	}
	return r, err
}

// paymentRows reads sessions in the order of their ids. The ids are found first, from the index alone where it holds all
// that the conditions ask for; a session's attempts are numbered up to its own count of them.
func (t tx) paymentRows(c conditions, limit int) ([]paymentRow, error) {
	statement := c.with + `SELECT ` + paymentRowColumns + ` FROM {sessions} s LEFT JOIN {payments} p ON p.session_id = s.id AND p.ordinal = s.attempts
		WHERE s.id IN (SELECT id FROM {sessions} WHERE ` + c.text() + ` ORDER BY id ` + c.order() + ` LIMIT ?) ORDER BY s.id ` + c.order()
	return all(t, readPaymentRow, statement, append(append(slices.Clone(c.withArgs), c.args...), limit)...)
}

func (s *store) paymentRows(ctx context.Context, c conditions, limit int) (list []paymentRow, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = s.direct(ctx).paymentRows(c, limit)
		return err
	})
	return list, err
}

// rareRows is paymentRows of the sessions whose metadata contains one of the objects, if there are not more than bound. It
// is for PostgreSQL, and insists on the index: the planner would rather read the whole table for an object it believes to be
// frequent, where a count up to the bound needs but a list of row numbers.
func (s *store) rareRows(ctx context.Context, c conditions, objects []string, bound, limit int) (list []paymentRow, rare bool, err error) {
	test, args := containsObject(objects)
	err = s.transact(ctx, func(t tx) error {
		if _, err := t.exec(`SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		n := 0
		err := t.query(func(row scanner) error { return row.Scan(&n) }, `SELECT COUNT(*) FROM (SELECT 1 FROM {sessions} WHERE `+test+` LIMIT ?) AS counted`, append(args, bound+1)...)
		if rare = n <= bound; err != nil || !rare {
			return err
		}
		list, err = t.paymentRows(c.indexed(objects), limit)
		return err
	})
	return list, rare, err
}

// searchEnd is the last id of the next bound sessions, and how many there are.
func (s *store) searchEnd(ctx context.Context, c conditions, bound int) (id string, seen int, err error) {
	end := "MIN(id)"
	if c.ascending {
		end = "MAX(id)"
	}
	statement := `SELECT COALESCE(` + end + `, ''), COUNT(*) FROM (SELECT id FROM {sessions} WHERE ` + c.text() + ` ORDER BY id ` + c.order() + ` LIMIT ?) AS searched`
	err = s.retry(ctx, func() error {
		return s.direct(ctx).query(func(row scanner) error { return row.Scan(&id, &seen) }, statement, append(c.args, bound)...)
	})
	return id, seen, err
}

// currencies lists those of a mode, each by one look into the index.
func (s *store) currencies(ctx context.Context, mode Mode) (list []string, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readText, `WITH RECURSIVE found(currency) AS (
				SELECT (SELECT currency FROM {sessions} WHERE mode = ? ORDER BY currency LIMIT 1)
				UNION ALL
				SELECT (SELECT currency FROM {sessions} WHERE mode = ? AND currency > found.currency ORDER BY currency LIMIT 1)
				FROM found WHERE found.currency IS NOT NULL)
			SELECT currency FROM found WHERE currency IS NOT NULL`, mode, mode)
		return err
	})
	return list, err
}

// maxSessionsOf bounds how many sessions share a provider's reference: the company's, or a shop's own on statements.
const maxSessionsOf = 100

// sessionsOf finds what somebody may have pasted: the id of a session, payment or refund, or a provider's reference.
func (s *store) sessionsOf(ctx context.Context, id string) (list []string, err error) {
	var statement string
	switch {
	case isID(prefixSession, id):
		return []string{id}, nil
	case isID(prefixPayment, id):
		statement = `SELECT session_id FROM {payments} WHERE id = ?`
	case isID(prefixRefund, id):
		statement = `SELECT session_id FROM {refunds} WHERE id = ?`
	default:
		return s.sessionsOfRef(ctx, id)
	}
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readText, statement, id)
		return err
	})
	return list, err
}

// sessionsOfRef asks the indexes over references, which begin with the provider: each provider that has one is tried. The
// comparisons with the empty text are true of every row; they let planners search an index. SQLite takes a CROSS JOIN in
// the order in which it is written.
func (s *store) sessionsOfRef(ctx context.Context, ref string) (list []string, err error) {
	for _, question := range []string{
		`WITH RECURSIVE found(provider) AS (
				SELECT (SELECT provider FROM {payments} WHERE ref IS NOT NULL AND provider >= '' ORDER BY provider LIMIT 1)
				UNION ALL
				SELECT (SELECT provider FROM {payments} WHERE ref IS NOT NULL AND provider > found.provider ORDER BY provider LIMIT 1)
				FROM found WHERE found.provider IS NOT NULL)
			SELECT p.session_id FROM found CROSS JOIN {payments} p WHERE p.provider = found.provider AND p.ref = ? LIMIT ?`,
		`WITH RECURSIVE found(provider) AS (
				SELECT (SELECT provider FROM {payments} WHERE charge_id IS NOT NULL AND provider >= '' ORDER BY provider LIMIT 1)
				UNION ALL
				SELECT (SELECT provider FROM {payments} WHERE charge_id IS NOT NULL AND provider > found.provider ORDER BY provider LIMIT 1)
				FROM found WHERE found.provider IS NOT NULL)
			SELECT p.session_id FROM found CROSS JOIN {payments} p WHERE p.provider = found.provider AND p.charge_id = ? LIMIT ?`,
		`SELECT session_id FROM {refunds} WHERE provider_ref = ? LIMIT ?`,
	} {
		err = s.retry(ctx, func() error {
			some, err := all(s.direct(ctx), readText, question, ref, maxSessionsOf)
			list = append(list, some...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func optionalMillis(ms *int64) *time.Time {
	if ms == nil {
		return nil
	}
	t := fromMillis(*ms)
	return &t
}
