package checkout

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones on machines that have none

	"github.com/jopay/checkout/internal/dbtest"
)

// A page that cannot count down says until when it is open, by the shop's clock: with the zone, and with the day unless that
// is today.
func TestPageSaysUntilWhenItIsOpen(t *testing.T) {
	p := mustPages(t)
	at := func(zone, moment string) time.Time {
		place, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := time.Parse(time.RFC3339, moment)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.In(place)
	}
	for _, c := range []struct {
		lang  string
		until time.Time
		left  time.Duration
		want  string
	}{
		{"en", at("UTC", "2025-01-10T13:00:00Z"), time.Hour, `You can pay here until <bdi dir="ltr">13:00 UTC</bdi>.`},
		{"en", at("UTC", "2025-01-11T00:10:00Z"), time.Hour, `until 11 January 2025 <bdi dir="ltr">00:10 UTC</bdi>.`},
		{"en", at("Europe/Berlin", "2025-07-10T23:30:00Z"), time.Hour, `until <bdi dir="ltr">01:30 CEST</bdi>.`},
		{"de", at("Europe/Berlin", "2025-01-17T13:00:00Z"), 7 * 24 * time.Hour, `17. Januar 2025 <bdi dir="ltr">14:00 CET</bdi>`},
		{"en", at("America/Sao_Paulo", "2025-01-10T13:00:00Z"), time.Hour, `until <bdi dir="ltr">10:00 UTC-03</bdi>.`},
	} {
		v := coffeePage()
		v.Lang, v.ExpiresAt, v.ExpiresIn = c.lang, c.until, c.left
		if got := renderPage(t, p, v); !strings.Contains(got, c.want) {
			i := max(0, strings.Index(got, `class="still"`))
			t.Errorf("no %q in %q", c.want, got[i:min(len(got), i+200)])
		}
	}
}

// A page never looks again before its time is up: it would find a form without an end.
func TestPageCountsBegunSeconds(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	id := s.create(seedBody)
	for _, c := range []struct {
		passed time.Duration
		want   string
	}{
		{0, `data-seconds="3600"`}, {59*time.Minute + 59500*time.Millisecond, `data-seconds="1"`}, {400 * time.Millisecond, `data-seconds="1"`},
		{100 * time.Millisecond, `data-state="expired"`},
	} {
		s.clock.advance(c.passed)
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, c.want) {
			t.Errorf("after %v more: no %s", c.passed, c.want)
		}
	}
}
