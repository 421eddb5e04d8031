package netguard

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
)

// hostile are spellings of addresses that must never be connected to. Where Go
// sees a name instead of an address, the test's DNS answers 127.0.0.1: the
// worst a resolver could make of it.
var hostile = []string{
	// loopback, plainly
	"127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain",
	// loopback in the notations of inet_aton
	"127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.1", "0x7f.0x0.0x0.0x1", "017700000001", "0177.0.0.1", "0177.1",
	"0177.0x0.0.01", "127.0.0.01", "127.000.000.001", "00000127.0.0.1", "127.0.0.1.", "0x7f000001.", "4294967296", "127.0.0.0x1",
	// unspecified
	"0", "0.0.0.0", "0.0.0.0.", "0x0", "00000000000", "[::]", "[0:0:0:0:0:0:0:0]",
	// IPv6 loopback
	"[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[0::1]",
	// IPv4 inside IPv6
	"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]",
	"[::ffff:0:127.0.0.1]", "[::ffff:0.0.0.0]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:168.63.129.16]",
	"[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]",
	"[2002:7f00:1::]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[2001::7f00:1]",
	// link-local, with and without zones
	"[fe80::1]", "[fe80::1%25lo]", "[fe80::1%25eth0]", "[::1%25lo]", "[::ffff:127.0.0.1%25lo]", "[2606:4700::1111%25lo]", "[ff02::1%25lo]",
	"169.254.0.1", "169.254.1.1",
	// private, shared and local
	"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1.1", "100.64.0.1", "100.127.255.255",
	"[fc00::1]", "[fd00::1]", "[fdff:ffff::1]", "[fec0::1]", "[febf::1]", "[100::1]", "[5f00::1]", "[4000::1]", "[ff02::1]", "[ff0e::1]",
	// cloud metadata
	"169.254.169.254", "169.254.170.2", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200",
	"192.0.0.192", "168.63.129.16", "metadata", "metadata.google.internal", "instance-data",
	// documentation, benchmarking, special services, multicast, reserved
	"192.0.0.1", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1", "198.18.0.1", "198.19.255.255",
	"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	"[2001:db8::1]", "[2001:2::1]", "[2001:10::1]", "[2001:1ff:ffff::1]", "[3fff::1]", "[3fff:fff::1]", "[2620:4f:8000::1]",
	// other scripts and separators
	"１２７.0.0.1", "１２７．０．０．１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127｡0｡0｡1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "localhoſt", "%6c%6f%63alhost",
	"127.0.0.1%00.example.com", "127.0.0.1%2f", "example.com@127.0.0.1", "127.0.0.1:80@127.0.0.1",
	// names of strangers that point inward
	"rebind.example", "127.0.0.1.nip.example", "xn--lgbbat1ad8j.example",
}

