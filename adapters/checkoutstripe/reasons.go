package checkoutstripe

import (
	"cmp"

	"github.com/jopay/checkout"
)

// reasons are Stripe's decline and error codes that buyers are told more of than a decline. Sources: docs.stripe.com/declines/codes
// and docs.stripe.com/error-codes. Lost and stolen cards and suspected fraud are left out on purpose.
var reasons = map[string]string{
	"insufficient_funds":                     checkout.ReasonInsufficientFunds,
	"expired_card":                           checkout.ReasonExpiredCard,
	"incorrect_cvc":                          checkout.ReasonIncorrectCVC,
	"invalid_cvc":                            checkout.ReasonIncorrectCVC,
	"processing_error":                       checkout.ReasonProcessingError,
	"issuer_not_available":                   checkout.ReasonProcessingError,
	"reenter_transaction":                    checkout.ReasonProcessingError,
	"try_again_later":                        checkout.ReasonProcessingError,
	"authentication_required":                checkout.ReasonAuthenticationFailed,
	"authentication_not_handled":             checkout.ReasonAuthenticationFailed,
	"payment_intent_authentication_failure":  checkout.ReasonAuthenticationFailed,
	"mobile_device_authentication_required":  checkout.ReasonAuthenticationFailed,
	"payment_method_customer_decline":        checkout.ReasonCanceledByCustomer,
	"payment_intent_payment_attempt_expired": checkout.ReasonAuthenticationFailed,
}

// failedTry is the id and the reason of the last try. A try that got as far as a charge is known by it. One that failed
// before, at the bank's question, is known by its payment method: the fields make a new one for each try.
func failedTry(e *paymentError) (string, checkout.Reason) {
	if e == nil {
		return "", checkout.Reason{}
	}
	code := cmp.Or(word(e.DeclineCode), word(e.Code))
	reason := cmp.Or(reasons[e.DeclineCode], reasons[e.Code], checkout.ReasonDeclined)
	return cmp.Or(word(e.Charge), word(e.PaymentMethod.ID), "failed") + tryEnd(e), checkout.Reason{Code: reason, ProviderCode: code}
}

// tryEnd tells two tries with one payment method apart, as far as they differ.
func tryEnd(e *paymentError) string {
	if e.Charge != "" || word(e.Code) == "" {
		return ""
	}
	return ":" + e.Code
}
