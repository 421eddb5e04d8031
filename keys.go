package checkout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Key is an API key as it may be shown: without its secret.
type Key struct {
	ID         string
	Mode       Mode
	Name       string
	Prefix     string // sk_test_ or sk_live_ and the first four characters; of secrets shorter than 24 without these
	Last4      string // two characters of secrets shorter than 24
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time // to the minute
	CreatedBy  string     // the id of the actor, see [ActingAs]; empty for keys of before that was kept
}

const keyRandom = 43 // base62 characters: 256 bit

var (
	liveKeyRule = regexp.MustCompile(`^sk_live_[0-9A-Za-z]{43}$`)
	testKeyRule = regexp.MustCompile(`^sk_test_[0-9A-Za-z_-]{8,64}$`)
)

// CreateKey makes an API key and gives its secret, this once: only a hash of it is kept. The name is for people, 1 to 100
// characters.
func (c *Checkout) CreateKey(ctx context.Context, mode Mode, name string) (secret string, err error) {
	if !mode.valid() {
		return "", invalid([]FieldError{{Param: "mode", Code: "parameter_missing", Message: "mode must be checkout.Test or checkout.Live."}})
	}
	secret = "sk_" + string(mode) + "_" + randomBase62(keyRandom)
	return secret, c.RegisterKey(ctx, secret, name)
}

// RegisterKey takes a secret that was made elsewhere, for set-ups that hand it in from outside. A test secret is sk_test_
// and 8 to 64 letters, digits, _ or -; a live one is sk_live_ and 43 letters and digits. A secret that is known already
// stays as it is.
func (c *Checkout) RegisterKey(ctx context.Context, secret, name string) error {
	if !testKeyRule.MatchString(secret) && !liveKeyRule.MatchString(secret) {
		return invalid([]FieldError{{Param: "secret", Code: "api_key_invalid", Message: "An API key is sk_test_ and 8 to 64 letters and digits, or sk_live_ and 43."}})
	}
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n < 1 || n > 100 {
		return invalid([]FieldError{{Param: "name", Code: "parameter_invalid_string", Message: "name must have 1 to 100 characters."}})
	}
	return c.store.transact(ctx, func(t tx) error { return c.addKey(ctx, t, newKey(secret, name, c.now(), actorOf(ctx))) })
}

func newKey(secret, name string, now time.Time, by Actor) keyRecord {
	head, tail := shownOfKey(secret)
	return keyRecord{
		ID: newID(prefixKey, now), Mode: Mode(secret[3:7]), Name: name, Hash: sha256Hex(secret),
		Prefix: head, Last4: tail, CreatedAt: millis(now), CreatedBy: by.ID,
	}
}

// shownOfKey is what people tell a key by. Of a short secret that was handed in it is less: most of it stays unknown.
func shownOfKey(secret string) (head, tail string) {
	if len(secret)-len("sk_test_") < 16 {
		return secret[:8], secret[len(secret)-2:]
	}
	return secret[:12], secret[len(secret)-4:]
}

// addKey stores a key, unless its secret is known.
func (c *Checkout) addKey(ctx context.Context, t tx, k keyRecord) error {
	isNew, err := t.insertKey(k)
	if err != nil || !isNew {
		return err
	}
	return c.audit(ctx, t, change{mode: k.Mode, action: "key.create", object: k.ID, after: k.told()})
}

// told is what the audit log keeps of a key.
func (r keyRecord) told() map[string]any {
	return map[string]any{"name": r.Name, "prefix": r.Prefix, "last4": r.Last4, "expires_at": optionalSeconds(r.ExpiresAt), "revoked_at": optionalSeconds(r.RevokedAt)}
}

// Keys lists all keys, oldest first.
func (c *Checkout) Keys(ctx context.Context) ([]Key, error) {
	records, err := c.store.keys(ctx)
	list := make([]Key, 0, len(records))
	for _, r := range records {
		list = append(list, r.view())
	}
	return list, err
}

func (r keyRecord) view() Key {
	return Key{
		ID: r.ID, Mode: r.Mode, Name: r.Name, Prefix: r.Prefix, Last4: r.Last4, CreatedAt: seconds(r.CreatedAt),
		ExpiresAt: optionalSeconds(r.ExpiresAt), RevokedAt: optionalSeconds(r.RevokedAt), LastUsedAt: optionalSeconds(r.LastUsedAt), CreatedBy: r.CreatedBy,
	}
}

// RevokeKey ends a key: at once in this process, within two seconds in others.
func (c *Checkout) RevokeKey(ctx context.Context, id string) error {
	return c.changeKey(ctx, id, "key.revoke", func(k *keyRecord) {
		if at := millis(c.now()); k.RevokedAt == nil {
			k.RevokedAt = &at
		}
	})
}

// ExpireKey sets when a key ends by itself, so that its successor can take over meanwhile.
func (c *Checkout) ExpireKey(ctx context.Context, id string, at time.Time) error {
	return c.changeKey(ctx, id, "key.expire", func(k *keyRecord) {
		ms := millis(at)
		k.ExpiresAt = &ms
	})
}

