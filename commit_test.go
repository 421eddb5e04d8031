package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
)

// errCut is how a lost connection looks. It passes, so that it is tried again.
var errCut = io.ErrUnexpectedEOF

// errBroke is an error that nobody can place. It is not tried again.
var errBroke = errors.New("the disk made a strange noise")

var moments = []string{before, after}

func TestCreateSurvivesALostAnswer(t *testing.T) {
	for _, moment := range moments {
		t.Run(moment, func(t *testing.T) {
			eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
				f.once("INSERT INTO checkout_sessions", moment, errCut)
				w := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "order-1")
				if w.Code != http.StatusCreated || w.Header().Get("Idempotent-Replayed") != "" {
					t.Errorf("create answered %d, replayed %q: %s", w.Code, w.Header().Get("Idempotent-Replayed"), w.Body)
				}
				if f.count() != 1 {
					t.Fatal("the fault did not happen")
				}
				if n := s.count("sessions", "1 = 1"); n != 1 {
					t.Errorf("%d sessions", n)
				}
				again := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "order-1")
				if again.Header().Get("Idempotent-Replayed") != "true" || again.Body.String() != w.Body.String() {
					t.Errorf("the repeat answered %s", again.Body)
				}
			})
		})
	}
}

// commitNumber lets the n-th COMMIT fail, from 1.
func commitNumber(f *faults, n int, moment string) {
	seen := 0
	f.when(func(call string) (string, error) {
		if call == callCommit {
			if seen++; seen == n {
				return moment, errCut
			}
		}
		return "", nil
	})
}

func TestPaySurvivesALostCommit(t *testing.T) {
	for n, what := range map[int]string{1: "of the attempt", 2: "of the outcome"} {
		for _, moment := range moments {
			t.Run(moment+" "+what, func(t *testing.T) {
				calls := 0
				hook := func(_ context.Context, tx *gorm.DB, e Event) error {
					calls++
					return tx.Exec("INSERT INTO host_orders (id) VALUES (?)", e.SessionID).Error
				}
				eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
					if err := s.db.Exec("CREATE TABLE host_orders (id TEXT PRIMARY KEY)").Error; err != nil {
						t.Fatal(err)
					}
					id := s.create(seedBody)
					form := s.form(id, "4242424242424242")
					commitNumber(f, n, moment)
					w := s.post("/checkout/"+id, form)
					if fired := f.count(); fired != 1 || !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
						t.Errorf("%d faults; the buyer got %d to %q", fired, w.Code, w.Header().Get("Location"))
					}
					s.want(id, "completed", "paid")
					s.wantAttempts(id, "succeeded")
					s.wantEvents(id, 1, 0, 0)
					var orders int
					if err := s.db.Raw("SELECT COUNT(*) FROM host_orders").Row().Scan(&orders); err != nil || orders != 1 {
						t.Errorf("the hook counted effectively %d times, %v", orders, err)
					}
					if c := s.count("sandbox_charges", "session_id = ?", id); c != 1 {
						t.Errorf("%d charges", c)
					}
					s.wantInvariants()
				}, func(c *Config) { c.OnEvent = hook })
			})
		}
	}
}

func TestExpireSurvivesALostCommit(t *testing.T) {
	for _, moment := range moments {
		t.Run(moment, func(t *testing.T) {
			eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
				id := s.create(seedBody)
				f.once(callCommit, moment, errCut)
				if w := s.api("POST", "/sessions/"+id+"/expire", ""); w.Code != http.StatusOK || decode(t, w)["status"] != "expired" {
					t.Errorf("expire answered %d: %s", w.Code, w.Body)
				}
				s.wantEvents(id, 0, 1, 0)
				s.wantInvariants()
			})
		})
	}
}

func TestCommitThatNeverWorksIsBusyAndLeavesNothingHalfDone(t *testing.T) {
	eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
		s.co.store.patience = 50 * time.Millisecond
		id := s.create(seedBody)
		form := s.form(id, "4242424242424242")
		f.when(func(call string) (string, error) {
			if call == callCommit {
				return before, errCut
			}
			return "", nil
		})
		if w := s.post("/checkout/"+id, form); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("the buyer got %d", w.Code)
		}
		f.when(nil)
		s.wantAttempts(id)
		s.want(id, "pending", "unpaid")
	})
}

// sale is everything that can happen to an order, one step after the other. A step that fails ends the buyer's patience,
// not the sale: the rest is the workers'.
func (s *shop) sale() {
	w := s.api("POST", "/sessions", seedBody, "Idempotency-Key", newID("order_", s.clock.now()))
	if w.Code != http.StatusCreated {
		return
	}
	id := decode(s.t, w)["id"].(string)
	for _, number := range []string{"4000000000000002", "4000002500003155"} {
		m := tokenRule.FindStringSubmatch(s.page("/checkout/" + id).Body.String())
		if m == nil {
			return
		}
		form := map[string][]string{"token": {m[1]}, "action": {"pay"}, "method": {"test_card"}, "card_number": {number}, "card_exp": {"12/34"}, "card_cvc": {"123"}}
		w = s.post("/checkout/"+id, form)
	}
	bank := strings.TrimPrefix(w.Header().Get("Location"), "http://shop.test")
	if !strings.HasPrefix(bank, "/checkout/test-bank") {
		return
	}
	if m := tokenRule.FindStringSubmatch(s.page(bank).Body.String()); m != nil {
		s.post(bank, map[string][]string{"token": {m[1]}, "answer": {"approve"}})
		s.page("/checkout/" + id + "/return")
	}
}

// settleDown lets the workers do what is left, until long after every time limit.
func (s *shop) settleDown() {
	s.t.Helper()
	for range 3 {
		s.reconcileAfter(2 * time.Hour)
		s.expireDue()
	}
}

func TestAnyCallToTheDatabaseMayFailOnce(t *testing.T) {
	for _, fault := range []error{errCut, errBroke} {
		for _, moment := range moments {
			t.Run(fmt.Sprintf("%s/%v", moment, fault), func(t *testing.T) {
				eachFaultyShop(t, func(t *testing.T, s *shop, f *faults) {
					if _, err := s.co.SetWebhook(t.Context(), Test, "http://127.0.0.1/hook"); err != nil {
						t.Fatal(err)
					}
					n := 1
					for ; s.saleWithFault(f, n, moment, fault); n++ {
						s.settleDown()
						s.wantInvariants()
						if open := s.count("sessions", "status = 'pending'"); open != 0 || t.Failed() {
							t.Fatalf("fault at call %d: %d sessions are stuck: %v", n, open, f.fired)
						}
					}
					if n < 40 {
						t.Errorf("only %d calls could fail", n-1)
					}
				})
			})
		}
	}
}

// saleWithFault lets the n-th call of a sale fail and tells whether there was one.
func (s *shop) saleWithFault(f *faults, n int, moment string, fault error) bool {
	var calls atomic.Int64
	f.when(func(string) (string, error) {
		if calls.Add(1) == int64(n) {
			return moment, fault
		}
		return "", nil
	})
	s.co.shared.keys.forget()
	s.sale()
	happened := f.count() > 0
	f.mu.Lock()
	f.rule = nil
	f.mu.Unlock()
	return happened
}
