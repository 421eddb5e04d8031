package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// route is a place in the internet that a test stands in for.
type route struct {
	prefix  string
	handler http.Handler // nil cuts the connection
}

// answer stands in for every address that begins with prefix. The longest prefix wins. A nil handler is a server that
// cannot be reached.
func (b *tab) answer(prefix string, h http.Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.routes = append(b.routes, route{prefix, h})
}

// requests are the addresses outside of the shop that were asked for and begin with prefix.
func (b *tab) requests(prefix string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, url := range b.asked {
		if strings.HasPrefix(url, prefix) {
			list = append(list, url)
		}
	}
	return list
}

// expect allows complaints that hold a text, and wants at least one.
func (b *tab) expect(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, text)
}

// listen turns on what hear needs. Everything with https is outside of the shop, which the tests reach by http.
func (b *tab) listen() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		if _, err := cdp.Call(ctx, s, audits.Enable, cdp.Empty{}); err != nil {
			return err
		}
		outside := []*fetch.RequestPattern{{URLPattern: "https://*"}}
		_, err := cdp.Call(ctx, s, fetch.Enable, fetch.EnableParams{Patterns: outside})
		return err
	})
}

// hear runs in the loop that reads the browser's messages, so it must not wait.
func (b *tab) hear(event any) {
	switch e := event.(type) {
	case *fetch.EventRequestPaused:
		go b.resume(e)
	case *page.EventJavascriptDialogOpening:
		b.complain("dialog: %s", e.Message)
		go b.dismiss()
	case *network.EventResponseReceived:
		b.note(e)
	case *network.EventLoadingFinished:
		b.weigh(e)
	case *runtime.EventExceptionThrown:
		b.complain("exception: %s %s", e.ExceptionDetails.Text, describe(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			b.complain("console: %s", describe(e.Args...))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			b.complain("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details; d != nil && d.ContentSecurityPolicyIssueDetails != nil {
			csp := d.ContentSecurityPolicyIssueDetails
			b.complain("policy: %s blocks %s", csp.ViolatedDirective, csp.BlockedURL)
		}
	}
}

// dismiss closes a dialog, which would stop the page.
func (b *tab) dismiss() {
	_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: false})
}

// note and weigh keep what a watched tab loads.
func (b *tab) note(e *network.EventResponseReceived) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loads != nil {
		header := func(name string) string { return fmt.Sprint(cmp.Or(e.Response.Headers[name], any(""))) }
		b.loads[e.RequestID] = &load{url: e.Response.URL, kind: e.Type, status: e.Response.Status, cookies: header("Set-Cookie"), enc: header("Content-Encoding")}
	}
}

func (b *tab) weigh(e *network.EventLoadingFinished) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.loads[e.RequestID]; l != nil {
		l.wire = int(e.EncodedDataLength)
	}
}

func describe(list ...*runtime.RemoteObject) string {
	var text strings.Builder
	for _, o := range list {
		if o != nil {
			text.WriteString(cmp.Or(o.Description, string(o.Value)) + " ")
		}
	}
	return text.String()
}

func (b *tab) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, fmt.Sprintf(format, args...))
}

// waitForComplaint waits until the browser has complained of something.
func (b *tab) waitForComplaint(text string) {
	b.t.Helper()
	heard := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.complaints, func(c string) bool { return strings.Contains(c, text) })
	}
	b.wait("hear of "+text, func(context.Context) (bool, error) { return heard(), nil })
}

// forgive allows whatever was complained of so far.
func (b *tab) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = nil
}

// judge ends a test: every complaint must have been expected, and every expectation met.
func (b *tab) judge() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	met := map[string]bool{}
	for _, complaint := range b.complaints {
		known := false
		for _, text := range b.expected {
			if strings.Contains(complaint, text) {
				known, met[text] = true, true
			}
		}
		if !known {
			b.t.Errorf("the browser complains: %s", complaint)
		}
	}
	for _, text := range b.expected {
		if !met[text] {
			b.t.Errorf("the browser was expected to complain of %q: %q", text, b.complaints)
		}
	}
}

// resume lets a request go on: to a test's handler, or nowhere.
func (b *tab) resume(e *fetch.EventRequestPaused) {
	r, known := b.take(e.Request.URL)
	err := error(nil)
	switch {
	case !known:
		b.complain("request outside of the shop: %s", e.Request.URL)
		err = b.cut(e)
	case r.handler == nil:
		err = b.cut(e)
	default:
		err = b.fulfil(e, r.handler)
	}
	if err != nil && b.ctx.Err() == nil && !strings.Contains(err.Error(), "Invalid InterceptionId") {
		b.complain("a stand-in could not answer %s: %v", e.Request.URL, err) // Invalid ones belong to pages that were left
	}
}

func (b *tab) take(url string) (found route, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, url)
	for _, r := range b.routes {
		if strings.HasPrefix(url, r.prefix) && len(r.prefix) >= len(found.prefix) {
			found, known = r, true
		}
	}
	return found, known
}

func (b *tab) cut(e *fetch.EventRequestPaused) error {
	_, err := chromedp.Call(b.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID, ErrorReason: network.ErrorReasonConnectionRefused})
	return err
}

// fulfil asks the handler as if it stood at the address, and gives the browser its answer.
func (b *tab) fulfil(e *fetch.EventRequestPaused, h http.Handler) error {
	var body bytes.Buffer
	for _, part := range e.Request.PostDataEntries {
		body.Write(part.Bytes)
	}
	r, err := http.NewRequestWithContext(b.ctx, e.Request.Method, e.Request.URL, &body)
	if err != nil {
		return err
	}
	for name, value := range e.Request.Headers {
		r.Header.Set(name, fmt.Sprint(value))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var headers []*fetch.HeaderEntry
	for name, values := range w.Header() {
		headers = append(headers, &fetch.HeaderEntry{Name: name, Value: strings.Join(values, ", ")})
	}
	_, err = chromedp.Call(b.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
		RequestID: e.RequestID, ResponseCode: int64(w.Code), ResponseHeaders: headers, Body: w.Body.Bytes(),
	})
	return err
}

// says is a page or a script in the internet.
func says(contentType, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write([]byte(text))
	})
}
