// Package netguard makes outgoing HTTP requests to addresses that strangers
// chose, without letting them reach the private network.
//
// The decisive check looks at the resolved address at the moment of connecting.
// Spelling tricks, redirects, proxies and names that change their address
// between two look-ups therefore make no difference. [Options.CheckURL] only
// adds early, clear messages.
package netguard

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// ErrBlocked is why a request was not made: its address or port is not
// permitted. It carries no detail on purpose, because the text may be shown to
// whoever chose the address and must not describe the network. errors.Is finds
// it in what an [http.Client] returns.
var ErrBlocked = errors.New("requests to this address are not permitted")

const (
	totalTimeout   = 15 * time.Second
	dnsTimeout     = 5 * time.Second
	connectTimeout = 5 * time.Second
	tlsTimeout     = 5 * time.Second
	idleTimeout    = 60 * time.Second

	maxHeaderBytes  = 16 << 10
	maxIdle         = 64
	maxIdlePerHost  = 2
	minConnectShare = 2 * time.Second
)

// Options say what may be called besides public addresses on ports 443 and
// 8443. A caller with stricter and looser endpoints builds one client for each.
type Options struct {
	// AllowHosts are exempt from the address and port rules. A host name
	// ("hooks.internal", any case) is exempt when a URL spells exactly that
	// name, whatever it resolves to; another name for the same address is not.
	// An IP address or a CIDR range exempts every connection to it.
	AllowHosts []string
	// AllowHTTP permits the http scheme and ports 80 and 8080, for test modes.
	AllowHTTP bool
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
}

// Client returns an HTTP client that connects only where the options permit. It
// uses no proxy, keeps no cookies, asks for no compression, speaks HTTP/1.1 and
// returns redirects unfollowed (one with an unreadable Location is an error). A
// request including its answer's body ends after 15 seconds, with 5 seconds
// each for the name, the connection and the TLS handshake; answer headers are
// limited to 16 KiB. The size of a body is for the caller to limit. An entry of
// AllowHosts that is neither a host name nor an IP address nor a range is an
// error.
func Client(o Options) (*http.Client, error) {
	g, err := newGuard(o)
	if err != nil {
		return nil, err
	}
	return g.client(), nil
}

func (g *guard) client() *http.Client {
	return &http.Client{
		Timeout: totalTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: &http.Transport{
			DialContext:            g.dial,
			TLSHandshakeTimeout:    tlsTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression:     true,
			MaxIdleConns:           maxIdle,
			MaxIdleConnsPerHost:    maxIdlePerHost,
			IdleConnTimeout:        idleTimeout,
		},
	}
}
