package checkout

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

func TestExpiringIsAskedFirst(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		path := "/test/payments/" + id + "/expire"
		page := s.adminOK(manager, path)
		if !strings.Contains(page, "no longer be able to pay") || !strings.Contains(page, "€25.00") {
			t.Errorf("the question is %s", page)
		}
		for range 2 {
			if w := s.adminPost(manager, path, nil); w.Code != http.StatusSeeOther {
				t.Fatalf("it answers %d: %s", w.Code, w.Body)
			}
		}
		s.want(id, "expired", "unpaid")
		if n := s.count("audit", "action = 'session.expire' AND actor_id = 'u1' AND actor_name = 'Ada Lovelace'"); n != 1 {
			t.Errorf("%d lines in the log of changes", n)
		}
		if w := s.admin(manager, path); w.Code != http.StatusSeeOther {
			t.Errorf("what has ended can be ended again: %d", w.Code)
		}
	})
}

func TestWhatIsPaidForCannotBeExpired(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, _ *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		w := s.adminPost(manager, "/live/payments/"+id+"/expire", nil)
		if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "is under way or has come") {
			t.Errorf("it answers %d: %s", w.Code, w.Body)
		}
		s.want(id, "pending", "processing")
	})
}

func TestAPersonConfirmsMoneyInTheAdmin(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := &settling{scripted: newScripted(outcome{state: StateProcessing})}
		s := newLiveShop(t, db, p)
		id := s.create(seedBody)
		s.payWire(id)
		path := "/live/payments/" + id + "/confirm"
		if page := s.adminOK(manager, "/live/payments/"+id); !strings.Contains(page, id+"/confirm") {
			t.Fatalf("the payment offers nothing: %s", page)
		}
		page := s.adminOK(manager, path)
		wantGoodPage(t, "the question", page)
		form := hiddenFields(page)
		if w := s.adminPost(manager, path, form); w.Code != http.StatusUnprocessableEntity || len(p.evidence) > 0 {
			t.Errorf("without a note it answers %d", w.Code)
		}
		form.Set("note", strings.Repeat("x", maxTransferText+1))
		if w := s.adminPost(manager, path, form); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "too long") {
			t.Errorf("a long note answers %d: %s", w.Code, w.Body)
		}
		form.Set("note", "statement 7")
		other := url.Values{"note": {"x"}, "payment": {"pay_" + hex44("0")}}
		if w := s.adminPost(manager, path, other); w.Code != http.StatusSeeOther || len(p.evidence) > 0 {
			t.Errorf("another attempt than the one that was shown answers %d", w.Code)
		}
		for range 2 {
			if w := s.adminPost(manager, path, form); w.Code != http.StatusSeeOther {
				t.Fatalf("it answers %d: %s", w.Code, w.Body)
			}
		}
		s.want(id, "completed", "paid")
		want := Evidence{Actor: "Ada Lovelace", Note: "statement 7", Amount: 2500, Currency: "eur"}
		if len(p.evidence) != 1 || p.evidence[0] != want {
			t.Errorf("the provider was shown %+v", p.evidence)
		}
		if page := s.adminOK(manager, "/live/payments/"+id); !strings.Contains(page, "confirmed by hand") || !strings.Contains(page, "statement 7") || strings.Contains(page, id+"/confirm") {
			t.Errorf("the payment is %s", page)
		}
	})
}

func TestTransfersAreRecorded(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		page := s.adminOK(manager, "/live/payments/"+id)
		if !strings.Contains(page, "/transfers?ref="+ref) {
			t.Fatalf("the payment does not lead to its transfer: %s", page)
		}
		if page := s.adminOK(manager, "/live/transfers?ref="+ref); !strings.Contains(page, `value="`+ref+`"`) {
			t.Errorf("the form does not know the reference: %s", page)
		}
		form := url.Values{"ref": {ref}, "amount": {"10,00"}, "currency": {"EUR"}, "key": {"line 1"}, "booked": {"2025-01-09"}, "payer": {"Grace"}}
		for _, done := range []string{"booked", "duplicate"} {
			if w := s.adminPost(manager, "/live/transfers", form); !strings.HasSuffix(w.Header().Get("Location"), "?done=transfer_"+done) {
				t.Errorf("it answers %d to %s: %s", w.Code, w.Header().Get("Location"), w.Body)
			}
		}
		if n := s.count("transfers", "status = 'booked' AND amount = 1000 AND actor = 'Ada Lovelace' AND booked_at = 1736380800000"); n != 1 {
			t.Errorf("%d transfers are booked", n)
		}
		for name, change := range map[string][2]string{
			"amount": {"1,000.00", "amount"}, "currency": {"XYZ", "currency"}, "booked": {"yesterday", "booked"}, "provider": {"other", "provider"}, "ref": {strings.Repeat("x", 201), "ref"},
		} {
			bad := url.Values{"ref": {ref}, "amount": {"10"}, "currency": {"EUR"}, "key": {"2"}}
			bad.Set(name, change[0])
			if w := s.adminPost(manager, "/live/transfers", bad); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `<a href="#`+change[1]+`">`) {
				t.Errorf("a wrong %s answers %d: %s", name, w.Code, w.Body)
			}
		}
		nobody := url.Values{"amount": {"3"}, "currency": {"EUR"}}
		if w := s.adminPost(manager, "/live/transfers", nobody); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Nothing was recorded") {
			t.Errorf("money for nobody answers %d: %s", w.Code, w.Body)
		}
		if w := s.adminPost(manager, "/test/transfers", form); w.Code != http.StatusNotFound {
			t.Errorf("an account of live mode takes test money: %d", w.Code)
		}
	})
}

func TestTransfersAreAssignedOrDismissed(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, _ := s.awaited(a)
		record := func(key string) string {
			t.Helper()
			r, err := s.co.RecordTransfer(t.Context(), "", 2500, Transfer{Key: key})
			if err != nil || r.Status != TransferSuggested {
				t.Fatalf("%+v, %v", r, err)
			}
			return r.ID
		}
		first, second := record("1"), record("2")
		page := s.adminOK(manager, "/live/transfers")
		if strings.Count(page, "/assign") != 2 || strings.Count(page, "/dismiss") != 2 {
			t.Errorf("the transfers are %s", page)
		}
		attempt := s.attempts(id)[0].ID
		if w := s.adminPost(manager, "/test/transfers/"+first+"/assign", url.Values{"payment": {attempt}}); w.Code != http.StatusNotFound {
			t.Errorf("the other mode answers %d", w.Code)
		}
		if w := s.adminPost(manager, "/live/transfers/"+second+"/dismiss", nil); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `<a href="#note-`+second+`">`) {
			t.Errorf("without a note it answers %d: %s", w.Code, w.Body)
		}
		for path, form := range map[string]url.Values{"/live/transfers/" + first + "/assign": {"payment": {attempt}}, "/live/transfers/" + second + "/dismiss": {"note": {"rent"}}} {
			if w := s.adminPost(manager, path, form); w.Code != http.StatusSeeOther {
				t.Errorf("%s answers %d: %s", path, w.Code, w.Body)
			}
		}
		s.want(id, "completed", "paid")
		if n := s.count("transfers", "id = ? AND status = 'dismissed' AND note = 'rent'", second); n != 1 {
			t.Errorf("%d are dismissed", n)
		}
		if n := s.count("audit", "action IN ('transfer.assign', 'transfer.dismiss') AND actor_id = 'u1'"); n != 2 {
			t.Errorf("%d lines in the log of changes", n)
		}
	})
}
