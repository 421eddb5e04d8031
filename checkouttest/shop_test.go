package checkouttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

func TestEveryCardDoesWhatItsNameSays(t *testing.T) {
	t.Parallel()
	for card, want := range map[checkouttest.Card]struct {
		status  checkout.Status
		payment checkout.PaymentStatus
		code    string // of the decline
	}{
		checkouttest.CardPays:              {checkout.StatusCompleted, checkout.PaymentPaid, ""},
		checkouttest.CardDeclined:          {checkout.StatusPending, checkout.PaymentUnpaid, "generic_decline"},
		checkouttest.CardInsufficientFunds: {checkout.StatusPending, checkout.PaymentUnpaid, "insufficient_funds"},
		checkouttest.CardExpired:           {checkout.StatusPending, checkout.PaymentUnpaid, "expired_card"},
		checkouttest.CardIncorrectCVC:      {checkout.StatusPending, checkout.PaymentUnpaid, "incorrect_cvc"},
		checkouttest.CardProcessingError:   {checkout.StatusPending, checkout.PaymentUnpaid, "processing_error"},
		checkouttest.CardChallenge:         {checkout.StatusCompleted, checkout.PaymentPaid, ""},
		checkouttest.CardChallengeDeclined: {checkout.StatusPending, checkout.PaymentUnpaid, "generic_decline"},
		checkouttest.CardPaysLater:         {checkout.StatusPending, checkout.PaymentProcessing, ""},
		checkouttest.CardLosesAnswer:       {checkout.StatusPending, checkout.PaymentProcessing, ""},
	} {
		t.Run(string(card), func(t *testing.T) {
			t.Parallel()
			shop := checkouttest.New(t)
			s := shop.Pay(shop.CreateSession(checkout.SessionParams{}).ID, card)
			if s.Status != want.status || s.PaymentStatus != want.payment {
				t.Errorf("the session is %s and %s, want %s and %s", s.Status, s.PaymentStatus, want.status, want.payment)
			}
			if code := declineCode(s); code != want.code {
				t.Errorf("the decline is %q, want %q", code, want.code)
			}
			shop.Advance(45 * time.Second)
			if s = shop.Session(s.ID); want.code == "" && s.Status != checkout.StatusCompleted {
				t.Errorf("45 seconds later the session is %s", s.Status)
			}
		})
	}
}

func declineCode(s *checkout.Session) string {
	if s.LastError == nil {
		return ""
	}
	return s.LastError.DeclineCode
}

func TestCreateSessionKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t)
	s := shop.CreateSession(checkout.SessionParams{})
	if s.AmountCents != 2500 || s.Currency != "eur" || s.Livemode || s.CustomerEmail != nil || s.SuccessURL != "https://shop.example/success" {
		t.Errorf("the default session is %+v", s)
	}
	s = shop.CreateSession(checkout.SessionParams{
		LineItems:  []checkout.LineItem{{Name: "Tea", Amount: 700, Currency: "jpy", Quantity: 2}},
		SuccessURL: "https://tea.example/thanks", CancelURL: "https://tea.example/", CustomerEmail: "kim@tea.example", ClientReferenceID: "T-1",
	})
	if s.AmountCents != 1400 || s.Currency != "jpy" || *s.CustomerEmail != "kim@tea.example" || s.SuccessURL != "https://tea.example/thanks" || *s.ClientReferenceID != "T-1" {
		t.Errorf("the session is %+v", s)
	}
}

