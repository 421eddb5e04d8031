package checkoutsepa

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jopay/checkout/internal/money"
)

var errAmount = errors.New("is no amount")

// minorUnits reads a decimal number with a dot, as camt writes it: 8.850 is 885 cents. What is not whole in the minor units
// of the currency is an error, and so is what does not fit an int64.
func minorUnits(number, unit string) (int64, error) {
	exponent, ok := money.Exponent(unit)
	if !ok {
		return 0, fmt.Errorf("currency %.10q is not known", unit)
	}
	unsigned, negative := cutSign(number)
	whole, fraction, _ := strings.Cut(unsigned, ".")
	if whole+fraction == "" || !onlyDigits(whole+fraction) {
		return 0, fmt.Errorf("%.40q %w", number, errAmount)
	}
	if len(fraction) > exponent {
		if strings.Trim(fraction[exponent:], "0") != "" {
			return 0, fmt.Errorf("%.40q has more than the %d decimals of %s", number, exponent, strings.ToUpper(unit))
		}
		fraction = fraction[:exponent]
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", exponent-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is too large", number)
	}
	if negative {
		n = -n
	}
	return n, nil
}

func cutSign(number string) (unsigned string, negative bool) {
	if unsigned, found := strings.CutPrefix(number, "-"); found {
		return unsigned, true
	}
	return strings.TrimPrefix(number, "+"), false
}

func onlyDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
