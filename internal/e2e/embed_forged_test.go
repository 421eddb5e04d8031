package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

// Only the origin that an order names can show its page: not others of the list, not others at all, and nobody where the
// order names none.
func TestEmbedRefusesOtherFrames(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*storefront) func(*checkout.SessionParams){
		"none named": func(*storefront) func(*checkout.SessionParams) {
			return func(p *checkout.SessionParams) { p.EmbedOrigin = "" }
		},
		"another of the list": func(f *storefront) func(*checkout.SessionParams) {
			return func(p *checkout.SessionParams) {
				p.EmbedOrigin = strings.Replace(f.origin, "shop.example", "other.example", 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, b := openStorefront(t, "shop.example"), openTab(t)
			order := shop.order(change(shop))
			shop.inline(order)
			b.open(shop.origin + "/")
			b.waitForComplaint("frame-ancestors")
			b.forgive()
			b.see("#pay") // the link stays
			if got := evaluate[int](b, `heard.length`); got != 0 {
				t.Errorf("the shop has heard of %d things", got)
			}
		})
	}
}

// Nobody but the page in the frame can tell the shop anything, and nobody but the loader can tell the page.
func TestEmbedIgnoresForgedMessages(t *testing.T) {
	t.Parallel()
	shop, b := openStorefront(t, "shop.example"), openTab(t)
	order := shop.order()
	forged := `for (const type of ["ready", "resize", "submitting", "failed", "completed", "cancel", "expired"])
		for (const v of [1, "1", 2]) top.postMessage({ type: "checkout." + type, v, id: "` + order.ID + `", height: 9999, redirect: "` + shop.origin + `/stolen" }, "*");`
	evil := forger(t, forged+`for (let i = 0; i < top.frames.length; i++) top.frames[i].postMessage({ type: "checkout.host", v: 1, dialog: true }, "*");`)
	shop.mux.HandleFunc("GET /own", func(w http.ResponseWriter, _ *http.Request) { // the checkout's origin, but not its frame
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>forged</title><link rel="icon" href="data:,"><script>`+forged+`top.postMessage("done", "*")</script>`)
	})
	shop.inline(order)
	shop.body += `<p id="evil"></p>`
	b.open(shop.origin + "/")
	b.hears("ready")
	before := evaluate[int](b, `heard.length`)
	evaluate[bool](b, `(() => {
		window.done = 0;
		addEventListener("message", (event) => event.data === "done" && window.done++);
		for (const src of ["`+evil+`", "`+shop.base+`/own"]) document.querySelector("#evil").append(Object.assign(document.createElement("iframe"), { src }));
		`+strings.ReplaceAll(forged, "top.", "window.")+`
		return true;
	})()`)
	b.until("hear of both forgers", `window.done === 2`)
	if got := b.forgedSince(before); got != "" {
		t.Errorf("the shop has heard of %s", got)
	}

	// A page that believed the forger would send its Esc as a wish to close, before the news of its new size.
	evaluate[bool](b, `document.querySelector("[data-checkout] iframe").focus(), true`)
	b.press("Escape")
	b.size(390, 844)
	b.until("hear of the new size", `heard.length > `+fmt.Sprint(before))
	if got := b.forgedSince(before); got != "" {
		t.Errorf("the page believed a forged loader and told %s", got)
	}

	// The right frame is no sender any more when another site stands in it.
	before = evaluate[int](b, `heard.length`)
	evaluate[bool](b, `document.querySelector("[data-checkout] iframe").src = "`+evil+`", true`)
	b.until("hear of the forger in the frame", `window.done === 3`)
	if got := b.forgedSince(before); got != "" {
		t.Errorf("the shop has heard of %s from another site in the frame", got)
	}
	b.at(shop.origin + "/")
	shop.is(order, "pending", "unpaid")
}

// forgedSince is what a shop has heard since, without news of a size that the page may have.
func (b *tab) forgedSince(before int) string {
	b.t.Helper()
	return evaluate[string](b, `heard.slice(`+fmt.Sprint(before)+`).filter(({ type, height }) => type !== "resize" || height === 9999).map(({ type }) => type).join()`)
}

// forger is a page of another site with a script.
func forger(t *testing.T, script string) string {
	t.Helper()
	at := servePage(t, "script-src 'unsafe-inline'; img-src data:", `<script>`+script+`top.postMessage("done", "*")</script>`)
	return strings.Replace(at, "127.0.0.1", "other.example", 1)
}
