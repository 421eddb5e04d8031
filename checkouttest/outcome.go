package checkouttest

import (
	"time"

	"github.com/jopay/checkout"
)

// Outcome is what a [Provider] makes of one charge or one refund.
type Outcome struct {
	state       checkout.State
	reason      string
	after       time.Duration // until a processing one has succeeded
	unreachable bool
	lost        bool
	hangs       bool
}

// Succeed moves the money at once. It is what happens without a script.
func Succeed() Outcome { return Outcome{state: checkout.StateSucceeded} }

// Decline refuses with one of the checkout's reason codes, like [checkout.ReasonInsufficientFunds].
func Decline(code string) Outcome { return Outcome{state: checkout.StateFailed, reason: code} }

// Challenge sends the buyer to the company's own page; whoever opens it approves, as [Shop.Pay] does.
func Challenge() Outcome { return Outcome{state: checkout.StateActionRequired} }

// PayLater leaves the money on its way for d.
func PayLater(d time.Duration) Outcome { return Outcome{state: checkout.StateProcessing, after: d} }

// Unreachable is a company that does not answer the telephone: nothing is charged.
func Unreachable() Outcome { return Outcome{unreachable: true} }

// Hang takes the money and lets the caller wait until its context ends.
func Hang() Outcome { return Outcome{state: checkout.StateSucceeded, hangs: true} }

// LoseAnswer makes of an outcome one that happens and that nobody hears of.
func (o Outcome) LoseAnswer() Outcome {
	o.lost = true
	return o
}
