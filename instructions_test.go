package checkout

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

func TestThePageSaysWhatToDoElsewhere(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		w := s.page("/checkout/" + id)
		for _, want := range []string{
			"<h1>Your order is waiting for your payment</h1>", "<p>Transfer it, en.</p>", `<dt>IBAN</dt><dd><code dir="ltr" data-copy="DE893704">DE89 3704</code></dd>`,
			`<dt>Own &lt;line&gt;</dt><dd><code dir="ltr">` + ref + `</code></dd>`, `<svg viewBox="0 0 29 29" role="img" aria-label="QR code with the payment details"`,
			"<dt>Pay until</dt><dd>17 January 2025</dd>", `<a class="button" href="https://yoursite.com/success?session_id=` + id + `">Continue to <bdi>Acme Coffee</bdi></a>`,
			`value="abandon"`, `data-state="instructions"`, `data-status="` + id + `/status"`,
		} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("the page lacks %s: %s", want, w.Body)
			}
		}
		if w := s.page("/checkout/" + id + "?lang=de"); !strings.Contains(w.Body.String(), "<p>Transfer it, de.</p>") || !strings.Contains(w.Body.String(), "17. Januar 2025") {
			t.Errorf("the German page is %s", w.Body)
		}
		if got := s.page("/checkout/" + id + "/status").Body.String(); got != `{"state":"instructions"}`+"\n" && got != `{"state":"instructions"}` {
			t.Errorf("the status is %s", got)
		}
		if w := s.page("/checkout/" + id + "/return"); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "/checkout/"+id) {
			t.Errorf("the return answers %d to %s", w.Code, w.Header().Get("Location"))
		}
	})
}

func TestATransferHasDaysAndTheNextAttemptHasNot(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, _ := s.awaited(a)
		if got := s.get(id)["expires_at"]; got != "2025-01-17T13:00:00Z" {
			t.Fatalf("expires_at is %v, want seven days more", got)
		}
		s.clock.advance(3 * 24 * time.Hour)
		s.work()
		s.want(id, "pending", "requires_action")
		s.abandon(id)
		if got := s.get(id)["expires_at"]; got != "2025-01-13T13:00:00Z" {
			t.Errorf("expires_at is %v, want the session's own hour", got)
		}
		s.clock.advance(time.Hour)
		s.work()
		s.want(id, "expired", "unpaid")
	})
}

func TestATransferThatNeverComesEndsItsSession(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, _ := s.awaited(a)
		s.clock.advance(7*24*time.Hour + 59*time.Minute)
		s.work()
		s.want(id, "pending", "requires_action")
		s.clock.advance(time.Minute)
		s.work()
		s.want(id, "expired", "unpaid")
	})
}

func TestNoProviderKeepsASessionOpenForEver(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		long := &patient{a}
		s.co.providers["account"], s.co.cfg.Providers = long, []Provider{long}
		id, _ := s.awaited(a)
		if got := s.get(id)["expires_at"]; got != "2025-04-10T12:00:00Z" {
			t.Errorf("expires_at is %v, want 90 days from now at most", got)
		}
	})
}

// work lets the workers do what is due now.
func (s *shop) work() {
	s.t.Helper()
	if _, err := s.co.RunOnce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// patient waits ten years.
type patient struct{ *account }

func (p *patient) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	step, err := p.account.Begin(ctx, r)
	step.ExpiresAt = r.ExpiresAt.Add(10 * 365 * 24 * time.Hour)
	return step, err
}

func TestABoundOrderStaysAsItIs(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		a.bound = true
		a.script[0].state = StateProcessing
		id, _ := s.awaited(a)
		s.want(id, "pending", "processing")
		body := s.page("/checkout/" + id).Body.String()
		if !strings.Contains(body, "<h1>Thank you for your order</h1>") || strings.Contains(body, "abandon") || strings.Contains(body, "Pay until") {
			t.Errorf("the page is %s", body)
		}
		form := s.form(s.create(seedBody), "")
		form.Set("action", "abandon")
		s.post("/checkout/"+id, form)
		s.want(id, "pending", "processing")
		if w := s.api("POST", "/sessions/"+id+"/expire", ""); w.Code != http.StatusOK {
			t.Errorf("the shop cannot end it: %d %s", w.Code, w.Body)
		}
	})
}

