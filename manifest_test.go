package checkout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// manifestShop has a provider with fields on the page, and an order that stands at them.
func manifestShop(t *testing.T) (s *shop, atFields string) {
	t.Helper()
	s = oneShop(t, func(c *Config) {
		c.Providers, c.EmbedOrigins = []Provider{newFields()}, []string{"https://blog.example"}
	})
	key, err := s.co.CreateKey(t.Context(), Live, "live tests")
	if err != nil {
		t.Fatal(err)
	}
	s.key = key
	s.watch.know(key)
	atFields = s.create(seedBody)
	form := s.wire(atFields)
	form.Set("scripts", "1")
	s.post("/checkout/"+atFields, form)
	checkStatus(t, s, atFields, "requires_action")
	return s, atFields
}

func TestPageManifestListsWhatIsServed(t *testing.T) {
	s, _ := manifestShop(t)
	m := s.co.PageManifest()
	listed := map[string]bool{}
	for _, f := range m.Files {
		listed[f.Name] = true
		w := s.page(strings.TrimPrefix(f.URL, "http://shop.test"))
		if w.Code != http.StatusOK || integrity(w.Body.Bytes()) != f.Integrity || w.Body.Len() != f.Bytes || f.Reason == "" || len(f.States) == 0 {
			t.Errorf("%s: %d, %d bytes, %+v", f.URL, w.Code, w.Body.Len(), f)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), map[string]string{"script": "text/javascript", "style": "text/css"}[f.Kind]) {
			t.Errorf("%s is a %s served as %s", f.Name, f.Kind, w.Header().Get("Content-Type"))
		}
	}
	for name := range s.co.pages.assets {
		if !listed[name] {
			t.Errorf("%s is served and not in the manifest: add it with its reason", name)
		}
	}
	if len(m.Files) != 4 {
		t.Errorf("%d files, want two styles, the page's script and the provider's: %+v", len(m.Files), m.Files)
	}
}

