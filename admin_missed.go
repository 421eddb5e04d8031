package checkout

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// typedTime is how a browser's field for a time writes it. The admin reads it in UTC.
const typedTime = "2006-01-02T15:04"

// readSince reads the beginning of a range. Seconds are optional, as browsers have it.
func readSince(text string) (time.Time, bool) {
	for _, layout := range []string{typedTime, typedTime + ":05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func (a *adminCall) sinceProblem() []FieldError {
	return []FieldError{{Param: "since", Code: "parameter_invalid_string", Message: a.desk.texts.say(a.lang, "since.wrong")}}
}

// getEndpointMissed is GET /{mode}/settings/webhook/{id}/missed?since=: how many webhooks would be sent.
func (a *adminCall) getEndpointMissed() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	text := a.r.URL.Query().Get("since")
	since, ok := readSince(text)
	if !ok {
		return a.showEndpoint(http.StatusUnprocessableEntity, nil, a.sinceProblem())
	}
	n, err := a.missed(row.ID, since)
	if err != nil {
		return err
	}
	at := "/settings/webhook/" + row.ID
	return a.showMissed(missedCount{n, n > maxReplay, !row.Enabled}, row.URL, text, confirmScreen{Action: at + "/missed", Back: at})
}

// missedCount is how many webhooks would be sent. More tells that one endpoint has more than one replay sends; off, that
// an endpoint is switched off.
type missedCount struct {
	n         int
	more, off bool
}

// showMissed asks before webhooks are sent again, with their number.
func (a *adminCall) showMissed(c missedCount, object, since string, s confirmScreen) error {
	told := strings.Replace(since, "T", " ", 1) + " UTC"
	s.Title, s.Button, s.Object = "missed.ask", "missed.send", object
	s.Text, s.Args = "missed.text", []any{"n", c.n, "since", told}
	if c.more {
		s.Text, s.Args = "missed.more", []any{"limit", maxReplay, "since", told}
	}
	if c.off {
		s.Note = "missed.off"
	}
	if c.n == 0 {
		s.Note = ""
		s.Text, s.Button, s.Args = "missed.none", "", []any{"since", told}
	}
	if s.Hidden == nil {
		s.Hidden = url.Values{}
	}
	s.Hidden.Set("since", since)
	return a.showConfirm(http.StatusOK, s)
}

// missed counts what an endpoint has not taken since a time, up to one more than a replay sends.
func (a *adminCall) missed(id string, since time.Time) (int, error) {
	e, err := a.store.endpoint(a.ctx(), id)
	if err != nil {
		return 0, err
	}
	return a.store.countMissed(a.ctx(), e, prefixEvent+timeDigits(since), maxReplay+1)
}

// postEndpointMissed is POST /{mode}/settings/webhook/{id}/missed.
func (a *adminCall) postEndpointMissed() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	since, ok := readSince(a.form.Get("since"))
	if !ok {
		return a.showEndpoint(http.StatusUnprocessableEntity, nil, a.sinceProblem())
	}
	_, err = a.ReplayEvents(a.ctx(), row.ID, ReplayParams{Since: since, OnlyFailed: true})
	if problems := refusedFields(err); problems != nil {
		return a.showEndpoint(http.StatusUnprocessableEntity, nil, a.sinceProblem())
	}
	return a.doneAtEndpoint(err, "missed.sent")
}

// countMissed counts what a replay of failed and missed events would queue.
func (s *store) countMissed(ctx context.Context, e endpointRecord, fromID string, limit int) (n int, err error) {
	err = s.retry(ctx, func() error {
		return s.direct(ctx).query(func(row scanner) error { return row.Scan(&n) }, `SELECT COUNT(*) FROM (SELECT e.id
			FROM {events} e LEFT JOIN {deliveries} d ON d.event_id = e.id AND d.endpoint_id = ?
			WHERE e.mode = ? AND e.id >= ? AND e.type IN (`+placeholders(len(strings.Fields(e.Events)))+`) AND (d.id IS NULL OR d.state = 'failed') LIMIT ?) AS counted`,
			append(append([]any{e.ID, e.Mode, fromID}, anys(strings.Fields(e.Events))...), limit)...)
	})
	return n, err
}

func anys(words []string) (list []any) {
	for _, w := range words {
		list = append(list, w)
	}
	return list
}
