package netguard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hooksClient may call the name hooks.test, which is 127.0.0.1.
func hooksClient(t *testing.T) *http.Client {
	return newClient(t, Options{AllowHosts: []string{"hooks.test"}, Resolver: stubResolver(t, always("127.0.0.1"))})
}

func TestNameExemptionServesThatNameOnly(t *testing.T) {
	tg := newTarget(t, nil)
	c := hooksClient(t)
	for _, host := range []string{"hooks.test", "other.test", "HOOKS.test", "127.0.0.1", "hooks.test."} {
		res, err := c.Get("http://" + host + ":" + tg.port)
		if strings.EqualFold(host, "hooks.test") {
			if err != nil {
				t.Fatalf("%s: %v", host, err)
			}
			res.Body.Close()
			continue
		}
		if !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v, want ErrBlocked", host, err)
		}
	}
}

func TestRebinding(t *testing.T) {
	tg := newTarget(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
	}))
	var lookups atomic.Int64
	resolver := stubResolver(t, func(string) netip.Addr {
		if lookups.Add(1) <= 2 { // the A and the AAAA question of the first request
			return netip.MustParseAddr("127.0.0.1")
		}
		return netip.MustParseAddr("127.0.0.2")
	})
	// 127.0.0.1 stands for the public address, so that the test needs no network.
	g, err := newGuard(Options{AllowHosts: []string{"127.0.0.1"}, AllowHTTP: true, Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	g.ports = append(g.ports, tg.portNumber())
	c := g.client()
	res, err := c.Get("http://rebind.example:" + tg.port)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, err := c.Get("http://rebind.example:" + tg.port); !errors.Is(err, ErrBlocked) {
		t.Errorf("after rebinding: %v, want ErrBlocked", err)
	}
	if n := tg.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// One name may have several addresses, good and bad.
func TestSeveralAddresses(t *testing.T) {
	tg := newTarget(t, nil)
	closed := httptest.NewServer(nil)
	closed.Close()
	_, closedPort, _ := net.SplitHostPort(closed.Listener.Addr().String())
	g, err := newGuard(Options{AllowHosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	good, bad := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	tests := []struct {
		ips             []netip.Addr
		port            string
		connects, block bool
	}{
		{[]netip.Addr{bad, good}, tg.port, true, false},
		{[]netip.Addr{good, bad}, tg.port, true, false},
		{[]netip.Addr{good, bad}, closedPort, false, true},
		{[]netip.Addr{bad, good}, closedPort, false, true},
		{[]netip.Addr{good}, closedPort, false, false},
	}
	for _, tt := range tests {
		conn, err := dialAny(t.Context(), &net.Dialer{ControlContext: g.control("x.test")}, "tcp", tt.ips, tt.port)
		if conn != nil {
			if got := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); got != good {
				t.Errorf("%v: connected to %v", tt.ips, got)
			}
			conn.Close()
		}
		if (err == nil) != tt.connects || errors.Is(err, ErrBlocked) != tt.block {
			t.Errorf("%v port %s: %v", tt.ips, tt.port, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		var followed atomic.Bool
		tg := newTarget(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/next" {
				followed.Store(true)
				return
			}
			http.Redirect(w, r, "/next", code)
		}))
		res, err := hooksClient(t).Post("http://hooks.test:"+tg.port, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != code || res.Header.Get("Location") != "/next" || followed.Load() {
			t.Errorf("%d: status %d, Location %q, followed %t", code, res.StatusCode, res.Header.Get("Location"), followed.Load())
		}
	}
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	proxy := newTarget(t, nil)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:"+proxy.port)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	tg := newTarget(t, nil)
	c := hooksClient(t)
	res, err := c.Get("http://hooks.test:" + tg.port)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	// net/http reads the environment once per process: another test may have
	// been first, so the setting is looked at too.
	if c.Transport.(*http.Transport).Proxy != nil {
		t.Error("the transport has a proxy function")
	}
	if proxy.connections.Load() != 0 || tg.connections.Load() != 1 {
		t.Errorf("%d connections to the proxy, %d to the target", proxy.connections.Load(), tg.connections.Load())
	}
}

func TestNoCookiesNoCompression(t *testing.T) {
	var sent atomic.Value
	tg := newTarget(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Cookie") + r.Header.Get("Accept-Encoding"))
		w.Header().Set("Set-Cookie", "a=b")
	}))
	c := hooksClient(t)
	for range 2 {
		res, err := c.Get("http://hooks.test:" + tg.port)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := sent.Load(); got != "" {
			t.Errorf("sent cookie or encoding %q", got)
		}
	}
}

func TestTLSIsVerified(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the first handshake is meant to fail
	srv.StartTLS()
	defer srv.Close()
	allow := Options{AllowHosts: []string{"127.0.0.1"}}

	_, err := newClient(t, allow).Get(srv.URL)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("unknown authority: %v", err)
	}
	trusting := newClient(t, allow)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	trusting.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	res, err := trusting.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 1 {
		t.Errorf("protocol %s, want HTTP/1.1", res.Proto)
	}
}

func TestLimits(t *testing.T) {
	c := hooksClient(t)
	tr := c.Transport.(*http.Transport)
	if c.Timeout != 15*time.Second || tr.TLSHandshakeTimeout != 5*time.Second || connectTimeout != 5*time.Second || dnsTimeout != 5*time.Second {
		t.Error("time limits are not 15 s in total and 5 s for name, connection and TLS")
	}
	tg := newTarget(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		w.Header().Set("X-Long", strings.Repeat("x", size))
	}))
	res, err := c.Get("http://hooks.test:" + tg.port + "/?size=8000")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, err := c.Get("http://hooks.test:" + tg.port + "/?size=17000"); err == nil {
		t.Error("17,000 bytes of answer headers were accepted")
	}
}

func TestDripEndsWithTheTotalTimeout(t *testing.T) {
	tg := newTarget(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				io.WriteString(w, ".")
				w.(http.Flusher).Flush()
			}
		}
	}))
	c := hooksClient(t)
	c.Timeout = 200 * time.Millisecond
	res, err := c.Get("http://hooks.test:" + tg.port)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
		t.Errorf("reading the drip ended with %v, want a timeout", err)
	}
}

func TestHugeBodyCanBeLeft(t *testing.T) {
	stopped := make(chan struct{})
	tg := newTarget(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(stopped)
		for chunk := make([]byte, 32<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	res, err := hooksClient(t).Get("http://hooks.test:" + tg.port)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(res.Body, 16<<10)); n != 16<<10 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	res.Body.Close()
	<-stopped // closing the body ends the connection, not a drain of it
}

func TestSilentDNSTimesOut(t *testing.T) {
	g, err := newGuard(Options{Resolver: stubResolver(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	g.dnsTimeout = 50 * time.Millisecond
	_, err = g.client().Get("https://silent.example/")
	if err == nil || errors.Is(err, ErrBlocked) {
		t.Fatalf("error is %v", err)
	}
}

func TestUnknownNameIsNotBlocked(t *testing.T) {
	c := newClient(t, Options{Resolver: stubResolver(t, func(string) netip.Addr { return netip.Addr{} })})
	if _, err := c.Get("https://missing.example/"); err == nil || errors.Is(err, ErrBlocked) {
		t.Errorf("error is %v, want the resolver's", err)
	}
}
