package checkout

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// fields is a provider whose fields stand on the page of buyers with scripts; the others are redirected. Its buyers may
// try several times in one charge.
type fields struct {
	canceling
	tryID, reason string
	scripted      []bool
}

func newFields() *fields {
	return &fields{canceling: canceling{newScripted(outcome{state: StateActionRequired})}}
}

func (f *fields) Title() string { return "Acme Pay" }

func (f *fields) Embed(bool) Embed {
	return Embed{Scripts: []string{"https://js.acme.example/v3/"}, Script: []byte("use()"), Sources: []string{"https://*.js.acme.example"}, Frames: []string{"https://js.acme.example", "https://*.acme.example"}}
}

func (f *fields) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	f.scripted = append(f.scripted, r.Scripted)
	step, err := f.canceling.Begin(ctx, r)
	if r.Scripted {
		step.Client = "secret"
	} else {
		step.RedirectURL = "https://acme.example/pay"
	}
	return step, err
}

func (f *fields) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	o, err := f.canceling.Observe(ctx, ref)
	if o.State == StateActionRequired && f.tryID != "" {
		o.TryID, o.Reason = f.tryID, Reason{Code: f.reason, ProviderCode: "acme_" + f.reason}
	}
	return o, err
}

type toldOf struct{ events []Event }

func (o *toldOf) hook(_ context.Context, _ *gorm.DB, e Event) error {
	o.events = append(o.events, e)
	return nil
}

func (o *toldOf) kinds() string {
	var kinds []string
	for _, e := range o.events {
		kinds = append(kinds, e.Type)
	}
	return strings.Join(kinds, " ")
}

func eachFieldsShop(t *testing.T, body func(t *testing.T, s *shop, f *fields, told *toldOf)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		f, told := newFields(), &toldOf{}
		body(t, newLiveShop(t, db, f, func(c *Config) { c.OnEvent = told.hook }), f, told)
	})
}

// payWithScripts sends the form of a browser that runs the page's script.
func (s *shop) payWithScripts(id string) {
	s.t.Helper()
	form := s.wire(id)
	form.Set("scripts", "1")
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
		s.t.Fatalf("the form answered %d", w.Code)
	}
}

func TestATryThatFailsIsToldOnceAndTheChargeGoesOn(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, told *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		f.tryID, f.reason = "ch_1", ReasonInsufficientFunds
		for range 2 {
			s.page("/checkout/" + id + "/return")
		}
		s.want(id, "pending", "requires_action")
		s.wantAttempts(id, "open:insufficient_funds")
		if got := told.kinds(); got != webhook.PaymentFailed {
			t.Fatalf("told of %q, want one failure", got)
		}
		for _, want := range []string{`"payment_status":"requires_action"`, `"decline_code":"insufficient_funds"`, `"payment_id":"` + s.attempts(id)[0].ID} {
			if payload := string(told.events[0].Payload); !strings.Contains(payload, want) {
				t.Errorf("the event lacks %s: %s", want, payload)
			}
		}
		if e, _ := s.get(id)["last_error"].(map[string]any); e["decline_code"] != "insufficient_funds" {
			t.Errorf("last_error is %v", s.get(id)["last_error"])
		}
		body := s.page("/checkout/" + id).Body.String()
		if !strings.Contains(body, "lack of funds") || !strings.Contains(body, `<form class="embed"`) || !strings.Contains(body, "<title>Error: ") {
			t.Errorf("the page does not tell of the refusal beside the fields: %s", body)
		}
		f.tryID, f.reason = "ch_2", "stolen_card"
		s.page("/checkout/" + id + "/return")
		f.tryID = ""
		f.set(s.attempts(id)[0].ID, StateSucceeded)
		if w := s.page("/checkout/" + id + "/return"); !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
			t.Errorf("the buyer goes to %s", w.Header().Get("Location"))
		}
		s.want(id, "completed", "paid")
		s.wantAttempts(id, "succeeded")
		if got, want := told.kinds(), webhook.PaymentFailed+" "+webhook.PaymentFailed+" "+webhook.SessionCompleted; got != want {
			t.Errorf("told of %q, want %q", got, want)
		}
		if strings.Contains(string(told.events[1].Payload), "stolen") {
			t.Errorf("the event says what a thief should not know: %s", told.events[1].Payload)
		}
	})
}

func TestTooManyTriesEndTheAttempt(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, told *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		f.reason = ReasonIncorrectCVC
		for n := range maxTries {
			s.work()
			s.want(id, "pending", "requires_action")
			f.tryID = fmt.Sprint("ch_", n)
			s.page("/checkout/" + id + "/return")
		}
		s.work()
		s.want(id, "pending", "unpaid")
		s.wantAttempts(id, "failed:incorrect_cvc")
		if len(told.events) != maxTries+1 {
			t.Errorf("told of %d events: %s", len(told.events), told.kinds())
		}
		if o, err := f.canceling.Observe(t.Context(), ChargeRef{AttemptID: s.attempts(id)[0].ID}); err != nil || o.State != StateCanceled {
			t.Errorf("the charge is %s, %v: more cards could be tried", o.State, err)
		}
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, "security code does not match") || !strings.Contains(body, `value="pay"`) {
			t.Errorf("the page is %s", body)
		}
	})
}

