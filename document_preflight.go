package checkout

import (
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
		{noSellerName, s.LegalName != ""}, {noSellerStreet, s.Address.Line1 != ""}, {noSellerPostcode, s.Address.PostalCode != ""},
		{noSellerCity, s.Address.City != ""}, {noSellerCountry, s.Address.Country != ""}, {noSellerTaxID, s.VATID != "" || s.TaxNumber != ""},
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
// said so: Art. 220a and 238, § 33 UStDV.
func (c *Checkout) preflight(s sessionRecord, items []LineItem, buyer DocumentParty) []omission {
	list := append(c.cfg.Seller.omissions(), taxOmissions(items, c.cfg.Seller.SmallBusiness)...)
	home, known := homeCurrency(c.cfg.Seller.Address.Country)
	list = append(list, missing([]need{{foreignCurrency, !known || home == s.Currency}})...)
	if small := c.cfg.Documents.SimplifiedUpTo[s.Currency]; s.Amount <= small {
		return list
	}
	return append(list, missing([]need{
		{noBuyerName, buyer.Name != ""}, {noBuyerAddress, buyer.Line1 != "" && buyer.City != ""}, {noBuyerCountry, buyer.Country != ""},
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
