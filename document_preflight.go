package checkout

import (
	"strings"
	"unicode"

	"github.com/bojanz/currency"
)

// omission is a detail without which a document must not be called an invoice (Directive 2006/112/EC Art. 226; § 14(4)
// UStG). The value is a key under "omission." in the admin's catalogue.
type omission string

// What can be missing.
const (
	noSellerName     omission = "seller_name"
	noSellerStreet   omission = "seller_street"
	noSellerPostcode omission = "seller_postcode"
	noSellerCity     omission = "seller_city"
	noSellerCountry  omission = "seller_country"
	noSellerTaxID    omission = "seller_tax_id"
	noTaxRate        omission = "tax_rate"         // an item does not say its rate
	taxOfSmall       omission = "tax_of_small"     // an item has a rate although the seller charges none
	foreignCurrency  omission = "foreign_currency" // the tax would have to be stated in the seller's currency too
	noBuyerName      omission = "buyer_name"
	noBuyerAddress   omission = "buyer_address"
	noBuyerCountry   omission = "buyer_country"
)

// sellerOmissions are those that the host's set-up decides.
func (s Seller) omissions() []omission {
	return missing([]need{
		{noSellerName, filled(s.LegalName)}, {noSellerStreet, filled(s.Address.Line1)}, {noSellerPostcode, filled(s.Address.PostalCode)},
		{noSellerCity, filled(s.Address.City)}, {noSellerCountry, s.Address.Country != ""}, {noSellerTaxID, s.VATID != "" || filled(s.TaxNumber)},
	})
}

// filled tells texts of which something can be seen.
func filled(s string) bool {
	return strings.ContainsFunc(visible(s), func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Mn, unicode.Cf)
	})
}

type need struct {
	name  omission
	given bool
}

func missing(needs []need) (list []omission) {
	for _, n := range needs {
		if !n.given {
			list = append(list, n.name)
		}
	}
	return list
}

// preflight lists what keeps an order's document from being an invoice. A small amount needs no buyer, where the host has
// said so and the buyer is not known to be abroad: Art. 220a and 238, § 33 UStDV.
func (c *Checkout) preflight(s sessionRecord, items []LineItem, buyer DocumentParty) []omission {
	list := append(c.cfg.Seller.omissions(), taxOmissions(items, c.cfg.Seller.SmallBusiness)...)
	home, known := homeCurrency(c.cfg.Seller.Address.Country)
	list = append(list, missing([]need{{foreignCurrency, !known || home == s.Currency}})...)
	atHome := buyer.Country == "" || buyer.Country == c.cfg.Seller.Address.Country
	if small := c.cfg.Documents.SimplifiedUpTo[s.Currency]; s.Amount <= small && atHome {
		return list
	}
	return append(list, missing([]need{
		{noBuyerName, filled(buyer.Name)}, {noBuyerAddress, filled(buyer.Line1) && filled(buyer.City)}, {noBuyerCountry, buyer.Country != ""},
	})...)
}

// homeCurrency is a country's currency, ISO 4217 in lower case.
func homeCurrency(country string) (code string, ok bool) {
	code, ok = currency.ForCountryCode(country)
	return asciiLower(code), ok
}

func taxOmissions(items []LineItem, smallBusiness bool) []omission {
	rates, taxed := 0, 0
	for _, it := range items {
		if it.TaxRateBP != nil {
			rates++
			if *it.TaxRateBP > 0 {
				taxed++
			}
		}
	}
	if smallBusiness {
		return missing([]need{{taxOfSmall, taxed == 0}})
	}
	return missing([]need{{noTaxRate, rates == len(items)}})
}