// A provider whose order is bound tells the shop at once: an order that is paid at the door has to be sent first.
func TestABoundOrderIsToldOf(t *testing.T) {
	var told []string
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		told = nil
		a.script[0].state = StateProcessing
		s.awaited(a)
		if len(told) != 1 || told[0] != webhook.PaymentProcessing {
			t.Errorf("told of %v", told)
		}
	}, func(c *Config) {
		c.OnEvent = func(_ context.Context, _ *gorm.DB, e Event) error {
			told = append(told, e.Type)
			return nil
		}
	})
}

func TestTestModeOffersProvidersOfTestAccountsBeforeTheSandbox(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		a := newAccount()
		a.test = true
		s := newShop(t, db, func(c *Config) { c.Providers = []Provider{a, newScripted(outcome{state: StateSucceeded})} })
		id := s.create(seedBody)
		body := s.page("/checkout/" + id).Body.String()
		wire, card := strings.Index(body, `value="wire"`), strings.Index(body, `value="test_card"`)
		if wire < 0 || card < wire {
			t.Fatalf("wire stands at %d and the test card at %d: %s", wire, card, body)
		}
		if !strings.Contains(body, `<label for="method-wire"><svg class="way"`) {
			t.Errorf("wire has no mark: %s", body)
		}
		s.payWire(id)
		ref := a.ref(s.attempts(id)[0].ID)
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")
		suggested, _ := s.awaited(a)
		got := s.transfer("2", "", 2500, TransferResult{Status: TransferSuggested})
		if list, err := s.co.Transfers(t.Context(), TransferFilter{Test: true}); err != nil || len(list) != 1 || list[0].ID != got.ID || list[0].Livemode {
			t.Errorf("transfers of test mode are %+v, %v", list, err)
		}
		if list, err := s.co.Transfers(t.Context(), TransferFilter{}); err != nil || len(list) != 0 {
			t.Errorf("transfers of live mode are %+v, %v", list, err)
		}
		s.want(suggested, "pending", "requires_action")
		key, err := s.co.CreateKey(t.Context(), Live, "live")
		if err != nil {
			t.Fatal(err)
		}
		s.key = key
		if body := s.page("/checkout/" + s.create(seedBody)).Body.String(); strings.Contains(body, "test_card") || strings.Count(body, `value="wire"`) != 1 {
			t.Errorf("a live page offers what is of test mode: %s", body)
		}
	})
}

func TestNoLivePaymentReachesTheSandbox(t *testing.T) {
	s := oneShop(t)
	if p, err := s.co.provider(paymentRecord{ID: "pay_" + hex44("0"), Provider: sandboxName, Mode: Live}); err == nil {
		t.Errorf("a live payment is %s's", p.Name())
	}
	if p, err := s.co.provider(paymentRecord{ID: "pay_" + hex44("0"), Provider: sandboxName, Mode: Test}); err != nil || p.Name() != sandboxName {
		t.Errorf("a test payment is %v's, %v", p, err)
	}
}

// refusingOnce is a host's hook that says no to the first event.
func refusingOnce(c *Config) {
	refused := false
	c.OnEvent = func(context.Context, *gorm.DB, Event) error {
		if !refused {
			refused = true
			return errHost
		}
		return nil
	}
}

func TestTheDaysOfAnOrderSurviveARefusalAndAKill(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		a.script[0].state, a.bound = StateProcessing, true
		id := s.create(seedBody)
		s.payWire(id)
		s.reconcileAfter(30 * time.Second)
		s.want(id, "pending", "processing")
		s.clock.advance(3 * time.Hour)
		s.work()
		s.want(id, "pending", "processing")
	}, refusingOnce)
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id := s.create(seedBody)
		s.co.shared.failpoint = func(point string) {
			if point == "begin.answered" {
				panic("killed")
			}
		}
		s.payWire(id) // the door catches the panic
		s.co.shared.failpoint = nil
		s.reconcileAfter(30 * time.Second)
		s.want(id, "pending", "requires_action")
		if got := s.get(id)["expires_at"]; got != "2025-01-17T12:00:00Z" && got != "2025-01-17T13:00:00Z" {
			t.Errorf("expires_at is %v, want the seven days that Begin's lost answer had", got)
		}
	})
}

func TestThePageTellsTheProvidersLastDay(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		a.until = time.Date(2025, 1, 14, 0, 0, 0, 0, time.UTC)
		id, _ := s.awaited(a)
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, "<dd>14 January 2025</dd>") {
			t.Errorf("the page is %s", body)
		}
	})
}
