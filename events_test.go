package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/internal/strictjson"
	"github.com/jopay/checkout/webhook"
)

// sampleSession is a session as it is stored, at 12:05:00.999.
func sampleSession() (sessionRecord, int64) {
	email := "customer@example.com"
	return sessionRecord{
		ID: "cs_1", Mode: Test, Status: StatusCompleted, PaymentStatus: PaymentPaid, Amount: 2500, Currency: "eur",
		CustomerEmail: &email, Metadata: `{"order_id":"12345"}`, PaymentID: pointer("pay_1"),
	}, time.Date(2025, 1, 10, 12, 5, 0, 999e6, time.UTC).UnixMilli()
}

func sampleEvent(kind string) Event {
	return Event{ID: "evt_1", Type: kind, SessionID: "cs_1", CreatedAt: time.Date(2025, 1, 10, 12, 5, 1, 0, time.UTC)}
}

func TestEventPayloadBytes(t *testing.T) {
	failure := failures[ReasonInsufficientFunds]
	for _, tc := range []struct {
		name    string
		kind    string
		change  func(*sessionRecord)
		failure *PaymentError
		want    string
	}{
		{"completed", webhook.SessionCompleted, func(*sessionRecord) {}, nil,
			`{"event":"checkout.session.completed","data":{"id":"cs_1","status":"completed","amount_cents":2500,"currency":"eur",` +
				`"customer_email":"customer@example.com","metadata":{"order_id":"12345"},"completed_at":"2025-01-10T12:05:00Z",` +
				`"payment_status":"paid","client_reference_id":null,"payment_id":"pay_1","livemode":false},` +
				`"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`},
		{"live, without an address and metadata, with a reference", webhook.SessionCompleted, func(s *sessionRecord) {
			s.Mode, s.CustomerEmail, s.Metadata, s.Reference = Live, nil, `{}`, pointer("order/1")
		}, nil,
			`{"event":"checkout.session.completed","data":{"id":"cs_1","status":"completed","amount_cents":2500,"currency":"eur",` +
				`"customer_email":null,"metadata":{},"completed_at":"2025-01-10T12:05:00Z",` +
				`"payment_status":"paid","client_reference_id":"order/1","payment_id":"pay_1","livemode":true},` +
				`"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`},
		{"expired", webhook.SessionExpired, func(s *sessionRecord) {
			s.Status, s.PaymentStatus, s.PaymentID = StatusExpired, PaymentUnpaid, nil
		}, nil,
			`{"event":"checkout.session.expired","data":{"id":"cs_1","status":"expired","amount_cents":2500,"currency":"eur",` +
				`"customer_email":"customer@example.com","metadata":{"order_id":"12345"},"expired_at":"2025-01-10T12:05:00Z",` +
				`"payment_status":"unpaid","client_reference_id":null,"payment_id":null,"livemode":false},` +
				`"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`},
		{"failed", webhook.PaymentFailed, func(s *sessionRecord) {
			s.Status, s.PaymentStatus = StatusPending, PaymentUnpaid
		}, &failure,
			`{"event":"checkout.payment.failed","data":{"id":"cs_1","status":"pending","amount_cents":2500,"currency":"eur",` +
				`"customer_email":"customer@example.com","metadata":{"order_id":"12345"},"failed_at":"2025-01-10T12:05:00Z",` +
				`"payment_status":"unpaid","client_reference_id":null,"payment_id":"pay_1","livemode":false,` +
				`"failure":{"code":"card_declined","decline_code":"insufficient_funds","message":"The payment was declined for lack of funds."}},` +
				`"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, at := sampleSession()
			tc.change(&s)
			got, err := eventPayload(sampleEvent(tc.kind), s, at, tc.failure)
			if err != nil || string(got) != tc.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

func TestEventGuardRefusesWhatReceiversWouldReprint(t *testing.T) {
	for _, tc := range []struct{ name, metadata string }{
		{"white space", `{"a": 1}`},
		{"index behind a word", `{"a":1,"7":2}`},
		{"number in another spelling", `{"a":1.0}`},
		{"escaped slash", `{"a":"\/"}`},
		{"not JSON", `{`},
		{"the same key twice", `{"a":1,"a":1}`},
		{"invalid UTF-8", "{\"a\":\"\xff\"}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, at := sampleSession()
			s.Metadata = tc.metadata
			if got, err := eventPayload(sampleEvent(webhook.SessionCompleted), s, at, nil); !errors.Is(err, canonjson.ErrNotFixed) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestEventPayloadHasAtMost64KiB(t *testing.T) {
	s, at := sampleSession()
	for _, tc := range []struct {
		size int
		ok   bool
	}{{maxPayload, true}, {maxPayload + 1, false}} {
		s.Metadata = `{}`
		bare, err := eventPayload(sampleEvent(webhook.SessionCompleted), s, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Metadata = `{"a":"` + strings.Repeat("x", tc.size-len(bare)-len(`"a":""`)) + `"}`
		got, err := eventPayload(sampleEvent(webhook.SessionCompleted), s, at, nil)
		if (err == nil) != tc.ok || (tc.ok && len(got) != tc.size) {
			t.Errorf("%d bytes: got %d, %v", tc.size, len(got), err)
		}
	}
}

func TestAPIRefusesMetadataThatNoReceiverTakes(t *testing.T) {
	s := oneShop(t)
	long := func(value string, keys int) string {
		var members []string
		for i := range keys {
			members = append(members, fmt.Sprintf(`"k%d":"%s"`, i, value))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	for _, tc := range []struct{ name, metadata, code string }{
		{"the most a merchant may send", long(strings.Repeat("x", 500), 50), ""},
		{"more than 32 KiB once it is written out", long(strings.Repeat(`\u0001`, 500), 50), "metadata_too_large"},
		{"__proto__", `{"__proto__":"x"}`, "metadata_invalid"},
		{"an integer JavaScript cannot hold", `{"n":9007199254740993}`, "metadata_invalid"},
		{"an infinite number", `{"n":1e400}`, "metadata_invalid"},
		{"a nested object", `{"n":{"a":1}}`, "metadata_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.api("POST", "/sessions", strings.Replace(seedBody, `{"order_id":"12345"}`, tc.metadata, 1))
			if tc.code == "" {
				if w.Code != http.StatusCreated {
					t.Fatalf("answered %d: %s", w.Code, w.Body)
				}
				return
			}
			if w.Code < 400 || w.Code > 499 || !strings.Contains(w.Body.String(), tc.code) {
				t.Errorf("answered %d: %s", w.Code, w.Body)
			}
		})
	}
	for _, bad := range []string{`{"a":"\u0000"}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`} {
		if w := s.api("POST", "/sessions", strings.Replace(seedBody, `{"order_id":"12345"}`, bad, 1)); w.Code < 400 || w.Code > 499 {
			t.Errorf("%q answered %d: %s", bad, w.Code, w.Body)
		}
	}
}

// The largest order that is accepted must still be deliverable after the page has added the longest e-mail address.
func TestLargestOrderStaysDeliverable(t *testing.T) {
	s := oneShop(t)
	var members []string
	for i := range 50 {
		members = append(members, fmt.Sprintf(`"%02d%s":"%s"`, i, strings.Repeat("k", 38), strings.Repeat("é", 295)))
	}
	body := strings.Replace(seedBody, `"customer_email":"customer@example.com",`, `"client_reference_id":"`+strings.Repeat("é", 200)+`",`, 1)
	id := s.create(strings.Replace(body, `{"order_id":"12345"}`, "{"+strings.Join(members, ",")+"}", 1))
	form := s.form(id, "4242424242424242")
	form.Set("email", strings.Repeat("e", 64)+"@"+strings.Repeat(strings.Repeat("d", 62)+".", 2)+strings.Repeat("d", 60)+".de")
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/") {
		t.Fatalf("answered %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if p := s.payload(id, webhook.SessionCompleted); len(p) < 30<<10 || len(p) > maxPayload {
		t.Errorf("the body has %d bytes", len(p))
	}
}

func TestSeedFormHasTheSeedsMembersOnly(t *testing.T) {
	for kind, last := range map[string]string{
		webhook.SessionCompleted: "completed_at", webhook.SessionExpired: "expired_at", webhook.PaymentFailed: "failed_at",
	} {
		t.Run(kind, func(t *testing.T) {
			s, at := sampleSession()
			s.Metadata = `{"7":"a","b":{"c":[1,null]},"d":"<&>\u2028"}`
			s.Metadata = strings.ReplaceAll(s.Metadata, `\u2028`, "\u2028")
			failure := failures[ReasonDeclined]
			full, err := eventPayload(sampleEvent(kind), s, at, &failure)
			if err != nil {
				t.Fatal(err)
			}
			got, err := seedForm(full)
			want := `{"event":"` + kind + `","data":{"id":"cs_1","status":"completed","amount_cents":2500,"currency":"eur",` +
				`"customer_email":"customer@example.com","metadata":` + s.Metadata + `,"` + last + `":"2025-01-10T12:05:00Z"},` +
				`"created_at":"2025-01-10T12:05:01Z"}`
			if err != nil || string(got) != want {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
			if err := canonjson.Fixed(got); err != nil {
				t.Errorf("not a fixed point: %v", err)
			}
		})
	}
	if _, err := seedForm([]byte(`{"event":`)); err == nil {
		t.Error("half a body has a seed form")
	}
}

// What the pieces promise holds for the rows that a sale leaves behind.
func TestEventsOfASale(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(strings.Replace(seedBody, `{"order_id":"12345"}`, `{"b":"<&>","10":1e21,"9":"\ud83d\ude00"}`, 1))
		s.clock.advance(time.Minute)
		s.pay(id, "4000000000009995")
		failed := s.payload(id, webhook.PaymentFailed)
		s.clock.advance(time.Minute)
		s.pay(id, "4242424242424242")
		completed := s.payload(id, webhook.SessionCompleted)
		data := `"metadata":{"9":"😀","10":1e+21,"b":"<&>"}`
		for _, want := range []string{data, `"failed_at":"2025-01-10T12:01:00Z"`, `"decline_code":"insufficient_funds"`, `"status":"pending"`, `"payment_status":"unpaid"`} {
			if !strings.Contains(failed, want) {
				t.Errorf("no %s in %s", want, failed)
			}
		}
		for _, want := range []string{data, `"completed_at":"2025-01-10T12:02:00Z"`, `"created_at":"2025-01-10T12:02:00Z"`, `"payment_status":"paid"`, `"payment_id":"pay_`} {
			if !strings.Contains(completed, want) {
				t.Errorf("no %s in %s", want, completed)
			}
		}
		if strings.Contains(completed, "failure") {
			t.Errorf("a failure in %s", completed)
		}
	})
}

func TestEventTimesNeverGoBack(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.clock.advance(10 * time.Minute)
		s.pay(id, "4000000000000002")
		s.clock.advance(-5 * time.Minute)
		s.pay(id, "4242424242424242")
		first, then := eventMember(t, s.payload(id, webhook.PaymentFailed)), eventMember(t, s.payload(id, webhook.SessionCompleted))
		if first != "2025-01-10T12:10:00Z" || then < first {
			t.Errorf("failed at %s, completed at %s", first, then)
		}
	})
}

func eventMember(t *testing.T, payload string) string {
	t.Helper()
	v, err := strictjson.Parse([]byte(payload), maxDepth)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := v.Get("created_at")
	return m.Text
}

func TestOnEventSeesWhatTheWebhookSays(t *testing.T) {
	var got []Event
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		e := got[len(got)-1]
		if e.Type != webhook.SessionCompleted || e.SessionID != id || string(e.Payload) != s.payload(id, webhook.SessionCompleted) ||
			e.Session.Status != StatusCompleted || e.Session.PaymentStatus != PaymentPaid || e.Session.CompletedAt == nil {
			t.Errorf("got %+v with session %+v", e, e.Session)
		}
	}, func(cfg *Config) {
		cfg.OnEvent = func(_ context.Context, _ *gorm.DB, e Event) error { got = append(got, e); return nil }
	})
}
