package checkout

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"

	"github.com/jopay/checkout/internal/money"
)

var amountPlaces = []*regexp.Regexp{
	regexp.MustCompile(`<span class="sum"><bdi class="n">([^<]*)</bdi>`),
	regexp.MustCompile(`value="pay">[^<]*<bdi class="n">([^<]*)</bdi>`),
	regexp.MustCompile(`<tr class="total">.*?<td><bdi class="n">([^<]*)</bdi>`),
}

// amountOf is what a page writes for a total, in each of its places.
func amountOf(t *testing.T, p *pages, locale string, minor int64, code string) []string {
	t.Helper()
	v := coffeePage()
	v.Lang, v.Locale = p.texts.locale(locale)
	v.Currency, v.Total, v.TaxLines = code, minor, nil
	v.Items = []pageItem{{"Beans", "", 1, minor, minor}}
	page := renderPage(t, p, v)
	var found []string
	for _, rule := range amountPlaces {
		m := rule.FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("%s %s: %s is not on the page", locale, code, rule)
		}
		found = append(found, html.UnescapeString(m[1]))
	}
	title := titleRule.FindStringSubmatch(page)
	if title == nil || !strings.Contains(html.UnescapeString(title[1]), found[0]) {
		t.Errorf("%s %s: the title %q has another amount than %q", locale, code, title, found[0])
	}
	return found
}

// activeCodes are the codes of ISO 4217 that a buyer can be charged in.
func activeCodes() (codes []string) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, a := range letters {
		for _, b := range letters {
			for _, c := range letters {
				if code := string([]rune{a, b, c}); money.Valid(code) {
					codes = append(codes, code)
				}
			}
		}
	}
	return codes
}

// Every currency of ISO 4217 in every language: the same amount everywhere on the page, with all its digits, and it reads
// back unchanged.
func TestPageWritesEveryCurrencyInEveryLanguage(t *testing.T) {
	p := mustPages(t)
	codes := activeCodes()
	for _, code := range codes {
		for _, locale := range append(slices.Clone(shippedLocales), regionalLocales...) {
			found := amountOf(t, p, locale, 1234567, code)
			if found[0] != found[1] || found[0] != found[2] {
				t.Errorf("%s %s: %q", locale, code, found)
			}
			amount, err := currency.NewFormatter(currency.NewLocale(locale)).Parse(found[0], code)
			if err != nil || amount.Number() != money.Decimal(1234567, code) {
				t.Errorf("%s %s: %q reads as %v, %v", locale, code, found[0], amount, err)
			}
		}
	}
	if len(codes) != 155 {
		t.Errorf("%d currencies", len(codes))
	}
}

func TestPageWritesAmountsAsTheRegionDoes(t *testing.T) {
	p := mustPages(t)
	for _, c := range []struct {
		locale, code string
		minor        int64
		want         string
	}{
		{"en", "jpy", 1234567, "¥1,234,567"}, {"de", "kwd", 1234567, "1.234,567 KWD"}, {"sv", "isk", 1234567, "1 234 567 Ikr"},
		{"en", "huf", 123450, "HUF 1,234.50"}, {"pl", "huf", 123450, "1234,50 HUF"}, {"en-IN", "inr", 123456789, "₹12,34,567.89"},
		{"ar", "eur", 123456, "\u200f1,234.56 €"}, {"ar-EG", "eur", 123456, "\u200f١٬٢٣٤٫٥٦ €"}, {"de-CH", "chf", 123456, "CHF 1'234.56"},
		{"de", "chf", 123456, "1.234,56 CHF"}, {"fr-CH", "chf", 123456, "1 234.56 CHF"}, {"pt-PT", "eur", 1234567, "12 345,67 €"}, {"pt", "eur", 1234567, "€ 12.345,67"},
		{"en", "eur", 123456, "€1,234.56"}, {"de", "eur", 123456, "1.234,56 €"}, {"de-CH", "eur", 123456, "€ 1'234.56"}, {"pt", "eur", 123456, "€ 1.234,56"},
		{"pt-PT", "eur", 123456, "1234,56 €"}, {"en", "inr", 123456789, "₹1,234,567.89"}, {"fr", "inr", 123456789, "1 234 567,89 ₹"}, {"de", "inr", 123456789, "1.234.567,89 ₹"},
		{"tr", "try", 123456, "₺1.234,56"}, {"he", "ils", 123456, "\u200f1,234.56 \u200f₪"},
	} {
		got := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(amountOf(t, p, c.locale, c.minor, c.code)[0])
		if got != c.want {
			t.Errorf("%d %s in %s is %+q, want %+q", c.minor, c.code, c.locale, got, c.want)
		}
	}
}

var amountRule = regexp.MustCompile(`<bdi class="n">([^<]*)</bdi>`)

// All amounts of a page are in one locale: with Arabic digits none has others, whatever the page shows.
func TestPageHasOneLocaleForAllAmounts(t *testing.T) {
	p, seen := mustPages(t), 0
	eachPseudoPage(t, p, func(look previewLook, _ string, _ map[string]bool) {
		v := samplePage()
		if look.change != nil {
			look.change(&v)
		}
		v.State, v.Lang, v.Locale = look.State, "ar", "ar-EG"
		for _, m := range amountRule.FindAllStringSubmatch(renderPage(t, p, v), -1) {
			seen++
			if strings.ContainsAny(m[1], "0123456789") && look.State != "document" {
				t.Errorf("%s: the amount %q", look.Name, m[1])
			}
		}
	})
	if seen < 100 {
		t.Errorf("only %d amounts", seen)
	}
}

// A document writes an amount as the page did, also where the buyer's language is none of ours.
func TestDocumentWritesAmountsAsThePage(t *testing.T) {
	p := mustPages(t)
	for _, locale := range append(slices.Concat(shippedLocales, regionalLocales), "ja-JP", "") {
		d := pseudoDocument
		d.Locale = locale
		sheet := (&Checkout{pages: p}).sheetOf(d)
		want := amountOf(t, p, locale, d.GrossCents, d.Currency)[0]
		if got := sheet.Totals[len(sheet.Totals)-1].Amount; got != want {
			t.Errorf("%q: the document says %q, the page %q", locale, got, want)
		}
	}
}
