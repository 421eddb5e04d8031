package e2e

import (
	"testing"

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
