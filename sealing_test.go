package checkout

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

var (
	firstSecretKey  = bytes.Repeat([]byte("1"), 32)
	secondSecretKey = bytes.Repeat([]byte("2"), 32)
)

func (s *shop) storedSecrets(id string) (current, previous string) {
	s.t.Helper()
	e, err := s.co.store.endpoint(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return e.Secret, orEmpty(e.Previous)
}

// reopened is the shop as it starts again with other settings.
func (s *shop) reopened(configure func(*Config)) *shop {
	s.t.Helper()
	again, cfg := *s, s.co.cfg
	configure(&cfg)
	var err error
	if again.co, err = New(cfg); err != nil {
		s.t.Fatal(err)
	}
	again.mux = http.NewServeMux()
	again.co.Mount(again.mux)
	return &again
}

func withKeys(key []byte, old ...[]byte) func(*Config) {
	return func(cfg *Config) { cfg.SecretKey, cfg.OldSecretKeys = key, old }
}

// verified sends an event and holds its signature to the secret.
func (s *shop) verified(rx *receiver, secret string) {
	s.t.Helper()
	before := len(rx.all())
	s.expiredSession()
	s.sendDue()
	got := rx.all()
	if len(got) != before+1 {
		s.t.Fatalf("%d webhooks came", len(got)-before)
	}
	if err := webhook.Verify([]byte(got[before].body), got[before].header.Get(webhook.HeaderSignature), secret, webhook.WithClock(s.clock.now)); err != nil {
		s.t.Error(err)
	}
}

func TestSecretsAreSealedWithTheHostsKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		plain := newShop(t, db)
		rx := newReceiver(t, nil)
		id, secret := plain.hook(rx.URL)
		if stored, _ := plain.storedSecrets(id); stored != secret || plain.co.SecretsSealed() {
			t.Fatalf("without a key %q is stored, sealed: %v", stored, plain.co.SecretsSealed())
		}
		s := plain.reopened(withKeys(firstSecretKey))
		if !s.co.SecretsSealed() {
			t.Error("the secrets count as readable")
		}
		s.verified(rx, secret)
		if stored, _ := s.storedSecrets(id); stored != secret {
			t.Error("sending has written the endpoint")
		}
		fresh := s.rotate(id, time.Hour)
		current, previous := s.storedSecrets(id)
		if !strings.HasPrefix(current, "v1:") || !strings.HasPrefix(previous, "v1:") || strings.Contains(current+previous, "whsec_") {
			t.Errorf("%q and %q are stored", current, previous)
		}
		s.verified(rx, fresh)
		s.verified(rx, secret)
		next := s.reopened(withKeys(secondSecretKey, firstSecretKey))
		next.verified(rx, secret)
		url := rx.URL + "/moved"
		if _, err := next.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{URL: &url}); err != nil {
			t.Fatal(err)
		}
		last := next.reopened(withKeys(secondSecretKey))
		last.verified(rx, fresh)
		last.verified(rx, secret)
		if got, err := last.co.SetWebhook(t.Context(), Test, url); err != nil || got != fresh {
			t.Errorf("SetWebhook gives another secret, %v", err)
		}
	})
}

// A readable secret is sealed by the first change of its endpoint, whatever that is.
func TestAChangeSealsAReadableSecret(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, secret := s.hook(hookURL)
		s = s.reopened(withKeys(firstSecretKey))
		seed := "seed"
		if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Payload: &seed}); err != nil {
			t.Fatal(err)
		}
		if stored, _ := s.storedSecrets(id); !strings.HasPrefix(stored, "v1:") {
			t.Errorf("%q is stored", stored)
		}
		if e := s.endpoint(id); e.SecretLast4 != secret[len(secret)-4:] || e.SecretLost {
			t.Errorf("%+v", e)
		}
	})
}

func TestALostKeyStopsItsEndpointOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newShop(t, db, withKeys(firstSecretKey))
		lost, healthy := newReceiver(t, nil), newReceiver(t, nil)
		id, secret := s.hook(lost.URL)
		without := s.reopened(withKeys(secondSecretKey))
		s.clock.advance(time.Second)
		other, _ := without.hook(healthy.URL)
		session := without.expiredSession()
		if _, err := without.co.RunOnce(t.Context()); !errors.Is(err, errSecretLost) {
			t.Errorf("RunOnce: %v", err)
		}
		if len(lost.all()) != 0 || len(healthy.all()) != 1 {
			t.Errorf("%d and %d webhooks came", len(lost.all()), len(healthy.all()))
		}
		without.expiredSession()
		without.sendDue()
		if n := strings.Count(s.log.String(), `"ERROR","msg":"checkout: the secret of a webhook endpoint does not open, its webhooks wait"`); n != 1 || strings.Contains(s.log.String(), "whsec_") {
			t.Errorf("it was logged %d times: %s", n, s.log)
		}
		for _, row := range without.outbox("session_id = ? AND endpoint_id = ?", session, id) {
			if row.State != "pending" || row.Attempts != 0 || row.LeaseUntil != 0 {
				t.Errorf("%+v", row)
			}
		}
		if e := without.endpoint(id); !e.SecretLost || e.SecretLast4 != "" || without.endpoint(other).SecretLost {
			t.Errorf("%+v", e)
		}
		for name, err := range map[string]error{
			"rotate": second(without.co.RotateSecret(t.Context(), id, time.Hour)), "test": second(without.co.SendTestEvent(t.Context(), id)),
			"set": second(without.co.SetWebhook(t.Context(), Test, lost.URL)),
		} {
			if !errors.Is(err, ErrSecretLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		back := without.reopened(withKeys(secondSecretKey, firstSecretKey))
		back.sendAllDue()
		if got := lost.all(); len(got) != 2 || webhook.Verify([]byte(got[0].body), got[0].header.Get(webhook.HeaderSignature), secret, webhook.WithClock(s.clock.now)) != nil {
			t.Errorf("%d webhooks came when the key was back", len(got))
		}
	})
}

func TestALostSecretCanBeReplaced(t *testing.T) {
	s := oneShop(t, withKeys(firstSecretKey))
	rx := newReceiver(t, nil)
	id, _ := s.hook(rx.URL)
	s = s.reopened(withKeys(secondSecretKey))
	s.verified(rx, s.rotate(id, 0))
	s = s.reopened(withKeys(firstSecretKey))
	own := "whsec_" + "chosen-by-hand"
	if got, err := s.co.SetWebhookSecret(t.Context(), Test, rx.URL, own); err != nil || got != own {
		t.Fatal(err)
	}
	s.verified(rx, own)
}

// Whoever can write to the database cannot give one endpoint the secret of another.
func TestASealedSecretBelongsToItsRow(t *testing.T) {
	s := oneShop(t, withKeys(firstSecretKey))
	id, _ := s.hook(hookURL)
	s.clock.advance(time.Second)
	other, _ := s.hook(hookURL)
	stored, _ := s.storedSecrets(id)
	if _, err := s.co.store.direct(t.Context()).exec("UPDATE {endpoints} SET secret = ? WHERE id = ?", stored, other); err != nil {
		t.Fatal(err)
	}
	if s.endpoint(id).SecretLost || !s.endpoint(other).SecretLost {
		t.Error("it opens in another row")
	}
}

func TestOldSecretKeysAreWhole(t *testing.T) {
	cfg := oneShop(t).co.cfg
	cfg.OldSecretKeys = [][]byte{firstSecretKey, make([]byte, 31)}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "OldSecretKeys [1]") {
		t.Error(err)
	}
}
