package e2e

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// shiftedClock is the time of a shop that a test puts forward.
type shiftedClock struct{ by atomic.Int64 }

func (c *shiftedClock) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

func (c *shiftedClock) set(by time.Duration) { c.by.Store(int64(by)) }

// Five minutes before the end the page says so, and gives more time to whoever asks: with scripts the open page does it by
// itself, without them it has said all along until when.
func TestPageTellsThatTimeRunsOut(t *testing.T) {
	t.Parallel()
	proves(t, "2.2.1", "4.1.3")
	eachBrowser(t, func(t *testing.T, b *tab) {
		clock := &shiftedClock{}
		s := openStore(t, func(cfg *checkout.Config) { cfg.Now = clock.now })
		order := s.order()
		clock.set(50 * time.Minute)
		b.open(order.CheckoutURL)
		if scripts := strings.HasSuffix(t.Name(), "/with_scripts"); !scripts {
			b.readLoosely("You can pay here until")
		} else if evaluate[bool](b, `document.querySelector(".expiry").checkVisibility()`) {
			t.Errorf("ten minutes before the end it says %q", b.text(".expiry"))
		}
		clock.set(56 * time.Minute)
		b.open(order.CheckoutURL)
		b.readLoosely("You have less than 5 minutes left to pay.")
		if got := b.attribute(".expiry p[data-seconds]", "role"); got != "status" {
			t.Errorf("the announcement has the role %q", got)
		}
		b.click("button[value=extend]")
		b.until("be told of time again", `document.readyState === "complete" && !document.querySelector(".expiry p[data-seconds]").innerText.includes("less than")`)
		now, err := s.co.Session(t.Context(), order.ID)
		if err != nil || now.ExpiresAt.Sub(clock.now()) < 59*time.Minute {
			t.Errorf("the page is open until %v, %v", now.ExpiresAt, err)
		}
		b.typeCard("4242424242424242")
		b.click(payButton)
		b.at(s.thanks(order))
	})
}

// A page that stays open shows when its time begins to run out and when it is over, without a click, and does not trust the
// clock of the device.
func TestPageShowsLiveThatItsTimeIsUp(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	s := openStore(t, func(cfg *checkout.Config) { cfg.Now = clock.now })
	order := s.order()
	clock.set(time.Hour - 5*time.Minute - 3*time.Second)
	b := openTab(t)
	b.open(order.CheckoutURL)
	b.enter("#card_number", "4242")
	b.readLoosely("You have less than 5 minutes left to pay.")
	if got := evaluate[string](b, `document.querySelector("#card_number").value`); got != "4242" {
		t.Errorf("what was typed has become %q", got)
	}
	clock.set(time.Hour - 2*time.Second)
	b.open(order.CheckoutURL)
	clock.set(time.Hour + time.Second)
	b.read("This payment page has expired")
	b.read("You have not been charged.")
	if n := b.count(payButton); n != 0 {
		t.Error("the form is still there")
	}
	if _, err := s.co.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.is(order, "expired", "unpaid", webhook.SessionExpired)
}

// A host with few goods gives no more time: the page says when it ends and offers nothing.
func TestPageWithAFixedEndOffersNoMoreTime(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		clock := &shiftedClock{}
		s := openStore(t, func(cfg *checkout.Config) { cfg.Now, cfg.FixedExpiry = clock.now, true })
		order := s.order()
		clock.set(56 * time.Minute)
		b.open(order.CheckoutURL)
		b.readLoosely("You have less than 5 minutes left to pay.")
		if n := b.count("button[value=extend]"); n != 0 {
			t.Error("more time is offered")
		}
	})
}
