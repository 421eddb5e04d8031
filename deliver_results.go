package checkout

import (
	"context"
	"errors"
	"time"
)

const (
	failingLimit   = 5 * 24 * time.Hour // of nothing but failures, after which an endpoint is switched off
	failingFirst   = 24 * time.Hour     // of them, in which it must have failed several times: not only one event went astray
	failingSeveral = 3
	acceptedEvery  = time.Minute // the receiver's last acceptance is kept this exactly
)

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
	now, why := s.c.now(), ""
	news := healthOf(l, group, now)
	err := s.c.store.transact(ctx, func(t tx) (err error) {
		if err := writeResults(t, group, now); err != nil {
			return err
		}
		if why, err = news.write(t, now); err != nil || why == "" {
			return err
		}
		return s.c.auditDisabled(ctx, t, l.endpoint, why)
	})
	s.c.reached("deliver.marked")
	l.failing = !group[len(group)-1].ok()
	if err != nil {
		return err
	}
	news.keep(l, now)
	if why != "" {
		s.c.cfg.Logger.ErrorContext(ctx, "checkout: a webhook endpoint was switched off", "endpoint", shortID(l.endpoint.ID), "mode", l.endpoint.Mode, "why", why)
	}
	return nil
}

// ownActor stands for what nobody has asked for.
var ownActor = Actor{ID: "checkout", Name: "Checkout itself"}

func (c *Checkout) auditDisabled(ctx context.Context, t tx, e endpointRecord, why string) error {
	off := e.told()
	off.Status, off.Reason = endpointDisabled, why
	return c.audit(ActingAs(ctx, ownActor), t, change{mode: e.Mode, action: "endpoint.disable", object: e.ID, before: e.told(), after: off})
}

func writeResults(t tx, group []sendResult, now time.Time) error {
	type same struct {
		lease, response string
		status          int
	}
	delivered := map[same][]string{}
	var requests []attemptRecord
	for _, r := range group {
		requests = append(requests, r.requests...)
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
	return t.insertAttempts(requests)
}

// health is what a group of results tells about an endpoint. Most groups tell nothing new, and cost no statement.
type health struct {
	endpoint endpointRecord
	failures int    // when there were only such
	cured    bool   // the first success after failures
	gone     bool   // 410
	accepted string // the secret that a receiver has taken, where that is worth writing down
}

func healthOf(l *lane, group []sendResult, now time.Time) health {
	h := health{endpoint: l.known}
	for _, r := range group {
		h.gone = h.gone || r.gone
		if !r.ok() {
			h.failures++
		} else if l.known.asks(r.lead, now) {
			h.accepted = r.lead
		}
	}
	if h.failures < len(group) {
		h.failures, h.cured = 0, l.known.FailingSince != nil
	}
	return h
}

// asks tells whether it is news that the receiver has taken a secret.
func (e endpointRecord) asks(name string, now time.Time) bool {
	switch {
	case !e.twoLive(now) && e.Accepted == nil:
		return false // it never had another
	case e.Accepted == nil || *e.Accepted != name || e.Lead != name:
		return true
	}
	return e.twoLive(now) && (e.AcceptedAt == nil || *e.AcceptedAt < millis(now.Add(-acceptedEvery)))
}

// write keeps the news and gives why the endpoint was switched off, if it was.
func (h *health) write(t tx, now time.Time) (why string, err error) {
	e := &h.endpoint
	if h.accepted != "" {
		if err := t.noteAccepted(e.ID, e.Secret, h.accepted, now); err != nil {
			return "", err
		}
	}
	if h.cured {
		if err := t.noteSuccess(e.ID); err != nil {
			return "", err
		}
	}
	if h.failures > 0 {
		since, err := t.noteFailures(e.ID, e.URL, h.failures, now)
		if err != nil {
			return "", err
		}
		e.FailingSince = &since
		if why, err = h.failedLong(t, since, now); err != nil {
			return "", err
		}
	}
	if h.gone {
		why = "The receiver answered 410 Gone."
	}
	if why == "" {
		return "", nil
	}
	off, err := t.disableEndpoint(e.ID, e.URL, why, now)
	if !off {
		why = ""
	}
	return why, err
}

// failedLong tells an endpoint that has failed for days from one that heard nothing between two accidents.
func (h *health) failedLong(t tx, since int64, now time.Time) (why string, err error) {
	if now.Sub(fromMillis(since)) < failingLimit {
		return "", nil
	}
	from := since - (2 * sendTimeout).Milliseconds() // the first request was begun before its failure was noted
	often, err := t.failedOften(h.endpoint.ID, from, since+failingFirst.Milliseconds(), failingSeveral)
	if err != nil || !often {
		return "", err
	}
	return "All attempts have failed for five days.", nil
}

// keep tells the lane what was written, for the groups behind.
func (h *health) keep(l *lane, now time.Time) {
	if h.cured {
		h.endpoint.FailingSince = nil
	}
	if h.accepted != "" {
		at := millis(now)
		h.endpoint.Lead, h.endpoint.Accepted, h.endpoint.AcceptedAt = h.accepted, &h.accepted, &at
	}
	l.known = h.endpoint
}
