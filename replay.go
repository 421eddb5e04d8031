package checkout

import (
	"context"
	"time"
)

// maxReplay is how many events one call of ReplayEvents queues.
const maxReplay = 10_000

// ReplayParams is a range of events. Times count to the millisecond.
type ReplayParams struct {
	Since, Until time.Time // Since is inclusive and required; Until is exclusive and defaults to now
	OnlyFailed   bool      // only what the endpoint has not taken: what was given up, and what it missed while it was off
}

// ReplayEvents queues past events for an endpoint again, of the types it asks for, with the same ids and bytes. What is
// waiting already is left alone. It queues the oldest 10,000 of the range; more are there when queued is 10,000. An
// endpoint that is off gets them when it is switched on.
func (c *Checkout) ReplayEvents(ctx context.Context, endpointID string, params ReplayParams) (queued int64, err error) {
	now := c.now()
	params = params.filled(now)
	var p problems
	params.check(&p)
	if err := p.err(); err != nil {
		return 0, err
	}
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	from, to := prefixEvent+timeDigits(params.Since), prefixEvent+timeDigits(params.Until)
	err = c.store.transact(ctx, func(t tx) error {
		e, err := t.lockEndpoint(endpointID)
		if err != nil {
			return err
		}
		if queued, err = t.replay(e, from, to, params.OnlyFailed, now, maxReplay); err != nil {
			return err
		}
		if queued < maxReplay && params.madeGood(e, now) {
			if err := t.forgetMissed(e.ID); err != nil {
				return err
			}
		}
		return c.audit(ctx, t, change{mode: e.Mode, action: "endpoint.replay", object: endpointID,
			after: map[string]any{"since": params.Since.UTC(), "until": params.Until.UTC(), "only_failed": params.OnlyFailed, "queued": queued}})
	})
	if err != nil {
		return 0, err
	}
	c.wakeSender()
	return queued, nil
}

// filled makes the range end now, if it has no end.
func (params ReplayParams) filled(now time.Time) ReplayParams {
	if params.Until.IsZero() {
		params.Until = now.Add(time.Millisecond)
	}
	return params
}

// madeGood tells whether the range holds all that an endpoint has missed. Since may come from a view, which has whole
// seconds.
func (params ReplayParams) madeGood(e endpointRecord, now time.Time) bool {
	return e.MissedSince != nil && !params.Since.After(fromMillis(*e.MissedSince)) && params.Until.After(now)
}

func (params ReplayParams) check(p *problems) {
	switch {
	case params.Since.IsZero():
		p.add("since", "parameter_missing", "since is required.")
	case !params.Until.After(params.Since):
		p.add("until", "parameter_invalid_integer", "until must be later than since.")
	}
}
