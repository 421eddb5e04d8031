package checkout

import (
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// namedProvider is a provider of which New asks the name only.
type namedProvider struct {
	Provider
	name string
}

func (p namedProvider) Name() string { return p.name }

func TestNewRefusesWhatIsDoubtfulAndNamesTheField(t *testing.T) {
	db := dbtest.Open(t, dbtest.SQLite, nil)
	for _, c := range []struct {
		field string
		spoil func(*Config)
	}{
		{"DB", func(c *Config) { c.DB = nil }},
		{"DB", func(c *Config) { c.DB = &gorm.DB{} }},
		{"DB", func(c *Config) { c.DB = &gorm.DB{Config: &gorm.Config{}} }},
		{"BaseURL", func(c *Config) { c.BaseURL = "" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "shop.example" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "ftp://shop.example" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://u:p@shop.example" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://shop.example?x=1" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://shop.example/#top" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://shop.example:99999" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://shop.example/a b" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://shop.example/a%2fb" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "https://shop.example/a/../b" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "http://shop.example" }},
		{"BaseURL", func(c *Config) { c.BaseURL = "http://8.8.8.8" }},
		{"Mail.From", func(c *Config) { c.Mailer = &outTray{} }},
		{"Mail.From", func(c *Config) { c.Mail.From = "Acme Coffee" }},
		{"Mail.From", func(c *Config) { c.Mail.From = "Acme\r\nBcc: x@y.example <billing@acme.example>" }},
		{"Mail.From", func(c *Config) { c.Mail.From = "a@acme.example, b@acme.example" }},
		{"Mail.ReplyTo", func(c *Config) { c.Mail.ReplyTo = "help@acme.example\n" }},
		{"Mail.ReplyTo", func(c *Config) { c.Mail.ReplyTo = "help" }},
		{"APIPath", func(c *Config) { c.APIPath = "api" }},
		{"APIPath", func(c *Config) { c.APIPath = "/api/" }},
		{"APIPath", func(c *Config) { c.APIPath = "/" }},
		{"APIPath", func(c *Config) { c.APIPath = "/api/{id}" }},
		{"APIPath", func(c *Config) { c.APIPath = "/api//v1" }},
		{"APIPath", func(c *Config) { c.APIPath = "/api/../v1" }},
		{"PagePath", func(c *Config) { c.PagePath = "/pay me" }},
		{"PagePath", func(c *Config) { c.PagePath = "/./pay" }},
		{"PagePath", func(c *Config) { c.PagePath = "/api/checkout/v1" }},
		{"PagePath", func(c *Config) { c.PagePath = "/api" }},
		{"PagePath", func(c *Config) { c.PagePath = "/api/checkout/v1/pages" }},
		{"TablePrefix", func(c *Config) { c.TablePrefix = "Checkout_" }},
		{"TablePrefix", func(c *Config) { c.TablePrefix = "x; DROP TABLE y; --" }},
		{"TablePrefix", func(c *Config) { c.TablePrefix = "1_" }},
		{"TablePrefix", func(c *Config) { c.TablePrefix = "a.b.c" }},
		{"TablePrefix", func(c *Config) { c.TablePrefix = strings.Repeat("a", 30) }},
		{"TablePrefix", func(c *Config) { c.TablePrefix = "pay." }}, // SQLite has no schemas
		{"SessionTTL", func(c *Config) { c.SessionTTL = 59 * time.Second }},
		{"SessionTTL", func(c *Config) { c.SessionTTL = -time.Hour }},
		{"SessionTTL", func(c *Config) { c.SessionTTL = 31 * 24 * time.Hour }},
		{"SecretKey", func(c *Config) { c.SecretKey = make([]byte, 31) }},
		{"Brand.HeaderWord", func(c *Config) { c.Brand.HeaderWord = "Jo Pay" }},
		{"Brand.HeaderWord", func(c *Config) { c.Brand.HeaderWord = "JoPay\r\nX" }},
		{"Brand.HeaderWord", func(c *Config) { c.Brand.HeaderWord = "1Pay" }},
		{"Seller.LegalNoticeURL", func(c *Config) { c.Seller.LegalNoticeURL = "/legal" }},
		{"Seller.PrivacyURL", func(c *Config) { c.Seller.PrivacyURL = "javascript:alert(1)" }},
		{"Seller.TermsURL", func(c *Config) { c.Seller.TermsURL = "//shop.example" }},
		{"Providers", func(c *Config) { c.Providers = []Provider{nil} }},
		{"Providers", func(c *Config) { c.Providers = []Provider{namedProvider{name: ""}} }},
		{"Providers", func(c *Config) { c.Providers = []Provider{namedProvider{name: "My Bank"}} }},
		{"Providers", func(c *Config) { c.Providers = []Provider{namedProvider{name: "sandbox"}} }},
		{"Providers", func(c *Config) { c.Providers = []Provider{namedProvider{name: "bank"}, namedProvider{name: "bank"}} }},
		{"AllowedRedirects", func(c *Config) { c.AllowedRedirects = []string{"https://shop.example/path"} }},
		{"AllowedRedirects", func(c *Config) { c.AllowedRedirects = []string{"*"} }},
		{"EmbedOrigins", func(c *Config) { c.EmbedOrigins = []string{"shop.example"} }},
		{"EmbedOrigins", func(c *Config) { c.EmbedOrigins = []string{"https://a.example; script-src *"} }},
		{"WebhookAllowHosts", func(c *Config) { c.WebhookAllowHosts = []string{"10.0.0.0/99"} }},
		{"TrustedProxies", func(c *Config) { c.TrustedProxies = []string{"proxy.example"} }},
		{"TrustedProxies", func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/99"} }},
		{"Templates", func(c *Config) { c.Templates = fstest.MapFS{"page.html": {Data: []byte("{{.Broken")}} }},
	} {
		cfg := Config{DB: db, BaseURL: "https://shop.example"}
		c.spoil(&cfg)
		co, err := New(cfg)
		if err == nil || co != nil || !strings.HasPrefix(err.Error(), "checkout: Config."+c.field+" ") {
			t.Errorf("%s was answered with %v", c.field, err)
		}
	}
}

func TestNewTakesWhatHostsHave(t *testing.T) {
	db := dbtest.Open(t, dbtest.SQLite, nil)
	for name, set := range map[string]func(*Config){
		"nothing more":     func(*Config) {},
		"slash at the end": func(c *Config) { c.BaseURL = "https://shop.example/" },
		"below a path":     func(c *Config) { c.BaseURL = "https://shop.example/de/shop" },
		"localhost":        func(c *Config) { c.BaseURL = "http://localhost:8080" },
		"private network":  func(c *Config) { c.BaseURL = "http://192.168.1.5:8080" },
		"IPv6 loopback":    func(c *Config) { c.BaseURL = "http://[::1]:8080" },
		"test name":        func(c *Config) { c.BaseURL = "http://shop.test" },
		"paths":            func(c *Config) { c.APIPath, c.PagePath = "/pay/api", "/pay/page" },
		"paths that rhyme": func(c *Config) { c.APIPath, c.PagePath = "/checkout-api", "/checkout" },
		"prefix":           func(c *Config) { c.TablePrefix = "x" },
		"a minute":         func(c *Config) { c.SessionTTL = time.Minute },
		"30 days":          func(c *Config) { c.SessionTTL = 30 * 24 * time.Hour },
		"key":              func(c *Config) { c.SecretKey = make([]byte, 32) },
		"providers":        func(c *Config) { c.Providers = []Provider{namedProvider{name: "a"}, namedProvider{name: "b-2"}} },
		"proxies":          func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8"} },
		"origins":          func(c *Config) { c.AllowedRedirects = []string{"https://shop.example", "http://localhost:3000/"} },
	} {
		cfg := Config{DB: db, BaseURL: "https://shop.example"}
		set(&cfg)
		if co, err := New(cfg); err != nil || co == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewTouchesNoTable(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		cfg := Config{DB: db, BaseURL: "https://shop.example"}
		if _, err := New(cfg); err != nil {
			t.Fatal(err)
		}
		if tables, err := db.Migrator().GetTables(); err != nil || len(tables) != 0 {
			t.Errorf("tables after New: %v, %v", tables, err)
		}
		if cfg.APIPath != "" || cfg.TablePrefix != "" || cfg.Logger != nil || cfg.Now != nil || !reflect.DeepEqual(cfg.Brand, Brand{}) {
			t.Error("New changed the host's own Config")
		}
		pool, err := db.DB()
		apiMust(t, err)
		apiMust(t, pool.Close())
		if _, err := New(cfg); err != nil {
			t.Errorf("New asked a closed database: %v", err)
		}
	})
}

func TestTwoCheckoutsOnOneHandleAreStrangers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		a := newShop(t, db, func(c *Config) { c.TablePrefix = "a_" })
		b := newShop(t, db, func(c *Config) { c.TablePrefix = "b_"; c.Brand = Brand{Name: "Bee", HeaderWord: "Bee"} })
		rxA, rxB := newReceiver(t, nil), newReceiver(t, nil)
		for _, p := range []struct {
			s  *shop
			rx *receiver
		}{{a, rxA}, {b, rxB}} {
			_, err := p.s.co.SetWebhook(t.Context(), Test, p.rx.URL)
			apiMust(t, err)
			p.s.run()
		}
		idA, idB := a.create(seedBody), b.create(seedBody)
		wantRefusal(t, a.api("GET", "/sessions/"+idB, ""), http.StatusNotFound, "resource_missing", "")
		wantRefusal(t, b.api("GET", "/sessions/"+idB, "", "Authorization", "Bearer "+a.key), http.StatusUnauthorized, "api_key_invalid", "")
		if w := b.page("/checkout/" + idA); w.Code != http.StatusNotFound {
			t.Errorf("the page of the other's session answered %d", w.Code)
		}
		b.pay(idB, "4242424242424242")
		got := rxB.wait(t, 1)[0]
		if got.header.Get("X-Bee-Signature") == "" || got.header.Get("X-JoPay-Signature") != "" || !strings.Contains(got.body, idB) {
			t.Errorf("webhook: %v %s", got.header, got.body)
		}
		a.pay(idA, "4242424242424242")
		if got := rxA.wait(t, 1)[0]; got.header.Get("X-JoPay-Signature") == "" || !strings.Contains(got.body, idA) {
			t.Errorf("webhook: %v %s", got.header, got.body)
		}
		if len(rxA.all()) != 1 || len(rxB.all()) != 1 || a.count("events", "1 = 1") != 1 || b.count("events", "1 = 1") != 1 {
			t.Errorf("%d and %d webhooks, %d and %d events", len(rxA.all()), len(rxB.all()), a.count("events", "1 = 1"), b.count("events", "1 = 1"))
		}
	})
}

func TestMigrateSixteenAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		handles := []*gorm.DB{db, dbtest.Reopen(t, db, nil), dbtest.Reopen(t, db, nil), dbtest.Reopen(t, db, nil)}
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if err := Migrate(t.Context(), handles[i%4], ""); err != nil {
					t.Errorf("migration %d: %v", i, err)
				}
			})
		}
		all.Wait()
		s := newShop(t, db)
		if got := s.get(s.create(seedBody)); got["status"] != "pending" {
			t.Errorf("the session is %v", got)
		}
	})
}

func TestMigrateAndSchemaRefuse(t *testing.T) {
	if err := Migrate(t.Context(), nil, ""); err == nil {
		t.Error("a nil database was taken")
	}
	db := dbtest.Open(t, dbtest.SQLite, nil)
	for _, prefix := range []string{"A_", "x y", "x;", "pay."} {
		if err := Migrate(t.Context(), db, prefix); err == nil {
			t.Errorf("prefix %q was taken", prefix)
		}
	}
	for _, c := range [][2]string{{"mysql", ""}, {"sqlite", "A_"}, {"sqlite", "pay."}, {"", ""}} {
		if _, err := Schema(c[0], c[1]); err == nil {
			t.Errorf("Schema(%q, %q) was given", c[0], c[1])
		}
	}
	if sql, err := Schema("postgres", "pay."); err != nil || !strings.Contains(sql, "CREATE TABLE pay.sessions") {
		t.Errorf("Schema for a schema: %v", err)
	}
}
