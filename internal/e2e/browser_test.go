package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// tab is a page of a browser with a profile of its own. Whatever its console says in anger, whatever its policy blocks and
// whatever it asks of the internet fails the test, unless the test expects it.
type tab struct {
	t   testing.TB
	ctx context.Context
	end func()

	closing    sync.Once
	mu         sync.Mutex
	complaints []string
	expected   []string
	routes     []route
	asked      []string // addresses outside of the shop, in order
	contexts   []frameContext
	loads      map[network.RequestID]*load
}

func openTab(t testing.TB) *tab {
	t.Helper()
	return newTab(t, startBrowser(t), chromedp.WithNewBrowserContext())
}

// sibling is another tab of the same profile.
func (b *tab) sibling() *tab {
	b.t.Helper()
	return newTab(b.t, b.ctx)
}

func newTab(t testing.TB, of context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, closeTab := chromedp.NewContext(of, append(options, chromedp.WithListener(b.hear))...)
	ctx, cancel := context.WithTimeout(ctx, tabLimit)
	b.ctx, b.end = ctx, func() { cancel(); closeTab() }
	b.do(b.listen())
	b.size(1280, 900)
	return b
}

// close ends the tab and judges what its page has said.
func (b *tab) close() {
	_, _ = chromedp.Run(b.ctx, chromedp.Evaluate[int]("0")) // what the browser said before has been heard then
	b.keepFailure()
	b.end()
	b.judge()
}

func (b *tab) do(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, step); err != nil {
		b.t.Fatal(err)
	}
}

// size sets what the page has for room, in CSS pixels.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// dark asks for the dark colours.
func (b *tab) dark() { b.scheme(true) }

func (b *tab) scheme(dark bool) {
	b.t.Helper()
	b.media("", &emulation.MediaFeature{Name: "prefers-color-scheme", Value: map[bool]string{true: "dark", false: "light"}[dark]})
}

// media emulates a medium and features such as forced-colors: active.
func (b *tab) media(medium string, features ...*emulation.MediaFeature) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: features})
		return err
	}))
}

// withoutScripts is a buyer who has JavaScript off. The test's own questions still work.
func (b *tab) withoutScripts() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// open goes to an address. A tab ends with its test, before the servers do that it has visited.
func (b *tab) open(url string) {
	b.t.Helper()
	b.closing.Do(func() { b.t.Cleanup(b.close) })
	b.limited("open "+url, chromedp.Navigate(url))
}

// limited does a step within waitLimit and tells what the page looked like if it could not.
func (b *tab) limited(what string, step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	if err := chromedp.Do(ctx, step); err != nil {
		b.fail(what, err)
	}
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.see(selector)
	b.limited("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// enter types a text the way a keyboard does.
func (b *tab) enter(selector, text string) {
	b.t.Helper()
	b.see(selector)
	b.limited("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// see waits until an element is shown.
func (b *tab) see(selector string) {
	b.t.Helper()
	b.until("see "+selector, `!!document.querySelector(`+quote(selector)+`)?.checkVisibility({visibilityProperty: true})`)
}

// gone waits until an element is not shown any more.
func (b *tab) gone(selector string) {
	b.t.Helper()
	b.until("lose "+selector, `!document.querySelector(`+quote(selector)+`)?.checkVisibility({visibilityProperty: true})`)
}

// read waits until the page shows a text.
func (b *tab) read(text string) {
	b.t.Helper()
	b.until("read "+quote(text), `document.readyState !== "loading" && document.body.innerText.includes(`+quote(text)+`)`)
}

// readLoosely waits for a text whatever spaces stand in it, as amounts have ones that do not break.
func (b *tab) readLoosely(text string) {
	b.t.Helper()
	b.until("read "+text, `document.readyState !== "loading" && document.body.innerText.replace(/\s+/g, " ").includes(`+quote(text)+`)`)
}

// at waits until the tab has come to an address.
func (b *tab) at(url string) {
	b.t.Helper()
	b.until("come to "+url, `document.readyState === "complete" && location.href === `+quote(url))
}

// until asks the page again and again. A question that meets a page which is just being left counts as no.
func (b *tab) until(what, question string) {
	b.t.Helper()
	b.wait(what, func(ctx context.Context) (bool, error) {
		return chromedp.Run(ctx, chromedp.Evaluate[bool](question))
	})
}

// wait asks until the answer is yes, waitLimit at most.
func (b *tab) wait(what string, question func(context.Context) (bool, error)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		yes, err := question(ctx)
		if yes && err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.fail(what, err)
		}
	}
}

// quote is a text as JavaScript writes it.
func quote(text string) string {
	quoted, _ := json.Marshal(text) // a text always can
	return string(quoted)
}

// text is what an element shows; empty if there is none.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector(`+quote(selector)+`)?.innerText ?? ""`)
}

// attribute is one of an element; empty if there is none.
func (b *tab) attribute(selector, name string) string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector(`+quote(selector)+`)?.getAttribute(`+quote(name)+`) ?? ""`)
}

// count is how many elements there are, shown or not.
func (b *tab) count(selector string) int {
	b.t.Helper()
	return evaluate[int](b, `document.querySelectorAll(`+quote(selector)+`).length`)
}

// evaluate gives what an expression is worth on the page.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.fail(expression, err)
	}
	return value
}

// fits holds a page to its width: nothing is cut off, and nobody has to scroll sideways.
func (b *tab) fits() {
	b.t.Helper()
	if over := evaluate[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels wider than its window", evaluate[string](b, `location.pathname`), over)
	}
}

// picture is an element as a PNG, as it is shown.
func (b *tab) picture(selector string) []byte {
	b.t.Helper()
	b.see(selector)
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.Screenshot(chromedp.CSS(selector)))
	if err != nil {
		b.fail("take a picture of "+selector, err)
	}
	return png
}

// fail ends the test with what the tab shows.
func (b *tab) fail(what string, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("could not %s: %v\ncomplaints: %q\nasked for: %q\nthe tab shows %s", what, err, lastOf(b.complaints), lastOf(b.asked), shown)
}

func lastOf(list []string) []string { return list[max(0, len(list)-10):] }

// keep leaves a picture of the page in the folder CHECKOUT_SCREENSHOTS, if it is set.
func (b *tab) keep(name string) {
	b.t.Helper()
	if dir := os.Getenv("CHECKOUT_SCREENSHOTS"); dir != "" {
		b.savePicture(dir, name)
	}
}

// keepFailure leaves a picture of what a failed test saw last.
func (b *tab) keepFailure() {
	if b.t.Failed() {
		b.savePicture(cmp.Or(os.Getenv("CHECKOUT_SCREENSHOTS"), filepath.Join(os.TempDir(), "checkout-screenshots")), "failed")
	}
}

func (b *tab) savePicture(dir, name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	file := filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name()+" "+name)+".png")
	if err == nil {
		err = os.WriteFile(file, png, 0o600)
	}
	b.t.Log("picture:", file, err)
}

func (b *tab) doubleClick(selector string) {
	b.t.Helper()
	b.see(selector)
	b.limited("double click "+selector, chromedp.DoubleClick(chromedp.CSS(selector)))
}
