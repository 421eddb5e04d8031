package checkout

import (
	"bytes"
	"html/template"
	"strings"
)

// sheetFrame is a document as a file: nothing is loaded, so that it reads and prints the same in ten years.
var sheetFrame = template.Must(template.New("sheet").Parse(`<!doctype html>
<html lang="{{.Sheet.Lang}}" dir="{{.Sheet.Dir}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Sheet.Title}}</title>
<style>{{.Style}}@media screen{main{padding-block-start:1.5rem}}</style>
</head>
<body>
<div class="page document">
<main>{{.Body}}</main>
</div>
</body>
</html>
`))

// sheetFile is a document as HTML that needs no other file, in the look of the page.
func (c *Checkout) sheetFile(s Sheet) ([]byte, error) {
	v := pageView{State: "document", Lang: s.Lang, Locale: s.Lang, Sheet: s, pages: c.pages}
	set := c.pages.byLang[s.Lang]
	if set == nil {
		set = c.pages.byLang[fallbackLang]
	}
	var body, file bytes.Buffer
	if err := set.ExecuteTemplate(&body, "document.html", &v); err != nil {
		return nil, err
	}
	err := sheetFrame.Execute(&file, struct {
		Sheet Sheet
		Style template.CSS
		Body  template.HTML
	}{s, c.sheetLook(), template.HTML(body.String())}) //nolint:gosec // escaped by the template above; the style is the host's own
	return file.Bytes(), err
}

func (c *Checkout) sheetLook() template.CSS {
	var b strings.Builder
	for _, name := range []string{c.pages.style, c.pages.sheetStyle} {
		b.Write(c.pages.assets[name].content)
	}
	return template.CSS(strings.ReplaceAll(b.String(), "</", `<\/`)) //nolint:gosec // the host's own style sheets, which cannot end the element
}

// sampleDocument is what a buyer would get today for an order that brings everything an invoice needs, and what the seller
// lacks for it. It is marked as no tax document, has the number zero, and is stored nowhere.
func (c *Checkout) sampleDocument(m Mode, locale string) (Document, []omission, error) {
	s, err := c.sampleOrder(m, locale)
	if err != nil {
		return Document{}, nil, err
	}
	at := millis(c.now())
	rec := documentRecord{ID: newID(prefixDocument, c.now()), Mode: m, SessionID: s.ID, Currency: s.Currency, Gross: s.Amount, NextAt: at, CreatedAt: at}
	d, err := c.newDraft(rec, s, "bank_transfer")
	if err == nil {
		d.stamp(c, c.now())
		err = d.number(0)
	}
	d.doc.Livemode = false
	return d.doc, c.cfg.Seller.omissions(), err
}

func (c *Checkout) sampleOrder(m Mode, locale string) (s sessionRecord, err error) {
	seller := c.cfg.Seller
	code, ok := homeCurrency(seller.Address.Country)
	if !ok {
		code = "eur"
	}
	items := []LineItem{
		{Name: "Premium Coffee Beans", Amount: 2500, Currency: code, Quantity: 2, SKU: pointer("BEANS-500")}, {Name: "Coffee mill", Amount: 8900, Currency: code, Quantity: 1},
	}
	if low, high := int64(700), int64(1900); !seller.SmallBusiness {
		items[0].TaxRateBP, items[1].TaxRateBP = &low, &high
	}
	billing := BillingDetails{Name: pointer("Ada Lovelace"), Company: pointer("Analytical Engines Ltd"), Address: &Address{
		Line1: pointer("Main Street 1"), PostalCode: pointer("10115"), City: pointer("Berlin"), Country: pointer(firstOf(seller.Address.Country, "DE")),
	}}
	s = sessionRecord{
		ID: newID(prefixSession, c.now()), Mode: m, Currency: code, Locale: locale, CustomerEmail: pointer("ada@example.com"), Reference: pointer("12345"),
		CreatedAt: millis(c.now()),
	}
	for _, it := range items {
		s.Amount += it.Total()
	}
	if s.LineItems, err = text(items); err != nil {
		return s, err
	}
	s.Billing, err = optional(true, billing)
	return s, err
}
