package checkout

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// hostSettings are ways in which hosts open their database.
var hostSettings = map[string]struct {
	config  gorm.Config
	oneConn bool
}{
	"plain":                 {},
	"own names":             {config: gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: "app_", SingularTable: true}}},
	"prepared statements":   {config: gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}},
	"translated errors":     {config: gorm.Config{TranslateError: true}},
	"fields and no nesting": {config: gorm.Config{QueryFields: true, DisableNestedTransaction: true, FullSaveAssociations: true}},
	"one connection":        {oneConn: true},
	"all together": {oneConn: true, config: gorm.Config{
		NamingStrategy: schema.NamingStrategy{TablePrefix: "app_", SingularTable: true}, PrepareStmt: true, SkipDefaultTransaction: true,
		TranslateError: true, QueryFields: true,
	}},
}

// eachHost runs a body for all settings on both databases; the host's logger shows everything and writes into log.
func eachHost(t *testing.T, body func(t *testing.T, db *gorm.DB, log *logBuffer)) {
	for name, settings := range hostSettings {
		for _, dialect := range dbtest.Dialects() {
			t.Run(name+"/"+dialect, func(t *testing.T) {
				config, log := settings.config, &logBuffer{}
				config.Logger = infoLogger(log)
				db := dbtest.Open(t, dialect, &config)
				if settings.oneConn {
					oneConnection(t, db)
				}
				body(t, db, log)
			})
		}
	}
}

func TestWholeSaleUnderAnyHost(t *testing.T) {
	eachHost(t, func(t *testing.T, db *gorm.DB, log *logBuffer) {
		if err := db.AutoMigrate(&hostOrder{}); err != nil {
			t.Fatal(err)
		}
		rx, b := newReceiver(t, nil), &bookkeeping{}
		s := newShop(t, db, func(c *Config) { c.OnEvent = b.hook })
		secret, err := s.co.SetWebhook(t.Context(), Test, rx.URL)
		if err != nil {
			t.Fatal(err)
		}
		paid, expired := s.create(strings.Replace(seedBody, `"customer_email":"customer@example.com",`, "", 1)), s.create(seedBody)
		for _, number := range []string{"4000000000000002", "4242424242424242"} {
			form := s.form(paid, number)
			form.Set("email", "typed@example.com")
			s.post("/checkout/"+paid, form)
		}
		s.want(paid, "completed", "paid")
		s.wantAttempts(paid, "failed:declined", "succeeded")
		s.clock.advance(2 * time.Hour)
		s.runWhile(func() { rx.wait(t, 3) })
		s.want(expired, "expired", "unpaid")
		for _, got := range rx.all() {
			if err := webhook.Verify([]byte(got.body), got.header.Get("X-JoPay-Signature"), secret, webhook.WithClock(s.clock.now)); err != nil {
				t.Error(err)
			}
		}
		if w := s.api("GET", "/sessions?customer_email=typed@example.com", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), paid) {
			t.Errorf("the list answered %d: %s", w.Code, w.Body)
		}
		if s.orders() != 2 {
			t.Errorf("the host has %d orders, want 2", s.orders())
		}
		s.wantInvariants()
		s.wantNothingOfOursIn(log, secret, paid)
	})
}

// wantNothingOfOursIn reads the log of the host's GORM, which shows statements with their parameters.
func (s *shop) wantNothingOfOursIn(log *logBuffer, secret, id string) {
	s.t.Helper()
	text := log.String()
	if !strings.Contains(text, "host_order") {
		s.t.Fatal("the host's logger was not in use")
	}
	for what, part := range map[string]string{
		"the API key": s.key, "its hash": sha256Hex(s.key), "the webhook secret": secret, "an e-mail": "@example.com",
		"the page's key": "secret_key", "an order": "Premium Coffee", "a card": "4242", "metadata": "order_id", "a payment": prefixPayment,
		"a statement on sessions": "checkout_sessions", "a statement on keys": "checkout_keys",
	} {
		for line := range strings.Lines(text) {
			theirs := strings.Contains(line, "host_order")
			if strings.Contains(line, part) && !theirs {
				s.t.Errorf("%s is in the host's log: %.200s", what, line)
				break
			}
		}
	}
	if strings.Contains(s.log.String(), "@example.com") || strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), id) {
		s.t.Error("our own log shows an e-mail, a secret or a whole session id")
	}
}

