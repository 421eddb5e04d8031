package checkout

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/jopay/checkout/internal/strictjson"
)

// endpointBody is an endpoint as the API shows it. Secret is in the answer to create and rotate only.
type endpointBody struct {
	ID            string     `json:"id"`
	Object        string     `json:"object"`
	URL           string     `json:"url"`
	Events        []string   `json:"events"`
	Payload       string     `json:"payload"`
	Enabled       bool       `json:"enabled"`
	Reason        *string    `json:"disabled_reason"`
	DisabledAt    *time.Time `json:"disabled_at"`
	MissedSince   *time.Time `json:"missed_since"`
	FailingSince  *time.Time `json:"failing_since"`
	Failures      int        `json:"failures"`
	SecretLast4   *string    `json:"secret_last4"`
	PreviousUntil *time.Time `json:"previous_secret_until"`
	Leading       string     `json:"leading_secret"`
	Accepted      *string    `json:"accepted_secret"`
	AcceptedAt    *time.Time `json:"accepted_at"`
	Livemode      bool       `json:"livemode"`
	CreatedAt     time.Time  `json:"created_at"`
	Secret        string     `json:"secret,omitempty"`
}

func (e Endpoint) body(secret string) endpointBody {
	return endpointBody{
		ID: e.ID, Object: "webhook_endpoint", URL: e.URL, Events: e.Events, Payload: e.Payload, Enabled: e.Enabled,
		Reason: pointer(e.DisabledReason), DisabledAt: e.DisabledAt, MissedSince: e.MissedSince, FailingSince: e.FailingSince, Failures: e.Failures,
		SecretLast4: pointer(e.SecretLast4), PreviousUntil: e.PreviousUntil, Leading: e.Leading, Accepted: pointer(e.Accepted), AcceptedAt: e.AcceptedAt,
		Livemode: e.Mode == Live, CreatedAt: e.CreatedAt, Secret: secret,
	}
}

// ownEndpoint reads the endpoint of the path, which must be of the key's mode.
func (c *Checkout) ownEndpoint(r *http.Request) (Endpoint, error) {
	e, err := c.GetEndpoint(r.Context(), r.PathValue("id"))
	return e, ofMode(r.Context(), e.Mode, "webhook endpoint", err)
}

// ofMode hides the objects of the other mode.
func ofMode(ctx context.Context, mode Mode, what string, err error) error {
	own := apiKey(ctx).Mode
	if ErrNotFound.Is(err) || (err == nil && mode != own) {
		return ErrNotFound.saying("There is no such %s in %s mode.", what, own)
	}
	return err
}

// postEndpoint is POST /webhook_endpoints: 201 with the endpoint and, this once, its secret.
func (c *Checkout) postEndpoint(w http.ResponseWriter, r *http.Request) error {
	params := EndpointParams{Mode: apiKey(r.Context()).Mode}
	var p problems
	err := readObject(w, r, &p, func(o *object) {
		params.URL, params.Payload = o.textOr("url", ""), o.textOr("payload", "")
		params.Events = eventList(o)
		if params.URL == "" {
			p.add("url", "parameter_missing", "url is required.")
		}
	})
	if err != nil {
		return err
	}
	c.checkEndpoint(params.filled(), &p)
	if err := p.err(); err != nil {
		return err
	}
	id, secret, err := c.CreateEndpoint(r.Context(), params)
	if err != nil {
		return err
	}
	e, err := c.GetEndpoint(r.Context(), id)
	if err != nil {
		return err
	}
	return c.writeCreated(w, "/webhook_endpoints/"+id, false, e.body(secret))
}

// readObject reads a JSON object whose problems of type land in p.
func readObject(w http.ResponseWriter, r *http.Request, p *problems, read func(o *object)) error {
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	v, err := parseObject(body)
	if err != nil {
		return err
	}
	o := newObject(v, "", p)
	read(o)
	o.rest()
	return nil
}

// eventList reads the member events; absent is nil.
func eventList(o *object) []string {
	elems, ok := o.array("events")
	if !ok {
		return nil
	}
	events := []string{}
	for i, e := range elems {
		if e.Kind != strictjson.String || i >= len(allEvents) {
			o.p.add("events", "parameter_invalid_string", "events must be a list of event types, each once.")
			break
		}
		if slices.Contains(events, e.Text) {
			o.p.add("events", "parameter_invalid_string", "events must be a list of event types, each once.")
			break
		}
		events = append(events, e.Text)
	}
	return events
}

