package stripe

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/internal/e2e/stripefake"
)

const createIntent = "POST /v1/payment_intents"

// TestABrokenConnectionIsNotUsedAgainByItself breaks one that has served before. Go's transport repeats requests with an
// idempotency key on such a connection, and hides that the first one may have arrived.
func TestABrokenConnectionIsNotUsedAgainByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, func(cfg *checkoutstripe.Config) {
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	})
	begin(t, w, ways[0], "card")
	w.fake.FailNext(createIntent, stripefake.Lost)
	r := orderOf(w)
	_, err := w.provider.Begin(t.Context(), r)
	wantNoKind(t, err)
	if n := creations(w); n != 2 {
		t.Errorf("%d requests have arrived, want 2", n)
	}
	w.wantOne(t, r.AttemptID)
}

// TestAnAnswerThatTellsNothingLeavesTheChargeOpen covers what proxies and Stripe say when they do not know themselves.
func TestAnAnswerThatTellsNothingLeavesTheChargeOpen(t *testing.T) {
	t.Parallel()
	for _, status := range []int{500, 502, 504, 409} {
		w := newWorld(t, true, nil)
		w.fake.FailNext(createIntent, stripefake.Refuse(status))
		r := orderOf(w)
		_, err := w.provider.Begin(t.Context(), r)
		wantNoKind(t, err)
		if _, err := w.provider.Observe(t.Context(), checkout.ChargeRef{AttemptID: r.AttemptID, BegunAt: w.now()}); !errors.Is(err, checkout.ErrNoCharge) {
			t.Errorf("after %d Observe gives %v, want ErrNoCharge: it was not served", status, err)
		}
		if _, err := w.provider.Begin(t.Context(), r); err != nil {
			t.Errorf("after %d a repeated Begin gives %v", status, err)
		}
		w.wantOne(t, r.AttemptID)
	}
}

// TestATwinFindsNothingOrTheSame holds the first request in the middle. Its twin must neither make a second charge nor
// say that there is none.
func TestATwinFindsNothingOrTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	arrived, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	w.fake.FailNext(createIntent, stripefake.Hold(arrived, release))
	r := orderOf(w)
	go func() {
		_, err := w.provider.Begin(t.Context(), r)
		done <- err
	}()
	<-arrived
	_, err := w.provider.Begin(t.Context(), r)
	wantNoKind(t, err)
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the first Begin gives %v", err)
	}
	w.wantOne(t, r.AttemptID)
}

// TestAChargeOfTheOtherWayIsFound begins once with scripts and once without under one attempt, as when the buyer's second
// click comes from another browser.
func TestAChargeOfTheOtherWayIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	r := orderOf(w)
	first, err := w.provider.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Scripted = false
	second, err := w.provider.Begin(t.Context(), r)
	if err != nil || second.Ref != first.Ref || w.fake.Charges() != 1 {
		t.Errorf("Begin gives %s, then %s, %v, and Stripe has %d charges", first.Ref, second.Ref, err, w.fake.Charges())
	}
}

func orderOf(w *world) checkout.BeginRequest {
	return checkout.BeginRequest{
		AttemptID: newID("pay_"), SessionID: newID("cs_"), Amount: 2500, Currency: "eur", Method: "card", Description: "Käse & Brot", Email: "kim@buyer.example",
		Locale: "de", ReturnURL: "https://shop.example/c/1/return", CancelURL: "https://shop.example/c/1", NotifyURL: "https://shop.example/n",
		ExpiresAt: w.now().Add(time.Hour), Livemode: w.live, Scripted: true,
	}
}

func wantNoKind(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, checkout.ErrRejected) || errors.Is(err, checkout.ErrUnavailable) || errors.Is(err, checkout.ErrNoCharge) {
		t.Errorf("the error is %v, want one of no kind", err)
	}
}

func creations(w *world) (n int) {
	for _, c := range w.fake.Calls() {
		if c.Pattern == createIntent {
			n++
		}
	}
	return n
}

// wantOne looks for the charge of an attempt, and wants it to be the only one.
func (w *world) wantOne(t *testing.T, attempt string) {
	t.Helper()
	o, err := w.provider.Observe(t.Context(), checkout.ChargeRef{AttemptID: attempt, BegunAt: w.now()})
	if ids := w.fake.Find("attempt", attempt); err != nil || len(ids) != 1 || o.Ref != ids[0] {
		t.Errorf("Observe gives %s, %v, and Stripe has %v", o.Ref, err, ids)
	}
}
