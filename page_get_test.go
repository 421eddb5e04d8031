package checkout

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// scriptedCompany is a company for live mode: it has one method and says of a charge what it is told to.
type scriptedCompany struct {
	outcome  Observation
	redirect string
}

func (p *scriptedCompany) Name() string { return "scripted" }

func (p *scriptedCompany) Methods(_ context.Context, q MethodQuery) ([]Method, error) {
	if !q.Livemode {
		return nil, nil
	}
	return []Method{{ID: "bank", Label: "Bank transfer"}}, nil
}

func (p *scriptedCompany) Begin(context.Context, BeginRequest) (Step, error) {
	o := p.outcome
	return Step{Ref: "ref_1", RedirectURL: p.redirect, Observation: &o}, nil
}

func (p *scriptedCompany) Observe(context.Context, ChargeRef) (Observation, error) {
	return p.outcome, nil
}

func (p *scriptedCompany) Notice(*http.Request, []byte) ([]Observation, error) {
	return nil, ErrNotAuthentic
}

const (
	bodyWithoutEmail = `{"line_items":[{"name":"Premium Coffee Beans","amount":2500,"currency":"eur","quantity":1}],` +
		`"success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel"}`
	freeBody = `{"line_items":[{"name":"Sample","amount":0,"currency":"eur","quantity":1}],"customer_email":"customer@example.com",` +
		`"success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel"}`
)

// shownStates are all that a page may show of a session, and how it comes to that.
var shownStates = []struct {
	name  string
	reach func(s *shop) (id string)
	title string
	form  bool
	state string // as the script's poll sees it
	has   []string
}{
	{"open", func(s *shop) string { return s.create(seedBody) },
		"[Test] Pay €25.00 to Acme Coffee", true, "open", []string{"customer@example.com", "Premium Coffee Beans"}},
	{"failed", func(s *shop) string { id := s.create(seedBody); s.pay(id, "4000000000009995"); return id },
		"Error: [Test] Pay €25.00 to Acme Coffee", true, "open", []string{"You have not been charged", "lack of funds"}},
	{"requires_action", func(s *shop) string { id := s.create(seedBody); s.pay(id, "4000002500003155"); return id },
		"[Test] Confirm with your bank", false, "requires_action", []string{`href="http://shop.test/checkout/test-bank?payment=pay_`, `value="abandon"`}},
	{"processing", func(s *shop) string { id := s.create(seedBody); s.pay(id, "4000000000012239"); return id },
		"[Test] Your payment is on its way", false, "processing", []string{`data-poll="2,4,8,15,30"`, "Check again"}},
	{"outcome unknown", func(s *shop) string { id := s.create(seedBody); s.pay(id, "4000000000012247"); return id },
		"[Test] Your payment is on its way", false, "processing", []string{"Check again"}},
	{"processing beyond the end", func(s *shop) string {
		id := s.create(seedBody)
		s.pay(id, "4000000000012239")
		s.clock.advance(2 * time.Hour)
		return id
	}, "[Test] Your payment is on its way", false, "processing", nil},
	{"completed", func(s *shop) string { id := s.create(seedBody); s.pay(id, "4242424242424242"); return id },
		"[Test] Payment received", false, "completed", []string{"c•••@example.com", `href="https://yoursite.com/success?session_id=cs_`}},
	{"completed, free", func(s *shop) string {
		id := s.create(freeBody)
		s.post("/checkout/"+id, s.form(id, ""))
		return id
	}, "[Test] Order confirmed", false, "completed", []string{"There is nothing to pay"}},
	{"expired", (*shop).expiredSession,
		"[Test] This payment page has expired", false, "expired", []string{"You have not been charged", `href="https://yoursite.com/cancel"`}},
	{"expired, the worker is late", func(s *shop) string { id := s.create(seedBody); s.clock.advance(time.Hour); return id },
		"[Test] This payment page has expired", false, "expired", []string{"You have not been charged"}},
}

var titleRule = regexp.MustCompile(`<title>(.*)</title>`)

