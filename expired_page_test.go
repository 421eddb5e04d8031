package checkout

import (
	"strings"
	"testing"
	"time"
)

func TestExpiredPageDoesNotDenyMoneyThatCame(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome outcome
		charged bool
	}{
		{"declined", outcome{state: StateFailed}, false},
		{"another amount", outcome{state: StateSucceeded, took: 2499}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachLiveShop(t, []outcome{c.outcome}, func(t *testing.T, s *shop, p *scripted) {
				id := s.create(seedBody)
				s.payWire(id)
				s.clock.advance(48 * time.Hour)
				s.expireDue()
				for _, lang := range []struct{ tag, denied, back string }{
					{"en", "not been charged", "The shop pays it back"}, {"de", "nichts abgebucht", "Der Shop zahlt sie zurück"},
				} {
					page := s.page("/checkout/" + id + "?lang=" + lang.tag).Body.String()
					if denied, back := strings.Contains(page, lang.denied), strings.Contains(page, lang.back); denied == c.charged || back != c.charged {
						t.Errorf("%s: charged %v, the page denies it: %v, and speaks of paying back: %v", lang.tag, c.charged, denied, back)
					}
				}
			})
		})
	}
}
