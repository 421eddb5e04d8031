package e2e

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/internal/e2e/stripefake"
)

//go:embed testdata/stripejs/stripe.js
var stripeJS string

//go:embed testdata/stripejs/fields.html
var stripeFields string

// Where browsers find parts of Stripe.
const (
	stripeScripts = "https://js.stripe.com/"
	stripeAPI     = "https://api.stripe.com/"
	stripeBank    = "https://hooks.stripe.com/"
	stripeHosted  = "https://checkout.stripe.com/"
)

// stripeStore is a store that takes money through a Stripe of our own, which the browser finds at Stripe's addresses.
type stripeStore struct {
	*store
	company  *stripefake.Fake
	provider *checkoutstripe.Provider
}

func openStripeStore(t testing.TB, b *tab, configure ...func(*checkout.Config)) *stripeStore {
	t.Helper()
	s := &stripeStore{}
	s.company = stripefake.New(stripefake.Options{Notify: s.notify})
	api := httptest.NewServer(s.company)
	t.Cleanup(api.Close)
	var err error
	s.provider, err = checkoutstripe.New(checkoutstripe.Config{
		SecretKey: s.company.SecretKey(false), PublishableKey: s.company.PublishableKey(false), WebhookSecrets: []string{s.company.WebhookSecret()},
		BaseURL: api.URL, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.store = openStore(t, append(configure, func(cfg *checkout.Config) { cfg.Providers = []checkout.Provider{s.provider} })...)
	s.company.SetURL(strings.TrimSuffix(stripeBank, "/"))
	s.standInFor(b)
	return s
}

// standInFor lets a tab find the Stripe of our own at Stripe's addresses.
func (s *stripeStore) standInFor(b *tab) {
	for _, script := range s.provider.Embed(false).Scripts {
		b.answer(script, says("text/javascript", stripeJS))
	}
	b.answer(stripeScripts+"fields.html", says("text/html; charset=utf-8", stripeFields))
	for _, place := range []string{stripeAPI, stripeBank, stripeHosted} {
		b.answer(place, s.company)
		b.answer(place+"favicon.ico", says("image/x-icon", ""))
	}
}

// notify tells the checkout what has happened at Stripe, as fast as Stripe can: often before the buyer comes back.
func (s *stripeStore) notify(e stripefake.Event) {
	status, err := s.company.Deliver(context.Background(), client, s.base+s.co.APIPath()+"/notify/"+s.provider.Name(), e)
	if err != nil || status >= 300 {
		s.t.Errorf("the notification of %s was answered %d, %v", e.Type, status, err)
	}
}

// begin opens the page of a session and chooses to pay through Stripe.
func (s *stripeStore) begin(b *tab, order *checkout.Session) {
	s.t.Helper()
	b.open(order.CheckoutURL)
	b.click("label[for=method-card]")
	b.click(payButton)
}

const stripePay = "form.embed button"

// payInFields types a card number into Stripe's frame and sends it.
func (b *tab) payInFields(number string) {
	b.t.Helper()
	b.see("form.embed.ready iframe")
	b.see(stripePay)
	b.enterInFrame("form.embed iframe", number)
	b.click(stripePay)
}

// enterInFrame types into the first field of a frame, which only keys and clicks reach, as at Stripe.
func (b *tab) enterInFrame(frame, text string) {
	b.t.Helper()
	at := evaluate[[]float64](b, `(() => {
		const frame = document.querySelector("`+frame+`");
		frame.scrollIntoView();
		frame.focus();
		const { x, y } = frame.getBoundingClientRect();
		return [x, y];
	})()`)
	b.limited("click into "+frame, chromedp.MouseClickXY(at[0]+30, at[1]+20))
	b.limited("choose what stands in "+frame, chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.limited("type into "+frame, chromedp.KeyEvent(text))
	b.until("type "+text, `document.querySelector("`+frame+`").dataset.typed === "`+text+`"`)
}

// policyOf is the policy of a page.
func policyOf(t testing.TB, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.Header.Get("Content-Security-Policy")
}

// lastStatus is what the newest payment intent has become.
func (s *stripeStore) lastStatus(t testing.TB) string {
	t.Helper()
	events := s.company.Events()
	for i := len(events) - 1; i >= 0; i-- {
		if kind, ok := strings.CutPrefix(events[i].Type, "payment_intent."); ok {
			return kind
		}
	}
	return ""
}