func TestTwoPrefixesOnOneHandleKeepTheirTablesApart(t *testing.T) {
	eachHost(t, func(t *testing.T, db *gorm.DB, _ *logBuffer) {
		var shops []*shop
		for _, prefix := range []string{"north_", "south_"} {
			shops = append(shops, newShop(t, db, func(c *Config) { c.TablePrefix = prefix }))
		}
		north, south := shops[0], shops[1]
		id := north.create(seedBody)
		north.pay(id, "4242424242424242")
		north.want(id, "completed", "paid")
		for _, table := range []string{"sessions", "payments", "events", "sandbox_charges"} {
			if n, m := north.count(table, "1 = 1"), south.count(table, "1 = 1"); n != 1 || m != 0 {
				t.Errorf("%s: %d in the north, %d in the south", table, n, m)
			}
		}
		if w := south.api("GET", "/sessions/"+id, ""); w.Code != http.StatusNotFound {
			t.Errorf("the south shows the north's session: %d", w.Code)
		}
		r := north.key
		north.key = south.key
		if w := north.api("GET", "/account", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("the north takes the south's key: %d", w.Code)
		}
		north.key = r
	})
}

func TestHostsOwnModelsAndHandleAreUntouched(t *testing.T) {
	eachHost(t, func(t *testing.T, db *gorm.DB, _ *logBuffer) {
		if err := db.AutoMigrate(&hostOrder{}); err != nil {
			t.Fatal(err)
		}
		if err := db.Create(&hostOrder{SessionID: "mine", Paid: true}).Error; err != nil {
			t.Fatal(err)
		}
		logger, naming, skip := db.Logger, db.NamingStrategy, db.SkipDefaultTransaction
		s := newShop(t, db)
		s.pay(s.create(seedBody), "4242424242424242")
		var got hostOrder
		if err := db.Where(&hostOrder{SessionID: "mine"}).First(&got).Error; err != nil || !got.Paid || s.orders() != 1 {
			t.Errorf("the host reads %+v, %v", got, err)
		}
		if db.Logger != logger || db.NamingStrategy != naming || db.SkipDefaultTransaction != skip {
			t.Error("the settings of the host's handle have changed")
		}
	})
}

// A newer version of ours, running beside, may have added a column.
func TestColumnAddedByAnotherProcessDoesNotMatter(t *testing.T) {
	eachHost(t, func(t *testing.T, db *gorm.DB, _ *logBuffer) {
		s := newShop(t, db)
		id := s.create(seedBody)
		for _, table := range []string{"sessions", "payments", "events", "deliveries", "endpoints"} {
			if err := dbtest.Reopen(t, db, nil).Exec("ALTER TABLE checkout_" + table + " ADD COLUMN of_tomorrow TEXT").Error; err != nil {
				t.Fatal(err)
			}
		}
		s.pay(id, "4242424242424242")
		s.want(id, "completed", "paid")
		s.want(s.create(seedBody), "pending", "unpaid")
	})
}

func TestSessionOfARolledBackOrderIsGone(t *testing.T) {
	eachHost(t, func(t *testing.T, db *gorm.DB, _ *logBuffer) {
		s := newShop(t, db)
		for _, commit := range []bool{false, true} {
			tx := db.Begin()
			session, err := s.co.WithTx(tx).CreateSession(t.Context(), SessionParams{
				Mode: Test, LineItems: []LineItem{{Name: "Beans", Amount: 1, Currency: "eur", Quantity: 1}},
				SuccessURL: "https://a.example", CancelURL: "https://a.example",
			})
			if err != nil {
				t.Fatal(err)
			}
			end := tx.Rollback
			if commit {
				end = tx.Commit
			}
			if err := end().Error; err != nil {
				t.Fatal(err)
			}
			if n := s.count("sessions", "id = ?", session.ID); (n == 1) != commit {
				t.Errorf("committed %t, and %d sessions", commit, n)
			}
		}
	})
}
