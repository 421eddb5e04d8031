package webhook

import (
	"strings"
	"testing"
	"time"
)

// The test vector that the documentation publishes.
const (
	vectorSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	vectorUnix   = 1736510701
	vectorBody   = `{"event":"checkout.session.completed","data":{"id":"cs_a1b2c3d4e5f6","status":"completed","amount_cents":2500,` +
		`"currency":"eur","customer_email":"customer@example.com","metadata":{"order_id":"12345"},` +
		`"completed_at":"2025-01-10T12:05:00Z"},"created_at":"2025-01-10T12:05:01Z"}`
	vectorHeader = "t=1736510701,v1=ce29fbafe815fe126811ccc8772c7df9d6fff98a0747e22f46aba0e6012561c5"
)

func vectorTime() time.Time { return time.Unix(vectorUnix, 0) }

func TestPublishedVector(t *testing.T) {
	if got := Sign([]byte(vectorBody), vectorSecret, vectorTime()); got != vectorHeader {
		t.Errorf("Sign: got %s, want %s", got, vectorHeader)
	}
	if err := Verify([]byte(vectorBody), vectorHeader, vectorSecret, WithClock(vectorTime)); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

// The vector of the Standard Webhooks reference libraries.
func TestStandardWebhooksVector(t *testing.T) {
	secret := secretPrefix + strings.Join([]string{"MfKQ9r8GKYqrTwjU", "PD8ILPZIo2LaLaSw"}, "")
	got, err := SignStandard("msg_p5jXN8AQM9LWM0D4loKWxJek", []byte(`{"test": 2432232314}`), secret, time.Unix(1614265330, 0))
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