// changeKey changes when a key ends. A call that changes nothing leaves no trace.
func (c *Checkout) changeKey(ctx context.Context, id, action string, edit func(*keyRecord)) error {
	defer c.shared.keys.forget()
	return c.store.transact(ctx, func(t tx) error {
		before, err := t.lockKey(id)
		if err != nil {
			return err
		}
		after := before
		edit(&after)
		if after.endsLike(before) {
			return nil
		}
		if err := t.endKey(after); err != nil {
			return err
		}
		return c.audit(ctx, t, change{mode: after.Mode, action: action, object: id, before: before.told(), after: after.told()})
	})
}

// longestKeyOverlap is how long the old key works beside its successor.
const longestKeyOverlap = 72 * time.Hour

// RollKey makes a key of the same name and mode and gives its secret, this once. The old one works for the overlap, 0 to
// 72 hours, and then ends by itself, unless it ends earlier anyway. A key that has ended is [ErrKeyEnded].
func (c *Checkout) RollKey(ctx context.Context, id string, overlap time.Duration) (secret string, err error) {
	if overlap < 0 || overlap > longestKeyOverlap {
		return "", invalid([]FieldError{{Param: "overlap_hours", Code: "parameter_invalid_integer", Message: "overlap_hours must be 0 to 72."}})
	}
	defer c.shared.keys.forget()
	random, now := randomBase62(keyRandom), c.now()
	var fresh keyRecord
	err = c.store.transact(ctx, func(t tx) error {
		before, err := t.lockKey(id)
		if err != nil {
			return err
		}
		if secret == "" { // the first run
			secret = "sk_" + string(before.Mode) + "_" + random
			fresh = newKey(secret, before.Name, now, actorOf(ctx))
		}
		return c.roll(ctx, t, before, fresh, millis(now.Add(overlap)))
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func (c *Checkout) roll(ctx context.Context, t tx, before, fresh keyRecord, until int64) error {
	isNew, err := t.insertKey(fresh)
	if err != nil || !isNew {
		return err
	}
	if before.RevokedAt != nil || (before.ExpiresAt != nil && *before.ExpiresAt <= fresh.CreatedAt) {
		return ErrKeyEnded
	}
	after := before
	if after.ExpiresAt == nil || *after.ExpiresAt > until {
		after.ExpiresAt = &until
	}
	if err := t.endKey(after); err != nil {
		return err
	}
	told := after.told()
	told["successor"] = fresh.ID
	return errors.Join(
		c.audit(ctx, t, change{mode: fresh.Mode, action: "key.create", object: fresh.ID, after: fresh.told()}),
		c.audit(ctx, t, change{mode: after.Mode, action: "key.roll", object: after.ID, before: before.told(), after: told}))
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// authenticate finds the key of a secret. Look-up by hash takes the same time for every wrong guess.
func (c *Checkout) authenticate(ctx context.Context, secret string) (keyRecord, error) {
	if len(secret) > 128 || !(strings.HasPrefix(secret, "sk_test_") || strings.HasPrefix(secret, "sk_live_")) {
		return keyRecord{}, ErrKeyInvalid
	}
	hash, now := sha256Hex(secret), c.now()
	k, ok := c.shared.keys.get(hash, now)
	if !ok {
		var err error
		if k, err = c.loadKey(ctx, hash, now); err != nil {
			return k, err
		}
	}
	switch {
	case k.RevokedAt != nil:
		return k, ErrKeyRevoked
	case k.ExpiresAt != nil && *k.ExpiresAt <= millis(now):
		return k, ErrKeyExpired
	}
	return k, nil
}

func (c *Checkout) loadKey(ctx context.Context, hash string, now time.Time) (keyRecord, error) {
	k, err := c.store.keyByHash(ctx, hash)
	if err != nil {
		if ErrNotFound.Is(err) {
			return k, ErrKeyInvalid
		}
		return k, err
	}
	c.shared.keys.put(hash, k, now)
	if k.LastUsedAt == nil || *k.LastUsedAt < millis(now.Add(-time.Minute)) {
		if err := c.store.touchKey(ctx, k.ID, now); err != nil {
			c.cfg.Logger.WarnContext(ctx, "checkout: the last use of an API key was not noted", "key", shortID(k.ID), "error", err)
		}
	}
	return k, nil
}

// keyCache spares the look-up for keys in use. Two seconds are the longest that a revoked key lives on elsewhere.
type keyCache struct {
	mu     sync.Mutex
	byHash map[string]cachedKey
}

type cachedKey struct {
	key   keyRecord
	until time.Time
}

const (
	keyCacheTime = 2 * time.Second
	keyCacheSize = 1000
)

func (k *keyCache) get(hash string, now time.Time) (keyRecord, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.byHash[hash]
	return e.key, ok && now.Before(e.until)
}

func (k *keyCache) put(hash string, key keyRecord, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byHash) >= keyCacheSize {
		clear(k.byHash)
	}
	k.byHash[hash] = cachedKey{key, now.Add(keyCacheTime)}
}

func (k *keyCache) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.byHash)
}
