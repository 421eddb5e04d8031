package checkouttest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
	"github.com/jopay/checkout/webhook"
)

func TestStoryOfADeclineARetryTheEndAndLateMoney(t *testing.T) {
	t.Parallel()
	company := checkouttest.NewProvider("acme")
	shop := checkouttest.New(t, checkouttest.WithProvider(company))
	order := shop.CreateSession(checkout.SessionParams{Mode: checkout.Live})

	company.Next(checkouttest.Decline(checkout.ReasonInsufficientFunds), checkouttest.PayLater(48*time.Hour))
	if s := shop.Pay(order.ID, checkouttest.NoCard); s.LastError == nil || s.LastError.DeclineCode != "insufficient_funds" {
		t.Fatalf("the first attempt left %+v", s)
	}
	if s := shop.Pay(order.ID, checkouttest.NoCard); s.PaymentStatus != checkout.PaymentProcessing {
		t.Fatalf("the retry is %s", s.PaymentStatus)
	}
	shop.Advance(2 * time.Hour)
	if s := shop.Session(order.ID); s.Status != checkout.StatusExpired {
		t.Fatalf("after two hours the session is %s", s.Status)
	}
	company.Arrive(order.ID)
	shop.Advance(time.Minute)
	if left := company.Balance(order.ID); left != 0 {
		t.Errorf("%d cents of an expired session are still at the company", left)
	}
	want := []string{webhook.SessionCreated, webhook.PaymentFailed, webhook.PaymentProcessing, webhook.PaymentFailed, webhook.SessionExpired, webhook.PaymentLate, webhook.RefundSucceeded}
	if got := shop.Events(); !slices.Equal(got, want) {
		t.Errorf("events %v\nwant %v", got, want)
	}
}

func TestTheStoryFitsThirtyLines(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("story_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, story, _ := strings.Cut(string(text), "func TestStoryOfADecline")
	story, _, ok := strings.Cut(story, "\n}\n")
	if n := strings.Count(story, "\n") + 2; !ok || n > 30 {
		t.Errorf("the story has %d lines, want 30 at most", n)
	}
}
