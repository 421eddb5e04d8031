package checkout

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPostSessionAnswersTheSeedsSixKeysFirstAndOursInOrder(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		w := s.api("POST", "/sessions", seedBody)
		id, _ := decode(t, w)["id"].(string)
		if !regexp.MustCompile(fmt.Sprintf(`^cs_%012x[0-9a-f]{32}$`, s.clock.now().UnixMilli())).MatchString(id) {
			t.Fatalf("id is %q", id)
		}
		want := strings.ReplaceAll(`{"id":"ID","checkout_url":"http://shop.test/checkout/ID","status":"pending","amount_cents":2500,"currency":"eur",`+
			`"expires_at":"2025-01-10T13:00:00Z","object":"checkout.session","url":"http://shop.test/checkout/ID","livemode":false,`+
			`"payment_status":"unpaid","customer_email":"customer@example.com","metadata":{"order_id":"12345"},"client_reference_id":null,`+
			`"line_items":[{"name":"Premium Coffee Beans","amount":2500,"currency":"eur","quantity":1,"description":null,"image_url":null,`+
			`"sku":null,"tax_rate_bp":null,"tax_name":null}],"amount_tax_cents":0,"amount_refunded_cents":0,"billing_details":null,`+
			`"locale":"auto","payment_methods":null,"success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel",`+
			`"payment_id":null,"invoice_id":null,"last_error":null,"created_at":"2025-01-10T12:00:00Z","completed_at":null,"expired_at":null}`, "ID", id)
		if w.Code != http.StatusCreated || w.Body.String() != want {
			t.Errorf("answered %d\n%s\nwant 201\n%s", w.Code, w.Body, want)
		}
		if w := s.api("GET", "/sessions/"+id, ""); w.Body.String() != want {
			t.Errorf("read back as %s", w.Body)
		}
	})
}

