package checkout

import (
	"strings"
	"testing"
)

func mustTexts(t testing.TB) *texts {
	t.Helper()
	all, err := newTexts(localeFiles, "templates/locales")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTextsMatch(t *testing.T) {
	all := mustTexts(t)
	for _, c := range []struct {
		name   string
		wanted []string
		want   string
	}{
		{"nothing", nil, "en"},
		{"empty", []string{""}, "en"},
		{"plain", []string{"de"}, "de"},
		{"region", []string{"de-AT"}, "de"},
		{"header", []string{"fr-CH, fr;q=0.9, de;q=0.8, en;q=0.7"}, "fr"},
		{"first of several", []string{"de", "en"}, "de"},
		{"unreadable first", []string{"%%%", "de"}, "de"},
		{"unreadable in a header", []string{"xx, de;q=0.1"}, "de"},
		{"header cut off", []string{"de,d"}, "de"},
		{"unknown language", []string{"ja"}, "en"},
		{"second of a header", []string{"ja, de;q=0.8, en;q=0.7"}, "de"},
		{"refused by weight", []string{"de;q=0, en"}, "en"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := all.match(c.wanted...); got != c.want {
				t.Errorf("match(%q) = %q, want %q", c.wanted, got, c.want)
			}
		})
	}
}

func TestTextsSay(t *testing.T) {
	all := mustTexts(t)
	for _, c := range []struct {
		name, lang, key string
		args            []any
		want            string
	}{
		{"plain", "de", "terms", nil, "AGB"},
		{"arguments", "en", "title.open", []any{"shop", "Acme", "amount", "€1.00"}, "Pay €1.00 to Acme"},
		{"one", "en", "more", []any{"n", 1}, "Show 1 more item"},
		{"many", "en", "more", []any{"n", 95}, "Show 95 more items"},
		{"one in German", "de", "more", []any{"n", 1}, "1 weiteren Artikel anzeigen"},
		{"unknown language", "xx", "terms", nil, "Terms"},
		{"unknown key", "de", "no.such", nil, "no.such"},
		{"forgotten argument", "en", "back", nil, "Back to {shop}"},
		{"marks that turn text around", "en", "back", []any{"shop", "A\u202eB\x00"}, "Back to AB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := all.say(c.lang, c.key, c.args...); got != c.want {
				t.Errorf("say = %q, want %q", got, c.want)
			}
		})
	}
}

func TestTextsSayHTMLIsolatesAndEscapes(t *testing.T) {
	got := mustTexts(t).sayHTML("en", "back", "shop", "<script>A&B")
	if want := "Back to <bdi>&lt;script&gt;A&amp;B</bdi>"; string(got) != want {
		t.Errorf("sayHTML = %s, want %s", got, want)
	}
}

func TestTextsRate(t *testing.T) {
	all := mustTexts(t)
	for _, c := range []struct {
		lang string
		bp   int
		want string
	}{{"en", 1900, "19%"}, {"en", 1950, "19.5%"}, {"en", 5, "0.05%"}, {"de", 2525, "25,25\u00a0%"}, {"de", 0, "0\u00a0%"},
		{"fr", 550, "5,5\u202f%"}, {"tr", 2000, "%20"}, {"ar", 1500, "15%"}, {"pl", 2300, "23%"}} {
		if got := all.rate(c.lang, c.bp); got != c.want {
			t.Errorf("rate(%s, %d) = %q, want %q", c.lang, c.bp, got, c.want)
		}
	}
}

// Catalogues that disagree must stop the start, each with the key in the error.
func TestTextsRefuseCataloguesThatDisagree(t *testing.T) {
	const model = `{"a": "{x} and {y}", "n": {"one": "{n} thing", "other": "{n} things"}}`
	for _, c := range []struct{ name, tag, other, want string }{
		{"missing key", "de", `{"a": "{x} und {y}"}`, `"n" is missing`},
		{"key too many", "de", `{"a": "{x} {y}", "n": {"one": "{n}", "other": "{n}"}, "b": "?"}`, `"b"`},
		{"placeholder", "de", `{"a": "{x} und {z}", "n": {"one": "{n}", "other": "{n}"}}`, `"a" has placeholders [x z]`},
		{"placeholder in one form", "de", `{"a": "{x} {y}", "n": {"one": "ein", "other": "{n}"}}`, `"n" has placeholders []`},
		{"plural form", "pl", `{"a": "{x} {y}", "n": {"one": "{n}", "other": "{n}"}}`, `"n" has no form for`},
		{"no other form", "de", `{"a": "{x} {y}", "n": {"one": "{n}"}}`, `"other" is missing`},
		{"unknown form", "de", `{"a": "{x} {y}", "n": {"ones": "{n}", "other": "{n}"}}`, `"ones"`},
		{"empty text", "de", `{"a": "", "n": {"one": "{n}", "other": "{n}"}}`, "a: empty text"},
		{"no tag", "d_e_!", `{}`, "language"},
		{"no JSON", "de", `{`, "JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := &texts{catalogues: map[string]*textCatalogue{}}
			if err := all.readFile("en", []byte(model), (*textCatalogue).add); err != nil {
				t.Fatal(err)
			}
			err := all.readFile(c.tag, []byte(c.other), (*textCatalogue).add)
			if err == nil {
				err = all.finish()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %s", err, c.want)
			}
		})
	}
}

func TestVisible(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Café 東京 שלום", "Café 東京 שלום"},
		{"joined emoji", "👩\u200d🍳", "👩\u200d🍳"},
		{"override", "invoice\u202efdp.exe", "invoicefdp.exe"},
		{"isolates and marks", "\u2066a\u2069\u200f\u061cb", "ab"},
		{"controls", "a\x00\x1b[1m\u0085b", "a[1mb"},
		{"line breaks", "a\nb\u2028c", "a b c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := visible(c.in); got != c.want {
				t.Errorf("visible(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}
