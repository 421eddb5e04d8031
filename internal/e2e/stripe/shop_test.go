package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/internal/e2e/stripefake"
)

// told is the host's own table of what it has heard, written in the transaction that made it true.
type told struct {
	ID        string `gorm:"primaryKey"`
	SessionID string
	Type      string
}

// shop is a host on a server of its own, with Stripe as its provider.
type shop struct {
	*world
	t       *testing.T
	co      *checkout.Checkout
	db      *gorm.DB
	site    *httptest.Server
	key     string
	buyers  int
	browser *http.Client
}

func eachDatabase(t *testing.T, test func(t *testing.T, dialect string)) {
	for _, dialect := range dbtest.Dialects() {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			test(t, dialect)
		})
	}
}

func openShop(t *testing.T, dialect string, configure func(*checkoutstripe.Config)) *shop {
	t.Helper()
	return openShopIn(t, dialect, true, configure)
}

func openShopIn(t *testing.T, dialect string, live bool, configure func(*checkoutstripe.Config)) *shop {
	t.Helper()
	s := &shop{world: newWorld(t, live, configure), t: t, db: dbtest.Open(t, dialect, nil)}
	s.key = "sk" + modeWord(live) + strings.Repeat("e2e", 15)[:43]
	mux := http.NewServeMux()
	s.site = httptest.NewServer(mux)
	t.Cleanup(s.site.Close)
	s.browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var err error
	s.co, err = checkout.New(checkout.Config{
		DB: s.db, BaseURL: s.site.URL, Now: s.now, Logger: slog.New(slog.NewTextHandler(&s.log, nil)), TrustedProxies: []string{"127.0.0.1"},
		Brand: checkout.Brand{Name: "Acme Coffee"}, Providers: []checkout.Provider{s.provider}, OnEvent: tell,
	})
	s.must(err)
	s.must(checkout.Migrate(t.Context(), s.db, ""))
	s.must(s.db.AutoMigrate(&told{}))
	s.must(s.co.RegisterKey(t.Context(), s.key, "tests"))
	s.co.Mount(mux)
	return s
}

func modeWord(live bool) string {
	if live {
		return "_live_"
	}
	return "_test_"
}

func tell(ctx context.Context, tx *gorm.DB, e checkout.Event) error {
	return tx.WithContext(ctx).Create(&told{e.ID, e.SessionID, e.Type}).Error
}

func (s *shop) must(err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatal(err)
	}
}

// wantTold compares how often the host has heard of something.
func (s *shop) wantTold(session, kind string, want int64) {
	s.t.Helper()
	var n int64
	s.must(s.db.Model(&told{}).Where("session_id = ? AND type = ?", session, kind).Count(&n).Error)
	if n != want {
		s.t.Errorf("the host has heard of %s %d times, want %d", kind, n, want)
	}
}

type reply struct {
	status   int
	location string
	body     string
}

func (s *shop) send(method, address, contentType, body string) reply {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	s.must(err)
	s.buyers++ // each request comes from an address of its own, so that no limit is met
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.1.%d.%d", s.buyers/250, s.buyers%250))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if strings.HasPrefix(address, s.site.URL+"/api/") {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	resp, err := s.browser.Do(r)
	s.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	s.must(err)
	return reply{resp.StatusCode, resp.Header.Get("Location"), string(text)}
}

// api calls the API and reads its answer.
func (s *shop) api(method, path string, body, into any) {
	s.t.Helper()
	raw := []byte{}
	if body != nil {
		var err error
		raw, err = json.Marshal(body)
		s.must(err)
	}
	a := s.send(method, s.site.URL+"/api/checkout/v1"+path, "application/json", string(raw))
	if a.status/100 != 2 {
		s.t.Fatalf("%s %s answered %d: %s", method, path, a.status, a.body)
	}
	s.must(json.Unmarshal([]byte(a.body), into))
}

func (s *shop) create() string {
	s.t.Helper()
	var made checkout.Session
	s.api(http.MethodPost, "/sessions", map[string]any{
		"line_items":     []any{map[string]any{"name": "Käse", "amount": 2500, "currency": "eur", "quantity": 1}},
		"customer_email": "kim@buyer.example", "success_url": "https://shop.example/success", "cancel_url": "https://shop.example/cancel",
	}, &made)
	return made.ID
}

// wantState compares status, payment status and the last error's decline code.
func (s *shop) wantState(id, want string) {
	s.t.Helper()
	var got checkout.Session
	s.api(http.MethodGet, "/sessions/"+id, nil, &got)
	state := string(got.Status) + "/" + string(got.PaymentStatus)
	if got.LastError != nil {
		state += " " + got.LastError.DeclineCode
	}
	if state != want {
		s.t.Errorf("the session is %s, want %s", state, want)
	}
}

