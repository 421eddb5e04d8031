package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// client calls the checkout's API over HTTP, as a shop in any language would.
type client struct {
	base, key string
}

var apiHTTP = &http.Client{Timeout: 10 * time.Second}

// session is the part of the API's answer that this shop reads.
type session struct {
	ID                string         `json:"id"`
	CheckoutURL       string         `json:"checkout_url"`
	Status            string         `json:"status"`
	PaymentStatus     string         `json:"payment_status"`
	AmountCents       int64          `json:"amount_cents"`
	Currency          string         `json:"currency"`
	CustomerEmail     string         `json:"customer_email"`
	ClientReferenceID string         `json:"client_reference_id"`
	Metadata          map[string]any `json:"metadata"`
}

// Order is the order's number: ours, or the one that a session made with curl carries in its metadata.
func (s session) Order() string {
	if s.ClientReferenceID != "" {
		return s.ClientReferenceID
	}
	number, _ := s.Metadata["order_id"].(string)
	return number
}

// Awaited tells that the buyer has chosen how to pay and the money is not there yet.
func (s session) Awaited() bool {
	return s.PaymentStatus == "requires_action" || s.PaymentStatus == "processing"
}

// apiError is an answer that is not a session.
type apiError struct {
	Status  int
	Message string
}

func (e *apiError) Error() string { return fmt.Sprintf("the API answered %d: %s", e.Status, e.Message) }

type lineItem struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Quantity    int64  `json:"quantity"`
	TaxRateBP   int64  `json:"tax_rate_bp"`
	TaxName     string `json:"tax_name"`
}

type newSession struct {
	LineItems         []lineItem        `json:"line_items"`
	CustomerEmail     string            `json:"customer_email,omitempty"`
	ClientReferenceID string            `json:"client_reference_id"`
	SuccessURL        string            `json:"success_url"`
	CancelURL         string            `json:"cancel_url"`
	Metadata          map[string]string `json:"metadata"`
}

// create is POST /sessions.
func (c *client) create(ctx context.Context, s newSession, idempotencyKey string) (session, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return session{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/sessions", bytes.NewReader(body))
	if err != nil {
		return session{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", idempotencyKey)
	return c.do(r)
}

// session is GET /sessions/{id}.
func (c *client) session(ctx context.Context, id string) (session, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/sessions/"+url.PathEscape(id), nil)
	if err != nil {
		return session{}, err
	}
	return c.do(r)
}

func (c *client) do(r *http.Request) (session, error) {
	r.Header.Set("Authorization", "Bearer "+c.key)
	res, err := apiHTTP.Do(r)
	if err != nil {
		return session{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return session{}, err
	}
	if res.StatusCode >= 300 {
		var refusal struct{ Error apiError }
		_ = json.Unmarshal(body, &refusal) // the status alone will do
		refusal.Error.Status = res.StatusCode
		return session{}, &refusal.Error
	}
	var s session
	return s, json.Unmarshal(body, &s)
}