func TestPageOfEveryState(t *testing.T) {
	for _, tc := range shownStates {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id := tc.reach(s)
				first := s.page("/checkout/" + id)
				body := first.Body.String()
				if title := html.UnescapeString(titleRule.FindStringSubmatch(body)[1]); first.Code != 200 || title != tc.title {
					t.Errorf("status %d, title %q", first.Code, title)
				}
				if pays := strings.Contains(body, `name="action" value="pay"`); pays != tc.form || strings.Contains(body, `name="card_number"`) && !tc.form {
					t.Errorf("the page has a form: %v", pays)
				}
				for _, want := range tc.has {
					if !strings.Contains(body, want) {
						t.Errorf("no %q in %s", want, body)
					}
				}
				if strings.Contains(body, "order_id") || strings.Contains(body, "12345") {
					t.Error("the page shows metadata")
				}
				checkPageHeaders(t, first, "'self' https://yoursite.com", "'none'")
				if again := s.page("/checkout/" + id); again.Body.String() != body {
					t.Error("a refresh shows another page")
				}
				checkStatus(t, s, id, tc.state)
			})
		})
	}
}

func checkStatus(t *testing.T, s *shop, id, state string) {
	t.Helper()
	w := s.page("/checkout/" + id + "/status")
	if w.Code != 200 || w.Body.String() != `{"state":"`+state+`"}` || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("status answers %d %s", w.Code, w.Body)
	}
	checkPageHeaders(t, w, "'self'", "'none'")
}

// checkPageHeaders holds an answer of the page's door to the headers that all of them have.
func checkPageHeaders(t *testing.T, w *httptest.ResponseRecorder, formAction, ancestors string) {
	t.Helper()
	want := map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex",
		"Permissions-Policy": "payment=(self), camera=(), microphone=(), geolocation=()",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action " +
			formAction + "; base-uri 'none'; frame-ancestors " + ancestors,
		"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin-allow-popups", "Set-Cookie": "",
	}
	if ancestors != "'none'" {
		want["X-Frame-Options"], want["Cross-Origin-Opener-Policy"] = "", ""
	}
	for name, value := range want {
		if got := strings.Join(w.Header().Values(name), " + "); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if w.Header().Get("X-Request-Id") == "" {
		t.Error("no request id")
	}
	if n := w.Header().Get("Content-Length"); w.Body.Len() > 0 && n != fmt.Sprint(w.Body.Len()) {
		t.Errorf("Content-Length %s of %d bytes", n, w.Body.Len())
	}
}

func TestPagePolicyNamesWhereTheBuyerMayGo(t *testing.T) {
	s := oneShop(t, func(cfg *Config) { cfg.EmbedOrigins = []string{"https://frame.example"} })
	for _, tc := range []struct{ success, cancel, more, actions, ancestors string }{
		{"https://a.example/ok", "https://a.example/no", "", "'self' https://a.example", "'none'"},
		{"https://a.example/ok", "https://b.example:8443/no", "", "'self' https://a.example https://b.example:8443", "'none'"},
		{"https://A.EXAMPLE:443/ok?x=;y", "https://a.example/no", "", "'self' https://a.example", "'none'"},
		{"https://a.example/ok", "https://a.example/no", `,"embed_origin":"https://frame.example"`, "'self' https://a.example", "https://frame.example"},
	} {
		body := strings.NewReplacer("https://yoursite.com/success", tc.success, "https://yoursite.com/cancel", tc.cancel).Replace(seedBody)
		id := s.create(strings.TrimSuffix(body, "}") + tc.more + "}")
		checkPageHeaders(t, s.page("/checkout/"+id), tc.actions, tc.ancestors)
		checkPageHeaders(t, s.pay(id, "4000000000000002"), tc.actions, tc.ancestors)
		checkPageHeaders(t, s.pay(id, "1"), tc.actions, tc.ancestors)
	}
}

