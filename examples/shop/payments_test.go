package main

import (
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

// stripeKeys look like those of a Stripe account in test mode and open nothing.
func stripeKeys() (secret, publishable, webhook string) {
	body := strings.Repeat("a1B2c3D4", 8)
	return "sk_" + "test_" + body, "pk_" + "test_" + body, "whsec_" + body[:32]
}

func TestStripeIsOfferedBesideTheTestCards(t *testing.T) {
	t.Parallel()
	sk, pk, whsec := stripeKeys()
	p := start(t, sqliteFile(t), "-base-url", "https://shop.example", "-stripe-secret-key", sk, "-stripe-publishable-key", pk, "-stripe-webhook-secret", whsec)
	p.base = strings.TrimSuffix(p.row("Webhooks go to"), "/webhooks")
	for _, text := range []string{
		" at https://shop.example/api/checkout/v1/notify/stripe_test\n",
		"\nstripe listen --forward-to " + p.base + "/api/checkout/v1/notify/stripe_test\n",
	} {
		if !strings.Contains(p.output, text) {
			t.Errorf("the opening does not say %q:\n%s", text, p.output)
		}
	}
	for _, secret := range []string{sk, pk, whsec} {
		if strings.Contains(p.output, secret) {
			t.Errorf("the opening shows %s…", secret[:8])
		}
	}
	notice := p.do(p.request(http.MethodPost, "/api/checkout/v1/notify/stripe_test", `{"id":"evt_1"}`, "Stripe-Signature", "t=1,v1=00"))
	p.shows(notice, http.StatusBadRequest, "signature")
	page := strings.TrimPrefix(p.buy(espresso("ada@example.com")), "https://shop.example")
	p.shows(p.get(page), http.StatusOK, `value="card"`, `value="test_card"`, `type="radio" name="method"`)
	paid := p.submit(page, url.Values{"action": {"pay"}, "method": {"test_card"}, "card_number": {"4242424242424242"}, "card_exp": {"12/34"}, "card_cvc": {"123"}})
	p.shows(p.get(strings.TrimPrefix(paid.location, "https://shop.example")), http.StatusOK, "<dd>paid</dd>")
}

func TestWithoutFlagsOnlyTheSandboxIsThere(t *testing.T) {
	t.Parallel()
	p := start(t, sqliteFile(t))
	if strings.Contains(p.output, "stripe") {
		t.Errorf("the opening speaks of Stripe:\n%s", p.output)
	}
	page := p.get(p.buy(espresso("ada@example.com")))
	if strings.Contains(page.body, `type="radio"`) || !strings.Contains(page.body, `name="method" value="test_card"`) {
		t.Errorf("the page offers more than the test card: %s", page.body)
	}
	p.shows(p.post("/transfers", url.Values{}), http.StatusNotFound, "There is nothing here")
	if orders := p.get("/orders"); strings.Contains(orders.body, "Record a transfer") {
		t.Error("transfers can be recorded without an account")
	}
}

// TestTheEnvironmentIsNotRead: keys that lie around there must not turn a toy into a till.
func TestTheEnvironmentIsNotRead(t *testing.T) {
	sk, pk, whsec := stripeKeys()
	for name, value := range map[string]string{
		"STRIPE_SECRET_KEY": sk, "STRIPE_API_KEY": sk, "STRIPE_PUBLISHABLE_KEY": pk, "STRIPE_WEBHOOK_SECRET": whsec,
		"SEPA_IBAN": "DE89370400440532013000", "SEPA_NAME": "Finch Coffee",
		"SMTP_HOST": "127.0.0.1:1", "SMTP_USERNAME": "ada", "SMTP_PASSWORD": "correct horse", "SELLER_NAME": "Acme",
	} {
		t.Setenv(name, value)
	}
	if os.Getenv("STRIPE_API_KEY") != sk {
		t.Fatal("the environment was not set")
	}
	page := start(t, sqliteFile(t))
	if !strings.HasPrefix(page.row("Mails are"), "kept in the admin") || !strings.HasPrefix(page.row("Invoices by"), demoSeller.name+", made up") {
		t.Errorf("the opening says %q and %q", page.row("Mails are"), page.row("Invoices by"))
	}
	if body := page.get(page.buy(espresso("ada@example.com"))).body; strings.Contains(body, `type="radio"`) {
		t.Error("the page offers more than the test card")
	}
}

var referenceRule = regexp.MustCompile(`RF\d\d(?: ?[0-9A-Z]{1,4})+`)

func TestATransferIsAwaitedAndRecorded(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p := start(t, db, "-sepa-iban", "DE89 3704 0044 0532 0130 00", "-sepa-name", "Finch Coffee")
		page := p.buy(espresso("ada@example.com"))
		p.submit(page, url.Values{"action": {"pay"}, "method": {"bank_transfer"}})
		told := p.get(page)
		p.shows(told, http.StatusOK, "DE89 3704 0044 0532 0130 00", "Finch Coffee", "€38.00")
		reference := referenceRule.FindString(told.body)
		success := "/success?session_id=" + page[strings.LastIndex(page, "/")+1:]
		p.shows(p.get(success), http.StatusOK, "We are waiting for your payment", "How to pay", "own table</dt><dd>open</dd>")

		p.record("RF00 NOBODY", "1.00", "No order is waiting for this")
		p.record(reference, "0", "Write the amount like 25.00")
		entry := p.record(strings.ToLower(reference), "10,00", "€28.00 of this order are still to come")
		p.shows(p.post("/transfers", entry), http.StatusOK, "This was recorded before")
		p.shows(p.get(page), http.StatusOK, "€28.00")
		p.record(reference, "28", "The order is paid in full")
		p.shows(p.get(success), http.StatusOK, "Thank you", "<dt>Status</dt><dd>paid</dd>", "own table</dt><dd>paid</dd>")
		p.shows(p.get("/orders"), http.StatusOK, `badge paid">paid`)
		p.eventually("/webhooks", "checkout.session.completed", "✔ Signature verified")
	})
}

