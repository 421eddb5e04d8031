package checkout

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var pageStates = []string{"open", "requires_action", "processing", "completed", "expired", "not_found", "problem", "test_bank"}

func mustPages(t testing.TB) *pages {
	t.Helper()
	p, err := newPages(nil, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func renderPage(t testing.TB, p *pages, v pageView) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.render(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// coffeePage is a live page with three items, as most buyers see it.
func coffeePage() pageView {
	return pageView{
		State: "open", Lang: "en", LangSwitch: true, Shop: "Acme Coffee", SessionID: "cs_a1", Currency: "EUR", Total: 6200, Tax: 990,
		Seller:   pageSeller{"Acme Coffee GmbH", []string{"Oranienstraße 12", "10999 Berlin"}, "https://a.example/i", "https://a.example/p", "https://a.example/t"},
		Items:    []pageItem{{"Premium Coffee Beans", "Whole beans, 500 g", 2, 2500, 5000}, {"Paper filters", "", 1, 700, 700}, {"Shipping", "", 1, 500, 500}},
		TaxLines: []pageTax{{"VAT", 1900, 990}}, Reference: "12345", AskEmail: true,
		Methods:   []pageMethod{{"card", "Card", "", true, false}, {"bank", "Bank transfer", "", false, false}},
		Continues: "Paybank", Token: "tok", BackURL: "https://a.example/cancel", ExpiresIn: time.Hour,
	}
}

// testPage is coffeePage in test mode.
func testPage() pageView {
	v := coffeePage()
	v.Test, v.Methods = true, v.Methods[:1]
	for _, key := range []string{
		"pays", "declined", "insufficient_funds", "expired_card", "incorrect_cvc", "processing_error",
		"challenge", "challenge_declined", "slow", "pays_later", "network_error",
	} {
		v.TestCards = append(v.TestCards, pageTestCard{"4242424242424242", key})
	}
	return v
}

var (
	tagsAndScripts = regexp.MustCompile(`<[^>]*>`)
	inlineCode     = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:>| [^>]*>[^<])`)
	rawKey         = regexp.MustCompile(`\b(?:title|error|declined|problem|test|bank|button|column|processing|completed|expired|requires_action|not_found)\.[a-z_]+`)
)

// Every word comes from a catalogue, every placeholder has a value, and nothing runs that the policy "script-src 'self';
// style-src 'self'" would block.
func TestPageEveryStateInEveryLanguage(t *testing.T) {
	p := mustPages(t)
	for _, lang := range p.texts.tags {
		for _, state := range pageStates {
			t.Run(lang+"/"+state, func(t *testing.T) {
				v := samplePage()
				v.Lang, v.State = lang, state
				got := renderPage(t, p, v)
				if !strings.Contains(got, fmt.Sprintf(`<html lang=%q dir=%q>`, lang, p.texts.say(lang, "dir"))) {
					t.Error("language not declared")
				}
				if m := inlineCode.FindString(got); m != "" {
					t.Errorf("inline code: %s", m)
				}
				words := tagsAndScripts.ReplaceAllString(got, " ")
				if m := rawKey.FindString(words); m != "" || strings.ContainsAny(words, "{}") {
					t.Errorf("unspoken key %q or open placeholder in: %s", m, words)
				}
				if strings.Count(got, "<h1") != 1 || strings.Contains(got, "ZgotmplZ") {
					t.Errorf("not exactly one h1, or a refused link:\n%s", got)
				}
			})
		}
	}
}

// Every code the page can be given has words of its own: a missing one would fall back to the general text.
func TestPageCodesHaveWords(t *testing.T) {
	all := mustTexts(t)
	for _, key := range []string{
		"declined.declined", "declined.insufficient_funds", "declined.expired_card", "declined.incorrect_cvc",
		"declined.processing_error", "declined.authentication_failed", "declined.canceled_by_customer",
		"declined.provider_unavailable", "declined.timeout",
		"problem.too_many_attempts.title", "problem.rate_limited.text", "problem.cross_site.text", "problem.internal.text",
		"problem.busy.text", "problem.stale_form.text", "error.stale_form",
		"test.pays", "test.declined", "test.insufficient_funds", "test.expired_card", "test.incorrect_cvc",
		"test.processing_error", "test.challenge", "test.challenge_declined", "test.slow", "test.pays_later", "test.network_error",
	} {
		if !all.has(key) {
			t.Errorf("no text for %s", key)
		}
	}
}

func TestPageContents(t *testing.T) {
	p := mustPages(t)
	for _, c := range []struct {
		name    string
		change  func(*pageView)
		with    []string
		without []string
	}{
		{"open", func(*pageView) {},
			[]string{
				`<title>Pay €62.00 to Acme Coffee</title>`, `2</bdi> × <bdi class="n">€25.00`, `<bdi>VAT</bdi> <bdi>19%</bdi>`, `€52.10`,
				`>Pay <bdi class="n">€62.00</bdi></button>`, `<form method="post" data-busy`, `id="email"`, `?lang=de`,
				`continue at <bdi>Paybank</bdi>`, `href="https://a.example/cancel"`,
			},
			[]string{"alert", "ribbon", "€62.00 to Acme Coffee</h1>", "action=\"\""}},
		{"known address", func(v *pageView) { v.AskEmail, v.Email = false, "a@b.example" },
			[]string{"<bdi>a@b.example</bdi>"}, []string{`id="email"`}},
		{"one method is no choice", func(v *pageView) { v.Methods = v.Methods[1:] },
			[]string{`<input type="hidden" name="method" value="bank">`}, []string{"<fieldset"}},
		{"first method selected", func(*pageView) {}, []string{`value="card" checked`}, []string{`value="bank" checked`}},
		{"kept method", func(v *pageView) { v.Values = map[string]string{"method": "bank", "email": "a@b"} },
			[]string{`value="bank" checked`, `value="a@b"`}, []string{`value="card" checked`}},
		{"nothing to pay", func(v *pageView) { v.Free = true },
			[]string{">Confirm</button>", "<title>Confirm your order"}, []string{"fieldset"}},
		{"order", func(v *pageView) { v.SubmitOrder, v.Lang = true, "de" },
			[]string{">Zahlungspflichtig bestellen</button>", `class="due"`}, nil},
		{"declined", func(v *pageView) { v.Declined = "insufficient_funds" },
			[]string{"<title>Error: Pay", "lack of funds", "You have not been charged.", `role="alert" tabindex="-1" autofocus`}, nil},
		{"declined for an unknown reason", func(v *pageView) { v.Declined = "martian" },
			[]string{"gave no reason"}, []string{"martian"}},
		{"time is short", func(v *pageView) { v.ExpiresIn, v.CanExtend = 4*time.Minute, true },
			[]string{`data-seconds="240"`, ">You have less than 5 minutes left to pay.<", `value="extend"`}, []string{`class="expiry later"`}},
		{"time is long", func(*pageView) {}, []string{`class="expiry later"`, "You can pay here until", `data-seconds="3600"`}, nil},
		{"no limit", func(v *pageView) { v.ExpiresIn = 0 }, nil, []string{"data-seconds"}},
		{"processing", func(v *pageView) { v.State, v.PollAfter = "processing", []int{2, 4, 8} },
			[]string{`data-state="processing" data-status="cs_a1/status" data-poll="2,4,8"`, `href="cs_a1?lang=en"`}, []string{"<form"}},
		{"completed", func(v *pageView) {
			v.State, v.ContinueURL, v.Email = "completed", "https://a.example/ok", "a•••@b.example"
		},
			[]string{`href="https://a.example/ok"`, "<bdi>a•••@b.example</bdi>", `class="chip"`}, []string{"<form", "a.example/cancel"}},
		{"bank", func(v *pageView) {
			v.State, v.CanAbandon, v.ContinueURL = "requires_action", true, "https://bank.example"
		},
			[]string{`href="https://bank.example"`, `name="action" value="abandon"`, `value="tok"`}, nil},
		{"bank without a way back", func(v *pageView) { v.State = "requires_action" }, nil, []string{"abandon", "<form"}},
		{"unknown problem", func(v *pageView) { v.State, v.Problem, v.RequestID = "problem", "martian", "req_1" },
			[]string{"Something went wrong", "req_1"}, []string{"martian"}},
		{"test bank", func(v *pageView) {
			v.State, v.Bank, v.Test = "test_bank", pageBank{"challenge"}, true
		},
			[]string{`name="answer" value="approve"`, `name="answer" value="refuse"`, "<title>[Test] "}, []string{"?lang="}},
		{"dangerous link", func(v *pageView) { v.BackURL = "javascript:alert(1)" }, nil, []string{"javascript:"}},
		{"unknown language", func(v *pageView) { v.Lang = "xx" }, []string{`<html lang="en"`}, nil},
		{"script in names", func(v *pageView) {
			v.Shop, v.Reference = "<script>a", "<script>b"
			v.Items[0].Name, v.Items[0].Description = "<script>c\u202e", `"><script>d`
			v.Values = map[string]string{"email": `"><script>e`}
		}, []string{"&lt;script&gt;c<"}, []string{"<script>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := coffeePage()
			c.change(&v)
			got := renderPage(t, p, v)
			for _, want := range c.with {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in:\n%s", want, got)
				}
			}
			for _, bad := range c.without {
				if strings.Contains(got, bad) {
					t.Errorf("%s in:\n%s", bad, got)
				}
			}
		})
	}
}

