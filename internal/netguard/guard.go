package netguard

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"code.dny.dev/ssrf"
)

// azureWire answers only inside Azure (metadata, DNS, health probes), but lies
// in public address space, so no special-purpose registry lists it.
var azureWire = netip.MustParsePrefix("168.63.129.16/32")

type guard struct {
	names      map[string]bool
	prefixes   []netip.Prefix
	ports      []uint16
	addresses  *ssrf.Guardian
	resolver   *net.Resolver
	dnsTimeout time.Duration
}

func newGuard(o Options) (*guard, error) {
	g := &guard{
		names: map[string]bool{},
		ports: []uint16{443, 8443},
		// The IANA special-purpose registries: what IPv4 ranges are refused,
		// and that IPv6 is 2000::/3 without its special ranges.
		addresses:  ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(azureWire)),
		resolver:   o.Resolver,
		dnsTimeout: dnsTimeout,
	}
	if o.AllowHTTP {
		g.ports = append(g.ports, 80, 8080)
	}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	for _, entry := range o.AllowHosts {
		if err := g.exempt(entry); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *guard) exempt(entry string) error {
	if ip, err := netip.ParseAddr(entry); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		g.prefixes = append(g.prefixes, netip.PrefixFrom(ip, ip.BitLen()))
		return nil
	}
	if p, err := netip.ParsePrefix(entry); err == nil && !p.Addr().Is4In6() {
		g.prefixes = append(g.prefixes, p)
		return nil
	}
	if err := checkName(entry); err != nil {
		return fmt.Errorf("netguard: exempt host %q is not a host name, an IP address or a CIDR range: %w", entry, err)
	}
	g.names[strings.ToLower(entry)] = true
	return nil
}

func (g *guard) exemptName(host string) bool {
	return g.names[strings.ToLower(host)]
}

func (g *guard) exemptIP(ip netip.Addr) bool {
	return slices.ContainsFunc(g.prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// check is the rule for one connection: nil, or ErrBlocked. host is the name
// as spelled in the URL, target what is about to be connected to.
func (g *guard) check(host string, target netip.AddrPort) error {
	if target.Addr().Zone() != "" {
		return ErrBlocked
	}
	// ::ffff:127.0.0.1 connects to 127.0.0.1.
	ip := target.Addr().Unmap()
	if g.exemptName(host) || g.exemptIP(ip) {
		return nil
	}
	if !slices.Contains(g.ports, target.Port()) || g.addresses.SafeAddr(ip) != nil {
		return ErrBlocked
	}
	return nil
}
