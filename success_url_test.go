package checkout

import (
	"net/http"
	"strings"
	"testing"
)

// The id is put in by string surgery: every other byte is the merchant's, and may be signed.
var surgeries = []struct{ raw, want string }{
	{"https://a.example", "https://a.example?session_id=ID"},
	{"https://a.example/", "https://a.example/?session_id=ID"},
	{"https://yoursite.com/success", "https://yoursite.com/success?session_id=ID"},
	{"https://a.example/s?", "https://a.example/s?session_id=ID"},
	{"https://a.example/s?a=1", "https://a.example/s?a=1&session_id=ID"},
	{"https://a.example/s?a=1&", "https://a.example/s?a=1&session_id=ID"},
	{"https://a.example/s?a", "https://a.example/s?a&session_id=ID"},
	{"https://a.example/s?a=", "https://a.example/s?a=&session_id=ID"},
	{"https://a.example/s?b=2&a=1", "https://a.example/s?b=2&a=1&session_id=ID"},
	{"https://a.example/s?a=1&a=2", "https://a.example/s?a=1&a=2&session_id=ID"},
	{"https://a.example/s?a=%20b+c", "https://a.example/s?a=%20b+c&session_id=ID"},
	{"https://a.example/s?a=%7e~", "https://a.example/s?a=%7e~&session_id=ID"},
	{"https://a.example/s?a=%2f/", "https://a.example/s?a=%2f/&session_id=ID"},
	{"https://a.example/s?a=b;c=d", "https://a.example/s?a=b;c=d&session_id=ID"},
	{"https://a.example/s?a=%zz", "https://a.example/s?a=%zz&session_id=ID"},
	{"https://a.example/s?u=https://b.example/?x=1", "https://a.example/s?u=https://b.example/?x=1&session_id=ID"},
	{"https://a.example/s?a=1?", "https://a.example/s?a=1?session_id=ID"},
	{"https://a.example/s?sig=AbC%2BdE%3D%3D", "https://a.example/s?sig=AbC%2BdE%3D%3D&session_id=ID"},
	{"https://a.example/s?session_id=old", "https://a.example/s?session_id=old&session_id=ID"},
	{"https://a.example/s?a[]=1&a[x]=2", "https://a.example/s?a[]=1&a[x]=2&session_id=ID"},
	{"https://a.example/s?&", "https://a.example/s?&session_id=ID"},
	{"https://a.example/s#top", "https://a.example/s?session_id=ID#top"},
	{"https://a.example/s#", "https://a.example/s?session_id=ID#"},
	{"https://a.example/s?a=1#top", "https://a.example/s?a=1&session_id=ID#top"},
	{"https://a.example/s?#top", "https://a.example/s?session_id=ID#top"},
	{"https://a.example/s?a=1&#top", "https://a.example/s?a=1&session_id=ID#top"},
	{"https://a.example/#/route?x=1", "https://a.example/?session_id=ID#/route?x=1"},
	{"https://a.example#a?b", "https://a.example?session_id=ID#a?b"},
	{"https://a.example/s#a%23b", "https://a.example/s?session_id=ID#a%23b"},
	{"https://a.example/ä?ö=ü#ß", "https://a.example/ä?ö=ü&session_id=ID#ß"},
	{"https://a.example/%C3%A4", "https://a.example/%C3%A4?session_id=ID"},
	{"https://a.example/a/../b/./c//d", "https://a.example/a/../b/./c//d?session_id=ID"},
	{"https://a.example:8443/s", "https://a.example:8443/s?session_id=ID"},
	{"https://[::1]:8443/s", "https://[::1]:8443/s?session_id=ID"},
	{"HTTPS://A.Example/S", "HTTPS://A.Example/S?session_id=ID"},
	{"https://a.example/{CHECKOUT_SESSION_ID}", "https://a.example/ID"},
	{"https://a.example/s?order={CHECKOUT_SESSION_ID}&x=1", "https://a.example/s?order=ID&x=1"},
	{"https://a.example/s?x=1#{CHECKOUT_SESSION_ID}", "https://a.example/s?x=1#ID"},
	{"https://a.example/{CHECKOUT_SESSION_ID}?again={CHECKOUT_SESSION_ID}", "https://a.example/ID?again=ID"},
	{"https://a.example/s?a={checkout_session_id}", "https://a.example/s?a={checkout_session_id}&session_id=ID"},
	{"https://a.example/s?a=%7BCHECKOUT_SESSION_ID%7D", "https://a.example/s?a=%7BCHECKOUT_SESSION_ID%7D&session_id=ID"},
	{"https://a.example/s?a={CHECKOUT_SESSION_ID", "https://a.example/s?a={CHECKOUT_SESSION_ID&session_id=ID"},
}

