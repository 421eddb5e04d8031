package webhook_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/jopay/checkout/webhook"
)

const (
	secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	body   = `{"event":"checkout.session.completed","data":{"id":"cs_a1b2c3d4e5f6","status":"completed","amount_cents":2500,` +
		`"currency":"eur","customer_email":"customer@example.com","metadata":{"order_id":"12345"},` +
		`"completed_at":"2025-01-10T12:05:00Z"},"created_at":"2025-01-10T12:05:01Z"}`
)

func ExampleRead() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		event, err := webhook.Read(r, secret)
		if err != nil {
			http.Error(w, "bad webhook", http.StatusBadRequest)
			return
		}
		if event.Type == webhook.SessionCompleted {
			session, err := event.Session()
			fmt.Println("ship order", session.Metadata["order_id"], session.AmountCents, session.Currency, err)
		}
		w.WriteHeader(http.StatusOK)
	}

	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set(webhook.HeaderSignature, webhook.Sign([]byte(body), secret, time.Now()))
	w := httptest.NewRecorder()
	handler(w, r)
	fmt.Println(w.Code)
	// Output:
	// ship order 12345 2500 eur <nil>
	// 200
}

func ExampleSign() {
	fmt.Println(webhook.Sign([]byte(body), secret, time.Unix(1736510701, 0)))
	// Output:
	// t=1736510701,v1=ce29fbafe815fe126811ccc8772c7df9d6fff98a0747e22f46aba0e6012561c5
}

func ExampleVerify() {
	header := webhook.Sign([]byte(body), secret, time.Unix(1736510701, 0))
	then := webhook.WithClock(func() time.Time { return time.Unix(1736510701, 0) })
	fmt.Println(webhook.Verify([]byte(body), header, secret, then))
	fmt.Println(webhook.Verify([]byte(body+" "), header, secret, then))
	fmt.Println(webhook.Verify([]byte(body), header, secret))
	// Output:
	// <nil>
	// webhook: signature does not match
	// webhook: signature is too old
}
