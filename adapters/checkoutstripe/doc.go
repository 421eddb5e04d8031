// Package checkoutstripe takes money through Stripe. It speaks to Stripe's API over net/http, without an SDK.
//
//	stripe, err := checkoutstripe.New(checkoutstripe.Config{
//		SecretKey:      os.Getenv("STRIPE_SECRET_KEY"),
//		PublishableKey: os.Getenv("STRIPE_PUBLISHABLE_KEY"),
//		WebhookSecrets: []string{os.Getenv("STRIPE_WEBHOOK_SECRET")},
//	})
//	co, err := checkout.New(checkout.Config{…, Providers: []checkout.Provider{stripe}})
//
// By default the buyer pays on the checkout's own page, in Stripe's Payment Element: one PaymentIntent for each attempt.
// With Config.Hosted, and for browsers without scripts, the buyer goes to Stripe Checkout and comes back.
//
// In Stripe's dashboard, under Developers, Webhooks, add the endpoint <BaseURL>/api/checkout/v1/notify/<Name> for the
// events payment_intent.succeeded, .payment_failed, .processing and .canceled, checkout.session.completed and .expired,
// charge.refunded, refund.created, .updated and .failed, and charge.dispute.created. Its signing secret is one of
// Config.WebhookSecrets. A restricted key needs write access to PaymentIntents, Checkout Sessions and Refunds, and read access
// to Charges.
package checkoutstripe
