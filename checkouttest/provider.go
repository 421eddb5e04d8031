package checkouttest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// Provider is a payment company of live mode that does what a test tells it. It keeps books of its own, takes cancels and
// refunds, and signs its notifications. Give it to a shop with [WithProvider].
type Provider struct {
	name   string
	secret string

	mu      sync.Mutex
	now     func() time.Time
	shop    *Shop // that it tells its news
	script  []Outcome
	refunds []Outcome
	charges []*charge
	notices int
}

var _ interface {
	checkout.Provider
	checkout.Canceler
	checkout.Refunder
	http.Handler
} = (*Provider)(nil)

// charge is a line in the company's books.
type charge struct {
	request checkout.BeginRequest
	script  Outcome
	state   checkout.State
	reason  string
	readyAt time.Time
	refunds []checkout.RefundObservation
}

func (c *charge) ref() string { return "charge_" + c.request.AttemptID }

// NewProvider makes a company. Its name is that of its one method too: see [checkout.Provider].
func NewProvider(name string) *Provider {
	return &Provider{name: name, secret: webhook.NewSecret(), now: time.Now}
}

func (p *Provider) host() string { return strings.ReplaceAll(p.name, "_", "-") + ".example" }

// join makes the company part of a shop's world.
func (p *Provider) join(s *Shop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.companies[p.host()] = p
	p.shop, p.now = s, s.Now
}

// Next scripts what becomes of the next charges, one outcome each. After the script they succeed.
func (p *Provider) Next(script ...Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, script...)
}

// NextRefunds scripts what becomes of the next refunds, as Next does of charges.
func (p *Provider) NextRefunds(script ...Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refunds = append(p.refunds, script...)
}

// Name implements [checkout.Provider].
func (p *Provider) Name() string { return p.name }

// Methods implements [checkout.Provider]: one method, for live money of every currency.
func (p *Provider) Methods(_ context.Context, q checkout.MethodQuery) ([]checkout.Method, error) {
	if !q.Livemode {
		return nil, nil
	}
	return []checkout.Method{{ID: p.name, Label: "Pay with " + p.name}}, nil
}

// Begin implements [checkout.Provider].
func (p *Provider) Begin(ctx context.Context, r checkout.BeginRequest) (checkout.Step, error) {
	if err := ctx.Err(); err != nil {
		return checkout.Step{}, err
	}
	if !r.Livemode {
		return checkout.Step{}, checkout.ErrRejected
	}
	c, o := p.book(r)
	if err := o.answer(ctx); err != nil {
		return checkout.Step{}, err
	}
	seen := p.observe(c)
	step := checkout.Step{Ref: c.ref(), Observation: &seen}
	if seen.State == checkout.StateActionRequired {
		step.RedirectURL = "https://" + p.host() + "/challenge?charge=" + url.QueryEscape(c.ref())
	}
	return step, nil
}

// book makes a charge, or finds the one of the attempt.
func (p *Provider) book(r checkout.BeginRequest) (*charge, Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.find(func(c *charge) bool { return c.request.AttemptID == r.AttemptID }); c != nil {
		return c, c.script
	}
	o := next(&p.script)
	c := &charge{request: r, script: o, state: o.state, reason: o.reason, readyAt: p.now().Add(o.after)}
	if !o.unreachable {
		p.charges = append(p.charges, c)
	}
	return c, o
}

func next(script *[]Outcome) Outcome {
	if len(*script) == 0 {
		return Succeed()
	}
	o := (*script)[0]
	*script = (*script)[1:]
	return o
}

var errLostAnswer = errors.New("checkouttest: the company's answer got lost")

// answer is how a call ends, apart from what it has done.
func (o Outcome) answer(ctx context.Context) error {
	switch {
	case o.unreachable:
		return checkout.ErrUnavailable
	case o.hangs:
		<-ctx.Done()
		return ctx.Err()
	case o.lost:
		return errLostAnswer
	}
	return nil
}

