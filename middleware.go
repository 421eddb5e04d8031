package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// handler answers a request or says why not; one function per door turns the error into an answer.
type handler func(w http.ResponseWriter, r *http.Request) error

type contextKey int

const (
	requestIDKey contextKey = iota
	apiKeyKey
	actorKey
)

var requestIDRule = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// withRequestID takes the caller's id where it is harmless, so that one id runs through all logs, or makes one.
func withRequestID(w http.ResponseWriter, r *http.Request) *http.Request {
	id := r.Header.Get("X-Request-Id")
	if !requestIDRule.MatchString(id) {
		id = "req_" + randomBase62(20)
	}
	w.Header().Set("X-Request-Id", id)
	return r.WithContext(context.WithValue(r.Context(), requestIDKey, id))
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// guarded runs h and gives every failure to answer: an error, a panic, a client that is gone.
func (c *Checkout) guarded(w http.ResponseWriter, r *http.Request, h handler, answer func(http.ResponseWriter, *http.Request, *Error)) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			c.cfg.Logger.ErrorContext(r.Context(), "checkout: panic in a handler", "request", requestID(r.Context()), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			answer(w, r, ErrInternal)
		}
	}()
	err := h(w, r)
	if err == nil {
		return
	}
	e := public(err)
	if e.Status >= 500 {
		c.cfg.Logger.ErrorContext(r.Context(), "checkout: request failed", "request", requestID(r.Context()), "code", e.Code, "error", err)
	}
	answer(w, r, e)
}

// apiHeaders is the profile of the API door: JSON, nothing cached, no CORS.
func apiHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := text(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a client that does not read its answer is not our error
	return nil
}

type errorBody struct {
	Type      string       `json:"type"`
	Code      string       `json:"code"`
	Message   string       `json:"message"`
	Param     *string      `json:"param"`
	Errors    []FieldError `json:"errors,omitempty"`
	RequestID string       `json:"request_id"`
}

// answerJSON writes the public side of an error.
func (c *Checkout) answerJSON(w http.ResponseWriter, r *http.Request, e *Error) {
	errorHeaders(w.Header(), e)
	body := errorBody{Type: e.Type, Code: e.Code, Message: e.Message, Param: pointer(e.Param), Errors: e.Fields, RequestID: requestID(r.Context())}
	_ = writeJSON(w, e.Status, map[string]errorBody{"error": body})
}

func errorHeaders(h http.Header, e *Error) {
	if e.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
}

// withKey lets requests with a good API key through. Wrong ones are counted by address; when there are too many, further
// wrong ones get 429, and right ones still pass.
func (c *Checkout) withKey(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		key, err := c.keyOf(r)
		if err == nil {
			return next(w, r.WithContext(context.WithValue(r.Context(), apiKeyKey, key)))
		}
		if e := public(err); e.Status != http.StatusUnauthorized {
			return err
		}
		address := c.clients.of(r)
		if !c.limits.badKeys.Allow(address) {
			return tooMany(c.limits.badKeys.RetryAfter(address))
		}
		return err
	}
}

func tooMany(wait time.Duration) *Error {
	e := *ErrRateLimited
	e.RetryAfter = max(wait, time.Second)
	return &e
}

func (c *Checkout) keyOf(r *http.Request) (keyRecord, error) {
	values := r.Header.Values("Authorization")
	switch {
	case len(values) > 1:
		return keyRecord{}, invalid([]FieldError{{Param: "Authorization", Code: "parameter_invalid_string", Message: "Send one Authorization header."}})
	case len(values) == 0 || values[0] == "":
		return keyRecord{}, ErrKeyMissing
	}
	scheme, secret, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return keyRecord{}, ErrKeyMissing
	}
	return c.authenticate(r.Context(), strings.TrimSpace(secret))
}

func apiKey(ctx context.Context) keyRecord {
	k, _ := ctx.Value(apiKeyKey).(keyRecord)
	return k
}

// readJSON reads a request body within its limits.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, ErrContentType
	}
	return readBody(w, r, maxBody)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, ErrBodyTooLarge
	}
	if err != nil {
		return nil, ErrInvalidJSON.saying("The request body broke off.").because(err)
	}
	return body, nil
}

// idempotencyKey reads the header; absent is the empty string.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || !validIdempotencyKey(values[0]):
		return "", ErrIdempotencyKey
	}
	return values[0], nil
}

// secretKey gives Config.SecretKey or the one kept in the database, made by whoever needs it first.
func (c *Checkout) secretKey(ctx context.Context) ([]byte, error) {
	if len(c.cfg.SecretKey) > 0 {
		return c.cfg.SecretKey, nil
	}
	if known := c.shared.secret.Load(); known != nil {
		return *known, nil
	}
	value, err := c.store.setting(ctx, "secret_key", func() string { return randomBase62(keyRandom) })
	if err != nil {
		return nil, err // not kept: the next request asks again
	}
	key := []byte(value)
	c.shared.secret.Store(&key)
	return key, nil
}
