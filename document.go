package checkout

import (
	"context"
	"time"
)

// DocumentKind tells receipts and invoices apart.
type DocumentKind string

// The kinds of documents. A session gets a receipt until the seller is fully known, see [Seller], and an invoice from then
// on; a refund gets the kind that mirrors its session's document.
const (
	KindReceipt       DocumentKind = "receipt"
	KindInvoice       DocumentKind = "invoice"
	KindCreditNote    DocumentKind = "credit_note"    // corrects an invoice
	KindRefundReceipt DocumentKind = "refund_receipt" // belongs to a receipt
)

// Document is a receipt, invoice or credit note as it was issued. It never changes: the seller and the buyer are copied in.
// Money is in minor units of Currency, and positive in credit notes too. The sum of the lines is Gross, which is the money
// that was paid or paid back.
type Document struct {
	ID         string         `json:"id"` // inv_…
	Object     string         `json:"object"`
	Kind       DocumentKind   `json:"kind"`
	Number     string         `json:"number"`
	Livemode   bool           `json:"livemode"`
	SessionID  string         `json:"session_id"`
	RefundID   *string        `json:"refund_id"`
	Corrects   *DocumentRef   `json:"corrects"`    // what a credit note refers to
	IssuedOn   string         `json:"issued_on"`   // YYYY-MM-DD where the seller is
	SuppliedOn string         `json:"supplied_on"` // YYYY-MM-DD
	IssuedAt   time.Time      `json:"issued_at"`
	Locale     string         `json:"locale"`    // BCP 47
	Currency   string         `json:"currency"`  // ISO 4217 in lower case
	Reference  *string        `json:"reference"` // the host's order number
	Method     *string        `json:"payment_method"`
	Seller     DocumentParty  `json:"seller"`
	Buyer      DocumentParty  `json:"buyer"`
	Lines      []DocumentLine `json:"lines"`
	Taxes      []DocumentTax  `json:"taxes"`
	NetCents   int64          `json:"net_cents"`
	TaxCents   int64          `json:"tax_cents"`
	GrossCents int64          `json:"gross_cents"`
	Profile    string         `json:"profile"` // of the XML: en16931, xrechnung; empty where there is none
}

// DocumentRef names another document.
type DocumentRef struct {
	ID       string `json:"id"`
	Number   string `json:"number"`
	IssuedOn string `json:"issued_on"`
}

// DocumentParty is the seller or the buyer on a document. What is not known is empty.
type DocumentParty struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	State      string `json:"state"`
	Country    string `json:"country"`    // ISO 3166-1 alpha-2
	VATID      string `json:"vat_id"`     // with its country prefix
	TaxNumber  string `json:"tax_number"` // the national one
	Contact    string `json:"contact"`    // a person or department
	Email      string `json:"email"`
	Phone      string `json:"phone"`
}

// DocumentLine is a line of a document. GrossCents and NetCents are for the whole quantity.
type DocumentLine struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	SKU         string `json:"sku"`
	Quantity    int64  `json:"quantity"`
	UnitCents   int64  `json:"unit_cents"` // of one piece, tax included
	GrossCents  int64  `json:"gross_cents"`
	NetCents    int64  `json:"net_cents"`
	RateBP      int64  `json:"tax_rate_bp"` // basis points: 1900 is 19 %
	Category    string `json:"tax_category"`
}

// DocumentTax is the tax of all lines of one category and rate.
type DocumentTax struct {
	Name       string `json:"name"`
	Category   string `json:"category"` // UNCL 5305: S, Z, E, AE, K, G or O
	RateBP     int64  `json:"rate_bp"`
	GrossCents int64  `json:"gross_cents"`
	NetCents   int64  `json:"net_cents"`
	TaxCents   int64  `json:"tax_cents"`
	Reason     string `json:"reason"` // why there is no tax, where that has to be said
}

// Sheet is a document ready to be set: every word in the buyer's language, every amount written out. The page, the mail
// and the PDF show the same Sheet.
type Sheet struct {
	Lang, Dir string // BCP 47; ltr or rtl
	Title     string // "Invoice 2026-000001"
	Test      string // the notice of test mode, empty in live mode
	Logo      []byte // PNG or JPEG, or nil
	Seller    []string
	Buyer     []string
	BuyerWord string
	Facts     []SheetFact
	Columns   SheetColumns
	Lines     []SheetLine
	Totals    []SheetTotal
	Notes     []string
	Footer    []string
}

// SheetFact is a labelled value, such as the date of issue.
type SheetFact struct{ Label, Value string }

// SheetColumns are the headings above the lines.
type SheetColumns struct{ Name, Quantity, Unit, Rate, Amount string }

// SheetLine is one line; Detail may be empty.
type SheetLine struct{ Name, Detail, Quantity, Unit, Rate, Amount string }

// SheetTotal is a line of the sum; Strong is the total itself.
type SheetTotal struct {
	Label, Amount string
	Strong        bool
}

// Printer sets a document as PDF. It must be safe for concurrent use and give the same bytes for the same sheet. An error
// is shown beside the document in the admin; it never holds up a number or a mail. adapters/checkoutpdf is one.
type Printer interface {
	Print(ctx context.Context, s Sheet) (pdf []byte, err error)
}
