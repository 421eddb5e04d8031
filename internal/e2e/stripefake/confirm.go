package stripefake

import (
	"net/http"
	"strings"
)

// outcomes are what Stripe's test payment methods do. A confirmation with other data pays.
var outcomes = map[string]func(f *Fake, q *request, p *intent){
	"pm_card_visa":                            (*Fake).pay,
	"pm_card_threeDSecureRequired":            (*Fake).challenge,
	"pm_card_authenticationRequired":          (*Fake).challenge,
	"pm_sepa_debit":                           (*Fake).process,
	"pm_card_chargeDeclined":                  declining("card_declined", "generic_decline"),
	"pm_card_chargeDeclinedInsufficientFunds": declining("card_declined", "insufficient_funds"),
	"pm_card_chargeDeclinedExpiredCard":       declining("expired_card", ""),
	"pm_card_chargeDeclinedIncorrectCvc":      declining("incorrect_cvc", ""),
	"pm_card_chargeDeclinedProcessingError":   declining("processing_error", ""),
	"pm_card_visa_chargeDeclinedLostCard":     declining("card_declined", "lost_card"),
	"pm_card_visa_chargeDeclinedStolenCard":   declining("card_declined", "stolen_card"),
}

func declining(code, declineCode string) func(*Fake, *request, *intent) {
	return func(f *Fake, q *request, p *intent) { f.decline(q, p, declined(code, declineCode)) }
}

// confirmIntent is what the buyer's browser sends. A declined card is an error of status 402 with the intent in it.
func confirmIntent(q *request) (map[string]any, *apiError) {
	p, problem := q.ownIntent()
	if problem = firstOf(problem, q.expand.only(intentFields...)); problem != nil {
		return nil, problem
	}
	method := q.form.Get("payment_method")
	switch move, known := outcomes[method]; {
	case p.status != needsMethod && p.status != needsAction:
		return nil, invalid("", "payment_intent_unexpected_state", "This PaymentIntent's payment could not be confirmed because it has a status of "+p.status+".")
	case p.automatic && q.form.Get("return_url") == "":
		return nil, invalid("return_url", "", "This PaymentIntent accepts payment methods that redirect: a return_url is needed.")
	case method == "" && q.form.Get("payment_method_data[type]") == "":
		return nil, invalid("", "payment_intent_unexpected_state", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	case method != "" && !known:
		return nil, invalid("payment_method", "resource_missing", "No such PaymentMethod: '"+method+"'")
	case known:
		p.returnURL = q.form.Get("return_url")
		move(q.f, q, p)
	default:
		q.f.pay(q, p)
	}
	if p.failure != nil {
		refusal := *p.failure
		refusal.Status, refusal.Intent = http.StatusPaymentRequired, q.f.showIntent(p, nil)
		return nil, &refusal
	}
	return q.f.showIntent(p, q.expand), nil
}

// returnTo is where the browser goes after the bank's page.
func (p *intent) returnTo(status string) string {
	separator := "?"
	if strings.Contains(p.returnURL, "?") {
		separator = "&"
	}
	return p.returnURL + separator + "payment_intent=" + p.id + "&payment_intent_client_secret=" + p.secret + "&redirect_status=" + status
}
