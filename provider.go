package checkout

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Provider is a company that moves money, seen from here. An adapter translates; it never touches the host's database
// and never decides what becomes of a session.
//
//   - Repeated: Begin with an attempt id it has seen must give the same charge, never a second one, also when the first
//     answer was lost. Observe and Notice may be called any number of times and give the same as long as nothing happens.
//   - Absent: Observe, and every capability, of a charge the company does not know gives [ErrNoCharge]; a Refund may say
//     [ErrRejected] instead. That is believed only 15 minutes after Begin, because a request can still be on its way. A
//     reference without Ref is not an absent one: the charge is looked for by its attempt.
//   - Concurrent: every method may be called from many goroutines and processes at once, also for the same attempt. One
//     of several equal calls may end in an error of no kind, as when the company refuses a twin of a running request;
//     none may make a second charge.
//   - Payee: an adapter compares the account that was paid with its own, where the company says it; a charge of another
//     account is [ErrNoCharge] to us. Amount, currency, mode and attempt are compared here.
//   - Errors: [ErrRejected] says no and is final. [ErrUnavailable] says that certainly nothing happened. Every other
//     error, a time-out among them, means that nobody knows: the attempt stays open and is asked about again.
//   - Mode: an account moves either live or test money. Methods offers nothing for the other mode, Begin of it is
//     [ErrRejected], and every observation carries the mode of its charge.
//   - Money: amounts go and come in our minor units (ISO 4217), whatever the company counts in. A success names the money
//     by a ChargeID that no other charge has.
//   - Context: every call ends when its context does. What that leaves open is an error of no kind.
//   - Secrets: keys, bodies, addresses and what the buyer typed are never logged.
//
// The suite checkouttest.TestProvider holds an adapter to all of this.
type Provider interface {
	// Name is stored with every payment and stands in the notification URL: [a-z0-9_-], at most 32 characters, never changed.
	Name() string

	// Methods are the ways to pay that fit the order, in the order to show them. It does not call the network.
	Methods(ctx context.Context, q MethodQuery) ([]Method, error)

	// Begin starts a charge. AttemptID is its idempotency key at the company and its metadata there.
	Begin(ctx context.Context, r BeginRequest) (Step, error)

	// Observe fetches what the company says now. This is the truth; returns and notifications are hints.
	Observe(ctx context.Context, ref ChargeRef) (Observation, error)

	// Notice authenticates a notification and translates it: the signature over the whole body, and its time where the
	// company signs one. An observation names the attempt or the charge; without a state it asks the caller to Observe.
	// Notifications may come twice (with one EventKey) and in any order. What is not authentic is [ErrNotAuthentic].
	Notice(r *http.Request, body []byte) ([]Observation, error)
}

// Canceler is a provider that can take an unfinished charge back. Once it has, the money cannot arrive any more; the
// observation tells what became of the charge, which may be that it had succeeded already: that is no error. Repeated calls
// give the charge as it is.
type Canceler interface {
	Cancel(ctx context.Context, ref ChargeRef) (Observation, error)
}

// Refunder is a provider that pays back. Key is the refund's idempotency key: a call with a key it has seen gives that
// refund as it is now, and pays nothing twice. Refunds of one charge may be called at the same time; more than is left of
// what was captured is [ErrRejected], never an observation of a failure.
type Refunder interface {
	Refund(ctx context.Context, r RefundRequest) (RefundObservation, error)
}

// Completer is a provider whose charge needs a last word after the buyer has come back, such as a capture. Repeated calls
// give the charge as it is.
type Completer interface {
	Complete(ctx context.Context, ref ChargeRef, returned url.Values) (Observation, error)
}

// Embedder is a provider whose fields stand on our page, in its own frames. Its scripts and origins are added to the page
// of an attempt whose Step had a Client, and to no other. The page gives Script a form.embed with data-client (the Step's
// Client), data-return (where the buyer goes afterwards), an empty .fields, an empty .error and a button that is hidden
// until the script shows it; form.embed:not(.ready) is what buyers see whose browser shows no fields. Begin of an attempt
// that is not Scripted gives a RedirectURL instead.
type Embedder interface {
	Embed(livemode bool) Embed
}

