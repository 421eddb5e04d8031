package checkout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

var pays = outcome{state: StateSucceeded}

// oneConnection is what hosts do for SQLite.
func oneConnection(t testing.TB, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
}

func TestAttemptIsCommittedBeforeTheProviderIsCalled(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		other := dbtest.Reopen(t, s.db, nil)
		calls := 0
		p.onBegin = func(_ context.Context, r BeginRequest) {
			calls++
			var state string
			err := other.Raw("SELECT state FROM checkout_payments WHERE id = ?", r.AttemptID).Row().Scan(&state)
			if err != nil || state != "open" {
				t.Errorf("another connection sees the attempt as %q, %v", state, err)
			}
		}
		s.payWire(s.create(seedBody))
		if calls != 1 {
			t.Errorf("Begin was called %d times", calls)
		}
	})
}

func TestNoTransactionIsOpenWhileTheProviderIsCalled(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, p *scripted) {
		oneConnection(t, s.db)
		calls := 0
		look := func(what string) {
			calls++
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := s.co.store.ping(ctx); err != nil {
				t.Errorf("the only connection is taken during %s: %v", what, err)
			}
		}
		p.onBegin = func(context.Context, BeginRequest) { look("Begin") }
		p.onObserve = func(context.Context, ChargeRef) { look("Observe") }
		id := s.create(seedBody)
		s.payWire(id)
		s.page("/checkout/" + id + "/return")
		s.reconcileAfter(time.Minute)
		s.notify(scriptedNotice{Event: "e1", AttemptID: s.attempts(id)[0].ID}, "authentic")
		if calls != 4 {
			t.Errorf("the provider was called %d times, want 4", calls)
		}
	})
}

func TestSameFormSentTwicePaysOnce(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		form := s.wire(id)
		for range 2 {
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
				t.Errorf("answer %d to %q", w.Code, w.Header().Get("Location"))
			}
		}
		if n := p.took(id); n != 1 {
			t.Errorf("%d charges", n)
		}
		s.wantAttempts(id, "succeeded")
	})
}

func TestManyParallelClicksPayOnceAndNobodySeesAnError(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		form := s.wire(id)
		for code, n := range s.clickAtOnce(id, form, 64) {
			if code != http.StatusSeeOther {
				t.Errorf("%d buyers saw %d", n, code)
			}
		}
		if n := p.took(id); n != 1 {
			t.Errorf("%d charges", n)
		}
		s.wantAttempts(id, "succeeded")
		s.want(id, "completed", "paid")
	})
}

// clickAtOnce sends a form n times at the same moment and counts the answers by status.
func (s *shop) clickAtOnce(id string, form url.Values, n int) map[int]int {
	start, codes := make(chan struct{}), make(chan int, n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			<-start
			codes <- s.post("/checkout/"+id, form).Code
		})
	}
	close(start)
	wg.Wait()
	close(codes)
	count := map[int]int{}
	for code := range codes {
		count[code]++
	}
	return count
}

func TestStaleFormStartsNothingAfterADecline(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}, pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		stale := s.wire(id)
		s.post("/checkout/"+id, stale)
		if w := s.post("/checkout/"+id, stale); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/checkout/"+id {
			t.Errorf("the stale form answered %d to %q", w.Code, w.Header().Get("Location"))
		}
		s.wantAttempts(id, "failed:declined")
		s.payWire(id)
		s.wantAttempts(id, "failed:declined", "succeeded")
		s.want(id, "completed", "paid")
	})
}

func TestSecondTabIsSentToThePaymentUnderWay(t *testing.T) {
	script := []outcome{{state: StateActionRequired, redirect: "http://shop.test/bank"}}
	eachLiveShop(t, script, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		first, second := s.wire(id), s.wire(id)
		for _, form := range []url.Values{first, second} {
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "http://shop.test/bank" {
				t.Errorf("a tab is sent to %q (%d)", w.Header().Get("Location"), w.Code)
			}
		}
		s.wantAttempts(id, "open")
		s.want(id, "pending", "requires_action")
	})
}

func TestAnswersOfBegin(t *testing.T) {
	unknown := errors.New("scripted: something is wrong, charged or not")
	for _, c := range []struct {
		name    string
		outcome outcome
		attempt string
		status  string // payment_status at once
		later   string // status after reconcile
	}{
		{"rejected", outcome{nothing: true, err: ErrRejected}, "failed:declined", "unpaid", "pending"},
		{"unavailable", outcome{nothing: true, err: ErrUnavailable}, "failed:provider_unavailable", "unpaid", "pending"},
		{"charged, unknown error", outcome{state: StateSucceeded, err: unknown}, "open", "processing", "completed"},
		{"charged, time-out", outcome{state: StateSucceeded, err: context.DeadlineExceeded}, "open", "processing", "completed"},
		{"declined, answer lost", outcome{state: StateFailed, err: unknown}, "open", "processing", "pending"},
		{"nothing said", outcome{state: StateUnknown}, "open", "processing", "pending"},
		{"bank transfer", outcome{state: StateProcessing}, "open", "processing", "pending"},
		{"redirect", outcome{state: StateUnknown, redirect: "https://bank.example"}, "open", "requires_action", "pending"},
		{"declined", outcome{state: StateFailed, reason: ReasonExpiredCard}, "failed:expired_card", "unpaid", "pending"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachLiveShop(t, []outcome{c.outcome}, func(t *testing.T, s *shop, p *scripted) {
				id := s.create(seedBody)
				if w := s.payWire(id); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/checkout/"+id {
					t.Errorf("the buyer got %d to %q", w.Code, w.Header().Get("Location"))
				}
				s.wantAttempts(id, c.attempt)
				s.want(id, "pending", c.status)
				s.reconcileAfter(time.Minute)
				if got := s.get(id)["status"]; got != c.later {
					t.Errorf("after reconcile the session is %v, want %s", got, c.later)
				}
			})
		})
	}
}

