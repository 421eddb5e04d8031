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
}

const keyColumns = `id, mode, name, hash, prefix, last4, created_at, expires_at, revoked_at, last_used_at`

func readKey(row scanner) (k keyRecord, err error) {
	err = row.Scan(&k.ID, &k.Mode, &k.Name, &k.Hash, &k.Prefix, &k.Last4, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt)
	return k, err
}

// insertKey stores a key and gives false when its secret is known already.
func (s *store) insertKey(ctx context.Context, k keyRecord) (bool, error) {
	var isNew bool
	err := s.retry(ctx, func() error {
		t := s.direct(ctx)
		n, err := t.exec(`INSERT INTO {keys} (id, mode, name, hash, prefix, last4, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			k.ID, k.Mode, k.Name, k.Hash, k.Prefix, k.Last4, k.CreatedAt)
		if err != nil || n == 1 {
			isNew = n == 1
			return err
		}
		have, err := first(t, readKey, `SELECT `+keyColumns+` FROM {keys} WHERE hash = ?`, k.Hash)
		isNew = err == nil && have.ID == k.ID // the answer to the insert was lost
		return err
	})
	return isNew, err
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

func (s *store) revokeKey(ctx context.Context, id string, at time.Time) error {
	return s.changeKey(ctx, `UPDATE {keys} SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ?`, millis(at), id)
}

func (s *store) expireKey(ctx context.Context, id string, at time.Time) error {
	return s.changeKey(ctx, `UPDATE {keys} SET expires_at = ? WHERE id = ?`, millis(at), id)
}

func (s *store) changeKey(ctx context.Context, statement string, args ...any) error {
	return s.retry(ctx, func() error {
		n, err := s.direct(ctx).exec(statement, args...)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

// touchKey notes the last use, at most once a minute and key over all replicas.
func (s *store) touchKey(ctx context.Context, id string, at time.Time) error {
	_, err := s.direct(ctx).exec(`UPDATE {keys} SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
		millis(at), id, millis(at.Add(-time.Minute)))
	return err
}
