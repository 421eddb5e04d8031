package checkout

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// Buyers click twice, have several tabs and send old forms again, all at once and over HTTP: 1,200 submissions, and 10,000
// with CHECKOUT_CHAOS=long. Each session is paid by one attempt, and by one charge.
func TestChaosManySubmitsPayOnce(t *testing.T) {
	sessions, submits := 30, 40
	if long() {
		sessions, submits = 100, 100
	}
	for _, dialect := range dbtest.Dialects() {
		t.Run(dialect, func(t *testing.T) {
			s := newShop(t, dbtest.OpenUnsynced(t, dialect), func(c *Config) { c.TrustedProxies = []string{"127.0.0.1"} })
			f := startFlood(t, s)
			for range sessions {
				f.flood(s.create(seedBody), submits)
			}
			for what, n := range map[string]int{
				"payments": s.count("payments", "state = 'succeeded'"), "sandbox_charges": s.count("sandbox_charges", "state = 'succeeded'"),
				"sessions": s.count("sessions", "status = 'completed' AND payment_status = 'paid'"), "events": s.count("events", "type = 'checkout.session.completed'"),
			} {
				if n != sessions {
					t.Errorf("%d successful %s, want %d", n, what, sessions)
				}
			}
			if n := s.count("payments", "state NOT IN ('succeeded', 'failed')"); n != 0 {
				t.Errorf("%d attempts are neither", n)
			}
			onePerSession(t, s.db)
		})
	}
}

func onePerSession(t *testing.T, db *gorm.DB) {
	t.Helper()
	var twice []string
	err := db.Raw("SELECT session_id FROM checkout_payments WHERE state = 'succeeded' GROUP BY session_id HAVING COUNT(*) <> 1").Scan(&twice).Error
	if err != nil || len(twice) > 0 {
		t.Errorf("%v were not paid once: %v", twice, err)
	}
}

// flood sends forms to a shop that listens on a port.
type flood struct {
	t      *testing.T
	s      *shop
	base   string
	client *http.Client
}

func startFlood(t *testing.T, s *shop) *flood {
	t.Helper()
	server := httptest.NewServer(s.mux)
	t.Cleanup(server.Close)
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, MaxConnsPerHost: 32},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return &flood{t, s, server.URL, client}
}

// flood lets buyers send n forms of a session at once: of three, the first was opened before anybody paid and is declined,
// the second is the same form with a good card, and the third is read anew.
func (f *flood) flood(id string, n int) {
	f.t.Helper()
	old := f.s.form(id, "4242424242424242")
	bad := url.Values{}
	for name, values := range old {
		bad[name] = values
	}
	bad.Set("card_number", "4000000000000002")
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			switch i % 3 {
			case 0:
				f.send(id, bad)
			case 1:
				f.send(id, old)
			default:
				f.payFresh(id)
			}
		})
	}
	wg.Wait()
	f.payFresh(id) // all may have been older than a decline
}

// payFresh reads the page and pays if it has a form.
func (f *flood) payFresh(id string) {
	resp, err := f.client.Get(f.base + "/checkout/" + id)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	m := tokenRule.FindSubmatch(body)
	if err != nil || m == nil {
		return // it is paid, or being paid
	}
	f.send(id, url.Values{"token": {string(m[1])}, "action": {"pay"}, "method": {"test_card"}, "card_number": {"4242424242424242"}, "card_exp": {"12/34"}, "card_cvc": {"123"}})
}

func (f *flood) send(id string, form url.Values) {
	r, err := http.NewRequest(http.MethodPost, f.base+"/checkout/"+id, strings.NewReader(form.Encode()))
	if err != nil {
		f.t.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", homeOf(id)) // the limit of declines is not what this is about
	resp, err := f.client.Do(r)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusSeeOther {
		f.t.Errorf("a form is answered %d: %s", resp.StatusCode, body)
	}
}

// homeOf gives the buyers of each session an address of their own.
func homeOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("10.%d.%d.%d", sum[0], sum[1], sum[2])
}
