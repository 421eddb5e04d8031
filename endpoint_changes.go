package checkout

import (
	"context"
	"strings"
	"time"
)

// endpointsChanged tells this process that what it knows of endpoints is old: which want to hear of new sessions, and the
// address and secret of claims that are being sent. Others see it with their next claim.
func (c *Checkout) endpointsChanged() {
	c.shared.created.forget()
	c.shared.changes.Add(1)
}

// EndpointUpdate is what to change of an endpoint. Nil leaves as it is.
type EndpointUpdate struct {
	URL     *string
	Events  []string // all of them anew; empty but not nil is refused
	Payload *string  // full or seed
	Enabled *bool    // true forgets past failures; what waits for an endpoint that was off leaves at once
}

// UpdateEndpoint changes an endpoint. Retries go to the new address too. The error is [ErrNotFound] or names the refused
// fields.
func (c *Checkout) UpdateEndpoint(ctx context.Context, id string, u EndpointUpdate) (Endpoint, error) {
	var after endpointRecord
	defer c.endpointsChanged()
	err := c.store.transact(ctx, func(t tx) error {
		before, err := t.lockEndpoint(id)
		if err != nil {
			return err
		}
		var p problems
		c.checkUpdate(u, before.Mode, &p)
		if err := p.err(); err != nil {
			return err
		}
		after = u.apply(before, c.now())
		return c.changeEndpoint(ctx, t, before, after, "endpoint.update")
	})
	if err != nil {
		return Endpoint{}, err
	}
	c.wakeSender()
	return c.endpointView(after), nil
}

func (c *Checkout) checkUpdate(u EndpointUpdate, mode Mode, p *problems) {
	if u.URL != nil {
		c.checkTarget(*u.URL, mode, p)
	}
	if u.Events != nil {
		checkEvents(u.Events, p)
	}
	if u.Payload != nil {
		checkPayload(*u.Payload, p)
	}
}

func (u EndpointUpdate) apply(e endpointRecord, now time.Time) endpointRecord {
	if u.URL != nil {
		e.moveTo(*u.URL)
	}
	if u.Events != nil {
		e.Events = eventWords(u.Events)
	}
	if u.Payload != nil {
		e.Payload = *u.Payload
	}
	switch {
	case u.Enabled == nil:
	case *u.Enabled:
		e.switchOn()
	case e.Status == endpointEnabled:
		at := millis(now)
		e.missFrom(at)
		e.Status, e.Reason, e.DisabledAt = endpointDisabled, byHand, &at
	}
	return e
}

// moveTo gives an endpoint another address, which has no failures yet.
func (e *endpointRecord) moveTo(url string) {
	if e.URL != url {
		if e.FailingSince != nil {
			e.missFrom(*e.FailingSince)
		}
		e.URL, e.FailingSince, e.Failures = url, nil, 0
	}
}

// byHand is the reason of an endpoint that somebody has switched off.
const byHand = "Switched off by hand."

// missedMargin is taken off the first failure, which is noted after its event was made.
const missedMargin = time.Hour

// missFrom keeps since when something may be missing at the receiver. An earlier time that was not made good stays.
func (e *endpointRecord) missFrom(at int64) {
	if e.FailingSince != nil {
		at = min(at, *e.FailingSince-missedMargin.Milliseconds())
	}
	if e.MissedSince == nil {
		e.MissedSince = &at
	}
}

func (e *endpointRecord) switchOn() {
	if e.Status != endpointEnabled {
		e.Status, e.Reason, e.FailingSince, e.Failures = endpointEnabled, "", nil, 0
	}
}

// DeleteEndpoint takes an endpoint away. What it was sent stays readable; what was waiting for it is not sent any more.
// The error is [ErrNotFound], also for a second time.
func (c *Checkout) DeleteEndpoint(ctx context.Context, id string) error {
	defer c.endpointsChanged()
	return c.store.transact(ctx, func(t tx) error {
		before, err := t.lockEndpoint(id)
		if err != nil {
			return err
		}
		at := millis(c.now())
		after := before
		after.Status, after.Reason, after.DisabledAt, after.Secret, after.Lead = endpointDeleted, "Deleted.", &at, "", secretCurrent
		after.Previous, after.PreviousUntil = nil, nil
		if err := t.updateEndpoint(after); err != nil {
			return err
		}
		if err := t.parkDeliveries(id, "The endpoint was deleted."); err != nil {
			return err
		}
		return c.audit(ctx, t, change{mode: before.Mode, action: "endpoint.delete", object: id, before: before.told()})
	})
}

// changeEndpoint writes what was changed, if something was, and who has asked for it. The secrets are brought to the
// present key on the way.
func (c *Checkout) changeEndpoint(ctx context.Context, t tx, before, after endpointRecord, action string) error {
	was, is := before.told(), after.told()
	is.SecretChanged = before.Secret != after.Secret
	if was.equal(is) {
		return nil
	}
	if err := t.updateEndpoint(c.reseal(after)); err != nil {
		return err
	}
	if before.Status != endpointEnabled && after.Status == endpointEnabled {
		if err := t.releaseDeliveries(after.ID, c.now()); err != nil {
			return err
		}
	}
	return c.audit(ctx, t, change{mode: after.Mode, action: action, object: after.ID, before: was, after: is})
}

// toldEndpoint is what the audit log keeps of an endpoint.
type toldEndpoint struct {
	URL           string   `json:"url"`
	Events        []string `json:"events"`
	Payload       string   `json:"payload"`
	Status        string   `json:"status"`
	Reason        string   `json:"reason,omitempty"`
	SecretChanged bool     `json:"secret_changed,omitempty"`
}

func (e endpointRecord) told() toldEndpoint {
	return toldEndpoint{URL: e.URL, Events: strings.Fields(e.Events), Payload: e.Payload, Status: e.Status, Reason: e.Reason}
}

func (e toldEndpoint) equal(other toldEndpoint) bool {
	return e.URL == other.URL && eventWords(e.Events) == eventWords(other.Events) && e.Payload == other.Payload && e.Status == other.Status &&
		e.SecretChanged == other.SecretChanged
}

// wakeSender rings the sender of this process. What a host's transaction has written is not there yet.
func (c *Checkout) wakeSender() {
	if !c.inHostTx {
		c.shared.deliver.wake()
	}
}
