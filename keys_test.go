package checkout

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

func TestCreateKeyGivesTheSecretOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		seen := map[string]bool{}
		for _, mode := range []Mode{Test, Live, Test, Live} {
			s.clock.advance(time.Second)
			secret, err := s.co.CreateKey(t.Context(), mode, " Shop "+string(mode)+" ")
			apiMust(t, err)
			if !regexp.MustCompile(`^sk_`+string(mode)+`_[0-9A-Za-z]{43}$`).MatchString(secret) || seen[secret] {
				t.Errorf("secret %q", secret)
			}
			seen[secret] = true
			keys, err := s.co.Keys(t.Context())
			apiMust(t, err)
			k := keys[len(keys)-1]
			if k.Mode != mode || k.Name != "Shop "+string(mode) || k.Prefix != secret[:12] || k.Last4 != secret[len(secret)-4:] || !isID("key_", k.ID) ||
				!k.CreatedAt.Equal(s.clock.now()) || k.RevokedAt != nil || k.ExpiresAt != nil || k.LastUsedAt != nil {
				t.Errorf("listed as %+v", k)
			}
		}
	})
}

func TestKeysAreStoredAsHashOnly(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		live := strings.TrimPrefix(s.liveKey(), "Bearer ")
		for _, secret := range []string{s.key, live} {
			if n := s.count("keys", "hash = ? AND prefix = ? AND last4 = ?", sha256Hex(secret), secret[:12], secret[len(secret)-4:]); n != 1 {
				t.Errorf("%d rows hold the SHA-256, prefix and last 4 of a key", n)
			}
			rows, err := s.db.WithContext(t.Context()).Raw("SELECT id || mode || name || hash || prefix || last4 FROM checkout_keys").Rows()
			apiMust(t, err)
			for rows.Next() {
				var all string
				apiMust(t, rows.Scan(&all))
				if strings.Contains(all, secret[12:47]) {
					t.Error("a row holds the secret")
				}
			}
			apiMust(t, rows.Close())
		}
		s.api("GET", "/account", "")
		if strings.Contains(s.log.String(), s.key[12:]) {
			t.Error("the log holds a secret")
		}
	})
}

func TestCreateKeyRefuses(t *testing.T) {
	s := apiShop(t)
	for name, c := range map[string]struct {
		mode Mode
		name string
		ok   bool
	}{
		"no mode": {"", "x", false}, "other mode": {"prod", "x", false}, "no name": {Test, " ", false},
		"long name": {Test, strings.Repeat("ü", 101), false}, "longest name": {Test, strings.Repeat("ü", 100), true},
	} {
		before := s.count("keys", "1 = 1")
		_, err := s.co.CreateKey(t.Context(), c.mode, c.name)
		var e *Error
		if c.ok != (err == nil) || (!c.ok && (!errors.As(err, &e) || e.Status != http.StatusBadRequest)) {
			t.Errorf("%s: %v", name, err)
		}
		if n := s.count("keys", "1 = 1") - before; (n == 1) != c.ok {
			t.Errorf("%s stored %d keys", name, n)
		}
	}
}

func TestRegisterKeyTakesASecretMadeElsewhere(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		secret := "sk_test_" + "from-outside_1"
		for range 2 {
			apiMust(t, s.co.RegisterKey(t.Context(), secret, "fixed"))
		}
		if n := s.count("keys", "name = 'fixed'"); n != 1 {
			t.Errorf("%d rows", n)
		}
		if w := s.api("GET", "/account", "", "Authorization", "Bearer "+secret); w.Code != http.StatusOK {
			t.Errorf("answered %d", w.Code)
		}
		live := "sk_" + "live_"
		for _, bad := range []string{"", "secret", "sk_test_", "sk_test_short", "sk_test_" + strings.Repeat("x", 65), "sk_test_with space", live + "x", live + strings.Repeat("x", 42), live + strings.Repeat("-", 43), "sk_prod_" + strings.Repeat("x", 43)} {
			if err := s.co.RegisterKey(t.Context(), bad, "bad"); err == nil {
				t.Errorf("%q was taken", bad)
			}
		}
	})
}

func TestRevokedKeyDiesAtOnceHereAndWithinTwoSecondsElsewhere(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		secret, err := s.co.CreateKey(t.Context(), Test, "leaked")
		apiMust(t, err)
		s.key = secret
		elsewhere := secondProcess(t, s)
		for _, p := range []*shop{s, elsewhere} {
			if w := p.api("GET", "/account", ""); w.Code != http.StatusOK {
				t.Fatalf("answered %d", w.Code)
			}
		}
		id := s.keyNamed("leaked").ID
		apiMust(t, s.co.RevokeKey(t.Context(), id))
		wantRefusal(t, s.api("GET", "/account", ""), http.StatusUnauthorized, "api_key_revoked", "")
		s.clock.advance(2 * time.Second)
		wantRefusal(t, elsewhere.api("GET", "/account", ""), http.StatusUnauthorized, "api_key_revoked", "")
		first := *s.keyNamed("leaked").RevokedAt
		s.clock.advance(time.Hour)
		apiMust(t, s.co.RevokeKey(t.Context(), id))
		if again := *s.keyNamed("leaked").RevokedAt; !again.Equal(first) {
			t.Errorf("a second revocation moves its time from %v to %v", first, again)
		}
	})
}

func TestKeyRotationOverlapsAndEndsOnTime(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		successor, err := s.co.CreateKey(t.Context(), Test, "successor")
		apiMust(t, err)
		apiMust(t, s.co.ExpireKey(t.Context(), s.keyNamed("tests").ID, s.clock.now().Add(time.Hour)))
		s.clock.advance(time.Hour - time.Millisecond)
		for _, key := range []string{s.key, successor} {
			if w := s.api("GET", "/account", "", "Authorization", "Bearer "+key); w.Code != http.StatusOK {
				t.Errorf("in the overlap a key answered %d", w.Code)
			}
		}
		s.clock.advance(time.Millisecond) // the old key is still cached
		wantRefusal(t, s.api("GET", "/account", ""), http.StatusUnauthorized, "api_key_expired", "")
		if w := s.api("GET", "/account", "", "Authorization", "Bearer "+successor); w.Code != http.StatusOK {
			t.Errorf("the successor answered %d", w.Code)
		}
	})
}

func TestUnknownKeyIDs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newShop(t, db)
		for _, id := range append([]string{"key_" + hex44("0"), ""}, injections...) {
			if err := s.co.RevokeKey(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("revoking %q: %v", id, err)
			}
			if err := s.co.ExpireKey(t.Context(), id, s.clock.now()); !errors.Is(err, ErrNotFound) {
				t.Errorf("ending %q: %v", id, err)
			}
		}
		if w := s.api("GET", "/account", ""); w.Code != http.StatusOK {
			t.Errorf("the real key answered %d", w.Code)
		}
	})
}

func TestKeyLastUseIsNotedOnceAMinute(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		if at := s.keyNamed("tests").LastUsedAt; at != nil {
			t.Fatalf("used at %v before its first use", at)
		}
		for _, step := range []struct{ wait, noted time.Duration }{{0, 0}, {30 * time.Second, 0}, {31 * time.Second, 61 * time.Second}} {
			s.clock.advance(step.wait)
			s.api("GET", "/account", "")
			want := time.Date(2025, 1, 10, 12, 0, 0, 0, time.UTC).Add(step.noted)
			if at := s.keyNamed("tests").LastUsedAt; at == nil || !at.Equal(want) {
				t.Errorf("last used at %v, want %v", at, want)
			}
		}
	})
}