// The hash of a known text, as openssl gives it: printf 'use()' | openssl dgst -sha384 -binary | base64.
func TestIntegrityIsSHA384(t *testing.T) {
	if got, want := integrity([]byte("use()")), "sha384-uq/0rtOMWzjRS1NOKDfGipOM5L9r1ztX9FtLLoJ92Evfdqbebbh6w7Y8kEBeUXE9"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPageManifestHasAReasonForEveryHeader(t *testing.T) {
	s, _ := manifestShop(t)
	var kinds []string
	for _, p := range s.co.PageManifest().Pages {
		kinds = append(kinds, strings.TrimSpace(p.Page+" "+p.Provider+" "+string(p.Mode)))
		for _, h := range p.Headers {
			if h.Reason == "" || h.Value == "" {
				t.Errorf("%s has no reason or value: %+v", h.Name, h)
			}
		}
		for _, d := range p.Policy {
			if d.Reason == "" || len(d.Sources) == 0 {
				t.Errorf("%s has no reason or sources: %+v", d.Name, d)
			}
		}
		if len(p.Headers) < 6 || len(p.Policy) < 8 {
			t.Errorf("%s has %d headers and %d directives", p.Page, len(p.Headers), len(p.Policy))
		}
	}
	want := []string{"without a session", "of a session", "of a session in a frame", "with the provider's fields scripted test", "with the provider's fields scripted live"}
	if !slices.Equal(kinds, want) {
		t.Errorf("the kinds of pages are %q, want %q", kinds, want)
	}
}

// The headers of the manifest are those of the answers.
func TestPageManifestHeadersAreThoseOfThePages(t *testing.T) {
	s, atFields := manifestShop(t)
	open := s.create(seedBody)
	pages := s.co.PageManifest().Pages
	for path, want := range map[string]PageHeaders{"/checkout/cs_x": pages[0], "/checkout/" + open: pages[1], "/checkout/" + atFields: pages[4]} {
		w := s.page(path)
		for _, h := range want.Headers {
			value := strings.ReplaceAll(h.Value, "{success_url} {cancel_url}", "https://yoursite.com")
			if got := w.Header().Get(h.Name); got != value {
				t.Errorf("%.20s: %s is %q, the manifest has %q", path, h.Name, got, value)
			}
		}
	}
}

// Every script and style of every state is in the manifest, and nothing else loads anything.
func TestPagesLoadNothingButTheManifest(t *testing.T) {
	s, atFields := manifestShop(t)
	m := s.co.PageManifest()
	src := regexp.MustCompile(`<(?:script|link)[^>]*(?:src|href)="([^"]+)"`)
	for _, path := range []string{"/checkout/" + s.create(seedBody), "/checkout/" + atFields, "/checkout/cs_x"} {
		found := src.FindAllStringSubmatch(s.page(path).Body.String(), -1)
		for _, load := range found {
			known := slices.ContainsFunc(m.Files, func(f PageFile) bool { return "assets/"+f.Name == load[1] }) ||
				slices.ContainsFunc(m.Providers, func(p PageProvider) bool { return slices.Contains(p.Scripts, load[1]) })
			if !known {
				t.Errorf("%.20s loads %s", path, load[1])
			}
		}
		if len(found) < 2 {
			t.Errorf("%.20s loads %v", path, found)
		}
	}
}

func TestAdminGivesThePageManifestOfAMode(t *testing.T) {
	s, _ := manifestShop(t)
	reader := person{Actor: Actor{ID: "ada"}, access: AccessRead}
	w := s.admin(reader, "/live/page-manifest.json")
	var got PageManifest
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	if len(got.Providers) != 1 || got.Providers[0].Mode != Live || got.Providers[0].Scripts[0] != "https://js.acme.example/v3/" || len(got.Pages) != 4 || len(got.Files) != 4 {
		t.Errorf("%+v", got)
	}
	if w := s.admin(person{Actor: Actor{ID: "eve"}}, "/live/page-manifest.json"); w.Code != http.StatusForbidden {
		t.Errorf("without access: %d", w.Code)
	}
}

// proxy stands between the check and the shop, and may change an answer.
type proxy struct {
	s      *shop
	change func(path string, w *httptest.ResponseRecorder) error
}

func (p proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	w := p.s.do(httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), nil))
	if p.change != nil {
		if err := p.change(r.URL.Path, w); err != nil {
			return nil, err
		}
	}
	resp := w.Result()
	resp.Header = w.Header() // what was changed after the answer was written counts
	return resp, nil
}

func (s *shop) check(change func(path string, w *httptest.ResponseRecorder) error, sessions ...string) error {
	return s.co.CheckPages(s.t.Context(), &http.Client{Transport: proxy{s, change}}, sessions...)
}

func TestCheckPagesFindsNothingOnAnHonestPage(t *testing.T) {
	s, atFields := manifestShop(t)
	open, ended, framed := s.create(seedBody), s.create(seedBody), s.create(strings.Replace(seedBody, `{`, `{"embed_origin":"https://blog.example",`, 1))
	s.api("POST", "/sessions/"+ended+"/expire", "")
	strange := s.create(strings.Replace(seedBody, "Premium Coffee Beans", `<script src=x onload=y></script><style>`, 1))
	if err := s.check(nil, open, ended, framed, strange, atFields); err != nil {
		t.Error(err)
	}
}

// swap changes what stands in a body.
func swap(old, new string) func(string, *httptest.ResponseRecorder) error {
	return func(path string, w *httptest.ResponseRecorder) error {
		body := w.Body.String()
		if !strings.Contains(body, old) {
			return nil
		}
		w.Body = bytes.NewBufferString(strings.Replace(body, old, new, 1))
		return nil
	}
}

