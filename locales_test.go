package checkout

import (
	"encoding/json"
	"html"
	"io/fs"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jopay/checkout/internal/dbtest"
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

// A new language is one file in the folder locales of a host's files: it is found by browsers, offered in the switch and
// spoken on the page. The same file in our own folder is all it takes here.
func TestANewLanguageIsOneFile(t *testing.T) {
	swedish, err := localeFiles.ReadFile("templates/locales/sv.json")
	if err != nil {
		t.Fatal(err)
	}
	danish := &fstest.MapFile{Data: []byte(strings.Replace(string(swedish), `"Svenska"`, `"Dansk"`, 1))}
	files := catalogueFiles(t, nil)
	files["templates/locales/da.json"] = danish
	if own, err := newTexts(files, "templates/locales"); err != nil || !slices.Contains(own.tags, "da") {
		t.Errorf("our own folder: %v", err)
	}
	p, err := newPages(fstest.MapFS{"locales/da.json": danish}, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	v := coffeePage()
	if v.Lang, v.Locale = p.texts.locale("da-DK, en;q=0.5"); v.Lang != "da" || v.Locale != "da-DK" {
		t.Fatalf("a Danish browser gets %s and %s", v.Lang, v.Locale)
	}
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

func TestAHostsFilesReplaceTexts(t *testing.T) {
	file := func(name, content string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(content)}} }
	p, err := newPages(file("locales/de.json", `{"terms": "Geschäftsbedingungen"}`), Brand{})
	if err != nil {
		t.Fatal(err)
	}
	if got, rest := p.texts.say("de", "terms"), p.texts.say("de", "privacy"); got != "Geschäftsbedingungen" || rest != "Datenschutz" {
		t.Errorf("the page says %q and %q", got, rest)
	}
	if got := mustPages(t).texts.say("de", "terms"); got != "AGB" {
		t.Errorf("the page of another checkout says %q", got)
	}
	for _, c := range []struct{ name, content, want string }{
		{"locales/de.json", `{"term": "x"}`, `"term" is in no other`}, {"locales/de.json", `{"back": "Zurück"}`, `"back" has placeholders`},
		{"locales/da.json", `{"terms": "x"}`, "is missing"}, {"locales/DE.json", `{}`, "write the language as de"}, {"locales/de.json", `{`, "locales/de.json"},
		{"locales/notes.txt", ``, "locales/notes.txt"}, {"locales/de.json", `{"button.order": "Los"}`, "the law's"},
	} {
		if _, err := newPages(file(c.name, c.content), Brand{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.name, c.content, err, c.want)
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

// The switch has every language, marks the one that is spoken, and stays on the page that is open.
func TestPageLanguageSwitch(t *testing.T) {
	p := mustPages(t)
	for _, lang := range shippedLocales {
		v := coffeePage()
		v.Lang, v.LangSwitch, v.Keep = lang, true, url.Values{"embed": {"1"}}
		got := renderPage(t, p, v)
		for _, other := range shippedLocales {
			own, mark := p.texts.say(other, "language"), ""
			if other == lang {
				mark = ` aria-current="true"`
			}
			if want := `<li><a href="?embed=1&amp;lang=` + other + `" lang="` + other + `" hreflang="` + other + `"` + mark + `>` + own + `</a></li>`; !strings.Contains(got, want) {
				t.Errorf("%s: no %s", lang, want)
			}
		}
		if n := strings.Count(got, "aria-current"); n != 1 {
			t.Errorf("%s: %d languages are marked", lang, n)
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
	doc, err := os.ReadFile("docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range slices.Sorted(maps.Keys(want)) {
		if row := regexp.MustCompile("(?m)^\\| `" + lang + "` \\| (.*) \\| (.*) \\|$").FindStringSubmatch(string(doc)); row == nil || row[2] != want[lang] ||
			!strings.HasPrefix(row[1], p.texts.say(lang, "language")) {
			t.Errorf("%s: docs/page.md has %q", lang, row)
		}
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

// The sentence that a buyer looks for first after something went wrong leaves nothing open, and stands alike on every page
// that says it.
func TestEveryLanguageSaysThatNothingWasTaken(t *testing.T) {
	p := mustPages(t)
	want := map[string]string{
		"en": "You have not been charged.", "de": "Es wurde nichts abgebucht.", "fr": "Aucun montant n’a été débité.", "es": "No se le ha cobrado nada.",
		"it": "Non è stato addebitato nulla.", "nl": "Er is niets afgeschreven.", "pl": "Żadna kwota nie została pobrana.", "pt": "Nenhum valor foi cobrado.",
		"sv": "Inga pengar har dragits.", "tr": "Sizden herhangi bir ücret alınmadı.", "ar": "لم يُخصم منك أي مبلغ.", "he": "לא חויבת בשום סכום.",
	}
	for _, lang := range p.texts.tags {
		for _, change := range []func(*pageView){
			func(v *pageView) { v.Declined = "declined" }, func(v *pageView) { v.Methods = nil }, func(v *pageView) { v.State = "expired" },
		} {
			v := coffeePage()
			v.Lang = lang
			change(&v)
			if !strings.Contains(renderPage(t, p, v), "<strong>"+want[lang]+"</strong>") || want[lang] == "" {
				t.Errorf("%s: %q is not on the page %s", lang, want[lang], v.State)
			}
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
