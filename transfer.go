package checkout

import "time"

// Transferee is a provider that is paid by bank transfer. Its money is found on statements: see [Checkout.RecordTransfer].
type Transferee interface {
	// References finds what can be references of ours in a text of the payer's, in the form of ChargeRef.Ref, the likeliest
	// first and 20 at most. Payers add spaces, change case and write around it.
	References(text string) []string
}

// Transfer is what a bank tells of money that has come to the shop's account, beside its reference and amount.
type Transfer struct {
	// Key names the line for ever: the bank's own reference of the entry with the account, at most 200 bytes. The same key
	// counts once. Defaults to a hash over all that is told, for banks that give no reference.
	Key string

	Provider string    // name of the [Transferee] whose account it is; may be empty where there is only one
	Currency string    // ISO 4217. Defaults to eur
	Text     string    // what the payer wrote, at most 2,000 characters
	Payer    string    // the payer's name
	BookedAt time.Time // the bank's booking date
	Actor    string    // who told us: a person, or the name of the file
	Note     string    // for the books
}

// TransferStatus is what became of a transfer.
type TransferStatus string

// A transfer is booked on a payment, or set aside with suggestions for a person, or not for a payment of ours as far as
// anybody can tell. Unknown ones are not stored: a shop's account gets other money too.
const (
	TransferBooked    TransferStatus = "booked"
	TransferSuggested TransferStatus = "suggested"
	TransferUnknown   TransferStatus = "unknown"
	TransferDismissed TransferStatus = "dismissed" // a person has said that it is for something else
)

// TransferResult is what became of a transfer. Amounts are in minor units of Currency.
type TransferResult struct {
	ID        string // tr_…; empty for an unknown one
	Status    TransferStatus
	Duplicate bool // it was recorded before, and this call has changed nothing
	PaymentID string
	SessionID string
	Currency  string
	Rest      int64 // still to be paid
	Surplus   int64 // more than was due: it has to go back

	Suggestions []TransferSuggestion // open payments of just this amount, newest first, five at most
}

// TransferSuggestion is a payment a transfer may be meant for.
type TransferSuggestion struct {
	PaymentID, SessionID, Reference string // Reference is the payment's own
	ClientReferenceID               string // the host's order number, if there is one
	CustomerEmail                   string
	Due                             int64
	CreatedAt                       time.Time
}

// RecordedTransfer is a transfer as it is kept. Amounts are in minor units of Currency.
type RecordedTransfer struct {
	ID, Provider         string
	Status               TransferStatus
	PaymentID, SessionID string // empty until it is booked
	Amount, Surplus      int64
	Currency             string
	Reference, Text      string
	Payer, Actor, Note   string
	BookedAt, CreatedAt  time.Time
	Livemode             bool

	Suggestions []TransferSuggestion // of a suggested one, as they are now
}

// TransferFilter asks for transfers: of a session, or those of a status. The zero value asks for the suggested ones of
// live mode, which wait for a person.
type TransferFilter struct {
	SessionID     string
	Status        TransferStatus // defaults to suggested
	Test          bool           // of test mode
	StartingAfter string         // the id of the last one of the page before
	Limit         int            // defaults to 50, at most 100
}