// setHeader changes a header of the pages; an empty value takes it away.
func setHeader(name, value string) func(string, *httptest.ResponseRecorder) error {
	return func(path string, w *httptest.ResponseRecorder) error {
		if strings.Contains(path, "/assets/") {
			return nil
		}
		w.Header().Del(name)
		if value != "" {
			w.Header().Set(name, value)
		}
		return nil
	}
}

// inPolicy changes a part of the policy.
func inPolicy(old, new string) func(string, *httptest.ResponseRecorder) error {
	return func(_ string, w *httptest.ResponseRecorder) error {
		policy := w.Header().Get(policyHeader)
		w.Header().Set(policyHeader, strings.Replace(policy, old, new, 1))
		return nil
	}
}

func TestCheckPagesFindsWhatWasChanged(t *testing.T) {
	s, atFields := manifestShop(t)
	open := s.create(seedBody)
	for name, c := range map[string]struct {
		change func(string, *httptest.ResponseRecorder) error
		want   string
	}{
		"a byte of the script":     {swap("addEventListener", "addEventListenes"), "has other bytes"},
		"a byte of the style":      {swap("color", "colos"), "has other bytes"},
		"a byte of the provider's": {swap("use()", "use();steal()"), "scripted."},
		"a script of another site": {swap("</head>", `<script src="https://evil.example/a.js"></script></head>`), "loads a script that is not in the manifest: https://evil.example/a.js"},
		"a script of the shop":     {swap("</head>", `<script src="/a.js"></script></head>`), "not in the manifest: /a.js"},
		"an inline script":         {swap("</body>", `<ScRiPt>steal()</sCrIpT></body>`), "has an inline script"},
		"a script twice":           {swap("</head>", `<script src="assets/`+s.co.pages.script+`"></script></head>`), "2 times, want 1"},
		"a script in an address":   {swap("</main>", `<a href=" JavaScript:steal()">x</a></main>`), "<a> has a script in href"},
		"an attribute that runs":   {swap("<main>", `<main onclick='steal()'>`), "<main> has onclick"},
		"a style in the page":      {swap("</head>", `<style>form{display:none}</style></head>`), "has a <style>"},
		"a style attribute":        {swap("<main>", `<main style="display:none">`), "<main> has style"},
		"a style of another site":  {swap("</head>", `<link rel="stylesheet" href="//evil.example/a.css"></head>`), "loads a style that is not in the manifest: //evil.example/a.css"},
		"a preload":                {swap("</head>", `<link rel=modulepreload href=https://evil.example/a.js></head>`), "https://evil.example/a.js"},
		"a frame":                  {swap("</main>", `<iframe src="https://evil.example"></iframe></main>`), "has a <iframe>"},
		"another base":             {swap("<head>", `<head><base href="https://evil.example/">`), "has a <base>"},
		"a form to another site":   {swap(`<form method="post"`, `<form method="post" action="https://evil.example/"`), "<form> has action"},
		"a button to another site": {swap(`<button name="action"`, `<button formaction="https://evil.example/" name="action"`), "<button> has formaction"},
		"a refresh":                {swap("</head>", `<meta http-equiv="refresh" content="0;url=https://evil.example"></head>`), "<meta> has http-equiv"},
		"a missing script":         {swap(`<script src="assets/`+s.co.pages.script+`" defer></script>`, ""), "0 times, want 1"},
		"no policy":                {setHeader(policyHeader, ""), "has 0 headers Content-Security-Policy"},
		"unsafe scripts":           {inPolicy("script-src 'self'", "script-src 'self' 'unsafe-inline'"), `has script-src "'self' 'unsafe-inline'`},
		"another site's scripts":   {inPolicy("script-src 'self'", "script-src 'self' https://evil.example"), "https://evil.example"},
		"a missing part":           {inPolicy("base-uri 'none'; ", ""), "has no base-uri"},
		"an added part":            {inPolicy("base-uri", "worker-src *; base-uri"), "has worker-src, which is not ours"},
		"a part before its own":    {inPolicy("default-src", "script-src *; default-src"), `has script-src "*"`},
		"forms to everywhere":      {inPolicy("form-action 'self'", "form-action * 'self'"), `has form-action`},
		"frames of everybody":      {inPolicy("frame-ancestors 'none'", "frame-ancestors *"), `has frame-ancestors "*"`},
		"no X-Frame-Options":       {setHeader("X-Frame-Options", ""), `X-Frame-Options is "", want "DENY"`},
		"a talkative referrer":     {setHeader("Referrer-Policy", "unsafe-url"), `Referrer-Policy is "unsafe-url"`},
		"a cache":                  {setHeader("Cache-Control", "public, max-age=60"), "Cache-Control is"},
		"guessed types":            {setHeader("X-Content-Type-Options", ""), "X-Content-Type-Options is"},
		"a camera":                 {setHeader("Permissions-Policy", "camera=*"), "Permissions-Policy is"},
		"a cookie":                 {setHeader("Set-Cookie", "a=b"), "sends Set-Cookie"},
		"a refresh header":         {setHeader("Refresh", "0;url=https://evil.example"), "sends Refresh"},
		"a linked script":          {setHeader("Link", "<https://evil.example/a.js>; rel=preload"), "sends Link"},
		"another type of the script": {func(path string, w *httptest.ResponseRecorder) error {
			w.Header().Set("Content-Type", "text/plain")
			return nil
		}, `Content-Type is "text/plain"`},
		"a page that leads elsewhere":   {func(path string, w *httptest.ResponseRecorder) error { w.Code = http.StatusFound; return nil }, "answered 302, want 404"},
		"a shop that cannot be reached": {func(string, *httptest.ResponseRecorder) error { return io.ErrUnexpectedEOF }, "no answer: unexpected EOF"},
	} {
		s.clock.advance(30 * time.Second) // too many unknown pages in a short time are refused
		err := s.check(c.change, open, atFields)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the check says %v, want %q", name, err, c.want)
		}
		for _, id := range []string{open, atFields} {
			if err != nil && strings.Contains(err.Error(), id) {
				t.Errorf("%s: the error has a session's id, which opens its page: %v", name, err)
			}
		}
	}
}

