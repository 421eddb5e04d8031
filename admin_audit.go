package checkout

import (
	"net/http"
	"net/url"
)

type auditScreen struct {
	Entries []auditRow
	Object  string // the only object that is shown
	Older   string // the address of the next page
}

// auditRow is a line of the log and where its object can be seen.
type auditRow struct {
	AuditEntry
	Path string // below the mode; empty where there is no page
}

// auditPages are the pages of objects by the prefix of their ids.
var auditPages = map[string]string{
	prefixSession: "/payments/", prefixKey: "/settings/keys/", prefixEndpoint: "/settings/webhook/", prefixDelivery: "/deliveries/",
}

func auditPath(e AuditEntry) string {
	for prefix, page := range auditPages {
		if isID(prefix, e.Object) && e.Action != "endpoint.delete" {
			return page + e.Object
		}
	}
	if e.SessionID != "" {
		return auditPages[prefixSession] + e.SessionID
	}
	return ""
}

// getAudit is GET /{mode}/audit. The log is of both modes: people want to see it whole.
func (a *adminCall) getAudit() error {
	q := a.r.URL.Query()
	s := auditScreen{Object: shorten(q.Get("object"), 100)}
	entries, more, err := a.Audit(a.ctx(), AuditFilter{Object: s.Object, StartingAfter: shorten(q.Get("after"), 60)})
	if err != nil {
		return err
	}
	for _, e := range entries {
		s.Entries = append(s.Entries, auditRow{e, auditPath(e)})
	}
	if more {
		s.Older = "/audit?" + url.Values{"after": {entries[len(entries)-1].ID}, "object": {s.Object}}.Encode()
	}
	return a.show(http.StatusOK, "audit", "audit", s)
}
