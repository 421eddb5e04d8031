package checkout

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	expireEvery    = 2 * time.Second
	reconcileEvery = 2500 * time.Millisecond
	refundEvery    = 10 * time.Second
	claimAgain     = time.Minute // a reconcile that dies is repeated after this
	batch          = 64
	drainTime      = 20 * time.Second
)

// shared is what all copies of a Checkout (see WithTx) have in common.
type shared struct {
	deliver   waker
	documents waker
	mails     waker
	poll      time.Duration // how often the sender looks for other replicas' work; own commits wake it at once
	keys      keyCache
	circuits  circuits
	created   wantsCache
	authorize atomic.Pointer[Authorize] // of the admin, which decides who may see previews
	changes   atomic.Int64              // of endpoints in this process, each of which ends the claims before it
	secret    atomic.Pointer[[]byte]    // signs forms, once it is known
	lost      sync.Map                  // sealed secrets that do not open and were told of, by endpoint

	failpoint func(name string) // nil in production; tests stop the process where it is called
}

func newShared() *shared {
	return &shared{deliver: make(waker, 1), documents: make(waker, 1), mails: make(waker, 1), poll: time.Second, keys: keyCache{byHash: map[string]cachedKey{}}}
}

// reached tells a test that the work has come to a named point.
func (c *Checkout) reached(point string) {
	if f := c.shared.failpoint; f != nil {
		f(point)
	}
}

// waker rings a worker. A ring that nobody has heard yet stands for any number of later ones.
type waker chan struct{}

func (w waker) wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

var errRunInTx = errors.New("checkout: Run was called inside a transaction: call it on the value that New gave")

// Run does the work that no request does: it delivers webhooks, expires sessions, numbers documents, sends mails and asks
// providers about payments whose outcome is not known. Start it once per process, in as many processes as there are; they share the work. It returns
// nil after ctx has ended and what was begun is finished or handed back: webhooks within 20 seconds, a call to a provider with its
// result within 35, mails within 85.
func (c *Checkout) Run(ctx context.Context) error {
	if c.inHostTx {
		return errRunInTx
	}
	var wg sync.WaitGroup
	for _, w := range []struct {
		name  string
		every time.Duration
		rings waker
		work  func(context.Context) error
	}{
		{"expire", expireEvery, nil, c.expireDue}, {"reconcile", reconcileEvery, nil, c.reconcileDue}, {"refund", refundEvery, nil, c.refundDue},
		{"document", documentEvery, c.shared.documents, c.issueDue}, {"mail", mailEvery, c.shared.mails, c.mailDue},
	} {
		wg.Go(func() { c.repeat(ctx, w.name, w.every, w.rings, w.work) })
	}
	wg.Go(func() { c.deliverLoop(ctx) })
	wg.Wait()
	return nil
}

// maxRounds ends a RunOnce that never gets done, because the host's hook refuses for example.
const maxRounds = 50

// RunOnce does everything that is due now, and what becomes due through that, and returns when something will be due
// next: the zero time when nothing waits. It is for hosts that have a timer of their own instead of [Checkout.Run], and
// for tests. It may run beside Run and in several processes. An error does not mean that nothing was done.
func (c *Checkout) RunOnce(ctx context.Context) (next time.Time, err error) {
	if c.inHostTx {
		return next, errRunInTx
	}
	for range maxRounds {
		for _, work := range []func(context.Context) error{c.reconcileDue, c.expireDue, c.refundDue, c.issueDue, c.deliverDue, c.mailDue} {
			err = errors.Join(err, work(ctx))
		}
		var failed error
		next, failed = c.store.nextDue(ctx, c.now())
		if err = errors.Join(err, failed); err != nil || next.IsZero() || next.After(c.now()) {
			break
		}
	}
	return next, err
}

// repeat runs work at a steady pace, and when it rings, until ctx ends. An error or a panic costs one round, not the worker.
func (c *Checkout) repeat(ctx context.Context, name string, every time.Duration, rings waker, work func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.contained(ctx, name, work)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-rings:
		}
	}
}

