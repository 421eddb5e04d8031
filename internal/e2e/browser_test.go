package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is a page of a browser with a profile of its own. Whatever its console says in anger, whatever its policy blocks and
// whatever it asks of the internet fails the test, unless the test expects it.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   []string
	routes     []route
	asked      []string // addresses outside of the shop, in order
}

func openTab(t testing.TB) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, closeTab := chromedp.NewContext(startBrowser(t), chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	ctx, cancel := context.WithTimeout(ctx, tabLimit)
	b.ctx = ctx
	t.Cleanup(func() {
		_, _ = chromedp.Run(ctx, chromedp.Evaluate[int]("0")) // what the browser said before has been heard then
		b.keepPicture()
		cancel()
		closeTab()
		b.judge()
	})
	b.do(b.listen())
	b.size(1280, 900)
	return b
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
func (b *tab) dark() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		dark := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: dark})
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

func (b *tab) open(url string) {
	b.t.Helper()
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
	b.until("see "+selector, `!!document.querySelector(`+strconv.Quote(selector)+`)?.checkVisibility({visibilityProperty: true})`)
}

// gone waits until an element is not shown any more.
func (b *tab) gone(selector string) {
	b.t.Helper()
	b.until("lose "+selector, `!document.querySelector(`+strconv.Quote(selector)+`)?.checkVisibility({visibilityProperty: true})`)
}

// read waits until the page shows a text.
func (b *tab) read(text string) {
	b.t.Helper()
	b.until("read "+strconv.Quote(text), `document.readyState !== "loading" && document.body.innerText.includes(`+strconv.Quote(text)+`)`)
}

// at waits until the tab has come to an address.
func (b *tab) at(url string) {
	b.t.Helper()
	b.until("come to "+url, `document.readyState === "complete" && location.href === `+strconv.Quote(url))
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

// text is what an element shows; empty if there is none.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector(`+strconv.Quote(selector)+`)?.innerText ?? ""`)
}

// attribute is one of an element; empty if there is none.
func (b *tab) attribute(selector, name string) string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector(`+strconv.Quote(selector)+`)?.getAttribute(`+strconv.Quote(name)+`) ?? ""`)
}

// count is how many elements there are, shown or not.
func (b *tab) count(selector string) int {
	b.t.Helper()
	return evaluate[int](b, `document.querySelectorAll(`+strconv.Quote(selector)+`).length`)
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

// pagePicture is the whole page as a PNG.
func (b *tab) pagePicture() ([]byte, error) {
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}

// fail ends the test with what the tab shows.
func (b *tab) fail(what string, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("could not %s: %v\ncomplaints: %q\nasked for: %q\nthe tab shows %s", what, err, b.complaints, b.asked, shown)
}

// keepPicture leaves a picture of every failed test, and of all with CHECKOUT_SCREENSHOTS, the folder they go to.
func (b *tab) keepPicture() {
	dir := os.Getenv("CHECKOUT_SCREENSHOTS")
	if dir == "" && !b.t.Failed() {
		return
	}
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "checkout-screenshots")
	}
	png, err := b.pagePicture()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	name := filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name())+".png")
	if err == nil {
		err = os.WriteFile(name, png, 0o600)
	}
	b.t.Log(fmt.Sprint("picture: ", name, " ", err))
}
