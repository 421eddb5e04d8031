package checkout

import (
	"encoding/json"
	"html"
	"io/fs"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/bojanz/currency"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/internal/money"
)

// The twelve of the first set, and regional forms that write amounts in another way.
var (
	shippedLocales  = strings.Fields("en de fr es it nl pl pt sv tr ar he")
	regionalLocales = strings.Fields("en-IN ar-EG de-CH fr-CH pt-PT es-MX en-US")
)

func TestTwelveLanguagesAreThere(t *testing.T) {
	want := slices.Sorted(slices.Values(shippedLocales))
	if got := slices.Sorted(slices.Values(mustTexts(t).tags)); !slices.Equal(got, want) {
		t.Errorf("the catalogues are %v, want %v", got, want)
	}
}

// catalogueFiles are the shipped catalogues, some of them changed.
func catalogueFiles(t *testing.T, change map[string]func(map[string]any)) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(localeFiles, "templates/locales/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := localeFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var entries map[string]any
		if err := json.Unmarshal(data, &entries); err != nil {
			t.Fatal(err)
		}
		if f := change[strings.TrimSuffix(strings.TrimPrefix(name, "templates/locales/"), ".json")]; f != nil {
			f(entries)
		}
		if data, err = json.Marshal(entries); err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

func TestACatalogueThatLacksSomethingIsRefused(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		`key "declined" is missing`:            func(m map[string]any) { delete(m, "declined") },
		`key "declined.more" is in no other`:   func(m map[string]any) { m["declined.more"] = "x" },
		`key "back" has placeholders [], want`: func(m map[string]any) { m["back"] = "Wstecz" },
		`key "more" has no form for 2`:         func(m map[string]any) { delete(m["more"].(map[string]any), "few") },
	} {
		_, err := newTexts(catalogueFiles(t, map[string]func(map[string]any){"pl": change}), "templates/locales")
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "pl.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pagesOf renders with the catalogues of files.
func pagesOf(t *testing.T, files fs.FS) *pages {
	t.Helper()
	p := mustPages(t)
	var err error
	if p.texts, err = newTexts(files, "templates/locales"); err != nil {
		t.Fatal(err)
	}
	if err := p.parse(nil); err != nil {
		t.Fatal(err)
	}
	return p
}

// A new language is one file: it is found by browsers, offered in the switch and spoken on the page.
func TestANewLanguageIsOneFile(t *testing.T) {
	files := catalogueFiles(t, nil)
	data := strings.Replace(string(files["templates/locales/sv.json"].Data), `"Svenska"`, `"Dansk"`, 1)
	files["templates/locales/da.json"] = &fstest.MapFile{Data: []byte(data)}
	p := pagesOf(t, files)
	if got := p.texts.match("da-DK, en;q=0.5"); got != "da" {
		t.Fatalf("a Danish browser gets %s", got)
	}
	v := coffeePage()
	v.Lang = "da"
	got := renderPage(t, p, v)
	for _, want := range []string{`<html lang="da" dir="ltr">`, "62,00"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	v.Lang = "en"
	if got := renderPage(t, p, v); !strings.Contains(got, `href="?lang=da" lang="da" hreflang="da">Dansk</a>`) {
		t.Error("the switch does not offer it")
	}
}

// pseudo lengthens a text by forty percent and more and marks each of its words, placeholders excepted.
func pseudo(text string) string {
	var b strings.Builder
	inside := false
	for _, r := range text {
		switch {
		case r == '{':
			inside = true
		case r == '}':
			inside = false
		case !inside && unicode.IsLetter(r):
			b.WriteRune(r)
			b.WriteRune('\u0301')
			continue
		}
		b.WriteRune(r)
	}
	return b.String() + " " + strings.Repeat("·", len([]rune(text))*2/5+1)
}

// pseudoFiles have English in pseudo-letters, from left to right or from right to left.
func pseudoFiles(t *testing.T, dir string) fstest.MapFS {
	return catalogueFiles(t, map[string]func(map[string]any){"en": func(m map[string]any) {
		for key, v := range m {
			switch text := v.(type) {
			case string:
				m[key] = pseudo(text)
			case map[string]any:
				for form, s := range text {
					text[form] = pseudo(s.(string))
				}
			}
		}
		m["dir"] = dir
		m["months"] = "a b c d e f g h i j k l"
	}})
}

var (
	plainWord  = regexp.MustCompile(`\pL{3,}`)
	pageWords  = regexp.MustCompile(`>([^<]+)<|(?:aria-label|data-busy|data-text|data-copied|data-required|data-invalid|alt)="([^"]+)"`)
	fromSample = regexp.MustCompile(`Stripe|UTC|\S+@\S+|Shop Ltd|Shop|Street|Card|Bank|Own|req_\w+|Invoice 1|Test|Ada|Billed to|Date|1 May|Item|Quantity|Price|VAT|Amount|Beans|Brown|Net|Total|Thank you\.|ID DE123456789|EUR|Pay\.`)
	ownNames   = regexp.MustCompile(`Deutsch|Français|Español|Italiano|Nederlands|Polski|Português|Svenska|Türkçe|العربية|עברית`)
)

// Every word of the page comes from a catalogue or from the order: what is spelled out in a template keeps its plain letters.
func TestPagePseudoLanguage(t *testing.T) {
	for _, dir := range []string{"ltr", "rtl"} {
		p := pagesOf(t, pseudoFiles(t, dir))
		for _, look := range previewLooks {
			v := samplePage()
			v.State, v.Lang = look.State, "en"
			if look.change != nil && look.State != "open" {
				look.change(&v)
			}
			got := renderPage(t, p, v)
			if !strings.Contains(got, `dir="`+dir+`"`) {
				t.Errorf("%s is not %s", look.Name, dir)
			}
			for _, m := range pageWords.FindAllStringSubmatch(got, -1) {
				words := ownNames.ReplaceAllString(fromSample.ReplaceAllString(html.UnescapeString(m[1]+m[2]), ""), "")
				if word := plainWord.FindString(words); word != "" && !strings.Contains(words, "Acme") && !strings.Contains(words, "DE89") && !strings.Contains(words, "Preview") {
					t.Errorf("%s: %q does not come from a catalogue: %q", look.Name, word, words)
				}
			}
		}
	}
}

// amountOf is what a page writes for a total, in each of its places.
func amountOf(t *testing.T, p *pages, locale string, minor int64, code string) []string {
	t.Helper()
	lang := p.texts.match(locale)
	v := coffeePage()
	v.Lang, v.Locale, v.Currency, v.Total, v.TaxLines = lang, p.texts.region(lang, locale), code, minor, nil
	v.Items = []pageItem{{"Beans", "", 1, minor, minor}}
	page := renderPage(t, p, v)
	var found []string
	for _, rule := range []string{`<span class="sum"><bdi class="n" dir="ltr">([^<]*)</bdi>`, `value="pay">[^<]*<bdi class="n" dir="ltr">([^<]*)</bdi>`, `<tr class="total">.*?<td><bdi class="n" dir="ltr">([^<]*)</bdi>`} {
		m := regexp.MustCompile(rule).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("%s %s: %s is not on the page", locale, code, rule)
		}
		found = append(found, html.UnescapeString(m[1]))
	}
	title := regexp.MustCompile(`<title>([^<]*)</title>`).FindStringSubmatch(page)
	if title == nil || !strings.Contains(html.UnescapeString(title[1]), visible(found[0])) {
		t.Errorf("%s %s: the title %q has another amount than %q", locale, code, title, found[0])
	}
	return found
}

// Every currency of ISO 4217 in every language: the same amount everywhere on the page, with all its digits, and it reads
// back unchanged.
func TestPageWritesEveryCurrencyInEveryLanguage(t *testing.T) {
	p := mustPages(t)
	codes := 0
	for _, code := range currency.GetCurrencyCodes() {
		if !money.Valid(code) {
			continue
		}
		codes++
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
	if codes < 150 {
		t.Errorf("only %d currencies", codes)
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
		{"tr", "try", 123456, "₺1.234,56"}, {"he", "ils", 123456, "\u200f1,234.56 \u200f₪"},
	} {
		got := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(amountOf(t, p, c.locale, c.minor, c.code)[0])
		if got != c.want {
			t.Errorf("%d %s in %s is %+q, want %+q", c.minor, c.code, c.locale, got, c.want)
		}
	}
}

// ?lang= beats the order's locale, which beats the browser; the region comes from the first that names one.
func TestPageLanguagePrecedence(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	withLocale := func(l string) string {
		return strings.Replace(seedBody, `"metadata"`, `"locale":"`+l+`","metadata"`, 1)
	}
	for _, c := range []struct{ query, order, browser, lang, amount string }{
		{"", "auto", "", "en", "€25.00"},
		{"", "auto", "de-CH, de;q=0.9", "de", "€ 25.00"},
		{"", "auto", "ja, nl;q=0.5", "nl", "€ 25,00"},
		{"", "fr", "de", "fr", "25,00 €"},
		{"?lang=it", "fr", "de", "it", "25,00 €"},
		{"?lang=de", "fr", "de-CH", "de", "€ 25.00"},
		{"?lang=xx", "auto", "pl", "pl", "25,00 €"},
		{"?lang=ar", "auto", "ar-EG", "ar", "٢٥٫٠٠ €"},
		{"?lang=%00%22", "de-AT", "", "de", "€ 25,00"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/checkout/"+s.create(withLocale(c.order))+c.query, nil)
		r.Header.Set("Accept-Language", c.browser)
		w := s.do(r)
		body := strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u200f", "").Replace(html.UnescapeString(w.Body.String()))
		if !strings.Contains(body, `<html lang="`+c.lang+`"`) || !strings.Contains(body, ">"+c.amount+"<") || w.Header().Get("Content-Language") != c.lang {
			t.Errorf("%+v: %s", c, regexp.MustCompile(`<html[^>]*>|class="sum">.{80}`).FindAllString(body, -1))
		}
	}
}

// What the law asks for on the button (Directive 2011/83/EU Art. 8(2)), without the amount, which stands above it.
func TestPageOrderButtons(t *testing.T) {
	p := mustPages(t)
	want := map[string]string{
		"en": "Buy now", "de": "Zahlungspflichtig bestellen", "fr": "Commander avec obligation de paiement", "es": "Pedido con obligación de pago",
		"it": "Ordine con obbligo di pagare", "nl": "Bestelling met betalingsverplichting", "pl": "Zamówienie z obowiązkiem zapłaty",
		"pt": "Encomenda com obrigação de pagar", "sv": "Beställning medför betalningsskyldighet",
		"tr": "Ödeme yükümlülüğüyle sipariş ver", "ar": "طلب مع الالتزام بالدفع", "he": "הזמנה עם התחייבות לתשלום",
	}
	for _, lang := range slices.Sorted(maps.Keys(want)) {
		v := coffeePage()
		v.Lang, v.SubmitOrder = lang, true
		got := renderPage(t, p, v)
		i := strings.Index(got, `class="due"`)
		if i < 0 || strings.Index(got, `<button name="action" value="pay">`+want[lang]+`</button>`) < i {
			t.Errorf("%s: the order's button is wrong, or the total does not stand above it", lang)
		}
		v.SubmitOrder = false
		if !strings.Contains(renderPage(t, p, v), `62`) {
			t.Errorf("%s: no amount on the button that pays", lang)
		}
	}
}

var physical = regexp.MustCompile(`(?m)(?:^|[;{\s])(?:(?:margin|padding|border|inset)-(?:left|right)|left|right|text-align:\s*(?:left|right)|float)\b`)

// Languages written from right to left need no rules of their own where sides are logical.
func TestStyleHasLogicalSidesOnly(t *testing.T) {
	for _, name := range []string{"style.css", "document.css"} {
		css, err := pageFiles.ReadFile("templates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if m := physical.FindString(string(css)); m != "" {
			t.Errorf("%s names a side: %q", name, m)
		}
	}
	if physical.FindString("a { margin-left: 1px }") == "" || physical.FindString("a { left: 0 }") == "" {
		t.Error("the rule finds nothing")
	}
}