// getEndpoints is GET /webhook_endpoints: all of the key's mode, oldest first.
func (c *Checkout) getEndpoints(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	var p problems
	readQuery(q, &p, nil)
	if err := p.err(); err != nil {
		return err
	}
	list, err := c.Endpoints(r.Context(), apiKey(r.Context()).Mode)
	if err != nil {
		return err
	}
	bodies := make([]endpointBody, 0, len(list))
	for _, e := range list {
		bodies = append(bodies, e.body(""))
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: bodies, URL: c.cfg.APIPath + "/webhook_endpoints"})
}

// getEndpoint is GET /webhook_endpoints/{id}.
func (c *Checkout) getEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := c.ownEndpoint(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, e.body(""))
}

// patchEndpoint is PATCH /webhook_endpoints/{id}: what is left out stays.
func (c *Checkout) patchEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := c.ownEndpoint(r)
	if err != nil {
		return err
	}
	var p problems
	var u EndpointUpdate
	if err := readObject(w, r, &p, func(o *object) {
		u = EndpointUpdate{URL: o.text("url"), Events: eventList(o), Payload: o.text("payload"), Enabled: o.flag("enabled")}
	}); err != nil {
		return err
	}
	c.checkUpdate(u, e.Mode, &p)
	if err := p.err(); err != nil {
		return err
	}
	if e, err = c.UpdateEndpoint(r.Context(), e.ID, u); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, e.body(""))
}

// deleteEndpoint is DELETE /webhook_endpoints/{id}.
func (c *Checkout) deleteEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := c.ownEndpoint(r)
	if err != nil {
		return err
	}
	if err := c.DeleteEndpoint(r.Context(), e.ID); err != nil {
		return ofMode(r.Context(), e.Mode, "webhook endpoint", err)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"id": e.ID, "object": "webhook_endpoint", "deleted": true})
}

// postRotate is POST /webhook_endpoints/{id}/rotate_secret {overlap_hours = 24}: the endpoint with its new secret.
func (c *Checkout) postRotate(w http.ResponseWriter, r *http.Request) error {
	hours := int64(24)
	if err := optionalBody(w, r, func(o *object) {
		if n := o.integer("overlap_hours"); n != nil {
			if hours = *n; hours < 0 || hours > int64(longestOverlap/time.Hour) {
				o.p.add("overlap_hours", "parameter_invalid_integer", "overlap_hours must be 0 to %d.", longestOverlap/time.Hour)
			}
		}
	}); err != nil {
		return err
	}
	e, err := c.ownEndpoint(r)
	if err != nil {
		return err
	}
	secret, err := c.RotateSecret(r.Context(), e.ID, time.Duration(hours)*time.Hour)
	if err != nil {
		return err
	}
	if e, err = c.GetEndpoint(r.Context(), e.ID); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, e.body(secret))
}

// postEndpointTest is POST /webhook_endpoints/{id}/test: 200 with the delivery, whatever the receiver said.
func (c *Checkout) postEndpointTest(w http.ResponseWriter, r *http.Request) error {
	if err := optionalBody(w, r, func(*object) {}); err != nil {
		return err
	}
	e, err := c.ownEndpoint(r)
	if err != nil {
		return err
	}
	d, err := c.SendTestEvent(r.Context(), e.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, d)
}

// postReplay is POST /webhook_endpoints/{id}/replay {since, until?, only_failed = true}: 202 with the number queued.
func (c *Checkout) postReplay(w http.ResponseWriter, r *http.Request) error {
	var p problems
	params := ReplayParams{OnlyFailed: true}
	if err := readObject(w, r, &p, func(o *object) {
		params.Since, params.Until = o.time("since"), o.time("until")
		if only := o.flag("only_failed"); only != nil {
			params.OnlyFailed = *only
		}
	}); err != nil {
		return err
	}
	params = params.filled(c.now())
	params.check(&p)
	if err := p.err(); err != nil {
		return err
	}
	e, err := c.ownEndpoint(r)
	if err != nil {
		return err
	}
	queued, err := c.ReplayEvents(r.Context(), e.ID, params)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, map[string]any{"object": "webhook_replay", "endpoint_id": e.ID, "queued": queued})
}
