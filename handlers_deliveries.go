package checkout

import (
	"net/http"
)

// getDeliveries is GET /webhook_deliveries: a page of the list, newest first.
func (c *Checkout) getDeliveries(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	var p problems
	f := DeliveryFilter{Mode: apiKey(r.Context()).Mode}
	readQuery(q, &p, map[string]func(string){
		"starting_after": func(s string) { f.StartingAfter = s },
		"ending_before":  func(s string) { f.EndingBefore = s },
		"session_id":     func(s string) { f.SessionID = s },
		"endpoint_id":    func(s string) { f.EndpointID = s },
		"status":         func(s string) { f.State = oneOf(&p, "status", s, DeliveryPending, DeliveryDelivered, DeliveryFailed) },
		"limit":          func(s string) { f.Limit = limitParam(&p, s) },
	})
	if err := p.err(); err != nil {
		return err
	}
	list, more, err := c.Deliveries(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: list, HasMore: more, URL: c.cfg.APIPath + "/webhook_deliveries"})
}

// getDelivery is GET /webhook_deliveries/{id}: with the body and all attempts.
func (c *Checkout) getDelivery(w http.ResponseWriter, r *http.Request) error {
	d, err := c.GetDelivery(r.Context(), r.PathValue("id"))
	if err := ofMode(r.Context(), d.Mode(), "webhook delivery", err); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, d)
}

// postRedeliver is POST /webhook_deliveries/{id}/redeliver: 200 with the delivery, which is due now.
func (c *Checkout) postRedeliver(w http.ResponseWriter, r *http.Request) error {
	if err := optionalBody(w, r, func(*object) {}); err != nil {
		return err
	}
	rec, err := c.store.delivery(r.Context(), r.PathValue("id"))
	if err := ofMode(r.Context(), rec.Mode, "webhook delivery", err); err != nil {
		return err
	}
	d, err := c.Redeliver(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, d)
}
