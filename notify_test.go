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
)

var processing = outcome{state: StateProcessing}

func TestNotificationThatIsNotAuthenticChangesNothing(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		a := s.attempts(id)[0]
		p.set(a.ID, StateSucceeded)
		for _, signature := range []string{"", "forged", "Authentic"} {
			w := s.notify(scriptedNotice{Event: "e1", AttemptID: a.ID}, signature)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "signature_invalid") {
				t.Errorf("signature %q: %d %s", signature, w.Code, w.Body)
			}
		}
		s.want(id, "pending", "processing")
		if n := s.count("provider_events", "1 = 1"); n != 0 {
			t.Errorf("%d forged notifications are counted", n)
		}
	})
}

func TestNotificationCompletesASession(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		for name, notice := range map[string]func(paymentRecord) scriptedNotice{
			"by our id":            func(a paymentRecord) scriptedNotice { return scriptedNotice{Event: "a" + a.ID, AttemptID: a.ID} },
			"by the company's":     func(a paymentRecord) scriptedNotice { return scriptedNotice{Event: "b" + a.ID, Ref: a.Ref} },
			"without an event key": func(a paymentRecord) scriptedNotice { return scriptedNotice{AttemptID: a.ID} },
		} {
			id := s.create(seedBody)
			s.payWire(id)
			a := s.attempts(id)[0]
			p.set(a.ID, StateSucceeded)
			if w := s.notify(notice(a), "authentic"); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			s.want(id, "completed", "paid")
		}
	})
}

func TestRepeatedNotificationCountsOnce(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		a := s.attempts(id)[0]
		p.set(a.ID, StateSucceeded)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 5 {
					if w := s.notify(scriptedNotice{Event: "e1", AttemptID: a.ID}, "authentic"); w.Code != http.StatusOK {
						t.Errorf("a repeat answered %d: %s", w.Code, w.Body)
					}
				}
			})
		}
		wg.Wait()
		s.wantEvents(id, 1, 0, 0)
		if n := s.count("provider_events", "event_id = ?", "e1"); n != 1 {
			t.Errorf("counted %d times", n)
		}
	})
}

func TestSeenNotificationAsksNobody(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		asked := 0
		p.onObserve = func(context.Context, ChargeRef) { asked++ }
		for range 3 {
			s.notify(scriptedNotice{Event: "e1", AttemptID: s.attempts(id)[0].ID}, "authentic")
		}
		if asked != 1 {
			t.Errorf("the provider was asked %d times", asked)
		}
	})
}

func TestStateComesFromTheProviderNotFromTheMessage(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		a := s.attempts(id)[0]
		s.notify(scriptedNotice{Event: "old", AttemptID: a.ID, Claims: StateSucceeded}, "authentic")
		s.want(id, "pending", "processing")
		p.set(a.ID, StateSucceeded)
		s.notify(scriptedNotice{Event: "older", AttemptID: a.ID, Claims: StateFailed}, "authentic")
		s.want(id, "completed", "paid")
	})
}

func TestAnswersToNotifications(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		for _, c := range []struct {
			name, provider, body string
			status               int
		}{
			{"a charge of another system", "scripted", `{"Event":"e1","AttemptID":"pay_unknown","Ref":"ref_unknown"}`, 200},
			{"no charge at all", "scripted", `{"Event":"e2"}`, 200},
			{"a body at the limit", "scripted", `{"Event":"e3"}` + strings.Repeat(" ", 64<<10-14), 200},
			{"a body over the limit", "scripted", `{"Event":"e4"}` + strings.Repeat(" ", 64<<10-13), 413},
			{"not JSON", "scripted", `hello`, 400},
			{"an unknown provider", "nobody", `{}`, 404},
			{"the provider of free orders", "none", `{}`, 404},
			{"the sandbox, unsigned", "sandbox", `{}`, 400},
		} {
			if w := s.notifyBody(c.provider, c.body, "authentic"); w.Code != c.status {
				t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.status, w.Body)
			}
		}
	})
}

func TestNotificationIsAnsweredAfterTheCommitOnly(t *testing.T) {
	refuse := true
	hook := func(context.Context, *gorm.DB, Event) error {
		if refuse {
			return errors.New("not now")
		}
		return nil
	}
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		refuse = true
		id := s.create(seedBody)
		s.payWire(id)
		a := s.attempts(id)[0]
		p.set(a.ID, StateSucceeded)
		notice := scriptedNotice{Event: "e1", AttemptID: a.ID}
		if w := s.notify(notice, "authentic"); w.Code != http.StatusInternalServerError {
			t.Errorf("a refused fact was answered with %d", w.Code)
		}
		if n := s.count("provider_events", "1 = 1"); n != 0 {
			t.Error("a notification that was not settled is counted: its repeat would be lost")
		}
		refuse = false
		if w := s.notify(notice, "authentic"); w.Code != http.StatusOK {
			t.Errorf("the repeat answered %d", w.Code)
		}
		s.want(id, "completed", "paid")
	}, func(c *Config) { c.OnEvent = hook })
}

func TestNotificationWhenTheProviderDoesNotAnswerIsRepeated(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		a := s.attempts(id)[0]
		p.set(a.ID, StateSucceeded)
		p.observeBy = ErrUnavailable
		if w := s.notify(scriptedNotice{Event: "e1", AttemptID: a.ID}, "authentic"); w.Code < 500 {
			t.Errorf("answered %d, so that it would not come again", w.Code)
		}
		p.observeBy = nil
		s.notify(scriptedNotice{Event: "e1", AttemptID: a.ID}, "authentic")
		s.want(id, "completed", "paid")
	})
}

func TestNotificationBeforeTheAnswerOfBegin(t *testing.T) {
	eachLiveShop(t, []outcome{pays}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		p.onCharged = func(_ context.Context, r BeginRequest) {
			if w := s.notify(scriptedNotice{Event: "early", AttemptID: r.AttemptID}, "authentic"); w.Code != http.StatusOK {
				t.Errorf("the early notification answered %d: %s", w.Code, w.Body)
			}
			s.want(id, "completed", "paid")
		}
		if w := s.payWire(id); !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
			t.Errorf("the buyer is sent to %q", w.Header().Get("Location"))
		}
		s.wantAttempts(id, "succeeded")
		s.wantEvents(id, 1, 0, 0)
	})
}

func TestReturnAndNotificationAtOnceCompleteOnce(t *testing.T) {
	eachLiveShop(t, []outcome{processing}, func(t *testing.T, s *shop, p *scripted) {
		for i := range 50 {
			id := s.create(seedBody)
			s.payWire(id)
			a := s.attempts(id)[0]
			p.set(a.ID, StateSucceeded)
			var location string
			if err := atOnce(
				func() error { s.notify(scriptedNotice{Event: a.ID, AttemptID: a.ID}, "authentic"); return nil },
				func() error { location = s.page("/checkout/" + id + "/return").Header().Get("Location"); return nil },
			); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(location, "https://yoursite.com/success") {
				t.Fatalf("round %d: the buyer is sent to %q", i, location)
			}
			s.wantEvents(id, 1, 0, 0)
		}
	})
}

func TestLateNotificationOfAnEndedSession(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateFailed}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		s.clock.advance(2 * time.Hour)
		s.expireDue()
		a := s.attempts(id)[0]
		p.set(a.ID, StateSucceeded)
		if w := s.notify(scriptedNotice{Event: "late", AttemptID: a.ID}, "authentic"); w.Code != http.StatusOK {
			t.Errorf("answered %d", w.Code)
		}
		s.wantAttempts(id, "refund_due:late")
		s.want(id, "expired", "unpaid")
	})
}
