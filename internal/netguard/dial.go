package netguard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// dial resolves and connects in two steps, so that each has its own time limit.
// It tries the addresses in the resolver's order.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	// The look-up drops a zone, so this is the last place to see one.
	if strings.Contains(host, "%") {
		return nil, ErrBlocked
	}
	ips, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return dialAny(ctx, &net.Dialer{ControlContext: g.control(host)}, network, ips, port)
}

func (g *guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, g.dnsTimeout)
	defer cancel()
	return g.resolver.LookupNetIP(ctx, "ip", host)
}

// control runs on the socket just before it connects.
func (g *guard) control(host string) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return ErrBlocked
		}
		return g.check(host, target)
	}
}

func dialAny(ctx context.Context, d *net.Dialer, network string, ips []netip.Addr, port string) (net.Conn, error) {
	var failure error
	for i, ip := range ips {
		conn, err := dialOne(ctx, d, network, net.JoinHostPort(ip.String(), port), len(ips)-i)
		if err == nil {
			return conn, nil
		}
		if failure == nil || errors.Is(err, ErrBlocked) {
			failure = err
		}
	}
	if errors.Is(failure, ErrBlocked) {
		// The dialer's own error would name the address behind the host.
		return nil, ErrBlocked
	}
	return nil, failure
}

// dialOne leaves time for the remaining addresses, so that one that swallows
// packets does not use up all of it.
func dialOne(ctx context.Context, d *net.Dialer, network, address string, remaining int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		share := max(time.Until(deadline)/time.Duration(remaining), minConnectShare)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	return d.DialContext(ctx, network, address)
}
