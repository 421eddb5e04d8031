package checkout

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// awkwardOrder is an order over the API with any content.
func awkwardOrder(t *testing.T, change map[string]any, items ...map[string]any) string {
	t.Helper()
	order := map[string]any{"line_items": items, "success_url": "https://a.example/s", "cancel_url": "https://a.example/c", "customer_email": "a@a.example"}
	for key, v := range change {
		order[key] = v
	}
	body, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// What shops really sell: every page answers, shows what it was given, and nothing of it acts.
func TestPageWithAwkwardContent(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.Brand.Name = strings.Repeat("Kaffeehaus", 12) })
	item := func(name string, amount int64, more ...any) map[string]any {
		m := map[string]any{"name": name, "amount": amount, "currency": "eur"}
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	hundred := make([]map[string]any, 100)
	for i := range hundred {
		hundred[i] = item("Premium Coffee Beans", 999_999)
	}
	hundred[99]["name"] = "The last of them"
	for name, c := range map[string]struct {
		body    string
		with    []string // as a reader sees it
		without []string // in the markup
	}{
		"100 items":            {awkwardOrder(t, nil, hundred...), []string{"€999,999.00", "Show 95 more items", "The last of them"}, nil},
		"a name without a gap": {awkwardOrder(t, nil, item(strings.Repeat("ß", 250), 100)), []string{strings.Repeat("ß", 250)}, nil},
		"emoji":                {awkwardOrder(t, nil, item("👩‍👩‍👧‍👦 👍🏽 🇪🇺 e\u0301", 100)), []string{"👩‍👩‍👧‍👦 👍🏽 🇪🇺 e\u0301"}, nil},
		"turned around":        {awkwardOrder(t, nil, item("Beans \u202e00.1€ rof\u202c", 100)), []string{"Beans 00.1€ rof"}, []string{"\u202e", "\u202c"}},
		"right to left":        {awkwardOrder(t, nil, item("قهوة עברית", 100)), []string{"قهوة עברית"}, nil},
		"a script":             {awkwardOrder(t, nil, item("<script>alert(1)</script>", 100, "description", `"><img src=x onerror=alert(1)>`)), []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`}, []string{"<script>alert", "<img src"}},
		"nine digits":          {awkwardOrder(t, nil, item("House", 99_999_999)), []string{"€999,999.99"}, nil},
		"nine digits of yen":   {awkwardOrder(t, nil, item("House", 99_999_999, "currency", "jpy")), []string{"¥99,999,999"}, nil},
		"nine digits of dinar": {awkwardOrder(t, nil, item("House", 99_999_999, "currency", "kwd")), []string{"KWD 99,999.999"}, nil},
		"many of one":          {awkwardOrder(t, nil, item("Bean", 1, "quantity", 999_999)), []string{"999999 × €0.01", "€9,999.99"}, nil},
		"nothing to pay":       {awkwardOrder(t, nil, item("Sample", 0)), []string{"€0.00", "Confirm"}, []string{`name="method"`, "card_number"}},
		"a long reference":     {awkwardOrder(t, map[string]any{"client_reference_id": strings.Repeat("9", 200)}, item("Beans", 100)), []string{strings.Repeat("9", 200)}, nil},
		"a long tax":           {awkwardOrder(t, nil, item("Beans", 100, "tax_rate_bp", 1900, "tax_name", strings.Repeat("T", 40))), []string{strings.Repeat("T", 40) + " 19%"}, nil},
	} {
		w := s.page("/checkout/" + s.create(c.body))
		markup := w.Body.String()
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", name, w.Code)
		}
		read := strings.ReplaceAll(html.UnescapeString(tagsAndScripts.ReplaceAllString(markup, "")), "\u00a0", " ")
		for _, want := range c.with {
			if !strings.Contains(read, want) {
				t.Errorf("%s: %q is not to be read", name, want)
			}
		}
		for _, bad := range c.without {
			if strings.Contains(markup, bad) {
				t.Errorf("%s: %q is in the markup", name, bad)
			}
		}
	}
}

// A shop that has told nothing of itself has a page all the same: the host's name in the header, no foot, no picture.
func TestPageOfASellerOfWhomNothingIsKnown(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.Brand = Brand{} })
	body := s.page("/checkout/" + s.create(seedBody)).Body.String()
	if strings.Contains(body, "<footer") || strings.Contains(body, "<img") || !strings.Contains(body, "Pay <bdi>shop.test</bdi>") {
		t.Errorf("%s", body)
	}
}
