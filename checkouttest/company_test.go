package checkouttest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
	"github.com/jopay/checkout/webhook"
)

// openLive gives a shop with a company and an order of live mode.
func openLive(t *testing.T) (*checkouttest.Shop, *checkouttest.Provider, *checkout.Session) {
	t.Helper()
	company := checkouttest.NewProvider("acme_pay")
	shop := checkouttest.New(t, checkouttest.WithProvider(company))
	return shop, company, shop.CreateSession(checkout.SessionParams{Mode: checkout.Live})
}

func TestACompanyDoesWhatTheTestSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome     checkouttest.Outcome
		at, settled string // status/payment status at once, and an hour before the session's end
		balance     int64  // then
	}{
		"succeeds":    {checkouttest.Succeed(), "completed/paid", "completed/paid", 2500},
		"declines":    {checkouttest.Decline("stolen_card"), "pending/unpaid generic_decline", "pending/unpaid generic_decline", 0},
		"challenges":  {checkouttest.Challenge(), "completed/paid", "completed/paid", 2500},
		"pays later":  {checkouttest.PayLater(10 * time.Minute), "pending/processing", "completed/paid", 2500},
		"is silent":   {checkouttest.Unreachable(), "pending/unpaid provider_unavailable", "pending/unpaid provider_unavailable", 0},
		"loses a yes": {checkouttest.Succeed().LoseAnswer(), "pending/processing", "completed/paid", 2500},
		"loses a no":  {checkouttest.Decline(checkout.ReasonExpiredCard).LoseAnswer(), "pending/processing", "pending/unpaid expired_card", 0},
		"takes days":  {checkouttest.PayLater(50 * time.Hour), "pending/processing", "pending/processing", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, company, order := openLive(t)
			company.Next(c.outcome)
			if got := standing(shop.Pay(order.ID, checkouttest.NoCard)); got != c.at {
				t.Errorf("the session is %s, want %s", got, c.at)
			}
			shop.Advance(59 * time.Minute)
			if got := standing(shop.Session(order.ID)); got != c.settled {
				t.Errorf("the session ends up %s, want %s", got, c.settled)
			}
			if got := company.Balance(order.ID); got != c.balance {
				t.Errorf("%d cents are at the company, want %d", got, c.balance)
			}
		})
	}
}

func standing(s *checkout.Session) string {
	return strings.TrimSpace(string(s.Status) + "/" + string(s.PaymentStatus) + " " + declineCode(s))
}

func TestACompanyPaysBackAsTheTestSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome      checkouttest.Outcome
		at, settled  string
		balance      int64
		event        string
		alreadyThere bool // the event comes at once
	}{
		"succeeds":         {checkouttest.Succeed(), "succeeded", "succeeded", 1500, webhook.RefundSucceeded, true},
		"declines":         {checkouttest.Decline(""), "failed", "failed", 2500, webhook.RefundFailed, true},
		"loses its answer": {checkouttest.Succeed().LoseAnswer(), "pending", "succeeded", 1500, webhook.RefundSucceeded, false},
		"is silent":        {checkouttest.Unreachable(), "pending", "succeeded", 1500, webhook.RefundSucceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, company, order := openLive(t)
			shop.Pay(order.ID, checkouttest.NoCard)
			company.NextRefunds(c.outcome)
			r, err := shop.Checkout().Refund(t.Context(), checkout.RefundParams{SessionID: order.ID, AmountCents: 1000})
			if err != nil || r.Status != c.at {
				t.Fatalf("the refund is %+v, %v, want %s", r, err, c.at)
			}
			if there := slices.Contains(shop.Events(), c.event); there != c.alreadyThere {
				t.Errorf("the events are %v", shop.Events())
			}
			shop.Advance(10 * time.Minute)
			list, err := shop.Checkout().Refunds(t.Context(), order.ID)
			if err != nil || len(list) != 1 || list[0].Status != c.settled {
				t.Errorf("the refunds are %+v, %v, want one %s", list, err, c.settled)
			}
			if got := company.Balance(order.ID); got != c.balance {
				t.Errorf("%d cents are at the company, want %d", got, c.balance)
			}
			shop.RequireEvent(t, c.event)
		})
	}
}

