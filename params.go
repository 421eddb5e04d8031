package checkout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/jopay/checkout/internal/money"
)

// The limits of a session. Lengths are in characters (Unicode code points) unless they say bytes.
const (
	maxLineItems     = 100
	maxName          = 250
	maxDescription   = 500
	maxSKU           = 64
	maxTaxName       = 40
	maxTaxRateBP     = 10_000
	maxAmount        = 99_999_999 // minor units, of an item and of the whole order
	maxQuantity      = 999_999
	maxReference     = 200
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
	maxMetadataBytes = 32 << 10
	minExpiresIn     = time.Minute
	maxExpiresIn     = 30 * 24 * time.Hour
)

// SessionParams is a new order. The same rules hold for the HTTP API and for calls in process; a refused order gives an
// [*Error] that lists every refused field with one of these codes: parameter_missing, parameter_unknown,
// parameter_invalid_integer, parameter_invalid_string, parameter_too_long, url_invalid, url_not_allowed, email_invalid,
// currency_unsupported, currency_mixed, amount_too_small, amount_too_large, amount_mismatch, quantity_invalid,
// too_many_line_items, metadata_invalid, metadata_too_large, expires_out_of_range, country_invalid,
// payment_method_unavailable, embed_origin_not_allowed.
type SessionParams struct {
	Mode       Mode       // required
	LineItems  []LineItem // 1–100, all of one currency; Currency is required on the first, Quantity defaults to 1
	SuccessURL string     // required; the session's id is added as session_id, or put where {CHECKOUT_SESSION_ID} stands
	CancelURL  string     // required; used as it is

	CustomerEmail     string          // one bare address; empty lets the page ask
	Metadata          map[string]any  // strings, safe integers, finite numbers and bools; comes back in every webhook
	ClientReferenceID string          // the host's own order number
	ExpiresIn         time.Duration   // one minute to 30 days. Defaults to Config.SessionTTL
	BillingDetails    *BillingDetails // who pays, as far as known
	Locale            string          // BCP 47, or auto for the buyer's browser. Defaults to auto
	PaymentMethods    []string        // a subset of the configured method ids, in the order to show them. Defaults to all
	EmbedOrigin       string          // the origin that may frame the page; it must be in Config.EmbedOrigins
	LatePayment       string          // refund or complete: what becomes of money that arrives after expiry. Defaults to refund
	IdempotencyKey    string          // a repeat with the same key gives the first session again

	rawMetadata []byte // the API's own text, which keeps the merchant's order of members
	requestHash string
}

// problems collects refused fields; the first problem of a field is the one that is told. An alias renames fields for
// clients that used the older form of a request.
type problems struct {
	list  []FieldError
	alias map[string]string
}

func (p *problems) add(param, code, format string, args ...any) {
	if p.has(param) {
		return
	}
	message := fmt.Sprintf(format, args...)
	if name, ok := p.alias[param]; ok {
		param, message = name, strings.ReplaceAll(message, param, name)
	}
	p.list = append(p.list, FieldError{Param: param, Code: code, Message: message})
}

func (p *problems) has(param string) bool {
	if name, ok := p.alias[param]; ok {
		param = name
	}
	return slices.ContainsFunc(p.list, func(f FieldError) bool { return f.Param == param })
}

// hasBelow reports a problem of the field itself or of anything inside it.
func (p *problems) hasBelow(param string) bool {
	for from := range p.alias {
		if strings.HasPrefix(from, param) && p.has(from) {
			return true
		}
	}
	return slices.ContainsFunc(p.list, func(f FieldError) bool {
		return f.Param == param || strings.HasPrefix(f.Param, param+".") || strings.HasPrefix(f.Param, param+"[")
	})
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return invalid(p.list)
}

func (p *problems) text(param, s string, limit int) {
	switch {
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		p.add(param, "parameter_invalid_string", "%s must be valid UTF-8 without U+0000.", param)
	case utf8.RuneCountInString(s) > limit:
		p.add(param, "parameter_too_long", "%s may have at most %d characters.", param, limit)
	}
}

func (p *problems) optionalText(param string, s *string, limit int) {
	if s != nil {
		p.text(param, *s, limit)
	}
}

