package checkout

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// answer sends an API request and gives its JSON; another status than wanted ends the test.
func (s *shop) answer(want int, method, path, body string) map[string]any {
	s.t.Helper()
	w := s.api(method, path, body)
	if w.Code != want {
		s.t.Fatalf("%s %s answered %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	return decode(s.t, w)
}

func TestAPIEndpointsFromCreateToDelete(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, nil)
		w := s.api("POST", "/webhook_endpoints", `{"url":"`+rx.URL+`","events":["`+webhook.SessionExpired+`"]}`)
		made := decode(t, w)
		id, _ := made["id"].(string)
		secret, _ := made["secret"].(string)
		if w.Code != http.StatusCreated || !isID(prefixEndpoint, id) || !strings.HasSuffix(w.Header().Get("Location"), "/webhook_endpoints/"+id) || !validWebhookSecret(secret, Live) {
			t.Fatalf("%d %v", w.Code, made)
		}
		if made["object"] != "webhook_endpoint" || made["payload"] != "full" || made["enabled"] != true || made["livemode"] != false || made["secret_last4"] != secret[len(secret)-4:] || made["leading_secret"] != "current" {
			t.Errorf("%v", made)
		}
		list := s.answer(200, "GET", "/webhook_endpoints", "")["data"].([]any)
		if len(list) != 1 || list[0].(map[string]any)["secret"] != nil || s.answer(200, "GET", "/webhook_endpoints/"+id, "")["secret"] != nil {
			t.Errorf("%v", list)
		}
		changed := s.answer(200, "PATCH", "/webhook_endpoints/"+id, `{"payload":"seed","enabled":false,"events":["`+webhook.SessionCompleted+`","`+webhook.SessionExpired+`"]}`)
		if changed["payload"] != "seed" || changed["enabled"] != false || changed["url"] != rx.URL || len(changed["events"].([]any)) != 2 || changed["secret"] != nil || changed["disabled_reason"] == nil {
			t.Errorf("%v", changed)
		}
		s.answer(200, "PATCH", "/webhook_endpoints/"+id, `{"enabled":true}`)
		rotated := s.answer(200, "POST", "/webhook_endpoints/"+id+"/rotate_secret", "")
		if rotated["secret"] == nil || rotated["secret"] == secret || rotated["previous_secret_until"] != "2025-01-11T12:00:00Z" || rotated["leading_secret"] != "previous" {
			t.Errorf("%v", rotated)
		}
		if at := s.answer(200, "POST", "/webhook_endpoints/"+id+"/rotate_secret", `{"overlap_hours":0}`)["previous_secret_until"]; at != nil {
			t.Errorf("the overlap ends at %v", at)
		}
		sent := s.answer(200, "POST", "/webhook_endpoints/"+id+"/test", "")
		if sent["status"] != "delivered" || sent["event_type"] != webhook.Test || len(sent["attempts"].([]any)) != 1 || len(rx.all()) != 1 {
			t.Errorf("%v", sent)
		}
		if gone := s.answer(200, "DELETE", "/webhook_endpoints/"+id, ""); gone["deleted"] != true || gone["id"] != id {
			t.Errorf("%v", gone)
		}
		s.answer(404, "GET", "/webhook_endpoints/"+id, "")
		s.answer(404, "DELETE", "/webhook_endpoints/"+id, "")
		s.wantActions(id, "endpoint.delete", "endpoint.test", "endpoint.rotate", "endpoint.rotate", "endpoint.update", "endpoint.update", "endpoint.create")
	}, func(cfg *Config) {
		c := newClock()
		cfg.Now = func() time.Time { c.advance(time.Millisecond); return c.now() }
	})
}

