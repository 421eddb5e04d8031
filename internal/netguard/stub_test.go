package netguard

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// answerFunc gives the A record of a name (without its final dot); an invalid
// address means the name does not exist.
type answerFunc func(name string) netip.Addr

func always(ip string) answerFunc {
	return func(string) netip.Addr { return netip.MustParseAddr(ip) }
}

// stubResolver is Go's own resolver asking a DNS server of the test.
func stubResolver(t *testing.T, answer answerFunc) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if answer != nil {
		go serveDNS(conn, answer)
	}
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
		},
	}
}

func serveDNS(conn net.PacketConn, answer answerFunc) {
	buf := make([]byte, 1500)
	for {
		n, peer, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		conn.WriteTo(reply(buf[:n], answer), peer)
	}
}

// reply builds a DNS message (RFC 1035 section 4) from a query with one question.
func reply(query []byte, answer answerFunc) []byte {
	const header, typeA = 12, 1
	var labels []string
	end := header
	for query[end] != 0 {
		size := int(query[end])
		labels = append(labels, string(query[end+1:end+1+size]))
		end += 1 + size
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	question := query[header : end+5]
	ip := answer(strings.Join(labels, "."))

	flags, answers := []byte{0x81, 0x80}, []byte{0, 0}
	var record []byte
	switch {
	case !ip.IsValid():
		flags[1] |= 3 // no such name
	case kind == typeA:
		answers[1] = 1
		record = append([]byte{0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4}, ip.AsSlice()...)
	}
	return bytes.Join([][]byte{query[:2], flags, {0, 1}, answers, {0, 0, 0, 0}, question, record}, nil)
}

// target is a server on every address of this machine.
type target struct {
	*httptest.Server
	port        string
	connections atomic.Int64
}

func newTarget(t *testing.T, h http.Handler) *target {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	if h == nil {
		h = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	}
	tg := &target{Server: httptest.NewUnstartedServer(h)}
	tg.Listener.Close()
	tg.Listener = l
	tg.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			tg.connections.Add(1)
		}
	}
	tg.Start()
	t.Cleanup(tg.Close)
	_, tg.port, _ = net.SplitHostPort(l.Addr().String())
	return tg
}

func (tg *target) portNumber() uint16 {
	return netip.MustParseAddrPort("127.0.0.1:" + tg.port).Port()
}

func newClient(t *testing.T, o Options) *http.Client {
	t.Helper()
	c, err := Client(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}