func (p *Provider) find(is func(*charge) bool) *charge {
	if i := slices.IndexFunc(p.charges, is); i >= 0 {
		return p.charges[i]
	}
	return nil
}

// charge finds a charge by one of its two ids.
func (p *Provider) charge(ctx context.Context, ref checkout.ChargeRef) (*charge, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.find(func(c *charge) bool {
		return c.request.AttemptID == ref.AttemptID || (ref.Ref != "" && c.ref() == ref.Ref)
	})
	if c == nil {
		return nil, checkout.ErrNoCharge
	}
	return c, nil
}

func (p *Provider) observe(c *charge) checkout.Observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.state == checkout.StateProcessing && !p.now().Before(c.readyAt) {
		c.state = checkout.StateSucceeded
	}
	o := checkout.Observation{
		AttemptID: c.request.AttemptID, Ref: c.ref(), State: c.state, Currency: c.request.Currency,
		Reason: checkout.Reason{Code: c.reason}, Livemode: true, Refunds: slices.Clone(c.refunds),
	}
	if c.state == checkout.StateSucceeded {
		o.Captured, o.ChargeID = c.request.Amount, "money_"+c.request.AttemptID
	}
	return o
}

// Observe implements [checkout.Provider].
func (p *Provider) Observe(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	c, err := p.charge(ctx, ref)
	if err != nil {
		return checkout.Observation{}, err
	}
	return p.observe(c), nil
}

// Cancel implements [checkout.Canceler]: what is not paid yet never will be, unless the test says [Provider.Arrive].
func (p *Provider) Cancel(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	c, err := p.charge(ctx, ref)
	if err != nil {
		return checkout.Observation{}, err
	}
	if s := p.observe(c).State; s == checkout.StateActionRequired || s == checkout.StateProcessing {
		p.move(c, s, checkout.StateCanceled, checkout.ReasonCanceledByCustomer)
	}
	return p.observe(c), nil
}

// move changes a charge that is still in the state it was seen in.
func (p *Provider) move(c *charge, from, to checkout.State, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.state == from {
		c.state, c.reason = to, reason
	}
}

// Refund implements [checkout.Refunder].
func (p *Provider) Refund(ctx context.Context, r checkout.RefundRequest) (checkout.RefundObservation, error) {
	c, err := p.charge(ctx, r.Charge)
	if err != nil {
		return checkout.RefundObservation{}, err
	}
	made, o, err := p.pay(c, r)
	if err == nil {
		err = o.answer(ctx)
	}
	return made, err
}

// pay books a refund once per key, and never more than was taken.
func (p *Provider) pay(c *charge, r checkout.RefundRequest) (checkout.RefundObservation, Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, have := range c.refunds {
		if have.Key == r.Key {
			return have, Outcome{}, nil
		}
	}
	if c.state != checkout.StateSucceeded || r.Amount < 1 || r.Currency != c.request.Currency || r.Amount > c.left() {
		return checkout.RefundObservation{}, Outcome{}, checkout.ErrRejected
	}
	o := next(&p.refunds)
	if o.unreachable {
		return checkout.RefundObservation{}, o, nil
	}
	made := checkout.RefundObservation{Key: r.Key, Ref: "refund_" + r.Key, State: o.state, Amount: r.Amount, Currency: r.Currency}
	c.refunds = append(c.refunds, made)
	return made, o, nil
}

// left is the money of a charge that the company still has for the shop.
func (c *charge) left() int64 {
	if c.state != checkout.StateSucceeded {
		return 0
	}
	left := c.request.Amount
	for _, r := range c.refunds {
		if r.State != checkout.StateFailed {
			left -= r.Amount
		}
	}
	return left
}

// Balance is the money of a session that is at the company, in minor units: all that was taken and not paid back.
func (p *Provider) Balance(sessionID string) (sum int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.charges {
		if c.request.SessionID == sessionID {
			sum += c.left()
		}
	}
	return sum
}
