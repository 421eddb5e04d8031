package checkouttest

import (
	"math"
	"math/big"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jopay/checkout"
)

// companySubject puts the kit's own company under test. wrap may break it.
func companySubject(wrap func(*Provider) checkout.Provider) func(t *testing.T) Subject {
	return func(*testing.T) Subject {
		clock := newClock()
		p := NewProvider("acme")
		p.now = clock.now
		prepare := func(add func(...Outcome)) func(a Answer) bool {
			return func(a Answer) bool {
				o, ok := map[Answer]Outcome{
					AnswerSucceeds: Succeed(), AnswerDeclines: Decline(checkout.ReasonDeclined), AnswerChallenges: Challenge(),
					AnswerLost: Succeed().LoseAnswer(), AnswerHangs: Hang(), AnswerUnreachable: Unreachable(),
				}[a]
				add(o)
				return ok
			}
		}
		charge := prepare(p.Next)
		return Subject{
			Provider: wrap(p), Livemode: true,
			Prepare:       func(a Answer, _ *checkout.BeginRequest) bool { return charge(a) },
			PrepareRefund: prepare(p.NextRefunds),
			Approve: func(ref checkout.ChargeRef) {
				p.move(p.of1(ref), checkout.StateActionRequired, checkout.StateSucceeded, "")
			},
			Notification: func(ref checkout.ChargeRef) (*http.Request, []byte) { return p.notification(p.of1(ref)) },
			Advance:      func(d time.Duration) { clock.set(clock.now().Add(d)) },
			Calls:        func() int { return 0 }, // it has no network
			Charges:      func() int { return len(p.charges) },
			Booked: func(ref checkout.ChargeRef) string {
				r := p.of1(ref).request
				digits := map[string]int{"eur": 2, "huf": 2, "kwd": 3}[r.Currency]
				return new(big.Rat).SetFrac64(r.Amount, int64(math.Pow10(digits))).FloatString(digits) + " " + r.Currency
			},
			Secrets: []string{p.secret},
		}
	}
}

func (p *Provider) of1(ref checkout.ChargeRef) *charge {
	return p.charges[slices.IndexFunc(p.charges, func(c *charge) bool { return c.request.AttemptID == ref.AttemptID })]
}

func TestTheKitsOwnCompanyKeepsTheContract(t *testing.T) {
	TestProvider(t, companySubject(func(p *Provider) checkout.Provider { return p }))
}
