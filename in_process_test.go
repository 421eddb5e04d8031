package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

func TestCreateSessionInProcessIsTheAPIsSession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		params := orderParams()
		params.LineItems[0].Quantity = 0 // defaults to 1
		params.Metadata = map[string]any{"b": 1, "a": "x", "10": true, "9": 1.5}
		made, err := s.co.CreateSession(t.Context(), params)
		apiMust(t, err)
		if made.AmountCents != 500 || made.Currency != "eur" || made.Status != StatusPending || made.Livemode || made.Locale != "auto" || made.LineItems[0].Quantity != 1 ||
			string(made.Metadata) != `{"9":1.5,"10":true,"a":"x","b":1}` || !made.ExpiresAt.Equal(s.clock.now().Add(time.Hour)) {
			t.Errorf("made %+v", made)
		}
		if params.LineItems[0].Currency != "EUR" || params.LineItems[0].Quantity != 0 {
			t.Error("the caller's own line items were changed")
		}
		read, err := s.co.Session(t.Context(), made.ID)
		apiMust(t, err)
		shown, err := text(read)
		apiMust(t, err)
		if w := s.api("GET", "/sessions/"+made.ID, ""); w.Body.String() != shown {
			t.Errorf("the API shows %s\nwant %s", w.Body, shown)
		}
		ended, err := s.co.ExpireSession(t.Context(), made.ID)
		apiMust(t, err)
		if ended.Status != StatusExpired || ended.ExpiredAt == nil {
			t.Errorf("ended as %s at %v", ended.Status, ended.ExpiredAt)
		}
	})
}

func TestCreateSessionInProcessHoldsToTheSameRules(t *testing.T) {
	s := apiShop(t)
	for want, spoil := range map[string]func(*SessionParams){
		"mode parameter_missing":                        func(p *SessionParams) { p.Mode = "" },
		"line_items parameter_missing":                  func(p *SessionParams) { p.LineItems = nil },
		"line_items[0].amount amount_too_small":         func(p *SessionParams) { p.LineItems[0].Amount = -1 },
		"line_items[0].quantity quantity_invalid":       func(p *SessionParams) { p.LineItems[0].Quantity = -1 },
		"line_items[0].name parameter_invalid_string":   func(p *SessionParams) { p.LineItems[0].Name = "\xff" },
		"line_items[0].sku parameter_invalid_string":    func(p *SessionParams) { p.LineItems[0].SKU = pointer("a\x00") },
		"success_url url_invalid":                       func(p *SessionParams) { p.SuccessURL = "https://a.example/\xff" },
		"customer_email email_invalid":                  func(p *SessionParams) { p.CustomerEmail = "a\xff@example.com" },
		"client_reference_id parameter_invalid_string":  func(p *SessionParams) { p.ClientReferenceID = "\xc0" },
		"expires_in expires_out_of_range":               func(p *SessionParams) { p.ExpiresIn = time.Second },
		"metadata metadata_invalid":                     func(p *SessionParams) { p.Metadata = map[string]any{"a": make(chan int)} },
		"metadata.a metadata_invalid":                   func(p *SessionParams) { p.Metadata = map[string]any{"a": []int{1}} },
		"payment_methods payment_method_unavailable":    func(p *SessionParams) { p.PaymentMethods = []string{} },
		"embed_origin embed_origin_not_allowed":         func(p *SessionParams) { p.EmbedOrigin = "https://evil.example" },
		"billing_details.name parameter_invalid_string": func(p *SessionParams) { p.BillingDetails = &BillingDetails{Name: pointer("\xff")} },
	} {
		params := orderParams()
		spoil(&params)
		_, err := s.co.CreateSession(t.Context(), params)
		var e *Error
		if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Param+" "+e.Fields[0].Code != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	if n := s.count("sessions", "1 = 1"); n != 0 {
		t.Errorf("%d sessions were stored", n)
	}
}

// hostOrders gives the host a table of its own, beside ours.
func hostOrders(t *testing.T, db *gorm.DB) {
	t.Helper()
	apiMust(t, db.Exec("CREATE TABLE orders (id TEXT PRIMARY KEY)").Error)
}

func rowsOf(t *testing.T, db *gorm.DB, table string) (n int64) {
	t.Helper()
	apiMust(t, db.Table(table).Count(&n).Error)
	return n
}

var errHost = errors.New("the host changed its mind")

func TestWithTxCommitsAndRollsBackWithTheHost(t *testing.T) {
	for _, conns := range []int{1, 5} {
		t.Run(fmt.Sprintf("%d connections", conns), func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				pool, err := s.db.DB()
				apiMust(t, err)
				pool.SetMaxOpenConns(conns)
				hostOrders(t, s.db)
				old := s.create(seedBody)
				for _, outcome := range []error{errHost, nil} {
					if err := s.sellInTx(t.Context(), old, outcome); !errors.Is(err, outcome) {
						t.Fatalf("the transaction gave %v, want %v", err, outcome)
					}
					rows, status, events := int64(0), "pending", 0
					if outcome == nil {
						rows, status, events = 1, "expired", 1
					}
					if n := rowsOf(t, s.db, "orders"); n != rows {
						t.Errorf("after %v the host has %d orders, want %d", outcome, n, rows)
					}
					if n := s.count("sessions", "client_reference_id = 'tx'"); int64(n) != rows {
						t.Errorf("after %v there are %d sessions, want %d", outcome, n, rows)
					}
					if got := s.get(old)["status"]; got != status {
						t.Errorf("after %v the old session is %v, want %s", outcome, got, status)
					}
					if n := s.count("events", "type = ?", webhook.SessionExpired); n != events {
						t.Errorf("after %v there are %d events, want %d", outcome, n, events)
					}
				}
			})
		})
	}
}

