package checkout

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

type endpointScreen struct {
	Endpoint endpointRow
	Once     string
	Overlaps []int
	Events   []eventChoice
	URL      string
	Payload  string
	Since    string // what the form for missed webhooks begins with
}

// ownEndpoint is the endpoint of the path, which must be of the page's mode.
func (a *adminCall) ownEndpoint() (endpointRow, error) {
	e, err := a.GetEndpoint(a.ctx(), a.r.PathValue("id"))
	if err != nil {
		return endpointRow{}, err
	}
	if e.Mode != a.mode {
		return endpointRow{}, ErrNotFound
	}
	return a.endpointRow(e)
}

// getEndpoint is GET /{mode}/settings/webhook/{id}.
func (a *adminCall) getEndpoint() error { return a.showEndpoint(http.StatusOK, nil, nil) }

// showEndpoint shows an endpoint with what was typed, or with what it is.
func (a *adminCall) showEndpoint(status int, typed url.Values, problems []FieldError) error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	once, err := a.onceToken()
	if err != nil {
		return err
	}
	if typed == nil {
		typed = url.Values{"url": {row.URL}, "events": row.Events, "payload": {row.Payload}}
	}
	return a.showForm(status, "endpoint", "webhook", endpointScreen{
		Endpoint: row, Once: once, Overlaps: overlapHours, Events: eventChoices(typed["events"]), URL: typed.Get("url"), Payload: typed.Get("payload"),
		Since: row.missedSince(a.now()).Format(typedTime),
	}, problems)
}

// missedSince is where the search for missed webhooks begins: where the endpoint began to miss some, when it was switched off, or a day
// ago.
func (e endpointRow) missedSince(now time.Time) time.Time {
	if e.MissedSince != nil {
		return e.MissedSince.UTC()
	}
	if e.DisabledAt != nil {
		return e.DisabledAt.UTC()
	}
	return now.Add(-24 * time.Hour).UTC()
}

// postEndpoint is POST /{mode}/settings/webhook/{id}: the address, the events and the form of the body.
func (a *adminCall) postEndpoint() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	target, payload := strings.TrimSpace(a.form.Get("url")), a.form.Get("payload")
	_, err = a.UpdateEndpoint(a.ctx(), row.ID, EndpointUpdate{URL: &target, Events: a.chosenEvents(), Payload: &payload})
	if problems := refusedFields(err); problems != nil {
		return a.showEndpoint(http.StatusUnprocessableEntity, a.form, a.fieldProblems(problems))
	}
	return a.doneAtEndpoint(err, "endpoint.saved")
}

// doneAtEndpoint leads back to the endpoint after a change.
func (a *adminCall) doneAtEndpoint(err error, done string) error {
	if err != nil {
		return err
	}
	return a.seeOther("/settings/webhook/"+a.pathID(), done)
}

// getEndpointAgain leads from the address of an action, which a browser keeps, back to the endpoint.
func (a *adminCall) getEndpointAgain() error { return a.doneAtEndpoint(nil, "") }

// postEndpointTest is POST /{mode}/settings/webhook/{id}/test. It leads to the delivery, where the answer stands.
func (a *adminCall) postEndpointTest() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	d, err := a.SendTestEvent(a.ctx(), row.ID)
	if err != nil {
		return err
	}
	return a.seeOther("/deliveries/"+d.ID, "endpoint.tested")
}

// postEndpointSecret is POST /{mode}/settings/webhook/{id}/secret: a new secret, shown once, beside the old one for a while.
func (a *adminCall) postEndpointSecret() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	overlap, ok := a.overlap()
	if !ok {
		return a.showEndpoint(http.StatusUnprocessableEntity, nil, a.overlapProblem())
	}
	var secret string
	err = a.once(func() (err error) {
		secret, err = a.RotateSecret(a.ctx(), row.ID, overlap)
		return err
	})
	if err != nil {
		return err
	}
	return a.showSecret(secretScreen{Kind: "rotated", Secret: secret, Name: row.URL, Until: a.until(overlap), Back: "/settings/webhook/" + row.ID})
}

// postEndpointEnable is POST /{mode}/settings/webhook/{id}/enable.
func (a *adminCall) postEndpointEnable() error { return a.switchEndpoint(true, "endpoint.enabled") }

// postEndpointDisable is POST /{mode}/settings/webhook/{id}/disable.
func (a *adminCall) postEndpointDisable() error { return a.switchEndpoint(false, "endpoint.disabled") }

func (a *adminCall) switchEndpoint(on bool, done string) error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	_, err = a.UpdateEndpoint(a.ctx(), row.ID, EndpointUpdate{Enabled: &on})
	return a.doneAtEndpoint(err, done)
}

// getEndpointDisable asks before an endpoint is switched off.
func (a *adminCall) getEndpointDisable() error { return a.askEndpoint("disable") }

// getEndpointDelete asks before an endpoint is deleted.
func (a *adminCall) getEndpointDelete() error { return a.askEndpoint("delete") }

func (a *adminCall) askEndpoint(what string) error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	at, key := "/settings/webhook/"+row.ID, "endpoint."+what
	return a.showConfirm(http.StatusOK, confirmScreen{
		Title: key + ".ask", Text: key + ".text", Button: key, Object: row.URL, Action: at + "/" + what, Back: at, Danger: true,
	})
}

// postEndpointDelete is POST /{mode}/settings/webhook/{id}/delete.
func (a *adminCall) postEndpointDelete() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	if err := a.DeleteEndpoint(a.ctx(), row.ID); err != nil {
		return err
	}
	return a.seeOther("/settings/webhook", "endpoint.deleted")
}

// verifyScreen has what the code of a receiver needs to know. The secret is not among it.
type verifyScreen struct {
	Endpoint endpointRow
	Word     string // of the header names
	Own      bool   // it is not the one that receivers expect by themselves
	Path     string
}

// getEndpointVerify is GET /{mode}/settings/webhook/{id}/verify: code to copy.
func (a *adminCall) getEndpointVerify() error {
	row, err := a.ownEndpoint()
	if err != nil {
		return err
	}
	word := a.cfg.Brand.HeaderWord
	s := verifyScreen{Endpoint: row, Word: word, Own: word != defaultHeaderWord, Path: "/webhook"}
	if u, err := url.Parse(row.URL); err == nil && u.Path != "" {
		s.Path = u.EscapedPath()
	}
	return a.show(http.StatusOK, "verify", "verify", s)
}
