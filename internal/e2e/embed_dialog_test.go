package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jopay/checkout/webhook"
)

const (
	dialogIsOpen = `document.querySelector("dialog")?.matches(":modal")`
	backAtOpener = `!document.querySelector("dialog").open && document.activeElement === document.querySelector("#pay")`
)

// rests waits until an element stays where it is.
func (b *tab) rests(selector string) {
	b.t.Helper()
	b.until("see "+selector+" at rest", `(() => {
		const e = document.querySelector(`+quote(selector)+`), { x, y, height } = e.getBoundingClientRect();
		const last = window.resting;
		window.resting = [x, y, height, e.scrollTop].join();
		return last === window.resting;
	})()`)
}

// The dialog takes the focus into the page, keeps what is typed when it is closed, and gives the focus back.
func TestEmbedDialog(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{320, 1280} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			shop, b := openStorefront(t, "shop.example"), openTab(t)
			b.size(width, 700)
			order := shop.order()
			shop.dialog(order)
			b.open(shop.origin + "/")
			b.until("load the loader", `performance.getEntriesByName("`+shop.base+`/checkout/embed.js").length > 0`)
			b.click("#pay")
			page := b.frame(shop.base)
			page.read("Pay Acme Coffee €25.00")
			b.hears("ready")
			b.until("be modal, with the focus inside", dialogIsOpen+` && document.activeElement === document.querySelector("iframe")`)
			page.until("have the focus", `document.hasFocus()`)
			b.fits()
			if got := b.attribute("dialog", "aria-label"); got != value[string](page, `document.title`) {
				t.Errorf("the dialog is called %q", got)
			}
			if got := b.attribute("dialog button", "aria-label"); got != "Cancel and return to Acme Coffee" {
				t.Errorf("its button is called %q", got)
			}
			if evaluate[bool](b, `document.querySelector("#other").focus(), document.activeElement === document.querySelector("#other")`) {
				t.Error("the page behind the dialog takes the focus")
			}

			page.enter("#card_number", "4242")
			for name, leave := range map[string]func(){
				"Esc in the frame": func() { b.press("Escape") },
				"Esc at the button": func() {
					evaluate[bool](b, `document.querySelector("dialog button").focus(), true`)
					b.press("Escape")
				},
				"the button": func() { b.rests("dialog"); b.click("dialog button") },
				"the link":   func() { page.click(".after a") },
			} {
				leave()
				b.until("close by "+name, backAtOpener)
				b.press("Enter")
				b.until("open again", dialogIsOpen)
				page.until("have the focus", `document.hasFocus()`)
			}
			if got := value[string](page, `document.querySelector("#card_number").value`); got != "4242" {
				t.Errorf("after closing and opening the field holds %q", got)
			}
			page.click("#card_number")
			b.limited("choose all", chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
			b.limited("empty the field", chromedp.KeyEvent(kb.Delete))
			page.typeCard("4242424242424242")
			page.click(payButton)
			b.at(shop.thanks(order))
			shop.is(order, "completed", "paid", webhook.SessionCompleted)
		})
	}
}

// While a payment is on its way nothing closes the dialog: not Esc, not twice, not the button.
func TestEmbedDialogStaysWhilePaying(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	order := shop.order()
	shop.dialog(order)
	b.open(shop.origin + "/")
	b.until("load the loader", `performance.getEntriesByName("`+shop.base+`/checkout/embed.js").length > 0`)
	b.click("#pay")
	page := b.frame(shop.base)
	page.typeCard("4000000000012221") // pays after three seconds
	page.click(payButton)
	b.hears("ready", "submitting")
	for _, focus := range []string{"dialog button", "iframe"} {
		evaluate[bool](b, `document.querySelector("`+focus+`").focus(), true`)
		for range 3 {
			b.press("Escape")
		}
	}
	b.click("dialog button")
	if !evaluate[bool](b, dialogIsOpen) {
		t.Error("the dialog was closed while the payment was on its way")
	}
	b.at(shop.thanks(order))
	shop.is(order, "completed", "paid", webhook.SessionCompleted)
}

// A page that was lost on the way must not keep the buyer in the dialog.
func TestEmbedDialogLetsGoAfterALostPage(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	shop.mux.HandleFunc("GET /lost", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	shop.dialog(shop.order())
	b.open(shop.origin + "/")
	b.until("load the loader", `performance.getEntriesByName("`+shop.base+`/checkout/embed.js").length > 0`)
	b.click("#pay")
	page := b.frame(shop.base)
	page.see(payButton)
	b.hears("ready")
	value[bool](page, `document.querySelector("form").ariaBusy = "true", true`)
	b.hears("ready", "submitting")
	value[bool](page, `location.href = "/lost", true`)
	b.until("close", `document.querySelector("dialog button").click(), !document.querySelector("dialog").open`)
}
