package checkoutstripe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

func TestNewRefuses(t *testing.T) {
	secretOfOther, livePublishable := "rk_"+"live_"+strings.Repeat("d4", 12), "pk_"+"live_"+strings.Repeat("e5", 12)
	tests := map[string]struct {
		change func(*Config)
		field  string
	}{
		"no key":                    {func(c *Config) { c.SecretKey = "" }, "SecretKey is empty"},
		"the publishable one":       {func(c *Config) { c.SecretKey = testPublishable }, "SecretKey is a publishable key"},
		"a key with a space":        {func(c *Config) { c.SecretKey += " " }, "SecretKey is no Stripe key"},
		"no publishable key":        {func(c *Config) { c.PublishableKey = "" }, "PublishableKey is empty"},
		"the secret one":            {func(c *Config) { c.PublishableKey = testKey }, "PublishableKey is no publishable key"},
		"a live publishable key":    {func(c *Config) { c.PublishableKey = livePublishable }, "PublishableKey is of live mode"},
		"a live secret key":         {func(c *Config) { c.SecretKey = secretOfOther }, "PublishableKey is of test mode"},
		"no webhook secret":         {func(c *Config) { c.WebhookSecrets = nil }, "WebhookSecrets is empty"},
		"an empty webhook secret":   {func(c *Config) { c.WebhookSecrets = []string{testSecret, ""} }, "WebhookSecrets has at place 1"},
		"an endpoint's id":          {func(c *Config) { c.WebhookSecrets = []string{"we_1234"} }, "WebhookSecrets has at place 0"},
		"a method that is unknown":  {func(c *Config) { c.Methods = []string{"card", "cheque"} }, `Methods has "cheque"`},
		"a method twice":            {func(c *Config) { c.Methods = []string{"card", "card"} }, `Methods has "card" twice`},
		"a name with a capital":     {func(c *Config) { c.Name = "Stripe" }, `Name "Stripe"`},
		"a long name":               {func(c *Config) { c.Name = strings.Repeat("s", 33) }, "Name"},
		"an address without scheme": {func(c *Config) { c.BaseURL = "api.stripe.com" }, "BaseURL is not like"},
		"an address with a path":    {func(c *Config) { c.BaseURL = "https://api.stripe.com/v1" }, "BaseURL is not like"},
		"an address in the clear":   {func(c *Config) { c.BaseURL = "http://api.stripe.com" }, "BaseURL is not https"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := newCompany(t, nil).config()
			tt.change(&cfg)
			_, err := New(cfg)
			if err == nil || !strings.Contains(err.Error(), "Config."+tt.field) {
				t.Fatalf("New gives %v, want a word about %s", err, tt.field)
			}
			for _, secret := range []string{testKey, testPublishable, testSecret, secretOfOther, livePublishable} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds a key: %v", err)
				}
			}
		})
	}
}

func TestNewTakes(t *testing.T) {
	liveKey := "rk_" + "live_" + strings.Repeat("d4", 12)
	tests := map[string]struct {
		cfg  Config
		name string
	}{
		"a test account":          {Config{SecretKey: testKey, PublishableKey: testPublishable, WebhookSecrets: []string{testSecret}}, "stripe_test"},
		"a live account, hosted":  {Config{SecretKey: liveKey, Hosted: true, WebhookSecrets: []string{testSecret, testSecret}}, "stripe"},
		"a name":                  {Config{SecretKey: testKey, Hosted: true, WebhookSecrets: []string{testSecret}, Name: "stripe-de"}, "stripe-de"},
		"stripe-mock's address":   {Config{SecretKey: testKey, Hosted: true, WebhookSecrets: []string{testSecret}, BaseURL: "http://localhost:12111/"}, "stripe_test"},
		"an address by its parts": {Config{SecretKey: testKey, Hosted: true, WebhookSecrets: []string{testSecret}, BaseURL: "http://[::1]:12111"}, "stripe_test"},
	}
	for name, tt := range tests {
		p, err := New(tt.cfg)
		if err != nil || p.Name() != tt.name || p.Title() != "Stripe" {
			t.Errorf("%s: New gives %v, %v, want the name %q", name, p, err, tt.name)
		}
	}
}

func TestModeFollowsTheKey(t *testing.T) {
	liveKey := "sk_" + "live_" + strings.Repeat("d4", 12)
	p, err := New(Config{SecretKey: liveKey, Hosted: true, WebhookSecrets: []string{testSecret}})
	if err != nil {
		t.Fatal(err)
	}
	for _, live := range []bool{true, false} {
		list, err := p.Methods(context.Background(), checkout.MethodQuery{Amount: 2500, Currency: "eur", Livemode: live})
		if err != nil || (len(list) > 0) != live {
			t.Errorf("a live account offers %v, %v with Livemode %v", list, err, live)
		}
	}
}

// A redirect would take the key to an address nobody has checked.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	c := newCompany(t, map[string][]said{getIntent: {{307, "", map[string]string{"Location": elsewhere.URL}}}})
	own := &http.Client{}
	_, err := c.provider(func(cfg *Config) { cfg.HTTPClient = own }).Observe(t.Context(), refOf(intentID))
	wantNoKind(t, err)
	if own.CheckRedirect != nil {
		t.Error("the host's own client was changed")
	}
}

func TestNoProxyUnlessAsked(t *testing.T) {
	if transport, ok := defaultClient().Transport.(*http.Transport); !ok || transport.Proxy != nil || defaultClient().Timeout == 0 {
		t.Error("the default client has a proxy or no time limit")
	}
}
