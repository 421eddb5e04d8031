// Package stripefake is a Stripe of our own for tests: an http.Handler that keeps payment intents, checkout sessions and
// refunds, answers as the API does, and lets a test play the buyer, the bank and a bad network. It starts no listener.
//
//	company := stripefake.New(stripefake.Options{})
//	server := httptest.NewServer(company)
//	company.SetURL(server.URL)
//
// What it answers is held to Stripe's published description by package stripespec. What no description tells, such as
// which refusals carry which code, follows Stripe's documentation and stays an assumption.
package stripefake
