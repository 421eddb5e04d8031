// Package stripespec holds both sides of a conversation with Stripe to Stripe's own description of its API: the OpenAPI
// file inside github.com/stripe/stripe-mock. Only the paths that are used are kept, because loading all of them takes many
// seconds; what is kept is made stricter, so that a property the description does not know is a violation too.
//
// It cannot see what the description does not say: decimals of a currency, rules between fields, what becomes of a charge.
package stripespec
