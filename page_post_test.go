package checkout

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// pathOf is the part of a Location that a test can ask for.
func pathOf(location string) string { return strings.TrimPrefix(location, "http://shop.test") }

func TestPostRedirectsAndRepeatsNothing(t *testing.T) {
	const success = "https://yoursite.com/success?session_id={id}"
	for _, tc := range []struct{ name, card, to, state string }{
		{"pays", "4242 4242 4242 4242", success, "completed"},
		{"declined", "4000-0000-0000-0002", "/checkout/{id}", "open"},
		{"needs the bank", "4000000000003220", "http://shop.test/checkout/test-bank?payment=pay_", "requires_action"},
		{"pays later", "4000000000012239", "/checkout/{id}", "processing"},
		{"outcome unknown", "4000000000012247", "/checkout/{id}", "processing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id := s.create(seedBody)
				form := s.form(id, tc.card)
				want := strings.ReplaceAll(tc.to, "{id}", id)
				for try := range 3 { // the click, a refresh of it, and one from the page before
					w := s.post("/checkout/"+id, form)
					if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), want) || w.Body.Len() != 0 {
						t.Fatalf("try %d answers %d to %q, want %q", try, w.Code, w.Header().Get("Location"), want)
					}
					checkPageHeaders(t, w, "'self' https://yoursite.com", "'none'")
				}
				checkStatus(t, s, id, tc.state)
				if n := s.count("payments", "session_id = ?", id); n != 1 {
					t.Errorf("%d attempts, want 1", n)
				}
				if n := s.count("sandbox_charges", "session_id = ?", id); n != 1 {
					t.Errorf("%d charges, want 1", n)
				}
				if strings.HasPrefix(want, "/") && s.page(want).Code != 200 {
					t.Error("the redirect leads nowhere")
				}
			})
		})
	}
}

func TestDoubleClickPaysOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		form := s.form(id, "4242424242424242")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
					t.Errorf("answers %d: %s", w.Code, w.Body)
				}
			})
		}
		wg.Wait()
		if n := s.count("sandbox_charges", "session_id = ?", id); n != 1 {
			t.Errorf("%d charges, want 1", n)
		}
		if n := s.count("events", "session_id = ?", id); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}

// A form that was opened before the session moved on leads to where the session is now.
func TestPostToASessionThatIsNotOpen(t *testing.T) {
	for _, tc := range []struct {
		name string
		move func(s *shop, id string)
		to   string
	}{
		{"paid in another tab", func(s *shop, id string) { s.pay(id, "4242424242424242") }, "https://yoursite.com/success?session_id="},
		{"processing in another tab", func(s *shop, id string) { s.pay(id, "4000000000012239") }, "/checkout/cs_"},
		{"at the bank in another tab", func(s *shop, id string) { s.pay(id, "4000002500003155") }, "http://shop.test/checkout/test-bank?payment=pay_"},
		{"ended by the shop", func(s *shop, id string) { s.api("POST", "/sessions/"+id+"/expire", "") }, "/checkout/cs_"},
		{"too late", func(s *shop, _ string) { s.clock.advance(time.Hour) }, "/checkout/cs_"},
		{"declined in another tab", func(s *shop, id string) { s.pay(id, "4000000000000002") }, "/checkout/cs_"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id := s.create(seedBody)
				form := s.form(id, "4242424242424242")
				tc.move(s, id)
				before := s.count("payments", "1 = 1")
				w := s.post("/checkout/"+id, form)
				if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), tc.to) {
					t.Errorf("answers %d to %q", w.Code, w.Header().Get("Location"))
				}
				if s.count("payments", "1 = 1") != before {
					t.Error("an old form started a payment")
				}
			})
		})
	}
}

// crossSite are the marks of a form that another site sends.
var crossSite = []map[string]string{
	{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
	{"Sec-Fetch-Site": "same-site", "Origin": "http://other.shop.test"},
	{"Sec-Fetch-Site": "cross-site"},
	{"Origin": "https://evil.example"},
	{"Origin": "http://shop.test.evil.example"},
	{"Origin": "https://shop.test"},
	{"Origin": "null"},
	{"Sec-Fetch-Site": "cross-site", "Origin": "null"},
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	form := s.form(id, "4242424242424242")
	waiting := s.create(seedBody)
	bank := pathOf(s.pay(waiting, "4000002500003155").Header().Get("Location"))
	answer := url.Values{"token": {tokenRule.FindStringSubmatch(s.page(bank).Body.String())[1]}, "answer": {"approve"}}
	for path, form := range map[string]url.Values{"/checkout/" + id: form, bank: answer} {
		for _, marks := range crossSite {
			r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for name, value := range marks {
				r.Header.Set(name, value)
			}
			w := s.do(r)
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another website") {
				t.Errorf("%v to %.20s answers %d", marks, path, w.Code)
			}
			checkPageHeaders(t, w, "'self'", "'none'")
		}
	}
	if n := s.count("payments", "session_id = ?", id); n != 0 {
		t.Error("another site started a payment")
	}
	checkStatus(t, s, waiting, "requires_action")
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
		t.Errorf("our own form answers %d", w.Code)
	}
}

