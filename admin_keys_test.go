package checkout

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

var onceRule = regexp.MustCompile(`name="once" value="([^"]+)"`)

// onceOf reads the form's token from a page of the admin.
func (s *shop) onceOf(p person, path string) string {
	s.t.Helper()
	w := s.admin(p, path)
	m := onceRule.FindStringSubmatch(w.Body.String())
	if m == nil {
		s.t.Fatalf("%s has no form (%d): %s", path, w.Code, w.Body)
	}
	return m[1]
}

var keyRule = regexp.MustCompile(`sk_(test|live)_[0-9A-Za-z]{43}`)

func TestAdminMakesAKeyOnceAndShowsItOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		before := s.count("keys", "1 = 1")
		form := url.Values{"once": {s.onceOf(manager, "/test/settings/keys")}, "name": {"Web <shop>"}}
		made := s.adminPost(manager, "/test/settings/keys", form)
		secret := keyRule.FindString(made.Body.String())
		if made.Code != http.StatusOK || secret == "" || made.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("making a key answered %d: %s", made.Code, made.Body)
		}
		if got := s.api("GET", "/account", "", "Authorization", "Bearer "+secret); got.Code != http.StatusOK {
			t.Errorf("the new key is answered with %d", got.Code)
		}
		again := s.adminPost(manager, "/test/settings/keys", form)
		if again.Code != http.StatusConflict || !strings.Contains(again.Body.String(), "sent before") || keyRule.MatchString(again.Body.String()) {
			t.Errorf("the repeated form answered %d: %s", again.Code, again.Body)
		}
		if n := s.count("keys", "1 = 1"); n != before+1 {
			t.Errorf("%d keys were made, want 1", n-before)
		}
		list := s.admin(manager, "/test/settings/keys").Body.String()
		if strings.Contains(list, secret) || !strings.Contains(list, secret[:12]+"…"+secret[len(secret)-4:]) || !strings.Contains(list, "Web &lt;shop&gt;") {
			t.Errorf("the list does not show the key as it should: %s", list)
		}
		if live := s.admin(manager, "/live/settings/keys").Body.String(); strings.Contains(live, "Web &lt;shop&gt;") {
			t.Error("live mode shows a test key")
		}
	})
}

func TestAFormThatFailedCanBeSentAgain(t *testing.T) {
	s := oneShop(t)
	form := url.Values{"once": {s.onceOf(manager, "/test/settings/keys")}, "name": {" "}}
	if w := s.adminPost(manager, "/test/settings/keys", form); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `aria-invalid="true"`) {
		t.Fatalf("a key without a name answered %d: %s", w.Code, w.Body)
	}
	form.Set("name", "good")
	if w := s.adminPost(manager, "/test/settings/keys", form); w.Code != http.StatusOK {
		t.Errorf("the corrected form answered %d", w.Code)
	}
}

func TestAFormIsOfOnePersonAndOneDay(t *testing.T) {
	s := oneShop(t)
	token := s.onceOf(manager, "/test/settings/keys")
	other := person{Actor: Actor{ID: "u2", Name: "Grace"}, access: AccessManage}
	for name, send := range map[string]func() int{
		"another person": func() int {
			return s.adminPost(other, "/test/settings/keys", url.Values{"once": {token}, "name": {"a"}}).Code
		},
		"a made up token": func() int {
			return s.adminPost(manager, "/test/settings/keys", url.Values{"once": {newID(prefixForm, s.clock.now()) + ".00"}, "name": {"a"}}).Code
		},
		"no token": func() int { return s.adminPost(manager, "/test/settings/keys", url.Values{"name": {"a"}}).Code },
	} {
		if got := send(); got != http.StatusConflict {
			t.Errorf("%s: %d", name, got)
		}
	}
	s.clock.advance(onceLife + time.Second)
	if w := s.adminPost(manager, "/test/settings/keys", url.Values{"once": {token}, "name": {"a"}}); w.Code != http.StatusConflict {
		t.Errorf("too late: %d", w.Code)
	}
}

func TestOldFormsAreSweptOut(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		send := func() {
			s.adminPost(manager, "/test/settings/keys", url.Values{"once": {s.onceOf(manager, "/test/settings/keys")}, "name": {"a"}})
		}
		send()
		s.clock.advance(3 * onceLife)
		send()
		if n := s.count("settings", "name LIKE 'form_%'"); n != 1 {
			t.Errorf("%d forms are kept, want the last one", n)
		}
	})
}

func TestAdminRevokesAKeyWhoseEndIsTyped(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		keys, err := s.co.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path := "/test/settings/keys/" + keys[0].ID
		if w := s.adminPost(manager, path+"/revoke", url.Values{"last4": {"nope"}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("the wrong characters answered %d", w.Code)
		}
		if w := s.adminPost(manager, "/live/settings/keys/"+keys[0].ID+"/revoke", url.Values{"last4": {keys[0].Last4}}); w.Code != http.StatusNotFound {
			t.Errorf("a test key in live mode answered %d", w.Code)
		}
		if got := s.api("GET", "/account", ""); got.Code != http.StatusOK {
			t.Fatalf("the key has ended: %d", got.Code)
		}
		w := s.adminPost(manager, path+"/revoke", url.Values{"last4": {keys[0].Last4}})
		if w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "settings/keys?done=key.revoked") {
			t.Errorf("revoking answered %d to %s", w.Code, w.Header().Get("Location"))
		}
		if got := s.api("GET", "/account", ""); got.Code != http.StatusUnauthorized {
			t.Errorf("the revoked key still opens the API: %d", got.Code)
		}
		if page := s.admin(manager, path).Body.String(); strings.Contains(page, `name="once"`) || !strings.Contains(page, "Revoked") {
			t.Errorf("the page of a revoked key offers changes: %s", page)
		}
		reader := person{Actor: Actor{ID: "r"}, access: AccessRead}
		if page := s.admin(reader, "/test/settings/keys").Body.String(); strings.Contains(page, "<form") {
			t.Error("a form is offered to somebody who may only read")
		}
	})
}