// The rules of api.md §4, one row each. A row without a code is accepted.
var fieldRules = []struct{ at, raw, code, param string }{
	{"line_items", ``, "parameter_missing", "line_items"},
	{"line_items", `null`, "parameter_missing", "line_items"},
	{"line_items", `[]`, "parameter_missing", "line_items"},
	{"line_items", `{}`, "parameter_invalid_string", "line_items"},
	{"line_items", `[1]`, "parameter_invalid_string", "line_items[0]"},
	{"line_items", manyItems(100), "", ""},
	{"line_items", manyItems(101), "too_many_line_items", "line_items"},

	{"item.name", ``, "parameter_missing", "line_items[0].name"},
	{"item.name", `"  \t "`, "parameter_missing", "line_items[0].name"},
	{"item.name", `7`, "parameter_invalid_string", "line_items[0].name"},
	{"item.name", apiQuoted(strings.Repeat("ü", 250)), "", ""},
	{"item.name", apiQuoted(strings.Repeat("ü", 251)), "parameter_too_long", "line_items[0].name"},
	{"item.name", apiQuoted(" " + strings.Repeat("x", 250) + " "), "", ""},

	{"item.amount", ``, "parameter_missing", "line_items[0].amount"},
	{"item.amount", `null`, "parameter_missing", "line_items[0].amount"},
	{"item.amount", `0`, "", ""},
	{"item.amount", `99999999`, "", ""},
	{"item.amount", `100000000`, "amount_too_large", "line_items[0].amount"},
	{"item.amount", `9223372036854775808`, "amount_too_large", "line_items[0].amount"},
	{"item.amount", `-1`, "amount_too_small", "line_items[0].amount"},
	{"item.amount", `-9223372036854775809`, "amount_too_small", "line_items[0].amount"},
	{"item.amount", `1.5`, "parameter_invalid_integer", "line_items[0].amount"},
	{"item.amount", `25.0`, "parameter_invalid_integer", "line_items[0].amount"},
	{"item.amount", `25e2`, "parameter_invalid_integer", "line_items[0].amount"},
	{"item.amount", `25E2`, "parameter_invalid_integer", "line_items[0].amount"},
	{"item.amount", `"2500"`, "parameter_invalid_integer", "line_items[0].amount"},
	{"item.amount", `true`, "parameter_invalid_integer", "line_items[0].amount"},
	{"item.amount", `[2500]`, "parameter_invalid_integer", "line_items[0].amount"},

	{"item.currency", ``, "parameter_missing", "line_items[0].currency"},
	{"item.currency", `"EuR"`, "", ""},
	{"item.currency", `"jpy"`, "", ""},
	{"item.currency", `"kwd"`, "", ""},
	{"item.currency", `"EUR "`, "currency_unsupported", "line_items[0].currency"},
	{"item.currency", `"eu"`, "currency_unsupported", "line_items[0].currency"},
	{"item.currency", `"xxx"`, "currency_unsupported", "line_items[0].currency"},
	{"item.currency", `"€"`, "currency_unsupported", "line_items[0].currency"},
	{"item.currency", `"ınr"`, "currency_unsupported", "line_items[0].currency"},
	{"item.currency", `978`, "parameter_invalid_string", "line_items[0].currency"},

	{"item.quantity", ``, "", ""},
	{"item.quantity", `999999`, "amount_too_large", "line_items"},
	{"item.quantity", `1000000`, "quantity_invalid", "line_items[0].quantity"},
	{"item.quantity", `0`, "quantity_invalid", "line_items[0].quantity"},
	{"item.quantity", `-1`, "quantity_invalid", "line_items[0].quantity"},
	{"item.quantity", `1e3`, "parameter_invalid_integer", "line_items[0].quantity"},
	{"item.quantity", `"2"`, "parameter_invalid_integer", "line_items[0].quantity"},

	{"item.description", apiQuoted(strings.Repeat("x", 500)), "", ""},
	{"item.description", apiQuoted(strings.Repeat("x", 501)), "parameter_too_long", "line_items[0].description"},
	{"item.sku", apiQuoted(strings.Repeat("x", 64)), "", ""},
	{"item.sku", apiQuoted(strings.Repeat("x", 65)), "parameter_too_long", "line_items[0].sku"},
	{"item.image_url", `"https://cdn.example/a.png"`, "", ""},
	{"item.image_url", `"http://cdn.example/a.png"`, "url_invalid", "line_items[0].image_url"},
	{"item.image_url", `""`, "url_invalid", "line_items[0].image_url"},
	{"item.image_url", `"data:image/png;base64,AA"`, "url_invalid", "line_items[0].image_url"},
	{"item.image_url", apiQuoted(urlOfLength(2049)), "url_invalid", "line_items[0].image_url"},
	{"item.tax_rate_bp", `10000`, "", ""},
	{"item.tax_rate_bp", `10001`, "parameter_invalid_integer", "line_items[0].tax_rate_bp"},
	{"item.tax_rate_bp", `-1`, "parameter_invalid_integer", "line_items[0].tax_rate_bp"},
	{"item.tax_rate_bp", `19.5`, "parameter_invalid_integer", "line_items[0].tax_rate_bp"},
	{"item.tax_name", apiQuoted(strings.Repeat("x", 41)), "parameter_too_long", "line_items[0].tax_name"},
	{"item.price", `1`, "parameter_unknown", "line_items[0].price"},

	{"success_url", ``, "parameter_missing", "success_url"},
	{"success_url", `""`, "parameter_missing", "success_url"},
	{"success_url", `5`, "parameter_invalid_string", "success_url"},
	{"cancel_url", ``, "parameter_missing", "cancel_url"},
	{"cancel_url", `"/cancel"`, "url_invalid", "cancel_url"},
	{"success_url", apiQuoted(urlOfLength(2048)), "", ""},
	{"success_url", apiQuoted(urlOfLength(2049)), "url_invalid", "success_url"},

	{"customer_email", ``, "", ""},
	{"customer_email", `null`, "", ""},
	{"customer_email", `""`, "email_invalid", "customer_email"},
	{"customer_email", `["a@b.example"]`, "parameter_invalid_string", "customer_email"},

	{"metadata", ``, "", ""},
	{"metadata", `{}`, "", ""},
	{"metadata", `[]`, "metadata_invalid", "metadata"},
	{"metadata", `"x"`, "metadata_invalid", "metadata"},
	{"metadata", metadataOf(50), "", ""},
	{"metadata", metadataOf(51), "metadata_too_large", "metadata"},
	{"metadata", `{"":1}`, "metadata_invalid", "metadata"},
	{"metadata", `{"` + strings.Repeat("k", 40) + `":1}`, "", ""},
	{"metadata", `{"` + strings.Repeat("k", 41) + `":1}`, "metadata_invalid", "metadata"},
	{"metadata", `{"a":` + apiQuoted(strings.Repeat("é", 500)) + `}`, "", ""},
	{"metadata", `{"a":` + apiQuoted(strings.Repeat("é", 501)) + `}`, "metadata_invalid", "metadata.a"},
	{"metadata", `{"a":9007199254740991,"b":-1.5,"c":true}`, "", ""},
	{"metadata", `{"a":9007199254740992}`, "metadata_invalid", "metadata"},
	{"metadata", `{"a":1e400}`, "metadata_invalid", "metadata"},
	{"metadata", `{"a":null}`, "metadata_invalid", "metadata.a"},
	{"metadata", `{"a":{}}`, "metadata_invalid", "metadata.a"},
	{"metadata", `{"a":[1]}`, "metadata_invalid", "metadata.a"},
	{"metadata", `{"__proto__":1}`, "metadata_invalid", "metadata"},
	{"metadata", `{"10":"a","9":"b"}`, "", ""},
	{"metadata", `{"a":1,"A":2}`, "", ""},
	{"metadata", bigMetadata(), "metadata_too_large", "metadata"},

	{"client_reference_id", apiQuoted(strings.Repeat("x", 200)), "", ""},
	{"client_reference_id", apiQuoted(strings.Repeat("x", 201)), "parameter_too_long", "client_reference_id"},
	{"expires_in", `60`, "", ""},
	{"expires_in", `59`, "expires_out_of_range", "expires_in"},
	{"expires_in", `2592000`, "", ""},
	{"expires_in", `2592001`, "expires_out_of_range", "expires_in"},
	{"expires_in", `0`, "expires_out_of_range", "expires_in"},
	{"expires_in", `-3600`, "expires_out_of_range", "expires_in"},
	{"expires_in", `9223372036854775807`, "expires_out_of_range", "expires_in"},
	{"expires_in", `"3600"`, "parameter_invalid_integer", "expires_in"},

	{"billing_details", `{"name":"A","company":"B","tax_id":"C","address":{"line1":"1","line2":"2","city":"c","state":"s","postal_code":"p","country":"DE"}}`, "", ""},
	{"billing_details", `"x"`, "parameter_invalid_string", "billing_details"},
	{"billing_details", `{"name":` + apiQuoted(strings.Repeat("x", 201)) + `}`, "parameter_too_long", "billing_details.name"},
	{"billing_details", `{"company":` + apiQuoted(strings.Repeat("x", 201)) + `}`, "parameter_too_long", "billing_details.company"},
	{"billing_details", `{"tax_id":` + apiQuoted(strings.Repeat("x", 65)) + `}`, "parameter_too_long", "billing_details.tax_id"},
	{"billing_details", `{"vat":"x"}`, "parameter_unknown", "billing_details.vat"},
	{"billing_details", `{"address":{"zip":"x"}}`, "parameter_unknown", "billing_details.address.zip"},
	{"billing_details", `{"address":{"line1":` + apiQuoted(strings.Repeat("x", 201)) + `}}`, "parameter_too_long", "billing_details.address.line1"},
	{"billing_details", `{"address":{"country":"Germany"}}`, "country_invalid", "billing_details.address.country"},
	{"billing_details", `{"address":{"country":"EU"}}`, "country_invalid", "billing_details.address.country"},
	{"billing_details", `{"address":{"country":"ZZ"}}`, "country_invalid", "billing_details.address.country"},
	{"billing_details", `{"address":{"country":""}}`, "country_invalid", "billing_details.address.country"},

	{"locale", `"de"`, "", ""},
	{"locale", `"pt-BR"`, "", ""},
	{"locale", `"auto"`, "", ""},
	{"locale", `"not a locale"`, "parameter_invalid_string", "locale"},
	{"payment_methods", `["test_card"]`, "", ""},
	{"payment_methods", `[]`, "payment_method_unavailable", "payment_methods"},
	{"payment_methods", `["cash"]`, "payment_method_unavailable", "payment_methods[0]"},
	{"payment_methods", `["test_card","test_card"]`, "payment_method_unavailable", "payment_methods[1]"},
	{"payment_methods", `[1]`, "payment_method_unavailable", "payment_methods"},
	{"embed_origin", `"https://frame.example"`, "", ""},
	{"embed_origin", `"https://other.example"`, "embed_origin_not_allowed", "embed_origin"},
	{"late_payment", `"complete"`, "", ""},
	{"late_payment", `"keep"`, "parameter_invalid_string", "late_payment"},
	{"Success_URL", `"https://x.example"`, "parameter_unknown", "Success_URL"},
	{"ſuccess_url", `"https://x.example"`, "parameter_unknown", "ſuccess_url"},
	{"item.AMOUNT", `1`, "parameter_unknown", "line_items[0].AMOUNT"},
	{"status", `"completed"`, "parameter_unknown", "status"},
	{"id", `"cs_1"`, "parameter_unknown", "id"},
	{"mode", `"live"`, "parameter_unknown", "mode"},
	{"livemode", `true`, "parameter_unknown", "livemode"},
}

