package e2e

import (
	"strings"
	"testing"

	"github.com/jopay/checkout/webhook"
)

func TestBrowserPaysInStripesFields(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	s := openStripeStore(t, b)
	order := s.order()
	s.begin(b, order)
	b.payInFields("4242424242424242")
	b.at(s.thanks(order))
	s.is(order, "completed", "paid", webhook.SessionCompleted)
	if n := s.company.Charges(); n != 1 {
		t.Errorf("%d charges at Stripe", n)
	}
	if list := b.requests(stripeAPI); len(list) == 0 || !strings.HasSuffix(list[len(list)-1], "/confirm") {
		t.Errorf("the browser asked Stripe's API for %q", list)
	}
}

func TestBrowserSeesADeclineBesideStripesFieldsAndTriesAgain(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	b.size(390, 844)
	s := openStripeStore(t, b)
	b.expect("402") // Stripe's answer to a declined card
	order := s.order()
	s.begin(b, order)
	b.payInFields("4000000000009995")
	b.read("Your card was declined")
	b.fits()
	b.keep("declined")
	b.until("enable the button again", `!document.querySelector("`+stripePay+`").disabled`)
	s.is(order, "pending", "requires_action", webhook.PaymentFailed)

	b.payInFields("4242424242424242")
	b.at(s.thanks(order))
	s.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
	if n := s.company.Charges(); n != 1 {
		t.Errorf("%d charges at Stripe, want one with two tries", n)
	}
}

func TestBrowserConfirmsAtItsBankAndComesBack(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	s := openStripeStore(t, b)
	order := s.order()
	s.begin(b, order)
	b.payInFields("4000002500003155")
	b.read("The fake bank asks")
	b.click("button[value=fail]")
	b.read("You have not been charged")
	s.is(order, "pending", "requires_action", webhook.PaymentFailed)

	b.payInFields("4000002500003155")
	b.read("The fake bank asks")
	b.click("button[value=complete]")
	b.at(s.thanks(order))
	s.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
}

func TestBrowserThatCannotLoadStripeIsLedThere(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	s := openStripeStore(t, b)
	b.answer(s.provider.Embed(false).Scripts[0], nil)
	b.expect("ERR_CONNECTION_REFUSED")
	s.company.SetURL(strings.TrimSuffix(stripeHosted, "/"))
	order := s.order()
	s.begin(b, order)
	b.see("button[value=redirect]")
	b.keep("no script of Stripe")
	b.click("button[value=redirect]")
	s.payAtStripe(b)
	b.at(s.thanks(order))
	s.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted) // the charge for the fields was taken back
}

func TestBrowserWithoutScriptsIsLedToStripe(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	b.withoutScripts()
	s := openStripeStore(t, b)
	s.company.SetURL(strings.TrimSuffix(stripeHosted, "/"))
	order := s.order()
	s.begin(b, order)
	s.payAtStripe(b)
	b.at(s.thanks(order))
	s.is(order, "completed", "paid", webhook.SessionCompleted)
	if list := b.requests(stripeScripts); len(list) > 0 {
		t.Errorf("the page loaded %q", list)
	}
}

// payAtStripe follows the page's link to the hosted page and pays there.
func (s *stripeStore) payAtStripe(b *tab) {
	s.t.Helper()
	b.click(`a.button[href^="` + stripeHosted + `"]`)
	b.read("Pay with the fake Stripe")
	b.click("button[value=pay]")
}

func TestBrowserChoosesAnotherWayAfterADeclineAtStripe(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	s := openStripeStore(t, b)
	b.expect("402")
	order := s.order()
	s.begin(b, order)
	b.payInFields("4000000000000002")
	b.read("Your card was declined")
	b.click("button[value=abandon]")
	b.see("#method-card")
	if policy := policyOf(t, order.CheckoutURL); strings.Contains(policy, "stripe") {
		t.Errorf("a page that Stripe's fields have left has the policy %q", policy)
	}
	b.click("label[for=method-test_card]")
	b.typeCard("4242424242424242")
	b.click(payButton)
	b.at(s.thanks(order))
	if status := s.lastStatus(t); status != "canceled" {
		t.Errorf("the charge at Stripe is %s: it could still be paid", status)
	}
}

func TestBrowserRunsOnlyStripesScriptsOnItsPage(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	s := openStripeStore(t, b)
	order, other := s.order(), s.order()
	s.begin(b, order)
	b.see("form.embed.ready")
	for _, bad := range []string{"https://evil.example/", "https://js.stripe.com.evil.example/", "https://api.stripe.com/v1/"} {
		b.answer(bad, says("text/javascript", `document.title = "taken over"`))
		b.expect("script '" + bad + "x.js' violates")
		b.expect("policy: script-src-elem blocks " + bad + "x.js")
		evaluate[any](b, `document.head.append(Object.assign(document.createElement("script"), { src: "`+bad+`x.js" }))`)
		b.waitForComplaint("policy: script-src-elem blocks " + bad + "x.js")
		if list := b.requests(bad + "x.js"); len(list) > 0 {
			t.Errorf("the browser asked for %q", list)
		}
	}
	if policy := policyOf(t, order.CheckoutURL); !strings.Contains(policy, "script-src 'self' https://*.js.stripe.com https://js.stripe.com;") {
		t.Errorf("the page with Stripe's fields has the policy %q", policy)
	}
	if policy := policyOf(t, other.CheckoutURL); strings.Contains(policy, "stripe") {
		t.Errorf("a page without Stripe's fields has the policy %q", policy)
	}
}
