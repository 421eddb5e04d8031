package checkout

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

func previewShop(t *testing.T, who Authorize) *shop {
	t.Helper()
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	if who != nil {
		s.mux.Handle(s.co.AdminPath()+"/", s.co.Admin(who))
	}
	return s
}

func reader(*http.Request) (Actor, Access, error) { return Actor{ID: "ada"}, AccessRead, nil }

// previewHeadings are the headings of what is not called like its state. Those of open pages name the shop.
var previewHeadings = map[string]string{
	"open_free": "confirm", "fields": "embed.title", "test_bank": "bank.title", "instructions_rest": "instructions.title", "instructions_bound": "instructions.bound",
	"completed_free": "completed.free_title", "expired_money": "expired.title", "document": "document.invoice",
}

// headingOf is what the heading of a look says.
func headingOf(look previewLook, t *texts, lang string) string {
	key := look.State + ".title"
	if problem, ok := strings.CutPrefix(look.Name, "problem_"); ok {
		key = "problem." + problem + ".title"
	} else if look.State == "open" {
		key = "pay"
	}
	if own := previewHeadings[look.Name]; own != "" {
		key = own
	}
	shop := "Acme Coffee"
	if look.Name == "open_long" {
		shop = "Kaffeebohnenröstmaschinenmanufaktur Schmidt-Rottluff & Töchter"
	}
	return t.say(lang, key, "shop", shop, "number", "2030-000042")
}

var firstHeading = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)

// Every look in every language goes through the templates and headers of real pages.
func TestPreviewShowsEveryStateInEveryLanguage(t *testing.T) {
	s := previewShop(t, reader)
	real := s.page("/checkout/" + s.create(seedBody)).Header()
	shown := map[string]bool{}
	for _, look := range previewLooks {
		shown[look.State] = true
		for _, lang := range s.co.pages.texts.tags {
			w := s.page("/checkout/preview?state=" + look.Name + "&lang=" + lang)
			body := w.Body.String()
			if w.Code != http.StatusOK || !strings.Contains(body, `<html lang="`+lang+`"`) || !strings.Contains(body, `data-state="`+look.State+`"`) {
				t.Errorf("%s in %s: %d", look.Name, lang, w.Code)
			}
			heading := html.UnescapeString(tagsAndScripts.ReplaceAllString(firstHeading.FindString(body), ""))
			if want := headingOf(look, s.co.pages.texts, lang); !strings.Contains(heading, want) {
				t.Errorf("%s in %s has the heading %q, want %q", look.Name, lang, heading, want)
			}
			if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "preview/status") {
				t.Errorf("%s in %s has a refused link or asks for a status", look.Name, lang)
			}
			for name := range real {
				if name == "Content-Length" || name == "X-Request-Id" || name == "Content-Language" || name == "Content-Security-Policy" {
					continue
				}
				if w.Header().Get(name) != real.Get(name) {
					t.Errorf("%s: %s is %q, on a real page %q", look.Name, name, w.Header().Get(name), real.Get(name))
				}
			}
			if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self';") {
				t.Errorf("%s: the policy is %q", look.Name, w.Header().Get("Content-Security-Policy"))
			}
		}
	}
	for _, state := range statesOfPage {
		if !shown[state] {
			t.Errorf("no preview shows %s", state)
		}
	}
	for key := range s.co.pages.texts.catalogues["en"].messages {
		problem, ok := strings.CutSuffix(key, ".title")
		if problem, is := strings.CutPrefix(problem, "problem."); ok && is && !slices.ContainsFunc(previewLooks, func(l previewLook) bool { return l.Name == "problem_"+problem }) {
			t.Errorf("no preview shows the problem %s", problem)
		}
	}
}

func TestPreviewIsClosedWithoutTheAdmin(t *testing.T) {
	denied := func(*http.Request) (Actor, Access, error) { return Actor{ID: "eve"}, AccessNone, nil }
	broken := func(*http.Request) (Actor, Access, error) { return Actor{}, AccessManage, errors.New("no database") }
	nameless := func(*http.Request) (Actor, Access, error) { return Actor{}, AccessManage, nil }
	for name, who := range map[string]Authorize{"no admin": nil, "no access": denied, "an error": broken, "no name": nameless} {
		s := previewShop(t, who)
		for _, path := range []string{"/checkout/preview", "/checkout/preview?state=open"} {
			w := s.page(path)
			if w.Code != http.StatusNotFound && w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "We cannot find this payment page") {
				t.Errorf("%s: %s answered %d: %s", name, path, w.Code, w.Body)
			}
			if w := s.post(path, url.Values{}); w.Code != http.StatusNotFound && w.Code != http.StatusForbidden {
				t.Errorf("%s: a form to %s answered %d", name, path, w.Code)
			}
		}
	}
	s := previewShop(t, func(*http.Request) (Actor, Access, error) { return Actor{}, AccessNone, LoginAt("/login") })
	if w := s.page("/checkout/preview?state=open"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login" {
		t.Errorf("a stranger is sent to %d %s", w.Code, w.Header().Get("Location"))
	}
}

func TestPreviewListsItsLooksInTheAdmin(t *testing.T) {
	s := previewShop(t, reader)
	w := s.page("/checkout/preview")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "http://shop.test/admin/checkout/test/settings/preview" {
		t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
	}
	w = s.page("/admin/checkout/test/settings/preview")
	for _, look := range previewLooks {
		for _, lang := range s.co.pages.texts.tags {
			if !strings.Contains(w.Body.String(), `href="http://shop.test/checkout/preview?state=`+look.Name+`&amp;lang=`+lang+`"`) {
				t.Errorf("%s in %s is not in the list", look.Name, lang)
			}
		}
	}
	if w := s.page("/admin/checkout/live/settings/preview"); w.Code != http.StatusNotFound {
		t.Errorf("live mode answered %d", w.Code)
	}
	if w := s.page("/checkout/preview?state=anything"); w.Code != http.StatusNotFound {
		t.Errorf("a state that does not exist answered %d", w.Code)
	}
}

// The forms of a preview do nothing and come back to it.
func TestPreviewFormsDoNothing(t *testing.T) {
	s := previewShop(t, reader)
	w := s.post("/checkout/preview?state=open&lang=de", url.Values{"action": {"pay"}, "token": {"preview"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "preview?lang=de&state=open" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/checkout/preview?state=open", strings.NewReader("a=b"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := s.do(r); w.Code != http.StatusForbidden {
		t.Errorf("another site's form answered %d", w.Code)
	}
	for _, table := range []string{"sessions", "payments", "events", "audit"} {
		if n := s.count(table, "1 = 1"); table != "audit" && n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

// The switch of languages stays at the state that is looked at.
func TestPreviewKeepsItsStateInOtherLanguages(t *testing.T) {
	s := previewShop(t, reader)
	if body := s.page("/checkout/preview?state=expired").Body.String(); !strings.Contains(body, `href="?lang=de&amp;state=expired"`) {
		t.Errorf("the switch loses the state: %s", body)
	}
}
