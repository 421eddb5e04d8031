package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The limits of a browser test. Nothing waits without one.
const (
	startLimit = 30 * time.Second // for the browser to answer the first time
	tabLimit   = 60 * time.Second // for a whole test in one tab
	waitLimit  = 10 * time.Second // for one thing to appear
	lookAgain  = 15 * time.Millisecond
)

// browser is the one Chromium of all tests. The first test that needs it starts it, and it ends with the tests.
var browser struct {
	start sync.Once
	ctx   context.Context
	stop  []context.CancelFunc
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := checkConformance(); err != nil {
		fmt.Printf("%v\nTo write it anew: cd internal/e2e && CHECKOUT_UPDATE=1 go test -count=1 -run TestPage .\n", err)
		code = max(code, 1)
	}
	for i := len(browser.stop) - 1; i >= 0; i-- {
		browser.stop[i]()
	}
	os.Exit(code)
}

// startBrowser gives the context all tabs are opened from.
func startBrowser(t testing.TB) context.Context {
	t.Helper()
	path := findChromium()
	if path == "" {
		t.Skip("SKIPPED-NEEDS-CHROMIUM: no chromium, chromium-browser or google-chrome in PATH; CHECKOUT_CHROMIUM may name one")
	}
	browser.start.Do(func() { browser.err = launch(path) })
	if browser.err != nil {
		t.Fatalf("the browser did not start: %v", browser.err)
	}
	return browser.ctx
}

func findChromium() string {
	for _, name := range []string{os.Getenv("CHECKOUT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// launch starts Chromium without a way to the internet. The library adds a folder of its own for the profile, ends the
// process with this one, and switches the sandbox off for root, who cannot have it.
func launch(path string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en"),
		// Frames of other origins stay in the tab's process, where requests can be intercepted. The policy of a page
		// does not look at processes.
		chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("disable-features", "Translate,IsolateOrigins,site-per-process,OptimizationHints,MediaRouter"),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser.stop = append(browser.stop, stop)
	ctx, stop = chromedp.NewContext(ctx)
	browser.stop = append(browser.stop, stop)
	browser.ctx = ctx

	started := make(chan error, 1)
	go func() { started <- chromedp.Do(ctx) }() // a limit in the context would end the browser as well
	select {
	case err := <-started:
		return err
	case <-time.After(startLimit):
		return fmt.Errorf("no answer in %s", startLimit)
	}
}