// Whoever guesses ids must not learn from the answer whether a guess had the right shape.
func TestUnknownIDsGetOneAndTheSamePage(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		known := s.create(seedBody)
		var first *httptest.ResponseRecorder
		for _, id := range []string{
			"cs_" + strings.Repeat("0", idDigits), "cs_" + strings.Repeat("f", idDigits), "cs_", "nothing", known[:len(known)-1], known + "0", strings.ToUpper(known),
			"pay_" + known[3:], "%00", "%FF", "a%2Fb", strings.Repeat("x", 5000), "cs_'%20OR%201=1--",
		} {
			w := s.page("/checkout/" + id)
			if first == nil {
				first = w
			}
			w.Header().Del("X-Request-Id")
			if w.Code != http.StatusNotFound || w.Body.String() != first.Body.String() || fmt.Sprint(w.Header()) != fmt.Sprint(first.Header()) {
				t.Errorf("%.60q answers %d %v", id, w.Code, w.Header())
			}
		}
		if !strings.Contains(first.Body.String(), "We cannot find this payment page") || strings.Contains(first.Body.String(), "<form") {
			t.Errorf("page %s", first.Body)
		}
	})
}

func TestUnknownIDsAreLimitedByAddress(t *testing.T) {
	for name, path := range map[string]string{"page": "", "status": "/status", "return": "/return"} {
		t.Run(name, func(t *testing.T) {
			s := oneShop(t)
			known := s.create(seedBody)
			guess := func(i int) *httptest.ResponseRecorder {
				return s.page(fmt.Sprintf("/checkout/cs_%044x%s", i, path))
			}
			for i := range 30 {
				if w := guess(i); w.Code != http.StatusNotFound {
					t.Fatalf("guess %d answers %d", i+1, w.Code)
				}
			}
			w := guess(31)
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Body.String(), "Too many requests") {
				t.Errorf("guess 31 answers %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
			checkPageHeaders(t, w, "'self'", "'none'")
			if w := s.page("/checkout/" + known); w.Code != 200 {
				t.Errorf("a known session answers %d", w.Code)
			}
			r := httptest.NewRequest("GET", fmt.Sprintf("/checkout/cs_%044x%s", 99, path), nil)
			r.RemoteAddr = "198.51.100.7:1234"
			if w := s.do(r); w.Code != http.StatusNotFound {
				t.Errorf("another address gets %d", w.Code)
			}
			s.clock.advance(2 * time.Second)
			if w := guess(32); w.Code != http.StatusNotFound {
				t.Errorf("two seconds later: %d", w.Code)
			}
		})
	}
}

func TestPageLanguage(t *testing.T) {
	s := oneShop(t)
	auto := s.create(seedBody)
	german := s.create(strings.TrimSuffix(seedBody, "}") + `,"locale":"de-AT"}`)
	other := s.create(strings.TrimSuffix(seedBody, "}") + `,"locale":"ja"}`)
	for _, tc := range []struct{ id, query, accept, want string }{
		{auto, "", "", "en"}, {auto, "", "de-CH,fr;q=0.5", "de"}, {auto, "", "xx, de;q=0.1", "de"}, {auto, "", "rubbish;;;q=,", "en"},
		{auto, "?lang=de", "en", "de"}, {auto, "?lang=en", "de", "en"}, {auto, "?lang=xx", "de", "de"},
		{german, "", "en", "de"}, {german, "?lang=en", "de", "en"}, {other, "", "de", "de"}, {other, "", "", "en"},
		{"cs_unknown", "", "de", "de"}, {"cs_unknown", "?lang=de", "", "de"}, {auto, "?lang=" + strings.Repeat("d", 9000), strings.Repeat("de,", 5000), "de"},
	} {
		r := httptest.NewRequest("GET", "/checkout/"+tc.id+tc.query, nil)
		r.Header.Set("Accept-Language", tc.accept)
		w := s.do(r)
		if got := w.Header().Get("Content-Language"); got != tc.want || !strings.Contains(w.Body.String(), `<html lang="`+tc.want+`"`) {
			t.Errorf("%.40q with Accept-Language %.40q is in %q, want %q", tc.query, tc.accept, got, tc.want)
		}
	}
	if body := s.page("/checkout/" + auto).Body.String(); !strings.Contains(body, `href="?lang=de"`) {
		t.Error("the page offers no other language")
	}
}

func TestPageAsksForAnAddressOnlyIfNoneIsKnown(t *testing.T) {
	s := oneShop(t)
	if body := s.page("/checkout/" + s.create(seedBody)).Body.String(); strings.Contains(body, `name="email"`) || !strings.Contains(body, "customer@example.com") {
		t.Error("the page asks for an address it has")
	}
	if body := s.page("/checkout/" + s.create(bodyWithoutEmail)).Body.String(); !strings.Contains(body, `name="email"`) {
		t.Error("the page does not ask for the address it lacks")
	}
}

// PCI DSS SAQ A holds for a host only while no page of ours takes a card's number.
func TestLivePagesHaveNoCardField(t *testing.T) {
	for name, company := range map[string]*scriptedCompany{
		"paid":       {outcome: Observation{State: StateSucceeded, Captured: 2500, Currency: "eur", ChargeID: "c_1", Livemode: true}},
		"declined":   {outcome: Observation{State: StateFailed, Reason: Reason{Code: ReasonDeclined}, Livemode: true}},
		"processing": {outcome: Observation{State: StateProcessing, Livemode: true}},
		"action":     {outcome: Observation{State: StateActionRequired, Livemode: true}, redirect: "https://bank.example/confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			s := oneShop(t, func(cfg *Config) { cfg.Providers = []Provider{company} })
			var err error
			if s.key, err = s.co.CreateKey(t.Context(), Live, "live"); err != nil {
				t.Fatal(err)
			}
			id := s.create(bodyWithoutEmail)
			pages := []*httptest.ResponseRecorder{s.page("/checkout/" + id)}
			form := s.form(id, "4242424242424242")
			form.Set("method", "bank")
			pages = append(pages, s.post("/checkout/"+id, form))
			if pages[1].Code != http.StatusUnprocessableEntity {
				t.Errorf("a form without an address answers %d", pages[1].Code)
			}
			form.Set("email", "buyer@example.com")
			if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || strings.Contains(w.Header().Get("Location"), "bank.example") {
				t.Errorf("paying answers %d to %q", w.Code, w.Header().Get("Location"))
			}
			pages = append(pages, s.page("/checkout/"+id))
			for i, w := range pages {
				body := w.Body.String()
				if strings.Contains(body, "cc-") || strings.Contains(body, "card_") || strings.Contains(body, "4242") || strings.Contains(body, "Test mode") {
					t.Errorf("page %d takes a card: %s", i, body)
				}
			}
			if company.redirect != "" && !strings.Contains(pages[2].Body.String(), `href="https://bank.example/confirm"`) {
				t.Error("no link to the bank")
			}
			if n := s.count("sandbox_charges", "1 = 1"); n != 0 {
				t.Error("a live session reached the sandbox")
			}
		})
	}
}

