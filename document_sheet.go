package checkout

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// sheetWriter words a document in one language.
type sheetWriter struct {
	t            *texts
	lang, locale string
	d            Document
}

// sheetOf sets a document in the language it was issued in.
func (c *Checkout) sheetOf(d Document) Sheet {
	w := c.sheetWriterOf(d)
	s := Sheet{
		Lang: w.lang, Dir: w.say("dir"), Title: w.say("document."+string(d.Kind), "number", d.Number),
		Seller: w.party(d.Seller), Buyer: w.buyer(), BuyerWord: w.say("document.buyer"), Facts: w.facts(), Columns: w.columns(),
		Totals: w.totals(), Notes: w.notes(), Footer: w.footer(),
	}
	if l, err := readLogo(c.cfg.Brand.Logo); err == nil && l.extension != "svg" {
		s.Logo = l.content
	}
	if !d.Livemode {
		s.Test = w.say("document.test")
	}
	for _, l := range d.Lines {
		s.Lines = append(s.Lines, w.line(l))
	}
	return s
}

func (c *Checkout) sheetWriterOf(d Document) sheetWriter {
	lang, locale := c.pages.texts.locale(d.Locale)
	return sheetWriter{c.pages.texts, lang, locale, d}
}

func (w sheetWriter) say(key string, args ...any) string { return w.t.say(w.lang, key, args...) }

func (w sheetWriter) money(minor int64) string {
	return string(amountText(w.locale, minor, w.d.Currency))
}

// party is an address as it stands on a letter.
func (w sheetWriter) party(p DocumentParty) []string {
	a := PostalAddress{p.Line1, p.Line2, p.PostalCode, p.City, p.State, p.Country}
	lines := a.lines()
	if p.Name != "" {
		lines = append([]string{visible(p.Name)}, lines...)
	}
	if p.Country != "" {
		lines = append(lines, w.country(p.Country))
	}
	return lines
}

// country is its name in the language of the document, or its code where nobody has a name for it.
func (w sheetWriter) country(code string) string {
	region, err := language.ParseRegion(code)
	if namer := display.Regions(w.t.catalogues[w.lang].tag); err == nil && namer != nil {
		if name := namer.Name(region); name != "" {
			return name
		}
	}
	return code
}

func (w sheetWriter) buyer() []string {
	b := w.d.Buyer
	lines := w.party(b)
	if b.Contact != "" {
		lines = append(lines[:1:1], append([]string{visible(b.Contact)}, lines[1:]...)...)
	}
	if b.VATID != "" {
		lines = append(lines, w.say("document.vat_id")+" "+visible(b.VATID))
	}
	if b.Email != "" {
		lines = append(lines, visible(b.Email))
	}
	return lines
}

func (w sheetWriter) facts() []SheetFact {
	paid := "document.paid"
	if w.d.Corrects != nil {
		paid = "document.paid_back"
	}
	list := []SheetFact{{w.say("document.issued"), w.date(w.d.IssuedOn)}, {w.say("document.supplied"), w.date(w.d.SuppliedOn)}}
	if w.d.Corrects != nil {
		list = append(list, SheetFact{w.say("document.corrects"), w.say("document.of", "number", w.d.Corrects.Number, "date", w.date(w.d.Corrects.IssuedOn))})
	}
	if w.d.Reference != nil {
		list = append(list, SheetFact{w.say("document.order"), visible(*w.d.Reference)})
	}
	if w.d.Method != nil {
		list = append(list, SheetFact{w.say(paid), w.method(*w.d.Method)})
	}
	return list
}

func (w sheetWriter) method(id string) string {
	if key := "method." + id; w.t.has(key) {
		return w.say(key)
	}
	return id
}

// date writes YYYY-MM-DD as people do.
func (w sheetWriter) date(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return w.t.date(w.lang, t)
}

// date is a day as people write it.
func (t *texts) date(lang string, day time.Time) string {
	months := strings.Fields(t.say(lang, "months"))
	if len(months) != 12 {
		return day.Format(time.DateOnly)
	}
	return t.say(lang, "date", "day", strconv.Itoa(day.Day()), "month", months[day.Month()-1], "year", strconv.Itoa(day.Year()))
}

