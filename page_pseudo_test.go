package checkout

import (
	"html"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jopay/checkout/internal/pseudo"
)

// pseudoPages speak the language that nobody speaks, through templates of which some are replaced.
func pseudoPages(t *testing.T, dir string, script pseudo.Script, files fstest.MapFS) *pages {
	t.Helper()
	english, err := localeFiles.ReadFile("templates/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	made, err := pseudo.Catalogue(english, dir, script)
	if err != nil {
		t.Fatal(err)
	}
	files["locales/en.json"] = &fstest.MapFile{Data: made}
	p, err := newPages(files, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eachPseudoPage renders every look of the page, and every state with all that it can have.
func eachPseudoPage(t *testing.T, p *pages, see func(look previewLook, page string, data map[string]bool)) {
	t.Helper()
	looks := append(slices.Clone(previewLooks),
		previewLook{"no choice", "open", func(v *pageView) {
			v.Methods, v.Problems = previewMethods(true), []pageProblem{{"method", "method_missing"}}
		}},
		previewLook{"fields of an order", "requires_action", func(v *pageView) { v.Client, v.SubmitOrder, v.CanAbandon = "{}", true, true }},
		previewLook{"bank", "requires_action", func(v *pageView) { v.TestCards, v.ContinueURL = nil, "#" }})
	for _, state := range []string{"open", "requires_action", "instructions", "processing", "completed", "expired", "not_found", "problem", "test_bank", "document"} {
		looks = append(looks, previewLook{"all of " + state, state, func(v *pageView) { *v = samplePage(); v.State = state }})
	}
	for _, look := range looks {
		v := testPage()
		v.Methods, v.AskEmail, v.Email, v.CanExtend = previewMethods(true)[:1], false, "ada@example.com", true
		v.State, v.ExpiresAt = look.State, time.Unix(0, 0).UTC()
		if look.change != nil {
			look.change(&v)
		}
		v.Lang = "en"
		v.Sheet = (&Checkout{pages: p}).sheetOf(pseudoDocument)
		see(look, renderPage(t, p, v), pseudoData(p, v))
	}
}

var (
	pseudoWord = regexp.MustCompile(`[\pL\pM]+`)
	nodeRule   = regexp.MustCompile(`>([^<]+)<|\s([a-zA-Z-]+)="([^"]*)"`)
	// Attributes that nobody reads. A new one is taken for one that is read.
	machineAttributes = strings.Fields("aria-current aria-required class id name type inputmode autocomplete autocapitalize spellcheck maxlength value dir lang hreflang href src rel charset " +
		"content method action role scope for tabindex aria-describedby aria-labelledby aria-hidden aria-invalid viewBox width height d cx cy r " +
		"data-seconds data-status data-poll data-state data-provider data-client data-return data-copy data-frame data-id data-news data-redirect target")
)

// wordsOf collects the words in all strings of a value.
func wordsOf(words map[string]bool, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		for _, word := range pseudoWord.FindAllString(v.String(), -1) {
			words[word] = true
		}
	case reflect.Struct:
		for i := range v.NumField() {
			wordsOf(words, v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			wordsOf(words, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			wordsOf(words, v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			wordsOf(words, v.MapIndex(key))
		}
	}
}

// plainWords are the words of a page that come neither from a catalogue nor from its data.
func plainWords(page string, script pseudo.Script, data map[string]bool) []string {
	var plain []string
	for _, m := range nodeRule.FindAllStringSubmatch(page, -1) {
		if slices.Contains(machineAttributes, m[2]) {
			continue
		}
		for _, word := range pseudoWord.FindAllString(html.UnescapeString(m[1]+m[3]), -1) {
			if !data[word] && !pseudo.Spelled(word, script) {
				plain = append(plain, word)
			}
		}
	}
	return plain
}

// Every word of the page comes from a catalogue or from the order: what a template spells out keeps its plain letters.
func TestPagePseudoLanguage(t *testing.T) {
	for dir, script := range map[string]pseudo.Script{"ltr": pseudo.Accented, "rtl": pseudo.Mirrored} {
		p := pseudoPages(t, dir, script, fstest.MapFS{})
		eachPseudoPage(t, p, func(look previewLook, page string, data map[string]bool) {
			if !strings.Contains(page, `dir="`+dir+`"`) {
				t.Errorf("%s is not %s", look.Name, dir)
			}
			if plain := plainWords(page, script, data); plain != nil {
				t.Errorf("%s %s: %q do not come from a catalogue", dir, look.Name, plain)
			}
		})
	}
}

// The test above sees every place of every template: a word at the end of any of their elements would be found, and so
// would one in an attribute that people read.
func TestPagePseudoLanguageSeesEveryPlace(t *testing.T) {
	closing := regexp.MustCompile(`</(?:p|h1|h2|a|button|label|dt|th|summary|strong|span|figcaption|legend|li)>`)
	files, want := fstest.MapFS{}, map[string]bool{}
	for _, name := range pageTemplates {
		content, err := readPageFile(nil, name)
		if err != nil {
			t.Fatal(err)
		}
		marked := closing.ReplaceAllStringFunc(string(content), func(tag string) string {
			word := "Q" + strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(len(want)))
			want[word] = true
			return " " + word + tag
		})
		files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(marked, `aria-label="`, `title="Shown" aria-label="`))}
	}
	want["Shown"] = true
	eachPseudoPage(t, pseudoPages(t, "ltr", pseudo.Accented, files), func(_ previewLook, page string, data map[string]bool) {
		for _, word := range plainWords(page, pseudo.Accented, data) {
			delete(want, word)
		}
	})
	if len(want) > 0 {
		t.Errorf("not seen: %v", slices.Sorted(maps.Keys(want)))
	}
}

// pseudoDocument has something in every part of a document.
var pseudoDocument = Document{
	Kind: KindCreditNote, Number: "2030-2", Locale: "en", Currency: "eur", IssuedOn: "2030-05-07", SuppliedOn: "2030-05-06",
	Reference: pointer("R1"), Method: pointer("card"), Corrects: &DocumentRef{"inv_1", "2030-1", "2030-05-01"}, Profile: "en16931",
	Seller:   DocumentParty{"Acme", "Weg 1", "Hof", "1", "Köln", "", "DE", "DE1", "2", "Bo", "bo@example.com", "3"},
	Buyer:    DocumentParty{"Ada", "Weg 2", "", "2", "Paris", "", "FR", "FR1", "", "Eve", "ada@example.com", ""},
	Lines:    []DocumentLine{{"Beans", "Brown", "", 2, 100, 200, 168, 1900, "S"}, {"Leaf", "", "", 1, 100, 100, 100, 0, "E"}},
	Taxes:    []DocumentTax{{"", "S", 1900, 200, 168, 32, ""}, {"", "E", 0, 100, 100, 0, "§ 19"}},
	NetCents: 268, TaxCents: 32, GrossCents: 300,
}

// pseudoData are the words that are right on a page of the pseudo-language: those of the order, the names of other
// languages and countries, the law's on the button of an order, and UTC.
func pseudoData(p *pages, v pageView) map[string]bool {
	words := map[string]bool{"UTC": true, "Germany": true, "France": true}
	wordsOf(words, reflect.ValueOf(p.texts.say("en", orderKey)))
	for _, lang := range p.texts.tags {
		wordsOf(words, reflect.ValueOf(p.texts.say(lang, "language")))
	}
	wordsOf(words, reflect.ValueOf(pseudoDocument))
	for _, of := range []any{v.Shop, v.Seller, v.Items, v.TaxLines, v.Reference, v.Email, v.Values, v.Methods, v.Continues, v.RequestID, v.Told} {
		wordsOf(words, reflect.ValueOf(of))
	}
	return words
}
