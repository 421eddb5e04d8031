package checkouttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

const companySignature = "Company-Signature"

// companyNotice is the body of a notification. It says nothing about the state: who gets it has to ask.
type companyNotice struct {
	ID        string `json:"id"`
	AttemptID string `json:"attempt_id"`
	Ref       string `json:"ref"`
}

// Notice implements [checkout.Provider].
func (p *Provider) Notice(r *http.Request, body []byte) ([]checkout.Observation, error) {
	if err := webhook.Verify(body, r.Header.Get(companySignature), p.secret, webhook.WithClock(p.now)); err != nil {
		return nil, fmt.Errorf("%w: %w", checkout.ErrNotAuthentic, err)
	}
	var n companyNotice
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, fmt.Errorf("%w: %w", checkout.ErrNotAuthentic, err)
	}
	return []checkout.Observation{{AttemptID: n.AttemptID, Ref: n.Ref, EventKey: n.ID, Livemode: true}}, nil
}

// notification signs news about a charge, with an id of its own.
func (p *Provider) notification(c *charge) (*http.Request, []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notices++
	body, _ := json.Marshal(companyNotice{ID: fmt.Sprintf("notice_%d", p.notices), AttemptID: c.request.AttemptID, Ref: c.ref()})
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, c.request.NotifyURL, bytes.NewReader(body))
	r.Header.Set(companySignature, webhook.Sign(body, p.secret, p.now()))
	return r, body
}

// Notify sends the shop a notification about each charge of a session. Without it the shop finds out by asking.
func (p *Provider) Notify(sessionID string) {
	for _, c := range p.of(sessionID) {
		p.tell(c)
	}
}

// Arrive is money that comes for the newest charge of a session whatever was said before, also after a decline and after
// the session's end, and a notification of it.
func (p *Provider) Arrive(sessionID string) {
	list := p.of(sessionID)
	c := list[len(list)-1]
	p.mu.Lock()
	c.state, c.reason = checkout.StateSucceeded, ""
	p.mu.Unlock()
	p.tell(c)
}

func (p *Provider) tell(c *charge) {
	r, _ := p.notification(c)
	w := httptest.NewRecorder()
	p.shop.mux.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		p.shop.t.Logf("checkouttest: a notification of %s was answered with %d: %s", p.name, w.Code, w.Body)
	}
	p.shop.work()
}

// of are the charges of a session, oldest first. A shop without any for it is a mistake of the test.
func (p *Provider) of(sessionID string) (list []*charge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shop == nil {
		panic("checkouttest: the provider belongs to no shop: use WithProvider")
	}
	for _, c := range p.charges {
		if c.request.SessionID == sessionID {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		p.shop.t.Fatalf("checkouttest: %s has no charge for session %s", p.name, sessionID)
	}
	return list
}

// ServeHTTP is the company's page behind [Challenge]: whoever opens it has approved and goes back to the shop.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	c := p.find(func(c *charge) bool { return c.ref() == r.URL.Query().Get("charge") })
	p.mu.Unlock()
	if c == nil {
		http.NotFound(w, r)
		return
	}
	p.move(c, checkout.StateActionRequired, checkout.StateSucceeded, "")
	http.Redirect(w, r, c.request.ReturnURL, http.StatusSeeOther)
}
