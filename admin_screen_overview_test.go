package checkout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

func TestOverviewSumsUp(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for range 2 {
			s.pay(s.create(seedBody), "4242424242424242")
		}
		s.clock.advance(24 * time.Hour)
		s.pay(s.create(seedBody), "4242424242424242")
		id := s.create(seedBody)
		s.clock.advance(2 * time.Hour)
		s.work()
		s.want(id, "expired", "unpaid")
		page := s.adminOK(manager, "/test")
		for _, want := range []string{"€25.00", "€75.00", "<bdi>3</bdi> payments", "<bdi>50%</bdi> of orders paid", "<bdi>75%</bdi> of orders paid", "<bdi>1</bdi> expired",
			`<rect x="336" y="0" width="9" height="100"/>`, `<rect x="348" y="50" width="9" height="50"/>`} {
			if !strings.Contains(page, want) {
				t.Errorf("the overview lacks %s: %s", want, page)
			}
		}
		if n := strings.Count(page, `<tr><th scope="row">`); n != 30 {
			t.Errorf("the table has %d days", n)
		}
	})
}

func TestOverviewTellsOfWebhooksThatFail(t *testing.T) {
	s := oneShop(t)
	hook, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: "https://shop.example/hook"})
	if err != nil {
		t.Fatal(err)
	}
	if page := s.adminOK(manager, "/test"); strings.Contains(page, "https://shop.example/hook") || !strings.Contains(page, "stored readable") {
		t.Errorf("the overview is %s", page)
	}
	told := func(after, want, link string) {
		t.Helper()
		if page := s.adminOK(manager, "/test"); !strings.Contains(page, want) || !strings.Contains(page, link) {
			t.Errorf("after %s the overview is %s", after, page)
		}
	}
	for _, step := range []struct{ change, want, link string }{
		{"failing_since = 1736500000000, failures = 3", "have failed since", "/deliveries?state=failed&amp;endpoint=" + hook},
		{"status = 'disabled'", "is off", "/settings/webhook/" + hook},
	} {
		if _, err := s.co.store.direct(t.Context()).exec(`UPDATE {endpoints} SET `+step.change+` WHERE id = ?`, hook); err != nil {
			t.Fatal(err)
		}
		told(step.change, step.want, step.link)
	}
	if _, err := s.co.store.direct(t.Context()).exec(`UPDATE {endpoints} SET status = 'enabled', failing_since = NULL`); err != nil {
		t.Fatal(err)
	}
	s.pay(s.create(seedBody), "4242424242424242")
	if _, err := s.co.store.direct(t.Context()).exec(`UPDATE {deliveries} SET state = 'failed'`); err != nil {
		t.Fatal(err)
	}
	told("a webhook that was given up", "were given up", "/deliveries?state=failed&amp;endpoint="+hook)
}

// The overview lists what is still to be done, until nothing is.
func TestOverviewListsTheSetUp(t *testing.T) {
	a := newAccount()
	a.test = true
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.Providers, c.SecretKey = []Provider{a}, []byte(strings.Repeat("k", 32)) })
	todo := func(mode string) (list []string) {
		page := s.adminOK(manager, "/"+mode)
		for _, name := range []string{"key", "webhook", "seller", "provider"} {
			if text := s.co.desk.texts.say("en", "setup."+name+".text"); strings.Contains(page, text) {
				list = append(list, name)
			}
		}
		return list
	}
	if got := todo("live"); !slices.Equal(got, []string{"key", "webhook", "seller", "provider"}) {
		t.Errorf("live mode lacks %v", got)
	}
	if got := todo("test"); !slices.Equal(got, []string{"webhook", "seller"}) {
		t.Errorf("test mode lacks %v", got)
	}
	if _, err := s.co.SetWebhook(t.Context(), Test, "https://shop.example/hook"); err != nil {
		t.Fatal(err)
	}
	if got := todo("test"); !slices.Equal(got, []string{"seller"}) || strings.Contains(s.adminOK(manager, "/test"), "stored readable") {
		t.Errorf("with a webhook and a secret key, test mode lacks %v", got)
	}
	s.co.cfg.Seller.LegalName = "Acme GmbH"
	if page := s.adminOK(manager, "/test"); strings.Contains(page, `id="setup"`) {
		t.Errorf("nothing is to be done, and the list is still there: %s", page)
	}
	keys, err := s.co.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := s.co.RevokeKey(t.Context(), k.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := todo("test"); !slices.Equal(got, []string{"key"}) {
		t.Errorf("without a key that works, test mode lacks %v", got)
	}
}
