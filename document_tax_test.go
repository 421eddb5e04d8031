package checkout

import (
	"math/rand/v2"
	"testing"
	"testing/quick"
)

// A million carts: 12 rates, 8 currencies with 0, 2 and 3 digits. What a document says is what was paid.
func TestDocumentsSayWhatWasPaid(t *testing.T) {
	rates := []int64{0, 250, 500, 550, 700, 900, 1000, 1900, 2000, 2100, 2500, 2550}
	currencies := []string{"eur", "usd", "gbp", "jpy", "isk", "kwd", "huf", "chf"}
	carts := 1_000_000
	if testing.Short() {
		carts = 50_000
	}
	random := rand.New(rand.NewPCG(7, 11))
	for range carts {
		items := randomCart(random, rates, currencies[random.IntN(len(currencies))])
		var paid int64
		for _, it := range items {
			paid += it.Total()
		}
		lines, taxes := documentLines(items, false)
		if fault := faultOfBooks(lines, taxes, paid); fault != "" {
			t.Fatalf("%s: %+v gives %+v and %+v", fault, items, lines, taxes)
		}
	}
}

func randomCart(random *rand.Rand, rates []int64, currency string) []LineItem {
	items := make([]LineItem, 1+random.IntN(5))
	for i := range items {
		rate := rates[random.IntN(len(rates))]
		items[i] = LineItem{Name: "x", Currency: currency, Quantity: 1 + random.Int64N(9), Amount: random.Int64N(200_000), TaxRateBP: &rate}
	}
	return items
}

// faultOfBooks names what does not add up, in the terms of EN 16931.
func faultOfBooks(lines []DocumentLine, taxes []DocumentTax, paid int64) string {
	net, tax, gross := sumTaxes(taxes)
	switch {
	case gross != paid:
		return "the document does not say what was paid"
	case net+tax != gross:
		return "net and tax do not add up"
	}
	for _, group := range taxes {
		var lineNet, lineGross int64
		for _, l := range lines {
			if l.Category == group.Category && l.RateBP == group.RateBP {
				lineNet, lineGross = lineNet+l.NetCents, lineGross+l.GrossCents
			}
			if l.NetCents < 0 || l.NetCents > l.GrossCents {
				return "a line has a net outside of its gross"
			}
		}
		if lineNet != group.NetCents || lineGross != group.GrossCents {
			return "the lines of a rate are not its group"
		}
		// Exact tax is within half a unit: |tax·(10000+r) − gross·r| ≤ (10000+r)/2.
		if off := group.TaxCents*(10000+group.RateBP) - group.GrossCents*group.RateBP; 2*max(off, -off) > 10000+group.RateBP {
			return "the tax is not the nearest one"
		}
	}
	return ""
}

// The naive way, net first and line by line, is what the recipe avoids: it must be seen to fail here.
func TestTakingTheNetFirstMissesTheMoneyPaid(t *testing.T) {
	missed := 0
	for gross := int64(1); gross <= 10_000; gross++ {
		net := (2*gross*10000 + 11900) / (2 * 11900)
		if tax := (2*net*1900 + 10000) / 20000; net+tax != gross {
			missed++
		}
	}
	if missed < 1500 || missed > 1700 {
		t.Errorf("%d of 10,000 amounts are missed at 19 %%, want about 16 %%", missed)
	}
}

func TestCreditNotesTakeExactlyWhatTheInvoiceHad(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	rates := []int64{0, 700, 1900, 2550}
	check := func(seed uint32) bool {
		_, taxes := documentLines(randomCart(random, rates, "eur"), false)
		_, wantTax, left := sumTaxes(taxes)
		before := make([]DocumentTax, len(taxes))
		var tax int64
		for left > 0 {
			part := 1 + random.Int64N(left)
			credit := creditTaxes(part, taxes, before)
			_, creditTax, gross := sumTaxes(credit)
			for _, c := range credit {
				for i := range taxes {
					if taxes[i].Category == c.Category && taxes[i].RateBP == c.RateBP {
						before[i].GrossCents += c.GrossCents
						before[i].TaxCents += c.TaxCents
					}
				}
				if c.TaxCents < 0 || c.NetCents < 0 {
					return false
				}
			}
			if gross != part {
				return false
			}
			tax, left = tax+creditTax, left-part
		}
		for i := range taxes {
			if before[i].GrossCents != taxes[i].GrossCents || before[i].TaxCents != taxes[i].TaxCents {
				return false
			}
		}
		return tax == wantTax
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}