// sellInTx uses every verb inside one transaction of the host, which ends with outcome.
func (s *shop) sellInTx(ctx context.Context, old string, outcome error) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		co := s.co.WithTx(tx)
		if err := tx.Exec("INSERT INTO orders (id) VALUES ('1')").Error; err != nil {
			return err
		}
		params := orderParams()
		params.ClientReferenceID, params.IdempotencyKey = "tx", "tx"
		made, err := co.CreateSession(ctx, params)
		if err != nil {
			return err
		}
		if again, err := co.CreateSession(ctx, params); err != nil || again.ID != made.ID || !again.Replayed() {
			return fmt.Errorf("replay inside: %w", err)
		}
		if read, err := co.Session(ctx, made.ID); err != nil || read.ID != made.ID {
			return fmt.Errorf("read inside: %w", err)
		}
		if list, _, err := co.Sessions(ctx, SessionFilter{Mode: Test, ClientReferenceID: "tx"}); err != nil || len(list) != 1 {
			return fmt.Errorf("list inside: %d, %w", len(list), err)
		}
		if _, err := co.Session(ctx, "cs_"+hex44("0")); !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("unknown inside: %w", err)
		}
		if _, err := co.CreateSession(ctx, SessionParams{Mode: Test}); err == nil {
			return errors.New("an empty order was taken")
		}
		if ended, err := co.ExpireSession(ctx, old); err != nil || ended.Status != StatusExpired {
			return fmt.Errorf("expire inside: %w", err)
		}
		return outcome
	})
}

func TestWithTxRefusalsLeaveTheHostsTransactionAlive(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		hostOrders(t, s.db)
		paid := s.create(seedBody)
		s.pay(paid, "4242424242424242")
		params := orderParams()
		params.IdempotencyKey = "k"
		_, err := s.co.CreateSession(t.Context(), params)
		apiMust(t, err)
		err = s.db.Transaction(func(tx *gorm.DB) error {
			co := s.co.WithTx(tx)
			if _, err := co.ExpireSession(t.Context(), paid); !errors.Is(err, ErrNotPending) {
				t.Errorf("the expiry of a paid session gave %v", err)
			}
			other := params
			other.ClientReferenceID = "other"
			if _, err := co.CreateSession(t.Context(), other); !errors.Is(err, ErrKeyReused) {
				t.Errorf("another order under the key gave %v", err)
			}
			return tx.Exec("INSERT INTO orders (id) VALUES ('1')").Error
		})
		apiMust(t, err)
		if n := rowsOf(t, s.db, "orders"); n != 1 {
			t.Errorf("the host has %d orders", n)
		}
	})
}

// Hosts on SQLite often allow one connection only; a second one inside a request would wait for ever.
func TestWholeSaleOnOneConnection(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		apiMust(t, err)
		pool.SetMaxOpenConns(1)
		s := newShop(t, db)
		rx := newReceiver(t, nil)
		_, err = s.co.SetWebhook(t.Context(), Test, rx.URL)
		apiMust(t, err)
		s.run()
		id := s.create(seedBody)
		s.pay(id, "4000000000000002")
		s.pay(id, "4242424242424242")
		s.api("POST", "/sessions/"+s.create(seedBody)+"/expire", "")
		for _, got := range rx.wait(t, 3) {
			if !strings.HasPrefix(got.body, `{"event":"checkout.`) {
				t.Errorf("webhook %s", got.body)
			}
		}
		if got := s.get(id); got["status"] != "completed" {
			t.Errorf("the session is %v", got["status"])
		}
	})
}