func (c *Checkout) contained(ctx context.Context, name string, work func(context.Context) error) {
	defer func() {
		if r := recover(); r != nil {
			c.cfg.Logger.ErrorContext(ctx, "checkout: panic in a worker", "worker", name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	if err := work(ctx); err != nil && ctx.Err() == nil {
		c.cfg.Logger.WarnContext(ctx, "checkout: a worker's round failed and will be repeated", "worker", name, "error", err)
	}
}

// expireDue ends the sessions whose time is up (T12). A session somebody else has just paid or ended is no error.
func (c *Checkout) expireDue(ctx context.Context) error {
	var failed error
	for ctx.Err() == nil {
		ids, err := c.store.dueSessions(ctx, c.now(), batch)
		if err != nil {
			return err
		}
		c.reached("expire.selected")
		ended := 0
		for _, id := range ids {
			switch _, err := c.expire(ctx, id, false); {
			case err == nil:
				ended++
			case !errors.Is(err, ErrNotPending):
				failed = errors.Join(failed, fmt.Errorf("expire %s: %w", shortID(id), err))
			}
		}
		if len(ids) < batch || ended == 0 {
			break
		}
	}
	return failed
}

// reconcileDue asks the providers about open attempts that are due (T14). It does not rely on notifications.
func (c *Checkout) reconcileDue(ctx context.Context) error {
	due, err := c.store.claimPayments(ctx, c.now(), claimAgain, batch)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, p := range due {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break // those that are left come up again after claimAgain
		}
		wg.Go(func() {
			defer func() { <-slots }()
			c.contained(ctx, "reconcile", func(ctx context.Context) error { return c.reconcile(ctx, p) })
		})
	}
	wg.Wait()
	return nil
}

// reconcile asks about one attempt, settles what it hears and sets the next look: at the latest when the session's time
// is up, because then an unfinished attempt is taken back (T13).
func (c *Checkout) reconcile(ctx context.Context, p paymentRecord) error {
	session, err := c.store.session(ctx, p.SessionID)
	if err != nil {
		return err
	}
	switch {
	case session.ExpiresAt <= millis(c.now()):
		err = c.takeBack(ctx, p, ReasonTimeout)
	case p.Tries >= maxTries: // nobody shall try out stolen cards here
		err = c.takeBack(ctx, p, publicReason(p.Reason))
	default:
		err = c.observe(ctx, p)
	}
	return errors.Join(err, c.store.scheduleLook(ctx, p.ID, c.nextLook(session, p)))
}

// nextLook is never later than what a look may decide: the end of the session, and the moment from which absence is
// believed.
func (c *Checkout) nextLook(s sessionRecord, p paymentRecord) time.Time {
	now := c.now()
	next := now.Add(nextPoll(p.Polls))
	for _, moment := range []time.Time{fromMillis(s.ExpiresAt), fromMillis(p.CreatedAt).Add(believeAbsence)} {
		if moment.After(now) && moment.Before(next) {
			next = moment
		}
	}
	return next
}

// observe fetches the truth about an attempt and settles it.
func (c *Checkout) observe(ctx context.Context, p paymentRecord) error {
	provider, err := c.provider(p)
	if err != nil {
		return err
	}
	return c.ask(ctx, p, provider.Observe)
}

// takeBack ends an attempt at its provider and settles what became of it, for a reason of ours. What cannot be taken back
// is asked about.
func (c *Checkout) takeBack(ctx context.Context, p paymentRecord, reason string) error {
	provider, err := c.provider(p)
	if err != nil {
		return err
	}
	return c.ask(ctx, p, func(ctx context.Context, ref ChargeRef) (Observation, error) {
		if canceler, ok := provider.(Canceler); ok {
			if o, err := canceler.Cancel(ctx, ref); err == nil {
				if o.State == StateCanceled {
					o.Reason.Code = reason
				}
				return o, nil
			}
		}
		return provider.Observe(ctx, ref)
	})
}

// ask settles the answer of a provider. That it knows of no charge is believed only when the request to make it cannot
// be under way any more (T15).
func (c *Checkout) ask(ctx context.Context, p paymentRecord, question func(context.Context, ChargeRef) (Observation, error)) error {
	call, cancel := detached(ctx, callTimeout)
	defer cancel()
	o, err := question(call, chargeRef(p))
	c.reached("reconcile.fetched")
	switch {
	case errors.Is(err, ErrNoCharge):
		if c.now().Sub(fromMillis(p.CreatedAt)) < believeAbsence {
			return nil
		}
		o = c.refusal(p, ReasonTimeout)
	case err != nil:
		return fmt.Errorf("payment %s at %s: %w", shortID(p.ID), p.Provider, err)
	}
	return c.settle(ctx, fact{PaymentID: p.ID, Observation: o})
}

func chargeRef(p paymentRecord) ChargeRef {
	return ChargeRef{
		AttemptID: p.ID, Ref: p.Ref, Method: p.Method, Amount: p.Amount, Currency: p.Currency, Livemode: p.Mode == Live,
		BegunAt: fromMillis(p.CreatedAt),
	}
}

// provider finds who holds a payment. No live payment can reach the sandbox.
func (c *Checkout) provider(p paymentRecord) (Provider, error) {
	if p.Provider == noProvider {
		return nothingDue{}, nil
	}
	if p.Provider == sandboxName && p.Mode == Test {
		return c.sandbox, nil
	}
	if found, ok := c.providers[p.Provider]; ok {
		return found, nil
	}
	return nil, fmt.Errorf("payment %s belongs to provider %q, which is not configured any more: add it to Config.Providers", shortID(p.ID), p.Provider)
}
