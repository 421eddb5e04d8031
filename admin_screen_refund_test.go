package checkout

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

var hiddenRule = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// hiddenFields are what a form would send along.
func hiddenFields(page string) url.Values {
	form := url.Values{}
	for _, m := range hiddenRule.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

// askRefund fills the refund form and gives what the question would send.
func (s *shop) askRefund(mode, id string, form url.Values) url.Values {
	s.t.Helper()
	w := s.adminPost(manager, "/"+mode+"/payments/"+id+"/refund", form)
	if w.Code != http.StatusOK {
		s.t.Fatalf("the form answers %d: %s", w.Code, w.Body)
	}
	return hiddenFields(w.Body.String())
}

func TestARefundIsAskedForTwiceAndMadeOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		path := "/test/payments/" + id + "/refund"
		if page := s.adminOK(manager, path); !strings.Contains(page, `value="25.00"`) {
			t.Errorf("the form does not begin with all that is left: %s", page)
		}
		w := s.adminPost(manager, path, url.Values{"amount": {"12,00"}, "reason": {"duplicate"}, "note": {"<b>one</b> bag"}})
		for _, want := range []string{`€12.00</bdi> of <bdi class="n">€25.00</bdi> to <bdi>customer@example.com</bdi>?`, "This cannot be undone.", "Paid twice: &lt;b&gt;one&lt;/b&gt; bag"} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("the question lacks %s: %s", want, w.Body)
			}
		}
		wantGoodPage(t, "the question", w.Body.String())
		if n := s.count("refunds", "1 = 1"); n != 0 {
			t.Fatalf("the question has made %d refunds", n)
		}
		form := hiddenFields(w.Body.String())
		form.Set("note", "one bag")
		for range 3 { // a double click, and a tab that was left open
			if w := s.adminPost(manager, path, form); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "?done=refund_succeeded") {
				t.Fatalf("the refund answers %d: %s", w.Code, w.Body)
			}
		}
		if r := s.refundOf(id); r.AmountCents != 1200 || *r.Reason != "duplicate: one bag" {
			t.Errorf("the refund is %+v", r)
		}
		if n := s.count("audit", "action = 'refund.create' AND actor_id = 'u1' AND session_id = ?", id); n != 1 {
			t.Errorf("%d lines in the log of changes", n)
		}
		page := s.adminOK(manager, "/test/payments/"+id+"?done=refund_succeeded&lang=de")
		if !strings.Contains(page, "Das Geld ist erstattet.") || strings.Count(page, "Doppelt bezahlt: one bag") != 2 || !strings.Contains(page, "Teilweise erstattet") {
			t.Errorf("the payment is %s", page)
		}
	})
}

func TestTwoPeopleRefundOnce(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		path := "/test/payments/" + id + "/refund"
		first := s.askRefund("test", id, url.Values{"amount": {"10"}, "reason": {"other"}})
		second := s.askRefund("test", id, url.Values{"amount": {"9"}, "reason": {"other"}})
		s.adminPost(manager, path, first)
		if w := s.adminPost(manager, path, second); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Another refund of this payment was made meanwhile") {
			t.Errorf("who has not seen the first refund gets %d: %s", w.Code, w.Body)
		}
		stale := s.askRefund("test", id, url.Values{"amount": {"5"}, "reason": {"other"}})
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 100}); err != nil {
			t.Fatal(err)
		}
		if w := s.adminPost(manager, path, stale); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "has changed since") {
			t.Errorf("who has not seen the API's refund gets %d: %s", w.Code, w.Body)
		}
		if n := s.count("refunds", "1 = 1"); n != 2 {
			t.Errorf("%d refunds, want 2", n)
		}
		fresh := s.askRefund("test", id, url.Values{"amount": {"14"}, "reason": {"other"}})
		if w := s.adminPost(manager, path, fresh); w.Code != http.StatusSeeOther {
			t.Errorf("the rest answers %d: %s", w.Code, w.Body)
		}
		if page := s.adminOK(manager, path); !strings.Contains(page, "Nothing is left to refund.") {
			t.Errorf("the form is %s", page)
		}
	})
}

