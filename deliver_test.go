package checkout

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jopay/checkout/webhook"
)

func TestDeliveryHeaders(t *testing.T) {
	s := oneShop(t)
	rx := newReceiver(t, nil)
	_, secret := s.hook(rx.URL)
	session := s.expiredSession()
	s.sendDue()
	got, row := rx.wait(t, 1)[0], s.delivery(session)
	for name, want := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "JoPay-Webhooks/1", "X-Jopay-Event": webhook.SessionExpired,
		"X-Jopay-Delivery": row.ID, "X-Jopay-Attempt": "1", "Webhook-Id": row.EventID, "Webhook-Timestamp": fmt.Sprint(s.clock.now().Unix()),
	} {
		if values := got.header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, want %q", name, values, want)
		}
	}
	if !isID(prefixDelivery, row.ID) || !isID(prefixEvent, row.EventID) {
		t.Errorf("ids %q and %q", row.ID, row.EventID)
	}
	if v := got.header.Get("X-JoPay-Signature"); !regexp.MustCompile(`^t=\d{10},v1=[0-9a-f]{64}$`).MatchString(v) {
		t.Errorf("signature %q", v)
	}
	if got.header.Get("Cookie") != "" || got.header.Get("Accept-Encoding") != "" {
		t.Errorf("headers %v ask for more than an answer", got.header)
	}
	readWebhook(t, s, got, secret)
}

// readWebhook reads a webhook as a merchant would, once by each of its two signatures.
func readWebhook(t *testing.T, s *shop, got received, secret string, opts ...webhook.Option) {
	t.Helper()
	opts = append(opts, webhook.WithClock(s.clock.now))
	for _, without := range []string{webhook.HeaderSignature, webhook.HeaderStandardSignature} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(got.body))
		r.Header = got.header.Clone()
		r.Header.Del(without)
		e, err := webhook.Read(r, secret, opts...)
		if err != nil || e.ID != got.header.Get(webhook.HeaderID) || e.Type != got.header.Get("X-JoPay-Event") {
			t.Errorf("without %s: event %q of type %q, %v", without, e.ID, e.Type, err)
		}
	}
	if err := webhook.Verify([]byte(got.body), got.header.Get(webhook.HeaderSignature), "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32)), opts...); err == nil {
		t.Error("any secret will do")
	}
}

func TestDeliveryHeaderWordIsTheHosts(t *testing.T) {
	s := oneShop(t, func(cfg *Config) { cfg.Brand.HeaderWord = "Acme" })
	rx := newReceiver(t, nil)
	_, secret := s.hook(rx.URL)
	s.expiredSession()
	s.sendDue()
	got := rx.wait(t, 1)[0]
	if err := webhook.Verify([]byte(got.body), got.header.Get("X-Acme-Signature"), secret, webhook.WithClock(s.clock.now)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"X-Acme-Event", "X-Acme-Delivery", "X-Acme-Attempt"} {
		if got.header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if got.header.Get("User-Agent") != "Acme-Webhooks/1" || got.header.Get(webhook.HeaderSignature) != "" {
		t.Errorf("headers %v", got.header)
	}
}

func TestSeedPayloadIsSignedAsItIsSent(t *testing.T) {
	s := oneShop(t)
	rx := newReceiver(t, nil)
	_, secret, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: rx.URL, Payload: "seed"})
	if err != nil {
		t.Fatal(err)
	}
	session := s.expiredSession()
	s.sendDue()
	got := rx.wait(t, 1)[0]
	if want, err := seedForm([]byte(s.payload(session, webhook.SessionExpired))); err != nil || got.body != string(want) {
		t.Errorf("sent %s, want %s (%v)", got.body, want, err)
	}
	if err := webhook.Verify([]byte(got.body), got.header.Get(webhook.HeaderSignature), secret, webhook.WithClock(s.clock.now)); err != nil {
		t.Error(err)
	}
}

// failingHooks makes every webhook fail with the status and keeps what was sent.
func failingHooks(m *hookLog, status int) func(*Config) {
	return hookNet(func(r *http.Request) (*http.Response, error) {
		m.take(r)
		return httpReply(status, "no"), nil
	}).client
}

