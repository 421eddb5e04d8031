package main

import (
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsepa"
	"github.com/jopay/checkout/adapters/checkoutstripe"
)

// providers are the companies and accounts of the command line, for test sessions: none without flags, and the sandbox
// stays beside them.
func providers(o options, now func() time.Time) ([]checkout.Provider, error) {
	var list []checkout.Provider
	if o.stripe.on() {
		p, err := checkoutstripe.New(checkoutstripe.Config{
			SecretKey: o.stripe.secretKey, PublishableKey: o.stripe.publishableKey, WebhookSecrets: []string{o.stripe.webhookSecret},
		})
		if err != nil {
			return nil, usagef("-stripe-secret-key and its sisters: %v", err)
		}
		list = append(list, p)
	}
	if o.sepa.on() {
		p, err := checkoutsepa.New(checkoutsepa.Config{IBAN: o.sepa.iban, Name: o.sepa.name, Test: true, Now: now})
		if err != nil {
			return nil, usagef("-sepa-iban and -sepa-name: %v", err)
		}
		list = append(list, p)
	}
	return list, nil
}
