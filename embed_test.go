package checkout

import (
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const frameOrigin = "https://frame.example"

// framed is the seed for a shop that shows the page in its own.
var framed = strings.TrimSuffix(seedBody, "}") + `,"embed_origin":"` + frameOrigin + `"}`

func framingShop(t *testing.T, configure ...func(*Config)) *shop {
	t.Helper()
	return oneShop(t, append(configure, func(c *Config) { c.EmbedOrigins = []string{frameOrigin} })...)
}

// inFrameOf asks like a browser that loads a page into a frame of another site.
func (s *shop) inFrameOf(method, path string, form url.Values, dest string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if method == http.MethodPost { // a form of our own page, whose frame it is does not matter
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://shop.test")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if dest != "" {
		r.Header.Set("Sec-Fetch-Dest", dest)
	}
	return s.do(r)
}

func TestEmbedScript(t *testing.T) {
	s := oneShop(t)
	src, integrity := s.co.EmbedScript()
	versioned := strings.TrimPrefix(src, "http://shop.test")
	if !regexp.MustCompile(`^/checkout/embed\.[0-9a-f]{12}\.js$`).MatchString(versioned) {
		t.Fatalf("src is %q", src)
	}
	for path, caching := range map[string]string{"/checkout/embed.js": "public, max-age=600", versioned: "public, max-age=31536000, immutable"} {
		w := s.page(path)
		want := map[string]string{
			"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": caching, "Access-Control-Allow-Origin": "*",
			"Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff", "Set-Cookie": "",
		}
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		sum := sha512.Sum384(w.Body.Bytes())
		if got := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); w.Code != 200 || got != integrity {
			t.Errorf("%s: %d, %s; want %s", path, w.Code, got, integrity)
		}
		head := s.do(httptest.NewRequestWithContext(t.Context(), http.MethodHead, path, nil))
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != w.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d, %v", path, head.Code, head.Header())
		}
	}
	again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/checkout/embed.js", nil)
	again.Header.Set("If-None-Match", s.page("/checkout/embed.js").Header().Get("ETag"))
	if w := s.do(again); w.Code != http.StatusNotModified {
		t.Errorf("the same version again answers %d", w.Code)
	}
	if w := s.page("/checkout/embed.000000000000.js"); w.Code != http.StatusNotFound {
		t.Errorf("another version answers %d", w.Code)
	}
}

// The loader has 2 KB. What a page in a frame has in addition is a file of its own, so that it costs buyers at top level
// nothing, and small: with it the page stays within its 2.5 KB of script.
func TestEmbedWeight(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []byte
		limit  int
	}{{"loader", loader, 2048}, {"frame", frameScript, 640}} {
		t.Logf("%s: %d bytes", c.name, gzipped(c.script))
		if n := gzipped(c.script); n > c.limit {
			t.Errorf("%s: %d bytes, want at most %d", c.name, n, c.limit)
		}
	}
	p := mustPages(t)
	if strings.Contains(renderPage(t, p, coffeePage()), p.frame) {
		t.Error("a page at top level loads the script for frames")
	}
	if n := gzipped(p.assets[p.script].content) + gzipped(p.assets[p.frame].content); n > 2560 {
		t.Errorf("a page in a frame has %d bytes of script, want at most 2.5 KB", n)
	}
}

