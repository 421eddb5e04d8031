package checkout

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

func TestUpdateEndpointChangesWhatItIsTold(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.hook(hookURL)
		s.clock.advance(time.Second)
		url, seed, no := hookURL+"/new", "seed", false
		e, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{URL: &url, Events: []string{webhook.RefundFailed}, Payload: &seed, Enabled: &no})
		if err != nil || e.URL != url || !slices.Equal(e.Events, []string{webhook.RefundFailed}) || e.Payload != "seed" || e.Enabled {
			t.Fatalf("%+v, %v", e, err)
		}
		if got := s.endpoint(id); got.URL != e.URL || got.Enabled || !got.DisabledAt.Equal(s.clock.now()) || got.DisabledReason != "Switched off by hand." {
			t.Errorf("%+v", got)
		}
		if same, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{}); err != nil || same.URL != url || same.Enabled {
			t.Errorf("nothing to change changed %+v, %v", same, err)
		}
		entries, _, err := s.co.Audit(t.Context(), AuditFilter{Object: id})
		if err != nil || len(entries) != 2 || entries[0].Action != "endpoint.update" || !strings.Contains(string(entries[0].Before), `"url":"`+hookURL+`"`) ||
			!strings.Contains(string(entries[0].After), `"status":"disabled"`) {
			t.Errorf("%+v, %v", entries, err)
		}
	})
}

func TestUpdateEndpointRefusesAllAtOnce(t *testing.T) {
	s := oneShop(t)
	id, _ := s.hook(hookURL)
	url, payload := "ftp://x", "tiny"
	_, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{URL: &url, Events: []string{"x"}, Payload: &payload})
	var params []string
	for _, f := range public(err).Fields {
		params = append(params, f.Param)
	}
	if !slices.Equal(params, []string{"url", "events", "payload"}) {
		t.Errorf("%v: %v", params, err)
	}
	if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Events: []string{}}); public(err).Code != "parameter_missing" {
		t.Error(err)
	}
	if e := s.endpoint(id); e.URL != hookURL {
		t.Errorf("%+v", e)
	}
}

// A host calls SetWebhook at every start: that leaves one line in the audit log, and every real change another.
func TestSetWebhookLeavesALineForEveryChange(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for _, url := range []string{hookURL, hookURL, hookURL + "2", hookURL + "2"} {
			if _, err := s.co.SetWebhook(t.Context(), Test, url); err != nil {
				t.Fatal(err)
			}
		}
		secret := "whsec_" + "made-elsewhere"
		for range 2 {
			if _, err := s.co.SetWebhookSecret(t.Context(), Test, hookURL+"2", secret); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.count("audit", "action LIKE 'endpoint.%'"); n != 3 {
			t.Errorf("%d lines", n)
		}
		if n := s.count("audit", "detail LIKE '%whsec_%' OR detail LIKE '%made-elsewhere%'"); n != 0 {
			t.Errorf("%d lines hold a secret", n)
		}
		if n := s.count("audit", `detail LIKE '%"secret_changed":true%'`); n != 1 {
			t.Errorf("%d lines tell of a new secret", n)
		}
	})
}

