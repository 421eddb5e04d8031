package checkout

import "net/http"

type auditScreen struct {
	Entries []AuditEntry
	Older   string // the address of the next page
}

// getAudit is GET /{mode}/audit. The log is of both modes: people want to see it whole.
func (a *adminCall) getAudit() error {
	entries, more, err := a.Audit(a.ctx(), AuditFilter{StartingAfter: shorten(a.r.URL.Query().Get("after"), 60)})
	if err != nil {
		return err
	}
	s := auditScreen{Entries: entries}
	if more {
		s.Older = "?after=" + entries[len(entries)-1].ID
	}
	return a.show(http.StatusOK, "audit", "audit", s)
}
