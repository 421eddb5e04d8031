package checkout

import "testing"

func TestAmountsAreReadAsTheyAreTyped(t *testing.T) {
	for _, test := range []struct {
		typed, currency string
		want            int64
		ok              bool
	}{
		{"12", "eur", 1200, true},
		{"12.5", "eur", 1250, true},
		{"12,5", "eur", 1250, true},
		{" 12.00 ", "eur", 1200, true},
		{"0.01", "EUR", 1, true},
		{"007", "eur", 700, true},
		{"0", "eur", 0, true},
		{"1500", "jpy", 1500, true},
		{"1.234", "kwd", 1234, true},
		{"12,5", "kwd", 12500, true},
		{"999999999999.99", "eur", 99999999999999, true},

		{"12.345", "eur", 0, false},
		{"1,234", "eur", 0, false}, // a thousand, or one and a bit: nobody knows
		{"1.234,50", "eur", 0, false},
		{"1,234.50", "eur", 0, false},
		{"1.2.3", "eur", 0, false},
		{"12,5", "jpy", 0, false},
		{"12.", "jpy", 0, false},
		{"12.", "eur", 0, false},
		{".5", "eur", 0, false},
		{"1e3", "eur", 0, false},
		{"0x10", "eur", 0, false},
		{"-1", "eur", 0, false},
		{"+1", "eur", 0, false},
		{"1 000", "eur", 0, false},
		{"€12", "eur", 0, false},
		{"１２", "eur", 0, false},
		{"9999999999999", "eur", 0, false},
		{"", "eur", 0, false},
		{"   ", "eur", 0, false},
		{"12", "", 0, false},
		{"12", "zzz", 0, false},
	} {
		if got, ok := parseAmount(test.typed, test.currency); got != test.want || ok != test.ok {
			t.Errorf("%q in %q is %d, %t; want %d, %t", test.typed, test.currency, got, ok, test.want, test.ok)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"12.34", "0,1", "1e3", "", "..", "999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, currency := range []string{"eur", "jpy", "kwd"} {
			if minor, ok := parseAmount(typed, currency); minor < 0 || !ok && minor != 0 {
				t.Errorf("%q in %s is %d, %t", typed, currency, minor, ok)
			}
		}
	})
}
