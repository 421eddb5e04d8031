package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutmanual"
)

// The budgets of the page, as a first visit in a browser meets them.
const (
	budgetRequests = 3
	budgetScript   = 2560 // bytes, compressed
	budgetPaint    = 1500 * time.Millisecond
	paintRuns      = 5 // of which the median counts
)

// budgetPages are the pages that are weighed: what one with so many items may transfer, compressed.
var budgetPages = []struct {
	name  string
	mode  checkout.Mode
	items int
	limit int
}{
	{"3 items, live", checkout.Live, 3, 8192},
	{"3 items, test", checkout.Test, 3, 8192},
	{"100 items, live", checkout.Live, 100, 10240},
	{"100 items, test", checkout.Test, 100, 10240},
}

func openBudgetStore(t testing.TB) *store {
	t.Helper()
	byHand, err := checkoutmanual.New(checkoutmanual.Config{Methods: []checkoutmanual.Method{{ID: checkoutmanual.CashOnDelivery}}})
	if err != nil {
		t.Fatal(err)
	}
	return openStore(t, func(cfg *checkout.Config) {
		cfg.Providers = []checkout.Provider{byHand}
		cfg.Seller = checkout.Seller{
			LegalName: "Acme Coffee GmbH", Address: checkout.PostalAddress{Line1: "Ringstraße 1", PostalCode: "8010", City: "Graz", Country: "AT"},
			LegalNoticeURL: "https://acme.example/legal", PrivacyURL: "https://acme.example/privacy", TermsURL: "https://acme.example/terms",
		}
	})
}

// orderOf is an order of many things that all have names of their own.
func (s *store) orderOf(mode checkout.Mode, items int) *checkout.Session {
	s.t.Helper()
	return s.order(func(p *checkout.SessionParams) {
		p.Mode, p.LineItems = mode, nil
		for i := range items {
			p.LineItems = append(p.LineItems, checkout.LineItem{
				Name: fmt.Sprintf("Coffee of the month, number %d", i+1), Amount: 1900 + int64(i), Currency: "eur", Quantity: 1 + int64(i%3),
			})
		}
	})
}

// load is one file of a first visit.
type load struct {
	url          string
	kind         network.ResourceType
	status       int64
	body, wire   int // bytes: of the body as it was sent, and with its headers
	cookies, enc string
}

// visitOnce opens a page in a browser that has never been here, and gives what it loaded.
func visitOnce(t *testing.T, url string) (b *tab, loads []*load) {
	t.Helper()
	b = openTab(t)
	b.watch()
	b.open(url)
	b.until("load the page", `document.readyState === "complete"`)
	evaluate[int](b, `0`) // what was loaded has been heard when this is answered
	bodies := evaluate[map[string]int](b, `Object.fromEntries(["navigation", "resource"].flatMap(type =>
		performance.getEntriesByType(type).map(e => [e.name, e.encodedBodySize])))`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.loads {
		if !strings.HasSuffix(l.url, "/favicon.ico") { // the shop's own, which browsers ask for by themselves, once a site
			l.body = bodies[l.url]
			loads = append(loads, l)
		}
	}
	return b, loads
}

// watch lets a tab keep what it loads.
func (b *tab) watch() {
	b.t.Helper()
	b.loads = map[network.RequestID]*load{}
	b.do(command(network.Enable, network.EnableParams{}))
}

// command is one of the DevTools protocol whose answer does not matter.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, c, params)
		return err
	})
}

func TestBrowserPageBudget(t *testing.T) {
	t.Parallel()
	s := openBudgetStore(t)
	for _, p := range budgetPages {
		t.Run(p.name, func(t *testing.T) {
			b, loads := visitOnce(t, s.orderOf(p.mode, p.items).CheckoutURL)
			var body, wire, script int
			for _, l := range loads {
				body, wire = body+l.body, wire+l.wire
				if l.kind == network.ResourceTypeScript {
					script += l.body
				}
				if !strings.HasPrefix(l.url, s.base+"/") || l.status != http.StatusOK || l.cookies != "" || l.enc != "gzip" {
					t.Errorf("%s: %d, encoded %q, cookies %q; want 200 from the shop, by gzip, without cookies", l.url, l.status, l.enc, l.cookies)
				}
			}
			t.Logf("%s: %d bytes in %d requests, with headers %d; of them %d script", p.name, body, len(loads), wire, script)
			if body > p.limit || body == 0 || len(loads) > budgetRequests || script > budgetScript || script == 0 {
				t.Errorf("%d bytes in %d requests with %d of script, want at most %d, %d and %d", body, len(loads), script, p.limit, budgetRequests, budgetScript)
			}
			if n := b.cookies(); n != 0 {
				t.Errorf("%d cookies", n)
			}
		})
	}
}

// cookies counts those that the browser has, of whatever site.
func (b *tab) cookies() int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	got, err := chromedp.Call(ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	return len(got.Cookies)
}

// A whole purchase leaves no cookie either.
func TestBrowserPurchaseSetsNoCookies(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		s := openStore(t)
		b.open(s.order().CheckoutURL)
		b.pay(bankCard)
		b.click(approve)
		b.comeTo("shop")
		if n := b.cookies(); n != 0 {
			t.Errorf("%d cookies", n)
		}
	})
}

