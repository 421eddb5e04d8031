package checkout

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

func (s *shop) exec(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.co.store.direct(s.t.Context()).exec(statement, args...); err != nil {
		s.t.Fatal(err)
	}
}

// The log of changes names who asked, also somebody without a name, and the request.
func TestAuditScreenTellsWhoAsked(t *testing.T) {
	s := oneShop(t)
	nameless := person{Actor: Actor{ID: "user-42"}, access: AccessManage}
	var request string
	for _, p := range []person{manager, nameless} {
		w := s.adminPost(p, "/test/settings/keys", url.Values{"once": {s.onceOf(p, "/test/settings/keys")}, "name": {"x"}})
		request = w.Header().Get("X-Request-Id")
	}
	page := s.adminOK(manager, "/test/audit")
	for _, want := range []string{"Ada Lovelace<br><code class=\"soft\">u1</code>", "<span>user-42</span>", request} {
		if want == "" || !strings.Contains(page, want) {
			t.Errorf("the log lacks %q: %s", want, page)
		}
	}
}

// The overview warns of what was given up lately, not of tests nor of history.
func TestOverviewForgetsWhatWasGivenUp(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := newReceiver(t, func(int) int { return http.StatusInternalServerError })
		id, _ := s.addEndpoint(r.URL, webhook.SessionCompleted)
		warned := func() bool { return strings.Contains(s.adminOK(manager, "/test"), "were given up") }
		s.adminPost(manager, "/test/settings/webhook/"+id+"/test", nil)
		s.exec(`UPDATE {endpoints} SET failing_since = NULL`)
		if s.count("deliveries", "state = 'failed'") != 1 || warned() {
			t.Error("a test that failed is a warning")
		}
		s.pay(s.create(seedBody), "4242424242424242")
		s.exec(`UPDATE {deliveries} SET state = 'failed'`)
		if !warned() {
			t.Error("a webhook that was given up is no warning")
		}
		s.clock.advance(givenUpWindow + time.Minute)
		if warned() {
			t.Error("it is still a warning after a week")
		}
	})
}

func TestGermanFormsSpeakGerman(t *testing.T) {
	s := oneShop(t)
	form := url.Values{"once": {s.onceOf(manager, "/test/settings/keys")}, "name": {" "}}
	if w := s.adminPost(manager, "/test/settings/keys?lang=de", form); w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "must have") {
		t.Errorf("a key without a name answers %d: %s", w.Code, w.Body)
	}
	keys, err := s.co.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if page := s.adminOK(manager, "/test/settings/keys/"+keys[0].ID+"?lang=de"); !strings.Contains(page, "Der alte Schlüssel gilt noch") || strings.Contains(page, "Geheimnis gilt") {
		t.Errorf("the form speaks of something else than a key: %s", page)
	}
}

// The failure that names another refund has words in every language.
func TestARefundToldBeforeHasWords(t *testing.T) {
	s := oneShop(t)
	if !strings.Contains(readFile(t, "refund.go"), `"`+toldBefore+`"`) {
		t.Error("the sentence is not the one that is kept")
	}
	want := "Der Anbieter hat dieses Geld schon gemeldet: Es ist als re_1 gebucht."
	if got := s.co.desk.word("de", "failure", toldBefore+"re_1."); got != want {
		t.Errorf("it became %q", got)
	}
}

// Who says that a refund is paid is told what has become of it meanwhile.
func TestSettlingSaysWhatTheRefundIs(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		s.adminPost(manager, "/live/payments/"+id+"/refund", s.askRefund("live", id, url.Values{"amount": {"25"}, "reason": {"other"}}))
		path := "/live/refunds/" + s.refundOf(id).ID + "/settle"
		for _, step := range []struct{ state, want string }{
			{"pending", "refund_pending"}, {"failed", "refund_failed"}, {"needs_person", "settled"}, {"", "settled"},
		} {
			if step.state != "" {
				s.exec(`UPDATE {refunds} SET state = ?`, step.state)
			}
			w := s.adminPost(manager, path, url.Values{"note": {"statement 9"}})
			if !strings.HasSuffix(w.Header().Get("Location"), "?done="+step.want) {
				t.Errorf("of a refund that is %q it says %d, %s", step.state, w.Code, w.Header().Get("Location"))
			}
		}
	})
}