// record sends the form of the orders page and gives what was sent.
func (p *process) record(reference, amount, want string) url.Values {
	p.t.Helper()
	m := hiddenField.FindStringSubmatch(p.get("/orders").body)
	if m == nil || m[1] != "entry" {
		p.t.Fatal("the orders page has no form for transfers")
	}
	form := url.Values{"entry": {m[2]}, "reference": {reference}, "amount": {amount}}
	if a := p.post("/transfers", form); !strings.Contains(html.UnescapeString(a.body), want) {
		p.t.Errorf("a transfer of %s was answered %d without %q: %s", amount, a.status, want, a.body)
	}
	return form
}

func TestEveryTransferIsAnsweredInWords(t *testing.T) {
	t.Parallel()
	for want, result := range map[string]checkout.TransferResult{
		"The order is paid in full":            {Status: checkout.TransferBooked},
		"€15.00 of this order are still":       {Status: checkout.TransferBooked, Currency: "eur", Rest: 1500},
		"€3.00 came that nobody owed":          {Status: checkout.TransferBooked, Currency: "eur", Surplus: 300},
		"It counts once":                       {Status: checkout.TransferBooked, Duplicate: true},
		"Of just this amount there are 2 open": {Status: checkout.TransferSuggested, Suggestions: make([]checkout.TransferSuggestion, 2)},
		"Nothing was changed":                  {Status: checkout.TransferUnknown},
	} {
		if m := told(result); !strings.Contains(m.Text, want) {
			t.Errorf("%+v is answered %q, want %q", result, m.Text, want)
		}
	}
}

func TestParseEuros(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"25": 2500, "25.5": 2550, "25,50": 2550, " 0.01 ": 1, "999999999.99": 99999999999,
		"": 0, "0": 0, "0.00": 0, "-1": 0, "+1": 0, "1.234": 0, "1.2.3": 0, "1e3": 0, "12 34": 0, "€5": 0, "1234567890": 0, ".": 0, "1.-5": 0,
	} {
		got, ok := parseEuros(text)
		if ok != (want > 0) || (ok && got != want) {
			t.Errorf("%q is %d cents, %v; want %d", text, got, ok, want)
		}
	}
}
