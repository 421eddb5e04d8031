package checkout

import (
	"errors"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/internal/strictjson"
)

const maxURL = 2048 // bytes

// checkReturnURL holds a merchant's URL to the rules of a redirect: nothing in it may lead a browser elsewhere than the
// merchant can read in it.
func (c *Checkout) checkReturnURL(param, raw string, mode Mode, p *problems) {
	if p.has(param) {
		return
	}
	if raw == "" {
		p.add(param, "parameter_missing", "%s is required.", param)
		return
	}
	u, ok := parseWebURL(raw)
	switch {
	case !ok:
		p.add(param, "url_invalid", "%s must be an absolute http(s) URL of at most %d bytes, without user name, spaces or backslashes.", param, maxURL)
	case mode == Live && u.Scheme != "https" && !isLoopback(u.Hostname()):
		p.add(param, "url_invalid", "%s must be https in live mode (http only for localhost).", param)
	case len(c.allowedRedirects) > 0 && !slices.Contains(c.allowedRedirects, originOf(u)):
		p.add(param, "url_not_allowed", "%s does not belong to an allowed origin.", param)
	}
}

func checkImageURL(param, raw string, p *problems) {
	if u, ok := parseWebURL(raw); !ok || u.Scheme != "https" {
		p.add(param, "url_invalid", "%s must be an https URL of at most %d bytes.", param, maxURL)
	}
}

// parseWebURL accepts absolute http(s) URLs that browsers and Go read alike.
func parseWebURL(raw string) (*url.URL, bool) {
	if raw == "" || len(raw) > maxURL || !utf8.ValidString(raw) || strings.ContainsFunc(raw, unsafeInURL) {
		return nil, false
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.Opaque != "" {
		return nil, false
	}
	return u, validHost(u)
}

func unsafeInURL(r rune) bool {
	return r <= ' ' || r == '\\' || r == 0x7f || (r >= 0x80 && r <= 0xa0) || r == '\u2028' || r == '\u2029'
}

func validHost(u *url.URL) bool {
	host := u.Hostname()
	if host == "" || strings.ContainsFunc(host, func(r rune) bool { return r > 0x7e || strings.ContainsRune("%<>\"'`{}|^ ", r) }) {
		return false
	}
	if strings.HasSuffix(u.Host, ":") || strings.Contains(host, ":") != strings.HasPrefix(u.Host, "[") {
		return false // browsers refuse an IPv6 address without brackets, Go takes its end for a port
	}
	if port := u.Port(); port != "" {
		n, err := strconv.Atoi(port)
		return err == nil && n >= 1 && n <= 65535
	}
	return true
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// originOf gives scheme://host[:port] in lower case without a default port (RFC 6454 §6.1).
func originOf(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return u.Scheme + "://" + host
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port)
}

// parseOrigin accepts scheme://host[:port] and nothing more.
func parseOrigin(raw string) (string, bool) {
	u, ok := parseWebURL(raw)
	if !ok || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(raw, "?#") {
		return "", false
	}
	return originOf(u), true
}

// validEmail accepts one bare address. net/mail alone would take display names, comments and a leading dash, which
// becomes an option of sendmail, and Unicode that shows nothing or turns the text around.
func validEmail(s string) bool {
	if s == "" || len(s) > 254 || s[0] == '-' || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" {
		return false
	}
	local, domain, _ := strings.Cut(s, "@")
	return len(local) <= 64 && strings.Contains(domain, ".") && !strings.Contains(domain, "@") && !strings.ContainsAny(domain, "[]")
}

// normalizeMetadata checks the merchant's object and gives its canonical text, which goes into every webhook as it is.
func normalizeMetadata(params *SessionParams, p *problems) []byte {
	if p.has("metadata") {
		return nil
	}
	text, err := metadataText(params)
	if err != nil {
		p.add("metadata", "metadata_invalid", "metadata must hold strings, numbers and bools only.")
		return nil
	}
	v, err := strictjson.Parse(text, maxDepth)
	if err != nil || v.Kind != strictjson.Object {
		p.add("metadata", "metadata_invalid", "metadata must be an object.")
		return nil
	}
	if len(v.Members) > maxMetadataKeys {
		p.add("metadata", "metadata_too_large", "metadata may have at most %d keys.", maxMetadataKeys)
		return nil
	}
	for _, m := range v.Members {
		checkMetadataMember(m, p)
	}
	return canonicalMetadata(text, p)
}

func checkMetadataMember(m strictjson.Member, p *problems) {
	at := "metadata." + m.Name
	switch n := utf8.RuneCountInString(m.Name); {
	case n < 1 || n > maxMetadataKey:
		p.add("metadata", "metadata_invalid", "Keys of metadata have 1 to %d characters.", maxMetadataKey)
		return
	case m.Name == "__proto__":
		p.add("metadata", "metadata_invalid", "metadata must not have the key __proto__: common receivers refuse the whole webhook.")
		return
	}
	switch m.Value.Kind {
	case strictjson.String:
		if utf8.RuneCountInString(m.Value.Text) > maxMetadataValue {
			p.add(at, "metadata_invalid", "A value of metadata may have at most %d characters.", maxMetadataValue)
		}
	case strictjson.Number, strictjson.Bool:
	default:
		p.add(at, "metadata_invalid", "Values of metadata are strings, numbers or bools.")
	}
}

func canonicalMetadata(text []byte, p *problems) []byte {
	if p.hasBelow("metadata") {
		return nil
	}
	out, err := canonjson.Canonical(text, canonjson.Limits{Bytes: maxMetadataBytes, Depth: 1})
	switch {
	case errors.Is(err, canonjson.ErrTooLarge):
		p.add("metadata", "metadata_too_large", "metadata may have at most %d bytes.", maxMetadataBytes)
	case err != nil:
		p.add("metadata", "metadata_invalid", "A number in metadata cannot be kept exactly. Send it as a string.")
	}
	return out
}
