package money

import "strings"

// The active codes of ISO 4217 list one (as of January 2026) that a buyer can
// be charged in, by their number of minor-unit digits. Funds codes, bond-market
// units, metals, XDR, XTS and XXX are left out: nobody pays with them.
const (
	zeroDigits = `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF`

	twoDigits = `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL
		BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP
		ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
		INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
		MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
		PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
		SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED
		VES WST XCD XCG YER ZAR ZMW ZWG`

	threeDigits = `BHD IQD JOD KWD LYD OMR TND`

	// Both countries use the euro now (HRK since 2023, BGN since 2026). New
	// amounts are refused, old ones must still be readable.
	retiredTwoDigits = `BGN HRK`
)

type unit struct {
	exponent int
	active   bool
}

var units = buildUnits()

func buildUnits() map[string]unit {
	m := make(map[string]unit, 160)
	add := func(codes string, u unit) {
		for code := range strings.FieldsSeq(codes) {
			m[code] = u
		}
	}
	add(zeroDigits, unit{0, true})
	add(twoDigits, unit{2, true})
	add(threeDigits, unit{3, true})
	add(retiredTwoDigits, unit{2, false})
	return m
}

// Exponent returns the number of minor-unit digits ISO 4217 gives a currency
// (EUR 2, JPY 0, KWD 3), and whether the code is known. Case does not matter.
// It knows every active code that can be charged, and BGN and HRK.
func Exponent(currency string) (int, bool) {
	u, ok := units[upper(currency)]
	return u.exponent, ok
}

// Valid reports whether code is an active ISO 4217 code that can be charged,
// in either case. Retired codes, funds codes and metals are not.
func Valid(code string) bool {
	return units[upper(code)].active
}

// upper maps a–z only. strings.ToUpper would also turn "ı" and "ſ" into
// "I" and "S" and so accept spellings that are not the code.
func upper(code string) string {
	b := []byte(code)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}