func TestAPIDeliveriesReplayAndRedelivery(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.hook("https://merchant.example/hook")
		session := s.expiredSession()
		s.sendDue()
		of := s.answer(200, "GET", "/webhook_deliveries?session_id="+session+"&endpoint_id="+id+"&status=delivered&limit=1", "")
		if data := of["data"].([]any); len(data) != 1 || of["has_more"] != false || of["url"] != "/api/checkout/v1/webhook_deliveries" || data[0].(map[string]any)["attempts"] != nil {
			t.Fatalf("%v", of)
		}
		d := of["data"].([]any)[0].(map[string]any)["id"].(string)
		if one := s.answer(200, "GET", "/webhook_deliveries/"+d, ""); one["body"] != s.payload(session, webhook.SessionExpired) || len(one["attempts"].([]any)) != 1 ||
			one["event"].(map[string]any)["id"] != one["event_id"] {
			t.Errorf("%v", one)
		}
		if again := s.answer(200, "POST", "/webhook_deliveries/"+d+"/redeliver", ""); again["status"] != "pending" {
			t.Errorf("%v", again)
		}
		s.sendDue()
		now := s.clock.now()
		for body, want := range map[string]float64{
			`{"since":"2025-01-10T00:00:00Z"}`: 0, `{"since":1736467200,"only_failed":true}`: 0,
			fmt.Sprintf(`{"since":"2025-01-10T00:00:00Z","until":%d,"only_failed":false}`, now.Add(time.Hour).Unix()): 1,
		} {
			if got := s.answer(202, "POST", "/webhook_endpoints/"+id+"/replay", body); got["queued"] != want || got["endpoint_id"] != id {
				t.Errorf("%s: %v", body, got)
			}
		}
		s.answer(200, "PATCH", "/webhook_endpoints/"+id, `{"enabled":false}`)
		if w := s.api("POST", "/webhook_deliveries/"+d+"/redeliver", "{}"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"endpoint_disabled"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}, hookNet(func(*http.Request) (*http.Response, error) { return httpReply(200, ""), nil }).client)
}

func TestAPIEventsOfThirtyDays(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		old := s.expiredSession()
		s.clock.advance(29 * 24 * time.Hour)
		fresh := s.expiredSession()
		list := s.answer(200, "GET", "/events", "")["data"].([]any)
		if len(list) != 2 || list[0].(map[string]any)["session_id"] != fresh {
			t.Fatalf("%v", list)
		}
		first, last := list[1].(map[string]any), list[0].(map[string]any)
		if first["type"] != webhook.SessionExpired || first["object"] != "event" || first["payload"].(map[string]any)["id"] != first["id"] || first["session_id"] != old {
			t.Errorf("%v", first)
		}
		s.answer(200, "GET", "/events/"+first["id"].(string), "")
		if page := s.answer(200, "GET", "/events?limit=1&starting_after="+last["id"].(string)+"&type="+webhook.SessionExpired+"&session_id="+old, ""); len(page["data"].([]any)) != 1 {
			t.Errorf("%v", page)
		}
		s.clock.advance(2 * 24 * time.Hour)
		if list = s.answer(200, "GET", "/events", "")["data"].([]any); len(list) != 1 {
			t.Errorf("%v", list)
		}
		s.answer(404, "GET", "/events/"+first["id"].(string), "")
		s.answer(200, "GET", "/events/"+last["id"].(string), "")
	})
}

func TestAPIOfWebhooksRefusals(t *testing.T) {
	s := oneShop(t)
	id, _ := s.hook(hookURL)
	for _, tc := range []struct{ method, path, body, params string }{
		{"POST", "/webhook_endpoints", `{"events":["x"],"payload":"tiny","secret":"whsec"}`, "url events payload secret"},
		{"POST", "/webhook_endpoints", `{"url":1,"events":"x"}`, "url events"},
		{"POST", "/webhook_endpoints", `{"url":"` + hookURL + `","events":["checkout.refund.failed","checkout.refund.failed"]}`, "events"},
		{"POST", "/webhook_endpoints", `{"url":"` + hookURL + `","events":[]}`, "events"},
		{"PATCH", "/webhook_endpoints/" + id, `{"url":"ftp://x","enabled":"yes","mode":"live"}`, "enabled mode url"},
		{"POST", "/webhook_endpoints/" + id + "/rotate_secret", `{"overlap_hours":169,"x":1}`, "overlap_hours x"},
		{"POST", "/webhook_endpoints/" + id + "/rotate_secret", `{"overlap_hours":9223372036854775807}`, "overlap_hours"},
		{"POST", "/webhook_endpoints/" + id + "/replay", `{"until":"soon","only_failed":1}`, "until only_failed since"},
		{"POST", "/webhook_endpoints/" + id + "/replay", `{"since":true}`, "since"},
		{"POST", "/webhook_endpoints/" + id + "/replay", `{"since":10,"until":5}`, "until"},
		{"POST", "/webhook_endpoints/" + id + "/test", `{"x":1}`, "x"},
		{"GET", "/webhook_endpoints?limit=1", "", "limit"},
		{"GET", "/webhook_deliveries?status=lost&limit=0&x=1", "", "limit status x"},
		{"GET", "/webhook_deliveries?starting_after=evt_1", "", "starting_after"},
		{"GET", "/events?type=a&type=b&ending_before=x", "", "type"},
		{"GET", "/events?%zz", "", ""},
	} {
		w := s.api(tc.method, tc.path, tc.body)
		var params []string
		e, _ := decode(t, w)["error"].(map[string]any)
		fields, _ := e["errors"].([]any)
		for _, f := range fields {
			params = append(params, f.(map[string]any)["param"].(string))
		}
		slices.Sort(params)
		want := strings.Fields(tc.params)
		slices.Sort(want)
		if w.Code != http.StatusBadRequest || strings.Join(params, " ") != strings.Join(want, " ") {
			t.Errorf("%s %s %s: %d %q, want %q", tc.method, tc.path, tc.body, w.Code, params, want)
		}
	}
}

