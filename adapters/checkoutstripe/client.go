package checkoutstripe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// apiVersion is the version of the API that requests are written in and answers are read in, whatever the account's own is.
const apiVersion = "2026-08-26.dahlia"

const (
	defaultBaseURL = "https://api.stripe.com"
	userAgent      = "jopay-checkout-stripe/1"
	maxAnswer      = 1 << 20
)

// api calls Stripe. Nothing that is sent or received gets into its errors or its log, apart from Stripe's own codes.
type api struct {
	base, key string
	http      *http.Client
	log       *slog.Logger
}

func newAPI(cfg Config, log *slog.Logger) *api {
	client := cmp.Or(cfg.HTTPClient, defaultClient())
	return &api{base: strings.TrimSuffix(cmp.Or(cfg.BaseURL, defaultBaseURL), "/"), key: cfg.SecretKey, http: noRedirects(client), log: log}
}

// get fetches an object.
func (a *api) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, http.NoBody)
	if err != nil {
		return errors.New("checkoutstripe: the address cannot be called")
	}
	_, err = a.do(r, into)
	return err
}

// post changes something. A repeated key gives the first answer again, and replayed is true.
func (a *api) post(ctx context.Context, path string, form url.Values, key string, into any) (replayed bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return false, errors.New("checkoutstripe: the address cannot be called")
	}
	r = sentOnce(r)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	header, err := a.do(r, into)
	return header.Get("Idempotent-Replayed") == "true", err
}

var errSent = errors.New("checkoutstripe: the request was sent and not answered")

// sentOnce keeps net/http from repeating what may have arrived, as it does by itself with an idempotency key. When the
// second connection is refused, that would look as if nothing had been sent.
func sentOnce(r *http.Request) *http.Request {
	var sent atomic.Bool
	again := r.GetBody
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}))
	r.GetBody = func() (io.ReadCloser, error) {
		if sent.Load() {
			return nil, errSent
		}
		return again()
	}
	return r
}

func (a *api) do(r *http.Request, into any) (http.Header, error) {
	r.Header.Set("Authorization", "Bearer "+a.key)
	r.Header.Set("Stripe-Version", apiVersion)
	r.Header.Set("User-Agent", userAgent)
	answer, err := a.http.Do(r)
	if err != nil {
		return nil, transportError(r.Context(), err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("checkoutstripe: the answer broke off: %w", plainCause(r.Context(), err))
	case answer.StatusCode != http.StatusOK:
		return nil, a.refusal(r.Context(), answer, body)
	case len(body) > maxAnswer:
		return nil, errors.New("checkoutstripe: the answer is too long")
	case json.Unmarshal(body, into) != nil: // its error would quote the body
		return nil, errors.New("checkoutstripe: the answer is not the JSON that was expected")
	}
	return answer.Header, nil
}
