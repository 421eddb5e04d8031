package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
)

// storefront is a shop on an origin of its own that shows the checkout of a store in its pages.
type storefront struct {
	*store
	origin string
	body   string // of its page at /, which a test may set
}

// The names under which a browser finds a storefront: another origin of the same site, and another site.
var shopHosts = map[string]string{"another origin": "127.0.0.1", "another site": "shop.example"}

// listeners keeps what a shop hears, the most recent last. It is a file of the shop's: its policy allows no other script.
const listeners = `
window.heard = [];
for (const type of ["ready", "resize", "submitting", "failed", "completed", "cancel", "expired"]) {
  addEventListener("checkout:" + type, (event) => {
    heard.push({ type, ...event.detail });
    if (document.documentElement.dataset.keep === type) event.preventDefault();
  });
}
`

func openStorefront(t testing.TB, host string) *storefront {
	t.Helper()
	return showing(t, host, func(allow func(*checkout.Config)) *store { return openStore(t, allow) })
}

// showing opens a shop for the store that open makes with its setting.
func showing(t testing.TB, host string, open func(allow func(*checkout.Config)) *store) *storefront {
	t.Helper()
	f := &storefront{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f.origin = "http://" + net.JoinHostPort(host, port)
	f.store = open(func(c *checkout.Config) { c.EmbedOrigins = []string{f.origin, "http://other.example:" + port} })
	server.Start()
	t.Cleanup(server.Close)
	return f
}

// policy is as strict as a page can be that shows the checkout: no inline code, no styles, trusted types.
func (f *storefront) policy() string {
	return "default-src 'none'; script-src 'self' " + f.base + "; frame-src " + f.base + " http://other.example:*; img-src data:; base-uri 'none'; " +
		"form-action 'none'; require-trusted-types-for 'script'"
}

func (f *storefront) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", f.policy())
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Shop</title><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
			<script src="/listeners.js"></script><script src="%s/checkout/embed.js" async></script><main><h1>The shop</h1>%s</main>`, f.base, f.body)
	case "/listeners.js":
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, listeners)
	case "/thanks", "/basket":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><h1>%s</h1>`, strings.TrimPrefix(r.URL.Path, "/"))
	default:
		http.NotFound(w, r)
	}
}

// order makes a session whose page this shop may show.
func (f *storefront) order(change ...func(*checkout.SessionParams)) *checkout.Session {
	f.t.Helper()
	return f.store.order(append([]func(*checkout.SessionParams){func(p *checkout.SessionParams) {
		p.EmbedOrigin, p.SuccessURL, p.CancelURL = f.origin, f.origin+"/thanks", f.origin+"/basket"
	}}, change...)...)
}

func (f *storefront) thanks(session *checkout.Session) string {
	return f.origin + "/thanks?session_id=" + session.ID
}

// inline and dialog are the two ways to show an order; both have a link for browsers without scripts.
func (f *storefront) inline(order *checkout.Session) {
	f.body = `<div data-checkout="` + order.ID + `"><a id="pay" href="` + order.CheckoutURL + `">Pay</a></div>`
}

func (f *storefront) dialog(order *checkout.Session) {
	f.body = `<a id="other" href="/basket">Basket</a> <a id="pay" data-checkout-open href="` + order.CheckoutURL + `">Pay</a>`
}

// frame is what a tab shows in its one frame of a store.
type frame struct {
	*tab
	origin string
}

func (b *tab) frame(origin string) frame { return frame{b, origin} }

// frameContext is where the scripts of a frame run.
type frameContext struct{ id, origin string }

// hearContext keeps the contexts of all frames of a tab.
func (b *tab) hearContext(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExecutionContextCreated:
		var about struct {
			IsDefault bool `json:"isDefault"`
		}
		if json.Unmarshal(e.Context.AuxData, &about) == nil && about.IsDefault {
			b.contexts = append(b.contexts, frameContext{e.Context.UniqueID, e.Context.Origin})
		}
	case *runtime.EventExecutionContextDestroyed:
		for i, known := range b.contexts {
			if known.id == e.ExecutionContextUniqueID {
				b.contexts = append(b.contexts[:i:i], b.contexts[i+1:]...)
				break
			}
		}
	case *runtime.EventExecutionContextsCleared:
		b.contexts = nil
	}
}

