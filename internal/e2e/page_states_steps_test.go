package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/e2e/stripefake"
	"github.com/jopay/checkout/webhook"
)

// cell is one line of [pageTable].
type cell struct {
	at       place
	does     action
	shown    string // what the first tab shows in the end, several with a bar between, and its HTTP status
	session  string // status and payment status
	attempts int
	charges  int    // that took money at the provider
	events   string // told, in order
}

// shownTo splits what is shown into the states and their HTTP status; without scripts what stands behind a slash. Copy is
// a page that the browser has kept in memory and shows without asking anybody: Chromium does so, no-store or not, and only a
// script can reload it. What its button does is shown then.
func (c cell) shownTo(scripts bool) (copied bool, states, status string) {
	shown, plain, differs := strings.Cut(c.shown, " / ")
	if differs && !scripts {
		shown = plain
	}
	shown, copied = strings.CutPrefix(shown, "copy ")
	states, status, _ = strings.Cut(shown, " ")
	return copied, states, status
}

// place is where a buyer stands, and the way there.
type place struct {
	name   string
	arrive func(v *visit)
}

// action is what a buyer does there.
type action struct {
	name, kind string
	do         func(v *visit)
}

// The kinds of actions that every place has a line for.
const (
	refreshing = "refresh"
	goingBack  = "back"
	secondTab  = "second tab"
	replaying  = "replay"
)

// visit is a buyer's: a tab, perhaps a second one, and a shop of its own.
type visit struct {
	t       *testing.T
	scripts bool
	*store
	stripe *stripeStore
	*tab
	other *tab
	order *checkout.Session
	late  atomic.Int64 // nanoseconds that the shop's clock is ahead
}

const (
	goodCard    = "4242424242424242"
	badCard     = "4000000000000002"
	bankCard    = "4000002500003155"
	slowCard    = "4000000000012221"
	laterCard   = "4000000000012239"
	unknownCard = "4000000000012247"
)

// begin prepares a tab.
func (v *visit) begin(b *tab) *tab {
	if !v.scripts {
		b.withoutScripts()
	}
	return b
}

func (v *visit) now() time.Time { return time.Now().Add(time.Duration(v.late.Load())) }

// waitFor lets time pass for the shop.
func (v *visit) waitFor(d time.Duration) { v.late.Add(int64(d)) }

// start opens the page of a new order in a new shop.
func (v *visit) start(providers ...checkout.Provider) {
	v.tab = v.begin(openTab(v.t))
	v.store = openStore(v.t, func(cfg *checkout.Config) { cfg.Now, cfg.Providers = v.now, providers })
	v.order = v.store.order()
	v.open(v.order.CheckoutURL)
}

// fill puts a card into the form the way a password manager does: at once.
func (b *tab) fill(card string) {
	b.t.Helper()
	b.see(payButton)
	evaluate[int](b, `(() => {
		const method = document.getElementById("method-test_card");
		if (method) method.checked = true;
		for (const [id, value] of [["card_number", "`+card+`"], ["card_exp", "12/34"], ["card_cvc", "123"]]) document.getElementById(id).value = value;
		return 1;
	})()`)
}

func (b *tab) pay(card string) {
	b.t.Helper()
	b.fill(card)
	b.click(payButton)
}

// shows is what a tab shows: a state of the page, or where else it is.
const shows = `document.readyState !== "complete" ? "" :
	location.protocol === "chrome-error:" ? "again?" : location.pathname === "/thanks" ? "shop" : location.pathname === "/basket" ? "basket" : document.body?.dataset.state ?? ""`

func (b *tab) comeTo(states string) {
	b.t.Helper()
	b.until("come to "+states, quote("|"+states+"|")+`.includes("|" + (`+shows+`) + "|")`)
}

func (b *tab) reload() {
	b.t.Helper()
	b.limited("reload", chromedp.Reload())
}

// goBack is the browser's button.
func (b *tab) goBack() {
	b.t.Helper()
	evaluate[any](b, `window.left = true, history.back()`)
	b.until("leave", `!window.left`)
}

// second opens a page in another tab of the buyer's browser.
func (v *visit) second(url string) *tab {
	v.t.Helper()
	v.other = v.begin(v.sibling())
	if v.stripe != nil {
		v.stripe.standInFor(v.other)
	}
	v.other.open(url)
	return v.other
}

// again sends a form once more as it was, and follows the answer in the first tab.
func (v *visit) again(p posted) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.base+p.path, bytes.NewReader(p.body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header = p.header.Clone()
	r.Header.Del("Accept-Encoding")
	resp, err := client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	location := resp.Header.Get("Location")
	switch {
	case resp.StatusCode == http.StatusSeeOther && strings.HasPrefix(location, "/"):
		v.open(v.base + location)
	case resp.StatusCode == http.StatusSeeOther:
		v.open(location)
	case resp.StatusCode != http.StatusUnprocessableEntity && resp.StatusCode != http.StatusNotFound:
		v.t.Errorf("a form that was sent again is answered %d: %s", resp.StatusCode, body)
	}
}

