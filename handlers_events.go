package checkout

import (
	"net/http"
)

// getEvents is GET /events: a page of what webhooks carried in the last 30 days, newest first.
func (c *Checkout) getEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	var p problems
	f := EventFilter{Mode: apiKey(r.Context()).Mode, since: c.now().Add(-eventsShown)}
	readQuery(q, &p, map[string]func(string){
		"starting_after": func(s string) { f.StartingAfter = s },
		"ending_before":  func(s string) { f.EndingBefore = s },
		"session_id":     func(s string) { f.SessionID = s },
		"type":           func(s string) { f.Type = s },
		"limit":          func(s string) { f.Limit = limitParam(&p, s) },
	})
	if err := p.err(); err != nil {
		return err
	}
	list, more, err := c.Events(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: list, HasMore: more, URL: c.cfg.APIPath + "/events"})
}

// getEvent is GET /events/{id}.
func (c *Checkout) getEvent(w http.ResponseWriter, r *http.Request) error {
	e, err := c.GetEvent(r.Context(), r.PathValue("id"))
	if err == nil && e.CreatedAt.Before(c.now().Add(-eventsShown)) {
		err = ErrNotFound
	}
	if err := ofMode(r.Context(), e.Mode(), "event", err); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, e)
}
