package checkout

import (
	"testing"
	"time"
)

func (s *shop) setHook(url, secret string) (got string) {
	s.t.Helper()
	got, err := s.co.SetWebhookSecret(s.t.Context(), Test, url, secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// The host's endpoint was deleted in the admin: at the next start there is a new one, and the others stay.
func TestSetWebhookLeavesOtherEndpointsAlone(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		other, _ := s.hook(hookURL + "/other")
		s.clock.advance(time.Second)
		s.setHook(hookURL, "")
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 2 || list[0].ID != other || list[0].URL != hookURL+"/other" {
			t.Fatalf("%+v, %v", list, err)
		}
		host := list[1].ID
		s.setHook(hookURL+"/moved", "")
		if e := s.endpoint(host); e.URL != hookURL+"/moved" {
			t.Errorf("%+v", e)
		}
		if err := s.co.DeleteEndpoint(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(time.Second)
		s.setHook(hookURL, "")
		list, err = s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 2 || list[0].URL != hookURL+"/other" || list[1].URL != hookURL || list[1].ID == host {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// A database of before this was remembered has an empty note: the oldest endpoint is the host's.
func TestSetWebhookKnowsTheEndpointOfOlderDatabases(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.setHook(hookURL, "")
		if _, err := s.co.store.direct(t.Context()).exec(`UPDATE {settings} SET value = '' WHERE name = 'first_endpoint_test'`); err != nil {
			t.Fatal(err)
		}
		s.setHook(hookURL+"/moved", "")
		if list, err := s.co.Endpoints(t.Context(), Test); err != nil || len(list) != 1 || list[0].URL != hookURL+"/moved" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// A start with the same secret undoes no replacement; another secret comes in beside the one before.
func TestSetWebhookSecretUndoesNothing(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		own, other := "whsec_"+"my-own-test-secret", "whsec_"+"my-other-test-secret"
		s.setHook(hookURL, own)
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		id := list[0].ID
		fresh := s.rotate(id, 0)
		if got := s.setHook(hookURL, own); got != fresh {
			t.Error("a start has undone the replacement")
		}
		if got := s.setHook(hookURL, other); got != other {
			t.Error("the host's new secret was not taken")
		}
		if e := s.endpoint(id); e.PreviousUntil == nil || !e.PreviousUntil.Equal(s.clock.now().Add(24*time.Hour)) || e.Leading != secretPrevious {
			t.Errorf("%+v", e)
		}
	})
}

func TestSetWebhookLeavesOffWhatSomebodySwitchedOff(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.setHook(hookURL, "")
		list, _ := s.co.Endpoints(t.Context(), Test)
		no := false
		if _, err := s.co.UpdateEndpoint(t.Context(), list[0].ID, EndpointUpdate{Enabled: &no}); err != nil {
			t.Fatal(err)
		}
		s.setHook(hookURL, "")
		if e := s.endpoint(list[0].ID); e.Enabled {
			t.Errorf("%+v", e)
		}
	})
}
