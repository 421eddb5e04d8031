package checkout

import (
	"net/http"
	"strings"
	"testing"
)

const olderURLs = `,"success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel"}`

func TestOlderFormMakesTheSameSession(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		for body, want := range map[string]struct {
			name     string
			amount   float64
			currency string
		}{
			`{"amount_cents":4999,"currency":"USD","description":"Annual plan"`:                                           {"Annual plan", 4999, "usd"},
			`{"amount_cents":4999,"currency":"eur"`:                                                                       {"Payment", 4999, "eur"},
			`{"amount_cents":4999,"currency":"eur","description":" "`:                                                     {"Payment", 4999, "eur"},
			`{"amount_cents":4999,"currency":"eur","line_items":null`:                                                     {"Payment", 4999, "eur"},
			`{"amount_cents":0,"currency":"jpy"`:                                                                          {"Payment", 0, "jpy"},
			`{"amount_cents":600,"currency":"EUR","line_items":[{"name":"A","amount":300,"currency":"eur","quantity":2}]`: {"A", 600, "eur"},
		} {
			w := s.api("POST", "/sessions", body+olderURLs)
			got := decode(t, w)
			if w.Code != http.StatusCreated {
				t.Errorf("%s answered %d: %s", body, w.Code, w.Body)
				continue
			}
			items := got["line_items"].([]any)
			if item := items[0].(map[string]any); len(items) != 1 || item["name"] != want.name || got["amount_cents"] != want.amount || got["currency"] != want.currency {
				t.Errorf("%s answered %s", body, w.Body)
			}
			if got["url"] != got["checkout_url"] {
				t.Errorf("url %v is not checkout_url %v", got["url"], got["checkout_url"])
			}
		}
	})
}

func TestOlderFormTakesBillingDetails(t *testing.T) {
	s := apiShop(t)
	id := s.create(`{"amount_cents":100,"currency":"eur","billing_details":{"name":"Jo","address":{"line1":"Street 1","city":"Graz","postal_code":"8010","country":"AT"},"tax_id":"ATU1"}` + olderURLs)
	if w := s.api("GET", "/sessions/"+id, ""); !strings.Contains(w.Body.String(), `"billing_details":{"name":"Jo","company":null,"address":{"line1":"Street 1","line2":null,"city":"Graz","state":null,"postal_code":"8010","country":"AT"},"tax_id":"ATU1"}`) {
		t.Errorf("answered %s", w.Body)
	}
}

func TestOlderFormNamesItsOwnFields(t *testing.T) {
	s := apiShop(t)
	for body, want := range map[string][2]string{
		`{"amount_cents":-1,"currency":"eur"`:                                                    {"amount_too_small", "amount_cents"},
		`{"amount_cents":100000000,"currency":"eur"`:                                             {"amount_too_large", "amount_cents"},
		`{"amount_cents":"100","currency":"eur"`:                                                 {"parameter_invalid_integer", "amount_cents"},
		`{"amount_cents":1.5,"currency":"eur"`:                                                   {"parameter_invalid_integer", "amount_cents"},
		`{"amount_cents":100`:                                                                    {"parameter_missing", "currency"},
		`{"amount_cents":100,"currency":"zzz"`:                                                   {"currency_unsupported", "currency"},
		`{"amount_cents":100,"currency":5`:                                                       {"parameter_invalid_string", "currency"},
		`{"amount_cents":100,"currency":"eur","description":"` + strings.Repeat("x", 251) + `"`:  {"parameter_too_long", "description"},
		`{"amount_cents":100,"currency":"eur","quantity":2`:                                      {"parameter_unknown", "quantity"},
		`{"currency":"eur"`:                                                                      {"parameter_missing", "line_items"},
		`{"amount_cents":null,"currency":"eur"`:                                                  {"parameter_missing", "line_items"},
		`{"amount_cents":1,"line_items":[{"name":"A","amount":2,"currency":"eur"}]`:              {"amount_mismatch", "amount_cents"},
		`{"amount_cents":2,"line_items":[{"name":"A","amount":2,"currency":"eur","quantity":2}]`: {"amount_mismatch", "amount_cents"},
		`{"currency":"usd","line_items":[{"name":"A","amount":2,"currency":"eur"}]`:              {"currency_mixed", "currency"},
		`{"amount_cents":0,"currency":"eur","line_items":[]`:                                     {"parameter_missing", "line_items"},
		`{"amount_cents":9223372036854775807,"currency":"eur"`:                                   {"amount_too_large", "amount_cents"},
	} {
		w := s.api("POST", "/sessions", body+olderURLs)
		wantRefusal(t, w, http.StatusBadRequest, want[0], want[1])
		e := apiErrorOf(t, w)
		if strings.Contains(e.Message, "line_items[") {
			t.Errorf("%.60s is told in words of the newer form: %s", body, e.Message)
		}
	}
	if n := s.count("sessions", "1 = 1"); n != 0 {
		t.Errorf("%d sessions were stored", n)
	}
}

func TestOlderFormTellsAllMistakesByItsOwnNames(t *testing.T) {
	w := apiShop(t).api("POST", "/sessions", `{"amount_cents":-5,"currency":"nope","description":"`+strings.Repeat("x", 251)+`"}`)
	var params []string
	for _, f := range apiErrorOf(t, w).Errors {
		params = append(params, f.Param)
	}
	if got, want := strings.Join(params, " "), "description amount_cents currency success_url cancel_url"; got != want {
		t.Errorf("errors at %q, want %q", got, want)
	}
}
