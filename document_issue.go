package checkout

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/ubl"
)

// documentOf is the row that a completion or a refund leaves behind for the worker. It is nil where the host makes its own.
func (c *Checkout) documentOf(s sessionRecord, at int64) *documentRecord {
	if c.cfg.Documents.Off {
		return nil
	}
	return &documentRecord{ID: newID(prefixDocument, c.now()), Mode: s.Mode, SessionID: s.ID, Currency: s.Currency, Gross: s.Amount, NextAt: at, CreatedAt: at}
}

// creditOf is the row of a refund that has taken money out of a completed session which has a document.
func (c *Checkout) creditOf(s sessionRecord, r refundRecord, at int64) *documentRecord {
	d := c.documentOf(s, at)
	if d == nil || s.DocumentID == nil {
		return nil
	}
	d.RefundID, d.Gross = &r.ID, r.Amount
	return d
}

// draft is a document without its number.
type draft struct {
	rec     documentRecord
	doc     Document
	session sessionRecord
	series  string
	year    int
}

// newDraft writes what a session's own document says. Sessions that are completed do not change in any of this.
func (c *Checkout) newDraft(rec documentRecord, s sessionRecord, method string) (draft, error) {
	items, err := s.items()
	if err != nil {
		return draft{}, err
	}
	d := draft{rec: rec, session: s, doc: c.blankDocument(rec, s)}
	d.doc.Method = pointer(method)
	d.doc.Lines, d.doc.Taxes = documentLines(items, c.cfg.Seller.SmallBusiness)
	d.doc.NetCents, d.doc.TaxCents, d.doc.GrossCents = sumTaxes(d.doc.Taxes)
	if d.doc.GrossCents != s.Amount {
		return d, fmt.Errorf("the items add up to %d, the session to %d", d.doc.GrossCents, s.Amount)
	}
	d.doc.Kind = KindReceipt
	if len(c.preflight(s, items, d.doc.Buyer)) == 0 {
		d.doc.Kind = KindInvoice
		d.doc.Profile = c.xmlProfile(d.doc, isBusiness(s))
	}
	d.name(c)
	return d, nil
}

// blankDocument is what all documents of a session have in common, but for the day of issue.
func (c *Checkout) blankDocument(rec documentRecord, s sessionRecord) Document {
	supplied := s.CreatedAt
	if s.CompletedAt != nil {
		supplied = *s.CompletedAt
	}
	return Document{
		ID: rec.ID, Object: "invoice", Livemode: s.Mode == Live, SessionID: s.ID, RefundID: rec.RefundID,
		SuppliedOn: c.day(fromMillis(supplied)),
		Locale:     c.documentLocale(s), Currency: s.Currency, Reference: s.Reference, Seller: c.cfg.Seller.party(), Buyer: partyOf(s),
	}
}

// day is a moment's date where the seller is.
func (c *Checkout) day(t time.Time) string { return t.In(c.cfg.Seller.TimeZone).Format(time.DateOnly) }

// documentLocale is the language the buyer has paid in, else the merchant's wish.
func (c *Checkout) documentLocale(s sessionRecord) string {
	if s.BuyerLocale != nil {
		return *s.BuyerLocale
	}
	if s.Locale != "" && s.Locale != "auto" {
		return s.Locale
	}
	return fallbackLang
}

func (s Seller) party() DocumentParty {
	a := s.Address
	return DocumentParty{
		Name: s.LegalName, Line1: a.Line1, Line2: a.Line2, PostalCode: a.PostalCode, City: a.City, State: a.State, Country: a.Country,
		VATID: s.VATID, TaxNumber: s.TaxNumber, Contact: s.Contact, Email: s.Email, Phone: s.Phone,
	}
}

// isBusiness tells buyers who named a company or a tax number.
func isBusiness(s sessionRecord) bool {
	var b BillingDetails
	return s.Billing != nil && json.Unmarshal([]byte(*s.Billing), &b) == nil && filled(orEmpty(b.Company)+orEmpty(b.TaxID))
}

// partyOf is who paid, as far as the merchant knows. A company comes before a person, who becomes the contact.
func partyOf(s sessionRecord) DocumentParty {
	p := DocumentParty{Email: orEmpty(s.CustomerEmail)}
	var b BillingDetails
	if s.Billing == nil || json.Unmarshal([]byte(*s.Billing), &b) != nil { // written by newSession
		return p
	}
	p.Name, p.VATID = orEmpty(b.Name), orEmpty(b.TaxID)
	if company := orEmpty(b.Company); filled(company) {
		p.Name, p.Contact = company, p.Name
	}
	if a := b.Address; a != nil {
		p.Line1, p.Line2, p.PostalCode, p.City = orEmpty(a.Line1), orEmpty(a.Line2), orEmpty(a.PostalCode), orEmpty(a.City)
		p.State, p.Country = orEmpty(a.State), orEmpty(a.Country)
	}
	return p
}

