package checkoutstripe

import (
	"strings"

	"github.com/jopay/checkout/internal/money"
)

// The currencies Stripe takes, by the digits it counts them in. Source: docs.stripe.com/currencies. They differ from ISO
// 4217 in three: MGA has none at Stripe and two in ISO; ISK and UGX have two at Stripe, always 00, and none in ISO.
const (
	noDigits  = `bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf`
	twoDigits = `aed afn all amd aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop
		dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad
		mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd
		shp sle sos srd szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd xcg yer zar zmw`
	threeDigits = `bhd jod kwd omr tnd`
)

// maxWire is what fits into a charge: 8 digits. Some currencies may have more; the checkout's own limit lies below that.
const maxWire = 99_999_999

// minimum is the smallest charge in what Stripe counts, by currency. It holds for accounts that are paid out in that
// currency; others have a minimum of their own, which only Stripe can tell. Source: docs.stripe.com/currencies
var minimum = map[string]int64{
	"aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50,
	"jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}

// scale is how a currency is counted: a wire unit is up/down of our minor unit, and the wire amount is a multiple of step.
type scale struct {
	up, down int64
	step     int64
}

var scales = buildScales()

func buildScales() map[string]scale {
	all := map[string]scale{}
	for digits, codes := range map[int]string{0: noDigits, 2: twoDigits, 3: threeDigits} {
		for code := range strings.FieldsSeq(codes) {
			ours, _ := money.Exponent(code)
			all[code] = scaleOf(ours, digits)
		}
	}
	return all
}

func scaleOf(ours, theirs int) scale {
	s := scale{up: 1, down: 1, step: 1}
	for ; ours < theirs; ours++ {
		s.up *= 10
	}
	for ; ours > theirs; ours-- {
		s.down *= 10
	}
	if theirs == 3 {
		s.step = 10 // the card networks know two digits
	}
	return s
}

// toWire is an amount as Stripe counts it. It is false for what Stripe cannot be asked for: nothing, fractions of its
// unit, more than 8 digits, other currencies.
func toWire(minor int64, currency string) (int64, bool) {
	s, ok := scales[currency]
	if !ok || minor <= 0 || minor%s.down != 0 {
		return 0, false
	}
	wire, ok := money.Mul(minor/s.down, s.up)
	return wire, ok && wire <= maxWire && wire%s.step == 0
}

// fromWire is what Stripe says of an amount in our minor units. It is false for an unknown currency and for fractions of
// our unit.
func fromWire(wire int64, currency string) (int64, bool) {
	s, ok := scales[currency]
	if !ok || wire < 0 || wire%s.up != 0 {
		return 0, false
	}
	return money.Mul(wire/s.up, s.down)
}