// The port of the listener is made an ordinary one, so that only the address
// rule can keep a request away.
func TestHostileAddressesAreNotConnectedTo(t *testing.T) {
	if len(hostile) < 100 {
		t.Fatalf("only %d spellings", len(hostile))
	}
	tg := newTarget(t, nil)
	g, err := newGuard(Options{AllowHTTP: true, Resolver: stubResolver(t, always("127.0.0.1"))})
	if err != nil {
		t.Fatal(err)
	}
	g.ports = append(g.ports, tg.portNumber())
	c := g.client()
	for _, host := range hostile {
		res, err := c.Get("http://" + host + ":" + tg.port + "/")
		if err == nil {
			res.Body.Close()
			t.Errorf("%s: answered %s", host, res.Status)
			continue
		}
		if !errors.Is(err, ErrBlocked) && !refusedBefore(err) {
			t.Errorf("%s: not blocked but %v", host, err)
		}
	}
	if n := tg.connections.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

// refusedBefore reports whether Go itself refused the spelling: net/url as a
// host, or the resolver as a name (it asks no server for names of digits only).
func refusedBefore(err error) bool {
	var urlErr *url.Error
	var dnsErr *net.DNSError
	if errors.As(err, &dnsErr) {
		return dnsErr.IsNotFound
	}
	return errors.As(err, &urlErr) && urlErr.Op == "parse"
}

// The same spellings reach the listener once loopback is exempt, which shows
// that the test above tests something.
func TestLoopbackSpellingsConnectWhenExempt(t *testing.T) {
	tg := newTarget(t, nil)
	c := newClient(t, Options{AllowHosts: []string{"127.0.0.0/8"}, Resolver: stubResolver(t, always("127.0.0.1"))})
	spellings := []string{"127.0.0.1", "0x7f000001", "0x7F.1", "localhost", "[::ffff:127.0.0.1]", "１２７.0.0.1", "rebind.example"}
	for _, host := range spellings {
		res, err := c.Get("http://" + host + ":" + tg.port + "/")
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		res.Body.Close()
	}
	if tg.connections.Load() == 0 {
		t.Error("nothing arrived")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		address string
		test    bool // AllowHTTP
		ok      bool
	}{
		{"93.184.216.34:443", false, true}, {"93.184.216.34:8443", false, true}, {"[2606:2800:220:1::1]:443", false, true},
		{"[::ffff:93.184.216.34]:443", false, true}, {"168.63.129.17:443", false, true}, {"172.32.0.1:443", false, true},
		{"100.128.0.1:443", false, true}, {"[2001:200::1]:443", false, true}, {"[3ffe::1]:443", false, true},
		{"93.184.216.34:80", false, false}, {"93.184.216.34:8080", false, false},
		{"93.184.216.34:80", true, true}, {"93.184.216.34:8080", true, true}, {"93.184.216.34:443", true, true},
		{"93.184.216.34:22", true, false}, {"93.184.216.34:25", true, false}, {"93.184.216.34:6379", true, false},
		{"93.184.216.34:5432", true, false}, {"93.184.216.34:0", true, false}, {"127.0.0.1:443", true, false},
		{"[2606:2800:220:1::1%eth0]:443", false, false},
	}
	for _, tt := range tests {
		g, err := newGuard(Options{AllowHTTP: tt.test})
		if err != nil {
			t.Fatal(err)
		}
		err = g.check("shop.example", netip.MustParseAddrPort(tt.address))
		if ok := err == nil; ok != tt.ok {
			t.Errorf("check(%s, test=%t) = %v, want allowed %t", tt.address, tt.test, err, tt.ok)
		}
	}
}

func TestExemptions(t *testing.T) {
	tests := []struct {
		allow, host, target string
		ok                  bool
	}{
		{"hooks.internal", "hooks.internal", "10.0.0.5:9000", true},
		{"Hooks.Internal", "hOOKS.internal", "10.0.0.5:9000", true},
		{"hooks.internal", "other.internal", "10.0.0.5:9000", false},
		{"hooks.internal", "a.hooks.internal", "10.0.0.5:443", false},
		{"hooks.internal", "hooks.internal.", "10.0.0.5:443", false},
		{"hooks.internal", "hooks.internal", "[fe80::1%eth0]:443", false},
		{"10.0.0.5", "any.example", "10.0.0.5:9000", true},
		{"10.0.0.5", "any.example", "10.0.0.6:443", false},
		{"::ffff:10.0.0.5", "any.example", "10.0.0.5:1", true},
		{"10.0.0.9/24", "any.example", "10.0.0.200:1", true},
		{"10.0.0.0/24", "any.example", "10.0.1.0:443", false},
		{"10.0.0.0/24", "any.example", "[::ffff:10.0.0.7]:1", true},
		{"::1", "localhost", "[::1]:4242", true},
		{"fd00::/8", "any.example", "[fd12::1]:4242", true},
		{"fd00::/8", "any.example", "[fd12::1%eth0]:4242", false},
	}
	for _, tt := range tests {
		g, err := newGuard(Options{AllowHosts: []string{tt.allow}})
		if err != nil {
			t.Fatal(err)
		}
		err = g.check(tt.host, netip.MustParseAddrPort(tt.target))
		if ok := err == nil; ok != tt.ok {
			t.Errorf("exempt %s: check(%s, %s) = %v, want allowed %t", tt.allow, tt.host, tt.target, err, tt.ok)
		}
	}
}

func TestBadExemptionsAreErrors(t *testing.T) {
	for _, entry := range []string{
		"", "*", "*.internal", "hooks.internal:80", "http://hooks.internal", "10.0.0.0/33", "10.0.0.0/", "127.1", "0x7f.0x1",
		"fe80::1%eth0", "::ffff:10.0.0.0/104", "a b", "hooks.internal.", "[::1]", "müller.example",
	} {
		if c, err := Client(Options{AllowHosts: []string{entry}}); err == nil || c != nil {
			t.Errorf("AllowHosts %q was accepted", entry)
		}
	}
}

func TestBlockedErrorTellsNothing(t *testing.T) {
	c := newClient(t, Options{Resolver: stubResolver(t, always("10.11.12.13"))})
	_, err := c.Post("https://inward.example/hook", "application/json", http.NoBody)
	if !errors.Is(err, ErrBlocked) {
		t.Fatalf("error is %v", err)
	}
	want := `Post "https://inward.example/hook": ` + ErrBlocked.Error()
	if err.Error() != want {
		t.Errorf("error text %q, want %q", err, want)
	}
}
