package checkout

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

var secretRule = regexp.MustCompile(`whsec_[A-Za-z0-9+/]{43}=`)

// addEndpoint sends the form for a new endpoint and gives its secret.
func (s *shop) addEndpoint(target string, events ...string) (id, secret string) {
	s.t.Helper()
	form := url.Values{"once": {s.onceOf(manager, "/test/settings/webhook/new")}, "url": {target}, "events": events, "payload": {"full"}}
	w := s.adminPost(manager, "/test/settings/webhook/new", form)
	secret = secretRule.FindString(html.UnescapeString(w.Body.String()))
	if w.Code != http.StatusOK || secret == "" {
		s.t.Fatalf("adding an endpoint answered %d: %s", w.Code, w.Body)
	}
	list, err := s.co.Endpoints(s.t.Context(), Test)
	if err != nil {
		s.t.Fatal(err)
	}
	return list[len(list)-1].ID, secret
}

func TestAdminAddsAnEndpointOnceAndShowsItsSecretOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		form := url.Values{"once": {s.onceOf(manager, "/test/settings/webhook/new")}, "url": {" https://hooks.example/a?b=<c> "}, "events": seedEvents, "payload": {"seed"}}
		w := s.adminPost(manager, "/test/settings/webhook/new", form)
		secret := secretRule.FindString(html.UnescapeString(w.Body.String()))
		if w.Code != http.StatusOK || secret == "" {
			t.Fatalf("it answered %d: %s", w.Code, w.Body)
		}
		if again := s.adminPost(manager, "/test/settings/webhook/new", form); again.Code != http.StatusConflict || secretRule.MatchString(html.UnescapeString(again.Body.String())) {
			t.Errorf("the repeated form answered %d", again.Code)
		}
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 1 || list[0].Payload != "seed" || list[0].URL != "https://hooks.example/a?b=<c>" {
			t.Fatalf("the endpoints are %+v (%v)", list, err)
		}
		page := html.UnescapeString(s.admin(manager, "/test/settings/webhook").Body.String())
		if strings.Contains(page, secret) || !strings.Contains(page, "whsec_••••"+secret[len(secret)-4:]) {
			t.Errorf("the list does not show the secret as it should: %s", page)
		}
		if raw := s.admin(manager, "/test/settings/webhook").Body.String(); strings.Contains(raw, "<c>") {
			t.Error("the URL is not escaped")
		}
		for name, wrong := range map[string]url.Values{
			"url": {"url": {"javascript:alert(1)"}, "events": seedEvents, "payload": {"full"}}, "events": {"url": {"https://a.example/"}, "payload": {"full"}},
			"payload": {"url": {"https://a.example/"}, "events": seedEvents, "payload": {"all"}},
		} {
			wrong.Set("once", s.onceOf(manager, "/test/settings/webhook/new"))
			w := s.adminPost(manager, "/test/settings/webhook/new?lang=de", wrong)
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `href="#`+name+`"`) || !strings.Contains(w.Body.String(), s.co.desk.texts.say("de", "field."+name)) {
				t.Errorf("a wrong %s answered %d: %s", name, w.Code, w.Body)
			}
		}
	})
}

func TestAdminChangesAnEndpoint(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := newReceiver(t, nil)
		id, secret := s.addEndpoint("https://hooks.example/", webhook.SessionCompleted)
		at := "/test/settings/webhook/" + id
		to := func(path string, form url.Values, want int, where string) {
			t.Helper()
			w := s.adminPost(manager, path, form)
			if w.Code != want || !strings.HasSuffix(w.Header().Get("Location"), where) {
				t.Errorf("%s answered %d to %q, want %d %q: %s", path, w.Code, w.Header().Get("Location"), want, where, w.Body)
			}
		}
		to(at, url.Values{"url": {r.URL}, "events": {webhook.SessionExpired, webhook.RefundFailed}, "payload": {"seed"}}, 303, id+"?done=endpoint.saved")
		if e, err := s.co.GetEndpoint(t.Context(), id); err != nil || e.URL != r.URL || len(e.Events) != 2 || e.Payload != "seed" {
			t.Errorf("the endpoint is %+v (%v)", e, err)
		}
		to(at, url.Values{"url": {"ftp://x"}, "events": seedEvents, "payload": {"full"}}, 422, "")
		w := s.adminPost(manager, at+"/test", nil)
		if where := w.Header().Get("Location"); w.Code != 303 || !strings.Contains(where, "/deliveries/dlv_") || !strings.HasSuffix(where, "done=endpoint.tested") || len(r.all()) != 1 {
			t.Errorf("the test event answered %d to %q and sent %d", w.Code, where, len(r.all()))
		}
		to(at+"/disable", nil, 303, "done=endpoint.disabled")
		if page := s.admin(manager, at+"?lang=de").Body.String(); !strings.Contains(page, "Von Hand ausgeschaltet") || !strings.Contains(page, at[len("/test/settings/"):]+"/enable") {
			t.Errorf("the page of a disabled endpoint: %s", page)
		}
		to(at+"/enable", nil, 303, "done=endpoint.enabled")

		form := url.Values{"once": {s.onceOf(manager, at)}, "overlap": {"24"}}
		rolled := s.adminPost(manager, at+"/secret", form)
		fresh := secretRule.FindString(html.UnescapeString(rolled.Body.String()))
		if rolled.Code != 200 || fresh == "" || fresh == secret {
			t.Errorf("rolling answered %d: %s", rolled.Code, rolled.Body)
		}
		if again := s.adminPost(manager, at+"/secret", form); again.Code != http.StatusConflict {
			t.Errorf("the repeated form answered %d", again.Code)
		}
		to(at+"/secret", url.Values{"once": {s.onceOf(manager, at)}, "overlap": {"99"}}, 422, "")
		if page := s.admin(manager, at).Body.String(); !strings.Contains(page, "Both sign until") || !strings.Contains(page, "The old one stands first") {
			t.Errorf("the page does not tell of two secrets: %s", page)
		}
		for _, ask := range []string{"/disable", "/delete"} {
			if w := s.admin(manager, at+ask); w.Code != 200 || !strings.Contains(w.Body.String(), `method="post"`) {
				t.Errorf("%s answered %d", ask, w.Code)
			}
		}
		to(at+"/delete", nil, 303, "settings/webhook?done=endpoint.deleted")
		to(at+"/delete", nil, 404, "")
		if w := s.admin(manager, at); w.Code != 404 {
			t.Errorf("a deleted endpoint answers %d", w.Code)
		}
	})
}