// Embed is what a page needs to show a provider's own fields.
type Embed struct {
	Scripts  []string // absolute https URLs, loaded from the provider and never copied
	Script   []byte   // the adapter's own script, served from our origin, after Scripts; the same for both modes
	Sources  []string // origins for script-src beside those of Scripts
	Frames   []string // origins for frame-src
	Connects []string // origins for connect-src
	Images   []string // origins for img-src
}

// Titled is a provider that buyers know by name: the page then says where they will continue.
type Titled interface {
	Title() string
}

// Settler is a provider whose money a person or a bank file confirms: see [Checkout.ConfirmPayment]. Evidence that does
// not fit the charge is an error.
type Settler interface {
	Settle(ctx context.Context, ref ChargeRef, e Evidence) (Observation, error)
}

// Evidence is who says that money has come, and why.
type Evidence struct {
	Actor    string // who confirms
	Note     string // why: a bank statement's line, a receipt
	Amount   int64  // minor units that have come
	Currency string
}

// Acker is a provider that wants its notifications answered in words of its own. err is nil after the commit.
type Acker interface {
	Ack(w http.ResponseWriter, err error)
}

// RefundRequest asks a provider to pay back. Amount is in minor units of Currency.
type RefundRequest struct {
	Charge   ChargeRef
	Key      string
	Amount   int64
	Currency string
	Reason   string
}

// RefundObservation is what a provider says of a refund. Key is ours, echoed; empty when the refund was made there.
type RefundObservation struct {
	Key      string
	Ref      string // the provider's id of the refund
	State    State  // processing, succeeded, failed or canceled
	Amount   int64
	Currency string
}

// inputChecker is a provider whose fields stand on our own page: only the sandbox, whose card numbers are not cards.
type inputChecker interface {
	checkInput(form url.Values) []pageProblem
}

// The errors of a [Provider].
var (
	ErrRejected     = errors.New("checkout: the provider refused, and will not change its mind")
	ErrUnavailable  = errors.New("checkout: the provider is not reachable, nothing was charged")
	ErrNoCharge     = errors.New("checkout: the provider knows no such charge")
	ErrNotAuthentic = errors.New("checkout: the notification is not authentic")
)

// MethodQuery is what a provider may look at to offer methods. Amount is in minor units of Currency (lower case).
type MethodQuery struct {
	Amount   int64
	Currency string
	Country  string // ISO 3166-1 alpha-2 of the buyer, empty when not known
	Locale   string // BCP 47 tag for labels, empty for English
	Livemode bool
}

// Method is one way to pay.
type Method struct {
	ID    string // unique over all providers: card, paypal, …; [a-z0-9_-]
	Label string // in the language asked for, or English; the page has words of its own for the ids it knows
	Mark  string // the drawing beside it: card, bank, wallet, cash, invoice; empty for none
}

// BeginRequest is all a provider needs to start a charge. Amount is in minor units of Currency (lower case, ISO 4217
// exponent); a provider that counts otherwise converts.
type BeginRequest struct {
	AttemptID   string
	SessionID   string
	Amount      int64
	Currency    string
	Method      string
	Description string
	Email       string
	Locale      string
	ReturnURL   string // where the buyer's browser comes back to, by GET or POST
	CancelURL   string
	NotifyURL   string
	ExpiresAt   time.Time
	Livemode    bool
	Scripted    bool       // the buyer's browser runs scripts; without them an [Embedder] has to redirect
	Input       url.Values // what the buyer entered into fields of the provider on our page
}

// ChargeRef names a charge by both ids it has. Ref is empty when the answer to Begin was lost; the provider then looks
// for AttemptID.
type ChargeRef struct {
	AttemptID string
	Ref       string
	Method    string
	Amount    int64
	Currency  string
	Livemode  bool
	BegunAt   time.Time // when the attempt was written, shortly before Begin was called
}

