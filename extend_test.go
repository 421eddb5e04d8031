package checkout

import (
	"net/http"
	"strings"
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

func TestMoreTimeIsOfferedUntilTheCap(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		offered := func() bool { return strings.Contains(s.page("/checkout/"+id).Body.String(), `value="extend"`) }
		if !offered() {
			t.Error("a page that has just been opened will not offer it when the time is up")
		}
		day := s.create(strings.Replace(seedBody, `"metadata"`, `"expires_in":86400,"metadata"`, 1))
		if strings.Contains(s.page("/checkout/"+day).Body.String(), `value="extend"`) {
			t.Error("it is offered although the session cannot live longer")
		}
		form := s.form(id, "")
		form.Set("action", "extend")
		s.clock.advance(time.Hour)
		s.post("/checkout/"+id, form)
		if got := s.get(id)["expires_at"]; got != "2025-01-10T13:00:00Z" {
			t.Errorf("after the end it still moved to %v", got)
		}
		if offered() {
			t.Error("it is offered after the end")
		}
	})
}

func TestAnExtendedSessionLivesThatLongAndNoLonger(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(30 * time.Minute)
		form := s.form(id, "")
		form.Set("action", "extend")
		s.post("/checkout/"+id, form)
		s.after(59 * time.Minute)
		s.want(id, "pending", "unpaid")
		s.after(time.Minute)
		s.want(id, "expired", "unpaid")
	})
}

func TestMoreTimeNeedsAFormOfThatSession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, other := s.create(seedBody), s.create(seedBody)
		s.clock.advance(30 * time.Minute)
		form := s.form(other, "")
		form.Set("action", "extend")
		if w := s.post("/checkout/"+id, form); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("another session's form answered %d", w.Code)
		}
		for _, session := range []string{id, other} {
			if got := s.get(session)["expires_at"]; got != "2025-01-10T13:00:00Z" {
				t.Errorf("expires_at is %v", got)
			}
		}
	})
}

func TestFixedExpiryOffersNoMoreTime(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(59 * time.Minute)
		if strings.Contains(s.page("/checkout/"+id).Body.String(), `value="extend"`) {
			t.Error("the page offers more time")
		}
	}, func(c *Config) { c.FixedExpiry = true })
}
