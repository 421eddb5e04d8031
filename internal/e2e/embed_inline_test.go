package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// Inline: the shop's page grows with the form, a decline stays in the frame, and the shop's own page comes after the money.
func TestEmbedInline(t *testing.T) {
	t.Parallel()
	for name, host := range shopHosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, b := openStorefront(t, host), openTab(t)
			order := shop.order()
			shop.inline(order)
			b.open(shop.origin + "/")
			page := b.frame(shop.base)
			page.read("Pay Acme Coffee €25.00")
			b.gone("#pay")
			b.hears("ready")
			if allow := b.attribute("iframe", "allow"); allow != "payment *" {
				t.Errorf("the frame may %q", allow)
			}
			if title := b.attribute("iframe", "title"); title != value[string](page, `document.title`) || title == "" {
				t.Errorf("the frame's title is %q", title)
			}
			page.typeCard("4000000000000002")
			page.click(payButton)
			b.hears("ready", "submitting", "ready", "failed")
			page.until("have the focus at the message", `document.activeElement === document.querySelector(".alert")`)
			page.typeCard("4242424242424242")
			page.click(payButton)
			b.at(shop.thanks(order))
			shop.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
		})
	}
}

// The frame is as high as what it shows, also when that becomes less, and never lower than a form's beginning.
func TestEmbedGrowsAndShrinks(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{320, 1280} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			shop, b := openStorefront(t, "shop.example"), openTab(t)
			b.size(width, 900)
			order := shop.order(items(60))
			shop.inline(order)
			b.open(shop.origin + "/")
			page := b.frame(shop.base)
			page.read("Show 55 more items")
			b.hears("ready")
			low := fitting(b, page)
			page.click(".more summary")
			b.until("grow", `document.querySelector("iframe").clientHeight > `+fmt.Sprint(low+1000))
			fitting(b, page)
			b.fits()
			page.click(".more summary")
			b.until("shrink", `document.querySelector("iframe").clientHeight === `+fmt.Sprint(low))
			if least := evaluate[string](b, `document.querySelector("iframe").style.minHeight`); least != "20rem" {
				t.Errorf("the least height is %q", least)
			}
		})
	}
}

// fitting waits until a frame is exactly as high as its page, and gives the height.
func fitting(b *tab, page frame) int {
	b.t.Helper()
	page.until("fit", `innerHeight === Math.ceil(document.body.getBoundingClientRect().height) && document.documentElement.scrollHeight <= innerHeight`)
	return evaluate[int](b, `document.querySelector("iframe").clientHeight`)
}

func items(n int) func(*checkout.SessionParams) {
	return func(p *checkout.SessionParams) {
		item := p.LineItems[0]
		p.LineItems = nil
		for range n {
			p.LineItems = append(p.LineItems, item)
		}
	}
}

// embed=1 stays while the buyer does not leave, and the frame remains the small page that it is.
func TestEmbedStaysEmbedded(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	order := shop.order()
	shop.inline(order)
	b.open(shop.origin + "/")
	page := b.frame(shop.base)
	page.click(".langs summary")
	page.click(".langs a[lang=de]")
	page.until("speak German", `document.documentElement.lang === "de" && new URLSearchParams(location.search).get("embed") === "1"`)
	b.until("name the frame in German", `document.querySelector("iframe").lang === "de"`)
	if title := b.attribute("iframe", "title"); title != value[string](page, `document.title`) || !strings.Contains(title, "zahlen") {
		t.Errorf("the frame's German title is %q", title)
	}
	page.typeCard("4000000000000002")
	page.click(payButton)
	page.until("still speak German", `document.querySelector(".alert") && document.documentElement.lang === "de" && new URLSearchParams(location.search).get("embed") === "1"`)
	if got := value[int](page, `document.cookie.length + localStorage.length + sessionStorage.length`); got != 0 {
		t.Errorf("the page keeps %d things in the browser", got)
	}
}

// A shop may keep the page where it is, and looking back at what is paid does not lead on again.
func TestEmbedShopDecidesWhatFollows(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	order := shop.order()
	shop.inline(order)
	b.open(shop.origin + "/")
	b.until("be ready", `window.heard?.length > 0`)
	b.keeps("completed")
	page := b.frame(shop.base)
	page.typeCard("4242424242424242")
	page.click(payButton)
	b.hears("submitting", "ready", "completed")
	page.read("Payment received")
	if got := evaluate[string](b, `heard.at(-1).redirect ?? heard.findLast((each) => each.redirect).redirect`); got != shop.thanks(order) {
		t.Errorf("completed names %q", got)
	}
	shop.is(order, "completed", "paid", webhook.SessionCompleted)

	b.open(shop.origin + "/") // without the shop's veto
	b.hears("ready", "completed")
	page.read("Payment received")
	if at := evaluate[string](b, `location.href`); at != shop.origin+"/" {
		t.Errorf("looking at a paid order leads to %s", at)
	}
	page.click("a.button") // the buyer may go on
	b.at(shop.thanks(order))
}

// keeps makes the shop prevent what follows an event.
func (b *tab) keeps(event string) {
	b.t.Helper()
	evaluate[string](b, `document.documentElement.dataset.keep = `+quote(event))
}

// The way back out of the frame: inline it leads to cancel_url, and so does an expired page.
func TestEmbedInlineCancelAndExpiry(t *testing.T) {
	t.Parallel()
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		shop, b := openStorefront(t, "shop.example"), openTab(t)
		shop.inline(shop.order())
		b.open(shop.origin + "/")
		b.hears("ready")
		b.frame(shop.base).click(".after a")
		b.at(shop.origin + "/basket")
	})
	t.Run("the shop keeps it", func(t *testing.T) {
		t.Parallel()
		shop, b := openStorefront(t, "shop.example"), openTab(t)
		shop.inline(shop.order())
		b.open(shop.origin + "/")
		b.hears("ready")
		b.keeps("cancel")
		b.frame(shop.base).click(".after a")
		b.hears("ready", "cancel")
		b.at(shop.origin + "/")
	})
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		shop, b := openStorefront(t, "shop.example"), openTab(t)
		order := shop.order()
		if _, err := shop.co.ExpireSession(t.Context(), order.ID); err != nil {
			t.Fatal(err)
		}
		shop.inline(order)
		b.open(shop.origin + "/")
		b.hears("ready", "expired")
		b.frame(shop.base).click("a.button")
		b.at(shop.origin + "/basket")
	})
}
