package noderx

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/webhook"
)

// payloads is how many bodies each receiver gets.
const payloads = 2500

func TestReceiverTakesEveryCanonicalPayload(t *testing.T) {
	eachExpress(t, func(t *testing.T, rx *receiver, m merchant) {
		for range payloads {
			metadata := m.metadata()
			if p := payload(t, metadata); rx.refuses(t, p) {
				t.Errorf("metadata %q\nrefused as %q", metadata, p)
			}
		}
		if got := rx.accepted(t); got != fmt.Sprint(payloads) {
			t.Errorf("the receiver took %s webhooks of %d", got, payloads)
		}
	})
}

func TestReceiverTakesTheLargestPayload(t *testing.T) {
	eachExpress(t, func(t *testing.T, rx *receiver, _ merchant) {
		room := canonjson.MaxBytes - len(`{"":""}`)
		p := `{"":"` + strings.Repeat("\x7f", room%6) + strings.Repeat(`\u0001`, room/6) + `"}`
		if err := canonjson.Fixed([]byte(p)); err != nil || rx.refuses(t, []byte(p)) {
			t.Errorf("%d bytes refused, Fixed says %v", len(p), err)
		}
	})
}

// The same inputs through encoding/json: shows that the receiver is able to refuse, and why this is not enough.
func TestReceiverRefusesPlainMarshal(t *testing.T) {
	eachExpress(t, func(t *testing.T, rx *receiver, m merchant) {
		const tries = 500
		refused := 0
		for range tries {
			if rx.refuses(t, marshalled(t, m.metadata())) {
				refused++
			}
		}
		t.Logf("json.Marshal: %d of %d refused", refused, tries)
		if refused < tries/5 {
			t.Errorf("only %d of %d refused: the receiver or the metadata is too mild to prove anything", refused, tries)
		}
	})
}

// Whatever Fixed lets pass, the receiver takes: the guard may be stricter than JavaScript, never laxer.
func TestReceiverTakesWhatFixedAccepts(t *testing.T) {
	eachExpress(t, func(t *testing.T, rx *receiver, m merchant) {
		posted, stopped := 0, 0
		for range payloads {
			p := m.damage(payload(t, m.metadata()))
			if canonjson.Fixed(p) != nil {
				stopped++
				continue
			}
			posted++
			if rx.refuses(t, p) {
				t.Errorf("Fixed accepts, the receiver refuses %q", p)
			}
		}
		t.Logf("Fixed stopped %d damaged payloads and let %d pass", stopped, posted)
		if posted < payloads/20 || stopped < payloads/20 {
			t.Errorf("%d passed and %d stopped: the damage does not reach both sides", posted, stopped)
		}
	})
}

// damage changes one byte inside the metadata.
func (m merchant) damage(p []byte) []byte {
	const start = len(`{"event":"checkout.session.completed","data":{"metadata":`)
	i := start + m.IntN(len(p)-start)
	const bytes = "\"\\{}[],:0123456789.eE+-ubnx/<&\x7f \n\x01\xc3"
	c := bytes[m.IntN(len(bytes))]
	switch m.IntN(4) {
	case 0:
		return slices.Delete(p, i, i+1)
	case 1:
		p[i], p[i-1] = p[i-1], p[i]
		return p
	case 2:
		p[i] = c
		return p
	}
	return slices.Insert(p, i, c)
}

type receiver struct{ url, secret string }

// eachExpress runs the test against both receivers, each with metadata of its own; the log has the seed.
func eachExpress(t *testing.T, test func(*testing.T, *receiver, merchant)) {
	for _, version := range []int{5, 4} {
		t.Run(fmt.Sprintf("express%d", version), func(t *testing.T) {
			secret := webhook.NewSecret()
			rx := &receiver{url: StartExpress(t, version, secret), secret: secret}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			test(t, rx, merchant{rand.New(rand.NewPCG(seed, 0))})
		})
	}
}

// refuses signs and posts the payload. The receiver has only two honest answers.
func (rx *receiver) refuses(t *testing.T, p []byte) bool {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, rx.url+"/webhook", strings.NewReader(string(p)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(webhook.HeaderSignature, webhook.Sign(p, rx.secret, time.Now()))
	status, body := answer(t, r)
	if status != http.StatusOK && (status != http.StatusUnauthorized || body != "Invalid signature") {
		t.Fatalf("the receiver answered %d %.300s to %q", status, body, p)
	}
	return status != http.StatusOK
}

func (rx *receiver) accepted(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, rx.url+"/accepted", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := answer(t, r)
	return body
}

func answer(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// payload is an event's body as the checkout sends it, with the metadata first so that damage knows where it is.
func payload(t *testing.T, metadata string) []byte {
	t.Helper()
	canonical, err := canonjson.Canonical([]byte(metadata), canonjson.Limits{})
	if err != nil {
		t.Fatalf("%q: %v", metadata, err)
	}
	var o canonjson.Object
	o.String("event", webhook.SessionCompleted)
	o.Object("data", func(o *canonjson.Object) {
		o.Raw("metadata", canonical)
		o.Int("amount_cents", 2500)
		o.NullString("customer_email", nil)
		o.Bool("livemode", false)
	})
	o.String("id", "evt_1")
	p, err := o.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := canonjson.Fixed(p); err != nil {
		t.Fatalf("%q: %v", p, err)
	}
	return p
}

func marshalled(t *testing.T, metadata string) []byte {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal([]byte(metadata), &values); err != nil {
		t.Fatal(err)
	}
	p, err := json.Marshal(struct {
		Event string         `json:"event"`
		Data  map[string]any `json:"data"`
	}{webhook.SessionCompleted, map[string]any{"metadata": values}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
