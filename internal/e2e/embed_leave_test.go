package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// A bank has the whole window, as real ones refuse frames, and the way back leads to the shop and not into a frame.
func TestEmbedBankLeavesTheFrame(t *testing.T) {
	t.Parallel()
	for name, show := range map[string]func(*storefront, string, string){
		"inline": func(f *storefront, id, url string) { f.body = `<div data-checkout="` + id + `"></div>` },
		"by hand": func(f *storefront, id, url string) {
			f.body = `<iframe title="Checkout" src="` + url + `?embed=1" height="1200"></iframe>`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, b := openStorefront(t, "shop.example"), openTab(t)
			if name == "by hand" {
				b.withoutScripts()
			}
			order := shop.order()
			show(shop, order.ID, order.CheckoutURL)
			b.open(shop.origin + "/")
			page := b.frame(shop.base)
			page.typeCard("4000002500003155")
			page.click(payButton)
			page.read("Confirm with your bank")
			page.click("a.button")
			b.answerAtBank("approve")
			b.at(shop.thanks(order))
			shop.is(order, "completed", "paid", webhook.SessionCompleted)
		})
	}
}

// answerAtBank gives the buyer's answer on the bank's page, once it has the whole tab.
func (b *tab) answerAtBank(answer string) {
	b.t.Helper()
	b.until("be at the bank", `location.pathname === "/checkout/test-bank" && document.readyState === "complete"`)
	b.click(`button[name=answer][value=` + answer + `]`)
}

// Whoever is refused by the bank is back at the page, at top level, and pays there.
func TestEmbedRefusedAtTheBank(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	order := shop.order()
	shop.inline(order)
	b.open(shop.origin + "/")
	page := b.frame(shop.base)
	page.typeCard("4000002500003155")
	page.click(payButton)
	page.click(".state a.button")
	b.answerAtBank("refuse")
	b.at(order.CheckoutURL)
	b.read("You have not been charged")
	b.typeCard("4242424242424242")
	b.click(payButton)
	b.at(shop.thanks(order))
	shop.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
}

// Without scripts there are links, and a frame that is written by hand works too.
func TestEmbedWithoutScripts(t *testing.T) {
	t.Parallel()
	for name, show := range map[string]func(*storefront, *checkout.Session){
		"inline": (*storefront).inline, "dialog": (*storefront).dialog,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, b := openStorefront(t, "shop.example"), openTab(t)
			b.withoutScripts()
			order := shop.order()
			show(shop, order)
			b.open(shop.origin + "/")
			b.click("#pay")
			b.at(order.CheckoutURL)
			b.typeCard("4242424242424242")
			b.click(payButton)
			b.at(shop.thanks(order))
		})
	}
	t.Run("by hand", func(t *testing.T) {
		t.Parallel()
		shop, b := openStorefront(t, "shop.example"), openTab(t)
		b.withoutScripts()
		order := shop.order()
		shop.body = `<iframe title="Checkout" src="` + order.CheckoutURL + `?embed=1" height="1200"></iframe>`
		b.open(shop.origin + "/")
		page := b.frame(shop.base)
		page.typeCard("4242424242424242")
		page.click(payButton)
		page.read("Payment received") // in the frame: the shop never is
		page.click("a.button")
		b.at(shop.thanks(order))
		shop.is(order, "completed", "paid", webhook.SessionCompleted)
	})
}

const sandboxTokens = "allow-scripts allow-forms allow-same-origin allow-top-navigation-by-user-activation"

// A shop may put the page into a sandbox. These tokens are all it takes, and each of them is needed.
func TestEmbedSandboxed(t *testing.T) {
	t.Parallel()
	show := func(t *testing.T, tokens string) (*storefront, *tab, *checkout.Session, frame) {
		shop, b := openStorefront(t, "shop.example"), openTab(t)
		order := shop.order()
		shop.body = `<div data-checkout="` + order.ID + `" data-checkout-sandbox="` + tokens + `"></div>`
		b.open(shop.origin + "/")
		return shop, b, order, b.frame(shop.base)
	}
	t.Run("pays", func(t *testing.T) {
		t.Parallel()
		shop, b, order, page := show(t, sandboxTokens)
		page.typeCard("4242424242424242")
		page.click(payButton)
		b.at(shop.thanks(order))
	})
	t.Run("confirms at the bank", func(t *testing.T) {
		t.Parallel()
		shop, b, order, page := show(t, sandboxTokens)
		page.typeCard("4000002500003155")
		page.click(payButton)
		page.click(".state a.button")
		b.answerAtBank("approve")
		b.at(shop.thanks(order))
	})
	for _, token := range strings.Fields(sandboxTokens) {
		t.Run("not without "+token, func(t *testing.T) {
			t.Parallel()
			shop, b, order, page := show(t, strings.Replace(sandboxTokens, token, "", 1))
			switch token {
			case "allow-scripts":
				b.waitForComplaint("Blocked script execution") // no news for the shop, no height
			case "allow-forms":
				page.typeCard("4242424242424242")
				page.click(payButton)
				b.waitForComplaint("Blocked form submission")
			case "allow-same-origin":
				nobody := b.frame("://") // whose forms and messages are refused
				nobody.typeCard("4242424242424242")
				nobody.click(payButton)
				b.waitForComplaint("403")
			default:
				page.typeCard("4000002500003155")
				page.click(payButton)
				page.click(".state a.button")
				b.waitForComplaint("Unsafe attempt to initiate navigation")
			}
			b.forgive()
			if at := evaluate[string](b, `location.href`); at != shop.origin+"/" {
				t.Errorf("the shop's page has become %s", at)
			}
			now, err := shop.co.Session(t.Context(), order.ID)
			if err != nil || now.Status != "pending" {
				t.Errorf("the order is %v, %v", now, err)
			}
		})
	}
}

// No third-party cookies: this browser refuses them in the frame, and nothing is missed because there are none.
func TestEmbedWithoutThirdPartyCookies(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	shop.mux.HandleFunc("GET /cookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "third", Value: "1", SameSite: http.SameSiteNoneMode, Secure: true})
		fmt.Fprint(w, `<!doctype html><title>Cookies</title><link rel="icon" href="data:,"><p>Cookies: `+r.Header.Get("Cookie")+`.`)
	})
	b.do(refuseThirdPartyCookies)
	for range 2 {
		b.open(shop.base + "/cookie")
	}
	b.read("Cookies: third=1.") // it is there, and made for frames
	shop.body = `<iframe title="Control" src="` + shop.base + `/cookie"></iframe>`
	b.open(shop.origin + "/")
	b.frame(shop.base).read("Cookies: .")
	b.do(forgetCookies)

	order := shop.order()
	shop.inline(order)
	b.open(shop.origin + "/")
	page := b.frame(shop.base)
	page.typeCard("4000000000000002")
	page.click(payButton)
	b.hears("ready", "failed")
	page.typeCard("4242424242424242")
	page.click(payButton)
	b.at(shop.thanks(order))
	shop.is(order, "completed", "paid", webhook.PaymentFailed, webhook.SessionCompleted)
	if kept := b.cookies(); kept != 0 {
		t.Errorf("the browser keeps %d cookies", kept)
	}
}

var (
	refuseThirdPartyCookies = chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, network.SetCookieControls, network.SetCookieControlsParams{EnableThirdPartyCookieRestriction: true})
		return err
	})
	forgetCookies = chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, storage.ClearCookies, storage.ClearCookiesParams{})
		return err
	})
)
