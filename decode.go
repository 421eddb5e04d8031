package checkout

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/strictjson"
)

const (
	maxBody  = 256 << 10 // bytes of a request
	maxDepth = 8         // levels of JSON
)

// parseObject reads a request body that must be one JSON object.
func parseObject(body []byte) (strictjson.Value, error) {
	v, err := strictjson.Parse(body, maxDepth)
	switch {
	case errors.Is(err, strictjson.ErrEmpty):
		return v, ErrBodyEmpty
	case errors.Is(err, strictjson.ErrNUL):
		return v, &Error{Status: 400, Type: typeInvalidRequest, Code: "parameter_invalid_string", Message: "A string holds the character U+0000, which is not allowed."}
	case err != nil:
		return v, ErrInvalidJSON.saying("The request body is not valid JSON: %v.", err)
	case v.Kind != strictjson.Object:
		return v, ErrInvalidJSON.saying("The request body must be a JSON object.")
	}
	return v, nil
}

// object reads the members of one JSON object by name and remembers which were asked for, so that the rest can be
// refused: a misspelled field must not be ignored where money is concerned. A member that is null counts as absent.
type object struct {
	value strictjson.Value
	at    string
	p     *problems
	asked map[string]bool
}

func newObject(v strictjson.Value, at string, p *problems) *object {
	return &object{value: v, at: at, p: p, asked: map[string]bool{}}
}

func (o *object) path(name string) string {
	if o.at == "" {
		return name
	}
	return o.at + "." + name
}

func (o *object) get(name string) (strictjson.Value, bool) {
	o.asked[name] = true
	v, ok := o.value.Get(name)
	return v, ok && v.Kind != strictjson.Null
}

func (o *object) text(name string) *string {
	v, ok := o.get(name)
	if !ok {
		return nil
	}
	if v.Kind != strictjson.String {
		o.p.add(o.path(name), "parameter_invalid_string", "%s must be a string.", o.path(name))
		return nil
	}
	return &v.Text
}

func (o *object) textOr(name, absent string) string {
	if s := o.text(name); s != nil {
		return *s
	}
	return absent
}

// integer takes plain integers only: 25.0, 2.5e3, "25" and true are refused, because a client that sends them counts in
// another unit than it thinks.
func (o *object) integer(name string) *int64 {
	v, ok := o.get(name)
	if !ok {
		return nil
	}
	if v.Kind != strictjson.Number || strings.ContainsAny(v.Text, ".eE") {
		o.p.add(o.path(name), "parameter_invalid_integer", "%s must be a whole number without fraction or exponent.", o.path(name))
		return nil
	}
	n, err := strconv.ParseInt(v.Text, 10, 64) // out of range gives the nearest int64, which the limits then refuse
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		o.p.add(o.path(name), "parameter_invalid_integer", "%s must be a whole number.", o.path(name))
		return nil
	}
	return &n
}

func (o *object) flag(name string) *bool {
	v, ok := o.get(name)
	if !ok {
		return nil
	}
	if v.Kind != strictjson.Bool {
		o.p.add(o.path(name), "parameter_invalid_string", "%s must be true or false.", o.path(name))
		return nil
	}
	yes := v.Text == "true"
	return &yes
}

// time takes Unix seconds or RFC 3339; absent is the zero time.
func (o *object) time(name string) time.Time {
	v, ok := o.get(name)
	if !ok {
		return time.Time{}
	}
	if v.Kind != strictjson.String && v.Kind != strictjson.Number {
		v.Text = ""
	}
	return timeParam(o.p, o.path(name), v.Text)
}

func (o *object) object(name string) (*object, bool) {
	v, ok := o.get(name)
	if !ok {
		return nil, false
	}
	if v.Kind != strictjson.Object {
		o.p.add(o.path(name), "parameter_invalid_string", "%s must be an object.", o.path(name))
		return nil, false
	}
	return newObject(v, o.path(name), o.p), true
}

func (o *object) array(name string) ([]strictjson.Value, bool) {
	v, ok := o.get(name)
	if !ok {
		return nil, false
	}
	if v.Kind != strictjson.Array {
		o.p.add(o.path(name), "parameter_invalid_string", "%s must be an array.", o.path(name))
		return nil, false
	}
	return v.Elems, true
}

// maxUnknown is how many unknown members of one object are told: a body can be made of nothing else, and its answer must
// not be a multiple of it.
const maxUnknown = 20

// rest refuses the members nobody asked for.
func (o *object) rest() {
	told := 0
	for _, m := range o.value.Members {
		if o.asked[m.Name] {
			continue
		}
		name := o.path(shorten(m.Name, 60))
		o.p.add(name, "parameter_unknown", "%s is not a parameter here.%s", name, o.twin(m.Name))
		if told++; told == maxUnknown {
			return
		}
	}
}