func TestANotificationIsFasterThanAsking(t *testing.T) {
	t.Parallel()
	shop, company, order := openLive(t)
	company.Next(checkouttest.PayLater(6 * time.Minute))
	shop.Pay(order.ID, checkouttest.NoCard)
	shop.Advance(7 * time.Minute)
	if s := shop.Session(order.ID); s.Status != checkout.StatusPending {
		t.Fatalf("the session is %s although nobody has asked", s.Status)
	}
	company.Notify(order.ID)
	if s := shop.Session(order.ID); s.Status != checkout.StatusCompleted {
		t.Errorf("after the notification the session is %s", s.Status)
	}
	company.Notify(order.ID)
	if n := len(shop.Events()); n != 3 {
		t.Errorf("after another notification there are %v", shop.Events())
	}
}

func TestMoneyThatArrivesInTimeStillBuys(t *testing.T) {
	t.Parallel()
	shop, company, order := openLive(t)
	company.Next(checkouttest.Decline(checkout.ReasonDeclined))
	shop.Pay(order.ID, checkouttest.NoCard)
	company.Arrive(order.ID)
	if s := shop.Session(order.ID); s.Status != checkout.StatusCompleted || company.Balance(order.ID) != 2500 {
		t.Errorf("the session is %s with %d cents at the company", s.Status, company.Balance(order.ID))
	}
}

func TestTheBuyerChoosesTheFirstOfTwoCompanies(t *testing.T) {
	t.Parallel()
	one, two := checkouttest.NewProvider("one"), checkouttest.NewProvider("two")
	shop := checkouttest.New(t, checkouttest.WithProvider(one), checkouttest.WithProvider(two))
	for _, c := range []struct {
		methods  []string
		one, two int64
	}{{nil, 2500, 0}, {[]string{"two", "one"}, 0, 2500}} {
		s := shop.CreateSession(checkout.SessionParams{Mode: checkout.Live, PaymentMethods: c.methods})
		shop.Pay(s.ID, checkouttest.NoCard)
		if one.Balance(s.ID) != c.one || two.Balance(s.ID) != c.two {
			t.Errorf("with methods %v the companies have %d and %d", c.methods, one.Balance(s.ID), two.Balance(s.ID))
		}
	}
}

func TestTestModeNeverReachesACompany(t *testing.T) {
	t.Parallel()
	shop, company, _ := openLive(t)
	s := shop.Pay(shop.CreateSession(checkout.SessionParams{}).ID, checkouttest.CardPays)
	if s.Status != checkout.StatusCompleted || company.Balance(s.ID) != 0 {
		t.Errorf("the test session is %s with %d cents at the company", s.Status, company.Balance(s.ID))
	}
}

func TestACompanyWithoutAChargeSaysSo(t *testing.T) {
	t.Parallel()
	v := &verdict{TB: t}
	company := checkouttest.NewProvider("acme")
	shop := checkouttest.New(v, checkouttest.WithProvider(company))
	order := shop.CreateSession(checkout.SessionParams{Mode: checkout.Live})
	defer func() {
		if recover(); !strings.Contains(v.fatal, "has no charge") {
			t.Errorf("the test ended with %q", v.fatal)
		}
	}()
	company.Arrive(order.ID)
}

func TestAnUnknownChallengeIsNotFound(t *testing.T) {
	t.Parallel()
	_, company, _ := openLive(t)
	if w := serve(company, "https://acme-pay.example/challenge?charge=charge_none"); w.Code != http.StatusNotFound {
		t.Errorf("the company's page answered %d", w.Code)
	}
}
