package checkout

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

func TestRefundRequestsAreHeldToTheirFields(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		for _, c := range []struct {
			body, code, param string
			status            int
		}{
			{``, "body_empty", "", 400},
			{`[]`, "body_invalid_json", "", 400},
			{`{}`, "parameter_missing", "session_id", 400},
			{`{"session_id":null}`, "parameter_missing", "session_id", 400},
			{`{"session_id":7}`, "parameter_invalid_string", "session_id", 400},
			{`{"session_id":"` + id + `","amount_cents":0}`, "amount_too_small", "amount_cents", 400},
			{`{"session_id":"` + id + `","amount_cents":-1}`, "amount_too_small", "amount_cents", 400},
			{`{"session_id":"` + id + `","amount_cents":10.0}`, "parameter_invalid_integer", "amount_cents", 400},
			{`{"session_id":"` + id + `","amount_cents":"10"}`, "parameter_invalid_integer", "amount_cents", 400},
			{`{"session_id":"` + id + `","reason":"` + strings.Repeat("x", 201) + `"}`, "parameter_too_long", "reason", 400},
			{`{"session_id":"` + id + `","reason":7}`, "parameter_invalid_string", "reason", 400},
			{`{"session_id":"` + id + `","Amount_cents":1}`, "parameter_unknown", "Amount_cents", 400},
			{`{"session_id":"` + id + `","amount_cents":2501}`, "refund_exceeds_payment", "", 409},
			{`{"session_id":"` + id + `","amount_cents":99999999999999999999}`, "refund_exceeds_payment", "", 409},
			{`{"session_id":"cs_` + hex44("0") + `"}`, "resource_missing", "", 404},
			{`{"session_id":"anything"}`, "resource_missing", "", 404},
		} {
			w := s.api("POST", "/refunds", c.body, "Content-Type", "application/json")
			wantRefusal(t, w, c.status, c.code, c.param)
			if n := len(decode(t, w)["error"].(map[string]any)["message"].(string)); n == 0 {
				t.Errorf("%s: no message", c.body)
			}
		}
		wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`"}`, "Content-Type", "text/plain"), 415, "content_type_unsupported", "")
		if n := s.count("refunds", "1 = 1"); n != 0 {
			t.Errorf("%d refunds were booked by refused requests", n)
		}
	})
}

func TestARefusedFieldOfARefundIsToldOnce(t *testing.T) {
	s := apiShop(t)
	got := apiErrorOf(t, s.api("POST", "/refunds", `{"session_id":7}`))
	if len(got.Errors) != 1 {
		t.Errorf("%d refusals of one field: %v", len(got.Errors), got.Errors)
	}
}

func TestOnlyACompletedSessionIsRefunded(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		pending, declined, expired := s.create(seedBody), s.create(seedBody), s.create(seedBody)
		s.pay(declined, "4000000000000002")
		s.api("POST", "/sessions/"+expired+"/expire", "")
		free := s.create(strings.Replace(seedBody, `"amount":2500`, `"amount":0`, 1))
		s.api("POST", "/test/sessions/"+free+"/pay", "")
		s.want(free, "completed", "no_payment_required")
		for name, id := range map[string]string{"pending": pending, "declined": declined, "expired": expired, "free": free} {
			t.Log(name)
			wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`"}`), http.StatusConflict, "refund_exceeds_payment", "")
			if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 1}); !errors.Is(err, ErrRefundExceeds) {
				t.Errorf("%s in process: %v", name, err)
			}
		}
	})
}

func TestRefundsBelongToTheirMode(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		made := s.refund(`{"session_id":"` + id + `","amount_cents":1}`)["id"].(string)
		live, err := s.co.CreateKey(t.Context(), Live, "live")
		apiMust(t, err)
		s.key = live
		wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`","amount_cents":1}`), 404, "resource_missing", "")
		wantRefusal(t, s.api("GET", "/refunds/"+made, ""), 404, "resource_missing", "")
		wantRefusal(t, s.api("GET", "/refunds?session_id="+id, ""), 404, "resource_missing", "")
		if n := s.count("refunds", "1 = 1"); n != 1 {
			t.Errorf("%d refunds, want the test key's only", n)
		}
	})
}

func TestAProviderThatCannotRefundSaysSo(t *testing.T) {
	eachLiveShop(t, allSucceed, func(t *testing.T, s *shop, _ *scripted) {
		id, _ := s.soldLive()
		wantRefusal(t, s.api("POST", "/refunds", `{"session_id":"`+id+`"}`), http.StatusConflict, "refund_not_supported", "")
		if n := s.count("refunds", "1 = 1"); n != 0 {
			t.Errorf("%d refunds were booked", n)
		}
	})
}

func TestRefundsAreReadOneByOneAndAsAList(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		w := s.api("POST", "/refunds", `{"session_id":"`+id+`","amount_cents":1000,"reason":"torn"}`)
		first := decode(t, w)
		if want := "http://shop.test/api/checkout/v1/refunds/" + first["id"].(string); w.Header().Get("Location") != want {
			t.Errorf("Location is %q, want %q", w.Header().Get("Location"), want)
		}
		s.clock.advance(time.Second)
		second := s.refund(`{"session_id":"` + id + `","amount_cents":200}`)
		if got := s.api("GET", "/refunds/"+first["id"].(string), "").Body.String(); got != w.Body.String() {
			t.Errorf("GET gives %s, POST gave %s", got, w.Body)
		}
		list := decode(t, s.api("GET", "/refunds?session_id="+id, ""))
		data := list["data"].([]any)
		if len(data) != 2 || data[0].(map[string]any)["id"] != second["id"] || list["has_more"] != false || list["url"] != "/api/checkout/v1/refunds?session_id="+id {
			t.Errorf("the list is %v", list)
		}
		if got := s.api("GET", "/refunds?session_id="+s.create(seedBody), "").Body.String(); !strings.Contains(got, `"data":[]`) {
			t.Errorf("a session without refunds gives %s", got)
		}
		wantRefusal(t, s.api("GET", "/refunds", ""), 400, "parameter_missing", "session_id")
		wantRefusal(t, s.api("GET", "/refunds?session_id=cs_"+hex44("0"), ""), 404, "resource_missing", "")
		for _, unknown := range []string{"re_" + hex44("0"), "x", id} {
			wantRefusal(t, s.api("GET", "/refunds/"+unknown, ""), 404, "resource_missing", "")
		}
	})
}