func TestRefundFormsSayWhatIsWrong(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	s.pay(id, "4242424242424242")
	for name, test := range map[string]struct {
		form url.Values
		want string
	}{
		"no amount": {url.Values{}, "Enter an amount like 25.00"},
		"nothing":   {url.Values{"amount": {"0"}}, "Enter an amount"},
		"a float":   {url.Values{"amount": {"1e1"}}, "Enter an amount"},
		"cents":     {url.Values{"amount": {"1.005"}}, "Enter an amount"},
		"too much":  {url.Values{"amount": {"25.01"}}, "At most"},
		"long note": {url.Values{"amount": {"1"}, "note": {strings.Repeat("x", 201)}}, "Shorten the note"},
	} {
		w := s.adminPost(manager, "/test/payments/"+id+"/refund", test.form)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), test.want) || !strings.Contains(w.Body.String(), `aria-invalid="true"`) {
			t.Errorf("%s answers %d: %s", name, w.Code, w.Body)
		}
	}
	yen := s.create(strings.Replace(strings.Replace(seedBody, "eur", "jpy", 1), "customer@", "hanako@", 1))
	s.pay(yen, "4242424242424242")
	if w := s.adminPost(manager, "/test/payments/"+yen+"/refund", url.Values{"amount": {"12.5"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("half a yen answers %d", w.Code)
	}
	w := s.adminPost(manager, "/test/payments/"+yen+"/refund", url.Values{"amount": {"1200"}, "reason": {"other"}})
	s.adminPost(manager, "/test/payments/"+yen+"/refund", hiddenFields(w.Body.String()))
	if r := s.refundOf(yen); r.AmountCents != 1200 {
		t.Errorf("1200 yen are %d minor units", r.AmountCents)
	}
	forged := url.Values{"amount": {"1"}, "reason": {"other"}, "step": {"confirmed"}}
	if w := s.adminPost(manager, "/test/payments/"+id+"/refund", forged); w.Code != http.StatusUnprocessableEntity || s.count("refunds", "session_id = ?", id) != 0 {
		t.Errorf("a refund without its question answers %d", w.Code)
	}
	if w := s.adminPost(manager, "/live/payments/"+id+"/refund", forged); w.Code != http.StatusNotFound {
		t.Errorf("a test payment is refunded in live mode: %d", w.Code)
	}
}

// Money of a provider that cannot pay back is paid back by a person, who says so with a note.
func TestAPersonPaysBackByHand(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		form := s.askRefund("live", id, url.Values{"amount": {"25"}, "reason": {"other"}})
		if w := s.adminPost(manager, "/live/payments/"+id+"/refund", form); !strings.HasSuffix(w.Header().Get("Location"), "?done=refund_needs_person") {
			t.Fatalf("the refund answers %d to %s: %s", w.Code, w.Header().Get("Location"), w.Body)
		}
		path := "/live/refunds/" + s.refundOf(id).ID + "/settle"
		if page := s.adminOK(manager, "/live"); !strings.Contains(page, "Pay back") {
			t.Errorf("the overview is silent: %s", page)
		}
		if w := s.adminPost(manager, path, url.Values{"note": {"  "}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `<a href="#note">`) {
			t.Errorf("without a note it answers %d: %s", w.Code, w.Body)
		}
		if w := s.adminPost(manager, strings.Replace(path, "live", "test", 1), url.Values{"note": {"x"}}); w.Code != http.StatusNotFound {
			t.Errorf("the other mode answers %d", w.Code)
		}
		for range 2 {
			if w := s.adminPost(manager, path, url.Values{"note": {"statement 9"}}); w.Code != http.StatusSeeOther {
				t.Fatalf("it answers %d: %s", w.Code, w.Body)
			}
		}
		s.want(id, "completed", "refunded")
		if n := s.count("audit", "action = 'refund.settle' AND actor_id = 'u1'"); n != 1 {
			t.Errorf("%d lines in the log of changes", n)
		}
	})
}

func TestARefundThatTheProviderRefusesIsNoSuccess(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newLiveShop(t, db, newRefunding([]outcome{{state: StateSucceeded}}, refundStep{err: ErrRejected}))
		id := s.create(seedBody)
		s.payWire(id)
		form := s.askRefund("live", id, url.Values{"amount": {"1"}, "reason": {"other"}})
		w := s.adminPost(manager, "/live/payments/"+id+"/refund", form)
		if !strings.HasSuffix(w.Header().Get("Location"), "?done=refund_failed") {
			t.Fatalf("it answers %d to %s: %s", w.Code, w.Header().Get("Location"), w.Body)
		}
		if page := s.adminOK(manager, "/live/payments/"+id+"?done=refund_failed"); !strings.Contains(page, `class="badge bad">Failed`) || !strings.Contains(page, "The provider refused the refund") {
			t.Errorf("the payment is %s", page)
		}
	})
}