// What belongs to the other mode is not there, on every route.
func TestAPIOfWebhooksKeepsTheModesApart(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		endpoint, _ := s.hook("https://merchant.example/hook")
		d := s.delivery(s.expiredSession())
		live := *s
		var err error
		if live.key, err = s.co.CreateKey(t.Context(), Live, "live"); err != nil {
			t.Fatal(err)
		}
		for _, route := range []string{
			"GET /webhook_endpoints/" + endpoint, "PATCH /webhook_endpoints/" + endpoint, "DELETE /webhook_endpoints/" + endpoint,
			"POST /webhook_endpoints/" + endpoint + "/rotate_secret", "POST /webhook_endpoints/" + endpoint + "/test", "POST /webhook_endpoints/" + endpoint + "/replay",
			"GET /webhook_deliveries/" + d.ID, "POST /webhook_deliveries/" + d.ID + "/redeliver", "GET /events/" + d.EventID,
			"GET /webhook_endpoints/we_x", "GET /webhook_deliveries/dlv_x", "POST /webhook_deliveries/dlv_x/redeliver", "GET /events/evt_x",
		} {
			method, path, _ := strings.Cut(route, " ")
			body := ""
			switch {
			case method == "PATCH":
				body = "{}"
			case strings.HasSuffix(path, "/replay"):
				body = `{"since":1}`
			}
			if w := live.api(method, path, body); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `"resource_missing"`) || !strings.Contains(w.Body.String(), "in live mode") {
				t.Errorf("%s: %d %s", route, w.Code, w.Body)
			}
		}
		for _, path := range []string{"/webhook_endpoints", "/webhook_deliveries", "/events"} {
			if list := live.answer(200, "GET", path, ""); len(list["data"].([]any)) != 0 {
				t.Errorf("%s: %v", path, list)
			}
		}
		if e := s.endpoint(endpoint); e.PreviousUntil != nil || !e.Enabled || s.count("audit", "action NOT IN ('key.create', 'endpoint.create', 'session.expire')") != 0 {
			t.Errorf("%+v", e)
		}
	})
}

// A secret is in the answer that makes it, and nowhere else: not in another answer, the log, the audit log or a list.
func TestSecretsAreShownOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, func(int) int { return http.StatusUnauthorized })
		made := s.answer(201, "POST", "/webhook_endpoints", `{"url":"`+rx.URL+`"}`)
		id := made["id"].(string)
		secrets := []string{made["secret"].(string), s.answer(200, "POST", "/webhook_endpoints/"+id+"/rotate_secret", "")["secret"].(string)}
		s.expiredSession()
		s.sendDue()
		s.answer(200, "POST", "/webhook_endpoints/"+id+"/test", "")
		var seen strings.Builder
		for _, path := range []string{"/webhook_endpoints", "/webhook_endpoints/" + id, "/webhook_deliveries", "/events", "/account"} {
			seen.WriteString(s.api("GET", path, "").Body.String())
		}
		for _, row := range s.outbox("1 = 1") {
			seen.WriteString(s.api("GET", "/webhook_deliveries/"+row.ID, "").Body.String())
		}
		seen.WriteString(s.api("PATCH", "/webhook_endpoints/"+id, `{"payload":"seed"}`).Body.String())
		seen.WriteString(s.log.String())
		for _, table := range []string{"SELECT detail FROM {audit}", "SELECT signature || COALESCE(standard_signature, '') || COALESCE(response_headers, '') FROM {delivery_attempts}"} {
			list, err := all(s.co.store.direct(t.Context()), readText, table)
			if err != nil || len(list) < 3 {
				t.Fatalf("%d rows of %s, %v", len(list), table, err)
			}
			seen.WriteString(strings.Join(list, "\n"))
		}
		for _, secret := range append(secrets, s.key) {
			for _, part := range []string{secret, secret[6:], secret[10:40]} {
				if strings.Contains(seen.String(), part) {
					t.Errorf("a secret is seen again: …%s", part[:4])
				}
			}
		}
	})
}