func (f frame) context() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.contexts) - 1; i >= 0; i-- {
		if f.contexts[i].origin == f.origin {
			return f.contexts[i].id, nil
		}
	}
	return "", fmt.Errorf("there is no frame of %s", f.origin)
}

// askIn evaluates an expression in a frame.
func askIn[T any](ctx context.Context, f frame, expression string) (T, error) {
	id, err := f.context()
	if err != nil {
		var none T
		return none, err
	}
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, func(p *runtime.EvaluateParams) { p.UniqueContextID = id }))
}

// until asks the page in the frame again and again.
func (f frame) until(what, question string) {
	f.t.Helper()
	f.wait(what+" in the frame", func(ctx context.Context) (bool, error) { return askIn[bool](ctx, f, question) })
}

func (f frame) see(selector string) {
	f.t.Helper()
	f.until("see "+selector, `document.readyState !== "loading" && !!document.querySelector(`+quote(selector)+`)?.checkVisibility({visibilityProperty: true})`)
}

func (f frame) read(text string) {
	f.t.Helper()
	f.until("read "+quote(text), `document.readyState !== "loading" && document.body.innerText.replace(/\s+/g, " ").includes(`+quote(text)+`)`)
}

// value is what an expression is worth in the frame.
func value[T any](f frame, expression string) T {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, waitLimit)
	defer cancel()
	v, err := askIn[T](ctx, f, expression)
	if err != nil {
		f.fail(expression+" in the frame", err)
	}
	return v
}

// click moves the mouse to an element and presses: only then a browser takes it for the buyer's.
func (f frame) click(selector string) {
	f.t.Helper()
	f.see(selector)
	x, y := f.place(selector)
	f.limited("click "+selector, chromedp.MouseClickXY(x, y))
}

// place is the middle of an element in the window, as soon as it does not move any more.
func (f frame) place(selector string) (x, y float64) {
	f.t.Helper()
	inside := `(() => {
		const e = document.querySelector(` + quote(selector) + `);
		e.scrollIntoView({ block: "center" });
		const { x, y, width, height } = e.getBoundingClientRect();
		return [x + width / 2, y + height / 2];
	})()`
	const outside = `(() => { const { x, y, height } = document.querySelector("iframe").getBoundingClientRect(); return [x, y, height]; })()`
	var last [3]float64
	still := 0
	f.wait("find "+selector+" where it stays", func(ctx context.Context) (bool, error) {
		in, err1 := askIn[[]float64](ctx, f, inside)
		out, err2 := chromedp.Run(ctx, chromedp.Evaluate[[]float64](outside))
		if err := errors.Join(err1, err2); err != nil {
			return false, err
		}
		now := [3]float64{in[0] + out[0], in[1] + out[1], out[2]}
		if still++; now != last {
			last, still = now, 0
		}
		return still >= 3, nil
	})
	return last[0], last[1]
}

func (f frame) enter(selector, text string) {
	f.t.Helper()
	f.click(selector)
	f.until("focus "+selector, `document.activeElement === document.querySelector(`+quote(selector)+`)`)
	f.limited("type into "+selector, chromedp.KeyEvent(text))
}

func (f frame) typeCard(number string) {
	f.t.Helper()
	f.enter("#card_number", number)
	f.enter("#card_exp", "1234")
	f.enter("#card_cvc", "123")
}

// hears waits until the shop has heard of something.
func (b *tab) hears(types ...string) {
	b.t.Helper()
	list, _ := json.Marshal(types)
	b.until("hear of "+strings.Join(types, ", "), `(() => {
		const told = window.heard.map((each) => each.type).filter((type) => type !== "resize");
		return JSON.stringify(told.slice(-`+fmt.Sprint(len(types))+`)) === `+quote(string(list))+`;
	})()`)
}
