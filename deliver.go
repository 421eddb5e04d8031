package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jopay/checkout/internal/netguard"
	"github.com/jopay/checkout/webhook"
)

// schedules are the waits before attempt 1, 2, 3, …; when they are used up the delivery is parked.
var schedules = map[Mode][]time.Duration{
	Live: {0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
		2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 20 * time.Hour, 24 * time.Hour},
	Test: {0, 5 * time.Second, time.Minute, 10 * time.Minute},
}

const (
	sendersPerEndpoint = 2
	senders            = 16
	sendTimeout        = 15 * time.Second
	leaseTime          = 2 * time.Minute
	leaseMargin        = 5 * time.Second // of a lease that must be left after a request for its result to be written
	answerRead         = 16 << 10        // bytes
	answerKept         = 4 << 10         // bytes
	throttleWait       = time.Minute
	longestRetryAfter  = time.Hour
)

// sendResult is what became of one attempt to deliver.
type sendResult struct {
	delivery   delivery
	httpStatus int
	reason     string // for people; empty after success
	response   string
	retryAfter time.Duration
	throttled  bool
	gone       bool
}

func (r sendResult) ok() bool { return r.reason == "" }

// nextAttempt says when to try again after attempts tries, or that enough was tried.
func nextAttempt(mode Mode, attempts int, r sendResult, now time.Time) *time.Time {
	schedule := schedules[mode]
	if attempts >= len(schedule) {
		return nil
	}
	wait := jitter(schedule[attempts])
	if r.throttled {
		wait = max(wait, throttleWait, min(r.retryAfter, longestRetryAfter))
	}
	at := now.Add(wait)
	return &at
}

// jitter spreads a wait by ±10 %, so that deliveries that failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d - d/10 + rand.N(d/5+1)
}

// lane is what one endpoint gets in this process: two senders at most, and small claims while it fails, so that a dead
// endpoint holds up nobody.
type lane struct {
	endpoint endpointRecord
	busy     bool
	failing  bool
	gone     atomic.Bool // it has answered 410
}

// sender delivers webhooks until it is stopped.
type sender struct {
	c       *Checkout
	mu      sync.Mutex
	lanes   map[string]*lane
	slots   chan struct{} // the senders of all endpoints together
	running sync.WaitGroup
	rounds  atomic.Int64 // claims that were sent
}

func (c *Checkout) newSender() *sender {
	return &sender{c: c, lanes: map[string]*lane{}, slots: make(chan struct{}, senders)}
}

// deliverDue sends what is due now, and what becomes due meanwhile, and waits for the results.
func (c *Checkout) deliverDue(ctx context.Context) error {
	s := c.newSender()
	for ctx.Err() == nil {
		due, err := c.store.dueEndpoints(ctx, c.now())
		if err != nil || len(due) == 0 {
			return err
		}
		before := s.rounds.Load()
		if err := s.dispatch(ctx, context.WithoutCancel(ctx)); err != nil {
			return err
		}
		s.running.Wait()
		if s.rounds.Load() == before {
			return nil // others have taken it, or the rounds have failed and said so
		}
	}
	return ctx.Err()
}

// deliverLoop sends what is due whenever a commit of this process rings, and once a second for what others have left.
// When ctx ends it takes nothing new, gives what is on its way 20 seconds, and hands the rest back.
func (c *Checkout) deliverLoop(ctx context.Context) {
	s := c.newSender()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	tick := time.NewTicker(s.c.shared.poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.contained(ctx, "deliver", func(context.Context) error { return s.dispatch(ctx, work) })
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-c.shared.deliver:
		}
	}
	c.reached("stop.draining")
	drain := time.AfterFunc(drainTime, stop)
	defer drain.Stop()
	s.running.Wait()
}