func TestTheBuyerGivesWhatThePageAsksFor(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t)
	s := shop.CreateSession(checkout.SessionParams{})
	if page := shop.Open(s.ID); !strings.Contains(page, "Premium Coffee Beans") || !strings.Contains(page, `name="email"`) {
		t.Errorf("the page is %s", page)
	}
	if s = shop.Pay(s.ID, checkouttest.CardPays); s.CustomerEmail == nil || *s.CustomerEmail != "buyer@shop.example" {
		t.Errorf("the buyer left the address %v", s.CustomerEmail)
	}
	free := shop.CreateSession(checkout.SessionParams{LineItems: []checkout.LineItem{{Name: "Sample", Currency: "eur", Quantity: 1}}})
	if s = shop.Pay(free.ID, checkouttest.NoCard); s.PaymentStatus != checkout.PaymentNotRequired {
		t.Errorf("an order that costs nothing is %s", s.PaymentStatus)
	}
}

func TestManyBuyersAreNotTakenForOne(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t)
	for range 40 { // from one address the 31st decline would be stopped
		s := shop.CreateSession(checkout.SessionParams{})
		if s = shop.Pay(s.ID, checkouttest.CardDeclined); declineCode(s) == "" {
			t.Fatal("a decline was not counted")
		}
	}
}

func TestShopsShareNothing(t *testing.T) {
	t.Parallel()
	one, two := checkouttest.New(t), checkouttest.New(t)
	s := one.CreateSession(checkout.SessionParams{})
	if _, err := two.Checkout().Session(t.Context(), s.ID); !errors.Is(err, checkout.ErrNotFound) {
		t.Errorf("another shop's session gives %v", err)
	}
	one.Advance(time.Hour)
	if d := one.Now().Sub(two.Now()); d != time.Hour {
		t.Errorf("the clocks differ by %v", d)
	}
	if one.WebhookSecret() == two.WebhookSecret() {
		t.Error("two shops have one secret")
	}
}

func TestAdvanceStopsAtEverythingThatIsDue(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t)
	shop.FailNextDeliveries(3, http.StatusInternalServerError)
	early := shop.CreateSession(checkout.SessionParams{ExpiresIn: 10 * time.Minute})
	late := shop.CreateSession(checkout.SessionParams{ExpiresIn: 40 * time.Minute})
	start := shop.Now()
	shop.Advance(time.Hour)
	if got := shop.Now().Sub(start); got != time.Hour {
		t.Errorf("%v have passed, want an hour", got)
	}
	for id, after := range map[string]time.Duration{early.ID: 10 * time.Minute, late.ID: 40 * time.Minute} {
		s := shop.Session(id)
		if s.ExpiredAt == nil || s.ExpiredAt.Sub(start) != after {
			t.Errorf("the session of %v expired at %v", after, s.ExpiredAt)
		}
	}
	var attempts []string
	for _, d := range shop.Deliveries() {
		if d.Event.Type == webhook.SessionCreated {
			attempts = append(attempts, d.Header.Get("X-JoPay-Attempt")+" "+http.StatusText(d.Status))
		}
	}
	if want := []string{"1 Internal Server Error", "1 Internal Server Error", "2 Internal Server Error", "2 OK", "3 OK"}; !slices.Equal(sorted(attempts), want) {
		t.Errorf("the webhooks came as %q, want %q", sorted(attempts), want)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func TestChaosOnTheWayOfWebhooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		chaos checkouttest.Chaos
		want  string // the deliveries in the order they come
	}{
		"none":    {checkouttest.Chaos{}, "created failed completed"},
		"twice":   {checkouttest.Chaos{Twice: true}, "created created failed failed completed completed"},
		"shuffle": {checkouttest.Chaos{Shuffle: true}, "failed completed created"},
		"drop":    {checkouttest.Chaos{DropFirst: 2}, "completed created failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop := checkouttest.New(t)
			shop.Chaos(c.chaos)
			s := shop.CreateSession(checkout.SessionParams{})
			shop.Pay(s.ID, checkouttest.CardDeclined)
			shop.Pay(s.ID, checkouttest.CardPays)
			shop.Advance(10 * time.Minute)
			var came []string
			for _, d := range shop.Deliveries() {
				came = append(came, d.Event.Type[strings.LastIndexByte(d.Event.Type, '.')+1:])
			}
			if c.chaos.Shuffle || c.chaos.DropFirst > 0 { // what was lost comes again at about the same time
				slices.Sort(came[1:])
			}
			if got := strings.Join(came, " "); got != c.want {
				t.Errorf("the webhooks came as %s, want %s", got, c.want)
			}
			if got := shop.Events(); !slices.Equal(got, []string{webhook.SessionCreated, webhook.PaymentFailed, webhook.SessionCompleted}) {
				t.Errorf("the events are %v", got)
			}
		})
	}
}

