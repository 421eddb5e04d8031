package checkout

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// printerFunc is a printer of tests.
type printerFunc func(Sheet) ([]byte, error)

func (f printerFunc) Print(_ context.Context, s Sheet) ([]byte, error) { return f(s) }

func TestInvoicesHaveXML(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	d := s.documented(billedBody)
	if d.Profile != "en16931" {
		t.Fatalf("the profile is %q", d.Profile)
	}
	w := s.api("GET", "/invoices/"+d.ID+"/xml", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/xml" || w.Header().Get("Content-Disposition") != `attachment; filename="TEST-2025-000001.xml"` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, want := range []string{"<cbc:ID>TEST-2025-000001</cbc:ID>", ">59.99</cbc:TaxInclusiveAmount>", "DE123456789", "Köln", "urn:cen.eu:en16931:2017"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not in the XML", want)
		}
	}
	if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID, AmountCents: 1234}); err != nil {
		t.Fatal(err)
	}
	credit := s.issuedFor(d.SessionID, 2)[1]
	if content, err := s.co.DocumentXML(credit); err != nil || !strings.Contains(string(content), "<CreditNote") || !strings.Contains(string(content), ">12.34</cbc:TaxInclusiveAmount>") {
		t.Errorf("%v %s", err, content)
	}
}

func TestGermanBusinessesGetXRechnung(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	d := s.documented(strings.Replace(billedBody, `"name":"Ada Lovelace"`, `"company":"Engines GmbH","tax_id":"DE987654321"`, 1))
	content, err := s.co.DocumentXML(d)
	if d.Profile != "xrechnung" || err != nil || !strings.Contains(string(content), "xrechnung_3.0") || !strings.Contains(string(content), "<cbc:BuyerReference>A-7") {
		t.Errorf("%q %v %s", d.Profile, err, content)
	}
}

func TestWhatHasNoXML(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	d := s.documented(seedBody)
	wantRefusal(t, s.api("GET", "/invoices/"+d.ID+"/xml", ""), 404, "invoice_format_missing", "")
	dinar := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) { c.Seller.Address.Country, c.Seller.VATID = "KW", "KW123" })
	if d := dinar.documented(strings.ReplaceAll(billedBody, `"eur"`, `"kwd"`)); d.Kind != KindInvoice || d.Profile != "" {
		t.Errorf("three digits: %s with profile %q", d.Kind, d.Profile)
	}
}

func TestDocumentsArePrinted(t *testing.T) {
	var printed Sheet
	fail := false
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) {
		c.Brand.Logo = pngOf(t, 10, 10)
		c.Printer = printerFunc(func(sh Sheet) ([]byte, error) {
			if printed = sh; fail {
				return nil, errors.New("no font for this")
			}
			return []byte("%PDF-1.7"), nil
		})
	})
	d := s.documented(billedBody)
	w := s.api("GET", "/invoices/"+d.ID+"/pdf", "")
	if w.Code != http.StatusOK || w.Body.String() != "%PDF-1.7" || w.Header().Get("Content-Type") != "application/pdf" || printed.Title != "Rechnung TEST-2025-000001" || len(printed.Logo) == 0 {
		t.Errorf("%d %s %+v", w.Code, w.Body, printed)
	}
	link, err := s.co.DocumentURL(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.Replace(strings.TrimPrefix(link, "http://shop.test"), "?", "/pdf?", 1)
	if w := s.page(path); w.Code != http.StatusOK || w.Body.String() != "%PDF-1.7" {
		t.Errorf("the buyer's link: %d", w.Code)
	}
	if w := s.page(strings.Replace(path, "/pdf?", "/xml?", 1)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<Invoice") {
		t.Errorf("the buyer's XML: %d", w.Code)
	}
	fail = true
	wantRefusal(t, s.api("GET", "/invoices/"+d.ID+"/pdf", ""), 404, "invoice_format_missing", "")
	page := s.page(strings.TrimPrefix(link, "http://shop.test"))
	if strings.Contains(page.Body.String(), "/pdf?") || !strings.Contains(page.Body.String(), "/xml?") || !strings.Contains(s.log.String(), "a document has no PDF") {
		t.Errorf("a page whose PDF cannot be made: %d %s", page.Code, page.Body)
	}
}