// Nothing in the scripts may need more of a shop's policy than script-src and frame-src, and no message goes to whoever.
func TestEmbedScriptsAreModest(t *testing.T) {
	p := mustPages(t)
	for name, script := range map[string]string{"embed.js": string(loader), "frame.js": string(p.assets[p.frame].content)} {
		for _, never := range []string{"eval", "Function(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "setAttribute(\"style", "createElement(\"style", "createElement(\"script", "cookie", "localStorage", "sessionStorage", `"*"`} {
			if strings.Contains(script, never) {
				t.Errorf("%s has %s", name, never)
			}
		}
		if !strings.Contains(script, "origin") || !strings.Contains(script, "source") {
			t.Errorf("%s does not look at who sends a message", name)
		}
	}
}

func TestFramedPage(t *testing.T) {
	s := framingShop(t)
	id := s.create(framed)
	body := s.inFrameOf("GET", "/checkout/"+id+"?embed=1", nil, "iframe").Body.String()
	for _, want := range []string{
		`data-frame="https://frame.example" data-id="` + id + `" data-close="Cancel and return to Acme Coffee" data-news="" data-redirect=""`,
		`<a class="back" href="https://yoursite.com/cancel" data-cancel target="_top">`, `href="?embed=1&amp;lang=de"`, `assets/frame.`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "autofocus") {
		t.Error("browsers complain of autofocus in a frame of another origin")
	}
}

// What a page loads in a frame beside the rest is in the inventory, with its hash.
func TestFrameScriptIsInTheManifest(t *testing.T) {
	s := framingShop(t)
	id := s.create(framed)
	inFrame := s.inFrameOf("GET", "/checkout/"+id+"?embed=1", nil, "iframe").Body.String()
	for _, f := range s.co.PageManifest().Files {
		loaded := strings.Contains(inFrame, `"assets/`+f.Name+`"`)
		if f.Framed != strings.HasPrefix(f.Name, "frame.") || (f.Framed && !loaded) {
			t.Errorf("%s: framed %v, loaded in a frame %v", f.Name, f.Framed, loaded)
		}
	}
}

// Only an order that names an origin of the list has a page for frames, and only in a frame.
func TestPageIsOrdinaryOutsideOfItsFrame(t *testing.T) {
	s := framingShop(t)
	named, other := s.create(framed), s.create(seedBody)
	for _, c := range []struct {
		name, id, query, dest, ancestors string
		framed                           bool
	}{
		{"in its frame", named, "?embed=1", "iframe", frameOrigin, true},
		{"a browser that does not say", named, "?embed=1", "", frameOrigin, true},
		{"at top level", named, "?embed=1", "document", frameOrigin, false},
		{"not asked for", named, "", "iframe", frameOrigin, false},
		{"asked for otherwise", named, "?embed=true", "iframe", frameOrigin, false},
		{"none named", other, "?embed=1", "iframe", "'none'", false},
	} {
		w := s.inFrameOf("GET", "/checkout/"+c.id+c.query, nil, c.dest)
		checkPageHeaders(t, w, "'self' https://yoursite.com", c.ancestors)
		if got := strings.Contains(w.Body.String(), "data-frame"); got != c.framed {
			t.Errorf("%s: made for a frame %v, want %v", c.name, got, c.framed)
		}
	}
	// Whoever is taken off the list cannot frame what is open either.
	stricter := secondProcess(t, s, func(c *Config) { c.EmbedOrigins = nil })
	w := stricter.inFrameOf("GET", "/checkout/"+named+"?embed=1", nil, "iframe")
	checkPageHeaders(t, w, "'self' https://yoursite.com", "'none'")
}

// A form in a frame never leads the frame to the shop or a bank, and every way stays embedded.
func TestFramedFormsStayInTheFrame(t *testing.T) {
	for card, shows := range map[string]string{
		"4242424242424242": `data-news="completed" data-redirect="https://yoursite.com/success?session_id=`,
		"4000000000000002": `data-news="failed"`,
		"4000002500003155": `/checkout/test-bank?payment=`,
		"4000000000012239": `data-state="processing"`,
	} {
		t.Run(card, func(t *testing.T) {
			s := framingShop(t)
			id := s.create(framed)
			at := "/checkout/" + id + "?embed=1&lang=en"
			w := s.inFrameOf("POST", at, s.form(id, card), "iframe")
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != at {
				t.Fatalf("the form answers %d to %q", w.Code, w.Header().Get("Location"))
			}
			if body := s.inFrameOf("GET", at, nil, "iframe").Body.String(); !strings.Contains(body, shows) {
				t.Errorf("no %s in %s", shows, body)
			}
		})
	}
}

// The links that leave the page leave the frame, without scripts too.
func TestFramedLinksLeave(t *testing.T) {
	s := framingShop(t, func(c *Config) {
		c.Seller.LegalName, c.Seller.TermsURL = "Acme Coffee GmbH", "https://yoursite.com/terms"
	})
	p := mustPages(t)
	link := regexp.MustCompile(`<a [^>]*href="(https://[^"]+)"[^>]*>`)
	view := samplePage()
	for _, state := range pageStates {
		view.State = state
		for _, a := range link.FindAllString(renderPage(t, p, view), -1) {
			if !strings.Contains(a, ` target="_top"`) && !strings.Contains(a, ` target="_blank" rel="noopener"`) {
				t.Errorf("%s: %s stays in the frame", state, a)
			}
		}
	}
	body := s.inFrameOf("GET", "/checkout/"+s.create(framed)+"?embed=1", nil, "iframe").Body.String()
	if !strings.Contains(body, "Acme Coffee GmbH") || !strings.Contains(body, `<a href="https://yoursite.com/terms" target="_blank"`) {
		t.Error("the frame does not show who sells and on what terms")
	}
	ordinary := coffeePage()
	if body := renderPage(t, p, ordinary); strings.Contains(body, "target=") || strings.Contains(body, "data-frame") {
		t.Error("a page at top level has links for frames")
	}
}

// The bank of test cards behaves like real ones, which refuse frames.
func TestTestBankRefusesFrames(t *testing.T) {
	s := framingShop(t)
	id := s.create(framed)
	bank := pathOf(s.pay(id, "4000002500003155").Header().Get("Location"))
	checkPageHeaders(t, s.page(bank), "'self' https://yoursite.com", "'none'")
	token := tokenRule.FindStringSubmatch(s.page(bank).Body.String())[1]
	back := s.post(bank, url.Values{"token": {token}, "answer": {"approve"}}).Header().Get("Location")
	if w := s.page(pathOf(back)); w.Header().Get("Location") != "https://yoursite.com/success?session_id="+id {
		t.Errorf("the way back leads to %q", w.Header().Get("Location"))
	}
}

// A return in the frame, as a provider's fields make it, stays there; at top level it goes on to the shop.
func TestReturnIntoTheFrame(t *testing.T) {
	s := framingShop(t)
	id := s.create(framed)
	s.pay(id, "4242424242424242")
	for dest, want := range map[string]string{
		"iframe": "/checkout/" + id + "?embed=1", "document": "https://yoursite.com/success?session_id=" + id,
	} {
		if got := s.inFrameOf("GET", "/checkout/"+id+"/return?embed=1", nil, dest).Header().Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", dest, got, want)
		}
	}
}

// What goes wrong is shown in the frame: a browser shows nothing of a page that refuses it.
func TestErrorsAreSeenInTheFrame(t *testing.T) {
	s := framingShop(t)
	id := s.create(framed)
	for range 40 { // until the address has been declined too often
		s.pay(id, "4000000000000002")
	}
	w := s.inFrameOf("POST", "/checkout/"+id+"?embed=1", s.form(id, "4000000000000002"), "iframe")
	if w.Code != http.StatusTooManyRequests && w.Code != http.StatusConflict {
		t.Fatalf("the form answers %d", w.Code)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors "+frameOrigin) {
		t.Errorf("the policy is %q", csp)
	}
}

// A site that only frames the page cannot send its form.
func TestFramingIsNoWayToPay(t *testing.T) {
	s := framingShop(t)
	id := s.create(framed)
	form := s.form(id, "4242424242424242")
	for _, origin := range []string{frameOrigin, "null"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/checkout/"+id+"?embed=1", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if w := s.do(r); w.Code != http.StatusForbidden {
			t.Errorf("a form of %s answers %d", origin, w.Code)
		}
	}
}
