package checkout

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// audited carries a change out as a person would and looks for its line in the log, whose actor is the person.
func (s *shop) audited(route, path string, form url.Values, want string) {
	s.t.Helper()
	s.clock.advance(time.Second)
	before := s.count("audit", "1 = 1")
	w := s.adminPost(manager, path, form)
	if w.Code == http.StatusOK && strings.Contains(w.Body.String(), `type="hidden"`) && s.count("audit", "1 = 1") == before { // it asks first
		w = s.adminPost(manager, path, hiddenFields(w.Body.String()))
	}
	if w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
		s.t.Fatalf("%s answers %d: %s", route, w.Code, w.Body)
	}
	list, _, err := s.co.Audit(s.t.Context(), AuditFilter{Limit: 100})
	if err != nil || len(list) <= before {
		s.t.Fatalf("%s wrote no line in the audit log (%v)", route, err)
	}
	var actions []string
	for _, e := range list[:len(list)-before] {
		if e.Actor != manager.Actor {
			s.t.Errorf("%s is said to be of %+v", route, e.Actor)
		}
		actions = append(actions, e.Action)
	}
	if got := strings.Join(actions, " "); !strings.Contains(got, want) {
		s.t.Errorf("%s wrote %q, want %s", route, got, want)
	}
}

// once fills a form whose token counts once.
func (s *shop) once(page string, pairs ...string) url.Values {
	s.t.Helper()
	form := url.Values{"once": {s.onceOf(manager, page)}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestEveryChangeOfTheAdminIsInTheAuditLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		a := newAccount()
		a.test = true
		s := newShop(t, db, func(c *Config) { c.Providers = []Provider{settlingTestAccount{a}} })
		done := map[string]bool{}
		do := func(route, path string, form url.Values, want string) {
			t.Helper()
			done[route] = true
			s.audited(route, path, form, want)
		}
		s.auditKeys(do)
		s.auditEndpoints(do)
		s.auditPayments(do, a)
		why := "/:mode/deliveries/:id/why" // looks and changes nothing
		for _, r := range adminRoutes {
			if r.post != nil && !done[r.pattern] && r.pattern != why {
				t.Errorf("nobody has looked whether POST %s is audited", r.pattern)
			}
		}
	})
}

type auditDo func(route, path string, form url.Values, want string)

func (s *shop) auditKeys(do auditDo) {
	keys := "/test/settings/keys"
	do("/:mode/settings/keys", keys, s.once(keys, "name", "Till"), "key.create")
	id := s.keysNamed("Till", 1)[0].ID
	do("/:mode/settings/keys/:id/roll", keys+"/"+id+"/roll", s.once(keys+"/"+id, "overlap", "24"), "key.roll")
	last := s.keysNamed("Till", 2)[1]
	do("/:mode/settings/keys/:id/revoke", keys+"/"+last.ID+"/revoke", url.Values{"last4": {last.Last4}}, "key.revoke")
}

func (s *shop) auditEndpoints(do auditDo) {
	rx := newReceiver(s.t, nil)
	hooks := "/test/settings/webhook"
	form := s.once(hooks+"/new", "url", rx.URL, "payload", "full")
	form["events"] = []string{webhook.SessionCompleted, webhook.SessionExpired}
	do("/:mode/settings/webhook/new", hooks+"/new", form, "endpoint.create")
	list, err := s.co.Endpoints(s.t.Context(), Test)
	if err != nil {
		s.t.Fatal(err)
	}
	at, since := hooks+"/"+list[0].ID, "2025-01-01T00:00"
	do("/:mode/settings/webhook/:id", at, url.Values{"url": {rx.URL + "/new"}, "events": {webhook.SessionExpired}, "payload": {"seed"}}, "endpoint.update")
	do("/:mode/settings/webhook/:id/test", at+"/test", nil, "endpoint.test")
	do("/:mode/settings/webhook/:id/secret", at+"/secret", s.once(at, "overlap", "24"), "endpoint.rotate")
	s.expiredSession()
	if err := s.co.deliverDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	deliveries, _, err := s.co.Deliveries(s.t.Context(), DeliveryFilter{Mode: Test})
	if err != nil || len(deliveries) == 0 {
		s.t.Fatalf("%d deliveries, %v", len(deliveries), err)
	}
	do("/:mode/deliveries/:id/resend", "/test/deliveries/"+deliveries[0].ID+"/resend", nil, "delivery.redeliver")
	s.exec(`UPDATE {deliveries} SET state = 'failed'`)
	do("/:mode/settings/webhook/:id/missed", at+"/missed", url.Values{"since": {since}}, "endpoint.replay")
	s.exec(`UPDATE {deliveries} SET state = 'failed'`)
	do("/:mode/deliveries/resend", "/test/deliveries/resend", url.Values{"since": {since}}, "endpoint.replay")
	do("/:mode/settings/webhook/:id/disable", at+"/disable", nil, "endpoint.update")
	do("/:mode/settings/webhook/:id/enable", at+"/enable", nil, "endpoint.update")
	do("/:mode/settings/webhook/:id/delete", at+"/delete", nil, "endpoint.delete")
}

