package checkout

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

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
	headersKept        = 2 << 10         // bytes
	throttleWait       = time.Minute
	longestRetryAfter  = time.Hour
)

// nextAttempt says when to try again after attempts tries, or that enough was tried.
func nextAttempt(mode Mode, attempts int, r sendResult, now time.Time) *time.Time {
	schedule := schedules[mode]
	if attempts >= len(schedule) || r.delivery.Type == webhook.Test { // somebody is waiting for the test, and asks again
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
	endpoint endpointRecord // does not change while a claim is sent
	known    endpointRecord // the same with what was written since; of the one who writes
	signing  *signing
	changes  int64 // of endpoints, when this one was read
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
	locked  atomic.Bool  // an endpoint's secret does not open
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
			if s.locked.Load() {
				return errSecretLost
			}
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
	changes := s.c.shared.changes.Load()
	due, err := s.c.store.dueEndpoints(ctx, s.c.now())
	if err != nil {
		return err
	}
	for _, e := range due {
		if e, err = s.c.forgetPrevious(ctx, e); err != nil {
			return err
		}
		l := s.enter(e, changes)
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

func (s *sender) enter(e endpointRecord, changes int64) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lanes[e.ID]
	if !ok {
		l = &lane{}
		s.lanes[e.ID] = l
	}
	if l.busy || e.Status != endpointEnabled {
		return nil
	}
	l.endpoint, l.known, l.changes, l.busy = e, e, changes, true
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
	if l.signing, err = s.c.signingOf(ctx, l.endpoint); err != nil {
		s.locked.Store(true)
		return false, nil // it was said; its webhooks wait
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
// runs short, an endpoint has changed or the process stops is handed back.
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
// may have taken long: a lease must not run out under a request, nor under a second one with the other secret in front.
func (s *sender) sendSome(ctx, work context.Context, l *lane, todo <-chan delivery, results chan<- sendResult) {
	for d := range todo {
		s.slots <- struct{}{}
		if ctx.Err() == nil && !l.gone.Load() && l.changes == s.c.shared.changes.Load() && s.c.now().Add(l.signing.longest()+leaseMargin).UnixMilli() <= d.until {
			r := s.safeSend(work, l, d)
			if r.gone {
				l.gone.Store(true)
			}
			results <- r
		}
		<-s.slots
	}
}