// slowly is a bad mobile network and a weak phone: 400 kbit/s, 400 ms for each request, a quarter of the processor.
func (b *tab) slowly() {
	b.t.Helper()
	const kbits = 400 * 1000 / 8
	slow := &network.Conditions{Latency: 400, DownloadThroughput: kbits, UploadThroughput: kbits}
	b.do(command(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{slow}}))
	b.do(command(emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4}))
}

// paint is when the largest thing was painted, in milliseconds after the click that opened the page, and how much the
// layout had shifted by then (web.dev/lcp, web.dev/cls).
const paint = `window.painted ? "" : (window.painted = {lcp: 0, cls: 0, moved: ""},
	new PerformanceObserver(l => l.getEntries().forEach(e => window.painted.lcp = e.startTime)).observe({type: "largest-contentful-paint", buffered: true}),
	new PerformanceObserver(l => l.getEntries().forEach(e => { window.painted.cls += e.hadRecentInput ? 0 : e.value; window.painted.moved += e.sources.map(s => s.node?.nodeName + "." + s.node?.className + JSON.stringify([s.previousRect, s.currentRect])) })).observe({type: "layout-shift", buffered: true}), "")`

type painted struct {
	LCP float64 `json:"lcp"`
	CLS float64 `json:"cls"`

	Moved string `json:"moved"` // what shifted, and from where to where

	slower float64 // how many times longer the same work took than on the idle machine
	wait   float64 // milliseconds that the slowest answer took to come from the server to the browser, without the slow network
}

// counts tells whether a run says something about the page. Other work makes a run slower and never faster: one in time
// counts as it is, one too late if the machine was as fast as it should have been.
func (p painted) counts() bool {
	return p.time() <= budgetPaint || p.slower <= weakPhone && p.wait <= 100
}

func (p painted) time() time.Duration {
	return time.Duration(p.LCP * float64(time.Millisecond)).Round(time.Millisecond)
}

func (p painted) String() string {
	return fmt.Sprintf("%v (%.1f×, %.0f ms)", p.time(), p.slower, p.wait)
}

// work is the same amount of work every time, in milliseconds.
const work = `(() => {
	const start = performance.now();
	let sum = 0;
	for (let i = 0; i < 2e6; i++) sum += Math.sqrt(i);
	return sum && performance.now() - start;
})()`

// working are several times that the work takes, shortest first.
func (b *tab) working(n int) []float64 {
	b.t.Helper()
	times := make([]float64, n)
	for i := range times {
		times[i] = evaluate[float64](b, work)
	}
	slices.Sort(times)
	return times
}

const answersBegin = `Math.max(...["navigation", "resource"].flatMap(type => performance.getEntriesByType(type).map(e => e.responseStart - e.requestStart)))`

func paintOnce(t *testing.T, url string, idle float64) painted {
	t.Helper()
	b := openTab(t)
	defer b.end()
	b.size(390, 844)
	b.do(command(network.Enable, network.EnableParams{}))
	b.slowly()
	b.limited("open "+url, chromedp.Navigate(url))
	b.until("load the page", `document.readyState === "complete"`)
	evaluate[string](b, paint)
	b.until("paint", `window.painted.lcp > 0`)
	p := evaluate[painted](b, `window.painted`)
	p.slower = b.working(3)[2] / idle
	p.wait = evaluate[float64](b, answersBegin)
	return p
}

// The page is painted within its budget on a bad network and a weak phone. The test runs alone, so that the others are not
// part of what is measured. A machine that is busy with something else makes a weaker phone than was asked for: runs that
// are too late for that do not count, and where hardly anything else is to be had the test says so.
func TestBrowserPagePaintsInTime(t *testing.T) {
	s := openBudgetStore(t)
	b := openTab(t)
	b.open(s.base + "/basket")
	idle := b.working(20)[0]
	for _, items := range []int{3, 100} {
		t.Run(fmt.Sprint(items, " items"), func(t *testing.T) {
			url := s.orderOf(checkout.Live, items).CheckoutURL
			median := paintSeries(t, url, idle)
			if median > budgetPaint {
				t.Log("too late: once more")
				median = min(median, paintSeries(t, url, idle))
			}
			if median > budgetPaint {
				t.Errorf("painted after %v, want %v at most", median, budgetPaint)
			}
		})
	}
}

const (
	weakPhone = 4 * 1.4 // times slower than the idle machine, at most
	mostRuns  = 12
)

// paintSeries is the median of the first five runs that count.
func paintSeries(t *testing.T, url string, idle float64) time.Duration {
	t.Helper()
	var counted, busy []painted
	for len(counted) < paintRuns && len(counted)+len(busy) < mostRuns {
		p := paintOnce(t, url, idle)
		if p.CLS != 0 {
			t.Errorf("the layout shifts by %f: %s", p.CLS, p.Moved)
		}
		if !p.counts() {
			busy = append(busy, p)
			continue
		}
		counted = append(counted, p)
	}
	t.Logf("the largest thing is painted after %v; not counted %v", counted, busy)
	if len(counted) < paintRuns {
		t.Skipf("SKIPPED-NEEDS-QUIET-MACHINE: %d of %d runs were slowed down by something else", len(busy), mostRuns)
	}
	slices.SortFunc(counted, func(a, b painted) int { return cmp.Compare(a.LCP, b.LCP) })
	return counted[paintRuns/2].time()
}
