package checkout

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// endpointRow is an endpoint as the admin shows it.
type endpointRow struct {
	Endpoint
	Health endpointHealth
}

// State is enabled, lost or disabled.
func (e endpointRow) State() string {
	switch {
	case e.SecretLost:
		return "lost"
	case e.Enabled:
		return "enabled"
	}
	return "disabled"
}

// Tone is the colour of the endpoint's badge.
func (e endpointRow) Tone() string {
	switch {
	case e.State() != "enabled":
		return "bad"
	case e.FailingSince != nil:
		return "wait"
	}
	return "good"
}

// Percent is the success rate of the last 24 hours, rounded down so that 100 means all; empty while nothing was sent.
func (e endpointRow) Percent() string {
	points, ok := e.Health.SuccessRate()
	if !ok {
		return ""
	}
	return strconv.Itoa(points / 100)
}

type webhookScreen struct {
	Endpoints []endpointRow
	Sealed    bool
}

// getWebhook is GET /{mode}/settings/webhook.
func (a *adminCall) getWebhook() error {
	list, err := a.Endpoints(a.ctx(), a.mode)
	if err != nil {
		return err
	}
	s := webhookScreen{Sealed: a.SecretsSealed()}
	for _, e := range list {
		row, err := a.endpointRow(e)
		if err != nil {
			return err
		}
		s.Endpoints = append(s.Endpoints, row)
	}
	return a.show(http.StatusOK, "webhook", "webhook", s)
}

func (a *adminCall) endpointRow(e Endpoint) (endpointRow, error) {
	health, err := a.store.endpointHealth(a.ctx(), e.ID, a.now().Add(-healthWindow))
	return endpointRow{e, health}, err
}

type newEndpointScreen struct {
	Once    string
	Events  []eventChoice
	Payload string
	URL     string
}

// eventChoice is a type of event in a form.
type eventChoice struct {
	Type string
	On   bool
}

func eventChoices(chosen []string) (list []eventChoice) {
	for _, kind := range allEvents {
		list = append(list, eventChoice{kind, slices.Contains(chosen, kind)})
	}
	return list
}

// getNewEndpoint is GET /{mode}/settings/webhook/new.
func (a *adminCall) getNewEndpoint() error {
	return a.showNewEndpoint(http.StatusOK, url.Values{"events": seedEvents, "payload": {"full"}}, nil)
}

func (a *adminCall) showNewEndpoint(status int, typed url.Values, problems []FieldError) error {
	once, err := a.onceToken()
	if err != nil {
		return err
	}
	s := newEndpointScreen{once, eventChoices(typed["events"]), typed.Get("payload"), typed.Get("url")}
	return a.showForm(status, "webhook_new", "webhook.new", s, problems)
}

// postNewEndpoint is POST /{mode}/settings/webhook/new: it adds an endpoint and shows its secret, in this answer and never
// again.
func (a *adminCall) postNewEndpoint() error {
	var secret string
	err := a.once(func() (err error) {
		_, secret, err = a.CreateEndpoint(a.ctx(), EndpointParams{
			Mode: a.mode, URL: strings.TrimSpace(a.form.Get("url")), Events: a.chosenEvents(), Payload: a.form.Get("payload"),
		})
		return err
	})
	if problems := refusedFields(err); problems != nil {
		return a.showNewEndpoint(http.StatusUnprocessableEntity, a.form, a.fieldProblems(problems))
	}
	if err != nil {
		return err
	}
	return a.showSecret(secretScreen{Kind: "endpoint", Secret: secret, Name: strings.TrimSpace(a.form.Get("url")), Back: "/settings/webhook"})
}

// chosenEvents is never nil: no tick at all is an answer, and a refused one.
func (a *adminCall) chosenEvents() []string { return append([]string{}, a.form["events"]...) }

// refusedFields are what a form has to show again; nil for every other error.
func refusedFields(err error) []FieldError {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Fields
	}
	return nil
}