// dispatch starts a round for every endpoint that has something due and is not busy in this process.
func (s *sender) dispatch(ctx, work context.Context) error {
	due, err := s.c.store.dueEndpoints(ctx, s.c.now())
	if err != nil {
		return err
	}
	for _, e := range due {
		l := s.enter(e)
		if l == nil {
			continue
		}
		s.running.Go(func() {
			more := false
			defer func() { s.leave(l, more) }()
			s.c.contained(work, "deliver", func(context.Context) (err error) {
				more, err = s.round(ctx, work, l)
				return err
			})
		})
	}
	return nil
}

func (s *sender) enter(e endpointRecord) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lanes[e.ID]
	if !ok {
		l = &lane{}
		s.lanes[e.ID] = l
	}
	if l.busy {
		return nil
	}
	l.endpoint, l.busy = e, true
	l.gone.Store(false)
	return l
}

func (s *sender) leave(l *lane, more bool) {
	s.mu.Lock()
	l.busy = false
	s.mu.Unlock()
	if more {
		s.c.shared.deliver.wake()
	}
}

// round sends one claim. The next round reads the endpoint again, so that a change of its address or secret counts.
func (s *sender) round(ctx, work context.Context, l *lane) (more bool, err error) {
	if ctx.Err() != nil {
		return false, nil
	}
	limit := batch
	if l.failing {
		limit = sendersPerEndpoint
	}
	token := newID("lease_", s.c.now())
	claimed, err := s.c.store.claimDeliveries(work, l.endpoint.ID, token, s.c.now(), leaseTime, limit)
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	s.rounds.Add(1)
	s.c.reached("deliver.leased")
	err = s.sendAll(ctx, work, l, token, claimed)
	return err == nil, err
}

// sendAll sends a claim with two senders and writes the results of a moment together. What was not sent when the lease
// runs short or the process stops is handed back.
func (s *sender) sendAll(ctx, work context.Context, l *lane, token string, claimed []delivery) error {
	todo := make(chan delivery, len(claimed))
	for _, d := range claimed {
		todo <- d
	}
	close(todo)
	results := make(chan sendResult, len(claimed))
	var wg sync.WaitGroup
	for range min(sendersPerEndpoint, len(claimed)) {
		wg.Go(func() { s.sendSome(ctx, work, l, todo, results) })
	}
	go func() {
		wg.Wait()
		close(results)
	}()
	sent, err := s.record(work, l, results)
	if err == nil && sent < len(claimed) {
		err = s.c.store.handBack(context.WithoutCancel(work), l.endpoint.ID, token)
	}
	return err
}

// sendSome is one of the two senders. Whether there is still time is asked when the turn has come, because those before
// may have taken long: a lease must not run out under a request.
func (s *sender) sendSome(ctx, work context.Context, l *lane, todo <-chan delivery, results chan<- sendResult) {
	for d := range todo {
		s.slots <- struct{}{}
		if ctx.Err() == nil && !l.gone.Load() && s.c.now().Add(sendTimeout+leaseMargin).UnixMilli() <= d.until {
			r := s.safeSend(work, l.endpoint, d)
			if r.gone {
				l.gone.Store(true)
			}
			results <- r
		}
		<-s.slots
	}
}

// record writes results as they come, those that wait together in one transaction.
func (s *sender) record(work context.Context, l *lane, results <-chan sendResult) (sent int, err error) {
	for r := range results {
		group := []sendResult{r}
		for more := true; more && len(group) < batch; {
			select {
			case next, ok := <-results:
				if more = ok; ok {
					group = append(group, next)
				}
			default:
				more = false
			}
		}
		sent += len(group)
		err = errors.Join(err, s.write(work, l, group))
	}
	return sent, err
}

func (s *sender) write(work context.Context, l *lane, group []sendResult) error {
	ctx, cancel := detached(work, commitTimeout)
	defer cancel()
	now := s.c.now()
	err := s.c.store.transact(ctx, func(t tx) error { return writeResults(t, group, now) })
	s.c.reached("deliver.marked")
	for _, r := range group {
		l.failing = !r.ok()
		if r.gone {
			err = errors.Join(err, s.c.store.disableEndpoint(ctx, l.endpoint.ID, l.endpoint.URL, "The receiver answered 410 Gone."))
		}
	}
	return err
}

