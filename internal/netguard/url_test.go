package netguard

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	tests := []struct {
		url  string
		test bool   // AllowHTTP
		want string // part of the message, empty when the URL is fine
	}{
		{"https://shop.example/hooks", false, ""},
		{"HTTPS://Shop.Example/hooks?a=b%20c&d=%0d%0a", false, ""},
		{"https://shop.example:443", false, ""},
		{"https://shop.example:8443/", false, ""},
		{"https://xn--mller-kva.example/", false, ""},
		{"https://a_b.example/", false, ""},
		{"https://2130706433.example/", false, ""},
		{"https://93.184.216.34/", false, ""},
		{"https://[2606:2800:220:1::1]:8443/", false, ""},
		{"https://localhost/", false, ""}, // a name: decided when connecting
		{"http://shop.example/", true, ""},
		{"http://shop.example:8080/", true, ""},
		{"https://shop.example:80/", true, ""},
		{"https://shop.example/" + strings.Repeat("a", 2048-21), false, ""},

		{"", false, "empty"},
		{"https://shop.example/" + strings.Repeat("a", 2048-20), false, "2048 bytes"},
		{"http://shop.example/", false, "https://"},
		{"ftp://shop.example/", true, "https:// or http://"},
		{"javascript:alert(1)", true, "https:// or http://"},
		{"shop.example/hooks", false, "https://"},
		{"//shop.example/hooks", false, "https://"},
		{"https:shop.example", false, "host must not be empty"},
		{"https:///hooks", false, "host must not be empty"},
		{"https://:443/", false, "host must not be empty"},
		{"https://user@shop.example/", false, "user name"},
		{"https://user:pass@shop.example/", false, "user name"},
		{"https://@shop.example/", false, "user name"},
		{"https://shop.example/#part", false, "fragment"},
		{"https://shop.example/#", false, "fragment"},
		{"https://shop.example/\r\nX-Evil: 1", false, "control"},
		{"https://shop.example/\t", false, "control"},
		{"https://shop.example/\x00", false, "control"},
		{"https://shop.example/\u0085", false, "control"},
		{"https://shop.example/\x7f", false, "control"},
		{"https://shop.example\\@evil.example/", false, "backslash"},
		{"https://shop.example/\xff", false, "UTF-8"},
		{"https://shop example/", false, "parsed"},
		{"https://shop.example:port/", false, "parsed"},
		{"https://shop.example/%zz", false, "parsed"},
		{" https://shop.example/", false, "parsed"},
		{"https://müller.example/", false, "ASCII"},
		{"https://shop.example。/", false, "ASCII"},
		{"https://１２７.0.0.1/", false, "ASCII"},
		{"https://sh%6fp.example/", false, "parsed"},
		{"https://sh%c3%b6p.example/", false, "ASCII"},
		{"https://shop..example/", false, "ASCII"},
		{"https://shop.example./", false, "ASCII"},
		{"https://.shop.example/", false, "ASCII"},
		{"https://*.example/", false, "ASCII"},
		{"https://" + strings.Repeat("a", 64) + ".example/", false, "ASCII"},
		{"https://" + strings.Repeat("a.", 125) + "test/", false, "253"},
		{"https://127.1/", false, "end in a number"},
		{"https://2130706433/", false, "end in a number"},
		{"https://0x7f000001/", false, "end in a number"},
		{"https://0X7F.0x1/", false, "end in a number"},
		{"https://shop.0x/", false, "end in a number"},
		{"https://0177.0.0.1/", false, "end in a number"},
		{"https://shop.example:0/", false, "between 1 and 65535"},
		{"https://shop.example:65536/", false, "between 1 and 65535"},
		{"https://shop.example:80/", false, "one of 443, 8443"},
		{"https://shop.example:22/", true, "one of 443, 8443, 80, 8080"},
		{"https://93.184.216.34:22/", false, "one of 443, 8443"},
		{"https://127.0.0.1/", false, "not permitted"},
		{"https://[::1]/", false, "not permitted"},
		{"https://[::ffff:10.0.0.1]/", false, "not permitted"},
		{"https://[fe80::1%25eth0]/", false, "not permitted"},
	}
	for _, tt := range tests {
		checkMessage(t, tt.url, Options{AllowHTTP: tt.test}.CheckURL(tt.url), tt.want)
	}
}

func TestCheckURLWithExemptions(t *testing.T) {
	tests := []struct {
		allow, url, want string
	}{
		{"hooks.internal", "http://hooks.internal:4242/", ""},
		{"hooks.internal", "http://HOOKS.internal:4242/", ""},
		{"hooks.internal", "http://other.internal:4242/", "one of"},
		{"hooks.internal", "http://user@hooks.internal:4242/", "user name"},
		{"127.0.0.1", "http://127.0.0.1:4242/", ""},
		{"127.0.0.1", "http://127.0.0.2:4242/", "one of"},
		{"127.0.0.1", "http://127.0.0.2/", "not permitted"},
		{"127.0.0.0/8", "http://localhost:4242/", ""}, // decided when connecting
		{"::1", "http://[::1]:4242/", ""},
		{"*", "http://shop.example/", "exempt host"},
	}
	for _, tt := range tests {
		o := Options{AllowHTTP: true, AllowHosts: []string{tt.allow}}
		checkMessage(t, tt.url, o.CheckURL(tt.url), tt.want)
	}
}

func checkMessage(t *testing.T, url string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("CheckURL(%q) = %v", url, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("CheckURL(%q) = %v, want %q in it", url, err, want)
	}
	if want == "not permitted" && !errors.Is(err, ErrBlocked) {
		t.Errorf("CheckURL(%q) = %v, want ErrBlocked", url, err)
	}
}

// No input may slip a second host, user info or a raw line break past the check.
func FuzzCheckURL(f *testing.F) {
	for _, host := range hostile {
		f.Add("https://" + host + "/")
	}
	f.Add("https://shop.example/hooks?a=%0d%0a")
	f.Fuzz(func(t *testing.T, raw string) {
		if (Options{AllowHTTP: true}).CheckURL(raw) != nil {
			return
		}
		if strings.ContainsAny(raw, "\r\n\x00\\#") || len(raw) > maxURLBytes {
			t.Errorf("accepted %q", raw)
		}
		_, rest, _ := strings.Cut(raw, "//")
		authority, _, _ := strings.Cut(rest, "/")
		authority, _, _ = strings.Cut(authority, "?")
		if strings.Contains(authority, "@") || strings.ContainsFunc(authority, func(r rune) bool { return r > 127 }) {
			t.Errorf("accepted %q", raw)
		}
	})
}
