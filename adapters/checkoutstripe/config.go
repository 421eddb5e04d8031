package checkoutstripe

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is an account at Stripe and how to use it. BaseURL, HTTPClient and Now are there for tests.
type Config struct {
	// SecretKey is a secret key (sk_…) or a restricted one (rk_…). Its mode, test or live, is that of the provider. Required.
	SecretKey string

	// PublishableKey (pk_…) is the account's key for browsers, of the same mode. Required unless Hosted.
	PublishableKey string

	// WebhookSecrets are the signing secrets (whsec_…) of the endpoint: more than one while a secret is replaced. Required.
	WebhookSecrets []string

	// Hosted sends every buyer to Stripe Checkout. Without it only browsers that run no scripts go there.
	Hosted bool

	// Methods are the payment method types to offer, one row each: card, ideal, sepa_debit, … The value automatic is one
	// row that leaves the choice to Stripe and its dashboard. Defaults to card.
	Methods []string

	// Name is the provider's name in payments and in the notification URL. Defaults to stripe for a live key and to
	// stripe_test for a test key.
	Name string

	// BaseURL is where the API is. Defaults to https://api.stripe.com.
	BaseURL string

	// HTTPClient makes the calls. The default keeps to time limits and uses no proxy. Redirects are never followed.
	HTTPClient *http.Client

	// Now is the clock that notifications and the life of a Checkout Session are held to. Defaults to time.Now.
	Now func() time.Time

	// Logger hears of refused keys and of notifications of the other mode. Defaults to slog.Default.
	Logger *slog.Logger
}

var (
	secretKeyRule      = regexp.MustCompile(`^(?:sk|rk)_(test|live)_[A-Za-z0-9_]{4,}$`)
	publishableKeyRule = regexp.MustCompile(`^pk_(test|live)_[A-Za-z0-9_]{4,}$`)
	webhookSecretRule  = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]{4,}$`)
	nameRule           = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
)

// refuse is how New says no: the field, what is wrong, what to do. It is never given a key.
func refuse(field, format string, args ...any) error {
	return fmt.Errorf("checkoutstripe: Config.%s %s", field, fmt.Sprintf(format, args...))
}

// New checks a configuration and gives its provider. It makes no calls.
func New(cfg Config) (*Provider, error) {
	for _, check := range []func() error{cfg.checkSecretKey, cfg.checkPublishableKey, cfg.checkWebhookSecrets, cfg.checkMethods, cfg.checkName, cfg.checkBaseURL} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return newProvider(cfg), nil
}

func (cfg *Config) live() bool { return modeOf(secretKeyRule, cfg.SecretKey) == "live" }

func modeOf(rule *regexp.Regexp, key string) string {
	m := rule.FindStringSubmatch(key)
	if m == nil {
		return ""
	}
	return m[1]
}

func (cfg *Config) checkSecretKey() error {
	switch {
	case cfg.SecretKey == "":
		return refuse("SecretKey", "is empty: copy the account's sk_ or rk_ key from Developers, API keys")
	case strings.HasPrefix(cfg.SecretKey, "pk_"):
		return refuse("SecretKey", "is a publishable key: the secret one starts with sk_ or rk_")
	case modeOf(secretKeyRule, cfg.SecretKey) == "":
		return refuse("SecretKey", "is no Stripe key: it starts with sk_test_, sk_live_, rk_test_ or rk_live_ and has no spaces")
	}
	return nil
}

func (cfg *Config) checkPublishableKey() error {
	mode := modeOf(publishableKeyRule, cfg.PublishableKey)
	switch {
	case cfg.PublishableKey == "" && cfg.Hosted:
		return nil
	case cfg.PublishableKey == "":
		return refuse("PublishableKey", "is empty: copy the pk_ key that stands beside the secret key, or set Hosted")
	case mode == "":
		return refuse("PublishableKey", "is no publishable key: it starts with pk_test_ or pk_live_ and is not secret")
	case mode != modeOf(secretKeyRule, cfg.SecretKey):
		return refuse("PublishableKey", "is of %s mode and SecretKey is not: take both keys from one page", mode)
	}
	return nil
}

func (cfg *Config) checkWebhookSecrets() error {
	if len(cfg.WebhookSecrets) == 0 {
		return refuse("WebhookSecrets", "is empty: add the endpoint <BaseURL>/api/checkout/v1/notify/%s under Developers, Webhooks and copy its signing secret, "+
			"or run stripe listen --forward-to that address, which prints one", cfg.name())
	}
	for i, s := range cfg.WebhookSecrets {
		if !webhookSecretRule.MatchString(s) {
			return refuse("WebhookSecrets", "has at place %d what is no signing secret: it starts with whsec_", i)
		}
	}
	return nil
}

func (cfg *Config) checkMethods() error {
	for i, m := range cfg.Methods {
		if _, ok := methods[m]; !ok {
			return refuse("Methods", "has %q, which is not known here: use some of %s", m, strings.Join(methodNames(), ", "))
		}
		if slices.Contains(cfg.Methods[:i], m) {
			return refuse("Methods", "has %q twice", m)
		}
	}
	return nil
}

func (cfg *Config) name() string {
	switch {
	case cfg.Name != "":
		return cfg.Name
	case cfg.live():
		return "stripe"
	}
	return "stripe_test"
}

func (cfg *Config) checkName() error {
	if !nameRule.MatchString(cfg.name()) {
		return refuse("Name", "%q is not 1 to 32 of a-z, 0-9, _ and -, starting with a letter or digit", cfg.Name)
	}
	return nil
}

func (cfg *Config) checkBaseURL() error {
	if cfg.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "":
		return refuse("BaseURL", "is not like https://api.stripe.com: leave it empty outside of tests")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return refuse("BaseURL", "is not https: the secret key would travel in the clear")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// defaultClient waits less long than the checkout does, so that its time-outs are its own. A proxy in the environment is
// meant for other traffic: a host that needs one says so in HTTPClient.
func defaultClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Timeout: 18 * time.Second,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConns: 20, MaxIdleConnsPerHost: 20, IdleConnTimeout: 30 * time.Second,
		},
	}
}

// noRedirects is a copy of a client that gives a redirect to us: it would take the key to another address.
func noRedirects(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
