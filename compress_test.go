package checkout

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, GZIP": true, "br;q=1.0, gzip;q=0.8, *;q=0.1": true, "gzip ; q=0.001": true, "gzip;q=1": true,
		"": false, "identity": false, "*": false, "gzip;q=0": false, "gzip;q=0.000": false, "gzip;q=x": false, "x-gzip": false, "gzipped": false, "br": false,
	} {
		if got := acceptsGzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
	if !acceptsGzip(http.Header{"Accept-Encoding": {"br", "gzip"}}) {
		t.Error("the second header was not read")
	}
}

// zipped asks for a path as browsers do; marks are headers that middleware has set before.
func (s *shop) zipped(method, path string, marks ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	w := httptest.NewRecorder()
	for i := 0; i+1 < len(marks); i += 2 {
		w.Header().Set(marks[i], marks[i+1])
	}
	s.mux.ServeHTTP(w, r)
	return w
}

func unzipped(t *testing.T, body []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var volatile = regexp.MustCompile(`name="token" value="[^"]+"|data-seconds="\d+"|req_\w+`)

func TestPagesAndFilesAreCompressedForThoseWhoTakeIt(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	for _, path := range []string{"/checkout/" + id, "/checkout/cs_unknown", "/checkout/assets/" + s.co.pages.style, "/checkout/assets/" + s.co.pages.script} {
		plain, zip, head := s.page(path), s.zipped("GET", path), s.zipped("HEAD", path)
		if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s, asked plainly: %v", path, plain.Header())
		}
		if zip.Header().Get("Content-Encoding") != "gzip" || zip.Header().Get("Vary") != "Accept-Encoding" || zip.Body.Len() >= plain.Body.Len()*2/3 {
			t.Errorf("%s, asked by a browser: %d of %d bytes, %v", path, zip.Body.Len(), plain.Body.Len(), zip.Header())
		}
		if got, want := volatile.ReplaceAllString(unzipped(t, zip.Body.Bytes()), ""), volatile.ReplaceAllString(plain.Body.String(), ""); got != want {
			t.Errorf("%s is another page when compressed: %s", path, got)
		}
		if zip.Header().Get("Content-Length") != strconv.Itoa(zip.Body.Len()) || head.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d bytes, %v; HEAD %v", path, zip.Body.Len(), zip.Header(), head.Header())
		}
		if zip.Code != plain.Code || zip.Header().Get("Content-Security-Policy") != plain.Header().Get("Content-Security-Policy") {
			t.Errorf("%s has other headers when compressed", path)
		}
	}
}

// Middleware leaves a mark before it calls a handler whose answer it will compress.
func TestNothingIsCompressedTwice(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	for _, marks := range [][]string{{"Content-Encoding", "gzip"}, {"Vary", "Accept-Encoding"}, {"Vary", "Origin, accept-encoding"}, {"Vary", "*"}} {
		for _, path := range []string{"/checkout/" + id, "/checkout/assets/" + s.co.pages.style} {
			w := s.zipped("GET", path, marks...)
			if bytes.HasPrefix(w.Body.Bytes(), []byte{0x1f, 0x8b}) || w.Header().Get(marks[0]) != marks[1] || len(w.Header().Values("Vary")) > 1 {
				t.Errorf("%v: %s is answered with %v", marks, path, w.Header())
			}
		}
	}
}

// The admin has secrets and a search field, and a login that goes along with every request (BREACH).
func TestTheAdminIsNotCompressed(t *testing.T) {
	s := oneShop(t)
	s.mux.Handle("/admin/checkout/", s.co.Admin(func(*http.Request) (Actor, Access, error) { return Actor{ID: "ada"}, AccessManage, nil }))
	for _, path := range []string{"/admin/checkout/test", "/admin/checkout/test/payments?q=x", "/admin/checkout/test/settings/keys"} {
		if w := s.zipped("GET", path); w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" || !strings.Contains(w.Body.String(), "<html") {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
	}
}

// BREACH needs a secret that stays the same over many answers: a form's token does not.
func TestFormTokensDifferFromSecondToSecond(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	first := s.form(id, "").Get("token")
	s.clock.advance(1e9)
	second := s.form(id, "").Get("token")
	same := 0
	for a, b := first[strings.LastIndexByte(first, '.')+1:], second[strings.LastIndexByte(second, '.')+1:]; same < len(a) && a[same] == b[same]; same++ {
	}
	if same > 16 {
		t.Errorf("the sums of two tokens share %d digits", same)
	}
}