// The fields of a provider belong on the page of its attempt only.
func TestCheckPagesFindsFieldsWhereTheyDoNotBelong(t *testing.T) {
	s, _ := manifestShop(t)
	open := s.create(seedBody)
	for want, change := range map[string]func(string, *httptest.ResponseRecorder) error{
		"not in the manifest: https://js.acme.example/v3/": swap("</head>", `<script src="https://js.acme.example/v3/"></script></head>`),
		"has script-src": inPolicy("script-src 'self'", "script-src 'self' https://js.acme.example"),
	} {
		if err := s.check(change, open); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the check says %v, want %q", err, want)
		}
	}
}

func TestCheckPagesNamesEveryDifference(t *testing.T) {
	s, _ := manifestShop(t)
	err := s.check(setHeader("Referrer-Policy", ""), s.create(seedBody))
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) || len(list.Unwrap()) != 2 {
		t.Errorf("one header of two pages is missing: %v", err)
	}
	if err := s.check(nil, "cs_nobody"); err == nil || !strings.Contains(err.Error(), "the session cs_nobody: ") {
		t.Errorf("of no session: %v", err)
	}
}

// Without a client of the host's, the check asks BaseURL itself.
func TestCheckPagesAsksBaseURL(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s := oneShop(t, func(c *Config) { c.BaseURL = server.URL })
	s.co.Mount(mux)
	if err := s.co.CheckPages(t.Context(), nil, s.create(seedBody)); err != nil {
		t.Error(err)
	}
	server.Close()
	if err := s.co.CheckPages(t.Context(), nil); err == nil || strings.Count(fmt.Sprint(err), "no answer") != 4 {
		t.Errorf("of a server that is gone: %v", err)
	}
}
