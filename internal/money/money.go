// Package money counts in int64 minor units and shows amounts to people.
//
// The minor unit is the one of ISO 4217: 2500 is 25.00 EUR, 2,500 JPY and
// 2.500 KWD. No floating point is involved anywhere. All functions are safe for
// concurrent use.
package money

import (
	"math"
	"strconv"
	"strings"
)

// Add returns a+b, and false when the sum does not fit an int64.
func Add(a, b int64) (int64, bool) {
	sum := a + b
	// Overflow shows as a sum on the wrong side of a.
	if (sum > a) != (b > 0) {
		return 0, false
	}
	return sum, true
}

// Mul returns a·b, and false when the product does not fit an int64.
func Mul(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	// Dividing back cannot see this one: MinInt64 / -1 is MinInt64 again.
	if a == math.MinInt64 && b == -1 {
		return 0, false
	}
	product := a * b
	if product/b != a {
		return 0, false
	}
	return product, true
}

// TaxIncluded returns the tax contained in a gross amount at a rate in basis
// points (1900 is 19 %): gross·rate/(10000+rate), rounded half up. A negative
// gross gives the mirrored amount, so that a credit note cancels its invoice.
// A rate of zero or less contains no tax. The magnitude of gross may be up to
// 99,999,999 with a rate up to 10000; beyond about 4·10¹⁴ it would overflow.
func TaxIncluded(gross int64, rateBP int) int64 {
	if rateBP <= 0 {
		return 0
	}
	if gross < 0 {
		return -TaxIncluded(-gross, rateBP)
	}
	rate := int64(rateBP)
	whole := 10000 + rate
	return (2*gross*rate + whole) / (2 * whole)
}

// Decimal returns an amount as a plain decimal with a dot and exactly the
// currency's ISO 4217 digits, such as "1234.50" or "-0.005". An unknown code
// gives the minor units unscaled.
func Decimal(minor int64, currency string) string {
	exponent, _ := Exponent(currency)
	return decimal(minor, exponent)
}

func decimal(minor int64, exponent int) string {
	if exponent == 0 {
		return strconv.FormatInt(minor, 10)
	}
	sign, digits := "", strconv.FormatUint(magnitude(minor), 10)
	if minor < 0 {
		sign = "-"
	}
	if missing := exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - exponent
	return sign + digits[:point] + "." + digits[point:]
}

// magnitude is |n|, also for MinInt64, whose negation does not fit an int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
