package checkout

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// realObjects makes one object of each kind and gives the ids by the part of the address before them.
func (s *shop) realObjects() map[string]string {
	s.t.Helper()
	endpoint, _ := s.addEndpoint("https://hooks.example/", webhook.SessionCompleted)
	session := s.create(billedBody)
	s.pay(session, "4242424242424242")
	refund, err := s.co.Refund(s.t.Context(), RefundParams{SessionID: session, AmountCents: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	deliveries, _, err := s.co.Deliveries(s.t.Context(), DeliveryFilter{Mode: Test})
	if err != nil || len(deliveries) == 0 {
		s.t.Fatalf("%d deliveries, %v", len(deliveries), err)
	}
	s.sendMails() // are written then
	keys, err := s.co.Keys(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return map[string]string{"keys": keys[0].ID, "webhook": endpoint, "payments": session, "refunds": refund.ID, "deliveries": deliveries[0].ID, "mails": s.mailRows()[0].ID, "invoices": s.firstDocument()}
}

// Every route of an object × everybody, in both modes, with objects that are there: who has less than a route needs is
// refused, and nothing has happened. Questions before an action are for those who may carry it out.
func TestRoutesOfRealObjectsAskForAccess(t *testing.T) {
	for _, mode := range []Mode{Test, Live} {
		t.Run(string(mode), func(t *testing.T) {
			s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) { c.Printer = plainPrinter{} })
			ids := s.realObjects()
			for _, table := range []string{"keys", "endpoints", "sessions", "refunds", "deliveries", "events", "payments", "mails", "documents"} {
				s.exec(`UPDATE {`+table+`} SET mode = ?`, mode)
			}
			before := s.count("audit", "1 = 1")
			for _, route := range adminRoutes {
				head, tail, _ := strings.Cut(route.pattern, "/:id")
				id := ids[head[strings.LastIndex(head, "/")+1:]]
				if !strings.Contains(route.pattern, ":id") || id == "" {
					continue
				}
				s.mayOnly(route, strings.Replace(head, ":mode", string(mode), 1)+"/"+id+tail)
			}
			if after := s.count("audit", "1 = 1"); after != before {
				t.Errorf("%d changes were made by people who may not make them", after-before)
			}
		})
	}
}

// mayOnly asks for an address with every level of access that a post of it refuses.
func (s *shop) mayOnly(route adminRoute, path string) {
	s.t.Helper()
	looks := AccessRead
	for _, question := range []string{"/refund", "/expire", "/confirm", "/settle"} {
		if strings.HasSuffix(route.pattern, question) {
			looks = AccessOperate
		}
	}
	for _, p := range []person{{}, {Actor: Actor{ID: "u"}}, {Actor: Actor{ID: "u"}, access: AccessRead}, {Actor: Actor{ID: "u"}, access: AccessOperate}, {Actor: Actor{ID: "u"}, access: AccessManage, err: errHost}} {
		level := p.access
		if p.err != nil {
			level = AccessNone
		}
		if route.get != nil {
			if got, refused := s.admin(p, path).Code, level < looks; (got == http.StatusForbidden) != refused || got == http.StatusNotFound {
				s.t.Errorf("GET %s answers %d to access %d", path, got, level)
			}
		}
		if route.post != nil && level < route.needs {
			if got := s.adminPost(p, path, nil).Code; got != http.StatusForbidden {
				s.t.Errorf("POST %s answers %d to access %d", path, got, level)
			}
		}
	}
}
