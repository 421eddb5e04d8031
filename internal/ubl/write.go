package ubl

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/jopay/checkout/internal/money"
)

const (
	typeInvoice    = "380" // UNCL 1001
	typeCreditNote = "381"
	unitPiece      = "C62" // UN/ECE Recommendation 20: one
	schemeVAT      = "VAT"
	schemeTax      = "FC" // a national tax number
	schemeEmail    = "EM" // of the electronic address lists
	priceDecimals  = 6    // of net prices of one piece
	processID      = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
)

// customization is BT-24 of each profile.
var customization = map[Profile]string{
	EN16931:   "urn:cen.eu:en16931:2017",
	XRechnung: "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0",
}

// root is the document as encoding/xml writes it.
func (d Document) root() any {
	h := head{
		Aggregate: nsAggregate, Basic: nsBasic, CustomizationID: customization[d.Profile], ProfileID: processID,
		ID: clean(d.Number), IssueDate: d.IssuedOn,
	}
	m := d.middle()
	if d.Corrects != nil {
		h.Namespace = nsCreditNote
		m.PaymentMeans.DueDate = d.DueOn
		return creditNote{head: h, TaxPointDate: d.TaxPointOn, TypeCode: typeCreditNote, Note: clean(d.Note), middle: m, Lines: d.lines()}
	}
	h.Namespace = nsInvoice
	return invoice{head: h, DueDate: d.DueOn, TypeCode: typeInvoice, Note: clean(d.Note), TaxPointDate: d.TaxPointOn, middle: m, Lines: d.lines()}
}

func (d Document) middle() middle {
	m := middle{
		Currency: upper(d.Currency), BuyerReference: clean(d.BuyerReference), OrderID: identified(d.OrderReference),
		Seller: d.seller(), Buyer: d.Buyer.party(), Delivery: d.delivery(),
		PaymentMeans: means{Code: cmp.Or(d.PaymentMeans, PaymentOnline)},
		TaxTotal:     taxTotal{Amount: d.amount(d.Tax)},
		Totals: totals{
			Lines: d.amount(d.Net), TaxExclusive: d.amount(d.Net), TaxInclusive: d.amount(d.Gross), Prepaid: d.amount(d.Gross), Payable: d.amount(0),
		},
	}
	if d.Corrects != nil {
		m.Corrects = &reference{clean(d.Corrects.Number), d.Corrects.IssuedOn}
	}
	for _, t := range d.Taxes {
		c := categoryOf(t.Category, t.RateBP)
		c.Percent = percent(t.RateBP) // BR-DE-14 wants it even where there is none
		c.ReasonCode = exemptionCodes[t.Category]
		if t.Category != "S" && t.Category != "Z" { // which have none: BR-S-10, BR-Z-10
			c.Reason = clean(t.Reason)
		}
		m.TaxTotal.Groups = append(m.TaxTotal.Groups, taxGroup{d.amount(t.Net), d.amount(t.Tax), c})
	}
	return m
}

// seller is a party that the buyer can look up: without a VAT ID its tax number is its identifier too (BR-CO-26).
func (d Document) seller() party {
	p := d.Seller.party()
	if d.Seller.TaxNumber != "" {
		p.TaxScheme = append(p.TaxScheme, taxNumber{clean(d.Seller.TaxNumber), schemeTax})
	}
	if d.Seller.VATID == "" {
		p.ID = identified(d.Seller.TaxNumber)
	}
	return p
}

func (p Party) party() party {
	out := party{Address: p.address(), Name: clean(p.Name)}
	if p.Email != "" {
		out.Endpoint = &endpoint{schemeEmail, clean(p.Email)}
	}
	if p.VATID != "" {
		out.TaxScheme = []taxNumber{{clean(p.VATID), schemeVAT}}
	}
	if c := (contact{clean(p.Contact), clean(p.Phone), clean(p.Email)}); c != (contact{}) {
		out.Contact = &c
	}
	return out
}

func (p Party) address() address {
	return address{clean(p.Line1), clean(p.Line2), clean(p.City), clean(p.PostalCode), clean(p.State), p.Country}
}

// delivery says when the goods came, and for those that crossed a border inside the EU also where to (BR-IC-12).
func (d Document) delivery() *delivery {
	if d.SuppliedOn == "" {
		return nil
	}
	out := &delivery{Date: d.SuppliedOn}
	if groupOf(d.Taxes, "K", 0) >= 0 {
		a := d.Buyer.address()
		out.Address = &a
	}
	return out
}

func (d Document) lines() []line {
	list := make([]line, len(d.Lines))
	for i, l := range d.Lines {
		q := &quantity{unitPiece, l.Quantity}
		list[i] = line{
			ID: i + 1, Net: d.amount(l.Net), Price: d.price(l),
			Item: item{Description: clean(l.Description), Name: clean(l.Name), SKU: identified(l.SKU), Category: categoryOf(l.Category, l.RateBP)},
		}
		if d.Corrects != nil {
			list[i].Credited = q
		} else {
			list[i].Invoiced = q
		}
	}
	return list
}

// price is what one piece costs before tax. Where six decimals cannot say it so that quantity and price give the line's
// net amount, the price is that of the whole quantity (BT-149).
func (d Document) price(l Line) price {
	exponent, _ := money.Exponent(d.Currency)
	if unit, ok := unitPrice(l.Net, l.Quantity, exponent); ok {
		return price{Amount: amount{upper(d.Currency), unit}}
	}
	return price{Amount: d.amount(l.Net), Base: &quantity{unitPiece, l.Quantity}}
}

// unitPrice is net/quantity rounded half up to six decimals, and whether that times quantity rounds to net again.
func unitPrice(net, quantity int64, exponent int) (string, bool) {
	scale := int64(1)
	for range priceDecimals - exponent {
		scale *= 10
	}
	scaled, ok := money.Mul(net, scale)
	if !ok || scaled > 1<<61 || quantity > 1<<61 {
		return "", false
	}
	unit := (scaled + quantity/2) / quantity
	product, ok := money.Mul(unit, quantity)
	if !ok || (product+scale/2)/scale != net {
		return "", false
	}
	return shortDecimal(unit, priceDecimals, exponent), true
}

// shortDecimal writes n with the last of decimals places as its unit, without zeros at the end beyond the first least.
func shortDecimal(n int64, decimals, least int) string {
	digits := strconv.FormatInt(n, 10)
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - decimals
	fraction := digits[point:]
	for len(fraction) > least && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return digits[:point]
	}
	return digits[:point] + "." + fraction
}

func categoryOf(code string, rateBP int64) category {
	c := category{ID: code, Percent: percent(rateBP), Scheme: schemeVAT}
	if code == "O" { // BR-O-05
		c.Percent = ""
	}
	return c
}

func percent(rateBP int64) string { return shortDecimal(rateBP, 2, 0) }

func (d Document) amount(minor int64) amount {
	return amount{upper(d.Currency), money.Decimal(minor, d.Currency)}
}

func identified(value string) *id {
	if clean(value) == "" {
		return nil
	}
	return &id{clean(value)}
}

// clean is a text without space around it, which the rules would take for no text.
func clean(s string) string { return strings.TrimSpace(s) }
