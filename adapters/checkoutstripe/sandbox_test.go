//go:build sandbox

package checkoutstripe

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
)

// These tests talk to Stripe with a test key of yours. No money moves:
//
//	STRIPE_SECRET_KEY=sk_test_… go test -tags=sandbox -run Sandbox -v ./adapters/checkoutstripe
func sandbox(t *testing.T, change ...func(*Config)) *Provider {
	t.Helper()
	secret := os.Getenv("STRIPE_SECRET_KEY")
	if secret == "" {
		t.Skip("left out: STRIPE_SECRET_KEY is not set")
	}
	if modeOf(secretKeyRule, secret) != "test" {
		t.Fatal("STRIPE_SECRET_KEY is not of test mode")
	}
	cfg := Config{SecretKey: secret, PublishableKey: testPublishable, WebhookSecrets: []string{testSecret}}
	for _, f := range change {
		f(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sandboxRequest(t *testing.T) (checkout.BeginRequest, checkout.ChargeRef) {
	t.Helper()
	r := request()
	r.AttemptID = "pay_" + strings.ReplaceAll(time.Now().UTC().Format("20060102150405.000000000"), ".", "")
	r.ExpiresAt, r.Email = time.Now().Add(time.Hour), ""
	return r, checkout.ChargeRef{AttemptID: r.AttemptID, Method: "card", Amount: r.Amount, Currency: r.Currency, BegunAt: time.Now()}
}

func sandboxContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func beginInSandbox(t *testing.T, p *Provider) (checkout.BeginRequest, checkout.ChargeRef) {
	t.Helper()
	r, ref := sandboxRequest(t)
	step, err := p.Begin(sandboxContext(t), r)
	if err != nil {
		t.Fatal(err)
	}
	ref.Ref = step.Ref
	return r, ref
}

// confirm does what the buyer does in the Payment Element, with one of Stripe's test payment methods.
func confirm(t *testing.T, p *Provider, ref checkout.ChargeRef, paymentMethod string) error {
	t.Helper()
	var in intent
	_, err := p.api.post(sandboxContext(t), "/v1/payment_intents/"+ref.Ref+"/confirm", url.Values{"payment_method": {paymentMethod}}, "", &in)
	return err
}

func observeInSandbox(t *testing.T, p *Provider, ref checkout.ChargeRef) checkout.Observation {
	t.Helper()
	o, err := p.Observe(sandboxContext(t), ref)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSandboxPayAndRefund(t *testing.T) {
	p := sandbox(t)
	r, ref := beginInSandbox(t, p)
	if step, err := p.Begin(sandboxContext(t), r); err != nil || step.Ref != ref.Ref {
		t.Errorf("Begin again gives %q, %v, want %q", step.Ref, err, ref.Ref)
	}
	if err := confirm(t, p, ref, "pm_card_visa"); err != nil {
		t.Fatal(err)
	}
	if o := observeInSandbox(t, p, ref); o.State != checkout.StateSucceeded || o.Captured != r.Amount || o.ChargeID == "" {
		t.Fatalf("the paid charge is %+v", o)
	}
	lost := ref
	lost.Ref = ""
	if o := observeInSandbox(t, p, lost); o.Ref != ref.Ref {
		t.Errorf("by its attempt the charge is %q, want %q", o.Ref, ref.Ref)
	}
	refund := checkout.RefundRequest{Charge: ref, Key: "re_" + r.AttemptID, Amount: 1000, Currency: r.Currency}
	for range 2 {
		if o, err := p.Refund(sandboxContext(t), refund); err != nil || o.Amount != 1000 || o.Key != refund.Key {
			t.Errorf("Refund gives %+v, %v", o, err)
		}
	}
	refund.Key, refund.Amount = refund.Key+"b", 1501
	if _, err := p.Refund(sandboxContext(t), refund); outcome(err) != "rejected" {
		t.Errorf("Refund of more than is left gives %v", err)
	}
	if o := observeInSandbox(t, p, ref); len(o.Refunds) != 1 {
		t.Errorf("the charge has the refunds %+v, want one", o.Refunds)
	}
	if o, err := p.Cancel(sandboxContext(t), ref); err != nil || o.State != checkout.StateSucceeded {
		t.Errorf("Cancel of a paid charge gives %+v, %v", o, err)
	}
}

func TestSandboxDecline(t *testing.T) {
	p := sandbox(t)
	_, ref := beginInSandbox(t, p)
	if err := confirm(t, p, ref, "pm_card_chargeDeclinedInsufficientFunds"); err == nil {
		t.Error("the card was not declined")
	}
	o := observeInSandbox(t, p, ref)
	if o.State != checkout.StateActionRequired || o.Reason.Code != checkout.ReasonInsufficientFunds || o.TryID == "" || o.Client == "" {
		t.Errorf("the declined charge is %+v", o)
	}
	if o, err := p.Cancel(sandboxContext(t), ref); err != nil || o.State != checkout.StateCanceled {
		t.Errorf("Cancel gives %+v, %v", o, err)
	}
}

func TestSandboxHosted(t *testing.T) {
	p := sandbox(t, hosted)
	r, ref := sandboxRequest(t)
	step, err := p.Begin(sandboxContext(t), r)
	if err != nil || !strings.HasPrefix(step.RedirectURL, "https://") {
		t.Fatalf("Begin gives %+v, %v", step, err)
	}
	t.Log("pay here with 4242 4242 4242 4242 to see it:", step.RedirectURL)
	if o := observeInSandbox(t, p, ref); o.Ref != step.Ref || o.State != checkout.StateActionRequired {
		t.Errorf("by its attempt the charge is %+v, want %q", o, step.Ref)
	}
	ref.Ref = step.Ref
	if o, err := p.Cancel(sandboxContext(t), ref); err != nil || o.State != checkout.StateCanceled {
		t.Errorf("Cancel gives %+v, %v", o, err)
	}
}