func TestKeysAreAuditedAndRolled(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		ctx := ActingAs(t.Context(), Actor{ID: "u1", Name: "Ada"})
		old, err := s.co.CreateKey(ctx, Test, "web shop")
		if err != nil {
			t.Fatal(err)
		}
		key := s.keysNamed("web shop", 1)[0]
		if key.CreatedBy != "u1" {
			t.Errorf("%+v", key)
		}
		s.clock.advance(time.Second)
		fresh, err := s.co.RollKey(ctx, key.ID, time.Hour)
		if err != nil || fresh == old || !strings.HasPrefix(fresh, "sk_test_") {
			t.Fatal(err)
		}
		keys := s.keysNamed("web shop", 2)
		if keys[0].ExpiresAt == nil || !keys[0].ExpiresAt.Equal(s.clock.now().Add(time.Hour)) || keys[1].ExpiresAt != nil || keys[1].Mode != Test {
			t.Errorf("%+v", keys)
		}
		s.useKey(old, http.StatusOK)
		s.useKey(fresh, http.StatusOK)
		s.clock.advance(time.Hour)
		s.useKey(old, http.StatusUnauthorized)
		s.useKey(fresh, http.StatusOK)
		if _, err := s.co.RollKey(ctx, key.ID, 0); !errors.Is(err, ErrKeyEnded) {
			t.Errorf("a key that has ended: %v", err)
		}
		for range 2 {
			if err := s.co.RevokeKey(ctx, keys[1].ID); err != nil {
				t.Fatal(err)
			}
		}
		s.useKey(fresh, http.StatusUnauthorized)
		if n := len(s.keysNamed("web shop", 2)); n != 2 {
			t.Errorf("%d keys", n)
		}
		s.wantActions(key.ID, "key.roll", "key.create")
		s.wantActions(keys[1].ID, "key.revoke", "key.create")
		if n := s.count("audit", "detail LIKE ? OR detail LIKE ?", "%"+old[12:len(old)-4]+"%", "%"+fresh[12:len(fresh)-4]+"%"); n != 0 {
			t.Errorf("%d lines hold a key", n)
		}
	})
}

// A key that ends sooner than the overlap keeps its end.
func TestRollingDoesNotProlong(t *testing.T) {
	s := oneShop(t)
	if _, err := s.co.CreateKey(t.Context(), Test, "short"); err != nil {
		t.Fatal(err)
	}
	key, end := s.keysNamed("short", 1)[0], s.clock.now().Add(time.Minute)
	if err := s.co.ExpireKey(t.Context(), key.ID, end); err != nil {
		t.Fatal(err)
	}
	if _, err := s.co.RollKey(t.Context(), key.ID, 72*time.Hour); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.keysNamed("short", 2), func(k Key) bool { return k.ID == key.ID })
	if got := s.keysNamed("short", 2)[i]; !got.ExpiresAt.Equal(end) {
		t.Errorf("%+v", got)
	}
	if _, err := s.co.RollKey(t.Context(), key.ID, 72*time.Hour+1); public(err).Param != "overlap_hours" {
		t.Error(err)
	}
	if _, err := s.co.RollKey(t.Context(), "key_x", 0); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func (s *shop) keysNamed(name string, want int) (list []Key) {
	s.t.Helper()
	keys, err := s.co.Keys(s.t.Context())
	for _, k := range keys {
		if k.Name == name {
			list = append(list, k)
		}
	}
	if err != nil || len(list) != want {
		s.t.Fatalf("%d keys %q, %v", len(list), name, err)
	}
	return list
}

func (s *shop) useKey(secret string, want int) {
	s.t.Helper()
	other := *s
	other.key = secret
	if w := other.api("GET", "/account", ""); w.Code != want {
		s.t.Errorf("the key is answered %d, want %d", w.Code, want)
	}
}

// wantActions compares what the audit log has of an object, the last first.
func (s *shop) wantActions(object string, want ...string) {
	s.t.Helper()
	entries, _, err := s.co.Audit(s.t.Context(), AuditFilter{Object: object})
	var got []string
	for _, e := range entries {
		got = append(got, e.Action)
	}
	if err != nil || !slices.Equal(got, want) {
		s.t.Errorf("%q, want %q, %v", got, want, err)
	}
}

// Events of a type that is made for who asks only are kept for an endpoint that is off.
func TestNewSessionsAreKeptForAnEndpointThatIsOff(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.addEndpoint(hookURL, webhook.SessionCreated)
		no := false
		if _, err := s.co.UpdateEndpoint(t.Context(), id, EndpointUpdate{Enabled: &no}); err != nil {
			t.Fatal(err)
		}
		s.create(seedBody)
		s.clock.advance(time.Second)
		if n, err := s.co.ReplayEvents(t.Context(), id, ReplayParams{Since: *s.endpoint(id).MissedSince, OnlyFailed: true}); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if err := s.co.DeleteEndpoint(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		s.create(strings.Replace(seedBody, "{", "{ ", 1))
		if n := s.count("events", "type = 'checkout.session.created'"); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}
