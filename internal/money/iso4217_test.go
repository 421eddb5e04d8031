package money

import (
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
)

func TestExponent(t *testing.T) {
	tests := []struct {
		code  string
		want  int
		known bool
	}{
		{"EUR", 2, true}, {"eur", 2, true}, {"eUr", 2, true},
		{"JPY", 0, true}, {"krw", 0, true}, {"ISK", 0, true}, {"UGX", 0, true}, {"VND", 0, true},
		{"HUF", 2, true}, {"IDR", 2, true}, {"COP", 2, true}, {"MGA", 2, true}, {"MRU", 2, true},
		{"KWD", 3, true}, {"iqd", 3, true}, {"TND", 3, true},
		{"BGN", 2, true}, {"hrk", 2, true},
		{"XXX", 0, false}, {"XAU", 0, false}, {"", 0, false}, {"EURO", 0, false},
	}
	for _, tt := range tests {
		got, known := Exponent(tt.code)
		if got != tt.want || known != tt.known {
			t.Errorf("Exponent(%q) = %d, %t, want %d, %t", tt.code, got, known, tt.want, tt.known)
		}
	}
}

func TestValid(t *testing.T) {
	good := []string{"EUR", "eur", "Usd", "xaf", "XCG", "ZWG", "ils", "isk"}
	for _, code := range good {
		if !Valid(code) {
			t.Errorf("Valid(%q) = false", code)
		}
	}
	bad := []string{
		"", "E", "EU", "EURO", " EUR", "EUR ", "EU\x00", "€",
		"XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XBA",
		"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD",
		"BGN", "hrk", "DEM", "ANG", "ZWL", "SLL", "CUC", "BTC",
		"\u0131ls", // dotless i, upper case I in Unicode
		"u\u017fd", // long s, upper case S in Unicode
		"ＥＵＲ",      // full-width letters
	}
	for _, code := range bad {
		if Valid(code) {
			t.Errorf("Valid(%q) = true", code)
		}
	}
}

func TestTableHasEveryCodeOnce(t *testing.T) {
	all := strings.Fields(zeroDigits + " " + twoDigits + " " + threeDigits + " " + retiredTwoDigits)
	if len(all) != len(units) {
		t.Errorf("%d codes listed, %d distinct", len(all), len(units))
	}
	if active := len(all) - len(strings.Fields(retiredTwoDigits)); active != 155 {
		t.Errorf("%d active codes, ISO 4217 has 155 that can be charged", active)
	}
}

// The library's data is the second source: both come from ISO 4217 by
// different roads, so every difference must have a reason.
func TestTableAgreesWithCLDR(t *testing.T) {
	unchargeable := []string{
		"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", // funds codes
		"XAD", // Arab Monetary Fund's unit of account
	}
	goneFromCLDR := []string{"BGN", "HRK"} // replaced by the euro
	theirs := currency.GetCurrencyCodes()
	for _, code := range theirs {
		ours, known := Exponent(code)
		digits, _ := currency.GetDigits(code)
		if excluded := slices.Contains(unchargeable, code); known == excluded {
			t.Errorf("%s: in the table %t, listed as unchargeable %t", code, known, excluded)
		}
		if known && ours != int(digits) {
			t.Errorf("%s: %d digits here, %d in CLDR", code, ours, digits)
		}
	}
	for code := range units {
		if gone := slices.Contains(goneFromCLDR, code); slices.Contains(theirs, code) == gone {
			t.Errorf("%s: listed as gone from CLDR %t", code, gone)
		}
	}
}
