package e2e

import (
	"testing"

	"github.com/jopay/checkout/webhook"
)

// typeCard fills the sandbox's fields.
func (b *tab) typeCard(number string) {
	b.t.Helper()
	b.enter("#card_number", number)
	b.enter("#card_exp", "12/34")
	b.enter("#card_cvc", "123")
}

const payButton = `button[name=action][value=pay]`

// eachBrowser runs a test in a browser with scripts and in one without.
func eachBrowser(t *testing.T, body func(t *testing.T, b *tab)) {
	t.Run("with scripts", func(t *testing.T) {
		t.Parallel()
		body(t, openTab(t))
	})
	t.Run("without scripts", func(t *testing.T) {
		t.Parallel()
		b := openTab(t)
		b.withoutScripts()
		body(t, b)
	})
}

func TestBrowserPaysByCard(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		s := openStore(t)
		order := s.order()
		b.open(order.CheckoutURL)
		b.typeCard("4242424242424242")
		b.click(payButton)
		b.at(s.thanks(order))
		b.read("Thank you")
		s.is(order, "completed", "paid", webhook.SessionCompleted)
	})
}

func TestBrowserPaysAfterADecline(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		s := openStore(t)
		order := s.order()
		b.open(order.CheckoutURL)
		b.typeCard("4000000000000002")
		b.click(payButton)
		b.read("You have not been charged")
		b.at(order.CheckoutURL)
		s.is(order, "pending", "unpaid", webhook.PaymentFailed)
		b.typeCard("4242424242424242")
		b.click(payButton)
		b.at(s.thanks(order))
		s.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
	})
}

func TestBrowserConfirmsAtTheTestBank(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		b.size(390, 844)
		b.dark()
		s := openStore(t)
		order := s.order()
		b.open(order.CheckoutURL)
		b.fits()
		b.keep("card")
		b.typeCard("4000002500003155")
		b.click(payButton)
		b.click(`button[name=answer][value=approve]`)
		b.at(s.thanks(order))
		s.is(order, "completed", "paid", webhook.SessionCompleted)
	})
}
