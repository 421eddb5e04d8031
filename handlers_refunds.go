package checkout

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// postRefund is POST /refunds: 201 with the refund, pending where its outcome is not known yet.
func (c *Checkout) postRefund(w http.ResponseWriter, r *http.Request) error {
	key, body, err := readCreate(w, r)
	if err != nil {
		return err
	}
	params, err := decodeRefund(body)
	if err != nil {
		return err
	}
	params.mode, params.IdempotencyKey, params.requestHash = apiKey(r.Context()).Mode, key, fingerprintOf(key, body)
	refund, err := c.Refund(r.Context(), params)
	if err != nil {
		return err
	}
	return c.writeCreated(w, "/refunds/"+refund.ID, refund.Replayed(), refund)
}

func decodeRefund(body []byte) (RefundParams, error) {
	v, err := parseObject(body)
	if err != nil {
		return RefundParams{}, err
	}
	var p problems
	o := newObject(v, "", &p)
	params := RefundParams{SessionID: o.textOr("session_id", ""), Reason: o.textOr("reason", "")}
	if params.SessionID == "" {
		p.add("session_id", "parameter_missing", "session_id is required.")
	}
	if amount := o.integer("amount_cents"); amount != nil {
		if params.AmountCents = *amount; *amount < 1 {
			p.add("amount_cents", "amount_too_small", "amount_cents must be 1 or more, in minor units. Leave it out to refund all that is left.")
		}
	}
	o.rest()
	return params, p.err()
}

// getRefund is GET /refunds/{id}.
func (c *Checkout) getRefund(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.store.refundByID(r.Context(), r.PathValue("id"))
	if err == nil && rec.Mode != apiKey(r.Context()).Mode {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		return ErrNotFound.saying("There is no such refund in %s mode.", apiKey(r.Context()).Mode)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rec.view())
}

// getRefunds is GET /refunds?session_id=: the refunds of one session, newest first.
func (c *Checkout) getRefunds(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.sessionOfQuery(r)
	if err != nil {
		return err
	}
	list, err := c.Refunds(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: list, URL: c.cfg.APIPath + "/refunds?session_id=" + rec.ID})
}

// sessionOfQuery reads the session that ?session_id= names, in the key's mode.
func (c *Checkout) sessionOfQuery(r *http.Request) (sessionRecord, error) {
	id, err := onlyParam(r, "session_id")
	if err != nil {
		return sessionRecord{}, err
	}
	return c.sessionOfKey(r, id)
}

// onlyParam reads a query that has one parameter, which is required.
func onlyParam(r *http.Request, name string) (string, error) {
	var p problems
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p.add("", "parameter_invalid_string", "The query cannot be read.")
	}
	for _, other := range slices.Sorted(maps.Keys(q)) {
		if other != name {
			p.add(shorten(other, 60), "parameter_unknown", "%s is not a parameter here.", shorten(other, 60))
		}
	}
	switch values := q[name]; {
	case len(values) == 0 || values[0] == "":
		p.add(name, "parameter_missing", "%s is required.", name)
	case len(values) > 1:
		p.add(name, "parameter_invalid_string", "%s stands in the query twice.", name)
	}
	return q.Get(name), p.err()
}