func TestTokensBindAFormToItsSession(t *testing.T) {
	s := oneShop(t)
	id, other := s.create(bodyWithoutEmail), s.create(bodyWithoutEmail)
	form := s.form(id, "4242424242424242")
	form.Set("email", "buyer@example.com")
	good := form.Get("token")
	s.clock.advance(-31 * 24 * time.Hour)
	old, err := s.co.token(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.clock.advance(31 * 24 * time.Hour)
	for name, token := range map[string]string{
		"none": "", "rubbish": "x", "another session's": s.form(other, "1").Get("token"), "a month old": old,
		"another number of attempts": "1" + good[1:], "another time": strings.Replace(good, ".1", ".2", 1), "another sum": good[:len(good)-1] + "x",
		"no sum": good[:strings.LastIndex(good, ".")+1], "sum only": good[strings.LastIndex(good, "."):],
	} {
		form.Set("token", token)
		w := s.post("/checkout/"+id, form)
		body := w.Body.String()
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "open for too long") || !strings.Contains(body, `value="buyer@example.com"`) ||
			!strings.Contains(body, `name="token"`) || strings.Contains(body, `value="4242`) {
			t.Errorf("%s: answers %d %s", name, w.Code, body)
		}
	}
	if n := s.count("payments", "1 = 1"); n != 0 {
		t.Errorf("%d payments were started", n)
	}
	form.Set("token", good)
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
		t.Errorf("the right token answers %d", w.Code)
	}
}

func TestTokensOutliveARestart(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		form := s.form(id, "4242424242424242")
		if w := secondProcess(t, s).post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
			t.Errorf("another process answers %d: %s", w.Code, w.Body)
		}
	})
}

func TestLargeFormsAreRefused(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	form := s.form(id, "4242424242424242")
	form.Set("note", strings.Repeat("x", maxForm))
	w := s.post("/checkout/"+id, form)
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "too large") || s.count("payments", "1 = 1") != 0 {
		t.Errorf("answers %d %s", w.Code, w.Body)
	}
	form.Set("note", strings.Repeat("x", maxForm-2000))
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
		t.Errorf("a form within the limit answers %d", w.Code)
	}
}

func TestFormMistakes(t *testing.T) {
	s := oneShop(t)
	id := s.create(bodyWithoutEmail)
	for _, tc := range []struct{ name, field, value, says string }{
		{"no address", "email", "", "Enter your email address"},
		{"no domain", "email", "buyer@", "name@example.com"},
		{"two addresses", "email", "a@example.com,b@example.com", "name@example.com"},
		{"markup", "email", `"><script>alert(1)</script>`, "name@example.com"},
		{"no number", "card_number", "", "Enter a test card number"},
		{"a real number", "card_number", "4111 1111 1111 1111", "never a real card"},
		{"half a number", "card_number", "42424242", "not one of the test card numbers"},
		{"past date", "card_exp", "12/24", "a date in the future"},
		{"no date", "card_exp", "", "Enter the expiry date"},
		{"no code", "card_cvc", "", "Enter the security code"},
		{"letters for a code", "card_cvc", "98x", "3 or 4 digits"},
		{"a method nobody has", "method", "gold", "Choose how you want to pay"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			form := s.form(id, "4000 0025 0000 3155")
			form.Set("email", "buyer@example.com")
			form.Set("card_cvc", "987")
			form.Set("card_exp", "11/39")
			form.Set(tc.field, tc.value)
			w := s.post("/checkout/"+id, form)
			body := w.Body.String()
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, tc.says) || !strings.Contains(body, "<title>Error: ") {
				t.Errorf("answers %d without %q: %s", w.Code, tc.says, body)
			}
			if tc.field != "email" && !strings.Contains(body, `value="buyer@example.com"`) {
				t.Error("the address is gone")
			}
			for _, secret := range []string{"<script>alert", "4111", `value="4000`, `value="987`, `value="11/39`, "11/39"} {
				if strings.Contains(body, secret) {
					t.Errorf("the answer has %q", secret)
				}
			}
			checkPageHeaders(t, w, "'self' https://yoursite.com", "'none'")
		})
	}
	if n := s.count("payments", "1 = 1"); n != 0 {
		t.Errorf("%d payments were started", n)
	}
	if text := s.log.String(); strings.Contains(text, "4111") || strings.Contains(text, "buyer@") {
		t.Errorf("the log has what a buyer typed: %s", text)
	}
}

