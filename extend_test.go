package checkout

import (
	"net/http"
	"testing"
	"time"
)

func TestBuyerGetsMoreTime(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		extend := func() *http.Response {
			form := s.form(id, "")
			form.Set("action", "extend")
			return s.post("/checkout/"+id, form).Result()
		}
		s.clock.advance(50 * time.Minute)
		if answer := extend(); answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("extend answered %d", answer.StatusCode)
		}
		if got := s.get(id)["expires_at"]; got != "2025-01-10T13:50:00Z" {
			t.Errorf("expires_at is %v, want an hour from the click", got)
		}
		for range 30 {
			s.clock.advance(50 * time.Minute)
			extend()
			if s.clock.now().Hour() == 11 {
				break
			}
		}
		if got := s.get(id)["expires_at"]; got != "2025-01-11T12:00:00Z" {
			t.Errorf("expires_at is %v, want 24 hours after the making at most", got)
		}
	})
}

func TestFixedExpiryAllowsNoMoreTime(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(50 * time.Minute)
		form := s.form(id, "")
		form.Set("action", "extend")
		s.post("/checkout/"+id, form)
		if got := s.get(id)["expires_at"]; got != "2025-01-10T13:00:00Z" {
			t.Errorf("expires_at is %v, want it unchanged", got)
		}
	}, func(c *Config) { c.FixedExpiry = true })
}