// The addresses of actions, which a browser keeps, lead back, and questions stand where they were asked.
func TestActionsOfTransfersLeadBack(t *testing.T) {
	s := oneShop(t)
	for _, action := range []string{"assign", "dismiss"} {
		w := s.admin(manager, "/test/transfers/x/"+action)
		if w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "test/transfers") {
			t.Errorf("%s answers %d to %s", action, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestQuestionsAreMarkedInTheNavigation(t *testing.T) {
	s := oneShop(t)
	id, _ := s.addEndpoint("https://hooks.example/", webhook.SessionCompleted)
	for path, want := range map[string]string{
		"/test/settings/webhook/" + id + "/delete":       "Settings",
		"/test/deliveries/resend?since=2025-01-01T00:00": "Webhook deliveries",
	} {
		if page := s.adminOK(manager, path); !strings.Contains(page, `aria-current="page">`+want+"</a></li>") {
			t.Errorf("%s marks something else: %s", path, page)
		}
	}
}

// What is sent again is told as it is: more than one replay takes, and not while the endpoint is off.
func TestMissedIsToldAsItIs(t *testing.T) {
	s := oneShop(t)
	id, _ := s.addEndpoint("https://hooks.example/", webhook.SessionCompleted)
	s.adminPost(manager, "/test/settings/webhook/"+id+"/disable", nil)
	s.pay(s.create(seedBody), "4242424242424242")
	at := "/test/settings/webhook/" + id + "/missed?since=2025-01-10T11:00"
	for _, path := range []string{at, "/test/deliveries/resend?since=2025-01-10T11:00"} {
		if page := tagless(s.adminOK(manager, path)); !strings.Contains(page, "1 webhook since") || !strings.Contains(page, "is sent when it is enabled") {
			t.Errorf("of an endpoint that is off %s says %s", path, page)
		}
	}
	s.exec(`INSERT INTO {events} (id, type, mode, session_id, payload, created_at)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT e.id || '_' || i, e.type, e.mode, e.session_id || '_' || i, '{}', e.created_at FROM n, {events} e`, maxReplay)
	for _, path := range []string{at, "/test/deliveries/resend?since=2025-01-10T11:00"} {
		if page := tagless(s.adminOK(manager, path)); !strings.Contains(page, fmt.Sprintf("more than %d webhooks", maxReplay)) {
			t.Errorf("of very many %s says %s", path, page)
		}
	}
}

// A command without a signature says why.
func TestCurlSaysWhyItIsNotSigned(t *testing.T) {
	s := oneShop(t, func(c *Config) { c.SecretKey = []byte(strings.Repeat("k", 32)) })
	s.addEndpoint(newReceiver(t, nil).URL, webhook.SessionCompleted)
	s.pay(s.create(seedBody), "4242424242424242")
	path := "/test/deliveries/" + s.deliver().ID
	other := secondProcess(t, s, func(c *Config) { c.SecretKey = []byte(strings.Repeat("o", 32)) })
	reader := person{Actor: Actor{ID: "r"}, access: AccessRead}
	for _, c := range []struct {
		page, want string
	}{
		{s.adminOK(manager, path), "Signed just now"}, {s.adminOK(reader, path), "takes the right"}, {other.adminOK(manager, path), "does not open"},
	} {
		if !strings.Contains(c.page, c.want) {
			t.Errorf("the page lacks %q: %s", c.want, c.page)
		}
	}
}

// Of a short secret that was handed in, most stays unknown.
func TestAShortKeyStaysSecret(t *testing.T) {
	s := oneShop(t)
	for _, c := range []struct{ random, head, tail string }{
		{"abcd1234", "sk_test_", "34"}, {"abcdefgh12345678", "sk_test_abcd", "5678"},
	} {
		s.clock.advance(time.Second)
		if err := s.co.RegisterKey(t.Context(), "sk_test_"+c.random, "short"); err != nil {
			t.Fatal(err)
		}
		keys, err := s.co.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		k := keys[len(keys)-1]
		if k.Prefix != c.head || k.Last4 != c.tail {
			t.Errorf("of %s is shown %s…%s", c.random, k.Prefix, k.Last4)
		}
		path := "/test/settings/keys/" + k.ID + "/revoke"
		if w := s.adminPost(manager, path, url.Values{"last4": {""}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("nothing typed answers %d", w.Code)
		}
		if w := s.adminPost(manager, path, url.Values{"last4": {c.random[len(c.random)-4:]}}); w.Code != http.StatusSeeOther {
			t.Errorf("its last four characters answer %d", w.Code)
		}
	}
}

func TestTheFileIsForSpreadsheets(t *testing.T) {
	s := oneShop(t)
	s.create(strings.Replace(seedBody, `"Premium Coffee Beans"`, `"＝cmd"`, 1))
	body := s.adminOK(manager, "/test/payments.csv")
	if !strings.HasPrefix(body, "\ufeffid,") || !strings.Contains(body, ",'＝cmd,") {
		t.Errorf("the file is %q", body)
	}
	if got := noFormula("\n=1"); got != "'\n=1" {
		t.Errorf("a line break became %q", got)
	}
}

// brokenWhile is an answer whose request ends while it is written.
type brokenWhile struct {
	http.ResponseWriter
	cancel func()
}

func (b brokenWhile) Write(p []byte) (int, error) {
	b.cancel()
	return b.ResponseWriter.Write(p)
}

// Where a broken connection does not show, the last line tells that the file is not whole.
func TestAFileThatBrokeOffSaysSo(t *testing.T) {
	s := oneShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler || !strings.HasSuffix(w.Body.String(), "\r\n# incomplete\r\n") {
			t.Errorf("it ends with %v: %q", p, w.Body)
		}
	}()
	r := httptest.NewRequestWithContext(ctx, "GET", "/admin/checkout/test/payments.csv", nil)
	s.co.Admin(manager.authorize).ServeHTTP(brokenWhile{w, cancel}, r)
}
