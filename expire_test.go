package checkout

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/webhook"
)

func TestExpireEndsASessionOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(90 * time.Second)
		first := s.api("POST", "/sessions/"+id+"/expire", "")
		if got := decode(t, first); first.Code != http.StatusOK || got["status"] != "expired" || got["expired_at"] != "2025-01-10T12:01:30Z" || got["expires_at"] != "2025-01-10T13:00:00Z" {
			t.Fatalf("answered %d: %s", first.Code, first.Body)
		}
		s.clock.advance(time.Second)
		again := s.api("POST", "/sessions/"+id+"/expire", `{"ignored":1}`)
		if again.Code != http.StatusOK || again.Body.String() != first.Body.String() {
			t.Errorf("the second call answered %d: %s", again.Code, again.Body)
		}
		if n := s.count("events", "type = ? AND session_id = ?", webhook.SessionExpired, id); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		if w := s.pay(s.create(seedBody), "4242424242424242"); w.Code != http.StatusSeeOther {
			t.Errorf("another session cannot be paid: %d", w.Code)
		}
		if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, `name="token"`) {
			t.Error("an expired page still has a form")
		}
	})
}

func TestExpireRefusesACompletedSession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		w := s.api("POST", "/sessions/"+id+"/expire", "")
		wantRefusal(t, w, http.StatusConflict, "session_not_pending", "")
		if e := apiErrorOf(t, w); e.Type != "conflict_error" {
			t.Errorf("type is %s", e.Type)
		}
		if got := s.get(id); got["status"] != "completed" || got["expired_at"] != nil {
			t.Errorf("the session is %v", got["status"])
		}
	})
}

func TestExpireTakesAnOpenPaymentBack(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4000002500003155") // waits for the bank's page
		w := s.api("POST", "/sessions/"+id+"/expire", "")
		if w.Code != http.StatusOK || decode(t, w)["status"] != "expired" {
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
		if n := s.count("payments", "session_id = ? AND state = 'failed' AND reason = 'timeout'", id); n != 1 {
			t.Errorf("%d attempts were taken back, want 1", n)
		}
	})
}

func TestExpireTwinsMakeOneEvent(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if w := s.api("POST", "/sessions/"+id+"/expire", ""); w.Code != http.StatusOK {
					t.Errorf("a twin answered %d: %s", w.Code, w.Body)
				}
			})
		}
		all.Wait()
		if n := s.count("events", "session_id = ?", id); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}

func TestExpireRollsBackWhenTheHostRefuses(t *testing.T) {
	refusal := errors.New("the order is locked")
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		w := s.api("POST", "/sessions/"+id+"/expire", "")
		wantRefusal(t, w, http.StatusInternalServerError, "internal", "")
		if strings.Contains(w.Body.String(), "locked") || !strings.Contains(s.log.String(), "the order is locked") {
			t.Errorf("the cause belongs into the log only: %s", w.Body)
		}
		if got := s.get(id); got["status"] != "pending" || s.count("events", "1 = 1") != 0 {
			t.Errorf("the session is %v with %d events", got["status"], s.count("events", "1 = 1"))
		}
	}, func(c *Config) {
		c.OnEvent = func(context.Context, *gorm.DB, Event) error { return refusal }
	})
}
