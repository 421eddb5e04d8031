package checkout

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// deliveriesPerPage is how many deliveries a page of the admin lists.
const deliveriesPerPage = 50

type deliveriesScreen struct {
	Rows         []sentRow
	Endpoints    []Endpoint
	State        string
	Endpoint     string
	Session      string
	Filtered     bool
	Newer, Older string // addresses
	Since        string
}

// sentRow is a delivery as the admin lists it.
type sentRow struct {
	Delivery
	URL string // of its endpoint; empty when that was deleted
}

// Tone is the colour of the delivery's badge.
func (d sentRow) Tone() string {
	return map[string]string{DeliveryDelivered: "good", DeliveryFailed: "bad", DeliveryPending: "wait"}[d.Status]
}

// Host is what a list shows of the endpoint's address.
func (d sentRow) Host() string {
	u, err := url.Parse(d.URL)
	if err != nil || u.Host == "" {
		return d.URL
	}
	return u.Host
}

var deliveryStates = []string{DeliveryPending, DeliveryDelivered, DeliveryFailed}

// deliveryFilter reads the address. What makes no sense filters nothing.
func (a *adminCall) deliveryFilter() DeliveryFilter {
	q := a.r.URL.Query()
	f := DeliveryFilter{
		Mode: a.mode, State: q.Get("state"), EndpointID: q.Get("endpoint"), SessionID: strings.TrimSpace(q.Get("session")),
		StartingAfter: q.Get("after"), EndingBefore: q.Get("before"), Limit: deliveriesPerPage,
	}
	if !slices.Contains(deliveryStates, f.State) {
		f.State = ""
	}
	for _, field := range []struct {
		value  *string
		prefix string
	}{{&f.EndpointID, prefixEndpoint}, {&f.StartingAfter, prefixDelivery}, {&f.EndingBefore, prefixDelivery}} {
		if !isID(field.prefix, *field.value) {
			*field.value = ""
		}
	}
	if f.StartingAfter != "" {
		f.EndingBefore = ""
	}
	return f
}

// getDeliveries is GET /{mode}/deliveries.
func (a *adminCall) getDeliveries() error { return a.showDeliveries(http.StatusOK, nil) }

func (a *adminCall) showDeliveries(status int, problems []FieldError) error {
	f := a.deliveryFilter()
	endpoints, err := a.Endpoints(a.ctx(), a.mode)
	if err != nil {
		return err
	}
	list, more, err := a.Deliveries(a.ctx(), f)
	if err != nil {
		return err
	}
	s := deliveriesScreen{
		Endpoints: endpoints, State: f.State, Endpoint: f.EndpointID, Session: shorten(f.SessionID, 100),
		Filtered: f.State != "" || f.EndpointID != "" || f.SessionID != "", Since: a.now().AddDate(0, 0, -1).UTC().Format(typedTime),
	}
	for _, d := range list {
		s.Rows = append(s.Rows, sentRow{d, urlOf(endpoints, d.EndpointID)})
	}
	s.page(f, more)
	return a.showForm(status, "deliveries", "deliveries", s, problems)
}

func urlOf(endpoints []Endpoint, id string) string {
	for _, e := range endpoints {
		if e.ID == id {
			return e.URL
		}
	}
	return ""
}

// page makes the addresses of the pages before and behind.
func (s *deliveriesScreen) page(f DeliveryFilter, more bool) {
	if len(s.Rows) == 0 {
		return
	}
	if f.StartingAfter != "" || f.EndingBefore != "" && more {
		s.Newer = s.at("before", s.Rows[0].ID)
	}
	if f.EndingBefore != "" || more {
		s.Older = s.at("after", s.Rows[len(s.Rows)-1].ID)
	}
}

// at is the same list from another place. The language is added by the page.
func (s *deliveriesScreen) at(cursor, id string) string {
	q := url.Values{cursor: {id}}
	for name, value := range map[string]string{"state": s.State, "endpoint": s.Endpoint, "session": s.Session} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/deliveries?" + q.Encode()
}

// chosenEndpoints are those that a form is about: one, or all of the mode.
func (a *adminCall) chosenEndpoints(id string) (list []Endpoint, err error) {
	if list, err = a.Endpoints(a.ctx(), a.mode); err != nil || id == "" {
		return list, err
	}
	for _, e := range list {
		if e.ID == id {
			return []Endpoint{e}, nil
		}
	}
	return nil, ErrNotFound
}

// owedFrom is the time from which an endpoint can have missed anything: not before there was one.
func (e Endpoint) owedFrom(since time.Time) time.Time {
	if e.CreatedAt.After(since) {
		return e.CreatedAt
	}
	return since
}

// getResend is GET /{mode}/deliveries/resend?since=&endpoint=: how many failed webhooks would be sent.
func (a *adminCall) getResend() error {
	q := a.r.URL.Query()
	since, ok := readSince(q.Get("since"))
	if !ok {
		return a.showDeliveries(http.StatusUnprocessableEntity, a.sinceProblem())
	}
	endpoints, err := a.chosenEndpoints(q.Get("endpoint"))
	if err != nil {
		return err
	}
	var count missedCount
	urls := make([]string, 0, len(endpoints))
	for _, e := range endpoints {
		n, err := a.missed(e.ID, e.owedFrom(since))
		if err != nil {
			return err
		}
		count = missedCount{count.n + n, count.more || n > maxReplay, count.off || !e.Enabled}
		urls = append(urls, e.URL)
	}
	return a.showMissed(count, strings.Join(urls, ", "), q.Get("since"), confirmScreen{
		Action: "/deliveries/resend", Back: "/deliveries", Hidden: url.Values{"endpoint": {q.Get("endpoint")}},
	})
}

// postResend is POST /{mode}/deliveries/resend.
func (a *adminCall) postResend() error {
	since, ok := readSince(a.form.Get("since"))
	if !ok || !since.Before(a.now()) {
		return a.showDeliveries(http.StatusUnprocessableEntity, a.sinceProblem())
	}
	endpoints, err := a.chosenEndpoints(a.form.Get("endpoint"))
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if _, err := a.ReplayEvents(a.ctx(), e.ID, ReplayParams{Since: e.owedFrom(since), OnlyFailed: true}); err != nil {
			return err
		}
	}
	return a.seeOther("/deliveries", "missed.sent")
}
