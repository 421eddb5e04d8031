package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// servePage is a page of one's own on a loopback port, with a policy.
func servePage(t *testing.T, policy, html string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		fmt.Fprint(w, `<!doctype html><title>Page</title><link rel="icon" href="data:,">`+html)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

func TestBrowserHearsEveryComplaint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		html string
		want []string
	}{
		"console":         {`<script>console.error("alarm", 7)</script>`, []string{`console: "alarm" 7`}},
		"exception":       {`<script>throw new Error("boom")</script>`, []string{"exception: ", "boom"}},
		"dialog":          {`<script>alert("hello")</script>`, []string{"dialog: hello"}},
		"rejection":       {`<script>Promise.reject(new Error("broken promise"))</script>`, []string{"broken promise"}},
		"missing file":    {`<script src="/nothing.js"></script>`, []string{"404", "/nothing.js"}},
		"blocked script":  {`<script src="https://other.example/a.js"></script>`, []string{"policy: script-src-elem blocks https://other.example/a.js"}},
		"blocked frame":   {`<iframe src="https://other.example/"></iframe>`, []string{"policy: frame-src blocks https://other.example"}},
		"blocked fetch":   {`<script>fetch("https://other.example/a").catch(() => 0)</script>`, []string{"policy: connect-src blocks https://other.example/a"}},
		"blocked style":   {`<p style="color: red">red</p>`, []string{"policy: style-src-attr blocks"}},
		"outside request": {`<script src="https://known.example/a.js"></script>`, []string{"request outside of the shop: https://known.example/a.js"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openTab(t)
			b.open(servePage(t, "default-src 'none'; script-src 'self' 'unsafe-inline' https://known.example; img-src data:", c.html))
			for _, want := range c.want {
				b.waitForComplaint(want)
			}
			b.forgive()
		})
	}
}

func TestBrowserCannotReachTheInternet(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	t.Cleanup(b.end)
	for _, url := range []string{"http://example.com/", "http://1.1.1.1/", "http://[::1]:80/", "http://localhost:80/"} {
		err := chromedp.Do(b.ctx, chromedp.Navigate(url))
		if err == nil || !strings.Contains(err.Error(), "ERR_NAME_NOT_RESOLVED") {
			t.Errorf("%s: %v, want no name to be resolved", url, err)
		}
	}
}

func TestBrowserTakesAnswersOfStandIns(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	b.answer("https://known.example/", says("text/javascript", `document.title = "wrong"`))
	b.answer("https://known.example/a", says("text/javascript", `document.title = "right"`))
	b.answer("https://known.example/down", nil)
	b.expect("https://known.example/down.js")
	b.open(servePage(t, "script-src https://known.example", `<script src="https://known.example/down.js"></script><script src="https://known.example/a.js"></script>`))
	b.until("run the script", `document.title === "right"`)
	if got := b.requests("https://known.example/a"); len(got) != 1 {
		t.Errorf("asked %q", got)
	}
}

func TestBrowserEmulation(t *testing.T) {
	t.Parallel()
	const look = `innerWidth + " " + innerHeight + " " + matchMedia("(prefers-color-scheme: dark)").matches + " " + document.title`
	url := servePage(t, "script-src 'unsafe-inline'", `<meta name="viewport" content="width=device-width"><script>document.title = "scripted"</script><noscript>no scripts</noscript>`)
	b := openTab(t)
	b.open(url)
	if got := evaluate[string](b, look); got != "1280 900 false scripted" {
		t.Errorf("a fresh tab: %s", got)
	}
	b.size(390, 844)
	b.dark()
	b.withoutScripts()
	b.open(url)
	b.read("no scripts")
	if got := evaluate[string](b, look); got != "390 844 true Page" {
		t.Errorf("a small dark tab without scripts: %s", got)
	}
}
