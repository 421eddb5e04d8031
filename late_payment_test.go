package checkout

import (
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

var completesLate = strings.Replace(seedBody, `"metadata"`, `"late_payment":"complete","metadata"`, 1)

func TestLatePaymentDecidesWhatLateMoneyDoes(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		script  outcome
		wait    func(s *shop)
		status  string
		attempt string
		late    int
	}{
		"refund, time is up":          {seedBody, outcome{state: StateFailed}, func(s *shop) { s.clock.advance(2 * time.Hour) }, "expired unpaid", "refunded:late", 1},
		"refund, expired":             {seedBody, outcome{state: StateFailed}, func(s *shop) { s.after(2 * time.Hour) }, "expired unpaid", "refunded:late", 1},
		"refund, in time":             {seedBody, outcome{state: StateFailed}, func(s *shop) { s.clock.advance(59 * time.Minute) }, "completed paid", "succeeded", 0},
		"complete, time is up":        {completesLate, outcome{state: StateFailed}, func(s *shop) { s.clock.advance(2 * time.Hour) }, "completed paid", "succeeded", 0},
		"complete, expired":           {completesLate, outcome{state: StateFailed}, func(s *shop) { s.after(2 * time.Hour) }, "expired unpaid", "refunded:late", 1},
		"refund, begun in time, open": {seedBody, outcome{state: StateProcessing}, func(s *shop) { s.after(2 * time.Hour) }, "completed paid", "succeeded", 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachRefundShop(t, []outcome{c.script}, []refundStep{paysBack}, func(t *testing.T, s *shop, p *refunding) {
				id := s.create(c.body)
				s.payWire(id)
				c.wait(s)
				s.lateSuccess(p, s.attempts(id)[0].ID)
				s.after(0)
				if got := s.get(id); got["status"].(string)+" "+got["payment_status"].(string) != c.status {
					t.Errorf("the session is %v %v, want %s", got["status"], got["payment_status"], c.status)
				}
				s.wantAttempts(id, c.attempt)
				if n := s.count("events", "type = ?", webhook.PaymentLate); n != c.late {
					t.Errorf("%d late events, want %d", n, c.late)
				}
				s.wantInvariants()
			})
		})
	}
}