func TestBuyersWithoutScriptsAreRedirected(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, _ *toldOf) {
		id := s.create(seedBody)
		s.payWire(id)
		body := s.page("/checkout/" + id).Body.String()
		if !strings.Contains(body, `href="https://acme.example/pay"`) || strings.Contains(body, "js.acme.example") || len(f.scripted) != 1 || f.scripted[0] {
			t.Errorf("the page is %s", body)
		}
	})
}

func TestABrowserThatShowsNoFieldsHasAWayOut(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, _ *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		body := s.page("/checkout/" + id).Body.String()
		for _, want := range []string{`value="redirect">Continue at <bdi>Acme Pay</bdi></button>`, `<script src="assets/scripted.`, "<h1>Enter your payment details</h1>", `data-return="` + id + `/return?lang=en"`, "<button hidden>Pay "} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %s: %s", want, body)
			}
		}
		form := s.form(id, "")
		form.Set("action", "redirect")
		for range 2 { // sent twice it starts nothing more
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
				t.Fatalf("the button answered %d", w.Code)
			}
		}
		s.wantAttempts(id, "failed:canceled_by_customer", "open")
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, `href="https://acme.example/pay"`) || f.scripted[1] {
			t.Errorf("the page has no link: %s", body)
		}
	})
}

func TestTheWayOutFindsWhatWasPaidMeanwhile(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, _ *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		form := s.form(id, "")
		form.Set("action", "redirect")
		f.set(s.attempts(id)[0].ID, StateSucceeded)
		if w := s.post("/checkout/"+id, form); !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
			t.Errorf("the buyer goes to %s", w.Header().Get("Location"))
		}
		s.wantAttempts(id, "succeeded")
	})
}

func TestTheAdaptersScriptIsServedByUs(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, _ *fields, _ *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		w := s.page("/checkout/" + id)
		_, rest, _ := strings.Cut(w.Body.String(), `<script src="assets/scripted.`)
		hash, _, _ := strings.Cut(rest, `"`)
		script := s.page("/checkout/assets/scripted." + hash)
		if script.Code != http.StatusOK || script.Body.String() != "use()" || !strings.HasPrefix(script.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("the script answers %d %q %s", script.Code, script.Header().Get("Content-Type"), script.Body)
		}
		if got, want := w.Header().Get("Content-Security-Policy"), "script-src 'self' https://*.js.acme.example https://js.acme.example;"; !strings.Contains(got, want) {
			t.Errorf("the policy is %s, want %s", got, want)
		}
		if got, want := w.Header().Get("Permissions-Policy"), `payment=(self "https://js.acme.example"), camera=`; !strings.HasPrefix(got, want) {
			t.Errorf("Permissions-Policy is %s, want %s…", got, want)
		}
	})
}

// A lost answer to Begin takes the client data with it; the company still knows them.
func TestALostAnswerIsMadeGoodByAskingAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		f := &forgetful{newFields()}
		s := newLiveShop(t, db, f)
		id := s.create(seedBody)
		s.payWithScripts(id)
		s.want(id, "pending", "processing")
		s.reconcileAfter(nextPoll(0))
		s.want(id, "pending", "requires_action")
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, `data-client="secret"`) {
			t.Errorf("the page has no fields: %s", body)
		}
	})
}

// forgetful loses its answers, and tells the buyer's way on when it is asked.
type forgetful struct{ *fields }

func (f *forgetful) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	_, _ = f.fields.Begin(ctx, r)
	return Step{}, errHost
}

func (f *forgetful) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	o, err := f.fields.Observe(ctx, ref)
	o.Client = "secret"
	return o, err
}

func TestATryIsOfItsOwnChargeAlone(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, told *toldOf) {
		f.tryID, f.reason = "failed:card_declined", ReasonDeclined // the same at every buyer's
		for range 2 {
			id := s.create(seedBody)
			s.payWithScripts(id)
			s.page("/checkout/" + id + "/return")
			if p := s.attempts(id)[0]; p.Tries != 1 {
				t.Errorf("%d tries were counted, want 1", p.Tries)
			}
		}
		if len(told.events) != 2 {
			t.Errorf("told of %d failures, want 2", len(told.events))
		}
	})
}

func TestTheLastTryIsTheLastWhoeverHearsOfIt(t *testing.T) {
	eachFieldsShop(t, func(t *testing.T, s *shop, f *fields, _ *toldOf) {
		id := s.create(seedBody)
		s.payWithScripts(id)
		f.reason = ReasonDeclined
		for n := range maxTries {
			f.tryID = fmt.Sprint(n)
			if err := s.db.Exec("UPDATE checkout_payments SET next_poll_at = 0").Error; err != nil { // a worker's look is due
				t.Fatal(err)
			}
			s.reconcileAfter(time.Second)
		}
		s.wantAttempts(id, "open:declined")
		s.reconcileAfter(0)
		s.wantAttempts(id, "failed:declined")
	})
}