func TestTheHostsOwnReceiverHearsTheWebhooks(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) { cfg.Brand.HeaderWord = "Acme" }))
	var paid []string
	shop.Receive(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := webhook.Read(r, shop.WebhookSecret(), webhook.WithClock(shop.Now), webhook.WithHeader("X-Acme-Signature"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if s, err := e.Session(); err == nil && e.Type == webhook.SessionCompleted {
			paid = append(paid, s.ClientReferenceID)
		}
	}))
	s := shop.CreateSession(checkout.SessionParams{ClientReferenceID: "FC-1"})
	shop.FailNextDeliveries(1, http.StatusBadGateway)
	shop.Pay(s.ID, checkouttest.CardPays)
	if len(paid) != 0 {
		t.Fatal("the host heard a webhook that was refused before it")
	}
	shop.Advance(time.Minute + 10*time.Second) // 502 asks for patience
	if !slices.Equal(paid, []string{"FC-1"}) {
		t.Errorf("the host heard of %v", paid)
	}
	if d := shop.Deliveries(); d[len(d)-1].Status != http.StatusOK {
		t.Errorf("the last delivery is %v", d[len(d)-1])
	}
}

func TestTheHostsHookRunsInTheTransaction(t *testing.T) {
	t.Parallel()
	refusals := 2
	hook := func(_ context.Context, tx *gorm.DB, e checkout.Event) error {
		if e.Type != webhook.SessionCompleted {
			return nil
		}
		if refusals--; refusals >= 0 {
			return errors.New("the warehouse is closed")
		}
		return tx.Exec("UPDATE orders SET paid = 1").Error
	}
	shop := checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) { cfg.OnEvent = hook }))
	for _, statement := range []string{"CREATE TABLE orders (paid INTEGER)", "INSERT INTO orders VALUES (0)"} {
		if err := shop.DB().Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	s := shop.Pay(shop.CreateSession(checkout.SessionParams{}).ID, checkouttest.CardPays)
	if s.Status != checkout.StatusPending {
		t.Errorf("the session is %s although the hook refused", s.Status)
	}
	shop.Advance(10 * time.Minute)
	var paid int
	if err := shop.DB().Raw("SELECT paid FROM orders").Scan(&paid).Error; err != nil || paid != 1 || shop.Session(s.ID).Status != checkout.StatusCompleted {
		t.Errorf("the order is %d, %v and the session %s", paid, err, shop.Session(s.ID).Status)
	}
	if got := shop.Events(); !slices.Equal(got, []string{webhook.SessionCreated, webhook.SessionCompleted}) {
		t.Errorf("the events are %v", got)
	}
}

func TestTheShopServesItsAPI(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) {
		cfg.BaseURL, cfg.PagePath, cfg.APIPath = "http://localhost:8080/shop/", "/till", "/api/pay"
	}))
	key, err := shop.Checkout().CreateKey(t.Context(), checkout.Test, "tests")
	if err != nil {
		t.Fatal(err)
	}
	s := shop.CreateSession(checkout.SessionParams{})
	r := httptest.NewRequest(http.MethodPost, "/shop/api/pay/test/sessions/"+s.ID+"/pay", nil)
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	shop.Handler().ServeHTTP(w, r)
	var answer struct{ Status string }
	if err := json.NewDecoder(w.Body).Decode(&answer); err != nil || answer.Status != "completed" {
		t.Errorf("the API answered %d %+v, %v", w.Code, answer, err)
	}
	if other := shop.Pay(shop.CreateSession(checkout.SessionParams{}).ID, checkouttest.CardChallenge); other.Status != checkout.StatusCompleted {
		t.Errorf("below another path the session is %s", other.Status)
	}
}

