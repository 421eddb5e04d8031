package e2e

import (
	"html"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

// openPreviews is a shop whose previews everybody may see, and the names of all looks of the page.
func openPreviews(t testing.TB, configure ...func(*checkout.Config)) (s *store, looks []string) {
	t.Helper()
	s = openStore(t, configure...)
	s.mux.Handle(s.co.AdminPath()+"/", s.co.Admin(func(*http.Request) (checkout.Actor, checkout.Access, error) {
		return checkout.Actor{ID: "ada", Name: "Ada"}, checkout.AccessRead, nil
	}))
	resp, err := http.Get(s.base + s.co.AdminPath() + "/test/settings/preview")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	list, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`preview\?state=([a-z_]+)&lang=en"`).FindAllStringSubmatch(html.UnescapeString(string(list)), -1) {
		looks = append(looks, m[1])
	}
	if len(looks) < 30 {
		t.Fatalf("%d looks in %s", len(looks), list)
	}
	return s, looks
}

func (s *store) preview(look, lang string) string {
	return s.base + s.co.PagePath() + "/preview?state=" + look + "&lang=" + lang
}

// pageLooks are the widths and schemes in which every state of the page has to hold, in a language of either direction.
var pageLooks = []look{
	{"light phone", "", 390, 844, false, true}, {"light desktop", "", 1280, 900, false, true}, {"light narrow", "", 320, 700, false, true},
	{"dark narrow", "", 320, 700, true, true}, {"dark desktop", "", 1280, 900, true, true}, {"dark phone", "", 390, 844, true, true},
}

// pageLangs are the languages of every run. The others have the same pages with other words: CHECKOUT_LOCALES=all looks at them too.
func pageLangs() []string {
	if os.Getenv("CHECKOUT_LOCALES") == "all" {
		return []string{"en", "ar", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "tr", "he"}
	}
	return []string{"en", "ar"}
}

// axeTabs bounds how many tabs are judged at once: the checker keeps a core busy for each.
var axeTabs = make(chan struct{}, 2)

// takeTurn waits for one of the axeTabs.
func takeTurn(t *testing.T) {
	t.Helper()
	t.Parallel()
	axeTabs <- struct{}{}
	t.Cleanup(func() { <-axeTabs })
}

// eachPage opens a tab for every one of the states in every language.
func eachPage(t *testing.T, s *store, states []string, body func(t *testing.T, b *tab, page string)) {
	for _, lang := range pageLangs() {
		for _, state := range states {
			t.Run(lang+" "+state, func(t *testing.T) {
				takeTurn(t)
				b := openTab(t)
				b.open(s.preview(state, lang))
				body(t, b, lang+" "+state)
			})
		}
	}
}

// missingShown is a page whose provider's fields have not come for five seconds.
const missingShown = `document.querySelector(".missing")?.getAnimations().forEach(a => a.finish())`

// judgedInEachLook lets axe see the page in all widths and schemes, and counts what it says.
func (b *tab) judgedInEachLook(axe, page string) {
	b.t.Helper()
	b.bring(axe)
	evaluate[any](b, missingShown)
	for _, l := range pageLooks {
		b.size(l.width, l.height)
		b.scheme(l.dark)
		said := b.judgedAgain(page)
		conformance.judge(page+", "+l.name, said)
		if said != "nothing" {
			b.t.Errorf("%s:\n%s", l.name, said)
		}
		b.fits()
	}
}

// No violation, and nothing left undecided, in any state × width × scheme × direction.
func TestPageIsAccessible(t *testing.T) {
	t.Parallel()
	proves(t, "1.1.1", "1.3.1", "1.4.3", "2.4.1", "2.4.2", "2.4.4", "2.5.3", "3.1.1", "3.1.2", "4.1.2")
	axe := axeSource(t)
	s, states := openPreviews(t)
	eachPage(t, s, states, func(_ *testing.T, b *tab, page string) { b.judgedInEachLook(axe, page) })
}

// What opens on the page is held to the same.
func TestPageIsAccessibleWhenItIsOpen(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	s, _ := openPreviews(t)
	eachPage(t, s, []string{"open_hundred", "open_long"}, func(t *testing.T, b *tab, page string) {
		if n := evaluate[int](b, `[...document.querySelectorAll("details")].map(d => d.open = true).length`); n < 2 {
			t.Errorf("only %d things open", n)
		}
		b.judgedInEachLook(axe, page+" with all that opens")
	})
}

// The checker sees a page as it is: each of these would be found.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	s, _ := openPreviews(t)
	b := openTab(t)
	for want, spoil := range map[string]string{
		"violation label ":            `document.querySelector("label[for=card_cvc]").remove()`,
		"violation color-contrast ":   `document.adoptedStyleSheets[0].replaceSync(".hint { color: #aaa }")`,
		"violation target-size ":      `document.adoptedStyleSheets[0].replaceSync("footer ul { gap: 0 } footer li { float: left; line-height: 1 } footer li a { padding: 0; font-size: 8px }")`,
		"violation heading-order ":    `document.querySelector(".panel h2").outerHTML = "<h5>Card</h5>"`,
		"incomplete color-contrast ":  `document.adoptedStyleSheets[0].replaceSync(".hint { background: linear-gradient(#fff, #000) }")`,
		"violation html-has-lang ":    `document.documentElement.removeAttribute("lang")`,
		"violation aria-valid-attr-v": `document.querySelector("#card_cvc").setAttribute("aria-invalid", "perhaps")`,
	} {
		b.open(s.preview("open", "en"))
		b.bring(axe)
		b.restyle("")
		evaluate[any](b, "void ("+spoil+")")
		if said := b.judgedAgain(want); !strings.Contains(said, want) {
			t.Errorf("after %s it says %q, want %s", spoil, said, want)
		}
	}
}
