package checkout

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestPostSessionReadsJSONStrictly(t *testing.T) {
	s := apiShop(t)
	in := func(old, new string) string { return strings.Replace(seedBody, old, new, 1) }
	for name, c := range map[string]struct{ body, code, param string }{
		"empty":                   {" \n", "body_empty", ""},
		"half":                    {seedBody[:40], "body_invalid_json", ""},
		"array":                   {"[" + seedBody + "]", "body_invalid_json", ""},
		"string":                  {`"x"`, "body_invalid_json", ""},
		"null":                    {`null`, "body_invalid_json", ""},
		"form":                    {"success_url=https%3A%2F%2Fx", "body_invalid_json", ""},
		"byte order mark":         {"\ufeff" + seedBody, "body_invalid_json", ""},
		"trailing text":           {seedBody + "x", "body_invalid_json", ""},
		"second object":           {seedBody + seedBody, "body_invalid_json", ""},
		"trailing comma":          {in(`"12345"}}`, `"12345"},}`), "body_invalid_json", ""},
		"comment":                 {in(`{`, `{/*x*/`), "body_invalid_json", ""},
		"single quotes":           {in(`"eur"`, `'eur'`), "body_invalid_json", ""},
		"duplicate at the top":    {in(`{`, `{"cancel_url":"https://a.example",`), "body_invalid_json", ""},
		"duplicate in an item":    {in(`"amount":2500`, `"amount":1,"amount":2500`), "body_invalid_json", ""},
		"duplicate by escape":     {in(`"amount":2500`, `"amount":2500,"\u0061mount":1`), "body_invalid_json", ""},
		"duplicate in metadata":   {in(`"order_id"`, `"order_id":"1","order_id"`), "body_invalid_json", ""},
		"case twin":               {in(`"amount":2500`, `"amount":2500,"AMOUNT":1`), "parameter_unknown", "line_items[0].AMOUNT"},
		"case twin at the top":    {in(`{`, `{"Line_Items":[],`), "parameter_unknown", "Line_Items"},
		"long s twin":             {in(`{`, `{"succeſs_url":"https://evil.example",`), "parameter_unknown", "succeſs_url"},
		"invalid UTF-8":           {in(`Premium`, "Pre\xffmium"), "body_invalid_json", ""},
		"overlong UTF-8":          {in(`Premium`, "\xc0\xaf"), "body_invalid_json", ""},
		"invalid UTF-8 in a name": {in(`order_id`, "order\xffid"), "body_invalid_json", ""},
		"half a surrogate pair":   {in(`Premium`, `\ud83d`), "body_invalid_json", ""},
		"NUL as itself":           {in(`Premium`, "Pre\x00mium"), "body_invalid_json", ""},
		"NUL escaped":             {in(`Premium`, `Pre\u0000mium`), "parameter_invalid_string", ""},
		"NUL in metadata":         {in(`12345`, `\u0000`), "parameter_invalid_string", ""},
		"NUL in a name":           {in(`order_id`, `order\u0000`), "parameter_invalid_string", ""},
		"NaN":                     {in(`2500`, `NaN`), "body_invalid_json", ""},
		"leading zero":            {in(`2500`, `02500`), "body_invalid_json", ""},
		"plus":                    {in(`2500`, `+2500`), "body_invalid_json", ""},
		"nine levels":             {in(`"12345"`, strings.Repeat(`[`, 7)+strings.Repeat(`]`, 7)), "body_invalid_json", ""},
		"eight levels":            {in(`"12345"`, strings.Repeat(`[`, 6)+strings.Repeat(`]`, 6)), "metadata_invalid", "metadata.order_id"},
		"depth bomb":              {strings.Repeat(`[`, 100_000), "body_invalid_json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, s.api("POST", "/sessions", c.body), http.StatusBadRequest, c.code, c.param)
		})
	}
	if n := s.count("sessions", "1 = 1"); n != 0 {
		t.Errorf("%d sessions were stored", n)
	}
}

func TestPostSessionTakesEqualSpellings(t *testing.T) {
	s := apiShop(t)
	for name, body := range map[string]string{
		"white space":    " \r\n\t" + strings.ReplaceAll(seedBody, ",", " ,\n\t") + "\n",
		"escaped letter": strings.Replace(seedBody, `"amount"`, `"\u0061mount"`, 1),
		"escaped slash":  strings.ReplaceAll(seedBody, `/`, `\/`),
		"null members":   strings.Replace(seedBody, `{`, `{"locale":null,"billing_details":null,"payment_methods":null,"expires_in":null,`, 1),
		"negative zero":  strings.Replace(seedBody, `2500`, `-0`, 1),
	} {
		if w := s.api("POST", "/sessions", body); w.Code != http.StatusCreated {
			t.Errorf("%s answered %d: %s", name, w.Code, w.Body)
		}
	}
}

func TestPostSessionContentType(t *testing.T) {
	s := apiShop(t)
	for value, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, `APPLICATION/JSON; Charset="UTF-8"`: 201,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
		"application/json; charset=latin1": 415, "application/json;;": 415, "application/jsonp": 415, "text/json": 415,
	} {
		w := s.api("POST", "/sessions", seedBody, "Content-Type", value)
		if w.Code != status {
			t.Errorf("%q answered %d, want %d", value, w.Code, status)
		}
		if status == 415 {
			wantRefusal(t, w, 415, "content_type_unsupported", "")
		}
	}
}

func TestPostSessionBodySize(t *testing.T) {
	s := apiShop(t)
	padded := func(n int) string { return seedBody + strings.Repeat(" ", n-len(seedBody)) }
	if w := s.api("POST", "/sessions", padded(256<<10)); w.Code != http.StatusCreated {
		t.Errorf("256 KiB answered %d: %s", w.Code, w.Body)
	}
	wantRefusal(t, s.api("POST", "/sessions", padded(256<<10+1)), http.StatusRequestEntityTooLarge, "body_too_large", "")
}

// A body made to be expensive must not be answered with one many times its size.
func TestPostSessionHostileBodiesGetShortAnswers(t *testing.T) {
	s := apiShop(t)
	var members, keys, items strings.Builder
	for i := range 15_000 {
		fmt.Fprintf(&members, `"f%d":1,`, i)
		fmt.Fprintf(&keys, `,"k%d":1`, i)
		items.WriteString(`{"x":1},`)
	}
	for name, body := range map[string]string{
		"unknown members": "{" + members.String() + seedBody[1:],
		"metadata keys":   patched(t, "metadata", `{"a":1`+keys.String()+"}"),
		"line items":      patched(t, "line_items", "["+items.String()+`{"y":1}]`),
	} {
		w := s.api("POST", "/sessions", body)
		if w.Code != http.StatusBadRequest || w.Body.Len() > 64<<10 {
			t.Errorf("%s: %d in %d bytes", name, w.Code, w.Body.Len())
		}
	}
}
