package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxURLBytes = 2048

// CheckURL reports what is wrong with a URL that somebody wants to have called,
// in words meant for that person, before any request is made. It resolves no
// names: passing it promises nothing about the address behind a host name. A
// literal IP address that would be refused gives [ErrBlocked].
//
// With an IP address or range among AllowHosts the port of a host name cannot
// be judged yet and is left to the connection.
func (o Options) CheckURL(raw string) error {
	g, err := newGuard(o)
	if err != nil {
		return err
	}
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	if err := checkScheme(u.Scheme, o.AllowHTTP); err != nil {
		return err
	}
	port, err := portOf(u)
	if err != nil {
		return err
	}
	return g.checkHost(u.Hostname(), port)
}

func parseURL(raw string) (*url.URL, error) {
	if err := checkText(raw); err != nil {
		return nil, err
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be parsed")
	case u.User != nil:
		return nil, errors.New("the URL must not contain a user name or password")
	case strings.Contains(raw, "#"):
		return nil, errors.New("the URL must not contain a fragment (#)")
	}
	return u, nil
}

// checkText refuses what two parsers could read differently.
func checkText(raw string) error {
	switch {
	case raw == "":
		return errors.New("the URL must not be empty")
	case len(raw) > maxURLBytes:
		return fmt.Errorf("the URL must not be longer than %d bytes", maxURLBytes)
	case !utf8.ValidString(raw):
		return errors.New("the URL must be valid UTF-8")
	case strings.ContainsFunc(raw, unicode.IsControl):
		return errors.New("the URL must not contain control characters")
	case strings.Contains(raw, `\`):
		return errors.New("the URL must not contain backslashes")
	}
	return nil
}

func checkScheme(scheme string, allowHTTP bool) error {
	if scheme == "https" || scheme == "http" && allowHTTP {
		return nil
	}
	if allowHTTP {
		return errors.New("the URL must start with https:// or http://")
	}
	return errors.New("the URL must start with https://")
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	switch {
	case text == "" && u.Scheme == "http":
		return 80, nil
	case text == "":
		return 443, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("the port of the URL must be between 1 and 65535")
	}
	return uint16(port), nil
}

func (g *guard) checkHost(host string, port uint16) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.checkLiteral(ip, port)
	}
	if err := checkName(host); err != nil {
		return err
	}
	if g.exemptName(host) || len(g.prefixes) > 0 {
		return nil
	}
	return g.checkPort(port)
}

func (g *guard) checkLiteral(ip netip.Addr, port uint16) error {
	err := g.check("", netip.AddrPortFrom(ip, port))
	if err == nil {
		return nil
	}
	if portErr := g.checkPort(port); portErr != nil {
		return portErr
	}
	return err
}

func (g *guard) checkPort(port uint16) error {
	allowed := make([]string, len(g.ports))
	for i, p := range g.ports {
		if p == port {
			return nil
		}
		allowed[i] = strconv.Itoa(int(p))
	}
	return fmt.Errorf("the port of the URL must be one of %s", strings.Join(allowed, ", "))
}

// checkName accepts DNS names as they are registered: ASCII, so that no
// normalisation can turn one name into another, and not ending in a number, so
// that no resolver can take "127.1" or "0x7f000001" for an address.
func checkName(host string) error {
	if host == "" {
		return errors.New("the host must not be empty")
	}
	if len(host) > 253 {
		return errors.New("the host must not be longer than 253 characters")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notNameRune) {
			return errors.New("the host must be a plain ASCII domain name (xn-- for others) or an IP address")
		}
	}
	if looksNumeric(labels[len(labels)-1]) {
		return errors.New("the host must not end in a number unless it is a plain IP address")
	}
	return nil
}

func notNameRune(r rune) bool {
	lower := r | 0x20
	return !('a' <= lower && lower <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// looksNumeric follows the WHATWG rule for hosts that end in a number.
func looksNumeric(label string) bool {
	lower := strings.ToLower(label)
	if hex, ok := strings.CutPrefix(lower, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