func TestAnEndpointIsOfOneMode(t *testing.T) {
	s := oneShop(t)
	id, _ := s.addEndpoint("https://hooks.example/", webhook.SessionCompleted)
	for _, path := range []string{"", "/verify", "/disable", "/delete", "/missed?since=2025-01-01T00:00"} {
		if w := s.admin(manager, "/live/settings/webhook/"+id+path); w.Code != http.StatusNotFound {
			t.Errorf("%s in live mode answers %d", path, w.Code)
		}
	}
	for _, path := range []string{"", "/test", "/secret", "/enable", "/disable", "/delete", "/missed"} {
		if w := s.adminPost(manager, "/live/settings/webhook/"+id+path, url.Values{"url": {"https://a.example/"}}); w.Code != http.StatusNotFound {
			t.Errorf("a post to %s in live mode answers %d", path, w.Code)
		}
	}
}

func TestAdminSendsWhatWasMissed(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		down := true
		r := newReceiver(t, func(int) int { return map[bool]int{true: 500, false: 200}[down] })
		id, _ := s.addEndpoint(r.URL, webhook.SessionCompleted)
		for range 3 {
			s.pay(s.create(seedBody), "4242424242424242")
		}
		for range 6 {
			s.clock.advance(time.Hour)
			if _, err := s.co.RunOnce(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		down = false
		sent := len(r.all())
		at := "/test/settings/webhook/" + id + "/missed"
		if w := s.admin(manager, at+"?since=2025-01-10T11:00"); w.Code != 200 || !strings.Contains(tagless(w.Body.String()), "3 webhooks since 2025-01-10T11:00 UTC are sent again") {
			t.Errorf("the question answered %d: %s", w.Code, w.Body)
		}
		if w := s.admin(manager, at+"?since=2025-01-10T17:00"); !strings.Contains(w.Body.String(), "Nothing was missed") || strings.Contains(w.Body.String(), `method="post"`) {
			t.Errorf("without anything missed: %s", w.Body)
		}
		if w := s.admin(manager, "/test/deliveries/resend?since=2025-01-10T11:00"); !strings.Contains(tagless(w.Body.String()), "3 webhooks since") {
			t.Errorf("the question for all endpoints: %s", w.Body)
		}
		for _, wrong := range []string{"", "yesterday", "2030-01-01T00:00"} {
			if w := s.adminPost(manager, at, url.Values{"since": {wrong}}); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("since %q answered %d", wrong, w.Code)
			}
			if w := s.adminPost(manager, "/test/deliveries/resend", url.Values{"since": {wrong}}); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("resend since %q answered %d", wrong, w.Code)
			}
		}
		if w := s.adminPost(manager, "/test/deliveries/resend", url.Values{"since": {"2025-01-10T11:00"}, "endpoint": {id}}); w.Code != http.StatusSeeOther {
			t.Fatalf("resend answered %d: %s", w.Code, w.Body)
		}
		if _, err := s.co.RunOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(r.all()) - sent; got != 3 {
			t.Errorf("%d webhooks were sent again, want 3", got)
		}
	})
}

var tagRule = regexp.MustCompile(`<[^>]*>`)

// tagless is what a page says.
func tagless(page string) string { return html.UnescapeString(tagRule.ReplaceAllString(page, "")) }

func TestVerifyPageIsTheReadmesCode(t *testing.T) {
	s := oneShop(t, func(cfg *Config) { cfg.Brand.HeaderWord = "Acme" })
	id, _ := s.addEndpoint("https://hooks.example/in/coming", webhook.SessionCompleted)
	page := html.UnescapeString(s.admin(manager, "/test/settings/webhook/"+id+"/verify").Body.String())
	readme := readFile(t, "README.md")
	for _, want := range regexp.MustCompile("(?s)```(?:js|go)\n(.*?)\n```").FindAllStringSubmatch(readme, -1) {
		code := want[1]
		if !strings.Contains(code, "WEBHOOK_SECRET") {
			continue
		}
		code = strings.NewReplacer("X-JoPay-Signature", "X-Acme-Signature", "'/webhook'", "'/in/coming'", "POST /webhook", "POST /in/coming",
			`os.Getenv("WEBHOOK_SECRET"))`, `os.Getenv("WEBHOOK_SECRET"), webhook.WithHeader("X-Acme-Signature"))`).Replace(code)
		if !strings.Contains(page, code) {
			t.Errorf("the page lacks the code of the README:\n%s", code)
		}
	}
}
