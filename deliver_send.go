package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/netguard"
	"github.com/jopay/checkout/webhook"
)

// sendResult is what became of one attempt to deliver. While two secrets live it may have taken two requests; what the
// last one heard counts.
type sendResult struct {
	delivery   delivery
	requests   []attemptRecord
	lead       string // which secret led in the last request
	httpStatus int
	class      string // of a failure: dns, connect, tls, timeout, blocked, redirect, 4xx or 5xx
	reason     string // for people; empty after success
	response   string
	headers    string
	retryAfter time.Duration
	throttled  bool
	gone       bool
}

func (r sendResult) ok() bool { return r.reason == "" }

// unsigned tells the answers with which receivers refuse a signature.
func (r sendResult) unsigned() bool {
	return r.httpStatus == http.StatusBadRequest || r.httpStatus == http.StatusUnauthorized || r.httpStatus == http.StatusForbidden
}

// safeSend turns a panic into a failed attempt: one poisoned event must not stop the others.
func (s *sender) safeSend(ctx context.Context, l *lane, d delivery) (r sendResult) {
	defer func() {
		if p := recover(); p != nil {
			s.c.cfg.Logger.ErrorContext(ctx, "checkout: panic while sending a webhook", "delivery", shortID(d.ID), "panic", fmt.Sprint(p))
			r = s.unsent(l, d, "The webhook could not be sent.")
		}
	}()
	return s.send(ctx, l, d)
}

// unsent is an attempt that came to nothing before it reached the wire.
func (s *sender) unsent(l *lane, d delivery, reason string) sendResult {
	r := sendResult{delivery: d, reason: reason}
	r.requests = []attemptRecord{newAttempt(l.endpoint, d, s.c.now(), secretCurrent)}
	r.requests[0].end(r, 0)
	return r
}

// send makes one attempt. A receiver that looks at the first signature only, and knows only the other secret, gets the
// webhook again at once with that one in front; the next ones then come right at the first try.
func (s *sender) send(ctx context.Context, l *lane, d delivery) sendResult {
	body, err := bodyFor(d.Form, d.Payload)
	if err != nil {
		s.c.cfg.Logger.ErrorContext(ctx, "checkout: a webhook could not be built", "delivery", shortID(d.ID), "error", err)
		return s.unsent(l, d, "The webhook could not be built.")
	}
	lead := l.signing.leading()
	first := s.request(ctx, l, d, body, lead)
	if !l.signing.twoLive() || !first.unsigned() {
		return first
	}
	lead = otherSecret(lead)
	second := s.request(ctx, l, d, body, lead)
	if second.ok() {
		l.signing.lead(lead)
	}
	second.requests = inTurn(first.requests[0], second.requests[0])
	return second
}

// inTurn makes the ids of two requests of one moment sort as they were sent.
func inTurn(first, second attemptRecord) []attemptRecord {
	if second.ID < first.ID {
		first.ID, second.ID = second.ID, first.ID
	}
	return []attemptRecord{first, second}
}

// bodyFor is an event as a delivery carries it. It depends on the frozen bytes and the form that was asked for when the
// delivery was queued.
func bodyFor(form, payload string) ([]byte, error) {
	if form == "seed" {
		return seedForm([]byte(payload))
	}
	return []byte(payload), nil
}

// request sends a delivery once and notes how it went.
func (s *sender) request(ctx context.Context, l *lane, d delivery, body []byte, lead string) sendResult {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	now, start := s.c.now(), time.Now()
	r, note := sendResult{delivery: d, lead: lead}, newAttempt(l.endpoint, d, now, lead)
	req, err := s.c.webhookRequest(ctx, l, d, body, now, &note)
	if err != nil {
		r.reason = "The webhook could not be built."
		s.c.cfg.Logger.ErrorContext(ctx, "checkout: a webhook could not be built", "delivery", shortID(d.ID), "error", err)
	} else {
		s.exchange(req, &r)
	}
	note.end(r, time.Since(start))
	r.requests = []attemptRecord{note}
	return r
}

