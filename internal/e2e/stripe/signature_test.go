package stripe

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
)

// rounds is how many random bodies a property is tried with.
const rounds = 300

// words are what random texts are made of: other scripts, joined emoji, what JSON and headers escape, bytes that are no text.
var words = []string{"beans", "Käse", "コーヒー", "קפה", "👩‍🚀", "\u2028", `"`, `\`, "\n", "\t", "=", ",v1=", "t=", ".", "%00", "\x00", "<br>", "\xff", " "}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(40) {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

// signed is a notification whose header Stripe's own SDK has made.
func signed(body []byte, secret string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://shop.example/notify", bytes.NewReader(body))
	r.Header.Set("Stripe-Signature", webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at}).Header)
	return r
}

// eventOf is an event about an attempt, with a random text inside and random white space.
func eventOf(r *rand.Rand, attempt string) []byte {
	body, _ := json.Marshal(map[string]any{ // texts only: this cannot fail
		"id": newID("evt_"), "object": "event", "type": "payment_intent.succeeded", "livemode": true,
		"data": map[string]any{"object": map[string]any{
			"object": "payment_intent", "id": newID("pi_"), "description": randomText(r), "metadata": map[string]string{"attempt": attempt},
		}},
	})
	if r.IntN(2) == 0 {
		var indented bytes.Buffer
		_ = json.Indent(&indented, body, "", strings.Repeat(" ", r.IntN(4)))
		return indented.Bytes()
	}
	return body
}

func TestWhatStripesSDKSignsIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	r := rand.New(rand.NewPCG(3, 1))
	for range rounds {
		attempt := newID("pay_")
		body := eventOf(r, attempt)
		list, err := w.provider.Notice(signed(body, w.fake.WebhookSecret(), w.now()), body)
		if err != nil || len(list) != 1 || list[0].AttemptID != attempt {
			t.Fatalf("Notice of %q gives %+v, %v", body, list, err)
		}
		wantForged(t, w, r, body)
	}
}

// wantForged changes one thing of a good notification.
func wantForged(t *testing.T, w *world, r *rand.Rand, body []byte) {
	t.Helper()
	good := signed(body, w.fake.WebhookSecret(), w.now())
	flipped := bytes.Clone(body)
	flipped[r.IntN(len(body))] ^= byte(1 + r.IntN(255))
	header := good.Header.Get("Stripe-Signature")
	for name, c := range map[string]struct {
		r    *http.Request
		body []byte
	}{
		"a changed byte":       {good, flipped},
		"one byte more":        {good, append(bytes.Clone(body), ' ')},
		"one byte less":        {good, body[:len(body)-1]},
		"another secret":       {signed(body, "whsec_"+newID("x"), w.now()), body},
		"an old signature":     {signed(body, w.fake.WebhookSecret(), w.now().Add(-6*time.Minute)), body},
		"a changed time":       {withSignature(good, strings.Replace(header, "t=1", "t=2", 1)), body},
		"a changed signature":  {withSignature(good, header[:len(header)-1]+string("0123456789abcdef"[(hexDigit(header)+1)%16])), body},
		"another scheme":       {withSignature(good, strings.Replace(header, "v1=", "v0=", 1)), body},
		"no signature":         {withSignature(good, strings.Split(header, ",")[0]), body},
		"an empty header":      {withSignature(good, ""), body},
		"a signature of hex 0": {withSignature(good, strings.Split(header, "v1=")[0]+"v1="+strings.Repeat("0", 64)), body},
	} {
		if list, err := w.provider.Notice(c.r, c.body); !errors.Is(err, checkout.ErrNotAuthentic) || len(list) != 0 {
			t.Fatalf("Notice with %s gives %+v, %v", name, list, err)
		}
	}
}

func hexDigit(header string) int {
	b, _ := hex.DecodeString("0" + header[len(header)-1:])
	return int(b[0])
}

func withSignature(r *http.Request, header string) *http.Request {
	other := r.Clone(r.Context())
	other.Header.Set("Stripe-Signature", header)
	return other
}

// TestAnyBodyThatIsSignedIsAuthentic signs bytes that are no event: they are refused for another reason.
func TestAnyBodyThatIsSignedIsAuthentic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	r := rand.New(rand.NewPCG(3, 2))
	for range rounds {
		body := []byte(randomText(r))
		list, err := w.provider.Notice(signed(body, w.fake.WebhookSecret(), w.now()), body)
		if err == nil || errors.Is(err, checkout.ErrNotAuthentic) || len(list) != 0 {
			t.Fatalf("Notice of %q gives %+v, %v", body, list, err)
		}
	}
}

// TestASecretIsReplaced takes what either secret has signed, alone or both in one header, as Stripe does for a day.
func TestASecretIsReplaced(t *testing.T) {
	t.Parallel()
	old, fresh := "whsec_"+newID("old"), "whsec_"+newID("new")
	w := newWorld(t, true, func(cfg *checkoutstripe.Config) { cfg.WebhookSecrets = []string{old, fresh} })
	body := eventOf(rand.New(rand.NewPCG(3, 3)), "pay_1")
	both := signed(body, old, w.now())
	_, second, _ := strings.Cut(signed(body, "whsec_unknown1", w.now()).Header.Get("Stripe-Signature"), ",")
	both.Header.Set("Stripe-Signature", strings.Replace(both.Header.Get("Stripe-Signature"), ",", ","+second+",", 1))
	for name, r := range map[string]*http.Request{"the old one": signed(body, old, w.now()), "the new one": signed(body, fresh, w.now()), "one of two": both} {
		if list, err := w.provider.Notice(r, body); err != nil || len(list) != 1 {
			t.Errorf("signed with %s: %+v, %v", name, list, err)
		}
	}
}

// TestStripesSDKTakesWhatTheFakeSigns shows that the fake's notifications are like Stripe's.
func TestStripesSDKTakesWhatTheFakeSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	r := rand.New(rand.NewPCG(3, 4))
	for range rounds {
		body := []byte(randomText(r) + "x")
		header := w.fake.Sign(body, w.now())
		if err := webhook.ValidatePayload(body, header, w.fake.WebhookSecret()); err != nil {
			t.Fatalf("%q with %q: %v", body, header, err)
		}
		body[r.IntN(len(body))] ^= 1
		if webhook.ValidatePayload(body, header, w.fake.WebhookSecret()) == nil {
			t.Fatalf("%q with %q is taken", body, header)
		}
	}
}

func TestStripesSDKReadsTheFakesEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	for _, way := range ways[:2] {
		ref := begin(t, w, way, "card")
		for _, err := range []error{w.fake.Decline(ref.Ref, "", "lost_card"), w.fake.Challenge(ref.Ref), w.fake.Pay(ref.Ref)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		w.fake.RefundOutside(w.fake.Events()[0].Object, 100)
	}
	events := w.fake.Events()
	for _, e := range events {
		got, err := webhook.ConstructEventWithOptions(e.Body, w.fake.Sign(e.Body, w.now()), w.fake.WebhookSecret(), webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		if err != nil || got.ID != e.ID || string(got.Type) != e.Type || got.GetObjectValue("id") != e.Object || !got.Livemode {
			t.Errorf("the event is read as %+v, %v, want %s %s of %s", got, err, e.ID, e.Type, e.Object)
		}
	}
	if len(events) < 15 {
		t.Errorf("there were %d events only", len(events))
	}
}