func TestDeliverySchedule(t *testing.T) {
	for mode, want := range map[Mode][]time.Duration{
		Live: {5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
			2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 20 * time.Hour, 24 * time.Hour},
		Test: {5 * time.Second, time.Minute, 10 * time.Minute},
	} {
		t.Run(string(mode), func(t *testing.T) {
			var m hookLog
			s := oneShop(t, failingHooks(&m, 500))
			_, secret, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: mode, URL: "https://merchant.example/hook"})
			if err != nil {
				t.Fatal(err)
			}
			session, begin := s.expiredSessionIn(mode), s.clock.now()
			for i, wait := range want {
				s.sendDue()
				row := s.delivery(session)
				next := fromMillis(row.NextAt).Sub(s.clock.now())
				if err := within10(next, wait); err != nil || row.State != "pending" || row.Attempts != i+1 {
					t.Fatalf("after attempt %d: %v, %+v", i+1, err, row)
				}
				s.clock.advance(next - time.Millisecond)
				s.sendDue()
				if len(m.all()) != i+1 {
					t.Fatalf("attempt %d came too early", i+2)
				}
				s.clock.advance(time.Millisecond)
			}
			s.sendDue()
			if row := s.delivery(session); row.State != "failed" || row.Attempts != len(want)+1 {
				t.Errorf("after the last attempt: %+v", row)
			}
			if total := s.clock.now().Sub(begin); mode == Live && (len(m.all()) != 13 || within10(total, 71*time.Hour+42*time.Minute+35*time.Second) != nil) {
				t.Errorf("%d attempts in %v", len(m.all()), total)
			}
			checkRepeats(t, m.all(), secret)
		})
	}
}

// expiredSessionIn is expiredSession for either mode.
func (s *shop) expiredSessionIn(mode Mode) string {
	s.t.Helper()
	session, err := s.co.CreateSession(s.t.Context(), SessionParams{
		Mode: mode, LineItems: []LineItem{{Name: "Beans", Amount: 2500, Currency: "eur", Quantity: 1}},
		SuccessURL: "https://yoursite.com/success", CancelURL: "https://yoursite.com/cancel",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.co.ExpireSession(s.t.Context(), session.ID); err != nil {
		s.t.Fatal(err)
	}
	return session.ID
}

// checkRepeats holds all attempts of one event to: the same bytes and ids, a time and a number of their own.
func checkRepeats(t *testing.T, got []received, secret string) {
	t.Helper()
	for i, r := range got {
		if r.body != got[0].body || r.header.Get(webhook.HeaderID) != got[0].header.Get(webhook.HeaderID) ||
			r.header.Get("X-JoPay-Delivery") != got[0].header.Get("X-JoPay-Delivery") {
			t.Errorf("attempt %d is another event: %v %s", i+1, r.header, r.body)
		}
		if r.header.Get("X-JoPay-Attempt") != fmt.Sprint(i+1) {
			t.Errorf("attempt %d says %s", i+1, r.header.Get("X-JoPay-Attempt"))
		}
		if i > 0 && r.header.Get(webhook.HeaderTimestamp) <= got[i-1].header.Get(webhook.HeaderTimestamp) {
			t.Errorf("attempt %d is as old as the one before", i+1)
		}
		var unix int64
		fmt.Sscan(r.header.Get(webhook.HeaderTimestamp), &unix)
		then := webhook.WithClock(func() time.Time { return time.Unix(unix, 0) })
		if err := webhook.Verify([]byte(r.body), r.header.Get(webhook.HeaderSignature), secret, then, webhook.WithTolerance(0)); err != nil {
			t.Errorf("attempt %d: %v", i+1, err)
		}
	}
}

// hookAnswers are a receiver's answers and what becomes of the delivery: done, or tried again after about wait.
var hookAnswers = []struct {
	status     int
	retryAfter string
	wait       time.Duration // 0: delivered
}{
	{200, "", 0}, {201, "", 0}, {202, "", 0}, {204, "", 0}, {299, "", 0}, {200, "120", 0},
	{301, "", 5 * time.Second}, {302, "", 5 * time.Second}, {303, "", 5 * time.Second}, {307, "", 5 * time.Second}, {308, "", 5 * time.Second}, {304, "", 5 * time.Second},
	{400, "", 5 * time.Second}, {401, "", 5 * time.Second}, {403, "", 5 * time.Second}, {404, "", 5 * time.Second}, {409, "", 5 * time.Second}, {422, "", 5 * time.Second},
	{500, "", 5 * time.Second}, {501, "", 5 * time.Second}, {505, "", 5 * time.Second}, {500, "120", 5 * time.Second},
	{429, "", time.Minute}, {502, "", time.Minute}, {503, "", time.Minute}, {504, "", time.Minute},
	{429, "3", time.Minute}, {429, "-5", time.Minute}, {429, "soon", time.Minute}, {503, "120", 2 * time.Minute}, {429, "3600", time.Hour},
	{429, "7200", time.Hour}, {503, "99999999999999999999999999", time.Hour},
	{503, "Fri, 10 Jan 2025 12:10:00 GMT", 10 * time.Minute}, {503, "Sat, 11 Jan 2025 12:00:00 GMT", time.Hour}, {503, "Fri, 10 Jan 2025 11:00:00 GMT", time.Minute},
}

func TestAnswersOfReceivers(t *testing.T) {
	at := 0
	followed := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed = true
			return
		}
		w.Header().Set("Location", "/elsewhere")
		if hookAnswers[at].retryAfter != "" {
			w.Header().Set("Retry-After", hookAnswers[at].retryAfter)
		}
		w.WriteHeader(hookAnswers[at].status)
	}))
	defer server.Close()
	for name, configure := range map[string]func(*Config){"own client": func(*Config) {}, "host's client": func(cfg *Config) { cfg.HTTPClient = server.Client() }} {
		t.Run(name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				s.hook(server.URL + "/hook")
				for at = range hookAnswers {
					checkAnswer(t, s, at)
				}
			}, configure)
		})
	}
	if followed {
		t.Error("a redirect was followed")
	}
}