func TestTypedAddressGoesIntoTheOrder(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(bodyWithoutEmail)
		form := s.form(id, "4242424242424242")
		form.Set("email", "  buyer@example.com ")
		s.post("/checkout/"+id, form)
		if got := s.get(id); got["customer_email"] != "buyer@example.com" {
			t.Errorf("the order has %v", got["customer_email"])
		}
		if p := s.payload(id, webhook.SessionCompleted); !strings.Contains(p, `"customer_email":"buyer@example.com"`) {
			t.Errorf("the webhook says %s", p)
		}
		known := s.create(seedBody)
		form = s.form(known, "4242424242424242")
		form.Set("email", "thief@example.com")
		s.post("/checkout/"+known, form)
		if got := s.get(known); got["customer_email"] != "customer@example.com" {
			t.Errorf("a buyer changed the merchant's address to %v", got["customer_email"])
		}
	})
}

func TestManyDeclinesFromOneAddressAreSlowedDown(t *testing.T) {
	s := oneShop(t)
	for i := range 3 {
		id := s.create(seedBody)
		for try := range 10 {
			if w := s.pay(id, "4000000000000002"); w.Code != http.StatusSeeOther {
				t.Fatalf("decline %d answers %d", 10*i+try+1, w.Code)
			}
		}
	}
	id := s.create(seedBody)
	form := s.form(id, "4242424242424242")
	w := s.post("/checkout/"+id, form)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "20" || s.count("payments", "session_id = ?", id) != 0 {
		t.Errorf("after 30 declines: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := s.page("/checkout/" + id); w.Code != 200 {
		t.Errorf("the page itself answers %d", w.Code)
	}
	r := httptest.NewRequest("POST", "/checkout/"+id, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "198.51.100.7:1234"
	if w := s.do(r); w.Code != http.StatusSeeOther {
		t.Errorf("another address gets %d", w.Code)
	}
}

// A shop's whole office may sit behind one address: only declines count, each once.
func TestOneDeclineCountsOnce(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	form := s.form(id, "4000000000000002")
	for range 20 {
		s.post("/checkout/"+id, form)
		s.page("/checkout/" + id + "/return")
	}
	for i := range 29 {
		if i%10 == 0 {
			id = s.create(seedBody)
		}
		if w := s.pay(id, "4000000000000002"); w.Code != http.StatusSeeOther {
			t.Fatalf("decline %d answers %d", i+2, w.Code)
		}
	}
	if w := s.pay(id, "4242424242424242"); w.Code != http.StatusTooManyRequests {
		t.Errorf("after 30 declines: %d", w.Code)
	}
}

func TestTenAttemptsAreEnough(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		for range 10 {
			s.pay(id, "4000000000000002")
		}
		w := s.pay(id, "4242424242424242")
		if w.Code != ErrTooManyAttempts.Status || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "Too many attempts") {
			t.Errorf("answers %d %s", w.Code, w.Body)
		}
		if n := s.count("payments", "session_id = ?", id); n != 10 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestSuccessURLReachesTheBrowserIntact(t *testing.T) {
	s := oneShop(t)
	for _, tc := range []struct{ url, want string }{
		{"https://yoursite.com/success", "https://yoursite.com/success?session_id={id}"},
		{"https://yoursite.com", "https://yoursite.com?session_id={id}"},
		{"https://yoursite.com/s?a=b", "https://yoursite.com/s?a=b&session_id={id}"},
		{"https://yoursite.com/s?", "https://yoursite.com/s?session_id={id}"},
		{"https://yoursite.com/s#done", "https://yoursite.com/s?session_id={id}#done"},
		{"https://yoursite.com/s?b=2&a=1&sig=a+b%2F==;x#/route?y", "https://yoursite.com/s?b=2&a=1&sig=a+b%2F==;x&session_id={id}#/route?y"},
		{"https://yoursite.com/{CHECKOUT_SESSION_ID}/s?again={CHECKOUT_SESSION_ID}", "https://yoursite.com/{id}/s?again={id}"},
		{"https://yoursite.com/größe/日本?q=é#ü", "https://yoursite.com/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC?q=%C3%A9&session_id={id}#%C3%BC"},
		{"https://yoursite.com/a'b<c>|d^e`{f}?g=[h]&i=$", "https://yoursite.com/a'b<c>|d^e`{f}?g=[h]&i=$&session_id={id}"},
		{"https://yoursite.com/%C3%A9/%2e%2e/x//y", "https://yoursite.com/%C3%A9/%2e%2e/x//y?session_id={id}"},
	} {
		id := s.create(strings.Replace(seedBody, "https://yoursite.com/success", tc.url, 1))
		want := strings.ReplaceAll(tc.want, "{id}", id)
		if w := s.pay(id, "4242424242424242"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%s leads to %q, want %q", tc.url, w.Header().Get("Location"), want)
		}
	}
}

func TestChosenLanguageStays(t *testing.T) {
	s := oneShop(t)
	id := s.create(bodyWithoutEmail)
	form := s.form(id, "4000000000000002")
	if w := s.post("/checkout/"+id+"?lang=de", form); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `<html lang="de"`) {
		t.Errorf("a mistake answers %d in %q", w.Code, w.Header().Get("Content-Language"))
	}
	form.Set("email", "buyer@example.com")
	if w := s.post("/checkout/"+id+"?lang=de", form); w.Header().Get("Location") != "/checkout/"+id+"?lang=de" {
		t.Errorf("a decline leads to %q", w.Header().Get("Location"))
	}
	if w := s.post("/checkout/"+id+"?lang="+url.QueryEscape("de\r\nX: y&a=b"), form); strings.ContainsAny(w.Header().Get("Location"), "\r\n& ") {
		t.Errorf("a wish leads to %q", w.Header().Get("Location"))
	}
}

func TestBuyerMayChooseAnotherWay(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4000002500003155")
		token := tokenRule.FindStringSubmatch(s.page("/checkout/" + id).Body.String())[1]
		abandon := url.Values{"token": {"forged"}, "action": {"abandon"}}
		s.post("/checkout/"+id, abandon)
		checkStatus(t, s, id, "requires_action")
		abandon.Set("token", token)
		for range 2 {
			if w := s.post("/checkout/"+id, abandon); w.Code != http.StatusSeeOther && w.Code != http.StatusUnprocessableEntity {
				t.Errorf("answers %d to %q", w.Code, w.Header().Get("Location"))
			}
		}
		if body := s.page("/checkout/" + id).Body.String(); !strings.Contains(body, "You stopped the payment") {
			t.Error("the page does not say what has happened")
		}
		if w := s.pay(id, "4242424242424242"); !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/success") {
			t.Errorf("paying another way answers %d to %q", w.Code, w.Header().Get("Location"))
		}
	})
}

