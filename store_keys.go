package checkout

import (
	"context"
	"time"
)

// keyRecord is a row of the keys table. The secret itself is nowhere: only its SHA-256, which needs no salt because the
// secret has 256 random bits.
type keyRecord struct {
	ID         string
	Mode       Mode
	Name       string
	Hash       string
	Prefix     string
	Last4      string
	CreatedAt  int64
	ExpiresAt  *int64
	RevokedAt  *int64
	LastUsedAt *int64
	CreatedBy  string
}

// endsLike tells whether two states of a key end at the same time.
func (r keyRecord) endsLike(other keyRecord) bool {
	same := func(a, b *int64) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	return same(r.ExpiresAt, other.ExpiresAt) && same(r.RevokedAt, other.RevokedAt)
}

const keyColumns = `id, mode, name, hash, prefix, last4, created_at, expires_at, revoked_at, last_used_at, COALESCE(created_by, '')`

func readKey(row scanner) (k keyRecord, err error) {
	err = row.Scan(&k.ID, &k.Mode, &k.Name, &k.Hash, &k.Prefix, &k.Last4, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt, &k.CreatedBy)
	return k, err
}

// insertKey stores a key and gives false when its secret is known already.
func (t tx) insertKey(k keyRecord) (bool, error) {
	n, err := t.exec(`INSERT INTO {keys} (id, mode, name, hash, prefix, last4, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.ID, k.Mode, k.Name, k.Hash, k.Prefix, k.Last4, k.CreatedAt, nullable(k.CreatedBy))
	return n == 1, err
}

// lockKey is the first statement of every transaction that changes a key.
func (t tx) lockKey(id string) (keyRecord, error) {
	return first(t, readKey, `UPDATE {keys} SET name = name WHERE id = ? RETURNING `+keyColumns, id)
}

// endKey sets when a key ends.
func (t tx) endKey(k keyRecord) error {
	return t.one(`UPDATE {keys} SET expires_at = ?, revoked_at = ? WHERE id = ?`, k.ExpiresAt, k.RevokedAt, k.ID)
}

func (s *store) keyByHash(ctx context.Context, hash string) (k keyRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		k, err = first(s.direct(ctx), readKey, `SELECT `+keyColumns+` FROM {keys} WHERE hash = ?`, hash)
		return err
	})
	return k, err
}

func (s *store) keys(ctx context.Context) (list []keyRecord, err error) {
	err = s.retry(ctx, func() (err error) {
		list, err = all(s.direct(ctx), readKey, `SELECT `+keyColumns+` FROM {keys} ORDER BY id`)
		return err
	})
	return list, err
}

// touchKey notes the last use, at most once a minute and key over all replicas.
func (s *store) touchKey(ctx context.Context, id string, at time.Time) error {
	_, err := s.direct(ctx).exec(`UPDATE {keys} SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
		millis(at), id, millis(at.Add(-time.Minute)))
	return err
}
