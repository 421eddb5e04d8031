package main

import (
	"flag"
	"strings"
)

// stripeOptions are the keys of a Stripe account's test mode: all of them, or none.
type stripeOptions struct{ secretKey, publishableKey, webhookSecret string }

// sepaOptions are the account that bank transfers go to: both, or none.
type sepaOptions struct{ iban, name string }

func (s stripeOptions) on() bool { return s.secretKey != "" }

func (s sepaOptions) on() bool { return s.iban != "" }

func (o *options) paymentFlags(f *flag.FlagSet) {
	f.StringVar(&o.stripe.secretKey, "stripe-secret-key", "", "test `key` of a Stripe account, sk_test_… (default: no Stripe)")
	f.StringVar(&o.stripe.publishableKey, "stripe-publishable-key", "", "the `key` for browsers that belongs to it, pk_test_…")
	f.StringVar(&o.stripe.webhookSecret, "stripe-webhook-secret", "", "`secret` that Stripe signs its notifications with, whsec_…")
	f.StringVar(&o.sepa.iban, "sepa-iban", "", "`IBAN` that bank transfers go to (default: no bank transfers)")
	f.StringVar(&o.sepa.name, "sepa-name", "", "`name` of that account's holder, as the bank knows it")
}

func (o options) checkStripe() error {
	flags := []struct{ name, value, start, live string }{
		{"-stripe-secret-key", o.stripe.secretKey, "sk_test_", "sk_live_"},
		{"-stripe-publishable-key", o.stripe.publishableKey, "pk_test_", "pk_live_"},
		{"-stripe-webhook-secret", o.stripe.webhookSecret, "whsec_", ""},
	}
	var given, missing []string
	for _, f := range flags {
		if f.value == "" {
			missing = append(missing, f.name)
		} else {
			given = append(given, f.name)
		}
	}
	if len(given) == 0 {
		return nil
	}
	if len(missing) > 0 {
		return usagef("%s needs %s as well: Stripe takes all three, or none", given[0], strings.Join(missing, " and "))
	}
	for _, f := range flags {
		switch {
		case f.live != "" && strings.HasPrefix(f.value, f.live):
			return usagef("%s is a live key: this shop ships nothing and must not charge anybody. Take the one of Stripe's test mode, %s…", f.name, f.start)
		case !strings.HasPrefix(f.value, f.start):
			return usagef("%s does not begin with %s: copy it from Stripe's dashboard, in test mode", f.name, f.start)
		}
	}
	return nil
}

func (o options) checkSEPA() error {
	switch {
	case o.sepa.iban == "" && o.sepa.name != "":
		return usagef("-sepa-name needs -sepa-iban as well: bank transfers take both, or neither")
	case o.sepa.iban != "" && o.sepa.name == "":
		return usagef("-sepa-iban needs -sepa-name as well: bank transfers take both, or neither")
	}
	return nil
}
