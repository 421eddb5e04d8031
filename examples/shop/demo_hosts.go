package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// demoRefused is how many requests the books refuse after somebody has lost a part of their secret: four events or more.
const demoRefused = 16

// demoHosts stands for the servers that webhooks go to while the demo plays: nothing leaves the process.
type demoHosts struct {
	clock       *demo
	own         string
	booksSecret string
	refused     atomic.Int64
}

func (h *demoHosts) client() *http.Client { return &http.Client{Transport: h} }

// RoundTrip answers for every host. The shop's own inbox takes everything; the books were down for a morning, refuse some
// events for good, and check one day's signatures with half of the secret; the mailing service is gone one day.
func (h *demoHosts) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, said := http.StatusNoContent, ""
	switch {
	case r.URL.String() == demoBooks:
		status, said = h.books(r, body)
	case r.URL.String() == demoMailing && h.ago() < 20*24*time.Hour:
		status, said = http.StatusGone, "This service has moved.\n"
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(said)), Request: r,
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Server": {"nginx"}, "Date": {h.clock.at.Format(http.TimeFormat)}},
	}, nil
}

func (h *demoHosts) ago() time.Duration { return h.clock.end.Sub(h.clock.at) }

func (h *demoHosts) books(r *http.Request, body []byte) (status int, said string) {
	sum := sha256.Sum256([]byte(r.Header.Get("Webhook-Id")))
	switch ago := h.ago(); {
	case ago > 9*24*time.Hour && ago < 9*24*time.Hour+14*time.Hour:
		return http.StatusServiceUnavailable, "upstream connect error or disconnect/reset before headers\n"
	case ago < 30*time.Hour && h.refused.Add(1) <= demoRefused:
		return http.StatusUnauthorized, h.refusal(r.Header.Get("X-JoPay-Signature"), body)
	case sum[0] < 4:
		return http.StatusInternalServerError, `{"error":"account 8400 is closed"}` + "\n"
	}
	return http.StatusOK, `{"received":true}` + "\n"
}

// refusal is what a receiver says that has lost the beginning of its secret.
func (h *demoHosts) refusal(header string, body []byte) string {
	stamp, _, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	mac := hmac.New(sha256.New, []byte(strings.TrimPrefix(h.booksSecret, "whsec_")))
	mac.Write([]byte(stamp + "." + string(body)))
	return fmt.Sprintf(`{"error":"signature mismatch","computed":"%s"}`+"\n", hex.EncodeToString(mac.Sum(nil)))
}

// answerKeeper is the response of a request that never leaves the process.
type answerKeeper struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *answerKeeper) Header() http.Header         { return k.header }
func (k *answerKeeper) WriteHeader(status int)      { k.status = status }
func (k *answerKeeper) Write(p []byte) (int, error) { return k.body.Write(p) }

// ask sends a request into one of the checkout's handlers.
func (d *demo) ask(h http.Handler, method, path, contentType, body string) (*answerKeeper, error) {
	r, err := http.NewRequestWithContext(d.ctx, method, d.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RemoteAddr = "192.0.2.1:1"
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("Authorization", "Bearer "+d.key)
	if body != "" {
		r.Header.Set("Content-Type", contentType)
	}
	k := &answerKeeper{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(k, r)
	if k.status >= 400 {
		return k, fmt.Errorf("%s %s answered %d: %s", method, path, k.status, k.body.String())
	}
	return k, nil
}

// pay is the buyer with a card.
func (d *demo) pay(id, card string) error {
	body, err := json.Marshal(map[string]string{"card": card})
	if err != nil {
		return err
	}
	_, err = d.ask(d.co.API(), http.MethodPost, d.co.APIPath()+"/test/sessions/"+id+"/pay", "application/json", string(body))
	return err
}

func (d *demo) expire(id string) error {
	_, err := d.co.ExpireSession(d.ctx, id)
	return err
}

var (
	pageToken     = regexp.MustCompile(`name="token" value="([^"]+)"`)
	pageReference = regexp.MustCompile(`RF\d\d(?: ?[0-9A-Z]{1,4})+`)
)

// chooseTransfer is the buyer who chooses to pay by bank transfer. It gives the reference of the payment.
func (d *demo) chooseTransfer(id string) (reference string, err error) {
	path, pages := d.co.PagePath()+"/"+id, d.co.Pages()
	page, err := d.ask(pages, http.MethodGet, path, "", "")
	if err != nil {
		return "", err
	}
	token := pageToken.FindStringSubmatch(page.body.String())
	if token == nil {
		return "", fmt.Errorf("the page of %s has no form", id)
	}
	form := url.Values{"token": {token[1]}, "action": {"pay"}, "method": {"bank_transfer"}, "email": {"buyer@example.com"}}
	if _, err = d.ask(pages, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode()); err != nil {
		return "", err
	}
	if page, err = d.ask(pages, http.MethodGet, path, "", ""); err != nil {
		return "", err
	}
	return pageReference.FindString(page.body.String()), nil
}
