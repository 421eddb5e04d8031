// Package stripe holds the tests of adapters/checkoutstripe that need doubles of Stripe: a stateful fake and Stripe's own
// stateless one, both held to Stripe's published description, and the webhook package of Stripe's SDK.
package stripe
