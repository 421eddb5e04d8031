package stripe

import (
	"net/http"
	"sync"
	"testing"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
	"github.com/jopay/checkout/checkouttest"
	"github.com/jopay/checkout/internal/e2e/stripefake"
)

// way is how buyers get to Stripe.
type way struct {
	name     string
	scripted bool // the browser runs scripts
	hosted   bool
	creates  string // the request that makes a charge
}

var ways = []way{
	{name: "Element", scripted: true, creates: "POST /v1/payment_intents"},
	{name: "Redirect", creates: "POST /v1/checkout/sessions"},
	{name: "Hosted", scripted: true, hosted: true, creates: "POST /v1/checkout/sessions"},
}

func TestStripeKeepsTheProviderContract(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		for _, live := range []bool{true, false} {
			t.Run(w.name+modeName(live), func(t *testing.T) {
				t.Parallel()
				checkouttest.TestProvider(t, func(t *testing.T) checkouttest.Subject { return w.subject(t, live) })
			})
		}
	}
}

func modeName(live bool) string {
	if live {
		return "/live"
	}
	return "/test"
}

// trial is a world and what the buyers of its attempts will do.
type trial struct {
	*world
	way
	t       *testing.T
	mu      sync.Mutex
	decline map[string]bool
}

func (w way) subject(t *testing.T, live bool) checkouttest.Subject {
	b := &trial{way: w, t: t, decline: map[string]bool{}}
	b.world = newWorld(t, live, func(cfg *checkoutstripe.Config) { cfg.Hosted = w.hosted })
	return checkouttest.Subject{
		Provider: b.provider, Livemode: live, Prepare: b.prepare, PrepareRefund: b.prepareRefund, Approve: b.approve,
		Notification: b.notification, Advance: b.advance,
		Calls: func() int { return len(b.fake.Calls()) }, Charges: b.fake.Charges,
		Booked:  func(ref checkout.ChargeRef) string { return b.fake.Booked(b.id(ref)) },
		Log:     b.log.String,
		Secrets: []string{b.fake.SecretKey(live), b.fake.WebhookSecret()},
	}
}

var faults = map[checkouttest.Answer]stripefake.Fault{
	checkouttest.AnswerLost: stripefake.Lost, checkouttest.AnswerHangs: stripefake.Hang, checkouttest.AnswerUnreachable: stripefake.Unreachable,
}

// prepare makes the way there fail, or keeps what the buyer will do: Stripe decides nothing before that.
func (b *trial) prepare(a checkouttest.Answer, r *checkout.BeginRequest) bool {
	r.Scripted = b.scripted
	if fault, ok := faults[a]; ok {
		b.fake.FailNext(b.creates, fault)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decline[r.AttemptID] = a == checkouttest.AnswerDeclines
	return true
}

func (b *trial) prepareRefund(a checkouttest.Answer) bool {
	fault, ok := faults[a]
	if ok {
		b.fake.FailNext("POST /v1/refunds", fault)
	}
	return ok
}

// id is what Stripe calls a charge, found by the attempt where the caller does not know it.
func (b *trial) id(ref checkout.ChargeRef) string {
	if ref.Ref != "" {
		return ref.Ref
	}
	ids := b.fake.Find("attempt", ref.AttemptID)
	if len(ids) != 1 {
		b.t.Errorf("Stripe has %v of attempt %s, want one", ids, ref.AttemptID)
		return ""
	}
	return ids[0]
}

func (b *trial) approve(ref checkout.ChargeRef) {
	b.mu.Lock()
	decline := b.decline[ref.AttemptID]
	b.mu.Unlock()
	err := error(nil)
	if decline {
		err = b.fake.Decline(b.id(ref), "", "insufficient_funds")
	} else {
		err = b.fake.Pay(b.id(ref))
	}
	if err != nil {
		b.t.Error(err)
	}
}

// notification tells the newest that has happened to a charge. Of one that has not been paid Stripe tells nothing of
// interest until a try fails.
func (b *trial) notification(ref checkout.ChargeRef) (*http.Request, []byte) {
	o, err := b.provider.Observe(b.t.Context(), ref)
	if err != nil {
		b.t.Fatal(err)
	}
	if o.State == checkout.StateActionRequired {
		if err := b.fake.Decline(b.id(ref), "", ""); err != nil {
			b.t.Fatal(err)
		}
	}
	events := b.fake.Events()
	e := events[len(events)-1]
	r, err := b.fake.Notification(b.t.Context(), "https://shop.example/notify", e)
	if err != nil {
		b.t.Fatal(err)
	}
	return r, e.Body
}
