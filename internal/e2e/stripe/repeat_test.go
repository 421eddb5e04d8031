package stripe

import (
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
)

// TestARepeatedBeginTellsTheNewest pays between two calls. Stripe answers the second with what it said to the first.
func TestARepeatedBeginTellsTheNewest(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		w := newWorld(t, true, func(cfg *checkoutstripe.Config) { cfg.Hosted = way.hosted })
		r := orderOf(w)
		r.Scripted = way.scripted
		first, err := w.provider.Begin(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.fake.Pay(first.Ref); err != nil {
			t.Fatal(err)
		}
		again, err := w.provider.Begin(t.Context(), r)
		if err != nil || again.Ref != first.Ref || again.Observation == nil || again.Observation.State != checkout.StateSucceeded || again.RedirectURL+again.Client != "" {
			t.Errorf("%s: the second Begin gives %+v, %v, want the success", way.name, again, err)
		}
	}
}

// TestARefundIsNotRepeatedAfterADay asks again when Stripe has forgotten the key.
func TestARefundIsNotRepeatedAfterADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	ref := begin(t, w, ways[0], "card")
	if err := w.fake.Pay(ref.Ref); err != nil {
		t.Fatal(err)
	}
	r := checkout.RefundRequest{Charge: ref, Key: newID("re_"), Amount: 1000, Currency: "eur"}
	first, err := w.provider.Refund(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.advance(25 * time.Hour)
	again, err := w.provider.Refund(t.Context(), r)
	if sum := w.fake.Refunds(ref.Ref, "refund")[r.Key]; err != nil || again.Ref != first.Ref || sum != 1000 {
		t.Errorf("a day later the refund is %+v, %v, want %s, and Stripe has paid back %d", again, err, first.Ref, sum)
	}
}

// TestARefundThatIsHeldIsTold follows one that a bank takes days for and then refuses.
func TestARefundThatIsHeldIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	ref := begin(t, w, ways[1], "card")
	if err := w.fake.Pay(ref.Ref); err != nil {
		t.Fatal(err)
	}
	w.fake.HoldRefunds()
	r := checkout.RefundRequest{Charge: ref, Key: newID("re_"), Amount: 1000, Currency: "eur"}
	made, err := w.provider.Refund(t.Context(), r)
	if err != nil || made.State != checkout.StateProcessing {
		t.Fatalf("the refund is %+v, %v", made, err)
	}
	w.fake.SettleRefund(made.Ref, "failed")
	o, err := w.provider.Observe(t.Context(), ref)
	want := checkout.RefundObservation{Key: r.Key, Ref: made.Ref, State: checkout.StateFailed, Amount: 1000, Currency: "eur"}
	if err != nil || len(o.Refunds) != 1 || o.Refunds[0] != want {
		t.Errorf("Observe tells %+v, %v, want %+v", o.Refunds, err, want)
	}
}

// TestEventsOfTheOtherModeTellNothing uses one secret for both modes, as a shop may that has mixed them up.
func TestEventsOfTheOtherModeTellNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false, nil)
	ref := begin(t, w, ways[0], "card")
	e := w.fake.Event("payment_intent.created", ref.Ref)
	r, err := w.fake.Notification(t.Context(), "https://shop.example/notify", e)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := w.provider.Notice(r, e.Body); err != nil || len(list) != 1 {
		t.Fatalf("Notice gives %+v, %v", list, err)
	}
	cfg := w.config()
	cfg.SecretKey, cfg.PublishableKey = w.fake.SecretKey(true), w.fake.PublishableKey(true)
	other, err := checkoutstripe.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := other.Notice(r, e.Body); err != nil || len(list) != 0 {
		t.Errorf("Notice of the other mode gives %+v, %v, want nothing", list, err)
	}
	if o, err := other.Observe(t.Context(), ref); err == nil {
		t.Errorf("Observe in the other mode gives %+v", o)
	}
}
