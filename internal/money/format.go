package money

import (
	"sync"

	"github.com/bojanz/currency"
)

// maxFormatters bounds the cache. The shipped languages need a few dozen
// entries; the bound is for callers that pass on a visitor's language tag.
const maxFormatters = 256

type formatterKey struct {
	locale   string
	exponent int
}

var formatters = struct {
	sync.RWMutex
	m map[formatterKey]*currency.Formatter
}{m: map[formatterKey]*currency.Formatter{}}

// Format shows an amount of minor units in the way of a locale (BCP 47, such as
// "de", "pt-BR"), with the digits, grouping and symbol of CLDR and exactly the
// fraction digits of ISO 4217. A locale CLDR has no pattern for gets the
// English one. A code CLDR no longer knows reads "25.00 BGN", and a code
// unknown to ISO 4217 too gets its minor units unscaled ("2500 ZZZ").
func Format(locale string, minor int64, code string) string {
	code = upper(code)
	exponent, known := Exponent(code)
	amount, err := currency.NewAmount(decimal(minor, exponent), code)
	if err != nil || !known {
		return decimal(minor, exponent) + " " + code
	}
	return formatterFor(locale, exponent).Format(amount)
}

func formatterFor(locale string, exponent int) *currency.Formatter {
	key := formatterKey{locale, exponent}
	formatters.RLock()
	f := formatters.m[key]
	formatters.RUnlock()
	if f != nil {
		return f
	}
	f = newFormatter(locale, exponent)
	formatters.Lock()
	defer formatters.Unlock()
	if len(formatters.m) < maxFormatters {
		formatters.m[key] = f
	}
	return f
}

// newFormatter fixes the number of digits: by default the library shows its own
// minimum and up to six.
func newFormatter(locale string, exponent int) *currency.Formatter {
	f := currency.NewFormatter(knownLocale(locale))
	f.MinDigits, f.MaxDigits = uint8(exponent), uint8(exponent)
	return f
}

// knownLocale reads a tag. Without a language ("", "-US") the library would
// find no pattern at all and show an empty amount.
func knownLocale(tag string) currency.Locale {
	l := currency.NewLocale(tag)
	if l.Language == "" {
		return currency.Locale{Language: "en"}
	}
	return l
}