// Step is how a charge goes on after Begin.
type Step struct {
	Ref         string       // the provider's id of the charge
	RedirectURL string       // where the buyer has to go; empty when nothing is to be done
	Client      string       // what an [Embedder]'s script needs on the page, such as a client secret; at most 4 KiB
	ExpiresAt   time.Time    // how long the buyer has where the session's life is too short, at most 90 days ahead
	Observation *Observation // what is known already, if anything
}

// State is where a charge stands at its provider.
type State string

// The states of a charge. The zero value means that nothing is known.
const (
	StateUnknown        State = ""
	StateActionRequired State = "action_required"
	StateProcessing     State = "processing"
	StateSucceeded      State = "succeeded"
	StateFailed         State = "failed"
	StateCanceled       State = "canceled"
)

// Observation is what a provider says of a charge. Captured is in minor units of Currency, in our exponent.
type Observation struct {
	AttemptID string // as echoed from the charge's metadata
	Ref       string
	ChargeID  string // the id of the money itself; one charge id pays one attempt, for ever
	EventKey  string // of a notification: the provider's id of it, so that it counts once
	State     State
	TryID     string // with action_required and a Reason: names a try of this charge that failed, after which the buyer may try again in it
	Captured  int64
	Currency  string
	Reason    Reason
	Livemode  bool
	Refunds   []RefundObservation // those the company tells with the charge; none says nothing

	RedirectURL, Client string    // as in Step, where the company still tells them: a lost answer to Begin is made good
	ExpiresAt           time.Time // as in Step, for the same reason
}

// Reason is why a charge failed. Code is one of the common codes; ProviderCode is the company's own, for the shop owner.
type Reason struct {
	Code         string
	ProviderCode string
}

// The common reason codes. Codes outside this list, and those that would tell a thief something, are shown as declined.
const (
	ReasonDeclined             = "declined"
	ReasonInsufficientFunds    = "insufficient_funds"
	ReasonExpiredCard          = "expired_card"
	ReasonIncorrectCVC         = "incorrect_cvc"
	ReasonProcessingError      = "processing_error"
	ReasonAuthenticationFailed = "authentication_failed"
	ReasonCanceledByCustomer   = "canceled_by_customer"
	ReasonTimeout              = "timeout"
	ReasonProviderUnavailable  = "provider_unavailable"
)

// failures maps a reason to what the API and the webhook say of it.
var failures = map[string]PaymentError{
	ReasonDeclined:             {Code: "card_declined", DeclineCode: "generic_decline", Message: "The payment was declined."},
	ReasonInsufficientFunds:    {Code: "card_declined", DeclineCode: "insufficient_funds", Message: "The payment was declined for lack of funds."},
	ReasonExpiredCard:          {Code: "expired_card", DeclineCode: "expired_card", Message: "The card has expired."},
	ReasonIncorrectCVC:         {Code: "incorrect_cvc", DeclineCode: "incorrect_cvc", Message: "The card's security code is wrong."},
	ReasonProcessingError:      {Code: "processing_error", DeclineCode: "processing_error", Message: "The payment could not be processed."},
	ReasonAuthenticationFailed: {Code: "authentication_failed", DeclineCode: "authentication_failed", Message: "The buyer could not be authenticated."},
	ReasonCanceledByCustomer:   {Code: "payment_canceled", DeclineCode: "canceled_by_customer", Message: "The buyer canceled the payment."},
	ReasonTimeout:              {Code: "payment_timeout", DeclineCode: "timeout", Message: "The payment was not finished in time."},
	ReasonProviderUnavailable:  {Code: "provider_unavailable", DeclineCode: "provider_unavailable", Message: "The payment service did not answer. Nothing was charged."},
}

// publicReason keeps what may be shown: a reason outside the list becomes a plain decline.
func publicReason(code string) string {
	if _, ok := failures[code]; ok {
		return code
	}
	return ReasonDeclined
}

func failureOf(p paymentRecord) PaymentError {
	f := failures[publicReason(p.Reason)]
	f.PaymentID = p.ID
	return f
}