// A refused submit says each error twice in the same words, above the form as a link and at the field.
func TestPageProblems(t *testing.T) {
	v := testPage()
	v.Declined = "declined"
	v.Problems = []pageProblem{{"email", "email_missing"}, {"card_number", "card_number_real"}, {"method", "method_missing"}, {"", "stale_form"}}
	got := renderPage(t, mustPages(t), v)
	for _, want := range []string{
		"<title>Error: [Test] Pay", `<li><a href="#email">Enter your email address</a></li>`,
		`id="email-error">Enter your email address</p>`, `aria-invalid="true"`, `href="#card_number"`,
		"<li>This page was open for too long.", "<li>Choose how you want to pay</li>", // the only method is no field to jump to
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
	if n := strings.Count(got, `role="alert"`); n != 1 {
		t.Errorf("%d alerts, want 1: an old refusal is no news beside new errors", n)
	}
	if strings.Index(got, `role="alert"`) > strings.Index(got, "<form") {
		t.Error("the summary comes after the form")
	}
}

// Cards reach the provider's page, never ours (PCI DSS SAQ A): whatever a provider says of itself, a live page has no field
// for them.
func TestPageLiveHasNoCardField(t *testing.T) {
	p := mustPages(t)
	for _, lang := range p.texts.tags {
		for _, state := range pageStates {
			v := samplePage()
			v.Lang, v.State, v.Test = lang, state, false
			for _, methods := range [][]pageMethod{v.Methods, v.Methods[:1]} {
				v.Methods = methods
				if got := renderPage(t, p, v); strings.Contains(got, "cc-") || strings.Contains(got, "card_") || strings.Contains(got, "4242") {
					t.Errorf("%s/%s: a card field on a live page", lang, state)
				}
			}
		}
	}
	if got := renderPage(t, p, testPage()); !strings.Contains(got, "cc-number") || !strings.Contains(got, "4242 4242 4242 4242") {
		t.Error("no card field or test number on a test page")
	}
}

func TestPageFoldsManyItems(t *testing.T) {
	p := mustPages(t)
	for _, c := range []struct {
		items int
		want  string
	}{{5, ""}, {6, "Show <bdi>1</bdi> more item<"}, {100, "Show <bdi>95</bdi> more items<"}} {
		v := coffeePage()
		v.Items = make([]pageItem, c.items)
		got := renderPage(t, p, v)
		if folded := strings.Contains(got, `<details class="more">`); folded != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%d items: folded %v, want %q", c.items, folded, c.want)
		}
		if n := strings.Count(got, `<tr><th scope="row"><bdi></bdi>`); n != c.items {
			t.Errorf("%d items: %d rows", c.items, n)
		}
	}
}

