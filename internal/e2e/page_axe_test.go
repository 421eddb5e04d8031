package e2e

import (
	"html"
	"io"
	"net/http"
	"regexp"
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

// pageLooks are the widths and schemes in which every state of the page has to hold.
var pageLooks = []look{
	{"light phone", "en", 390, 844, false, true}, {"light desktop", "en", 1280, 900, false, true}, {"light narrow", "en", 320, 700, false, true},
	{"dark phone", "en", 390, 844, true, true}, {"dark desktop", "en", 1280, 900, true, true}, {"dark narrow", "en", 320, 700, true, true},
	{"phone from right to left", "ar", 390, 844, false, true}, {"desktop from right to left", "ar", 1280, 900, false, true},
	{"narrow from right to left", "ar", 320, 700, false, true},
}

// axeTabs bounds how many tabs are judged at once: the checker keeps a core busy for each.
var axeTabs = make(chan struct{}, 2)

// eachLook runs body in every width and scheme.
func eachLook(t *testing.T, body func(t *testing.T, b *tab, l look)) {
	for _, l := range pageLooks {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			axeTabs <- struct{}{}
			t.Cleanup(func() { <-axeTabs })
			body(t, l.open(t), l)
		})
	}
}

// No violation, and nothing left undecided, in any state × width × scheme.
func TestPageIsAccessible(t *testing.T) {
	t.Parallel()
	proves(t, "1.1.1", "1.3.1", "1.4.3", "2.4.1", "2.4.2", "2.4.4", "2.5.3", "3.1.1", "3.1.2", "4.1.2")
	axe := axeSource(t)
	s, looks := openPreviews(t)
	eachLook(t, func(t *testing.T, b *tab, l look) {
		for _, name := range looks {
			b.open(s.preview(name, l.lang))
			if said := b.judged(axe, name); said != "nothing" {
				t.Errorf("%s:\n%s", name, said)
				continue
			}
			judgedPage(l.name, name)
			b.fits()
		}
	})
}

// What opens on the page is held to the same.
func TestPageIsAccessibleWhenItIsOpen(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	s, _ := openPreviews(t)
	eachLook(t, func(t *testing.T, b *tab, l look) {
		b.open(s.preview("open_hundred", l.lang))
		for _, summary := range []string{".langs summary", ".more summary", ".ribbon summary"} {
			b.click(summary)
		}
		if said := b.judged(axe, "all that opens"); said != "nothing" {
			t.Error(said)
		}
		b.fits()
	})
}