func writeResults(t tx, group []sendResult, now time.Time) error {
	type same struct {
		lease, response string
		status          int
	}
	delivered := map[same][]string{}
	for _, r := range group {
		if r.ok() {
			k := same{r.delivery.lease, r.response, r.httpStatus}
			delivered[k] = append(delivered[k], r.delivery.ID)
			continue
		}
		if err := t.markFailed(r.delivery, r, nextAttempt(r.delivery.Mode, r.delivery.Attempts+1, r, now)); err != nil {
			return err
		}
	}
	for k, ids := range delivered {
		if _, err := t.markDelivered(ids, k.lease, k.status, k.response, millis(now)); err != nil {
			return err
		}
	}
	return nil
}

// safeSend turns a panic into a failed attempt: one poisoned event must not stop the others.
func (s *sender) safeSend(ctx context.Context, e endpointRecord, d delivery) (r sendResult) {
	defer func() {
		if p := recover(); p != nil {
			s.c.cfg.Logger.ErrorContext(ctx, "checkout: panic while sending a webhook", "delivery", shortID(d.ID), "panic", fmt.Sprint(p))
			r = sendResult{delivery: d, reason: "The webhook could not be sent."}
		}
	}()
	return s.send(ctx, e, d)
}

func (s *sender) send(ctx context.Context, e endpointRecord, d delivery) sendResult {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	r := sendResult{delivery: d}
	req, err := s.c.webhookRequest(ctx, e, d)
	if err != nil {
		r.reason = "The webhook could not be built."
		s.c.cfg.Logger.ErrorContext(ctx, "checkout: a webhook could not be built", "delivery", shortID(d.ID), "error", err)
		return r
	}
	answer, err := s.c.senders[d.Mode].Do(req)
	if err != nil {
		r.reason, r.throttled = sendFailure(err)
		return r
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, answerRead)) // an answer that breaks off still has its status
	r.httpStatus, r.response = answer.StatusCode, printable(body)
	r.judge(answer.Header.Get("Retry-After"), s.c.now())
	s.c.reached("deliver.answered")
	return r
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
func sendFailure(err error) (reason string, throttled bool) {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, netguard.ErrBlocked):
		return "Webhooks may not be sent to this address.", false
	case errors.As(err, &timeout) && timeout.Timeout():
		return "The receiver did not answer within 15 seconds.", true
	case errors.As(err, &dns):
		return "The receiver's host name was not found.", false
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return "The receiver's certificate was not accepted.", false
	default:
		return "The receiver could not be reached.", false
	}
}

// printable is the beginning of an answer as the database can keep it: what is not text is replaced first, because that
// makes it longer.
func printable(body []byte) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD")
	if len(text) > answerKept {
		text = strings.ToValidUTF8(text[:answerKept], "")
	}
	return text
}

// webhookRequest signs the frozen bytes afresh: every attempt has its own time.
func (c *Checkout) webhookRequest(ctx context.Context, e endpointRecord, d delivery) (*http.Request, error) {
	payload := []byte(d.Payload)
	if e.Payload == "seed" {
		var err error
		if payload, err = seedForm(payload); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	now, word := c.now(), c.cfg.Brand.HeaderWord
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", word+"-Webhooks/1")
	h.Set("X-"+word+"-Signature", webhook.Sign(payload, e.Secret, now))
	h.Set("X-"+word+"-Event", d.Type)
	h.Set("X-"+word+"-Delivery", d.ID)
	h.Set("X-"+word+"-Attempt", strconv.Itoa(d.Attempts+1))
	h.Set(webhook.HeaderID, d.EventID)
	h.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	if signature, err := webhook.SignStandard(d.EventID, payload, e.Secret, now); err == nil {
		h.Set(webhook.HeaderStandardSignature, signature) // a test secret of the host's own need not be base64
	}
	return req, nil
}
