package e2e

import (
	"testing"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutmanual"
	"github.com/jopay/checkout/webhook"
)

func TestBrowserOrdersWithCashOnDelivery(t *testing.T) {
	t.Parallel()
	for lang, say := range map[string]struct{ choice, title, text string }{
		"en": {"Cash on delivery", "Thank you for your order", "You pay when it is handed over to you."},
		"de": {"Nachnahme", "Danke für Ihre Bestellung", "Sie bezahlen bei der Übergabe."},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			eachBrowser(t, func(t *testing.T, b *tab) {
				b.size(390, 844)
				s := openManualStore(t)
				order := s.order()
				page := order.CheckoutURL + "?lang=" + lang
				b.open(page)
				b.read(say.choice)
				b.click("label[for=method-cash_on_delivery]")
				b.click(payButton)
				b.read(say.title)
				b.read(say.text)
				b.fits()
				b.keep("cash on delivery")
				if n := b.count("button[value=abandon], figure"); n > 0 {
					t.Error("an order that counts can be taken back, or has a code to scan")
				}
				s.is(order, "pending", "processing", webhook.PaymentProcessing)

				b.click(`a.button[href^="` + s.thanks(order) + `"]`)
				b.at(s.thanks(order))
				s.confirm(order)
				s.is(order, "completed", "paid", webhook.PaymentProcessing, webhook.SessionCompleted)
				b.open(page)
				b.until("be completed", `document.body.dataset.state === "completed"`)
			})
		})
	}
}

func openManualStore(t testing.TB) *store {
	t.Helper()
	byHand, err := checkoutmanual.New(checkoutmanual.Config{Test: true, Methods: []checkoutmanual.Method{{ID: checkoutmanual.CashOnDelivery}}})
	if err != nil {
		t.Fatal(err)
	}
	return openStore(t, func(cfg *checkout.Config) { cfg.Providers = []checkout.Provider{byHand} })
}

// confirm is a person who has the money of an order in hand.
func (s *store) confirm(order *checkout.Session) {
	s.t.Helper()
	var payment string
	if err := s.db.Table("checkout_payments").Where("session_id = ?", order.ID).Pluck("id", &payment).Error; err != nil {
		s.t.Fatal(err)
	}
	evidence := checkout.Evidence{Actor: "Ada", Note: "paid the courier", Amount: order.AmountCents, Currency: order.Currency}
	if err := s.co.ConfirmPayment(s.t.Context(), payment, evidence); err != nil {
		s.t.Fatal(err)
	}
}
