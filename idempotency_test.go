package checkout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIdempotencyFiftyTwinsMakeOneSession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		const twins = 50
		answers := make([]*httptest.ResponseRecorder, twins)
		start := make(chan struct{})
		var all sync.WaitGroup
		for i := range twins {
			all.Go(func() {
				<-start
				answers[i] = s.api("POST", "/sessions", seedBody, "Idempotency-Key", "order-1")
			})
		}
		close(start)
		all.Wait()
		first := 0
		for _, w := range answers {
			if w.Code != http.StatusCreated || w.Body.String() != answers[0].Body.String() || w.Header().Get("Location") != answers[0].Header().Get("Location") {
				t.Errorf("a twin answered %d: %s", w.Code, w.Body)
			}
			if w.Header().Get("Idempotent-Replayed") == "" {
				first++
			}
		}
		if n := s.count("sessions", "1 = 1"); n != 1 || first != 1 {
			t.Errorf("%d sessions, %d answers that are no replay, want one of each", n, first)
		}
	})
}

func TestIdempotencyReplayIsTheFirstAnswer(t *testing.T) {
	for name, change := range map[string]func(*shop, string){
		"at once":         func(*shop, string) {},
		"after a day":     func(s *shop, _ string) { s.clock.advance(25 * time.Hour) },
		"after payment":   func(s *shop, id string) { s.pay(id, "4242424242424242") },
		"after a decline": func(s *shop, id string) { s.pay(id, "4000000000000002") },
		"after expiry":    func(s *shop, id string) { s.api("POST", "/sessions/"+id+"/expire", "") },
		"after an e-mail was typed": func(s *shop, id string) {
			form := s.form(id, "4242424242424242")
			form.Set("email", "buyer@example.com")
			s.post("/checkout/"+id, form)
			if got := s.get(id)["customer_email"]; got != "buyer@example.com" {
				s.t.Errorf("the page did not keep the address: %v", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				body := seedBody
				if strings.Contains(name, "e-mail") {
					body = patched(t, "customer_email", "")
				}
				first := s.api("POST", "/sessions", body, "Idempotency-Key", "k")
				change(s, decode(t, first)["id"].(string))
				again := s.api("POST", "/sessions", body, "Idempotency-Key", "k")
				if again.Code != http.StatusCreated || again.Body.String() != first.Body.String() {
					t.Errorf("replay answered %d\n%s\nwant\n%s", again.Code, again.Body, first.Body)
				}
				if first.Header().Get("Idempotent-Replayed") != "" || again.Header().Get("Idempotent-Replayed") != "true" {
					t.Errorf("Idempotent-Replayed is %q, then %q", first.Header().Get("Idempotent-Replayed"), again.Header().Get("Idempotent-Replayed"))
				}
				if again.Header().Get("Location") != first.Header().Get("Location") {
					t.Error("Location differs")
				}
			})
		})
	}
}

func TestIdempotencyAnotherBodyIsRefused(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k")
		for _, other := range []string{patched(t, "item.amount", "2501"), seedBody + " "} {
			w := s.api("POST", "/sessions", other, "Idempotency-Key", "k")
			wantRefusal(t, w, http.StatusUnprocessableEntity, "idempotency_key_reused", "")
			if e := apiErrorOf(t, w); e.Type != "idempotency_error" {
				t.Errorf("type is %s", e.Type)
			}
		}
		if n := s.count("sessions", "1 = 1"); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestIdempotencyOtherKeysAndOtherModesAreNew(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		ids := map[any]bool{}
		live := s.liveKey()
		for _, headers := range [][]string{
			{"Idempotency-Key", "k"}, {"Idempotency-Key", "K"}, {"Idempotency-Key", "k", "Authorization", live}, {}, {},
		} {
			w := s.api("POST", "/sessions", seedBody, headers...)
			if w.Code != http.StatusCreated || w.Header().Get("Idempotent-Replayed") != "" {
				t.Errorf("%v answered %d, replayed %q", headers[:min(2, len(headers))], w.Code, w.Header().Get("Idempotent-Replayed"))
			}
			ids[decode(t, w)["id"]] = true
		}
		if len(ids) != 5 {
			t.Errorf("%d sessions, want 5", len(ids))
		}
	})
}

