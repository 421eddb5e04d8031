package ubl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/money"
)

// minRateBP is the lowest rate that BR-CO-17 accepts: it rounds rates to whole percents and wants no tax at 0.
const minRateBP = 50

// What XRechnung takes for an e-mail address (BR-DE-28) and a telephone number (BR-DE-27).
var (
	emailShape = regexp.MustCompile(`^[^@\s]+@([^@.\s]+\.)+[^@.\s]+$`)
	phoneShape = regexp.MustCompile(`[0-9].*[0-9].*[0-9]`)
)

// checker keeps the first problem.
type checker struct{ err *FieldError }

func (c *checker) require(ok bool, field, problem string, args ...any) {
	if !ok && c.err == nil {
		c.err = &FieldError{Field: field, Problem: fmt.Sprintf(problem, args...)}
	}
}

func (c *checker) filled(value, field string) {
	c.require(strings.TrimSpace(value) != "", field, "is required")
}

func (c *checker) date(value, field string) {
	_, err := time.Parse(time.DateOnly, value)
	c.require(value == "" || err == nil, field, "%q is not a date as YYYY-MM-DD", value)
}

// check holds a document to what the rules ask for and this package cannot add.
func (d Document) check() error {
	c := &checker{}
	c.require(d.Profile == EN16931 || d.Profile == XRechnung, "profile", "%q is neither en16931 nor xrechnung", d.Profile)
	c.currency(d.Currency)
	c.filled(d.Number, "number")
	c.filled(d.IssuedOn, "issued_on")
	c.date(d.IssuedOn, "issued_on")
	c.date(d.DueOn, "due_on")
	c.date(d.TaxPointOn, "tax_point_on")
	c.date(d.SuppliedOn, "supplied_on")
	if d.Corrects != nil {
		c.filled(d.Corrects.Number, "corrects.number")
		c.date(d.Corrects.IssuedOn, "corrects.issued_on")
	}
	c.party(d.Seller, "seller")
	c.party(d.Buyer, "buyer")
	c.require(d.Seller.VATID != "" || d.Seller.TaxNumber != "", "seller.vat_id", "is required, or seller.tax_number")
	c.sums(d)
	for i, t := range d.Taxes {
		c.tax(d, t, fmt.Sprintf("taxes[%d]", i))
	}
	if d.Profile == XRechnung {
		c.xrechnung(d)
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

func (c *checker) currency(code string) {
	exponent, known := money.Exponent(code)
	c.require(known, "currency", "%q is not a currency of ISO 4217", code)
	if c.err == nil && !CurrencyFits(code) {
		problem := fmt.Sprintf("%s has %d decimals and EN 16931 allows 2", upper(code), exponent)
		if exponent <= 2 {
			problem = fmt.Sprintf("%s is not on the list of EN 16931", upper(code))
		}
		c.err = &FieldError{Field: "currency", Problem: problem, Err: ErrCurrency}
	}
}

func (c *checker) party(p Party, field string) {
	c.filled(p.Name, field+".name")
	c.require(countries[p.Country], field+".country", "%q is not a country of ISO 3166-1", p.Country)
	c.require(p.VATID == "" || NamesCountry(p.VATID), field+".vat_id", "%q does not begin with a country", p.VATID)
}

// NamesCountry tells whether a VAT identifier begins with a country, as BR-CO-09 asks for. Greece's is EL.
func NamesCountry(vatID string) bool {
	prefix := vatID[:min(2, len(vatID))]
	return len(vatID) > 2 && (countries[prefix] || prefix == "EL")
}

// sums holds lines, groups and totals against each other, so that no figure of the XML can contradict another.
func (c *checker) sums(d Document) {
	c.require(len(d.Lines) > 0, "lines", "are required")
	nets := make([]int64, len(d.Taxes))
	for i, l := range d.Lines {
		field := fmt.Sprintf("lines[%d]", i)
		c.filled(l.Name, field+".name")
		c.require(l.Quantity > 0, field+".quantity", "%d is not positive", l.Quantity)
		c.require(l.Net >= 0, field+".net", "%d is negative", l.Net)
		group := groupOf(d.Taxes, l.Category, l.RateBP)
		c.require(group >= 0, field+".category", "no entry of taxes has %s and %d", l.Category, l.RateBP)
		if group >= 0 {
			nets[group] = c.add(nets[group], l.Net, field+".net")
		}
	}
	var net, tax int64
	for i, t := range d.Taxes {
		field := fmt.Sprintf("taxes[%d]", i)
		c.require(groupOf(d.Taxes, t.Category, t.RateBP) == i, field, "has the category and rate of an earlier one")
		c.require(nets[i] == t.Net, field+".net", "is %d, its lines add up to %d", t.Net, nets[i])
		net, tax = c.add(net, t.Net, field+".net"), c.add(tax, t.Tax, field+".tax")
	}
	c.require(net == d.Net, "net", "is %d, taxes add up to %d", d.Net, net)
	c.require(tax == d.Tax, "tax", "is %d, taxes add up to %d", d.Tax, tax)
	gross := c.add(net, tax, "gross")
	c.require(gross == d.Gross, "gross", "is %d, net and tax add up to %d", d.Gross, gross)
}

// groupOf is where a category and rate stand in taxes, or -1.
func groupOf(taxes []Tax, category string, rateBP int64) int {
	return slices.IndexFunc(taxes, func(t Tax) bool { return t.Category == category && t.RateBP == rateBP })
}

func (c *checker) add(a, b int64, field string) int64 {
	sum, ok := money.Add(a, b)
	c.require(ok, field, "is too large")
	return sum
}

// tax checks a group, and what its category asks of the rest of the document.
func (c *checker) tax(d Document, t Tax, field string) {
	c.require(categories[t.Category], field+".category", "%q is not one of S, Z, E, AE, K, G and O", t.Category)
	c.require(t.Tax >= 0, field+".tax", "%d is negative", t.Tax)
	if t.Category == "S" {
		c.require(t.RateBP >= minRateBP, field+".rate_bp", "%d is below %d, which EN 16931 takes for no rate at all", t.RateBP, minRateBP)
		c.require(nearRate(t, d.Currency), field+".tax", "%d is one or more away from %d basis points of %d", t.Tax, t.RateBP, t.Net)
		return
	}
	c.require(t.RateBP == 0, field+".rate_bp", "category %s has no rate", t.Category)
	c.require(t.Tax == 0, field+".tax", "category %s has no tax", t.Category)
	switch t.Category {
	case "E":
		c.filled(t.Reason, field+".reason")
	case "AE":
		c.filled(d.Buyer.VATID, "buyer.vat_id")
	case "K":
		c.filled(d.Seller.VATID, "seller.vat_id")
		c.filled(d.Buyer.VATID, "buyer.vat_id")
		c.filled(d.SuppliedOn, "supplied_on")
	case "G":
		c.filled(d.Seller.VATID, "seller.vat_id")
	case "O":
		c.require(d.Seller.VATID == "", "seller.vat_id", "may not stand on a document outside VAT")
		c.require(d.Buyer.VATID == "", "buyer.vat_id", "may not stand on a document outside VAT")
		c.require(len(d.Taxes) == 1, "taxes", "category O stands alone")
	}
}

// nearRate tells whether a group's tax is less than one whole unit of the currency away from net times rate, rounded to
// two decimals, as BR-CO-17 has it. Tax that is taken out of gross amounts always is, but for rates near 100 % in
// currencies without decimals.
func nearRate(t Tax, currency string) bool {
	exponent, _ := money.Exponent(currency)
	unit := int64(10000)
	for range exponent {
		unit *= 10
	}
	fromRate, ok := money.Mul(t.Net, t.RateBP)
	tax, fits := money.Mul(t.Tax, 10000)
	difference := max(fromRate-tax, tax-fromRate)
	return ok && fits && difference < unit-unit/200
}

// xrechnung checks what the German profile asks for in addition: BR-DE-2 to BR-DE-9 and BR-DE-15, and the electronic
// addresses that its transports need.
func (c *checker) xrechnung(d Document) {
	c.filled(d.BuyerReference, "buyer_reference")
	for _, p := range []struct {
		name string
		Party
	}{{"seller", d.Seller}, {"buyer", d.Buyer}} {
		c.filled(p.City, p.name+".city")
		c.filled(p.PostalCode, p.name+".postal_code")
		c.require(emailShape.MatchString(p.Email), p.name+".email", "%q is not an address", p.Email)
	}
	c.filled(d.Seller.Contact, "seller.contact")
	c.require(phoneShape.MatchString(d.Seller.Phone), "seller.phone", "%q has fewer than three digits", d.Seller.Phone)
}
