package e2e

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/pseudo"
)

// speaking is a shop whose English is the language that nobody speaks.
func speaking(t *testing.T, dir string, script pseudo.Script) func(*checkout.Config) {
	t.Helper()
	english, err := os.ReadFile("../../templates/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	made, err := pseudo.Catalogue(english, dir, script)
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *checkout.Config) { cfg.Templates = fstest.MapFS{"locales/en.json": {Data: made}} }
}

// Texts that are longer by forty percent and more fit into every state of the page, from the narrowest window up.
func TestPageBearsLongLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dir    string
		script pseudo.Script
	}{{"ltr", pseudo.Accented}, {"rtl", pseudo.Mirrored}} {
		t.Run(c.dir, func(t *testing.T) {
			s, looks := openPreviews(t, speaking(t, c.dir, c.script))
			takeTurn(t)
			b := openTab(t)
			for _, look := range looks {
				for _, width := range []int64{320, 390, 1280} {
					b.size(width, 800)
					b.open(s.preview(look, "en"))
					b.holds(look)
				}
			}
		})
	}
}

// The languages that the other tests leave out, at the width where words fit worst, on the pages with most of them.
func TestPageHoldsEveryLanguage(t *testing.T) {
	t.Parallel()
	s, _ := openPreviews(t)
	for _, lang := range strings.Fields("fr es it nl pl pt sv tr he") {
		t.Run(lang, func(t *testing.T) {
			takeTurn(t)
			b := openTab(t)
			b.size(320, 800)
			for _, look := range strings.Fields("open_methods open_errors open_order open_declined open_ending requires_action fields instructions_rest completed test_bank") {
				b.open(s.preview(look, lang))
				b.holds(lang + " " + look)
			}
		})
	}
}

// across gives the places of the parts of an amount on the screen, from left to right.
const across = `(() => {
	const text = document.querySelector(".sum bdi").firstChild, found = [];
	for (let i = 0; i < text.length; i++) {
		const range = document.createRange(); range.setStart(text, i); range.setEnd(text, i + 1);
		const box = range.getBoundingClientRect();
		if (box.width > 0) found.push([box.left, text.data[i]]);
	}
	return found.sort((a, b) => a[0] - b[0]).map(f => f[1]).join("").replace(/[\s\u00a0\u200e\u200f]+/g, " ").trim();
})()`

// A sign stands where its readers look for it, with a space between it and the number: CLDR writes amounts of Arabic and
// Hebrew for text from right to left.
func TestAmountsFromRightToLeft(t *testing.T) {
	t.Parallel()
	s, _ := openPreviews(t)
	b := openTab(t)
	for lang, want := range map[string]string{"en": "€62.00", "de": "62,00 €", "ar": "€ 62.00", "he": "€ 62.00", "ar-EG": "€ ٦٢٫٠٠", "de-CH": "€ 62.00"} {
		b.open(s.preview("open", lang))
		if got := evaluate[string](b, across); got != want {
			t.Errorf("in %s one sees %q, want %q", lang, got, want)
		}
	}
}
