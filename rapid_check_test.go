package checkout

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/jopay/checkout/webhook"
)

// history is what the outside has seen.
type history struct {
	uncharged map[string]bool       // attempts whose buyer was told that nothing was charged
	bodies    map[string]string     // of webhooks, by event id
	delivered map[string]bool       // events that the receiver has taken
	ended     map[string]sessionEnd // of sessions
	events    map[string]string     // payloads, by event id
	problems  []string
}

// sessionEnd is what must not change after a session has ended.
type sessionEnd struct {
	Status, Payment    string
	Amount             int64
	Completed, Expired int64
}

func newHistory() history {
	return history{uncharged: map[string]bool{}, bodies: map[string]string{}, delivered: map[string]bool{}, ended: map[string]sessionEnd{}, events: map[string]string{}}
}

func (h *history) problem(format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

func (h *history) received(r *http.Request, body string, status int) {
	id := r.Header.Get(webhook.HeaderID)
	if r.URL.Host != "live.test" {
		h.problem("I8: a live event went to %s", r.URL.Host)
	}
	if before, ok := h.bodies[id]; ok && before != body {
		h.problem("I6: an event was sent with other bytes")
	}
	h.bodies[id] = body
	h.delivered[id] = h.delivered[id] || status == http.StatusOK
}

// rows reads a table past the faults, each row as texts; NULL is empty.
func (w *walker) rows(query string, args ...any) (list [][]string) {
	rows, err := w.raw.Query(w.s.co.store.text(query), args...)
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	for err == nil && rows.Next() {
		row, cells := make([]*string, len(columns)), make([]any, len(columns))
		for i := range row {
			cells[i] = &row[i]
		}
		err = rows.Scan(cells...)
		texts := make([]string, len(columns))
		for i, cell := range row {
			texts[i] = orEmpty(cell)
		}
		list = append(list, texts)
	}
	if err != nil || rows.Err() != nil {
		panic(fmt.Sprint(err, rows.Err()))
	}
	return list
}

// shown holds an answer that a buyer has got to the database (I10). A contradiction that the next poll takes back is none.
func (w *walker) shown(id string, answer *httptest.ResponseRecorder) {
	if w.contradiction(id, answer) == "" {
		return
	}
	again := w.s.page("/checkout/" + id)
	if found := w.contradiction(id, again); found != "" {
		w.mu.Lock()
		w.history.problem("I10: %s", found)
		w.mu.Unlock()
	}
}

func (w *walker) contradiction(id string, answer *httptest.ResponseRecorder) string {
	body := answer.Body.String()
	switch {
	case answer.Code == http.StatusSeeOther && strings.HasPrefix(answer.Header().Get("Location"), "https://yoursite.com/success"):
		if state := w.truth(id); state != "completed" {
			return "the buyer was sent to the success page of a session that is " + state
		}
	case answer.Code == http.StatusOK && strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json"):
		var says struct{ State string }
		if err := json.Unmarshal(answer.Body.Bytes(), &says); err != nil || says.State != w.truth(id) {
			return fmt.Sprintf("the page says %q of a session that is %s", says.State, w.truth(id))
		}
	case answer.Code == http.StatusOK && strings.Contains(body, "You have not been charged"):
		return w.uncharged(id, strings.Contains(body, "has expired"))
	}
	return ""
}

// uncharged notes of which attempts a page says that they took nothing: of all when the session has expired, else of the
// newest one.
func (w *walker) uncharged(id string, all bool) string {
	attempts := w.rows(`SELECT id, state FROM {payments} WHERE session_id = ? ORDER BY ordinal DESC`, id)
	if !all && len(attempts) > 1 {
		attempts = attempts[:1]
	}
	for _, p := range attempts {
		if slices.Contains([]string{"succeeded", "refund_due", "needs_person"}, p[1]) {
			return "the page says that nothing was charged, and an attempt is " + p[1]
		}
		w.mu.Lock()
		w.history.uncharged[p[0]] = true
		w.mu.Unlock()
	}
	return ""
}

// truth is what a page must say, read from the tables.
func (w *walker) truth(id string) string {
	s := w.rows(`SELECT status, expires_at <= ? FROM {sessions} WHERE id = ?`, millis(w.s.clock.now()), id)[0]
	open := w.rows(`SELECT step FROM {payments} WHERE session_id = ? AND state = 'open'`, id)
	switch {
	case s[0] != "pending":
		return s[0]
	case len(open) == 1 && open[0][0] == "action_required":
		return "requires_action"
	case len(open) == 1:
		return "processing"
	case s[1] == "1":
		return "expired"
	}
	return "open"
}

// check asks after every step for what must always be true.
func (w *walker) check(rt *rapid.T) {
	w.b.mu.Lock()
	w.b.between, w.b.lie = nil, false
	found := slices.Clone(w.b.trouble)
	w.b.mu.Unlock()
	w.mu.Lock()
	found = append(found, w.history.problems...)
	w.mu.Unlock()
	for name, query := range broken {
		if list := w.rows(query); len(list) > 0 {
			found = append(found, fmt.Sprintf("%s: %v", name, list))
		}
	}
	found = append(found, w.changed()...)
	found = append(found, w.unpaid()...)
	if len(found) > 0 {
		rt.Fatalf("after %d steps:\n%s", w.steps, strings.Join(found, "\n"))
	}
}

// changed finds what has changed and must not: ended sessions (I5) and events (I6).
func (w *walker) changed() (found []string) {
	for _, e := range w.rows(`SELECT id, payload FROM {events}`) {
		if before, ok := w.history.events[e[0]]; ok && before != e[1] {
			found = append(found, "I6: an event was changed")
		}
		w.history.events[e[0]] = e[1]
	}
	for _, s := range w.rows(`SELECT id, status, payment_id, amount, completed_at, expired_at FROM {sessions} WHERE status <> 'pending'`) {
		end := sessionEnd{Status: s[1], Payment: s[2]}
		_, _ = fmt.Sscan(s[3], &end.Amount)
		_, _ = fmt.Sscan(s[4], &end.Completed)
		_, _ = fmt.Sscan(s[5], &end.Expired)
		if before, ok := w.history.ended[s[0]]; ok && before != end {
			found = append(found, fmt.Sprintf("I5: an ended session went from %v to %v", before, end))
		}
		w.history.ended[s[0]] = end
	}
	if len(w.rows(`SELECT id FROM {events}`)) < len(w.history.events) {
		found = append(found, "I6: an event is gone")
	}
	return found
}

// unpaid finds completed sessions without the money at the company (I2).
func (w *walker) unpaid() (found []string) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	for id, end := range w.history.ended {
		c := w.b.charges[end.Payment]
		if end.Status == "completed" && end.Amount > 0 &&
			(c == nil || !c.own || c.state != StateSucceeded || c.captured != end.Amount || c.currency != "eur" || c.request.SessionID != id) {
			found = append(found, "I2: a session is completed and the company has not taken its money")
		}
	}
	return found
}
