package checkoutstripe

import (
	"math"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/money"
)

// Two readings of what Stripe counts in. The first is Stripe's page docs.stripe.com/currencies with its zero-decimal,
// three-decimal and special-case lists (ISK and UGX count two digits, always 00). The second is another project's table: the
// Stripe gateway of the WordPress plugin CodeRex Ecommerce (Gateways\Stripe\Helper), which sends ISK and UGX times 100 too.
const (
	docsZero      = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
	docsThree     = "BHD JOD KWD OMR TND"
	docsSpecial   = "ISK UGX"
	pluginZero    = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
	pluginThree   = "bhd jod kwd omr tnd"
	pluginTwoOfIt = "USD AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK DOP DZD " +
		"EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP " +
		"MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY " +
		"TTD TWD TZS UAH UGX UYU UZS WST XCD XCG YER ZAR ZMW"
)

func digitsBy(zero, three string) map[string]int {
	digits := map[string]int{}
	for _, code := range strings.Fields(strings.ToLower(pluginTwoOfIt)) {
		digits[code] = 2
	}
	for _, code := range strings.Fields(strings.ToLower(zero)) {
		digits[code] = 0
	}
	for _, code := range strings.Fields(strings.ToLower(three)) {
		digits[code] = 3
	}
	return digits
}

// One whole unit of every currency is 10^digits on the wire, by both sources.
func TestDigitsByTwoSources(t *testing.T) {
	for source, want := range map[string]map[string]int{"docs": digitsBy(docsZero, docsThree), "plugin": digitsBy(pluginZero, pluginThree)} {
		if len(want) != len(scales) {
			t.Errorf("%s: %d currencies, want %d", source, len(scales), len(want))
		}
		for code, digits := range want {
			exponent, _ := money.Exponent(code)
			wire, ok := toWire(5*pow10(exponent), code)
			if !ok || wire != 5*pow10(digits) {
				t.Errorf("%s: 5 %s are %d, %v, want %d", source, code, wire, ok, 5*pow10(digits))
			}
		}
	}
	for _, code := range strings.Fields(strings.ToLower(docsSpecial)) {
		if wire, _ := toWire(5, code); wire != 500 {
			t.Errorf("5 %s are %d, want 500", code, wire)
		}
	}
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func TestToWire(t *testing.T) {
	tests := []struct {
		minor    int64
		currency string
		wire     int64
		ok       bool
	}{
		{2500, "eur", 2500, true}, {1, "eur", 1, true}, {99_999_999, "eur", 99_999_999, true}, {100_000_000, "eur", 0, false},
		{500, "jpy", 500, true}, {99_999_999, "jpy", 99_999_999, true}, {100_000_000, "jpy", 0, false},
		{1500, "isk", 150_000, true}, {999_999, "isk", 99_999_900, true}, {1_000_000, "isk", 0, false},
		{5, "ugx", 500, true}, {1_000_000, "ugx", 0, false},
		{12_340, "kwd", 12_340, true}, {12_345, "kwd", 0, false}, {5124, "kwd", 0, false}, {10, "bhd", 10, true}, {5, "tnd", 0, false},
		{1500, "huf", 1500, true}, {150_001, "twd", 150_001, true},
		{500, "mga", 5, true}, {520, "mga", 0, false},
		{0, "eur", 0, false}, {-100, "eur", 0, false}, {math.MinInt64, "isk", 0, false}, {math.MaxInt64, "isk", 0, false}, {math.MaxInt64, "eur", 0, false},
		{100, "kpw", 0, false}, {100, "EUR", 0, false}, {100, "", 0, false}, {1000, "iqd", 0, false}, {100, "hrk", 0, false},
	}
	for _, tt := range tests {
		wire, ok := toWire(tt.minor, tt.currency)
		if ok != tt.ok || (ok && wire != tt.wire) {
			t.Errorf("toWire(%d, %q) is %d, %v, want %d, %v", tt.minor, tt.currency, wire, ok, tt.wire, tt.ok)
		}
		if !ok {
			continue
		}
		if back, ok := fromWire(wire, tt.currency); !ok || back != tt.minor {
			t.Errorf("fromWire(%d, %q) is %d, %v, want %d", wire, tt.currency, back, ok, tt.minor)
		}
	}
}

func TestFromWire(t *testing.T) {
	tests := []struct {
		wire     int64
		currency string
		minor    int64
		ok       bool
	}{
		{2500, "eur", 2500, true}, {0, "eur", 0, true}, {150_000, "isk", 1500, true}, {150_050, "isk", 0, false}, {500, "ugx", 5, true}, {50, "ugx", 0, false},
		{12_341, "kwd", 12_341, true}, {5, "mga", 500, true}, {-1, "eur", 0, false}, {5, "xts", 0, false},
		{999_999_999_999, "idr", 999_999_999_999, true}, {math.MaxInt64, "mga", 0, false},
	}
	for _, tt := range tests {
		if minor, ok := fromWire(tt.wire, tt.currency); ok != tt.ok || (ok && minor != tt.minor) {
			t.Errorf("fromWire(%d, %q) is %d, %v, want %d, %v", tt.wire, tt.currency, minor, ok, tt.minor, tt.ok)
		}
	}
}
