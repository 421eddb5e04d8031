package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jopay/checkout"
)

const (
	requestsEnd = 5 * time.Second  // for requests that are being answered when the shop stops
	workersEnd  = 10 * time.Second // for webhooks that are on their way then
)

// listen takes the port, or says what to do about it.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err == nil {
		return listener, nil
	}
	host, port, _ := net.SplitHostPort(addr)
	other := net.JoinHostPort(host, portAfter(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use by another program. Stop that one, or take another port: -addr %s", port, other)
	}
	var cause *net.OpError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return nil, fmt.Errorf("cannot listen on %s: %w. Take another address: -addr 127.0.0.1:8080", addr, err)
}

func portAfter(port string) string {
	if n, err := strconv.Atoi(port); err == nil && n < 65535 {
		return strconv.Itoa(n + 1)
	}
	return "8081"
}

// addresses are the ways to the shop.
type addresses struct {
	base    string   // for buyers
	local   string   // for the shop itself, past any proxy in front of it
	webhook string   // where webhooks go
	own     []string // the listener's address, if it is one of this machine's that is not loopback
}

func addressesOf(listener net.Listener, o options) addresses {
	addr, _ := listener.Addr().(*net.TCPAddr)
	host, _, _ := net.SplitHostPort(o.addr)
	port := strconv.Itoa(addr.Port)
	at := addresses{local: "http://" + net.JoinHostPort(addr.IP.String(), port)}
	switch {
	case addr.IP.IsUnspecified():
		host, at.local = "localhost", "http://"+net.JoinHostPort("localhost", port)
	case !addr.IP.IsLoopback():
		at.own = []string{addr.IP.String()}
	}
	at.base = "http://" + net.JoinHostPort(host, port)
	if o.baseURL != "" {
		at.base = strings.TrimSuffix(o.baseURL, "/")
	}
	at.webhook = o.webhook
	if at.webhook == "" {
		at.webhook = at.local + "/webhooks"
	}
	return at
}

// serve answers requests and does the checkout's work until ctx ends. Then it finishes what it has begun: requests
// first, webhooks after them.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, co *checkout.Checkout, stdout io.Writer) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
	}
	working, stopWork := context.WithCancel(context.Background())
	defer stopWork()
	failed, worked := make(chan error, 1), make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go func() { worked <- co.Run(working) }()

	select {
	case err := <-failed:
		return fmt.Errorf("the server stopped: %w", err)
	case <-ctx.Done():
	}
	fmt.Fprintln(stdout, "\nClosing …")
	closeServer(server)
	stopWork()
	select {
	case err := <-worked:
		return err
	case <-time.After(workersEnd):
		return nil // what was not confirmed is sent again after the next start
	}
}

func closeServer(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), requestsEnd)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}