func manyItems(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(`{"name":"A","amount":1,"currency":"eur"},`, n), ",") + "]"
}

func urlOfLength(n int) string { return "https://a.example/" + strings.Repeat("x", n-18) }

func metadataOf(n int) string {
	m := map[string]int{}
	for i := range n {
		m[fmt.Sprint("key", i)] = i
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// bigMetadata keeps to every limit but the one of bytes.
func bigMetadata() string {
	m := map[string]string{}
	for i := range 40 {
		m[fmt.Sprint("key", i)] = strings.Repeat("é", 500)
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestPostSessionHoldsEveryFieldToItsRule(t *testing.T) {
	s := apiShop(t, func(c *Config) { c.EmbedOrigins = []string{"https://frame.example"} })
	for _, rule := range fieldRules {
		stored := s.count("sessions", "1 = 1")
		w := s.api("POST", "/sessions", patched(t, rule.at, rule.raw))
		if rule.code == "" {
			if w.Code != http.StatusCreated {
				t.Errorf("%s = %.80s answered %d: %s", rule.at, rule.raw, w.Code, w.Body)
			}
			continue
		}
		e := apiErrorOf(t, w)
		if w.Code != http.StatusBadRequest || e.Code != rule.code || orEmpty(e.Param) != rule.param || e.Type != "invalid_request_error" {
			t.Errorf("%s = %.80s answered %d %s at %q, want 400 %s at %q", rule.at, rule.raw, w.Code, e.Code, orEmpty(e.Param), rule.code, rule.param)
		}
		if len(e.Errors) == 0 || e.Errors[0] != (FieldError{Param: rule.param, Code: rule.code, Message: e.Message}) {
			t.Errorf("%s = %.80s: the first of errors is not the one at the top: %s", rule.at, rule.raw, w.Body)
		}
		if n := s.count("sessions", "1 = 1"); n != stored {
			t.Fatalf("%s = %.80s was refused and stored", rule.at, rule.raw)
		}
	}
}

func TestPostSessionTellsAllMistakesInOneAnswer(t *testing.T) {
	s := apiShop(t)
	w := s.api("POST", "/sessions", `{"line_items":[{"name":"","amount":"1","currency":"eur","quantity":0},{"name":"B","amount":-5,"currency":"usd","colour":"red"}],`+
		`"cancel_url":"javascript:alert(1)","customer_email":"nobody","expires_in":5,"metadata":{"a":[]},"foo":1}`)
	e := apiErrorOf(t, w)
	var got []string
	for _, f := range e.Errors {
		got = append(got, f.Param+" "+f.Code)
		if f.Message == "" {
			t.Errorf("%s has no message", f.Param)
		}
	}
	want := []string{
		"line_items[0].amount parameter_invalid_integer", "line_items[1].colour parameter_unknown", "foo parameter_unknown",
		"line_items[0].name parameter_missing", "line_items[0].quantity quantity_invalid", "line_items[1].amount amount_too_small",
		"line_items[1].currency currency_mixed", "success_url parameter_missing", "cancel_url url_invalid",
		"customer_email email_invalid", "expires_in expires_out_of_range", "metadata.a metadata_invalid",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if e.Code != e.Errors[0].Code || orEmpty(e.Param) != e.Errors[0].Param || e.Message != e.Errors[0].Message {
		t.Errorf("the first error is not repeated at the top: %s", w.Body)
	}
}

func TestPostSessionOneMistakeIsToldOnce(t *testing.T) {
	s := apiShop(t)
	for _, c := range []struct{ at, raw string }{
		{"line_items", `[1]`}, {"line_items", `"x"`}, {"item.amount", `"1"`}, {"item.currency", `1`}, {"item.quantity", `"1"`},
		{"item.name", `1`}, {"success_url", `1`}, {"customer_email", `""`}, {"metadata", `{"a":[]}`}, {"payment_methods", `[1]`},
		{"line_items", manyItems(500)},
	} {
		if e := apiErrorOf(t, s.api("POST", "/sessions", patched(t, c.at, c.raw))); len(e.Errors) != 1 {
			t.Errorf("%s = %.60s gave %d errors: %v", c.at, c.raw, len(e.Errors), e.Errors)
		}
	}
}

func TestPostSessionTotalsAndTax(t *testing.T) {
	s := apiShop(t)
	for name, c := range map[string]struct {
		items, code string
		total, tax  float64
		paid        string
	}{
		"sums":            {`{"name":"A","amount":250,"currency":"eur","quantity":3},{"name":"B","amount":1,"currency":"EUR"}`, "", 751, 0, "unpaid"},
		"later currency":  {`{"name":"A","amount":250,"currency":"Eur"},{"name":"B","amount":1}`, "", 251, 0, "unpaid"},
		"nothing due":     {`{"name":"A","amount":0,"currency":"eur","quantity":9}`, "", 0, 0, "no_payment_required"},
		"largest total":   {`{"name":"A","amount":99999998,"currency":"eur"},{"name":"B","amount":1,"currency":"eur"}`, "", 99999999, 0, "unpaid"},
		"one too many":    {`{"name":"A","amount":99999999,"currency":"eur"},{"name":"B","amount":1,"currency":"eur"}`, "amount_too_large", 0, 0, ""},
		"product too big": {`{"name":"A","amount":99999999,"currency":"eur","quantity":999999}`, "amount_too_large", 0, 0, ""},
		"tax inside":      {`{"name":"A","amount":11900,"currency":"eur","tax_rate_bp":1900}`, "", 11900, 1900, "unpaid"},
		"tax by rate":     {`{"name":"A","amount":3,"currency":"eur","tax_rate_bp":1900},{"name":"B","amount":3,"currency":"eur","tax_rate_bp":1900}`, "", 6, 1, "unpaid"},
		"two rates":       {`{"name":"A","amount":119,"currency":"eur","tax_rate_bp":1900},{"name":"B","amount":107,"currency":"eur","tax_rate_bp":700}`, "", 226, 26, "unpaid"},
		"tax of nothing":  {`{"name":"A","amount":0,"currency":"eur","tax_rate_bp":1900}`, "", 0, 0, "no_payment_required"},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.api("POST", "/sessions", patched(t, "line_items", "["+c.items+"]"))
			if c.code != "" {
				wantRefusal(t, w, 400, c.code, "line_items")
				return
			}
			got := decode(t, w)
			if got["amount_cents"] != c.total || got["amount_tax_cents"] != c.tax || got["payment_status"] != c.paid || got["currency"] != "eur" {
				t.Errorf("answered %s", w.Body)
			}
		})
	}
}

func TestPostSessionHundredItemsAtTheMaximumDoNotOverflow(t *testing.T) {
	items := slices.Repeat([]string{`{"name":"A","amount":99999999,"currency":"eur","quantity":999999}`}, 100)
	w := apiShop(t).api("POST", "/sessions", patched(t, "line_items", "["+strings.Join(items, ",")+"]"))
	wantRefusal(t, w, 400, "amount_too_large", "line_items")
}

func TestPostSessionKeepsWhatWasAskedFor(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(`{"line_items":[{"name":" Tea 茶 <&> ","amount":100,"currency":"JPY","quantity":2,"description":"d","image_url":"https://i.example/a","sku":"S","tax_rate_bp":1000,"tax_name":"消費税"}],` +
			`"success_url":"https://a.example/?b=1&a=2#f","cancel_url":"http://a.example/c","metadata":{"b":"<&>","10":1.50,"9":true,"a":"\u2028é\uD83D\uDE00"},` +
			`"client_reference_id":"R-1","expires_in":90,"locale":"de-AT","payment_methods":["test_card"],` +
			`"billing_details":{"name":"N","address":{"country":"AT"}}}`)
		w := s.api("GET", "/sessions/"+id, "")
		for _, want := range []string{
			`"metadata":{"9":true,"10":1.5,"b":"<&>","a":"` + "\u2028é😀" + `"}`,
			`"line_items":[{"name":"Tea 茶 <&>","amount":100,"currency":"jpy","quantity":2,"description":"d","image_url":"https://i.example/a","sku":"S","tax_rate_bp":1000,"tax_name":"消費税"}]`,
			`"expires_at":"2025-01-10T12:01:30Z"`, `"customer_email":null`, `"client_reference_id":"R-1"`, `"locale":"de-AT"`, `"payment_methods":["test_card"]`,
			`"billing_details":{"name":"N","company":null,"address":{"line1":null,"line2":null,"city":null,"state":null,"postal_code":null,"country":"AT"},"tax_id":null}`,
			`"success_url":"https://a.example/?b=1&a=2#f"`, `"cancel_url":"http://a.example/c"`, `"amount_tax_cents":18`,
		} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s is not in\n%s", want, w.Body)
			}
		}
	})
}
