package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// A provider's own fields work in the frame, a frame in a frame: the shop hears of a decline and of the payment.
func TestEmbedProvidersFields(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	shop := showing(t, "shop.example", func(allow func(*checkout.Config)) *store { return openStripeStore(t, b, allow).store })
	order := shop.order()
	shop.inline(order)
	b.expect("402") // Stripe's answer to a declined card
	b.open(shop.origin + "/")
	page := b.frame(shop.base)
	page.click("label[for=method-card]")
	page.click(payButton)
	page.payInFields("4000000000009995")
	page.read("Your card was declined")
	b.hears("submitting", "failed")
	page.payInFields("4242424242424242")
	b.at(shop.thanks(order))
	shop.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
}

// payInFields does in a frame what a tab's does.
func (f frame) payInFields(number string) {
	f.t.Helper()
	const fields = "form.embed.ready iframe"
	f.see(fields)
	f.see(stripePay)
	x, y := f.place(fields)
	half := value[[]float64](f, `(() => { const { width, height } = document.querySelector("`+fields+`").getBoundingClientRect(); return [width / 2, height / 2]; })()`)
	f.limited("click into the fields", chromedp.MouseClickXY(x-half[0]+30, y-half[1]+20))
	f.limited("choose what stands there", chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	f.limited("type", chromedp.KeyEvent(number))
	f.until("type "+number, `document.querySelector("`+fields+`").dataset.typed === "`+number+`"`)
	f.click(stripePay)
}