func TestIdempotencyHoldsForAnotherKeyOfTheSameMode(t *testing.T) {
	s := apiShop(t)
	first := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k")
	rotated, err := s.co.CreateKey(t.Context(), Test, "successor")
	apiMust(t, err)
	again := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k", "Authorization", "Bearer "+rotated)
	if again.Body.String() != first.Body.String() {
		t.Error("a rotated key makes a second order of a repeated request")
	}
}

func TestIdempotencyForgetsValidationErrors(t *testing.T) {
	s := apiShop(t)
	wantRefusal(t, s.api("POST", "/sessions", patched(t, "item.amount", "-1"), "Idempotency-Key", "k"), 400, "amount_too_small", "line_items[0].amount")
	if w := s.api("POST", "/sessions", seedBody, "Idempotency-Key", "k"); w.Code != http.StatusCreated || w.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("the mended request answered %d: %s", w.Code, w.Body)
	}
}

func TestIdempotencyKeyHeader(t *testing.T) {
	s := apiShop(t)
	for name, c := range map[string]struct {
		values []string
		good   bool
	}{
		"one character": {[]string{"x"}, true},
		"255":           {[]string{strings.Repeat("~", 255)}, true},
		"printable":     {[]string{`a b"c\'d{}%$`}, true},
		"empty":         {[]string{""}, false},
		"256":           {[]string{strings.Repeat("x", 256)}, false},
		"two headers":   {[]string{"a", "a"}, false},
		"umlaut":        {[]string{"ü"}, false},
		"tab":           {[]string{"a\tb"}, false},
		"DEL":           {[]string{"a\x7f"}, false},
		"NUL":           {[]string{"a\x00"}, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/checkout/v1/sessions", strings.NewReader(seedBody))
		r.Header.Set("Authorization", "Bearer "+s.key)
		r.Header.Set("Content-Type", "application/json")
		r.Header["Idempotency-Key"] = c.values
		w := s.do(r)
		if c.good {
			if w.Code != http.StatusCreated {
				t.Errorf("%s answered %d: %s", name, w.Code, w.Body)
			}
			continue
		}
		wantRefusal(t, w, http.StatusBadRequest, "idempotency_key_invalid", "")
	}
}

func TestIdempotencyInProcess(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		params := orderParams()
		params.IdempotencyKey = "k"
		params.Metadata = map[string]any{"a": "1", "b": 2}
		first, err := s.co.CreateSession(t.Context(), params)
		apiMust(t, err)
		again, err := s.co.CreateSession(t.Context(), params)
		apiMust(t, err)
		if again.ID != first.ID || first.Replayed() || !again.Replayed() {
			t.Errorf("ids %s and %s, replayed %v and %v", first.ID, again.ID, first.Replayed(), again.Replayed())
		}
		for name, change := range map[string]func(*SessionParams){
			"amount": func(p *SessionParams) {
				p.LineItems = []LineItem{{Name: "Tea", Amount: 501, Currency: "eur", Quantity: 1}}
			},
			"metadata": func(p *SessionParams) { p.Metadata = map[string]any{"a": "2"} },
		} {
			other := params
			change(&other)
			if _, err := s.co.CreateSession(t.Context(), other); !errors.Is(err, ErrKeyReused) {
				t.Errorf("another %s under the key: %v", name, err)
			}
		}
		bad := params
		bad.IdempotencyKey = "ü"
		var e *Error
		if _, err := s.co.CreateSession(context.Background(), bad); !errors.As(err, &e) || e.Code != "idempotency_key_invalid" {
			t.Errorf("a bad key: %v", err)
		}
	})
}

// orderParams is a small order for calls in process.
func orderParams() SessionParams {
	return SessionParams{
		Mode: Test, LineItems: []LineItem{{Name: "Tea", Amount: 500, Currency: "EUR", Quantity: 1}},
		SuccessURL: "https://a.example/s", CancelURL: "https://a.example/c",
	}
}
