package stripefake

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// How Stripe counts money, by docs.stripe.com/currencies. All others have two decimals, also isk and ugx, whose last two
// are always 0.
var (
	noDecimals    = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	threeDecimals = strings.Fields("bhd jod kwd omr tnd")
	wholeOnly     = strings.Fields("isk ugx")
	minimums      = map[string]int64{"eur": 50, "usd": 50, "gbp": 30, "jpy": 50, "chf": 50, "huf": 17500, "czk": 1500}
)

const maxAmount = 99_999_999

// decimal writes an amount as Stripe has booked it: 25.00 eur.
func decimal(amount int64, currency string) string {
	places := 2
	switch {
	case slices.Contains(noDecimals, currency):
		places = 0
	case slices.Contains(threeDecimals, currency):
		places = 3
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	return new(big.Rat).SetFrac(big.NewInt(amount), unit).FloatString(places) + " " + currency
}

// checkAmount holds an amount to what Stripe takes of a currency.
func checkAmount(param string, amount int64, currency string) *apiError {
	switch {
	case amount < 1:
		return invalid(param, "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	case amount > maxAmount:
		return invalid(param, "amount_too_large", "Amount must be no more than "+decimal(maxAmount, currency))
	case amount < minimums[currency]:
		return invalid(param, "amount_too_small", "Amount must be at least "+decimal(minimums[currency], currency))
	case slices.Contains(threeDecimals, currency) && amount%10 != 0:
		return invalid(param, "", "The last digit of an amount in "+currency+" must be 0.")
	case slices.Contains(wholeOnly, currency) && amount%100 != 0:
		return invalid(param, "", "An amount in "+currency+" must be divisible by 100.")
	}
	return nil
}

func checkCurrency(param, currency string) *apiError {
	ok := len(currency) == 3 && strings.Trim(currency, "abcdefghijklmnopqrstuvwxyz") == "" && currency != "zzz" && currency != "xxx"
	if !ok {
		return invalid(param, "", fmt.Sprintf("Invalid currency: %s.", currency))
	}
	return nil
}

// Booked is the amount of a payment intent or checkout session as a decimal number and a currency.
func (f *Fake) Booked(id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.session(id); s != nil {
		return decimal(s.amount, s.currency)
	}
	if p := f.intent(id); p != nil {
		return decimal(p.amount, p.currency)
	}
	return "nothing"
}
