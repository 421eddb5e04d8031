package checkout

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/money"
)

// Mode separates test objects from live ones. A key of one mode never sees an object of the other.
type Mode string

// The two modes.
const (
	Test Mode = "test"
	Live Mode = "live"
)

func (m Mode) valid() bool { return m == Test || m == Live }

// Status is where a session stands for the merchant. Completed and expired are final.
type Status string

// The states of a session: pending → completed | expired.
const (
	StatusPending   Status = "pending"
	StatusCompleted Status = "completed"
	StatusExpired   Status = "expired"
)

// PaymentStatus is the finer truth about a session's money.
type PaymentStatus string

// The payment states of a session.
const (
	PaymentUnpaid            PaymentStatus = "unpaid"
	PaymentRequiresAction    PaymentStatus = "requires_action"
	PaymentProcessing        PaymentStatus = "processing"
	PaymentPaid              PaymentStatus = "paid"
	PaymentNotRequired       PaymentStatus = "no_payment_required"
	PaymentPartiallyRefunded PaymentStatus = "partially_refunded"
	PaymentRefunded          PaymentStatus = "refunded"
)

// LineItem is one product of an order. Amount is the price of one piece in minor units of Currency, tax included.
type LineItem struct {
	Name        string  `json:"name"`
	Amount      int64   `json:"amount"`
	Currency    string  `json:"currency"`
	Quantity    int64   `json:"quantity"`
	Description *string `json:"description"`
	ImageURL    *string `json:"image_url"`
	SKU         *string `json:"sku"`
	TaxRateBP   *int64  `json:"tax_rate_bp"` // basis points: 1900 is 19 %
	TaxName     *string `json:"tax_name"`
}

// Total is amount × quantity in minor units. The rules of [SessionParams] keep it far from overflow.
func (i LineItem) Total() int64 { return i.Amount * i.Quantity }

// BillingDetails is who pays, as far as the merchant knows it.
type BillingDetails struct {
	Name    *string  `json:"name"`
	Company *string  `json:"company"`
	Address *Address `json:"address"`
	TaxID   *string  `json:"tax_id"`
}

// Address is a postal address; Country is ISO 3166-1 alpha-2 in upper case.
type Address struct {
	Line1      *string `json:"line1"`
	Line2      *string `json:"line2"`
	City       *string `json:"city"`
	State      *string `json:"state"`
	PostalCode *string `json:"postal_code"`
	Country    *string `json:"country"`
}

// PaymentError tells why the last attempt failed, in the words of the API.
type PaymentError struct {
	Code        string `json:"code"`         // card_declined, expired_card, incorrect_cvc, processing_error, …
	DeclineCode string `json:"decline_code"` // the finer reason: insufficient_funds, generic_decline, …
	Message     string `json:"message"`      // one English sentence
	PaymentID   string `json:"payment_id"`
}

// Session is one order on its way to being paid, as the API shows it. Money is in minor units of Currency, times are
// UTC in whole seconds.
type Session struct {
	ID          string    `json:"id"`
	CheckoutURL string    `json:"checkout_url"`
	Status      Status    `json:"status"`
	AmountCents int64     `json:"amount_cents"`
	Currency    string    `json:"currency"`
	ExpiresAt   time.Time `json:"expires_at"`

	Object              string          `json:"object"`
	URL                 string          `json:"url"`
	Livemode            bool            `json:"livemode"`
	PaymentStatus       PaymentStatus   `json:"payment_status"`
	CustomerEmail       *string         `json:"customer_email"`
	Metadata            json.RawMessage `json:"metadata"`
	ClientReferenceID   *string         `json:"client_reference_id"`
	LineItems           []LineItem      `json:"line_items"`
	AmountTaxCents      int64           `json:"amount_tax_cents"`
	AmountRefundedCents int64           `json:"amount_refunded_cents"`
	BillingDetails      *BillingDetails `json:"billing_details"`
	Locale              string          `json:"locale"`
	PaymentMethods      []string        `json:"payment_methods"`
	SuccessURL          string          `json:"success_url"`
	CancelURL           string          `json:"cancel_url"`
	PaymentID           *string         `json:"payment_id"`
	InvoiceID           *string         `json:"invoice_id"`
	LastError           *PaymentError   `json:"last_error"`
	CreatedAt           time.Time       `json:"created_at"`
	CompletedAt         *time.Time      `json:"completed_at"`
	ExpiredAt           *time.Time      `json:"expired_at"`

	replayed bool // an earlier request with the same Idempotency-Key made it
}

// Replayed reports whether the session was made by an earlier call with the same idempotency key.
func (s *Session) Replayed() bool { return s.replayed }

// taxLine is the tax inside a session's total for one rate.
type taxLine struct {
	Name   string
	RateBP int64
	Gross  int64
	Tax    int64
}

// taxLines groups items by rate in the order of their first appearance. The tax is taken from each group's gross sum,
// not item by item, so that the parts always add up to the money paid.
func taxLines(items []LineItem) []taxLine {
	var lines []taxLine
	for _, it := range items {
		if it.TaxRateBP == nil || *it.TaxRateBP == 0 {
			continue
		}
		lines = addToTaxLine(lines, it)
	}
	for i := range lines {
		lines[i].Tax = money.TaxIncluded(lines[i].Gross, int(lines[i].RateBP))
	}
	return lines
}

func addToTaxLine(lines []taxLine, it LineItem) []taxLine {
	name := ""
	if it.TaxName != nil {
		name = *it.TaxName
	}
	for i := range lines {
		if lines[i].RateBP == *it.TaxRateBP && lines[i].Name == name {
			lines[i].Gross += it.Total()
			return lines
		}
	}
	return append(lines, taxLine{Name: name, RateBP: *it.TaxRateBP, Gross: it.Total()})
}

func totalTax(items []LineItem) int64 {
	var sum int64
	for _, l := range taxLines(items) {
		sum += l.Tax
	}
	return sum
}

// successURL puts the session's id into the merchant's URL by string surgery: the merchant's own query and fragment
// stay byte for byte, because they may be signed.
func successURL(raw, id string) string {
	if strings.Contains(raw, "{CHECKOUT_SESSION_ID}") {
		return strings.ReplaceAll(raw, "{CHECKOUT_SESSION_ID}", id)
	}
	rest, fragment := raw, ""
	if i := strings.IndexByte(raw, '#'); i >= 0 {
		rest, fragment = raw[:i], raw[i:]
	}
	return rest + querySeparator(rest) + "session_id=" + id + fragment
}

func querySeparator(u string) string {
	switch {
	case !strings.Contains(u, "?"):
		return "?"
	case strings.HasSuffix(u, "?") || strings.HasSuffix(u, "&"):
		return ""
	default:
		return "&"
	}
}
