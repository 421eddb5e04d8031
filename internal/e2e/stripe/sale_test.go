package stripe

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/internal/e2e/stripefake"
	"github.com/jopay/checkout/webhook"
)

func hosted(cfg *checkoutstripe.Config) { cfg.Hosted = true }

const success = "https://shop.example/success?session_id="

// TestASaleOnThePage declines twice and pays with another card in the same PaymentIntent. Every event comes many times, in
// a random order and at once; then a part is paid back.
func TestASaleOnThePage(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, dialect string) {
		s := openShop(t, dialect, nil)
		id := s.create()
		s.click(id, "pay", true)
		s.wantState(id, "pending/requires_action")
		f := s.fields(id)
		s.confirm(id, f, "pm_card_chargeDeclinedInsufficientFunds", http.StatusPaymentRequired)
		s.deliver(s.fake.Events()...)
		if again := s.fields(id); again != f {
			t.Errorf("after a decline the fields are of %s, want %s", again.intent(), f.intent())
		}
		s.wantState(id, "pending/requires_action insufficient_funds")
		s.confirm(id, f, "pm_card_chargeDeclinedIncorrectCvc", http.StatusPaymentRequired)
		s.storm(3)
		s.wantState(id, "pending/requires_action incorrect_cvc")
		s.confirm(id, f, "pm_card_visa", http.StatusOK)
		s.storm(20)
		s.wantState(id, "completed/paid")
		s.wantTold(id, webhook.SessionCompleted, 1)
		s.wantTold(id, webhook.PaymentFailed, 2)
		if got := s.comeBack(s.page(id) + "/return"); got != success+id || s.fake.Charges() != 1 {
			t.Errorf("the buyer goes to %q, and Stripe has %d charges", got, s.fake.Charges())
		}
		s.payBack(id, f.intent())
	})
}

// storm delivers all events so far, each twice, from several connections in random order.
func (s *shop) storm(connections int) {
	s.t.Helper()
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			events := slices.Concat(s.fake.Events(), s.fake.Events())
			rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			for _, e := range events {
				s.deliverUntilTaken(e)
			}
		})
	}
	wg.Wait()
}

// deliverUntilTaken tries again as Stripe does, when the database was too busy.
func (s *shop) deliverUntilTaken(e stripefake.Event) {
	for range 10 {
		status, err := s.notify(e)
		if err != nil || status < http.StatusInternalServerError {
			if err != nil || status != http.StatusOK {
				s.t.Errorf("%s was answered %d, %v", e.Type, status, err)
			}
			return
		}
	}
	s.t.Errorf("%s was not taken", e.Type)
}

// payBack asks for a refund through the API, and pays another part back from Stripe's dashboard.
func (s *shop) payBack(session, intent string) {
	s.t.Helper()
	var r checkout.Refund
	s.api(http.MethodPost, "/refunds", map[string]any{"session_id": session, "amount_cents": 1000}, &r)
	s.work()
	if sums := s.fake.Refunds(intent, "refund"); sums[r.ID] != 1000 || len(sums) != 1 {
		s.t.Errorf("Stripe has the refunds %v, want 1000 of %s", sums, r.ID)
	}
	s.storm(3)
	s.wantTold(session, webhook.RefundSucceeded, 1)
	s.fake.RefundOutside(intent, 500)
	s.storm(3)
	s.wantTold(session, webhook.RefundSucceeded, 2)
	var now checkout.Session
	s.api(http.MethodGet, "/sessions/"+session, nil, &now)
	if now.AmountRefundedCents != 1500 || now.PaymentStatus != checkout.PaymentPartiallyRefunded {
		s.t.Errorf("%d are paid back and the session is %q", now.AmountRefundedCents, now.PaymentStatus)
	}
}

// TestASaleOnStripesPage goes there because the browser runs no scripts, or because the shop wants it for all. A decline
// there leaves the buyer there; cancel leads back to an order that can still be paid.
func TestASaleOnStripesPage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		configure func(*checkoutstripe.Config)
		scripted  bool
	}{"no scripts": {nil, false}, "hosted": {hosted, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, dialect string) {
				s := openShop(t, dialect, c.configure)
				id := s.create()
				s.click(id, "pay", c.scripted)
				link := s.link(id)
				if target := s.answer(link, "decline"); s.server.URL+target != link {
					t.Errorf("after a decline the buyer is at %q", target)
				}
				s.deliver(s.fake.Events()...)
				s.wantTold(id, webhook.PaymentFailed, 1)
				if got := s.comeBack(s.answer(link, "cancel")); !strings.HasPrefix(got, "/checkout/"+id) {
					t.Errorf("after cancel the buyer is at %q", got)
				}
				if got := s.comeBack(s.answer(s.link(id), "pay")); got != success+id {
					t.Errorf("the buyer goes to %q, want %q", got, success+id)
				}
				s.storm(10)
				s.wantState(id, "completed/paid")
				s.wantTold(id, webhook.SessionCompleted, 1)
				if s.fake.Charges() != 1 {
					t.Errorf("Stripe has %d charges", s.fake.Charges())
				}
			})
		})
	}
}

// TestASaleInTestMode pays through an account of test mode, beside the cards that the checkout has itself.
func TestASaleInTestMode(t *testing.T) {
	t.Parallel()
	s := openShopIn(t, "sqlite", false, nil)
	id := s.create()
	s.click(id, "pay", true)
	s.confirm(id, s.fields(id), "pm_card_visa", http.StatusOK)
	s.storm(2)
	s.wantState(id, "completed/paid")
	s.wantTold(id, webhook.SessionCompleted, 1)
}

