// Package ubl writes invoices and credit notes that are paid already as XML of the European standard: EN 16931-1:2017 in
// the syntax of UBL 2.1 (CEN/TS 16931-3-2), plain or in the German profile XRechnung 3.0.
//
// Amounts are minor units of ISO 4217 and positive in credit notes too. Names in comments like BT-1 and BG-4 are those of
// the standard's model. All functions are safe for concurrent use, and the same document gives the same bytes.
package ubl

import (
	"bytes"
	"encoding/xml"
	"errors"

	"github.com/jopay/checkout/internal/money"
)

// Profile is the set of rules that a document follows.
type Profile string

// The profiles.
const (
	EN16931   Profile = "en16931"
	XRechnung Profile = "xrechnung"
)

// PaymentOnline is the code of payments that an online payment service has taken (UNCL 4461). Codes of cards would ask
// for digits of the card.
const PaymentOnline = "68"

// ErrCurrency means that the standard cannot state amounts of a currency: it has three decimals, of which EN 16931 allows
// two (BR-DEC-01 and others), or is not on its list (BR-CL-03).
var ErrCurrency = errors.New("the currency has no form in EN 16931")

// FieldError says which field of a [Document] cannot be written and why.
type FieldError struct {
	Field   string // like seller.vat_id or lines[2].quantity
	Problem string
	Err     error // [ErrCurrency] or nil
}

func (e *FieldError) Error() string { return "ubl: " + e.Field + ": " + e.Problem }

// Unwrap gives what the problem is an instance of.
func (e *FieldError) Unwrap() error { return e.Err }

// Document is an invoice, or a credit note if Corrects is set. Net, Tax and Gross are the sums of Taxes; Gross has been
// paid, so that nothing is due.
type Document struct {
	Profile        Profile
	Number         string     // BT-1
	IssuedOn       string     // BT-2, YYYY-MM-DD like all dates here
	DueOn          string     // BT-9, may be empty
	TaxPointOn     string     // BT-7, may be empty
	SuppliedOn     string     // BT-72, required with category K
	Currency       string     // BT-5, ISO 4217 in either case
	Note           string     // BT-22, may be empty
	BuyerReference string     // BT-10, required by XRechnung
	OrderReference string     // BT-13, may be empty
	Corrects       *Reference // BG-3
	PaymentMeans   string     // BT-81, UNCL 4461; empty for [PaymentOnline]
	Seller, Buyer  Party
	Lines          []Line
	Taxes          []Tax
	Net            int64 // BT-109
	Tax            int64 // BT-110
	Gross          int64 // BT-112 and BT-113
}

// Reference names the invoice that a credit note belongs to.
type Reference struct{ Number, IssuedOn string }

// Party is the seller (BG-4) or the buyer (BG-7). Name and Country are required.
type Party struct {
	Name                    string
	Line1, Line2            string
	PostalCode, City, State string
	Country                 string // ISO 3166-1 alpha-2
	VATID                   string // with its country prefix
	TaxNumber               string // of the seller only: the national one, BT-32
	Contact, Phone, Email   string // Email is the electronic address too, BT-34 and BT-49
}

// Line is BG-25. Net is of the whole quantity.
type Line struct {
	Name, Description, SKU string
	Quantity               int64
	Net                    int64
	Category               string // UNCL 5305: S, Z, E, AE, K, G or O
	RateBP                 int64  // basis points: 1900 is 19 %
}

// Tax is BG-23: all lines of one category and rate.
type Tax struct {
	Category string
	RateBP   int64
	Net, Tax int64
	Reason   string // BT-120, required with category E
}

// Marshal writes a document. An error is a *[FieldError].
func Marshal(d Document) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", "  ")
	if err := enc.Encode(d.root()); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// CurrencyFits tells whether amounts of a currency can be stated at all, see [ErrCurrency].
func CurrencyFits(currency string) bool {
	exponent, known := money.Exponent(currency)
	return known && exponent <= 2 && !unlisted[upper(currency)]
}
