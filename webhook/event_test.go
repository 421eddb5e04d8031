package webhook

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestDecodeFull(t *testing.T) {
	e, err := decode([]byte(`{"event":"checkout.payment.failed","data":{"id":"cs_1","status":"pending","amount_cents":9007199254740991,` +
		`"currency":"eur","customer_email":null,"metadata":{"order_id":"12345","n":7,"gift":true},"failed_at":"2025-01-10T12:05:00Z",` +
		`"failure":{"code":"card_declined","decline_code":"insufficient_funds","message":"No."},"payment_status":"unpaid",` +
		`"client_reference_id":null,"payment_id":"pay_1","livemode":false},"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`))
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != "evt_1" || e.Type != PaymentFailed || !e.CreatedAt.Equal(vectorTime()) {
		t.Errorf("got %+v", e)
	}
	got, err := e.Session()
	live := false
	want := Session{
		ID: "cs_1", Status: "pending", AmountCents: 9007199254740991, Currency: "eur",
		Metadata:      map[string]any{"order_id": "12345", "n": 7.0, "gift": true},
		FailedAt:      time.Date(2025, 1, 10, 12, 5, 0, 0, time.UTC),
		Failure:       &Failure{Code: "card_declined", DeclineCode: "insufficient_funds", Message: "No."},
		PaymentStatus: "unpaid", PaymentID: "pay_1", Livemode: &live,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestDecodeShort(t *testing.T) {
	e, err := decode([]byte(vectorBody))
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session()
	if err != nil || s.Livemode != nil || s.CustomerEmail != "customer@example.com" || s.CompletedAt.Unix() != vectorUnix-1 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestSessionOfOtherData(t *testing.T) {
	for _, data := range []string{``, `[]`, `{"id":1}`, `{"amount_cents":"2500"}`} {
		if _, err := (Event{Data: []byte(data)}).Session(); !errors.Is(err, ErrBody) {
			t.Errorf("%s: got %v, want ErrBody", data, err)
		}
	}
}
