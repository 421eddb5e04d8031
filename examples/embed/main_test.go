package main

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

var client = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func listenAnywhere(t *testing.T) (net.Listener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, address("127.0.0.1:0", l)
}

// start serves the example on two ports until the test ends.
func start(t *testing.T) (shopURL string) {
	t.Helper()
	shopListener, shopURL := listenAnywhere(t)
	payListener, payURL := listenAnywhere(t)
	ctx, cancel := context.WithCancel(context.Background())
	co, err := newCheckout(ctx, shopURL, payURL)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	co.Mount(mux)
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, co, map[net.Listener]http.Handler{shopListener: &shop{co: co, origin: shopURL, payOrigin: payURL}, payListener: mux})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it did not end")
		}
	})
	return shopURL
}

// What the shop's pages refer to is there: the script with the hash they name, and a page that this shop may frame.
func TestShopShowsTheCheckout(t *testing.T) {
	shopURL := start(t)
	script := regexp.MustCompile(`<script src="([^"]+embed\.[0-9a-f]+\.js)" integrity="([^"]+)" crossorigin="anonymous" async>`)
	for path, reference := range map[string]string{
		"/": `data-checkout-open href="([^"]+)"`, "/inline": `<div class="sheet" data-checkout="cs_[^"]+"><p class="fallback"><a class="button" href="([^"]+)"`,
	} {
		answer, body := get(t, shopURL+path)
		loader, order := script.FindStringSubmatch(body), regexp.MustCompile(reference).FindStringSubmatch(body)
		if answer.StatusCode != 200 || loader == nil || order == nil {
			t.Fatalf("%s answers %d: %s", path, answer.StatusCode, body)
		}
		code, content := get(t, loader[1])
		sum := sha512.Sum384([]byte(content))
		if code.StatusCode != 200 || strings.ReplaceAll(loader[2], "&#43;", "+") != "sha384-"+base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("%s: the script answers %d and has another hash than %s", path, code.StatusCode, loader[2])
		}
		page, _ := get(t, order[1]+"?embed=1")
		if csp := page.Header.Get("Content-Security-Policy"); page.StatusCode != 200 || !strings.HasSuffix(csp, "frame-ancestors "+shopURL) {
			t.Errorf("%s: the page answers %d with %q", path, page.StatusCode, csp)
		}
		if csp := answer.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the shop's policy is %q", path, csp)
		}
	}
	for _, path := range []string{"/style.css", "/shop.js", "/cup.svg", "/terms"} {
		if answer, body := get(t, shopURL+path); answer.StatusCode != 200 || body == "" {
			t.Errorf("%s answers %d", path, answer.StatusCode)
		}
	}
}

// The page of thanks asks: an address proves nothing.
func TestThanksAsks(t *testing.T) {
	shopURL := start(t)
	_, body := get(t, shopURL+"/inline")
	id := regexp.MustCompile(`cs_[0-9a-f]+`).FindString(body)
	if _, body := get(t, shopURL+"/thanks?session_id="+id); !strings.Contains(body, "not paid yet") {
		t.Errorf("an unpaid order is thanked for: %s", body)
	}
	if answer, _ := get(t, shopURL+"/thanks?session_id=cs_1"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("an order that does not exist answers %d", answer.StatusCode)
	}
}