// normalize checks params in place, fills the defaults and gives the order's total and canonical metadata. Problems
// found while decoding the request are already in p, so that one answer tells all.
func (c *Checkout) normalize(params *SessionParams, p *problems) (total int64, metadata []byte) {
	if !params.Mode.valid() {
		p.add("mode", "parameter_missing", "Mode must be checkout.Test or checkout.Live.")
	}
	total = normalizeItems(params.LineItems, p)
	c.normalizeURLs(params, p)
	c.normalizeBuyer(params, p)
	c.normalizePayment(params, p)
	return total, normalizeMetadata(params, p)
}

func normalizeItems(items []LineItem, p *problems) int64 {
	switch {
	case p.has("line_items"):
		return 0
	case len(items) == 0:
		p.add("line_items", "parameter_missing", "line_items is required: 1 to %d items.", maxLineItems)
		return 0
	case len(items) > maxLineItems:
		p.add("line_items", "too_many_line_items", "line_items may have at most %d items.", maxLineItems)
		return 0
	}
	for i := range items {
		if at := fmt.Sprintf("line_items[%d]", i); !p.has(at) { // what is no object has no fields to be wrong
			normalizeItem(&items[i], at, p)
		}
	}
	normalizeCurrency(items, p)
	return sumItems(items, p)
}

func normalizeItem(it *LineItem, at string, p *problems) {
	it.Name = strings.TrimSpace(it.Name)
	if it.Name == "" {
		p.add(at+".name", "parameter_missing", "%s.name is required.", at)
	}
	p.text(at+".name", it.Name, maxName)
	switch {
	case it.Amount < 0:
		p.add(at+".amount", "amount_too_small", "%s.amount must be 0 or more, in minor units.", at)
	case it.Amount > maxAmount:
		p.add(at+".amount", "amount_too_large", "%s.amount may be at most %d minor units.", at, maxAmount)
	}
	if it.Quantity < 1 || it.Quantity > maxQuantity {
		p.add(at+".quantity", "quantity_invalid", "%s.quantity must be a whole number from 1 to %d.", at, maxQuantity)
	}
	p.optionalText(at+".description", it.Description, maxDescription)
	p.optionalText(at+".sku", it.SKU, maxSKU)
	p.optionalText(at+".tax_name", it.TaxName, maxTaxName)
	if it.TaxRateBP != nil && (*it.TaxRateBP < 0 || *it.TaxRateBP > maxTaxRateBP) {
		p.add(at+".tax_rate_bp", "parameter_invalid_integer", "%s.tax_rate_bp must be 0 to %d basis points.", at, maxTaxRateBP)
	}
	if it.ImageURL != nil {
		checkImageURL(at+".image_url", *it.ImageURL, p)
	}
}

func normalizeCurrency(items []LineItem, p *problems) {
	first := "line_items[0].currency"
	if p.has(first) || p.has("line_items[0]") {
		return
	}
	code := asciiLower(items[0].Currency)
	switch {
	case code == "":
		p.add(first, "parameter_missing", "%s is required.", first)
		return
	case !money.Valid(code):
		p.add(first, "currency_unsupported", "%s must be an ISO 4217 code like eur.", first)
		return
	}
	for i := range items {
		at := fmt.Sprintf("line_items[%d].currency", i)
		if own := asciiLower(items[i].Currency); own != "" && own != code {
			p.add(at, "currency_mixed", "All line items must have the same currency; %s differs from the first.", at)
		}
		items[i].Currency = code
	}
}

// asciiLower lowers A–Z only: a Turkish dotless i must not become a currency.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

func sumItems(items []LineItem, p *problems) int64 {
	if p.hasBelow("line_items") {
		return 0 // a sum of refused amounts tells nothing
	}
	var total int64
	for _, it := range items {
		line, ok1 := money.Mul(it.Amount, it.Quantity)
		sum, ok2 := money.Add(total, line)
		if !ok1 || !ok2 || sum > maxAmount {
			p.add("line_items", "amount_too_large", "The total may be at most %d minor units.", maxAmount)
			return 0
		}
		total = sum
	}
	return total
}

func (c *Checkout) normalizeURLs(params *SessionParams, p *problems) {
	c.checkReturnURL("success_url", params.SuccessURL, params.Mode, p)
	c.checkReturnURL("cancel_url", params.CancelURL, params.Mode, p)
	if params.EmbedOrigin == "" {
		return
	}
	origin, _ := parseOrigin(params.EmbedOrigin)
	if params.EmbedOrigin = origin; !slices.Contains(c.embedOrigins, origin) {
		p.add("embed_origin", "embed_origin_not_allowed", "embed_origin is not on the list of allowed origins.")
	}
}

