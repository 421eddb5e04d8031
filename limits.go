package checkout

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/ratelimit"
)

// limits count what strangers get wrong, by their address. What is right is never slowed down.
type limits struct {
	badKeys  *ratelimit.Limiter // 20 a minute: failed authentication
	badIDs   *ratelimit.Limiter // 30 a minute: unknown sessions on the page
	declines *ratelimit.Limiter // 30 in 10 minutes: refused payments, the mark of card testing
	seen     *ratelimit.Limiter // by attempt: its decline counts once, however often the buyer sends the form again
}

func newLimits(now func() time.Time) *limits {
	return &limits{
		badKeys:  ratelimit.New(20, 20, 0, now),
		badIDs:   ratelimit.New(30, 30, 0, now),
		declines: ratelimit.New(3, 30, 0, now),
		seen:     ratelimit.New(1, 1, 0, now),
	}
}

// clientAddresses finds out who is asking. Only proxies the host has named are believed about it.
type clientAddresses struct{ trusted []netip.Prefix }

func newClientAddresses(proxies []string) (*clientAddresses, error) {
	var c clientAddresses
	for _, raw := range proxies {
		prefix, err := netip.ParsePrefix(raw)
		if err != nil {
			addr, err := netip.ParseAddr(raw)
			if err != nil {
				return nil, refuse("TrustedProxies", "holds %q: use addresses or CIDRs like 10.0.0.0/8", raw)
			}
			prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		c.trusted = append(c.trusted, prefix)
	}
	return &c, nil
}

// of gives a key for the limits: the client's address, for IPv6 its /64, which is what one customer gets.
func (c *clientAddresses) of(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = c.behindProxies(addr.Unmap(), strings.Join(r.Header.Values("X-Forwarded-For"), ","))
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// behindProxies walks the header from the right, where the nearest proxy writes, as long as the writer is trusted.
func (c *clientAddresses) behindProxies(addr netip.Addr, forwarded string) netip.Addr {
	hops := strings.Split(forwarded, ",")
	for i := len(hops) - 1; i >= 0 && c.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr
}

func (c *clientAddresses) trusts(addr netip.Addr) bool {
	for _, p := range c.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
