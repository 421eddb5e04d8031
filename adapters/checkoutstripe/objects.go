package checkoutstripe

import (
	"bytes"
	"encoding/json"
)

// The parts of Stripe's objects that are read here. Source: the OpenAPI description of the pinned version.
type intent struct {
	ID             string                 `json:"id"`
	Status         string                 `json:"status"`
	AmountReceived int64                  `json:"amount_received"`
	Currency       string                 `json:"currency"`
	ClientSecret   string                 `json:"client_secret"`
	LatestCharge   expandable[identified] `json:"latest_charge"`
	LastError      *paymentError          `json:"last_payment_error"`
	Livemode       bool                   `json:"livemode"`
	Metadata       map[string]string      `json:"metadata"`
}

type paymentError struct {
	Code          string                 `json:"code"`
	DeclineCode   string                 `json:"decline_code"`
	Charge        string                 `json:"charge"`
	PaymentMethod expandable[identified] `json:"payment_method"`
}

type hostedSession struct {
	ID                string             `json:"id"`
	Status            string             `json:"status"`
	URL               string             `json:"url"`
	Livemode          bool               `json:"livemode"`
	ClientReferenceID string             `json:"client_reference_id"`
	PaymentIntent     expandable[intent] `json:"payment_intent"`
}

type refund struct {
	ID       string            `json:"id"`
	Status   string            `json:"status"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Metadata map[string]string `json:"metadata"`
}

type identified struct {
	ID string `json:"id"`
}

// page is a part of a list.
type page[T any] struct {
	Data    []T  `json:"data"`
	HasMore bool `json:"has_more"`
}

// expandable is what Stripe gives as an id, or as the object when it was asked to expand it, or as null.
type expandable[T any] struct {
	ID     string
	Object *T
}

// UnmarshalJSON takes all three forms.
func (e *expandable[T]) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'"'}) {
		return json.Unmarshal(data, &e.ID)
	}
	var id *identified
	if err := json.Unmarshal(data, &id); err != nil || id == nil {
		return err
	}
	e.ID = id.ID
	return json.Unmarshal(data, &e.Object)
}
