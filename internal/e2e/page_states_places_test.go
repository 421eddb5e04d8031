package e2e

import (
	"context"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsepa"
)

// The places of the table.
var (
	atOpen = place{"open", func(v *visit) { v.start() }}

	atMistake = place{"after a mistake", func(v *visit) {
		v.start()
		v.expect("422") // browsers report every answer of 400 or more
		v.fill("4242424242424241")
		v.click(payButton)
		v.read("There is a problem")
	}}

	atDeclined = place{"after a decline", func(v *visit) {
		v.start()
		v.pay(badCard)
		v.read("You have not been charged")
	}}

	atBank = place{"at the bank", func(v *visit) {
		v.start()
		v.pay(bankCard)
		v.comeTo("test_bank")
	}}

	atBankAsks = place{"the bank asks", func(v *visit) {
		atBank.arrive(v)
		v.open(v.order.CheckoutURL)
		v.comeTo("requires_action")
	}}

	// atFields has Stripe's fields on the page; without scripts a link to Stripe's own page stands there.
	atFields = place{"the provider's fields", func(v *visit) {
		v.tab = v.begin(openTab(v.t))
		v.stripe = openStripeStore(v.t, v.tab, func(cfg *checkout.Config) { cfg.Now = v.now })
		v.store = v.stripe.store
		if !v.scripts {
			v.stripe.company.SetURL(stripeHosted[:len(stripeHosted)-1])
		}
		v.order = v.store.order()
		v.stripe.begin(v.tab, v.order)
		v.seeStripe(v.tab)
	}}

	atInstructions = place{"a bank transfer", func(v *visit) {
		account, err := checkoutsepa.New(checkoutsepa.Config{Name: payee, IBAN: payeeIBAN, Test: true})
		if err != nil {
			v.t.Fatal(err)
		}
		v.start(account)
		v.click("label[for=method-bank_transfer]")
		v.click(payButton)
		v.read(payeeIBAN)
	}}

	atProcessing = place{"processing", func(v *visit) {
		v.start()
		v.pay(laterCard)
		v.comeTo("processing")
	}}

	atUnknown = place{"an unknown outcome", func(v *visit) {
		v.start()
		v.pay(unknownCard)
		v.comeTo("processing")
	}}

	// atSlow is a click whose answer takes three seconds.
	atSlow = place{"a slow card", func(v *visit) {
		v.start()
		v.pay(slowCard)
		v.tab.wait("begin to pay", func(context.Context) (bool, error) { return v.tries() == 1, nil })
	}}

	atCompleted = place{"completed", func(v *visit) {
		v.start()
		v.pay(goodCard)
		v.comeTo("shop")
		v.open(v.order.CheckoutURL)
		v.comeTo("completed")
	}}

	atEnded = place{"expired", func(v *visit) {
		v.start()
		payAfterTheEnd.do(v)
		v.comeTo("expired")
	}}

	atPaidElsewhere = place{"paid in another tab", func(v *visit) {
		v.start()
		v.second(v.order.CheckoutURL).pay(goodCard)
		v.other.comeTo("shop")
	}}

	atNothing = place{"an unknown id", func(v *visit) {
		v.start()
		v.expect("404")
		v.open(v.base + v.co.PagePath() + "/cs_" + "0123456789abcdef0123456789abcdef0123456789ab")
		v.comeTo("not_found")
	}}
)

// seeStripe waits for what Stripe's page or fields need.
func (v *visit) seeStripe(b *tab) {
	v.t.Helper()
	if v.scripts {
		b.see("form.embed.ready iframe")
		return
	}
	b.see(`a.button[href^="` + stripeHosted + `"]`)
}