// The buyer comes back from a bank in a frame or by a cross-site POST: no cookie, no Origin of ours, no token.
func TestReturnNeedsNothingButTheID(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		for card, want := range map[string]string{
			"4242424242424242": "https://yoursite.com/success?session_id=", "4000000000000002": "/checkout/", "4000002500003155": "http://shop.test/checkout/test-bank?payment=pay_",
			"4000000000012247": "https://yoursite.com/success?session_id=", "": "/checkout/",
		} {
			t.Run(method+" "+card, func(t *testing.T) {
				eachShop(t, func(t *testing.T, s *shop) {
					id := s.create(seedBody)
					if card != "" {
						s.pay(id, card)
					}
					r := httptest.NewRequest(method, "/checkout/"+id+"/return?anything=goes", strings.NewReader("PaRes=x"))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Sec-Fetch-Site", "cross-site")
					r.Header.Set("Origin", "https://bank.example")
					w := s.do(r)
					if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), want) {
						t.Errorf("answers %d to %q", w.Code, w.Header().Get("Location"))
					}
					checkPageHeaders(t, w, "'self' https://yoursite.com", "'none'")
					if again := s.do(r); again.Header().Get("Location") != w.Header().Get("Location") {
						t.Errorf("the second time it leads to %q", again.Header().Get("Location"))
					}
				})
			})
		}
	}
}

func TestErrorPagesFindTheirStyle(t *testing.T) {
	s := oneShop(t)
	for address, base := range map[string]string{"/checkout": "checkout/", "/checkout/": "", "/checkout/cs_x": "", "/checkout/cs_x/return": "../", "/checkout/a/b/c": "../../"} {
		body := s.page(address).Body.String()
		if !strings.Contains(body, `href="`+base+`assets/style.`) {
			t.Errorf("%s does not link %sassets/style.…", address, base)
		}
	}
}