func TestPageOverlay(t *testing.T) {
	file := func(name, content string) fstest.MapFS {
		return fstest.MapFS{name: {Data: []byte(content)}}
	}
	p, err := newPages(file("footer.html", `<footer>Own {{t "terms"}} {{name .Shop}}</footer>`), Brand{})
	if err != nil {
		t.Fatal(err)
	}
	v := coffeePage()
	v.Lang = "de"
	if got := renderPage(t, p, v); !strings.Contains(got, "<footer>Own AGB Acme Coffee</footer>") || !strings.Contains(got, "<h1>") {
		t.Errorf("overlay not used:\n%s", got)
	}
	for _, c := range []struct{ name, file, content string }{
		{"syntax", "form.html", `{{if}}`},
		{"unknown function", "header.html", `{{shout .Shop}}`},
		{"unknown field", "status.html", `{{.NoSuch}}`},
		{"unknown field in one state", "bank.html", `{{if eq .State "test_bank"}}{{.NoSuch}}{{end}}`},
		{"unsafe place", "summary.html", `<a href={{if .Test}}"x{{end}}>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := newPages(file(c.file, c.content), Brand{}); err == nil || !strings.Contains(err.Error(), c.file) {
				t.Errorf("error = %v, want one that names %s", err, c.file)
			}
		})
	}
}

func TestPageAssets(t *testing.T) {
	p := mustPages(t)
	own, err := newPages(fstest.MapFS{"style.css": {Data: []byte("body{}")}}, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	if own.style == p.style || own.script != p.script {
		t.Errorf("names %s and %s do not follow the content", own.style, own.script)
	}
	if file, ok := own.assets[own.style]; !ok || string(file.content) != "body{}" {
		t.Errorf("own style sheet = %q, %v", file.content, ok)
	}
	for name, want := range map[string]string{p.style: "text/css; charset=utf-8", p.script: "text/javascript; charset=utf-8"} {
		if file, ok := p.assets[name]; !ok || file.contentType != want {
			t.Errorf("asset %q is %q, %v", name, file.contentType, ok)
		}
		if !strings.Contains(renderPage(t, p, coffeePage()), `"assets/`+name+`"`) {
			t.Errorf("page does not ask for assets/%s", name)
		}
	}
	if _, ok := p.assets["style.css"]; ok {
		t.Error("an asset without its hash could be kept for ever and be wrong")
	}
}

// The budget: 8 KB for everything a first visit transfers, of which 2.5 KB script.
func TestPageWeight(t *testing.T) {
	p := mustPages(t)
	style, script := gzipped(p.assets[p.style].content), gzipped(p.assets[p.script].content)
	if script > 2560 {
		t.Errorf("script: %d bytes", script)
	}
	many := coffeePage()
	for len(many.Items) < 100 {
		many.Items = append(many.Items, pageItem{fmt.Sprintf("Coffee of the month, number %d", len(many.Items)), "", 1, 1900, 1900})
	}
	for _, c := range []struct {
		name  string
		view  pageView
		limit int
	}{{"live", coffeePage(), 8192}, {"test", testPage(), 8192}, {"100 items", many, 10240}} {
		html := gzipped([]byte(renderPage(t, p, c.view)))
		t.Logf("%s: html %d + style %d + script %d = %d bytes", c.name, html, style, script, html+style+script)
		if html+style+script > c.limit {
			t.Errorf("%s: %d bytes, want at most %d", c.name, html+style+script, c.limit)
		}
	}
	if n := strings.Count(renderPage(t, p, coffeePage()), "assets/"); n != 2 {
		t.Errorf("%d assets, want 2", n)
	}
}

func gzipped(content []byte) int {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Len()
}

func TestPageAllocatesLittle(t *testing.T) {
	result := testing.Benchmark(BenchmarkPageRender)
	if got := result.AllocedBytesPerOp(); got > 60<<10 {
		t.Errorf("%d bytes allocated for a page, want at most 60 KB", got)
	}
}

func BenchmarkPageRender(b *testing.B) {
	p := mustPages(b)
	v := coffeePage()
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := p.render(&buf, v); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSlimKeepsWhatCounts(t *testing.T) {
	const source = "// about\n(() => {\n  const a = `x\n  y // z`; // why\n\n  /* one line */\n  b(); /* c */\n})();\n/* two\n lines */\n"
	const want = "(() => {\nconst a = `x\ny // z`; // why\nb(); /* c */\n})();\n/* two\nlines */\n"
	if got := string(slim([]byte(source))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p, err := newPages(fstest.MapFS{"style.css": {Data: []byte("/* mine */\n  body {}\n")}}, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(p.assets[p.style].content); got != "/* mine */\n  body {}\n" {
		t.Errorf("a host's own file became %q", got)
	}
}

// Our own files have no texts over several lines, which slim would change.
func TestOurFilesHaveNoTextsOverSeveralLines(t *testing.T) {
	for _, name := range []string{"checkout.js", "style.css", "document.css"} {
		content, err := pageFiles.ReadFile("templates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(content), "\n") {
			if strings.Count(line, "`")%2 != 0 || strings.HasSuffix(line, "\\") {
				t.Errorf("%s:%d: a text goes on in the next line", name, i+1)
			}
		}
	}
}