// The things buyers do, and what happens to them.
var (
	refresh = action{"refresh", refreshing, func(v *visit) { v.reload() }}

	leaveAndBack = action{"leave and come back", goingBack, func(v *visit) {
		v.open(v.base + "/basket")
		v.comeTo("basket")
		v.goBack()
	}}

	// leaveAndPayAgain comes back to whatever is there, and pays again if one can.
	leaveAndPayAgain = action{"leave, come back and pay again if one can", goingBack, func(v *visit) {
		evaluate[any](v.tab, `location.href = "/basket"`)
		v.comeTo("basket")
		v.goBack()
		if v.count(payButton) > 0 {
			v.useCopy()
		}
	}}

	back = action{"back", goingBack, func(v *visit) { v.goBack() }}

	lookInSecondTab = action{"look in a second tab", secondTab, func(v *visit) {
		v.second(v.order.CheckoutURL).comeTo("processing|completed")
	}}

	lookInBothTabs = action{"look in both tabs", secondTab, func(v *visit) {
		here := evaluate[string](v.tab, shows)
		v.second(evaluate[string](v.tab, `location.href`))
		if here == "not_found" {
			v.other.expect("404")
		}
		v.other.comeTo(here)
		v.reload()
	}}

	payInFirstTab = action{"pay", secondTab, func(v *visit) { v.pay(goodCard) }}

	payInBothTabs = action{"pay in both tabs", secondTab, func(v *visit) {
		v.second(v.order.CheckoutURL).pay(goodCard)
		v.other.comeTo("shop")
		v.pay(goodCard)
	}}

	payInBothTabsAtOnce = action{"pay in both tabs at once", secondTab, func(v *visit) {
		v.second(v.order.CheckoutURL).fill(goodCard)
		v.fill(goodCard)
		evaluate[any](v.other, `document.querySelector("`+payButton+`").click()`)
		evaluate[any](v.tab, `document.querySelector("`+payButton+`").click()`)
		v.other.comeTo("shop|processing|completed")
	}}

	doubleClick = action{"double click", "double click", func(v *visit) {
		v.fill(goodCard)
		v.doubleClick(payButton)
	}}

	doubleClickSlowly = action{"double click with a slow card", "double click", func(v *visit) {
		v.fill(slowCard)
		v.doubleClick(payButton)
	}}

	sendAgain = action{"send the form again", replaying, func(v *visit) { v.again(v.sent(-1)) }}

	sendAgainAndHear = action{"send the form again, and the provider answers", replaying, func(v *visit) {
		v.again(v.sent(-1))
		v.waitFor(time.Minute)
		if _, err := v.co.RunOnce(v.t.Context()); err != nil {
			v.t.Fatal(err)
		}
		v.reload()
	}}

	payAndSendAgain = action{"pay and send the form again", replaying, func(v *visit) {
		v.pay(goodCard)
		v.comeTo("shop")
		v.again(v.sent(-1))
	}}

	payAndSendTheFirstAgain = action{"pay and send the first form again", replaying, func(v *visit) {
		v.pay(goodCard)
		v.comeTo("shop")
		v.again(v.sent(0))
	}}

	payAndBackFromShop = action{"pay and come back from the shop", goingBack, func(v *visit) {
		v.pay(goodCard)
		v.comeTo("shop")
		v.goBack()
	}}

	payAfterTheEnd = action{"pay after the shop has ended it", "too late", func(v *visit) {
		if _, err := v.co.ExpireSession(v.t.Context(), v.order.ID); err != nil {
			v.t.Fatal(err)
		}
		v.pay(goodCard)
	}}

	payWhenTimeIsUp = action{"pay when time is up", "too late", func(v *visit) {
		v.waitFor(2 * time.Hour)
		v.pay(goodCard)
	}}

	whenTimeIsUp = action{"refresh when time is up", "too late", func(v *visit) {
		v.waitFor(2 * time.Hour)
		v.reload()
	}}

	approveInBothTabs = action{"approve in both tabs", secondTab, func(v *visit) {
		v.approveElsewhere()
		v.click(approve)
	}}

	approveAndRefuse = action{"approve in one tab, refuse in the other", secondTab, func(v *visit) {
		v.approveElsewhere()
		v.click(refuse)
	}}

	approveAndSendAgain = action{"approve and send the answer again", replaying, func(v *visit) {
		v.click(approve)
		v.comeTo("shop")
		v.again(v.sent(-1))
	}}

	approveAndBack = action{"approve and come back from the shop", goingBack, func(v *visit) {
		v.click(approve)
		v.comeTo("shop")
		v.goBack()
	}}

	approveWhenTimeIsUp = action{"approve when time is up", "too late", func(v *visit) {
		v.waitFor(2 * time.Hour)
		v.click(approve)
	}}

	approveWhatWasTakenBack = action{"take it back in a second tab and approve", secondTab, func(v *visit) {
		v.second(v.order.CheckoutURL).click(takeBack)
		v.other.comeTo("open")
		v.click(approve)
	}}

	takeBackInBothTabs = action{"choose another way in both tabs", secondTab, func(v *visit) {
		v.second(v.order.CheckoutURL).click(takeBack)
		v.other.comeTo("open")
		v.click(takeBack)
	}}

	takeBackAndSendAgain = action{"choose another way and send that again", replaying, func(v *visit) {
		v.click(takeBack)
		v.comeTo("open")
		v.again(v.sent(-1))
	}}

	payAtStripeInBothTabs = action{"pay in both tabs", secondTab, func(v *visit) {
		if v.scripts {
			v.enterInFrame("form.embed iframe", goodCard)
		}
		v.second(v.order.CheckoutURL)
		v.seeStripe(v.other)
		if v.scripts {
			v.other.payInFields(goodCard)
		} else {
			v.stripe.payAtStripe(v.other)
		}
		v.other.comeTo("shop")
		evaluate[any](v.tab, `document.querySelector("`+stripePay+`")?.click()`) // if the page has not seen yet that it is paid
		v.reload()
		v.comeTo("completed")
		v.forgive() // Stripe's answer of 400 to the second payment
	}}

	sendAFormOfAnother = action{"send a form", replaying, func(v *visit) {
		unknown := evaluate[string](v.tab, `location.pathname`)
		v.open(v.order.CheckoutURL)
		v.fill("4242424242424241")
		v.expect("422")
		v.click(payButton)
		v.read("There is a problem")
		form := v.sent(-1)
		form.path = unknown
		v.again(form)
		v.open(v.base + unknown)
	}}
)

const (
	approve  = `button[name=answer][value=approve]`
	refuse   = `button[name=answer]:not([value=approve])`
	takeBack = `button[value=abandon]`
)

func (v *visit) approveElsewhere() {
	v.t.Helper()
	v.second(evaluate[string](v.tab, `location.href`)).click(approve)
	v.other.comeTo("shop")
}
