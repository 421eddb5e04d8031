package checkoutstripe

import (
	"regexp"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

func TestMethods(t *testing.T) {
	all := methodNames()
	tests := map[string]struct {
		offered []string
		q       checkout.MethodQuery
		want    string
	}{
		"the default":            {nil, checkout.MethodQuery{Amount: 2500, Currency: "eur"}, "card"},
		"Stripe's choice":        {[]string{"automatic"}, checkout.MethodQuery{Amount: 2500, Currency: "eur"}, "online"},
		"the order is the own":   {[]string{"ideal", "card"}, checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "NL"}, "ideal card"},
		"the other mode":         {all, checkout.MethodQuery{Amount: 2500, Currency: "eur", Livemode: true}, ""},
		"a currency not taken":   {all, checkout.MethodQuery{Amount: 2500, Currency: "kpw"}, ""},
		"an amount not taken":    {all, checkout.MethodQuery{Amount: 12_345, Currency: "kwd"}, ""},
		"nothing":                {all, checkout.MethodQuery{Currency: "eur"}, ""},
		"too much":               {all, checkout.MethodQuery{Amount: 1_000_000, Currency: "isk"}, ""},
		"less than the minimum":  {all, checkout.MethodQuery{Amount: 49, Currency: "eur", Country: "NL"}, "ideal"},
		"just the minimum":       {[]string{"card"}, checkout.MethodQuery{Amount: 50, Currency: "eur"}, "card"},
		"a minimum in forint":    {[]string{"card"}, checkout.MethodQuery{Amount: 17_499, Currency: "huf"}, ""},
		"euro from nowhere":      {all, checkout.MethodQuery{Amount: 2500, Currency: "eur"}, "alma online bancontact card eps ideal klarna mobilepay p24 paypal sepa_debit"},
		"euro in Belgium":        {all, checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "BE"}, "online bancontact card klarna paypal sepa_debit"},
		"francs in Switzerland":  {all, checkout.MethodQuery{Amount: 2500, Currency: "chf", Country: "ch"}, "online card klarna paypal twint"},
		"kronor in Sweden":       {all, checkout.MethodQuery{Amount: 2500, Currency: "sek", Country: "SE"}, "online card klarna paypal swish"},
		"złoty in Poland":        {all, checkout.MethodQuery{Amount: 2500, Currency: "pln", Country: "PL"}, "online blik card klarna p24 paypal"},
		"yen":                    {all, checkout.MethodQuery{Amount: 500, Currency: "jpy"}, "online card"},
		"a method without match": {[]string{"twint"}, checkout.MethodQuery{Amount: 2500, Currency: "eur"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := newCompany(t, nil).provider(func(cfg *Config) { cfg.Methods = tt.offered }).Methods(t.Context(), tt.q)
			var ids []string
			for _, m := range list {
				ids = append(ids, m.ID)
			}
			if got := strings.Join(ids, " "); err != nil || got != tt.want {
				t.Errorf("the methods are %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestMethodTable(t *testing.T) {
	rule, seen := regexp.MustCompile(`^[a-z0-9_]+$`), map[string]bool{}
	for name, m := range methods {
		if !rule.MatchString(m.ID) || seen[m.ID] || m.Label == "" || !strings.Contains(" card bank wallet invoice ", " "+m.Mark+" ") {
			t.Errorf("%s is %+v", name, m.Method)
		}
		seen[m.ID] = true
		for _, code := range strings.Fields(m.currencies) {
			if _, ok := scales[code]; !ok {
				t.Errorf("%s is offered in %s, which Stripe does not take", name, code)
			}
		}
	}
	for code, amount := range minimum {
		if back, ok := fromWire(amount, code); !ok || back == 0 {
			t.Errorf("the minimum of %s is %d", code, amount)
		}
	}
}

func TestLocale(t *testing.T) {
	for tag, want := range map[string]string{
		"de": "de", "de-AT": "de", "en-gb": "en-GB", "en-US": "en", "en-IN": "en", "pt-PT": "pt", "pt-BR": "pt-BR", "fr-CH": "fr", "es-MX": "es", "zh-TW": "zh-TW",
		"zh-Hant": "zh", "no": "nb", "nn-NO": "nb", "ar": "", "he": "", "": "", "-": "", "es-419": "es-419",
	} {
		if got := localeOf(locales, tag); got != want {
			t.Errorf("Checkout has %q for %q, want %q", got, tag, want)
		}
	}
	for tag, want := range map[string]string{"ar": "ar", "ar-EG": "ar", "he-IL": "he", "de-AT": "de", "": "", "xx": ""} {
		if got := localeOf(elementLocales, tag); got != want {
			t.Errorf("the Payment Element has %q for %q, want %q", got, tag, want)
		}
	}
}

// Whoever has read the page in one of its languages goes on in it: on Stripe's fields in all twelve, on Stripe's own page in
// the ten it has.
func TestLocalesOfThePage(t *testing.T) {
	for _, tag := range strings.Fields("en de fr es it nl pl pt sv tr ar he") {
		if got := localeOf(elementLocales, tag); got != tag {
			t.Errorf("the Payment Element has %q for %q", got, tag)
		}
		if got := localeOf(locales, tag); got != tag && tag != "ar" && tag != "he" {
			t.Errorf("Checkout has %q for %q", got, tag)
		}
	}
}
