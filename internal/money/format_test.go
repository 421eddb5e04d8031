package money

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bojanz/currency"
)

const (
	nbsp  = "\u00a0"
	nnbsp = "\u202f"
	rlm   = "\u200f"
	lrm   = "\u200e"
	dinar = "\u062f.\u0643." + rlm
)

func TestFormat(t *testing.T) {
	amounts := []struct {
		code  string
		minor int64
	}{{"eur", 123456789}, {"jpy", 1234567}, {"kwd", 1234567}, {"isk", 1234567}, {"HUF", 123456700}, {"INR", 123456789}}
	tests := map[string][]string{
		"en": {"€1,234,567.89", "¥1,234,567", "KWD" + nbsp + "1,234.567", "ISK" + nbsp + "1,234,567", "HUF" + nbsp + "1,234,567.00", "₹1,234,567.89"},
		"de": {"1.234.567,89" + nbsp + "€", "1.234.567" + nbsp + "¥", "1.234,567" + nbsp + "KWD", "1.234.567" + nbsp + "ISK", "1.234.567,00" + nbsp + "HUF", "1.234.567,89" + nbsp + "₹"},
		"fr": {"1" + nnbsp + "234" + nnbsp + "567,89" + nbsp + "€", "1" + nnbsp + "234" + nnbsp + "567" + nbsp + "¥", "1" + nnbsp + "234,567" + nbsp + "KWD", "1" + nnbsp + "234" + nnbsp + "567" + nbsp + "ISK", "1" + nnbsp + "234" + nnbsp + "567,00" + nbsp + "HUF", "1" + nnbsp + "234" + nnbsp + "567,89" + nbsp + "₹"},
		"hi": {"€12,34,567.89", "JP¥12,34,567", "KWD" + nbsp + "1,234.567", "ISK" + nbsp + "12,34,567", "HUF" + nbsp + "12,34,567.00", "₹12,34,567.89"},
		"ar": {rlm + "1,234,567.89" + nbsp + "€", rlm + "1,234,567" + nbsp + "JP¥", rlm + "1,234.567" + nbsp + dinar, rlm + "1,234,567" + nbsp + "ISK", rlm + "1,234,567.00" + nbsp + "HUF", rlm + "1,234,567.89" + nbsp + "₹"},
		"pt": {"€" + nbsp + "1.234.567,89", "JP¥" + nbsp + "1.234.567", "KWD" + nbsp + "1.234,567", "ISK" + nbsp + "1.234.567", "HUF" + nbsp + "1.234.567,00", "₹" + nbsp + "1.234.567,89"},
	}
	for locale, want := range tests {
		for i, a := range amounts {
			if got := Format(locale, a.minor, a.code); got != want[i] {
				t.Errorf("Format(%q, %d, %q) = %+q, want %+q", locale, a.minor, a.code, got, want[i])
			}
		}
	}
}

func TestFormatEdges(t *testing.T) {
	tests := []struct {
		locale string
		minor  int64
		code   string
		want   string
	}{
		{"en", 0, "USD", "$0.00"},
		{"en", 2500, "USD", "$25.00"}, // trailing zeroes stay
		{"de", -1, "EUR", "-0,01" + nbsp + "€"},
		{"ar", -1, "EUR", rlm + lrm + "-0.01" + nbsp + "€"},
		{"de", math.MaxInt64, "EUR", "92.233.720.368.547.758,07" + nbsp + "€"},
		{"de", math.MinInt64, "EUR", "-92.233.720.368.547.758,08" + nbsp + "€"},
		{"es", 123456, "EUR", "1234,56" + nbsp + "€"}, // Spanish groups from five digits on
		{"ar-EG", 5, "EUR", rlm + "٠٫٠٥" + nbsp + "€"},
		{"pt-PT", 2500, "EUR", "25,00" + nbsp + "€"},
		{"de", 2500, "bgn", "25.00 BGN"},
		{"en", -2500, "HRK", "-25.00 HRK"},
		{"en", 2500, "zzz", "2500 ZZZ"},
		{"en", 2500, "", "2500 "},
		{"en", 2500, "CLF", "2500 CLF"}, // CLDR knows it, the table here does not
		{"", 5, "EUR", "€0.05"},
		{"-US", 5, "EUR", "€0.05"},
		{"xx-YY-junk", 5, "EUR", "€0.05"},
	}
	for _, tt := range tests {
		if got := Format(tt.locale, tt.minor, tt.code); got != tt.want {
			t.Errorf("Format(%q, %d, %q) = %+q, want %+q", tt.locale, tt.minor, tt.code, got, tt.want)
		}
	}
}

// CLDR's own digits may move away from ISO 4217, and a host can register others:
// neither may change what a buyer reads.
func TestFormatIgnoresTheLibrarysDigits(t *testing.T) {
	register := func(digits uint8) {
		currency.Register("HUF", currency.Definition{NumericCode: "348", Digits: digits})
	}
	defer register(2)
	for _, digits := range []uint8{0, 2, 4} {
		register(digits)
		if got, want := Format("en", 2500, "HUF"), "HUF"+nbsp+"25.00"; got != want {
			t.Errorf("with %d library digits: %+q, want %+q", digits, got, want)
		}
	}
}

// Whatever the locale does to the number, the amount must read back unchanged
// and the currency must be visible.
func TestFormatRoundTrip(t *testing.T) {
	locales := strings.Fields("en en-IN de de-CH fr fr-CA es it nl pl pt pt-PT sv tr ar ar-EG he hi fa ja zh nb bn")
	for _, locale := range locales {
		parser := currency.NewFormatter(currency.NewLocale(locale))
		for code, u := range units {
			if !u.active {
				continue
			}
			shown := Format(locale, 123456789, code)
			amount, err := parser.Parse(shown, code)
			if err != nil {
				t.Fatalf("%s %s: %+q: %v", locale, code, shown, err)
			}
			if want := Decimal(123456789, code); amount.Number() != want {
				t.Errorf("%s %s: %+q reads as %s, want %s", locale, code, shown, amount.Number(), want)
			}
			if symbol, _ := currency.GetSymbol(code, currency.NewLocale(locale)); symbol == "" || !strings.Contains(shown, symbol) {
				t.Errorf("%s %s: %+q does not show the currency", locale, code, shown)
			}
		}
	}
}

func TestFormatConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				locale := "en-" + strconv.Itoa(10+(n+i)%50)
				if got := Format(locale, 2500, "USD"); got != "$25.00" {
					t.Errorf("Format(%q) = %q", locale, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestFormatterCacheIsBounded(t *testing.T) {
	for i := range 2 * maxFormatters {
		locale := fmt.Sprintf("en-x%d", i)
		if got := Format(locale, 5, "EUR"); got != "€0.05" {
			t.Fatalf("Format(%q) = %q", locale, got)
		}
	}
	formatters.RLock()
	defer formatters.RUnlock()
	if n := len(formatters.m); n != maxFormatters {
		t.Errorf("%d formatters kept, want %d", n, maxFormatters)
	}
}