func TestBuyerIsNotLetIntoASecondAttemptWhileOneIsUnknown(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateSucceeded, err: errors.New("lost")}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		form := s.wire(id)
		s.post("/checkout/"+id, form)
		if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, `name="card_number"`) || strings.Contains(body, `value="pay"`) {
			t.Error("the page offers to pay while an attempt is unknown")
		}
		s.post("/checkout/"+id, form)
		s.wantAttempts(id, "open")
	})
}

func TestAbsenceIsBelievedAfterFifteenMinutesOnly(t *testing.T) {
	script := []outcome{{nothing: true, err: errors.New("lost on the way")}}
	eachLiveShop(t, script, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.reconcileAfter(14 * time.Minute)
		s.wantAttempts(id, "open")
		s.reconcileAfter(59 * time.Second)
		s.wantAttempts(id, "open")
		s.reconcileAfter(time.Hour)
		s.wantAttempts(id, "failed:timeout")
		s.want(id, "pending", "unpaid")
	})
}

func TestChargeThatArrivesAfterTheFirstLookIsFound(t *testing.T) {
	eachLiveShop(t, []outcome{{nothing: true, err: errors.New("still on its way")}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.reconcileAfter(time.Minute)
		p.script = []outcome{pays}
		a := s.attempts(id)[0]
		p.charge(BeginRequest{AttemptID: a.ID, SessionID: id, Amount: a.Amount, Currency: a.Currency})
		s.reconcileAfter(10 * time.Minute)
		s.want(id, "completed", "paid")
	})
}

func TestReloadingAFailureIsNotCountedAsCardTesting(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}, pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		stale := s.wire(id)
		for range 20 {
			s.post("/checkout/"+id, stale)
			s.page("/checkout/" + id + "/return")
		}
		s.payWire(id)
		s.want(id, "completed", "paid")
	})
}

func TestFreeOrderIsConfirmedByTheButton(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(strings.Replace(seedBody, "2500", "0", 1))
		s.want(id, "pending", "no_payment_required")
		form := s.form(id, "")
		w := s.post("/checkout/"+id, url.Values{"token": form["token"], "action": {"pay"}})
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
			t.Errorf("the button leads to %q (%d)", w.Header().Get("Location"), w.Code)
		}
		s.want(id, "completed", "no_payment_required")
		if n := s.count("sandbox_charges", "1 = 1"); n != 0 {
			t.Error("a free order was charged")
		}
	})
}

func TestEmailFromThePageIsFrozenAndInTheEvent(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}, pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(strings.Replace(seedBody, `"customer_email":"customer@example.com",`, "", 1))
		for _, typed := range []string{"first@example.com", "second@example.com"} {
			form := s.wire(id)
			form.Set("email", typed)
			s.post("/checkout/"+id, form)
		}
		if got := s.get(id)["customer_email"]; got != "first@example.com" {
			t.Errorf("the session has %v", got)
		}
		if n := s.count("events", "type = ? AND payload LIKE ?", webhook.SessionCompleted, `%"customer_email":"first@example.com"%`); n != 1 {
			t.Error("the completed event does not have the address of the first attempt")
		}
		for _, c := range p.charges {
			if c.request.Email != "first@example.com" {
				t.Errorf("the provider was told %q", c.request.Email)
			}
		}
	})
}

func TestBuyerWhoLeavesWhilePayingHasPaid(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		ctx, leave := context.WithCancel(t.Context())
		p.onCharged = func(call context.Context, _ BeginRequest) {
			leave()
			if call.Err() != nil {
				t.Error("the call to the provider ends with the buyer's request")
			}
		}
		r := httptest.NewRequestWithContext(ctx, "POST", "/checkout/"+id, strings.NewReader(s.wire(id).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://shop.test")
		s.do(r)
		s.want(id, "completed", "paid")
	})
}

func TestAbandonSentTwiceStartsNoPayment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := newScripted(outcome{state: StateActionRequired, redirect: "https://bank.example"})
		s := newLiveShop(t, db, canceling{p})
		id := s.create(seedBody)
		s.payWire(id)
		form := url.Values{"token": s.form(id, "")["token"], "action": {"abandon"}}
		for range 2 {
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
				t.Errorf("abandon answered %d", w.Code)
			}
		}
		s.wantAttempts(id, "failed:canceled_by_customer")
		s.want(id, "pending", "unpaid")
	})
}

func TestWorkersBelieveAbsenceAsSoonAsTheyMay(t *testing.T) {
	eachLiveShop(t, []outcome{{nothing: true, err: errors.New("lost on the way")}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		begun := s.clock.now()
		for s.attempts(id)[0].State == attemptOpen {
			next, err := s.co.RunOnce(t.Context())
			if err != nil || !next.After(s.clock.now()) && s.attempts(id)[0].State == attemptOpen {
				t.Fatalf("next %v, %v", next, err)
			}
			if s.attempts(id)[0].State == attemptOpen {
				s.clock.advance(next.Sub(s.clock.now()))
			}
		}
		if waited := s.clock.now().Sub(begun); waited != believeAbsence {
			t.Errorf("the buyer may try again after %v, want %v", waited, believeAbsence)
		}
	})
}
