package checkout

import (
	"net/http"
	"strings"

	"github.com/jopay/checkout/internal/ubl"
)

// DocumentXML writes an invoice or credit note as EN 16931 XML (UBL 2.1), in the German profile XRechnung between German
// businesses. Receipts, and invoices that the standard has no form for, are [ErrNoFormat].
func (c *Checkout) DocumentXML(d Document) ([]byte, error) {
	if d.Profile == "" {
		return nil, ErrNoFormat
	}
	return ubl.Marshal(c.ublOf(d))
}

// ublOf says a document in the terms of the standard, with the words of its own language.
func (c *Checkout) ublOf(d Document) ubl.Document {
	w := c.sheetWriterOf(d)
	out := ubl.Document{
		Profile: ubl.Profile(d.Profile), Number: d.Number, IssuedOn: d.IssuedOn, SuppliedOn: d.SuppliedOn, Currency: d.Currency,
		OrderReference: orEmpty(d.Reference), BuyerReference: firstOf(orEmpty(d.Reference), d.Number), Seller: ublParty(d.Seller), Buyer: ublParty(d.Buyer),
		Net: d.NetCents, Tax: d.TaxCents, Gross: d.GrossCents,
	}
	out.Buyer.TaxNumber, out.Buyer.VATID = "", euVATID(d.Buyer.VATID)
	if d.Corrects != nil {
		out.Corrects = &ubl.Reference{Number: d.Corrects.Number, IssuedOn: d.Corrects.IssuedOn}
	}
	for _, l := range d.Lines {
		out.Lines = append(out.Lines, ubl.Line{
			Name: w.lineName(l), Description: visible(l.Description), SKU: l.SKU, Quantity: l.Quantity, Net: l.NetCents, Category: l.Category, RateBP: l.RateBP,
		})
	}
	for _, t := range d.Taxes {
		out.Taxes = append(out.Taxes, ubl.Tax{Category: t.Category, RateBP: t.RateBP, Net: t.NetCents, Tax: t.TaxCents, Reason: w.reason(t)})
	}
	return out
}

// euVATID is a tax number as the standard has it, with its country and without spaces. One that names no country stands on the
// document only.
func euVATID(taxID string) string {
	id := strings.ToUpper(strings.Join(strings.Fields(taxID), ""))
	if !vatIDRule.MatchString(id) || !ubl.NamesCountry(id) {
		return ""
	}
	return id
}

func ublParty(p DocumentParty) ubl.Party {
	return ubl.Party{
		Name: p.Name, Line1: p.Line1, Line2: p.Line2, PostalCode: p.PostalCode, City: p.City, State: p.State, Country: p.Country,
		VATID: p.VATID, TaxNumber: p.TaxNumber, Contact: p.Contact, Phone: p.Phone, Email: p.Email,
	}
}

// xmlProfile is the first profile in which the document can be written: XRechnung where both are German and the buyer is a
// business, with a company's name or a tax number, which is who has to be sent one, then plain EN 16931. Empty means that there is no XML, for a currency with three
// digits for example: the invoice is one all the same.
func (c *Checkout) xmlProfile(d Document, business bool) string {
	var profiles []string
	if d.Seller.Country == "DE" && d.Buyer.Country == "DE" && business {
		profiles = append(profiles, string(ubl.XRechnung))
	}
	d.Number, d.IssuedOn = "0", c.day(c.now()) // it has none yet
	for _, profile := range append(profiles, string(ubl.EN16931)) {
		d.Profile = profile
		if _, err := ubl.Marshal(c.ublOf(d)); err == nil {
			return profile
		}
	}
	return ""
}

// getDocumentXML is GET /invoices/{id}/xml.
func (c *Checkout) getDocumentXML(w http.ResponseWriter, r *http.Request) error {
	d, err := c.documentOfKey(r)
	if err != nil {
		return err
	}
	return c.writeXML(w, *d)
}

// getDocumentPageXML is GET /checkout/documents/{id}/xml?key=.
func (c *Checkout) getDocumentPageXML(w http.ResponseWriter, r *http.Request) error {
	d, err := c.issuedOfPage(r)
	if err != nil {
		return err
	}
	return c.writeXML(w, *d)
}

func (c *Checkout) writeXML(w http.ResponseWriter, d Document) error {
	content, err := c.DocumentXML(d)
	if err != nil {
		return err
	}
	writeFile(w, "application/xml", fileName(d)+".xml", content)
	return nil
}
