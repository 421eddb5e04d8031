package checkout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// hostOverlap is how long the old secret signs beside a new one of the host.
const hostOverlap = 24 * time.Hour

// SetWebhook sets the one endpoint of a mode that most hosts need and gives its secret: it makes the endpoint, or changes
// the address of the one it has made before and keeps its secret. Endpoints that were added otherwise stay as they are,
// unless one has this very address. One that somebody has switched off by hand stays off.
func (c *Checkout) SetWebhook(ctx context.Context, mode Mode, url string) (secret string, err error) {
	return c.SetWebhookSecret(ctx, mode, url, "")
}

// SetWebhookSecret is [Checkout.SetWebhook] with a secret that was made elsewhere; empty keeps or makes one. The secret
// is written when it is another than at the last call, and the one before then signs beside it for 24 hours: one that was
// replaced in the admin meanwhile stays. What is given is the secret in force.
func (c *Checkout) SetWebhookSecret(ctx context.Context, mode Mode, url, secret string) (string, error) {
	rec, err := c.newEndpoint(EndpointParams{Mode: mode, URL: url, Secret: secret})
	if err != nil {
		return "", err
	}
	defer c.endpointsChanged()
	err = c.store.transact(ctx, func(t tx) (err error) {
		rec, err = c.setEndpoint(ctx, t, rec, secret)
		return err
	})
	if err != nil {
		return "", err
	}
	c.wakeSender()
	if secret, err = c.openSecret(rec, secretCurrent); err != nil {
		return "", ErrSecretLost.because(err)
	}
	return secret, nil
}

// setEndpoint makes e the host's endpoint of its mode: there is one afterwards, whether it was there before or not.
func (c *Checkout) setEndpoint(ctx context.Context, t tx, e endpointRecord, secret string) (endpointRecord, error) {
	note, err := t.lockHostNote(e.Mode)
	if err != nil {
		return e, err
	}
	before, err := t.hostEndpoint(note, e)
	if errors.Is(err, ErrNotFound) {
		if _, err := t.insertEndpoint(e); err != nil {
			return e, err
		}
		if err := t.writeHostNote(e.Mode, noteOf(e.ID, secret)); err != nil {
			return e, err
		}
		return e, c.audit(ctx, t, change{mode: e.Mode, action: "endpoint.create", object: e.ID, after: e.told()})
	}
	if err != nil {
		return e, err
	}
	after := before
	after.moveTo(e.URL)
	if before.Reason != byHand {
		after.switchOn()
	}
	is := noteOf(before.ID, secret)
	if secret == "" {
		is.secret = note.secret
	} else if _, lost := c.openSecret(before, secretCurrent); lost != nil || is != note {
		if after, err = c.withHostSecret(after, secret); err != nil {
			return e, err
		}
	}
	if err := t.writeHostNote(e.Mode, is); err != nil {
		return e, err
	}
	return after, c.changeEndpoint(ctx, t, before, after, "endpoint.update")
}

// withHostSecret puts a secret of the host in place, beside the one before where that can be read.
func (c *Checkout) withHostSecret(e endpointRecord, secret string) (endpointRecord, error) {
	known, err := c.openSecret(e, secretCurrent)
	if err == nil && known == secret {
		return e, nil
	}
	overlap := hostOverlap
	if err != nil {
		overlap = 0
	}
	return c.rotated(e, c.seal(secret, e.ID, secretCurrent), overlap)
}

// hostNote is what SetWebhook remembers of its last call.
type hostNote struct {
	id     string // empty when it has made an endpoint before it remembered which
	secret string // a digest of the host's own secret; empty when it gave none
	never  bool   // it was not called before
}

func noteOf(id, secret string) hostNote {
	if secret == "" {
		return hostNote{id: id}
	}
	sum := sha256.Sum256([]byte(id + "." + secret))
	return hostNote{id: id, secret: hex.EncodeToString(sum[:])}
}

// lockHostNote reads the note. Its row makes processes that start together take turns.
func (t tx) lockHostNote(mode Mode) (hostNote, error) {
	text, err := first(t, readText, `INSERT INTO {settings} AS s (name, value) VALUES (?, 'never') ON CONFLICT (name) DO UPDATE SET value = s.value
		RETURNING value`, "first_endpoint_"+string(mode))
	if err != nil || text == "never" {
		return hostNote{never: true}, err
	}
	id, secret, _ := strings.Cut(text, " ")
	return hostNote{id: id, secret: secret}, nil
}

func (t tx) writeHostNote(mode Mode, n hostNote) error {
	_, err := t.exec(`UPDATE {settings} SET value = ? WHERE name = ?`, strings.TrimSpace(n.id+" "+n.secret), "first_endpoint_"+string(mode))
	return err
}

// hostEndpoint finds the endpoint of the host: the one that has the address, or the one that was made by the last call.
// A call before this was remembered had made the oldest one.
func (t tx) hostEndpoint(n hostNote, e endpointRecord) (endpointRecord, error) {
	found, err := first(t, readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE mode = ? AND url = ? AND status <> 'deleted'
		ORDER BY CASE id WHEN ? THEN 0 ELSE 1 END, id LIMIT 1`, e.Mode, e.URL, n.id)
	if !errors.Is(err, ErrNotFound) || n.never {
		return found, err
	}
	if n.id != "" {
		return t.lockEndpoint(n.id)
	}
	found, err = first(t, readEndpoint, `SELECT `+endpointColumns+` FROM {endpoints} WHERE mode = ? ORDER BY id LIMIT 1`, e.Mode)
	if err == nil && found.Status == endpointDeleted {
		err = ErrNotFound
	}
	return found, err
}