func TestTestBank(t *testing.T) {
	for _, tc := range []struct{ name, card, answer, state string }{
		{"approve", "4000002500003155", "approve", "completed"}, {"refuse", "4000002500003155", "refuse", "open"},
		{"approve what the bank then declines", "4000000000012213", "approve", "open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachShop(t, func(t *testing.T, s *shop) {
				id := s.create(seedBody)
				bank := pathOf(s.pay(id, tc.card).Header().Get("Location"))
				w := s.page(bank)
				checkPageHeaders(t, w, "'self' https://yoursite.com", "'none'")
				token := tokenRule.FindStringSubmatch(w.Body.String())[1]
				for _, forged := range []string{"", "x", s.form(s.create(seedBody), "1").Get("token")} {
					if w := s.post(bank, url.Values{"token": {forged}, "answer": {tc.answer}}); w.Code != http.StatusForbidden {
						t.Errorf("token %q answers %d", forged, w.Code)
					}
				}
				for range 2 {
					w := s.post(bank, url.Values{"token": {token}, "answer": {tc.answer}})
					if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "http://shop.test/checkout/"+id+"/return" {
						t.Errorf("answers %d to %q", w.Code, w.Header().Get("Location"))
					}
				}
				s.page("/checkout/" + id + "/return")
				checkStatus(t, s, id, tc.state)
				if w := s.page(bank); w.Code != http.StatusSeeOther || w.Header().Get("Location") == "" {
					t.Errorf("the bank's page answers %d afterwards", w.Code)
				} else if to := s.page(pathOf(w.Header().Get("Location"))); to.Code != 200 || !strings.Contains(to.Body.String(), "Order summary") {
					t.Errorf("and leads to %q, which answers %d", w.Header().Get("Location"), to.Code)
				}
			})
		})
	}
	s := oneShop(t)
	for _, id := range []string{"", "x", fmt.Sprintf("pay_%044x", 1)} {
		if w := s.page("/checkout/test-bank?payment=" + id); w.Code != http.StatusNotFound {
			t.Errorf("payment %q answers %d", id, w.Code)
		}
	}
}