func TestSuccessURLIsChangedByStringSurgery(t *testing.T) {
	for _, c := range surgeries {
		if got := successURL(c.raw, "ID"); got != c.want {
			t.Errorf("%s\nbecomes %s\nwant    %s", c.raw, got, c.want)
		}
	}
}

func TestSuccessURLIsAcceptedAndLedToByteForByte(t *testing.T) {
	s := apiShop(t)
	for _, c := range surgeries {
		w := s.api("POST", "/sessions", patched(t, "success_url", apiQuoted(c.raw)))
		if w.Code != http.StatusCreated {
			t.Errorf("%s answered %d: %s", c.raw, w.Code, w.Body)
			continue
		}
		got := decode(t, w)
		if got["success_url"] != c.raw {
			t.Errorf("%s is shown as %v", c.raw, got["success_url"])
		}
		id := got["id"].(string)
		if strings.ContainsFunc(c.raw, func(r rune) bool { return r > 0x7e }) {
			continue // headers carry ASCII
		}
		if to := s.pay(id, "4242424242424242").Header().Get("Location"); to != strings.ReplaceAll(c.want, "ID", id) && !strings.Contains(c.raw, "ID") {
			t.Errorf("%s led to %s", c.raw, to)
		}
	}
}

// hostileURLs are what a redirect must never be made of.
var hostileURLs = []string{
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://a.example", "blob:https://a.example/x", "about:blank",
	"//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https:/evil.example", "https:///evil.example", "https://", "http://", "https://:443/", "https://?x", "https://#x",
	"yoursite.com/success", "/success", "success", "?x", "#x", " https://a.example", "https://a.example ", "\thttps://a.example",
	"https://a.example\\@evil.example", "https://a.example/\\evil", "https://user@a.example", "https://user:pass@a.example", "https://@a.example", "https://a.example@evil.example",
	"https://a.example/\r\nSet-Cookie: x=1", "https://a.example/\n", "https://a.example/\x00", "https://a.example/\x7f", "https://a.example/a b", "https://a.example/\u0085", "https://a.example/\u00a0", "https://a.example/\u2028",
	"https://a.example:99999/", "https://a.example:0/", "https://a.example:/", "https://a.example:80a/", "https://a.example:-1/",
	"https://exämple.example/", "https://аpple.example/", "https://a.example%00.evil.example/", "https://a%2eexample/", "https://a.example%/", "https://[::1/", "https://[::1%25eth0]/", "https://::1/",
	"https://a<b>.example/", "https://{CHECKOUT_SESSION_ID}.example/", "https://a|b.example/", "https://a^b/", "https://a`b/", "ht tps://a.example", "http\n://a.example", "https://a.example/%zz",
}

func TestReturnURLsRefuseWhatLeadsElsewhere(t *testing.T) {
	s := apiShop(t)
	for _, field := range []string{"success_url", "cancel_url"} {
		for _, raw := range hostileURLs {
			wantCode := "url_invalid"
			if strings.Contains(raw, "\x00") {
				continue // strict JSON refuses NUL before
			}
			wantRefusal(t, s.api("POST", "/sessions", patched(t, field, apiQuoted(raw))), http.StatusBadRequest, wantCode, field)
		}
	}
	for _, raw := range hostileURLs {
		if _, ok := parseWebURL(raw); ok {
			t.Errorf("%q was taken", raw)
		}
	}
}

