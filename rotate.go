package checkout

import (
	"context"
	"time"

	"github.com/jopay/checkout/webhook"
)

// longestOverlap is how long two secrets of an endpoint may live side by side.
const longestOverlap = 7 * 24 * time.Hour

// RotateSecret replaces an endpoint's secret and gives the new one, this once. For the overlap, 0 to 168 hours, both
// sign: the old one in front, until the receiver refuses it and takes the new one. Afterwards the new one signs alone;
// with an overlap of 0 at once. Within an overlap nobody can tell which of the two a receiver that reads all signatures
// uses, so another overlap is [ErrOverlap]; an overlap of 0 ends both at once. The error is also [ErrNotFound] or names
// overlap_hours.
func (c *Checkout) RotateSecret(ctx context.Context, endpointID string, overlap time.Duration) (secret string, err error) {
	if overlap < 0 || overlap > longestOverlap {
		return "", invalid([]FieldError{{Param: "overlap_hours", Code: "parameter_invalid_integer", Message: "overlap_hours must be 0 to 168."}})
	}
	defer c.endpointsChanged()
	ctx, cancel := detached(ctx, commitTimeout)
	defer cancel()
	secret = webhook.NewSecret()
	fresh := c.seal(secret, endpointID, secretCurrent)
	err = c.store.transact(ctx, func(t tx) error {
		before, err := t.lockEndpoint(endpointID)
		if err != nil || before.Secret == fresh {
			return err
		}
		if overlap > 0 && before.twoLive(c.now()) {
			return ErrOverlap
		}
		after, err := c.rotated(before, fresh, overlap)
		if err != nil {
			return err
		}
		if err := t.updateEndpoint(after); err != nil {
			return err
		}
		c.reached("rotate.written")
		return c.audit(ctx, t, change{mode: after.Mode, action: "endpoint.rotate", object: endpointID,
			after: map[string]any{"previous_until": optionalSeconds(after.PreviousUntil)}})
	})
	c.reached("rotate.committed")
	if err != nil {
		return "", err
	}
	return secret, nil
}

// rotated puts the fresh secret in place. A secret that nobody has taken yet, because it got lost on its way to the
// receiver, does not push out the one that works.
func (c *Checkout) rotated(e endpointRecord, fresh string, overlap time.Duration) (endpointRecord, error) {
	now := c.now()
	keep := secretCurrent
	if e.twoLive(now) && orEmpty(e.Accepted) != secretCurrent {
		keep = secretPrevious
	}
	old, err := c.openSecret(e, keep)
	if err != nil && overlap > 0 {
		return e, ErrSecretLost.because(err)
	}
	taken := orEmpty(e.Accepted) == keep
	e.Secret, e.Previous, e.PreviousUntil, e.Lead, e.Accepted = fresh, nil, nil, secretCurrent, nil
	if overlap > 0 {
		previous, until := c.seal(old, e.ID, secretPrevious), millis(now.Add(overlap))
		e.Previous, e.PreviousUntil, e.Lead = &previous, &until, secretPrevious
		if name := secretPrevious; taken {
			e.Accepted = &name
		}
	}
	return e, nil
}

// forgetPrevious takes the old secret out of the database when its time is up.
func (c *Checkout) forgetPrevious(ctx context.Context, e endpointRecord) (endpointRecord, error) {
	now := c.now()
	if e.PreviousUntil == nil || e.twoLive(now) {
		return e, nil
	}
	err := c.store.forgetPrevious(ctx, e.ID, now)
	e.Previous, e.PreviousUntil, e.Lead = nil, nil, secretCurrent
	return e, err
}