func (w sheetWriter) columns() SheetColumns {
	return SheetColumns{
		Name: w.say("column.item"), Quantity: w.say("document.quantity"), Unit: w.say("document.unit"), Rate: w.say("document.rate"), Amount: w.say("column.amount"),
	}
}

func (w sheetWriter) line(l DocumentLine) SheetLine {
	return SheetLine{
		Name: w.lineName(l), Detail: visible(l.Description), Quantity: strconv.FormatInt(l.Quantity, 10), Unit: w.money(l.UnitCents), Rate: w.rate(l.Category, l.RateBP),
		Amount: w.money(l.GrossCents),
	}
}

// lineName is empty in credit notes for a part.
func (w sheetWriter) lineName(l DocumentLine) string {
	return firstOf(visible(l.Name), w.say("document.part"))
}

// rate is empty where a document says nothing of taxes.
func (w sheetWriter) rate(category string, rateBP int64) string {
	if !w.taxed() {
		return ""
	}
	return w.t.rate(w.lang, int(rateBP))
}

// taxed tells whether the document shows taxes at all: an invoice always does, a receipt if there are some.
func (w sheetWriter) taxed() bool {
	return w.d.TaxCents != 0 || w.d.Kind == KindInvoice || w.d.Kind == KindCreditNote
}

func (w sheetWriter) totals() []SheetTotal {
	total := "document.total"
	if w.d.Corrects != nil {
		total = "document.total_back"
	}
	sum := SheetTotal{w.say(total), w.money(w.d.GrossCents), true}
	if !w.taxed() {
		return []SheetTotal{sum}
	}
	list := []SheetTotal{{w.say("document.net"), w.money(w.d.NetCents), false}}
	for _, t := range w.d.Taxes {
		name := visible(t.Name)
		if name == "" || t.Category != taxStandard {
			name = w.say("document.vat")
		}
		label := w.say("document.tax", "name", name, "rate", w.t.rate(w.lang, int(t.RateBP)), "net", amountText(w.locale, t.NetCents, w.d.Currency))
		list = append(list, SheetTotal{label, w.money(t.TaxCents), false})
	}
	return append(list, sum)
}

func (w sheetWriter) notes() (list []string) {
	if w.d.TaxCents != 0 {
		list = append(list, w.say("document.gross"))
	}
	for _, t := range w.d.Taxes {
		if t.Reason != "" {
			list = append(list, w.reason(t))
		}
	}
	if w.d.Kind == KindReceipt || w.d.Kind == KindRefundReceipt {
		list = append(list, w.say("document.no_invoice"))
	}
	return list
}

// reason says why there is no tax.
func (w sheetWriter) reason(t DocumentTax) string {
	if t.Reason == smallBusinessReason {
		return w.say("document.small_business", "law", w.smallBusinessLaw())
	}
	return visible(t.Reason)
}

func (w sheetWriter) smallBusinessLaw() string {
	if w.d.Seller.Country == "DE" {
		return "§ 19 UStG"
	}
	return "Art. 284, 2006/112/EC"
}

func (w sheetWriter) footer() (list []string) {
	s := w.d.Seller
	if s.VATID != "" {
		list = append(list, w.say("document.vat_id")+" "+s.VATID)
	}
	if s.TaxNumber != "" {
		list = append(list, w.say("document.tax_number")+" "+s.TaxNumber)
	}
	for _, part := range []string{s.Contact, s.Email, s.Phone} {
		if part != "" {
			list = append(list, part)
		}
	}
	return list
}

// sampleSheet has something in every part.
func sampleSheet() Sheet {
	return Sheet{
		Lang: "en", Dir: "ltr", Title: "Invoice 1", Test: "Test", Seller: []string{"Shop Ltd", "Street"}, Buyer: []string{"Ada", "Street"}, BuyerWord: "Billed to",
		Facts: []SheetFact{{"Date", "1 May"}}, Columns: SheetColumns{"Item", "Quantity", "Price", "VAT", "Amount"},
		Lines: []SheetLine{{"Beans", "Brown", "2", "€1.00", "19%", "€2.00"}}, Totals: []SheetTotal{{"Net", "€1.68", false}, {"Total", "€2.00", true}},
		Notes: []string{"Thank you."}, Footer: []string{"VAT ID DE123456789"},
	}
}