func TestTheShopRunsOnTheHostsDatabase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		shop := checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) { cfg.DB = db }))
		shop.Pay(shop.CreateSession(checkout.SessionParams{}).ID, checkouttest.CardPays)
		shop.RequireEvent(t, webhook.SessionCompleted)
		var n int
		if err := db.Raw("SELECT COUNT(*) FROM checkout_sessions").Scan(&n).Error; err != nil || n != 1 || shop.DB() != db {
			t.Errorf("the host's database has %d sessions, %v", n, err)
		}
	})
}

// verdict is a test that is watched failing.
type verdict struct {
	testing.TB
	fatal string
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.fatal = strings.ReplaceAll(format, "%s", "…")
	panic(v)
}

// failing runs what must end the test, on a shop of its own.
func failing(t *testing.T, body func(shop *checkouttest.Shop, v *verdict)) (said string) {
	v := &verdict{TB: t}
	shop := checkouttest.New(v)
	defer func() {
		if r := recover(); r != nil && r != any(v) {
			panic(r)
		}
		said = v.fatal
	}()
	body(shop, v)
	return ""
}

func TestWhatCannotBeDoneFailsTheTest(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func(*checkouttest.Shop, *verdict){
		"a session that is refused": func(shop *checkouttest.Shop, _ *verdict) {
			shop.CreateSession(checkout.SessionParams{Mode: checkout.Live})
		},
		"a session that is not there": func(shop *checkouttest.Shop, _ *verdict) { shop.Session("cs_unknown") },
		"an expired session paid": func(shop *checkouttest.Shop, _ *verdict) {
			s := shop.CreateSession(checkout.SessionParams{})
			shop.Advance(time.Hour)
			shop.Pay(s.ID, checkouttest.CardPays)
		},
		"a number that is no test card": func(shop *checkouttest.Shop, _ *verdict) {
			shop.Pay(shop.CreateSession(checkout.SessionParams{}).ID, "4111111111111111")
		},
		"an event that never was": func(shop *checkouttest.Shop, v *verdict) { shop.RequireEvent(v, webhook.SessionExpired) },
		"an event nobody accepted": func(shop *checkouttest.Shop, v *verdict) {
			shop.FailNextDeliveries(1, http.StatusInternalServerError)
			shop.CreateSession(checkout.SessionParams{})
			shop.RequireEvent(v, webhook.SessionCreated)
		},
	} {
		if said := failing(t, body); said == "" {
			t.Errorf("%s does not end the test", name)
		}
	}
}

func TestRequireEventGivesTheNewestBody(t *testing.T) {
	t.Parallel()
	shop := checkouttest.New(t)
	shop.CreateSession(checkout.SessionParams{ClientReferenceID: "first"})
	shop.CreateSession(checkout.SessionParams{ClientReferenceID: "second"})
	e := shop.RequireEvent(t, webhook.SessionCreated)
	s, err := e.Session()
	if err != nil || s.ClientReferenceID != "second" {
		t.Errorf("the event is about %q, %v", s.ClientReferenceID, err)
	}
	d := shop.Deliveries()[1]
	if err := webhook.Verify(d.Body, d.Header.Get(webhook.HeaderSignature), shop.WebhookSecret(), webhook.WithClock(shop.Now)); err != nil {
		t.Errorf("the delivery's signature: %v", err)
	}
	if _, err := io.ReadAll(strings.NewReader(d.String())); err != nil || d.String() != "checkout.session.created (200)" {
		t.Errorf("a delivery is shown as %s", d)
	}
}