func checkAnswer(t *testing.T, s *shop, at int) {
	t.Helper()
	want := hookAnswers[at]
	session := s.expiredSession()
	s.sendDue()
	row := s.delivery(session)
	if row.HTTPStatus != want.status || row.Attempts != 1 || row.Lease != "" || row.LeaseUntil != 0 {
		t.Errorf("%+v leaves %+v", want, row)
	}
	if want.wait == 0 {
		if row.State != "delivered" || row.DeliveredAt != millis(s.clock.now()) || row.Error != "" {
			t.Errorf("%+v leaves %+v", want, row)
		}
		return
	}
	wait := fromMillis(row.NextAt).Sub(s.clock.now())
	err := within10(wait, want.wait)
	if want.wait >= time.Minute && wait != want.wait {
		err = fmt.Errorf("waits %v", wait)
	}
	if err != nil || row.State != "pending" || !strings.HasPrefix(row.Error, fmt.Sprintf("The receiver answered %d", want.status)) {
		t.Errorf("%+v leaves %v, %+v", want, err, row)
	}
}

func TestGoneSwitchesTheEndpointOffAndKeepsItsEvents(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, func(int) int { return http.StatusGone })
		if _, err := s.co.SetWebhook(t.Context(), Test, rx.URL); err != nil {
			t.Fatal(err)
		}
		const events = 12
		for range events {
			s.expiredSession()
		}
		s.sendDue()
		if got := len(rx.all()); got > 2 {
			t.Errorf("an endpoint that is gone was asked %d times", got)
		}
		if n := s.count("deliveries", "state = 'pending' AND lease IS NULL"); n != events {
			t.Errorf("%d of %d events are kept", n, events)
		}
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || list[0].Enabled || list[0].DisabledReason == "" {
			t.Errorf("endpoint %+v, %v", list, err)
		}
		s.expiredSession()
		s.clock.advance(time.Hour)
		s.sendDue()
		if n := s.count("deliveries", "1 = 1"); n != events || len(rx.all()) > 2 {
			t.Errorf("%d deliveries and %d requests after the end", n, len(rx.all()))
		}
		alive := newReceiver(t, nil)
		if _, err := s.co.SetWebhook(t.Context(), Test, alive.URL); err != nil {
			t.Fatal(err)
		}
		s.sendAllDue()
		if got := len(alive.all()); got != events {
			t.Errorf("%d of %d kept events came at the new address", got, events)
		}
	})
}

func TestAnswersAreKeptAsText(t *testing.T) {
	for name, tc := range map[string]struct{ body, want string }{
		"plain":                     {"ok", "ok"},
		"NUL":                       {"a\x00b", "a\uFFFDb"},
		"not UTF-8":                 {"\xff\xfe ok \xc3", "\uFFFD ok \uFFFD"},
		"long":                      {strings.Repeat("a", 10_000), strings.Repeat("a", answerKept)},
		"long, a letter at the cut": {"a" + strings.Repeat("é", 5000), "a" + strings.Repeat("é", (answerKept-1)/2)},
		"long, all NUL":             {strings.Repeat("\x00", 10_000), strings.Repeat("\uFFFD", answerKept/3)},
		"empty":                     {"", ""},
	} {
		for _, status := range []int{200, 500} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				eachShop(t, func(t *testing.T, s *shop) {
					s.hook("https://merchant.example/hook")
					session := s.expiredSession()
					s.sendDue()
					row := s.delivery(session)
					if row.HTTPStatus != status || row.Response != tc.want || !utf8.ValidString(row.Response) || len(row.Response) > 4<<10 {
						t.Errorf("kept %d bytes %.40q of status %d, want %d bytes %.40q", len(row.Response), row.Response, row.HTTPStatus, len(tc.want), tc.want)
					}
				}, hookNet(func(*http.Request) (*http.Response, error) { return httpReply(status, tc.body), nil }).client)
			})
		}
	}
}