func TestRefundIdempotency(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		other, _ := s.soldLive()
		body := `{"session_id":"` + id + `","amount_cents":1000}`
		first := s.refund(body, "Idempotency-Key", "k")
		w := s.api("POST", "/refunds", body, "Idempotency-Key", "k")
		if w.Code != 201 || w.Header().Get("Idempotent-Replayed") != "true" || decode(t, w)["id"] != first["id"] {
			t.Errorf("the repeat answered %d with %v", w.Code, w.Header())
		}
		for name, body := range map[string]string{
			"other bytes":   `{"session_id":"` + id + `", "amount_cents":1000}`,
			"other amount":  `{"session_id":"` + id + `","amount_cents":1001}`,
			"other session": `{"session_id":"` + other + `","amount_cents":1000}`,
		} {
			t.Log(name)
			wantRefusal(t, s.api("POST", "/refunds", body, "Idempotency-Key", "k"), http.StatusUnprocessableEntity, "idempotency_key_reused", "")
		}
		if len(p.calls) != 1 || s.count("refunds", "1 = 1") != 1 {
			t.Errorf("%d calls and %d refunds, want one of each", len(p.calls), s.count("refunds", "1 = 1"))
		}
		test, err := s.co.CreateKey(t.Context(), Test, "test")
		apiMust(t, err)
		s.key = test
		id = s.create(seedBody)
		s.pay(id, "4242424242424242")
		w = s.api("POST", "/refunds", `{"session_id":"`+id+`","amount_cents":1000}`, "Idempotency-Key", "k")
		if w.Code != 201 || w.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("the same key in test mode answered %d: %s", w.Code, w.Body)
		}
	})
}

func TestRefundIdempotencyInProcess(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		params := RefundParams{SessionID: id, AmountCents: 500, Reason: "torn", IdempotencyKey: "k"}
		first, err := s.co.Refund(t.Context(), params)
		apiMust(t, err)
		again, err := s.co.Refund(t.Context(), params)
		if err != nil || again.ID != first.ID || !again.Replayed() || first.Replayed() {
			t.Errorf("the repeat gave %v, %v", again, err)
		}
		for _, change := range []func(*RefundParams){
			func(p *RefundParams) { p.AmountCents = 501 }, func(p *RefundParams) { p.Reason = "wet" },
		} {
			changed := params
			change(&changed)
			if _, err := s.co.Refund(t.Context(), changed); !errors.Is(err, ErrKeyReused) {
				t.Errorf("another refund under the key gave %v", err)
			}
		}
	})
}

func TestConcurrentRefundsNeverExceedThePayment(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		processes := []*shop{s, secondProcess(t, s)}
		var all sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for i := range 16 {
			all.Go(func() {
				r, err := processes[i%2].co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 300})
				mu.Lock()
				defer mu.Unlock()
				if err == nil && r.Status == "succeeded" {
					made++
				} else if !errors.Is(err, ErrRefundExceeds) {
					t.Errorf("a refund gave %v, %v", r, err)
				}
			})
		}
		all.Wait()
		if made != 8 || p.back() != 2400 {
			t.Errorf("%d refunds were made and %d paid back, want 8 and 2400", made, p.back())
		}
		s.wantRefunded(id, "partially_refunded", 2400)
	})
}

func TestTwinsWithOneKeyMakeOneRefund(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		processes := []*shop{s, secondProcess(t, s)}
		var all sync.WaitGroup
		ids := make([]string, 16)
		for i := range ids {
			all.Go(func() {
				r, err := processes[i%2].co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 300, IdempotencyKey: "k"})
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = r.ID
			})
		}
		all.Wait()
		for _, got := range ids {
			if got != ids[0] {
				t.Errorf("twins got %s and %s", ids[0], got)
			}
		}
		if len(p.calls) != 1 || p.back() != 300 {
			t.Errorf("%d calls, %d back, want 1 and 300", len(p.calls), p.back())
		}
	})
}

func TestARefundInTheHostsTransactionIsSentAfterIt(t *testing.T) {
	eachRefundShop(t, allSucceed, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
		id, _ := s.soldLive()
		for _, outcome := range []error{errHost, nil} {
			err := s.db.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
				r, err := s.co.WithTx(tx).Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 1000})
				if err != nil || r.Status != "pending" {
					return fmt.Errorf("inside: %v, %w", r, err)
				}
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatal(err)
			}
			if len(p.calls) != 0 {
				t.Fatal("the provider was called inside the host's transaction")
			}
			s.after(0)
			want := 0
			if outcome == nil {
				want = 1
			}
			if n := s.count("refunds", "1 = 1"); n != want || len(p.calls) != want {
				t.Errorf("after %v: %d refunds and %d calls, want %d", outcome, n, len(p.calls), want)
			}
		}
		s.wantRefunded(id, "partially_refunded", 1000)
	})
}
