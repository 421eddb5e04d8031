package checkout

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jopay/checkout/internal/canonjson"
)

// FuzzPostSession: no body ends in a 5xx, and what is accepted has metadata that survives its receivers, six keys first,
// and a success_url that leads to the merchant's own host.
func FuzzPostSession(f *testing.F) {
	s := apiShop(f)
	for _, rule := range fieldRules {
		if len(rule.raw) < 1000 {
			f.Add([]byte(patched(f, rule.at, rule.raw)))
		}
	}
	for _, c := range surgeries {
		f.Add([]byte(patched(f, "success_url", apiQuoted(c.raw))))
	}
	f.Add([]byte(`{"amount_cents":4999,"currency":"USD","description":"Annual plan"` + olderURLs))
	f.Add([]byte(patched(f, "metadata", `{"\u2028<&>":"\ud83d\ude00\u007f","10":-0,"9":1e-7,"a":1E21,"b":0.1}`)))
	api := s.co.API()
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/api/checkout/v1/sessions", strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+s.key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusCreated:
			fuzzAccepted(t, w.Body.Bytes())
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if e := apiErrorOf(t, w); e.Code == "" || e.Message == "" || e.RequestID == "" {
				t.Errorf("answered %s", w.Body)
			}
		default:
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
	})
}

func fuzzAccepted(t *testing.T, body []byte) {
	var got struct {
		ID         string          `json:"id"`
		Amount     int64           `json:"amount_cents"`
		Tax        int64           `json:"amount_tax_cents"`
		Metadata   json.RawMessage `json:"metadata"`
		SuccessURL string          `json:"success_url"`
		Items      []LineItem      `json:"line_items"`
	}
	apiMust(t, json.Unmarshal(body, &got))
	if !utf8.Valid(body) || !strings.HasPrefix(string(body), `{"id":"`+got.ID+`","checkout_url":"`) {
		t.Errorf("answered %s", body)
	}
	if err := canonjson.Fixed(got.Metadata); err != nil {
		t.Errorf("metadata %s: %v", got.Metadata, err)
	}
	var total int64
	for _, it := range got.Items {
		total += it.Total()
	}
	if got.Amount != total || total < 0 || total > maxAmount || got.Tax < 0 || got.Tax > total {
		t.Errorf("amount %d and tax %d of %v", got.Amount, got.Tax, got.Items)
	}
	if _, ok := parseWebURL(successURL(got.SuccessURL, got.ID)); !ok && len(got.SuccessURL) < maxURL-100 {
		t.Errorf("success_url %q is no URL with the id in it", got.SuccessURL)
	}
}

// FuzzSuccessURL: an accepted URL keeps its host and every byte of its own, and the receiver can read the id.
func FuzzSuccessURL(f *testing.F) {
	for _, c := range surgeries {
		f.Add(c.raw)
	}
	for _, raw := range hostileURLs {
		f.Add(raw)
	}
	id := "cs_" + hex44("a")
	f.Fuzz(func(t *testing.T, raw string) {
		before, ok := parseWebURL(raw)
		if !ok {
			return
		}
		got := successURL(raw, id)
		after, err := url.Parse(got)
		if err != nil || originOf(before) != originOf(after) || before.Scheme != after.Scheme || after.User != nil {
			t.Fatalf("%q becomes %q: %v", raw, got, err)
		}
		if strings.ContainsFunc(got, unsafeInURL) {
			t.Errorf("%q becomes %q", raw, got)
		}
		if strings.Contains(raw, "{CHECKOUT_SESSION_ID}") {
			if got != strings.ReplaceAll(raw, "{CHECKOUT_SESSION_ID}", id) {
				t.Errorf("%q becomes %q", raw, got)
			}
			return
		}
		i := strings.Index(got, "session_id="+id)
		rest := strings.Replace(got, "session_id="+id, "", 1)
		if i < 0 || (rest != raw && rest[:i-1]+rest[i:] != raw) {
			t.Errorf("%q becomes %q: bytes of the merchant's changed", raw, got)
		}
		if before.Path != after.Path || before.Fragment != after.Fragment {
			t.Errorf("%q becomes %q: another path or fragment", raw, got)
		}
		if query := after.RawQuery; query != "session_id="+id && !strings.HasSuffix(query, "&session_id="+id) {
			// A query that ends with a question mark of its own is the only one that takes no separator.
			if !strings.HasSuffix(query, "?session_id="+id) {
				t.Errorf("%q becomes %q: the id is not a parameter of its own", raw, got)
			}
		}
	})
}

// FuzzEmail: what is accepted is one bare address that can stand in a header, a command line and a page as it is.
func FuzzEmail(f *testing.F) {
	for _, s := range []string{
		"customer@example.com", "-oQ@example.com", `"a b"@example.com`, "a@b", "a@[127.0.0.1]", "a@example.com\r\nBcc: b@example.com", "Jo <a@example.com>",
		"a(b)@example.com", "=?utf-8?q?a?=@example.com", "ü@exämple.example", "a@example.com,b@example.com", "a\u202e@example.com", "g:a@example.com;", "a@b@c.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !validEmail(s) {
			return
		}
		list, err := mail.ParseAddressList(s)
		if err != nil || len(list) != 1 || list[0].Address != s || list[0].Name != "" {
			t.Fatalf("%q is not one bare address: %v, %v", s, list, err)
		}
		bad := func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>,;:"()[]\`, r)
		}
		if len(s) > 254 || s[0] == '-' || !utf8.ValidString(s) || strings.ContainsFunc(s, bad) || strings.Count(s, "@") != 1 {
			t.Errorf("%q was accepted", s)
		}
		if (&mail.Address{Address: s}).String() != "<"+s+">" && utf8.RuneCountInString(s) == len(s) {
			t.Errorf("%q is written as %s", s, (&mail.Address{Address: s}).String())
		}
	})
}