// TestFieldsThatDoNotShow lets the buyer go to Stripe's page instead. What was begun before can no longer be paid.
func TestFieldsThatDoNotShow(t *testing.T) {
	t.Parallel()
	s := openShop(t, "sqlite", nil)
	id := s.create()
	s.click(id, "pay", true)
	first := s.fields(id).intent()
	s.click(id, "redirect", true)
	if s.fake.Pay(first) == nil {
		t.Error("the first intent can still be paid: the buyer could pay twice")
	}
	if got := s.comeBack(s.answer(s.link(id), "pay")); got != success+id {
		t.Errorf("the buyer goes to %q", got)
	}
	s.storm(3)
	s.wantTold(id, webhook.SessionCompleted, 1)
}

// TestTheBankAsksFirst goes to the bank's page and back, once in vain.
func TestTheBankAsksFirst(t *testing.T) {
	t.Parallel()
	s := openShop(t, "sqlite", nil)
	id := s.create()
	s.click(id, "pay", true)
	f := s.fields(id)
	for _, c := range []struct{ answer, leads, state string }{
		{"fail", "/checkout/" + id, "pending/requires_action authentication_failed"},
		{"complete", success + id, "completed/paid"},
	} {
		asked := s.confirm(id, f, "pm_card_threeDSecureRequired", http.StatusOK)
		bank := asked["next_action"].(map[string]any)["redirect_to_url"].(map[string]any)["url"].(string)
		if got := s.comeBack(s.answer(bank, c.answer)); !strings.HasPrefix(got, c.leads) {
			t.Errorf("after %s the buyer goes to %q, want %q", c.answer, got, c.leads)
		}
		s.wantState(id, c.state)
	}
}

// TestALostAnswerIsMadeGood breaks the connection before, or in the middle of, the answer to the first request.
func TestALostAnswerIsMadeGood(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]stripefake.Fault{"lost": stripefake.Lost, "cut": stripefake.Cut} {
		for _, w := range ways {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				s := openShop(t, "sqlite", func(cfg *checkoutstripe.Config) { cfg.Hosted = w.hosted })
				id := s.create()
				s.fake.FailNext(w.creates, fault)
				s.click(id, "pay", w.scripted)
				s.wantState(id, "pending/processing")
				s.advance(time.Minute)
				s.work()
				if w.creates == "POST /v1/payment_intents" {
					s.confirm(id, s.fields(id), "pm_card_visa", http.StatusOK)
				} else {
					s.answer(s.link(id), "pay")
				}
				s.storm(2)
				s.wantState(id, "completed/paid")
				if s.fake.Charges() != 1 {
					t.Errorf("Stripe has %d charges", s.fake.Charges())
				}
			})
		}
	}
}

// TestStripeIsNotThere tells the buyer, who tries again.
func TestStripeIsNotThere(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]stripefake.Fault{"no connection": stripefake.Unreachable, "503": stripefake.Refuse(503), "429": stripefake.Refuse(429)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, "sqlite", nil)
			id := s.create()
			s.fake.FailNext("POST /v1/payment_intents", fault)
			s.click(id, "pay", true)
			s.wantState(id, "pending/unpaid provider_unavailable")
			s.click(id, "pay", true)
			s.confirm(id, s.fields(id), "pm_card_visa", http.StatusOK)
			s.storm(1)
			s.wantState(id, "completed/paid")
		})
	}
}

// TestADebitTakesDays keeps the order open past its hour, and completes it when the money has come.
func TestADebitTakesDays(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, "sqlite", func(cfg *checkoutstripe.Config) { cfg.Hosted = w.hosted })
			id := s.create()
			s.click(id, "pay", w.scripted)
			charge := s.fake.Find("session", id)[0]
			s.must(s.fake.Process(charge))
			s.storm(1)
			s.advance(72 * time.Hour)
			s.work()
			s.wantState(id, "pending/processing")
			s.must(s.fake.Pay(charge))
			s.storm(1)
			s.wantState(id, "completed/paid")
			s.wantTold(id, webhook.SessionCompleted, 1)
		})
	}
}

// TestADebitFailsLater leaves an order that can be paid again: in the same fields, or in a new Checkout Session.
func TestADebitFailsLater(t *testing.T) {
	t.Parallel()
	for i, want := range []string{"pending/requires_action insufficient_funds", "pending/unpaid insufficient_funds", "pending/unpaid insufficient_funds"} {
		w := ways[i]
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, "sqlite", func(cfg *checkoutstripe.Config) { cfg.Hosted = w.hosted })
			id := s.create()
			s.click(id, "pay", w.scripted)
			charge := s.fake.Find("session", id)[0]
			s.must(s.fake.Process(charge))
			s.storm(1)
			s.advance(10 * time.Minute)
			s.must(s.fake.Decline(charge, "", "insufficient_funds"))
			s.storm(2)
			s.wantState(id, want)
			s.wantTold(id, webhook.PaymentFailed, 1)
		})
	}
}

// TestAnOrderEndsUnpaid takes the charge back, so that nobody pays for what was not kept.
func TestAnOrderEndsUnpaid(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, "sqlite", func(cfg *checkoutstripe.Config) { cfg.Hosted = w.hosted })
			id := s.create()
			s.click(id, "pay", w.scripted)
			charge := s.fake.Find("session", id)[0]
			for range 8 {
				s.advance(15 * time.Minute)
				s.work()
			}
			s.wantState(id, "expired/unpaid timeout")
			if s.fake.Pay(charge) == nil {
				t.Error("the charge can still be paid")
			}
			s.storm(1)
			s.wantTold(id, webhook.SessionExpired, 1)
		})
	}
}
