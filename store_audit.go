package checkout

import (
	"context"
	"strings"
)

// auditRecord is a row of the audit table. At is in Unix milliseconds.
type auditRecord struct {
	ID        string
	At        int64
	Mode      Mode
	ActorID   string
	ActorName string
	Action    string
	Object    string
	SessionID *string
	Detail    string
	RequestID *string
}

const auditColumns = `id, at, mode, actor_id, actor_name, action, object, session_id, detail, request_id`

func readAudit(row scanner) (r auditRecord, err error) {
	err = row.Scan(&r.ID, &r.At, &r.Mode, &r.ActorID, &r.ActorName, &r.Action, &r.Object, &r.SessionID, &r.Detail, &r.RequestID)
	return r, err
}

// insertAudit writes a line. It is there already after a commit whose answer was lost and a second run of the same change.
func (t tx) insertAudit(r auditRecord) error {
	_, err := t.exec(`INSERT INTO {audit} (`+auditColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		r.ID, r.At, r.Mode, r.ActorID, r.ActorName, r.Action, r.Object, r.SessionID, r.Detail, r.RequestID)
	return err
}

// auditLog reads one line more than the filter's limit.
func (s *store) auditLog(ctx context.Context, f AuditFilter) (list []auditRecord, err error) {
	var where []string
	var args []any
	for _, condition := range []struct{ text, value string }{
		{"object = ?", f.Object}, {"session_id = ?", f.SessionID}, {"id < ?", f.StartingAfter},
	} {
		if condition.value != "" {
			where, args = append(where, condition.text), append(args, condition.value)
		}
	}
	query := `SELECT ` + auditColumns + ` FROM {audit}`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readAudit, query+` ORDER BY id DESC LIMIT ?`, append(args, f.Limit+1)...)
		return err
	})
	return list, err
}