func TestReturnURLsOfLiveModeAreHTTPS(t *testing.T) {
	s := apiShop(t)
	live := s.liveKey()
	for raw, ok := range map[string]bool{
		"https://a.example/": true, "http://localhost/": true, "http://LOCALHOST:3000/": true, "http://127.0.0.1:3000/": true, "http://[::1]:3000/": true, "http://127.8.8.8/": true,
		"http://a.example/": false, "http://localhost.evil.example/": false, "http://192.168.0.1/": false, "http://127.0.0.1.nip.example/": false, "http://0x7f000001/": false,
	} {
		for _, field := range []string{"success_url", "cancel_url"} {
			w := s.api("POST", "/sessions", patched(t, field, apiQuoted(raw)), "Authorization", live)
			if ok != (w.Code == http.StatusCreated) {
				t.Errorf("live %s %s answered %d", field, raw, w.Code)
			}
			if !ok {
				wantRefusal(t, w, http.StatusBadRequest, "url_invalid", field)
			}
			if w := s.api("POST", "/sessions", patched(t, field, apiQuoted(raw))); w.Code != http.StatusCreated {
				t.Errorf("test %s %s answered %d", field, raw, w.Code)
			}
		}
	}
}

func TestReturnURLsKeepToTheAllowedOrigins(t *testing.T) {
	s := apiShop(t, func(c *Config) { c.AllowedRedirects = []string{"https://yoursite.com", "http://localhost:3000"} })
	for raw, ok := range map[string]bool{
		"https://yoursite.com/x?y#z": true, "HTTPS://YourSite.com:443/": true, "http://localhost:3000/": true,
		"http://yoursite.com/": false, "https://yoursite.com:8443/": false, "https://www.yoursite.com/": false, "https://yoursite.com.evil.example/": false, "http://localhost:3001/": false, "https://yoursite.comm/": false,
	} {
		for _, field := range []string{"success_url", "cancel_url"} {
			w := s.api("POST", "/sessions", patched(t, field, apiQuoted(raw)))
			if ok && w.Code != http.StatusCreated {
				t.Errorf("%s %s answered %d: %s", field, raw, w.Code, w.Body)
			}
			if !ok {
				wantRefusal(t, w, http.StatusBadRequest, "url_not_allowed", field)
			}
		}
	}
}

func TestCancelURLIsUsedAsGiven(t *testing.T) {
	s := apiShop(t)
	raw := "https://a.example/c?b=1&a=%7E;{CHECKOUT_SESSION_ID}#x"
	id := s.create(patched(t, "cancel_url", apiQuoted(raw)))
	if got := s.get(id)["cancel_url"]; got != raw {
		t.Errorf("shown as %v", got)
	}
}

func TestCustomerEmailIsOneBareAddress(t *testing.T) {
	s := apiShop(t)
	long := strings.Repeat("d", 60) + "."
	for address, ok := range map[string]bool{
		"customer@example.com": true, "a.b+c@sub.example.co": true, "o'hara@example.com": true, "x@xn--exmple-cua.example": true, "1@example.com": true, "ü@example.com": true,
		strings.Repeat("l", 64) + "@" + strings.Repeat(long, 3) + "abcdef":  true, // 254 bytes
		strings.Repeat("l", 64) + "@" + strings.Repeat(long, 3) + "abcdefg": false,
		strings.Repeat("l", 65) + "@example.com":                            false,
		"a@b":                                                               false, "a": false, "@": false, "@example.com": false, "a@": false, "a@@example.com": false, "a@b@example.com": false,
		"Jo <a@example.com>": false, "<a@example.com>": false, "a@example.com (Jo)": false, "a(Jo)@example.com": false, `"Jo"@example.com`: false, `"a b"@example.com`: false,
		"a@example.com,b@example.com": false, "a@example.com;b@example.com": false, "a@example.com b@example.com": false, "group:a@example.com;": false,
		"-oQ/tmp@example.com": false, "a@example.com\r\nBcc: b@example.com": false, "a@example.com\n": false, "\ta@example.com": false, " a@example.com": false, "a@exam ple.com": false,
		"a..b@example.com": false, ".a@example.com": false, "a.@example.com": false, "a@example..com": false, "a@.example.com": false, "a@[127.0.0.1]": false,
		"a\u200b@example.com": false, "a\u202e@example.com": false, "a\u2028@example.com": false, "a\u00a0b@example.com": false, "a\u0085@example.com": false, "=?utf-8?q?a?=@example.com": true,
	} {
		w := s.api("POST", "/sessions", patched(t, "customer_email", apiQuoted(address)))
		if ok && (w.Code != http.StatusCreated || decode(t, w)["customer_email"] != address) {
			t.Errorf("%q answered %d: %.200s", address, w.Code, w.Body)
		}
		if !ok {
			wantRefusal(t, w, http.StatusBadRequest, "email_invalid", "customer_email")
		}
	}
}
