package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/jopay/checkout"
)

const (
	announcement = "You have less than 5 minutes left to pay."
	moreTime     = "button[value=extend]"
)

// looksAgain is what a page does when its buyer comes back to it.
func (b *tab) looksAgain() {
	b.t.Helper()
	evaluate[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`)
}

// More time costs nothing that was typed: the page stays as it is, says until when it is open, and announces the end anew.
// When a session cannot live longer, the button goes.
func TestPageMoreTimeKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	s := openStore(t, func(cfg *checkout.Config) { cfg.Now = clock.now })
	order := s.order(func(p *checkout.SessionParams) { p.ExpiresIn = 13 * time.Hour })
	b := openTab(t)
	clock.set(13*time.Hour - 4*time.Minute)
	b.open(order.CheckoutURL)
	b.readLoosely(announcement)
	b.enter("#card_number", "4242")
	evaluate[bool](b, `window.here = true`)
	b.click(moreTime)
	b.gone(moreTime) // 24 hours after its making is all there is
	b.readLoosely("You can pay here until")
	if !evaluate[bool](b, `window.here && document.querySelector("#card_number").value === "4242" && document.activeElement.matches("[role=status]")`) {
		t.Error("the page was loaded anew, or the focus is lost")
	}
	now, err := s.co.Session(t.Context(), order.ID)
	if err != nil || now.ExpiresAt.Sub(now.CreatedAt) != 24*time.Hour {
		t.Errorf("open until %v, %v", now.ExpiresAt, err)
	}
	clock.set(24*time.Hour - 4*time.Minute)
	b.looksAgain()
	b.readLoosely(announcement)
	if !evaluate[bool](b, `window.here`) {
		t.Error("the page was loaded anew")
	}
	clock.set(24*time.Hour + time.Second)
	b.looksAgain()
	b.read("This payment page has expired")
}

// A page that was loaded long ago and has slept learns what has become of its order when its buyer comes back.
func TestPageThatWasAsleepLooksAgain(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	s := openStore(t, func(cfg *checkout.Config) { cfg.Now = clock.now })
	order := s.order()
	b := openTab(t)
	b.open(order.CheckoutURL)
	evaluate[bool](b, `window.here = true`)
	clock.set(56 * time.Minute)
	b.looksAgain()
	b.readLoosely(announcement)
	b.click(moreTime)
	b.readLoosely("You can pay here until")
	b.see(moreTime) // it can be asked for again
	if !evaluate[bool](b, `window.here && document.activeElement.matches("button[value=extend]")`) {
		t.Error("the page was loaded anew, or the focus is lost")
	}
	other := b.sibling()
	other.open(order.CheckoutURL)
	other.typeCard("4242424242424242")
	other.click(payButton)
	other.at(s.thanks(order))
	b.looksAgain()
	b.read("Payment received")
}

// Without scripts the button is there from the start, also on a page that was loaded an hour ago, and the page says until
// when it is open, with the day where that is not today.
func TestPageWithoutScriptsGivesMoreTime(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	s := openStore(t, func(cfg *checkout.Config) { cfg.Now = clock.now })
	order := s.order(func(p *checkout.SessionParams) { p.ExpiresIn = 2 * time.Hour })
	b := openTab(t)
	b.withoutScripts()
	b.open(order.CheckoutURL)
	b.readLoosely("You can pay here until")
	b.see(moreTime)
	clock.set(time.Hour)
	b.click(moreTime)
	b.wait("get more time", func(ctx context.Context) (bool, error) {
		now, err := s.co.Session(ctx, order.ID)
		return err == nil && now.ExpiresAt.After(order.ExpiresAt), err
	})
	now, err := s.co.Session(t.Context(), order.ID)
	if left := now.ExpiresAt.Sub(clock.now()); err != nil || left < 2*time.Hour-time.Minute {
		t.Errorf("%v are left, %v", left, err)
	}
	b.readLoosely(now.ExpiresAt.UTC().Format("15:04") + " UTC")
}