func (c *Checkout) normalizeBuyer(params *SessionParams, p *problems) {
	if params.CustomerEmail != "" && !validEmail(params.CustomerEmail) {
		p.add("customer_email", "email_invalid", "customer_email must be one address in the form name@example.com.")
	}
	p.text("client_reference_id", params.ClientReferenceID, maxReference)
	if params.Locale == "" {
		params.Locale = "auto"
	}
	if params.Locale != "auto" {
		if _, err := language.Parse(params.Locale); err != nil || len(params.Locale) > 35 {
			p.add("locale", "parameter_invalid_string", "locale must be a BCP 47 tag like de or pt-BR, or auto.")
		}
	}
	normalizeBilling(params.BillingDetails, p)
}

func normalizeBilling(b *BillingDetails, p *problems) {
	if b == nil {
		return
	}
	p.optionalText("billing_details.name", b.Name, 200)
	p.optionalText("billing_details.company", b.Company, 200)
	p.optionalText("billing_details.tax_id", b.TaxID, 64)
	a := b.Address
	if a == nil {
		return
	}
	for _, f := range []struct {
		name  string
		value *string
	}{{"line1", a.Line1}, {"line2", a.Line2}, {"city", a.City}, {"state", a.State}, {"postal_code", a.PostalCode}} {
		p.optionalText("billing_details.address."+f.name, f.value, 200)
	}
	if a.Country != nil && !validCountry(*a.Country) {
		p.add("billing_details.address.country", "country_invalid", "country must be an ISO 3166-1 alpha-2 code like DE.")
	}
}

func validCountry(code string) bool {
	region, err := language.ParseRegion(code)
	return err == nil && len(code) == 2 && region.IsCountry() && region.String() == code
}

func (c *Checkout) normalizePayment(params *SessionParams, p *problems) {
	if params.ExpiresIn == 0 {
		params.ExpiresIn = c.cfg.SessionTTL
	}
	if params.ExpiresIn < minExpiresIn || params.ExpiresIn > maxExpiresIn {
		p.add("expires_in", "expires_out_of_range", "expires_in must be %d to %d seconds.", minExpiresIn/time.Second, maxExpiresIn/time.Second)
	}
	switch params.LatePayment {
	case "":
		params.LatePayment = "refund"
	case "refund", "complete":
	default:
		p.add("late_payment", "parameter_invalid_string", "late_payment must be refund or complete.")
	}
	if k := params.IdempotencyKey; k != "" && !validIdempotencyKey(k) {
		p.add("idempotency_key", "idempotency_key_invalid", "%s", ErrIdempotencyKey.Message)
	}
	c.checkMethods(params, p)
}

func (c *Checkout) checkMethods(params *SessionParams, p *problems) {
	if params.Mode == Live && len(c.providers) == 0 {
		p.add("payment_methods", "payment_method_unavailable", "No payment provider is configured for live mode. Use a test key, or set Config.Providers.")
	}
	if params.PaymentMethods == nil || !params.Mode.valid() {
		return
	}
	if len(params.PaymentMethods) == 0 {
		p.add("payment_methods", "payment_method_unavailable", "payment_methods must name at least one method, or be left out.")
	}
	known := c.methodIDs(params.Mode, params.LineItems)
	for i, id := range params.PaymentMethods {
		at := fmt.Sprintf("payment_methods[%d]", i)
		switch {
		case !slices.Contains(known, id):
			p.add(at, "payment_method_unavailable", "%s is not a configured payment method for this order.", at)
		case slices.Contains(params.PaymentMethods[:i], id):
			p.add(at, "payment_method_unavailable", "%s stands in the list twice.", at)
		}
	}
}

func validIdempotencyKey(k string) bool {
	for i := range len(k) {
		if k[i] < 0x20 || k[i] > 0x7e {
			return false
		}
	}
	return len(k) >= 1 && len(k) <= 255
}

// metadataText gives the JSON text of the metadata: the API's own, or the map's with its keys in alphabetical order.
func metadataText(params *SessionParams) ([]byte, error) {
	if params.rawMetadata != nil {
		return params.rawMetadata, nil
	}
	if len(params.Metadata) == 0 {
		return []byte("{}"), nil
	}
	return json.Marshal(params.Metadata)
}
