package checkoutstripe

import (
	"maps"
	"slices"
	"strings"

	"github.com/jopay/checkout"
)

// automatic is the row that leaves the choice of payment methods to Stripe.
const automatic = "automatic"

// method is a row that can be offered. Currencies and countries are those buyers can pay in and from; empty means any.
type method struct {
	checkout.Method
	currencies string
	countries  string
	anyAmount  bool // not held to the minimum charge
}

// methods are the payment method types known here, by Stripe's name. Those that are paid days later with a voucher
// are not among them: they outlive a checkout session. Source: docs.stripe.com/payments/payment-methods/payment-method-support
var methods = map[string]method{
	automatic:         {Method: row("online", "Card, wallet or bank", "card")},
	"card":            {Method: row("card", "Card", "card")},
	"alma":            {Method: row("alma", "Alma", "invoice"), currencies: "eur", countries: "FR"},
	"bancontact":      {Method: row("bancontact", "Bancontact", "bank"), currencies: "eur", countries: "BE"},
	"blik":            {Method: row("blik", "BLIK", "bank"), currencies: "pln", countries: "PL"},
	"cashapp":         {Method: row("cashapp", "Cash App Pay", "wallet"), currencies: "usd", countries: "US"},
	"eps":             {Method: row("eps", "EPS", "bank"), currencies: "eur", countries: "AT"},
	"fpx":             {Method: row("fpx", "FPX", "bank"), currencies: "myr", countries: "MY"},
	"ideal":           {Method: row("ideal", "iDEAL", "bank"), currencies: "eur", countries: "NL", anyAmount: true},
	"klarna":          {Method: row("klarna", "Klarna", "invoice"), currencies: "aud cad chf czk dkk eur gbp nok nzd pln ron sek usd", countries: klarnaCountries},
	"mobilepay":       {Method: row("mobilepay", "MobilePay", "wallet"), currencies: "dkk eur nok sek", countries: "DK FI"},
	"p24":             {Method: row("p24", "Przelewy24", "bank"), currencies: "eur pln", countries: "PL"},
	"paynow":          {Method: row("paynow", "PayNow", "bank"), currencies: "sgd", countries: "SG"},
	"paypal":          {Method: row("paypal", "PayPal", "wallet"), currencies: "aud cad chf czk dkk eur gbp hkd nok nzd pln sek sgd usd"},
	"promptpay":       {Method: row("promptpay", "PromptPay", "bank"), currencies: "thb", countries: "TH"},
	"sepa_debit":      {Method: row("sepa_debit", "SEPA Direct Debit", "bank"), currencies: "eur"},
	"swish":           {Method: row("swish", "Swish", "wallet"), currencies: "sek", countries: "SE"},
	"twint":           {Method: row("twint", "TWINT", "wallet"), currencies: "chf", countries: "CH"},
	"us_bank_account": {Method: row("us_bank_account", "US bank account", "bank"), currencies: "usd", countries: "US"},
}

const klarnaCountries = "AT AU BE CA CH CZ DE DK ES FI FR GB GR IE IT NL NO NZ PL PT RO SE US"

func row(id, label, mark string) checkout.Method {
	return checkout.Method{ID: id, Label: label, Mark: mark}
}

func methodNames() []string { return slices.Sorted(maps.Keys(methods)) }

func (m method) takes(wire int64, currency, country string) bool {
	return (m.anyAmount || wire >= minimum[currency]) && listed(m.currencies, currency) && (country == "" || listed(m.countries, strings.ToUpper(country)))
}

func listed(list, word string) bool {
	return list == "" || slices.Contains(strings.Fields(list), word)
}

// methodType is the configured payment method type behind a row.
func (p *Provider) methodType(id string) (string, bool) {
	for _, name := range p.offered {
		if methods[name].ID == id {
			return name, true
		}
	}
	return "", false
}
