package e2e

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/jopay/checkout"
)

// elsewhere is a site of another origin.
func elsewhere(t testing.TB, pages map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /favicon.ico", func(http.ResponseWriter, *http.Request) {})
	for pattern, h := range pages {
		mux.HandleFunc(pattern, h)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func saying(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Elsewhere</title><body>`+text)
	}
}

// frames are the addresses of the frames in a page; one that was refused stands there as unreachable.
func (b *tab) frames() (reached, refused []string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	tree, err := chromedp.Call(ctx, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, child := range tree.FrameTree.ChildFrames {
		if child.Frame.UnreachableURL != "" {
			refused = append(refused, child.Frame.UnreachableURL)
		} else {
			reached = append(reached, child.Frame.URL)
		}
	}
	return reached, refused
}

// No site may show the page in a frame, in whatever state it is.
func TestBrowserRefusesToFrameThePage(t *testing.T) {
	t.Parallel()
	g := openPageGallery(t)
	frames := ""
	for _, address := range g.addresses {
		frames += `<iframe src="` + html.EscapeString(address) + `"></iframe>`
	}
	site := elsewhere(t, map[string]http.HandlerFunc{"GET /": saying(frames)})
	b := openTab(t)
	b.expect("frame-ancestors")
	b.calm(site)
	b.wait("refuse every frame", func(context.Context) (bool, error) {
		_, refused := b.frames()
		return len(refused) == len(g.addresses), nil
	})
	if reached, _ := b.frames(); len(reached) > 0 {
		t.Errorf("frames show %q", reached)
	}
	b.calmDown()
}

// A form that another site sends, with all it could know, pays nothing.
func TestBrowserFormsOfOtherSitesPayNothing(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]string{
		"another origin":     "",
		"an opaque origin":   "sandbox allow-forms allow-scripts allow-top-navigation",
		"without a referrer": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			order := s.order()
			g := &pageGallery{store: s}
			token := formToken.FindStringSubmatch(g.get(order.CheckoutURL))[1]
			form := `<form method="post" action="` + order.CheckoutURL + `">`
			for field, value := range map[string]string{"token": token, "action": "pay", "method": "test_card", "card_number": goodCard, "card_exp": "12/34", "card_cvc": "123"} {
				form += `<input type="hidden" name="` + field + `" value="` + value + `">`
			}
			site := elsewhere(t, map[string]http.HandlerFunc{"GET /": func(w http.ResponseWriter, r *http.Request) {
				if policy != "" {
					w.Header().Set("Content-Security-Policy", policy)
				}
				if name == "without a referrer" {
					w.Header().Set("Referrer-Policy", "no-referrer")
				}
				saying(form+`<button id="win">Win a prize</button></form>`)(w, r)
			}})
			b := openTab(t)
			b.expect("403")
			b.open(site)
			b.click("#win")
			b.at(order.CheckoutURL)
			b.comeTo("problem")
			b.read("another website")
			if n := s.rowsOf("checkout_payments", order); n != 0 {
				t.Errorf("%d payments were started by another site", n)
			}
			s.is(order, "pending", "unpaid")

			b.open(order.CheckoutURL) // nothing was broken for the buyer
			b.pay(goodCard)
			b.at(s.thanks(order))
		})
	}
}

// The shop's success page may be on another origin: browsers hold the redirect behind the form to the page's policy.
func TestBrowserIsLedToAShopOnAnotherOrigin(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		site := elsewhere(t, map[string]http.HandlerFunc{
			"GET /done": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/thanks?"+r.URL.RawQuery, http.StatusFound)
			},
			"GET /thanks": saying("Thank you over there"),
			"GET /basket": saying("Your basket over there"),
		})
		s := openStore(t)
		order := s.order(func(p *checkout.SessionParams) { p.SuccessURL, p.CancelURL = site+"/done", site+"/basket" })
		b.open(order.CheckoutURL)
		b.click(`a[href="` + site + `/basket"]`)
		b.read("Your basket over there")
		b.goBack()
		b.fill(goodCard)
		b.poke(payButton)
		b.read("Thank you over there")
		b.at(site + "/thanks?session_id=" + order.ID)
		s.is(order, "completed", "paid", eventNames["completed"])
	})
}

// A success page that leads on to a third origin is more than the policy can list. The buyer has paid, and is not left in
// front of a form: with scripts the page reloads itself, without them a refresh shows the link.
func TestBrowserIsNotLeftAtAFormWhenTheShopLeadsOn(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		third := elsewhere(t, map[string]http.HandlerFunc{"GET /thanks": saying("Thank you at the third")})
		site := elsewhere(t, map[string]http.HandlerFunc{
			"GET /done": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, third+"/thanks", http.StatusFound) },
		})
		s := openStore(t)
		order := s.order(func(p *checkout.SessionParams) { p.SuccessURL = site + "/done" })
		b.expect("form-action")
		b.open(order.CheckoutURL)
		b.pay(goodCard)
		b.waitForComplaint("policy: form-action")
		if strings.HasSuffix(t.Name(), "without_scripts") {
			b.reload()
		}
		b.comeTo("completed")
		s.is(order, "completed", "paid", eventNames["completed"])
		b.click(`a.button[href^="` + site + `"]`)
		b.read("Thank you at the third")
	})
}

// Without the shop's origin in the policy the browser would stop the buyer after the payment: that is why it is listed.
func TestBrowserHoldsRedirectsToThePolicy(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	other := elsewhere(t, map[string]http.HandlerFunc{"GET /thanks": saying("Thank you")})
	site := elsewhere(t, map[string]http.HandlerFunc{
		"GET /": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "form-action 'self'")
			saying(`<form method="post"><button>Pay</button></form>`)(w, r)
		},
		"POST /": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other+"/thanks", http.StatusSeeOther)
		},
	})
	b.expect("form-action")
	b.open(site + "/")
	b.click("button")
	b.waitForComplaint("form-action")
	if got := evaluate[string](b, `location.href`); !strings.HasPrefix(got, site) {
		t.Errorf("the browser went on to %s: the policy need not list the shop any more", got)
	}
}
