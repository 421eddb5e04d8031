package stripefake

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Event is something that has happened, as Stripe tells it to webhook endpoints.
type Event struct {
	ID     string
	Type   string // payment_intent.succeeded
	Object string // id of what it is about
	Body   []byte
}

// emit keeps an event. q is the request that caused it, nil for what a buyer does.
func (f *Fake) emit(q *request, kind string, object map[string]any, livemode bool) Event {
	cause := map[string]any{"id": nil, "idempotency_key": nil}
	if q != nil {
		cause = map[string]any{"id": q.requestID, "idempotency_key": orNull(q.key)}
	}
	e := Event{ID: "evt_3" + text(24), Type: kind, Object: object["id"].(string)}
	body, err := json.MarshalIndent(map[string]any{
		"id": e.ID, "object": "event", "api_version": Version, "created": f.now(), "data": map[string]any{"object": object}, "livemode": livemode,
		"pending_webhooks": 1, "request": cause, "type": kind,
	}, "", "  ")
	if err != nil {
		panic(err) // only texts, numbers, maps and lists are put in
	}
	e.Body = body
	f.events = append(f.events, e)
	f.unsent = append(f.unsent, e)
	return e
}

func (f *Fake) notify() {
	f.mu.Lock()
	news := f.unsent
	f.unsent = nil
	f.mu.Unlock()
	if f.opts.Notify == nil {
		return
	}
	for _, e := range news {
		f.opts.Notify(e)
	}
}

// Events are all that have happened, oldest first.
func (f *Fake) Events() []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// Event makes an event about a payment intent or checkout session as it is now.
func (f *Fake) Event(kind, id string) Event {
	var e Event
	f.act(func() {
		if s := f.session(id); s != nil {
			e = f.emit(nil, kind, f.showSession(s, nil), s.livemode)
		} else if p := f.intent(id); p != nil {
			e = f.emit(nil, kind, f.showIntent(p, nil), p.livemode)
		}
	})
	return e
}

// Sign gives the header Stripe-Signature for a body, with the account's webhook secret.
func (f *Fake) Sign(body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(f.WebhookSecret()))
	fmt.Fprintf(mac, "%s.%s", t, body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Notification is the signed request that tells an endpoint of an event.
func (f *Fake) Notification(ctx context.Context, url string, e Event) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(e.Body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	r.Header.Set("Stripe-Signature", f.Sign(e.Body, f.opts.Now()))
	return r, nil
}

// Deliver sends an event to an endpoint and gives the answer's status.
func (f *Fake) Deliver(ctx context.Context, client *http.Client, url string, e Event) (int, error) {
	r, err := f.Notification(ctx, url, e)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