func (s *shop) auditPayments(do auditDo, a *account) {
	id := s.create(seedBody)
	s.pay(id, "4242424242424242")
	do("/:mode/payments/:id/refund", "/test/payments/"+id+"/refund", url.Values{"amount": {"1.00"}, "reason": {"requested"}}, "refund.create")
	s.sendMails()
	do("/:mode/mails/:id/send", "/test/mails/"+s.mailRows()[0].ID+"/send", nil, "mail.send")
	s.sendMails()
	do("/:mode/invoices/:id/send", "/test/invoices/"+s.firstDocument()+"/send", nil, "mail.send")
	do("/:mode/payments/:id/expire", "/test/payments/"+s.create(seedBody)+"/expire", nil, "session.expire")
	confirmed, _ := s.awaited(a)
	confirm := "/test/payments/" + confirmed + "/confirm"
	form := hiddenFields(s.adminOK(manager, confirm))
	form.Set("note", "cash")
	do("/:mode/payments/:id/confirm", confirm, form, "payment.confirm")

	first, ref := s.awaited(a)
	second, _ := s.awaited(a)
	transfer := func(key string) url.Values { return url.Values{"amount": {"25.00"}, "currency": {"EUR"}, "key": {key}} }
	do("/:mode/transfers", "/test/transfers", transfer("set aside"), "transfer.record")
	aside := func() RecordedTransfer {
		list, err := s.co.Transfers(s.t.Context(), TransferFilter{Test: true})
		if err != nil || len(list) != 1 {
			s.t.Fatalf("%d transfers wait, %v", len(list), err)
		}
		return list[0]
	}
	do("/:mode/transfers/:id/assign", "/test/transfers/"+aside().ID+"/assign", url.Values{"payment": {s.attempts(first)[0].ID}}, "transfer.assign")
	do("/:mode/transfers", "/test/transfers", transfer("of another"), "transfer.record")
	do("/:mode/transfers/:id/dismiss", "/test/transfers/"+aside().ID+"/dismiss", url.Values{"note": {"rent"}}, "transfer.dismiss")
	booked := transfer("by name")
	booked.Set("ref", ref)
	booked.Set("amount", "1.00") // more than is due of an order that is paid
	do("/:mode/transfers", "/test/transfers", booked, "transfer.record")
	s.work()
	refunds, err := s.co.Refunds(s.t.Context(), first)
	if err != nil || len(refunds) != 1 {
		s.t.Fatalf("%d refunds of %s and %s, %v", len(refunds), first, second, err)
	}
	do("/:mode/refunds/:id/settle", "/test/refunds/"+refunds[0].ID+"/settle", url.Values{"note": {"sent"}}, "refund.settle")
}

// settlingTestAccount is an account of test mode whose money a person may confirm too.
type settlingTestAccount struct{ *account }

func (a settlingTestAccount) Settle(_ context.Context, ref ChargeRef, e Evidence) (Observation, error) {
	return Observation{AttemptID: ref.AttemptID, ChargeID: ref.AttemptID, State: StateSucceeded, Captured: e.Amount, Currency: e.Currency}, nil
}
