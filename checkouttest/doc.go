// Package checkouttest gives a host's tests a running checkout: in memory, with a clock that stands still until it is
// moved, without ports and without goroutines of its own.
//
//	shop := checkouttest.New(t)
//	order := shop.CreateSession(checkout.SessionParams{})
//	shop.Pay(order.ID, checkouttest.CardPays)
//	shop.RequireEvent(t, webhook.SessionCompleted)
//
// The buyer goes through the real page, webhooks are signed and delivered to a receiver in the process, and everything
// that is due has been done when a method returns. Live sessions are paid at a [Provider], a company that does what the
// test says.
//
// [TestProvider] is what every adapter for a payment company has to pass.
package checkouttest