func (v *visit) sent(i int) posted {
	v.t.Helper()
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	forms := slices.DeleteFunc(slices.Clone(v.posts), func(p posted) bool { return !strings.HasPrefix(p.path, v.co.PagePath()) })
	if i < 0 {
		i += len(forms)
	}
	if i < 0 || i >= len(forms) {
		v.t.Fatalf("%d forms were sent", len(forms))
	}
	return forms[i]
}

// tries counts attempts, charges those that took money.
func (v *visit) tries() int {
	return v.rows("checkout_payments", "session_id = ?", v.order.ID)
}

func (v *visit) charges() int {
	if v.stripe != nil {
		paid := slices.DeleteFunc(v.stripe.company.Events(), func(e stripefake.Event) bool { return e.Type != "payment_intent.succeeded" })
		return len(paid)
	}
	return v.rows("checkout_sandbox_charges", "session_id = ? AND state = 'succeeded'", v.order.ID)
}

func (v *visit) rows(table, where string, args ...any) int {
	v.t.Helper()
	var n int64
	if err := v.db.Table(table).Where(where, args...).Count(&n).Error; err != nil {
		v.t.Fatal(err)
	}
	return int(n)
}

var eventNames = map[string]string{
	"failed": webhook.PaymentFailed, "processing": webhook.PaymentProcessing, "completed": webhook.SessionCompleted, "expired": webhook.SessionExpired,
}

// check holds the end of a visit to its line of the table.
func (v *visit) check(c cell) {
	v.t.Helper()
	copied, states, status := c.shownTo(v.scripts)
	if copied {
		v.useCopy()
	}
	v.comeTo(states)
	if got := evaluate[int](v.tab, `performance.getEntriesByType("navigation")[0].responseStatus`); fmt.Sprint(got) != status {
		v.t.Errorf("the page answers %d, want %s", got, status)
	}
	if c.session == "" {
		v.never()
		return
	}
	want, payment, _ := strings.Cut(c.session, " ")
	v.tab.wait("see the session be "+c.session, func(ctx context.Context) (bool, error) {
		now, err := v.co.Session(ctx, v.order.ID)
		return err == nil && string(now.Status) == want && string(now.PaymentStatus) == payment, err
	})
	var events []string
	for _, name := range strings.Fields(c.events) {
		events = append(events, eventNames[name])
	}
	v.is(v.order, checkout.Status(want), checkout.PaymentStatus(payment), events...)
	if tries, charges := v.tries(), v.charges(); tries != c.attempts || charges != c.charges {
		v.t.Errorf("%d attempts and %d charges, want %d and %d", tries, charges, c.attempts, c.charges)
	}
	v.never()
}

// useCopy presses the button of a page that has come back from the browser's memory.
func (v *visit) useCopy() {
	v.t.Helper()
	v.comeTo("open|test_bank")
	if evaluate[string](v.tab, shows) == "open" {
		v.fill(goodCard)
	}
	v.poke(payButton + ", " + approve)
}

// poke clicks by script and waits until the page is left: real clicks do not reach a page that has come back from memory
// under the DevTools.
func (b *tab) poke(selector string) {
	b.t.Helper()
	evaluate[any](b, `window.left = true, document.querySelector(`+quote(selector)+`).click()`)
	b.until("leave", `!window.left`)
}

// never are the rules of every line: nothing is taken twice, no form is there after the end, and nobody reads that nothing
// was charged while nobody knows.
func (v *visit) never() {
	v.t.Helper()
	if n := v.charges(); n > 1 {
		v.t.Errorf("%d charges took money", n)
	}
	open := v.rows("checkout_payments", "session_id = ? AND state = 'open'", v.order.ID) > 0
	for _, b := range []*tab{v.tab, v.other} {
		if b == nil {
			continue
		}
		state, text := evaluate[string](b, shows), evaluate[string](b, `document.body.innerText`)
		if forms := b.count(payButton); forms > 0 && (state != "open" || open) {
			v.t.Errorf("a page that is %s has a form to pay", state)
		}
		if now, err := v.co.Session(v.t.Context(), v.order.ID); err == nil && now.Status != checkout.StatusPending && b.count(payButton) > 0 {
			v.t.Errorf("there is a form to pay after the session is %s", now.Status)
		}
		for _, words := range []string{"not been charged", "declined", "failed"} {
			if open && strings.Contains(text, words) {
				v.t.Errorf("a page that is %s says %q of a payment that is under way: %s", state, words, text)
			}
		}
	}
}
