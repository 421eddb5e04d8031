package checkout

import (
	"slices"
	"strings"

	"github.com/jopay/checkout/internal/money"
)

// The tax categories of documents (UN/CEFACT 5305) that an order can say: a rate, a rate of zero, or exempt.
const (
	taxStandard = "S"
	taxZero     = "Z"
	taxExempt   = "E"
)

// smallBusinessReason marks the exemption of small businesses, which every document words in its own language.
const smallBusinessReason = "small_business"

// taxGroup is what lines of one category, rate and name have in common. EN 16931 knows category and rate only, so that
// names that differ are one group there and here.
type taxGroup struct {
	category string
	rateBP   int64
}

// groupOf reads an item: a rate of zero with a name is an exemption, and the name says why.
func groupOf(it LineItem, smallBusiness bool) taxGroup {
	switch {
	case smallBusiness:
		return taxGroup{category: taxExempt}
	case it.TaxRateBP == nil || *it.TaxRateBP == 0 && !filled(orEmpty(it.TaxName)):
		return taxGroup{category: taxZero}
	case *it.TaxRateBP == 0:
		return taxGroup{category: taxExempt}
	default:
		return taxGroup{category: taxStandard, rateBP: *it.TaxRateBP}
	}
}

// reasonOf says why an item has no tax.
func reasonOf(it LineItem, g taxGroup, smallBusiness bool) string {
	switch {
	case smallBusiness:
		return smallBusinessReason
	case g.category == taxExempt:
		return orEmpty(it.TaxName)
	}
	return ""
}

// documentLines turns items into lines. Amounts are gross; the net of a line is filled in by [splitTax].
func documentLines(items []LineItem, smallBusiness bool) ([]DocumentLine, []DocumentTax) {
	var lines []DocumentLine
	var taxes []DocumentTax
	for _, it := range items {
		g := groupOf(it, smallBusiness)
		lines = append(lines, DocumentLine{
			Name: it.Name, Description: orEmpty(it.Description), SKU: orEmpty(it.SKU), Quantity: it.Quantity,
			UnitCents: it.Amount, GrossCents: it.Total(), RateBP: g.rateBP, Category: g.category,
		})
		i := slices.IndexFunc(taxes, func(t DocumentTax) bool { return t.Category == g.category && t.RateBP == g.rateBP })
		if i < 0 {
			i = len(taxes)
			taxes = append(taxes, DocumentTax{Category: g.category, RateBP: g.rateBP, Name: orEmpty(it.TaxName), Reason: reasonOf(it, g, smallBusiness)})
		}
		taxes[i].GrossCents += it.Total()
		taxes[i].addReason(reasonOf(it, g, smallBusiness))
	}
	splitTax(lines, taxes)
	return lines, taxes
}

// addReason keeps every reason once: each may be a wording that the law asks for (Directive 2006/112/EC Art. 226 no. 11).
func (t *DocumentTax) addReason(reason string) {
	if !slices.Contains(strings.Split(t.Reason, reasonSeparator), reason) {
		t.Reason += reasonSeparator + reason
	}
}

const reasonSeparator = "; "

// splitTax takes the tax out of the gross sum of each group, not line by line, so that net and tax always add up to the
// money paid; the net of a group is handed to its lines by largest remainder. Taking the net first misses the total for
// 16 % of all amounts at 19 %.
func splitTax(lines []DocumentLine, taxes []DocumentTax) {
	for i := range taxes {
		t := &taxes[i]
		t.TaxCents = money.TaxIncluded(t.GrossCents, int(t.RateBP))
		t.NetCents = t.GrossCents - t.TaxCents
		var members []*DocumentLine
		var weights []int64
		for j := range lines {
			if lines[j].Category == t.Category && lines[j].RateBP == t.RateBP {
				members = append(members, &lines[j])
				weights = append(weights, lines[j].GrossCents)
			}
		}
		for j, share := range apportion(t.NetCents, weights) {
			members[j].NetCents = share
		}
	}
}

// apportion divides total among weights by largest remainder; the first of equals gets more. The shares add up to total,
// and none is more than its weight where total is not more than the sum of the weights. Weights and total are not negative
// and at most 99,999,999 each, so that no product overflows.
func apportion(total int64, weights []int64) []int64 {
	shares := make([]int64, len(weights))
	var sum int64
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		return shares
	}
	left := total
	order := make([]int, len(weights))
	for i, w := range weights {
		shares[i] = total * w / sum
		left -= shares[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(min(1, max(-1, total*weights[b]%sum-total*weights[a]%sum)))
	})
	for _, i := range order[:left] {
		shares[i]++
	}
	return shares
}

// creditTaxes divides money that is paid back among the groups of a document, in proportion to what is left of each. before
// is what earlier credit notes have taken. A group's tax is what its gross so far contains less what was taken, so that
// credit notes for all the money take exactly all the tax.
func creditTaxes(amount int64, of, before []DocumentTax) []DocumentTax {
	left := make([]int64, len(of))
	for i, t := range of {
		left[i] = t.GrossCents - before[i].GrossCents
	}
	var taxes []DocumentTax
	for i, gross := range apportion(amount, left) {
		if gross == 0 {
			continue
		}
		t := of[i]
		t.GrossCents = gross
		t.TaxCents = money.TaxIncluded(before[i].GrossCents+gross, int(t.RateBP)) - before[i].TaxCents
		t.NetCents = gross - t.TaxCents
		taxes = append(taxes, t)
	}
	return taxes
}

// sumTaxes are the totals of a document.
func sumTaxes(taxes []DocumentTax) (net, tax, gross int64) {
	for _, t := range taxes {
		net, tax, gross = net+t.NetCents, tax+t.TaxCents, gross+t.GrossCents
	}
	return net, tax, gross
}