func (o *object) twin(name string) string {
	for known := range o.asked {
		if strings.EqualFold(known, name) {
			return fmt.Sprintf(" Did you mean %s?", known)
		}
	}
	return ""
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// decodeSession translates the body of POST /sessions. Problems of type land in p; rules are checked by normalize.
func decodeSession(v strictjson.Value, p *problems) SessionParams {
	o := newObject(v, "", p)
	params := SessionParams{
		LineItems:         decodeItems(o, p),
		SuccessURL:        o.textOr("success_url", ""),
		CancelURL:         o.textOr("cancel_url", ""),
		ClientReferenceID: o.textOr("client_reference_id", ""),
		Locale:            o.textOr("locale", ""),
		EmbedOrigin:       o.textOr("embed_origin", ""),
		LatePayment:       o.textOr("late_payment", ""),
		BillingDetails:    decodeBilling(o),
		PaymentMethods:    decodeMethods(o, p),
	}
	if email := o.text("customer_email"); email != nil {
		params.CustomerEmail = *email
		if *email == "" {
			p.add("customer_email", "email_invalid", "customer_email must not be empty. Leave it out to let the page ask.")
		}
	}
	if n := o.integer("expires_in"); n != nil {
		params.ExpiresIn = secondsOrOut(*n)
	}
	if m, ok := o.get("metadata"); ok {
		params.rawMetadata = m.Raw
	}
	o.rest()
	return params
}

// secondsOrOut keeps 0 and overflowing values outside the allowed range instead of letting them mean something else.
func secondsOrOut(n int64) time.Duration {
	if n <= 0 || n > int64(maxExpiresIn/time.Second) {
		return -1
	}
	return time.Duration(n) * time.Second
}

// decodeItems reads line_items or the older form, amount_cents with currency and description.
func decodeItems(o *object, p *problems) []LineItem {
	total, currency, description := o.integer("amount_cents"), o.text("currency"), o.text("description")
	elems, ok := o.array("line_items")
	if !ok {
		if total == nil && !p.has("amount_cents") {
			return nil
		}
		return olderForm(total, currency, description, p)
	}
	items := make([]LineItem, 0, min(len(elems), maxLineItems+1))
	for i, e := range elems {
		if i > maxLineItems {
			break // one more than allowed is enough to be refused
		}
		items = append(items, decodeItem(e, fmt.Sprintf("line_items[%d]", i), p))
	}
	mustAgree(items, total, currency, p)
	if description != nil {
		p.add("description", "parameter_unknown", "description belongs to the form with amount_cents. Describe each of line_items instead.")
	}
	return items
}

func decodeItem(v strictjson.Value, at string, p *problems) LineItem {
	if v.Kind != strictjson.Object {
		p.add(at, "parameter_invalid_string", "%s must be an object.", at)
		return LineItem{}
	}
	o := newObject(v, at, p)
	it := LineItem{
		Name:        o.textOr("name", ""),
		Currency:    o.textOr("currency", ""),
		Quantity:    1,
		Description: o.text("description"),
		ImageURL:    o.text("image_url"),
		SKU:         o.text("sku"),
		TaxRateBP:   o.integer("tax_rate_bp"),
		TaxName:     o.text("tax_name"),
	}
	if amount := o.integer("amount"); amount != nil {
		it.Amount = *amount
	} else {
		p.add(at+".amount", "parameter_missing", "%s.amount is required, in minor units.", at)
	}
	if quantity := o.integer("quantity"); quantity != nil {
		it.Quantity = *quantity
	}
	o.rest()
	return it
}

func olderForm(total *int64, currency, description *string, p *problems) []LineItem {
	p.alias = map[string]string{
		"line_items[0].amount": "amount_cents", "line_items[0].currency": "currency",
		"line_items[0].name": "description", "line_items": "amount_cents",
	}
	it := LineItem{Name: "Payment", Quantity: 1}
	if total != nil {
		it.Amount = *total
	}
	if currency != nil {
		it.Currency = *currency
	}
	if description != nil && strings.TrimSpace(*description) != "" {
		it.Name = *description
	}
	return []LineItem{it}
}

// mustAgree refuses a request that states the total twice, differently: one of the two is a mistake about money.
func mustAgree(items []LineItem, total *int64, currency *string, p *problems) {
	if total != nil {
		var sum int64
		for _, it := range items {
			if it.Amount < 0 || it.Amount > maxAmount || it.Quantity < 0 || it.Quantity > maxQuantity {
				return
			}
			sum += it.Total()
		}
		if sum != *total {
			p.add("amount_cents", "amount_mismatch", "amount_cents is not the total of line_items. Leave one of them out.")
		}
	}
	if currency != nil && len(items) > 0 && asciiLower(*currency) != asciiLower(items[0].Currency) {
		p.add("currency", "currency_mixed", "currency differs from the currency of line_items. Leave one of them out.")
	}
}

func decodeBilling(o *object) *BillingDetails {
	b, ok := o.object("billing_details")
	if !ok {
		return nil
	}
	d := &BillingDetails{Name: b.text("name"), Company: b.text("company"), TaxID: b.text("tax_id")}
	if a, ok := b.object("address"); ok {
		d.Address = &Address{
			Line1: a.text("line1"), Line2: a.text("line2"), City: a.text("city"),
			State: a.text("state"), PostalCode: a.text("postal_code"), Country: a.text("country"),
		}
		a.rest()
	}
	b.rest()
	return d
}

func decodeMethods(o *object, p *problems) []string {
	elems, ok := o.array("payment_methods")
	if !ok {
		return nil
	}
	methods := []string{}
	for i, e := range elems {
		if e.Kind != strictjson.String || i >= 50 {
			p.add("payment_methods", "payment_method_unavailable", "payment_methods must be a short list of method ids.")
			break
		}
		methods = append(methods, e.Text)
	}
	return methods
}