// exchange sends a request and judges its answer.
func (s *sender) exchange(req *http.Request, r *sendResult) {
	answer, err := s.c.senders[r.delivery.Mode].Do(req)
	if err != nil {
		r.class, r.reason = sendFailure(err)
		r.throttled = r.class == "timeout"
		return
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, answerRead)) // an answer that breaks off still has its status
	r.httpStatus, r.response, r.headers = answer.StatusCode, printable(body, answerKept), headerText(answer.Header)
	r.judge(answer.Header.Get("Retry-After"), s.c.now())
	s.c.reached("deliver.answered")
}

// judge reads the status: 2xx is success, everything else is not; redirects are never followed.
func (r *sendResult) judge(retryAfter string, now time.Time) {
	switch {
	case r.httpStatus >= 200 && r.httpStatus <= 299:
		return
	case r.httpStatus == http.StatusGone:
		r.gone = true
	case r.httpStatus == http.StatusTooManyRequests, r.httpStatus >= 502 && r.httpStatus <= 504:
		r.throttled, r.retryAfter = true, parseRetryAfter(retryAfter, now)
	}
	switch r.httpStatus / 100 {
	case 3:
		r.class = "redirect"
	case 4:
		r.class = "4xx"
	case 5:
		r.class = "5xx"
	}
	r.reason = fmt.Sprintf("The receiver answered %d %s.", r.httpStatus, http.StatusText(r.httpStatus))
}

// parseRetryAfter reads seconds or a date (RFC 9110 §10.2.3).
func parseRetryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(value); n > 0 && (err == nil || errors.Is(err, strconv.ErrRange)) {
		return time.Duration(min(n, int(longestRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// sendFailure names the kind of a failure and tells nothing about the network behind it.
func sendFailure(err error) (class, reason string) {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, netguard.ErrBlocked):
		return "blocked", "Webhooks may not be sent to this address."
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout", "The receiver did not answer within 15 seconds."
	case errors.As(err, &dns):
		return "dns", "The receiver's host name was not found."
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return "tls", "The receiver's certificate was not accepted."
	default:
		return "connect", "The receiver could not be reached."
	}
}

// printable is the beginning of an answer as the database can keep it: what is not text is replaced first, because that
// makes it longer.
func printable(body []byte, limit int) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}

// headerText keeps the headers of an answer, one a line, without the receiver's cookies.
func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name == "Set-Cookie" {
			continue
		}
		for _, value := range h[name] {
			b.WriteString(name + ": " + value + "\n")
		}
		if b.Len() > headersKept {
			break
		}
	}
	return printable([]byte(b.String()), headersKept)
}

// webhookRequest signs the frozen bytes afresh: every request has its own time.
func (c *Checkout) webhookRequest(ctx context.Context, l *lane, d delivery, body []byte, now time.Time, note *attemptRecord) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	secrets := l.signing.inOrder(note.LeadSecret)
	note.Signature = webhook.Sign(body, secrets[0], now, secrets[1:]...)
	note.Standard = standardSignature(d.EventID, body, secrets, now)
	word, h := c.cfg.Brand.HeaderWord, req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", word+"-Webhooks/1")
	h.Set("X-"+word+"-Signature", note.Signature)
	h.Set("X-"+word+"-Event", d.Type)
	h.Set("X-"+word+"-Delivery", d.ID)
	h.Set("X-"+word+"-Attempt", strconv.Itoa(d.Attempts+1))
	h.Set(webhook.HeaderID, d.EventID)
	h.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	if note.Standard != "" {
		h.Set(webhook.HeaderStandardSignature, note.Standard)
	}
	return req, nil
}

// standardSignature leaves out a test secret of the host's own that is not base64.
func standardSignature(eventID string, body []byte, secrets []string, now time.Time) string {
	var list []string
	for _, secret := range secrets {
		if signature, err := webhook.SignStandard(eventID, body, secret, now); err == nil {
			list = append(list, signature)
		}
	}
	return strings.Join(list, " ")
}