// endless is a body that never ends and counts what was read of it.
type endless struct {
	read   int
	closed bool
}

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func (e *endless) Close() error { e.closed = true; return nil }

func TestLongAnswersAreNotReadToTheirEnd(t *testing.T) {
	var body endless
	s := oneShop(t, hookNet(func(*http.Request) (*http.Response, error) {
		r := httpReply(200, "")
		r.Body = &body
		return r, nil
	}).client)
	s.hook("https://merchant.example/hook")
	session := s.expiredSession()
	s.sendDue()
	if row := s.delivery(session); row.State != "delivered" || body.read > 16<<10 || !body.closed {
		t.Errorf("read %d bytes, closed %v: %+v", body.read, body.closed, row.State)
	}
}

func TestSlowReceiversAreCutOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/drips" {
			for w.WriteHeader(200); r.Context().Err() == nil; {
				io.WriteString(w, ".")
				w.(http.Flusher).Flush()
			}
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	s := oneShop(t, func(cfg *Config) { cfg.HTTPClient = &http.Client{Timeout: 200 * time.Millisecond} })
	hanging, _ := s.hook(server.URL + "/hangs")
	dripping, _ := s.hook(server.URL + "/drips")
	s.expiredSession()
	s.sendDue()
	row := s.outbox("endpoint_id = ?", hanging)[0]
	if wait := fromMillis(row.NextAt).Sub(s.clock.now()); row.State != "pending" || row.Error != "The receiver did not answer within 15 seconds." || wait != time.Minute {
		t.Errorf("a receiver that hangs leaves %+v, waits %v", row, wait)
	}
	if row = s.outbox("endpoint_id = ?", dripping)[0]; row.State != "delivered" || row.HTTPStatus != 200 || len(row.Response) > 4<<10 {
		t.Errorf("an answer that breaks off behind its status leaves %+v", row)
	}
}

// The reason tells nothing about the network behind a host, because whoever chose the host may read it.
func TestPrivateAddressesAreBlockedAtTheConnection(t *testing.T) {
	s := oneShop(t, func(cfg *Config) { cfg.WebhookAllowHosts = nil })
	rx := newReceiver(t, nil)
	for i, url := range []string{rx.URL, "http://localhost:" + rx.URL[strings.LastIndex(rx.URL, ":")+1:], "http://localhost:8080/", "http://[::1]/", "http://169.254.169.254/latest"} {
		rec := endpointRecord{ID: newID(prefixEndpoint, s.clock.now()), Mode: Test, URL: url, Secret: webhook.NewSecret(),
			Events: " " + webhook.SessionExpired + " ", Payload: "full", Status: "enabled", CreatedAt: int64(i)}
		if _, err := s.co.store.direct(t.Context()).insertEndpoint(rec); err != nil {
			t.Fatal(err)
		}
	}
	s.expiredSession()
	s.sendDue()
	rows := s.outbox("1 = 1")
	for _, row := range rows {
		if row.State != "pending" || row.Error != "Webhooks may not be sent to this address." || row.HTTPStatus != 0 {
			t.Errorf("%+v", row)
		}
	}
	if len(rows) != 5 || len(rx.all()) != 0 {
		t.Errorf("%d deliveries, %d requests came through", len(rows), len(rx.all()))
	}
}

func TestDeliveriesGoToWhoWantsThem(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		ids := map[string]string{}
		for name, p := range map[string]EndpointParams{
			"all": {Mode: Test}, "expired only": {Mode: Test, Events: []string{webhook.SessionExpired}},
			"completed only": {Mode: Test, Events: []string{webhook.SessionCompleted}}, "live": {Mode: Live}, "off": {Mode: Test},
			"another type": {Mode: Test, Events: []string{webhook.InvoiceIssued}},
		} {
			p.URL = "https://merchant.example/hook"
			id, _, err := s.co.CreateEndpoint(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			ids[id] = name
		}
		for id, name := range ids {
			if name == "off" {
				if _, err := s.co.store.direct(t.Context()).disableEndpoint(id, "https://merchant.example/hook", "test", s.clock.now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := map[string]bool{}
		for _, row := range s.outbox("session_id = ?", s.expiredSession()) {
			got[ids[row.EndpointID]] = true
		}
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"all", "expired only"}) {
			t.Errorf("the event goes to %q", names)
		}
	})
}
