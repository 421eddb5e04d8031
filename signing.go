package checkout

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jopay/checkout/internal/sealed"
)

// signing holds the open secrets of an endpoint while its webhooks are sent.
type signing struct {
	current, previous string // previous is empty unless both live
	old               atomic.Bool
}

func (s *signing) twoLive() bool { return s.previous != "" }

// longest is how long one attempt may take.
func (s *signing) longest() time.Duration {
	if s.twoLive() {
		return 2 * sendTimeout
	}
	return sendTimeout
}

func (s *signing) leading() string {
	if s.old.Load() {
		return secretPrevious
	}
	return secretCurrent
}

func (s *signing) lead(name string) { s.old.Store(name == secretPrevious) }

// inOrder gives the live secrets, the one of the name first.
func (s *signing) inOrder(name string) []string {
	switch {
	case !s.twoLive():
		return []string{s.current}
	case name == secretPrevious:
		return []string{s.previous, s.current}
	}
	return []string{s.current, s.previous}
}

func otherSecret(name string) string {
	if name == secretPrevious {
		return secretCurrent
	}
	return secretPrevious
}

var errSecretLost = errors.New("checkout: the secret of a webhook endpoint does not open: add the key it was sealed with to Config.OldSecretKeys")

// signingOf opens the secrets of an endpoint. When that fails, its webhooks wait, and the log says so once a process and
// sealed text.
func (c *Checkout) signingOf(ctx context.Context, e endpointRecord) (*signing, error) {
	s := &signing{}
	var err error
	if s.current, err = c.openSecret(e, secretCurrent); err == nil && e.twoLive(c.now()) {
		s.previous, err = c.openSecret(e, secretPrevious)
		s.lead(e.Lead)
	}
	if err == nil {
		return s, nil
	}
	if told, _ := c.shared.lost.Swap(e.ID, e.Secret); told != e.Secret {
		c.cfg.Logger.ErrorContext(ctx, "checkout: the secret of a webhook endpoint does not open, its webhooks wait", "endpoint", shortID(e.ID), "mode", e.Mode, "error", err)
	}
	return nil, fmt.Errorf("%w: %w", errSecretLost, err)
}

// openSecret gives one of an endpoint's secrets as it was made.
func (c *Checkout) openSecret(e endpointRecord, name string) (string, error) {
	if name == secretPrevious {
		return c.ring.Open(orEmpty(e.Previous), secretPlace(e.ID, name))
	}
	return c.ring.Open(e.Secret, secretPlace(e.ID, name))
}

func secretPlace(endpointID, name string) sealed.Place {
	if name == secretPrevious {
		return sealed.Place{Table: "endpoints", Column: "previous_secret", Row: endpointID}
	}
	return sealed.Place{Table: "endpoints", Column: "secret", Row: endpointID}
}

// seal gives a secret as it is stored: sealed, if Config.SecretKey is set. The key that is made in the database would lie
// beside it.
func (c *Checkout) seal(secret, endpointID, name string) string {
	return c.ring.Seal(secret, secretPlace(endpointID, name))
}

// reseal brings the secrets of an endpoint that is about to be written to the present key. What does not open stays.
func (c *Checkout) reseal(e endpointRecord) endpointRecord {
	if secret, err := c.openSecret(e, secretCurrent); err == nil {
		e.Secret = c.seal(secret, e.ID, secretCurrent)
	}
	if e.Previous != nil {
		if secret, err := c.openSecret(e, secretPrevious); err == nil {
			previous := c.seal(secret, e.ID, secretPrevious)
			e.Previous = &previous
		}
	}
	return e
}

// SecretsSealed reports whether webhook secrets are encrypted in the database, which takes Config.SecretKey. Those that
// were written before are sealed when their endpoint is next changed.
func (c *Checkout) SecretsSealed() bool { return c.ring.Seals() }

func (c *Checkout) setUpSecrets() (err error) {
	var key []byte
	if len(c.cfg.SecretKey) > 0 {
		key = c.cfg.SecretKey
	}
	if c.ring, err = sealed.New(key, c.cfg.OldSecretKeys...); err != nil {
		return refuse("SecretKey", "cannot be used: %v", err)
	}
	return nil
}