// seriesMark keeps the kinds of documents in series of their own.
var seriesMark = map[DocumentKind]string{KindInvoice: "", KindCreditNote: "C-", KindReceipt: "R-", KindRefundReceipt: "RR-"}

// name gives a draft its series: the mode's, the host's prefix, the kind's. The day comes with the number.
func (d *draft) name(c *Checkout) {
	d.series = c.seriesOf(d.session.Mode, d.doc.Kind)
}

// yearOf is the year of the series at a moment: where the seller is, as the day of issue.
func (c *Checkout) yearOf(at time.Time) int { return at.In(c.cfg.Seller.TimeZone).Year() }

// stamp dates a draft.
func (d *draft) stamp(c *Checkout, at time.Time) {
	d.year, d.doc.IssuedOn, d.doc.IssuedAt = c.yearOf(at), c.day(at), at.Truncate(time.Second)
}

func (c *Checkout) seriesOf(m Mode, kind DocumentKind) string {
	series := c.cfg.Documents.Prefix + seriesMark[kind]
	if m == Test {
		series = "TEST-" + series
	}
	return series
}

// documentNumber is what splitNumber takes apart.
func documentNumber(series string, year int, counter int64) string {
	return fmt.Sprintf("%s%d-%06d", series, year, counter)
}

// number ends a draft: from here on every byte stays.
func (d *draft) number(n int64) error {
	d.doc.Number = documentNumber(d.series, d.year, n)
	content, err := text(d.doc)
	if err != nil {
		return err
	}
	kind, sum, issued := string(d.doc.Kind), sha256Hex(content), millis(d.doc.IssuedAt)
	r := &d.rec
	r.Kind, r.Series, r.Year, r.Counter, r.Number, r.Tax = &kind, &d.series, &d.year, &n, &d.doc.Number, &d.doc.TaxCents
	r.Content, r.SHA256, r.IssuedAt, r.State = &content, &sum, &issued, documentIssued
	r.Buyer = pointer(firstOf(d.doc.Buyer.Name, d.doc.Buyer.Email))
	return nil
}

func firstOf(list ...string) string {
	for _, s := range list {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}

// newCredit writes what the document of a refund says: the lines of the original where all of it goes back at once, else
// one line for each rate.
func (c *Checkout) newCredit(rec documentRecord, s sessionRecord, original Document, earlier []Document) (draft, error) {
	d := draft{rec: rec, session: s, doc: c.blankDocument(rec, s)}
	d.doc.Kind = KindRefundReceipt
	if original.Kind == KindInvoice {
		d.doc.Kind = KindCreditNote
	}
	d.doc.Corrects = &DocumentRef{original.ID, original.Number, original.IssuedOn}
	d.doc.Seller, d.doc.Buyer, d.doc.Locale, d.doc.SuppliedOn, d.doc.Method = original.Seller, original.Buyer, original.Locale, original.SuppliedOn, original.Method
	before := creditedBefore(original, earlier)
	_, _, credited := sumTaxes(before)
	if rec.Gross > original.GrossCents-credited {
		return d, fmt.Errorf("%d are paid back, %d are left of document %s", rec.Gross, original.GrossCents-credited, original.Number)
	}
	d.doc.Taxes = creditTaxes(rec.Gross, original.Taxes, before)
	if rec.Gross == original.GrossCents {
		d.doc.Lines, d.doc.Taxes = original.Lines, original.Taxes
	} else {
		d.doc.Lines = creditLines(d.doc.Taxes)
	}
	d.doc.NetCents, d.doc.TaxCents, d.doc.GrossCents = sumTaxes(d.doc.Taxes)
	if d.doc.Kind == KindCreditNote {
		d.doc.Profile = c.xmlProfile(d.doc, original.Profile == string(ubl.XRechnung))
	}
	d.name(c)
	return d, nil
}

// creditedBefore is what earlier credit notes have taken of each group of the original.
func creditedBefore(original Document, earlier []Document) []DocumentTax {
	before := make([]DocumentTax, len(original.Taxes))
	for _, e := range earlier {
		for _, t := range e.Taxes {
			for i, o := range original.Taxes {
				if o.Category == t.Category && o.RateBP == t.RateBP {
					before[i].GrossCents += t.GrossCents
					before[i].TaxCents += t.TaxCents
					before[i].NetCents += t.NetCents
				}
			}
		}
	}
	return before
}

// creditLines have no name: what they are for is worded in the language of whoever reads them.
func creditLines(taxes []DocumentTax) []DocumentLine {
	lines := make([]DocumentLine, len(taxes))
	for i, t := range taxes {
		lines[i] = DocumentLine{Quantity: 1, UnitCents: t.GrossCents, GrossCents: t.GrossCents, NetCents: t.NetCents, RateBP: t.RateBP, Category: t.Category}
	}
	return lines
}

// document reads what was issued.
func (r documentRecord) document() (d Document, err error) {
	if r.Content == nil {
		return d, ErrNotFound
	}
	return d, json.Unmarshal([]byte(*r.Content), &d)
}
