package checkout

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/netguard"
)

const (
	defaultTablePrefix = "checkout_"
	defaultAPIPath     = "/api/checkout/v1"
	defaultPagePath    = "/checkout"
	defaultAdminPath   = "/admin/checkout"
	defaultHeaderWord  = "JoPay"
)

var (
	tablePrefixRule = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,28}(\.|\.[a-z_][a-z0-9_]{0,28})?$`)
	pathRule        = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)
	wordRule        = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,30}$`)
	nameRule        = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
)

// refuse is how New says no: the field, what is wrong, what to do.
func refuse(field, format string, args ...any) error {
	return fmt.Errorf("checkout: Config.%s %s", field, fmt.Sprintf(format, args...))
}

// check fills the defaults and refuses what is doubtful.
func (cfg *Config) check() error {
	cfg.fill()
	for _, step := range []func() error{cfg.checkDatabase, cfg.checkBaseURL, cfg.checkPaths, cfg.checkProviders, cfg.checkRest} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (cfg *Config) fill() {
	setDefault(&cfg.APIPath, defaultAPIPath)
	setDefault(&cfg.PagePath, defaultPagePath)
	setDefault(&cfg.AdminPath, defaultAdminPath)
	setDefault(&cfg.TablePrefix, defaultTablePrefix)
	setDefault(&cfg.SessionTTL, time.Hour)
	setDefault(&cfg.Brand.HeaderWord, defaultHeaderWord)
	setDefault(&cfg.Brand.Submit, "pay")
	setDefault(&cfg.Logger, slog.Default())
	setDefault(&cfg.Seller.TimeZone, time.UTC)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (cfg *Config) checkDatabase() error {
	if cfg.DB == nil {
		return refuse("DB", "is nil: hand over the *gorm.DB the host has opened")
	}
	if cfg.DB.Config == nil || cfg.DB.Dialector == nil {
		return refuse("DB", "was not opened: use gorm.Open")
	}
	d := cfg.DB.Name()
	if d != "sqlite" && d != "postgres" {
		return refuse("DB", "is a %q database: use GORM's sqlite or postgres driver", d)
	}
	if d == "sqlite" && strings.Contains(cfg.TablePrefix, ".") {
		return refuse("TablePrefix", "%q names a schema, which SQLite does not have: use a prefix like checkout_", cfg.TablePrefix)
	}
	return checkTablePrefix(cfg.TablePrefix)
}

func checkTablePrefix(prefix string) error {
	if !tablePrefixRule.MatchString(prefix) {
		return refuse("TablePrefix", "%q: use lower-case letters, digits and underscores like checkout_, or a schema like pay.", prefix)
	}
	return nil
}

func (cfg *Config) checkBaseURL() error {
	if cfg.BaseURL == "" {
		return refuse("BaseURL", "is empty: set the address buyers reach, like https://shop.example")
	}
	u, ok := parseWebURL(cfg.BaseURL)
	switch {
	case !ok:
		return refuse("BaseURL", "%q is not an absolute http(s) URL", cfg.BaseURL)
	case strings.ContainsAny(cfg.BaseURL, "?#"):
		return refuse("BaseURL", "%q has a query or fragment: leave it out", cfg.BaseURL)
	case u.Path != "" && u.Path != "/" && !mountable(strings.TrimSuffix(u.EscapedPath(), "/")):
		return refuse("BaseURL", "%q has a path that cannot be mounted: use plain segments like /shop", cfg.BaseURL)
	case u.Scheme == "http" && !isPrivateHost(u.Hostname()):
		return refuse("BaseURL", "%q is not https: buyers type card numbers there. http is for localhost and private networks only", cfg.BaseURL)
	}
	setDefault(&cfg.Brand.Name, u.Hostname())
	return nil
}

// isPrivateHost tells the hosts of development: loopback, private addresses and names without a public ending.
func isPrivateHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	host = strings.ToLower(host)
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") ||
		strings.HasSuffix(host, ".test") || strings.HasSuffix(host, ".internal")
}

func (cfg *Config) checkPaths() error {
	for _, f := range []struct{ field, path string }{{"APIPath", cfg.APIPath}, {"PagePath", cfg.PagePath}, {"AdminPath", cfg.AdminPath}} {
		if !mountable(f.path) {
			return refuse(f.field, "%q must begin with a slash, end without one and have plain segments, like /checkout", f.path)
		}
	}
	if within(cfg.APIPath, cfg.PagePath) || within(cfg.PagePath, cfg.APIPath) {
		return refuse("PagePath", "%q and APIPath %q overlap: give each its own", cfg.PagePath, cfg.APIPath)
	}
	for _, other := range []string{cfg.APIPath, cfg.PagePath} {
		if within(cfg.AdminPath, other) || within(other, cfg.AdminPath) {
			return refuse("AdminPath", "%q and %q overlap: give each its own", cfg.AdminPath, other)
		}
	}
	return nil
}

// mountable tells paths that routers find as they stand: those with dot segments are cleaned away first.
func mountable(p string) bool { return pathRule.MatchString(p) && path.Clean(p) == p }

func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

func (cfg *Config) checkProviders() error {
	var seen []string
	for i, p := range cfg.Providers {
		if p == nil {
			return refuse("Providers", "[%d] is nil", i)
		}
		name := p.Name()
		switch {
		case !nameRule.MatchString(name):
			return refuse("Providers", "[%d] is named %q: use a-z, 0-9, _ and -", i, name)
		case name == sandboxName || name == noProvider:
			return refuse("Providers", "[%d] is named %q, which is taken by the module itself", i, name)
		case slices.Contains(seen, name):
			return refuse("Providers", "has two providers named %q", name)
		}
		seen = append(seen, name)
	}
	return nil
}

func (cfg *Config) checkRest() error {
	if cfg.SessionTTL < minExpiresIn || cfg.SessionTTL > maxExpiresIn {
		return refuse("SessionTTL", "%v must be from %v to %v", cfg.SessionTTL, minExpiresIn, maxExpiresIn)
	}
	if n := len(cfg.SecretKey); n > 0 && n < 32 {
		return refuse("SecretKey", "has %d bytes: use at least 32 random ones, or leave it nil", n)
	}
	for i, key := range cfg.OldSecretKeys {
		if len(key) < 32 {
			return refuse("OldSecretKeys", "[%d] has %d bytes: each was a SecretKey, of at least 32", i, len(key))
		}
	}
	if err := cfg.Brand.check(); err != nil {
		return err
	}
	if !wordRule.MatchString(cfg.Brand.HeaderWord) {
		return refuse("Brand.HeaderWord", "%q must be one word of letters and digits, like JoPay", cfg.Brand.HeaderWord)
	}
	if s := cfg.Brand.Submit; s != "pay" && s != "order" {
		return refuse("Brand.Submit", "%q must be pay or order", s)
	}
	if err := errors.Join(cfg.checkDocuments(), cfg.checkMail()); err != nil {
		return err
	}
	for _, f := range []struct{ field, url string }{
		{"Seller.LegalNoticeURL", cfg.Seller.LegalNoticeURL}, {"Seller.PrivacyURL", cfg.Seller.PrivacyURL}, {"Seller.TermsURL", cfg.Seller.TermsURL},
	} {
		if _, ok := parseWebURL(f.url); f.url != "" && !ok {
			return refuse(f.field, "%q is not an absolute http(s) URL", f.url)
		}
	}
	return nil
}

func (c *Checkout) setUpURLs() error {
	c.base = strings.TrimSuffix(c.cfg.BaseURL, "/")
	u, err := url.Parse(c.base)
	if err != nil {
		return refuse("BaseURL", "%q is not a URL", c.cfg.BaseURL)
	}
	c.origin, c.basePath = originOf(u), u.Path
	if c.allowedRedirects, err = origins("AllowedRedirects", c.cfg.AllowedRedirects); err != nil {
		return err
	}
	if c.embedOrigins, err = origins("EmbedOrigins", c.cfg.EmbedOrigins); err != nil {
		return err
	}
	c.csrf = http.NewCrossOriginProtection()
	return c.csrf.AddTrustedOrigin(c.origin)
}

func origins(field string, list []string) ([]string, error) {
	out := make([]string, 0, len(list))
	for _, raw := range list {
		o, ok := parseOrigin(raw)
		if !ok {
			return nil, refuse(field, "holds %q: use origins like https://shop.example", raw)
		}
		out = append(out, o)
	}
	return out, nil
}

func (c *Checkout) setUpProviders() error {
	c.sandbox = &sandbox{c: c}
	c.providers = map[string]Provider{}
	for _, p := range c.cfg.Providers {
		c.providers[p.Name()] = p
	}
	return nil
}

func (c *Checkout) setUpPages() (err error) {
	if c.pages, err = pagesWith(c.cfg.Templates, c.cfg.Brand); err != nil {
		return refuse("Templates", "%v", err)
	}
	if c.letters, err = lettersWith(c.cfg.Templates); err != nil {
		return refuse("Templates", "%v", err)
	}
	if c.desk, err = builtInDesk(); err != nil {
		return err
	}
	for _, p := range c.cfg.Providers {
		for _, mode := range []Mode{Test, Live} {
			embed, _ := embedded(p, mode)
			c.pages.addScript(p.Name(), embed.Script)
		}
	}
	return nil
}

// setUpSenders makes one client a mode: test mode may also speak plain http. The host's own client loses its cookies and
// does not follow redirects either: a webhook that was redirected would count as delivered, with its body left behind.
func (c *Checkout) setUpSenders() error {
	c.senders = map[Mode]*http.Client{}
	if c.cfg.HTTPClient != nil {
		own := *c.cfg.HTTPClient
		own.Jar, own.CheckRedirect = nil, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		c.senders[Test], c.senders[Live] = &own, &own
		return nil
	}
	for _, mode := range []Mode{Test, Live} {
		client, err := netguard.Client(netguard.Options{AllowHosts: c.cfg.WebhookAllowHosts, AllowHTTP: mode == Test})
		if err != nil {
			return refuse("WebhookAllowHosts", "%v", err)
		}
		c.senders[mode] = client
	}
	return nil
}

func (c *Checkout) setUpLimits() (err error) {
	c.limits = newLimits(c.now)
	c.clients, err = newClientAddresses(c.cfg.TrustedProxies)
	return err
}