const formType = "application/x-www-form-urlencoded"

var (
	tokenRule  = regexp.MustCompile(`name="token" value="([^"]+)"`)
	clientRule = regexp.MustCompile(`data-client="([^"]+)"`)
	linkRule   = regexp.MustCompile(`<a class="button" href="(http://127[^"]+/c/pay/[^"]+)"`)
)

func (s *shop) page(id string) string { return s.site.URL + "/checkout/" + id }

// click sends the page's form; the button may say pay, abandon or redirect.
func (s *shop) click(id, action string, scripted bool) {
	s.t.Helper()
	shown := s.send(http.MethodGet, s.page(id), "", "").body
	m := tokenRule.FindStringSubmatch(shown)
	if m == nil {
		s.t.Fatalf("the page has no form: %s", shown)
	}
	form := url.Values{"token": {m[1]}, "action": {action}, "method": {"card"}, "scripts": {""}}
	if scripted {
		form.Set("scripts", "1")
	}
	if a := s.send(http.MethodPost, s.page(id), formType, form.Encode()); a.status != http.StatusSeeOther {
		s.t.Fatalf("the form was answered %d: %s", a.status, a.body)
	}
}

// fields are what the page tells Stripe's script: the publishable key and the intent's client secret.
type fields struct{ Key, Secret string }

func (f fields) intent() string { return strings.Split(f.Secret, "_secret_")[0] }

func (s *shop) fields(id string) (f fields) {
	s.t.Helper()
	shown := s.send(http.MethodGet, s.page(id), "", "").body
	m := clientRule.FindStringSubmatch(shown)
	if m == nil {
		s.t.Fatalf("the page has no fields of Stripe: %s", shown)
	}
	s.must(json.Unmarshal([]byte(html.UnescapeString(m[1])), &f))
	if f.Key != s.fake.PublishableKey(s.live) {
		s.t.Errorf("the page's key is %q", f.Key)
	}
	return f
}

// link is the way to Stripe's own page.
func (s *shop) link(id string) string {
	s.t.Helper()
	shown := s.send(http.MethodGet, s.page(id), "", "").body
	m := linkRule.FindStringSubmatch(shown)
	if m == nil {
		s.t.Fatalf("the page has no link to Stripe: %s", shown)
	}
	return html.UnescapeString(m[1])
}

// confirm is what Stripe's script does when the buyer clicks: it talks to Stripe with nothing but what the page has told.
func (s *shop) confirm(id string, f fields, method string, want int) map[string]any {
	s.t.Helper()
	form := url.Values{"client_secret": {f.Secret}, "payment_method": {method}, "return_url": {s.page(id) + "/return?lang=en"}}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/v1/payment_intents/"+f.intent()+"/confirm", strings.NewReader(form.Encode()))
	s.must(err)
	r.Header = http.Header{"Content-Type": {formType}, "Authorization": {"Bearer " + f.Key}, "Stripe-Version": {stripefake.Version}}
	resp, err := s.browser.Do(r)
	s.must(err)
	defer resp.Body.Close()
	var answer map[string]any
	s.must(json.NewDecoder(resp.Body).Decode(&answer))
	if resp.StatusCode != want {
		s.t.Fatalf("Stripe answers the browser %d %v, want %d", resp.StatusCode, answer, want)
	}
	return answer
}

// deliver sends events to the shop, which has to take them.
func (s *shop) deliver(events ...stripefake.Event) {
	s.t.Helper()
	for _, e := range events {
		status, err := s.notify(e)
		if err != nil || status != http.StatusOK {
			s.t.Errorf("%s was answered %s, %v", e.Type, strconv.Itoa(status), err)
		}
	}
}

func (s *shop) notify(e stripefake.Event) (int, error) {
	return s.fake.Deliver(s.t.Context(), s.browser, s.site.URL+"/api/checkout/v1/notify/"+s.provider.Name(), e)
}

// comeBack is the buyer on the way back from Stripe; it gives where the shop sends her.
func (s *shop) comeBack(address string) string {
	s.t.Helper()
	if !strings.HasPrefix(address, s.site.URL+"/checkout/") {
		s.t.Fatalf("Stripe sends the buyer to %s", address)
	}
	return s.send(http.MethodGet, address, "", "").location
}

// answer is the buyer's click on one of Stripe's own pages; it gives where that leads.
func (s *shop) answer(address, button string) string {
	s.t.Helper()
	a := s.send(http.MethodPost, address, formType, "answer="+button)
	if a.status != http.StatusSeeOther {
		s.t.Fatalf("%s answered %d: %s", address, a.status, a.body)
	}
	return a.location
}

// work does what is due.
func (s *shop) work() {
	s.t.Helper()
	_, err := s.co.RunOnce(s.t.Context())
	s.must(err)
}
