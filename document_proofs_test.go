package checkout

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/internal/money"
	"github.com/jopay/checkout/internal/ubl/ublrules"
)

// Live documents have numbers without a mark, each kind in a series of its own.
func TestLiveNumbers(t *testing.T) {
	s := newLiveShop(t, dbtest.Open(t, dbtest.SQLite, nil), newRefunding([]outcome{{state: StateSucceeded}}, paysBack), invoicing)
	pay := func(body string) Document {
		id := s.create(body)
		s.post("/checkout/"+id, s.wire(id))
		return s.issuedFor(id, 1)[0]
	}
	invoice, receipt := pay(billedBody), pay(seedBody)
	for _, d := range []Document{invoice, receipt} {
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID, AmountCents: 100}); err != nil {
			t.Fatal(err)
		}
	}
	credit, back := s.issuedFor(invoice.SessionID, 2)[1], s.issuedFor(receipt.SessionID, 2)[1]
	for want, d := range map[string]Document{"2025-000001": invoice, "R-2025-000001": receipt, "C-2025-000001": credit, "RR-2025-000001": back} {
		if d.Number != want || !d.Livemode || s.co.sheetOf(d).Test != "" {
			t.Errorf("%s is not %s", d.Number, want)
		}
	}
}

// A link stays good while the key it was signed with is known.
func TestLinksOutliveAKeyThatIsReplaced(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), withKeys(firstSecretKey))
	d := s.documented(seedBody)
	link, err := s.co.DocumentURL(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(link, "http://shop.test")
	for want, old := range map[int][][]byte{http.StatusOK: {firstSecretKey}, http.StatusNotFound: nil} {
		if w := s.reopened(withKeys(secondSecretKey, old...)).page(path); w.Code != want {
			t.Errorf("with %d old keys the link answers %d", len(old), w.Code)
		}
	}
}

// A credit note says of both parties, of language, supply and payment what the invoice says, whatever has changed since.
func TestCreditNotesSayWhatTheInvoiceSays(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	d := s.documented(billedBody)
	s.clock.advance(48 * time.Hour)
	later := secondProcess(t, s, func(c *Config) {
		invoicing(c)
		c.Seller.LegalName, c.Seller.Address.City, c.Seller.VATID = "Other GmbH", "Bonn", "DE987654321"
		c.Seller.TimeZone = time.FixedZone("UTC+13", 13*3600) // where it was the next day already
	})
	s.exec(`UPDATE {sessions} SET buyer_locale = 'en', customer_email = 'eve@example.com', billing_details = ?`, `{"name":"Eve"}`)
	if _, err := later.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID, AmountCents: 999}); err != nil {
		t.Fatal(err)
	}
	if err := later.co.issueDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := s.co.Documents(t.Context(), d.SessionID)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d documents, %v", len(list), err)
	}
	c := list[1]
	if c.Seller != d.Seller || c.Buyer != d.Buyer || c.Locale != "de" || c.SuppliedOn != d.SuppliedOn || orEmpty(c.Method) != orEmpty(d.Method) || d.Method == nil || c.IssuedOn == d.IssuedOn {
		t.Errorf("%+v\nis not of\n%+v", c, d)
	}
	rec, session := documentRecord{Gross: 5001, RefundID: pointer("re_x")}, s.sessionRecordOf(d.SessionID)
	if _, err := s.co.newCredit(rec, session, d, list[1:]); err == nil || !strings.Contains(err.Error(), "5000 are left") {
		t.Errorf("more than is left is paid back: %v", err)
	}
}

func (s *shop) sessionRecordOf(id string) sessionRecord {
	s.t.Helper()
	rec, err := s.co.store.session(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

// The day of supply, the months of the admin and the days in the names of its files are those of the seller's calendar.
func TestTheSellersCalendar(t *testing.T) {
	for _, c := range []struct {
		zone, day, month, not string
		at                    time.Time
	}{
		{"Pacific/Auckland", "2025-02-01", "2025-02", "2025-01", time.Date(2025, 1, 31, 11, 30, 0, 0, time.UTC)},  // 13 hours before UTC
		{"America/Los_Angeles", "2025-01-31", "2025-01", "2025-02", time.Date(2025, 2, 1, 7, 30, 0, 0, time.UTC)}, // 8 hours after it
	} {
		t.Run(c.zone, func(t *testing.T) {
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(cfg *Config) { cfg.Seller.TimeZone = zone })
			s.clock.advance(c.at.Sub(s.clock.now()))
			d := s.documented(seedBody)
			if d.SuppliedOn != c.day || d.IssuedOn != c.day {
				t.Errorf("supplied %s, issued %s", d.SuppliedOn, d.IssuedOn)
			}
			for month, want := range map[string]bool{c.month: true, c.not: false} {
				if got := s.monthsWith(month, d); got != [3]bool{want, want, want} {
					t.Errorf("list, ZIP and CSV of %s have it: %v", month, got)
				}
			}
			if page := s.adminOK(manager, "/test/invoices"); !strings.Contains(page, `<option value="`+c.month+`"`) || strings.Contains(page, `<option value="`+c.not+`"`) {
				t.Errorf("the months to choose from are not %s alone", c.month)
			}
			if name := s.admin(manager, "/test/invoices.csv").Header().Get("Content-Disposition"); !strings.Contains(name, "until-"+c.day+".csv") {
				t.Error(name)
			}
		})
	}
}

// monthsWith tells whether the list, the ZIP and the CSV of a month have a document.
func (s *shop) monthsWith(month string, d Document) [3]bool {
	s.t.Helper()
	query := "?month=" + month
	return [3]bool{
		strings.Contains(s.adminOK(manager, "/test/invoices"+query), d.Number),
		s.zipOf("/test/invoices.zip" + query)["json/"+d.Number+".json"] != "",
		strings.Contains(s.adminOK(manager, "/test/invoices.csv"+query), d.Number),
	}
}

// A document is in the language the buyer has paid in.
func TestTheBuyersLanguageIsTheDocuments(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	id := s.create(seedBody)
	form := s.form(id, "4242424242424242")
	if w := s.post("/checkout/"+id+"?lang=fr", form); w.Code >= 400 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if d := s.issuedFor(id, 1)[0]; !strings.HasPrefix(d.Locale, "fr") || !strings.HasPrefix(s.co.sheetOf(d).Title, "Reçu") {
		t.Errorf("%s %s", d.Locale, s.co.sheetOf(d).Title)
	}
}

// On paper there are neither buttons nor ribbons, and rows stay whole.
func TestPaperHasNoButtons(t *testing.T) {
	p, err := builtInPages()
	if err != nil {
		t.Fatal(err)
	}
	css := string(p.assets[p.sheetStyle].content)
	_, print, found := strings.Cut(css, "@media print{")
	if !found || !strings.Contains(print, ".files,.ribbon{display:none;}") || !strings.Contains(print, "break-inside:avoid;") {
		t.Errorf("%s", css)
	}
}

// Random carts of 12 rates in 8 currencies of 0, 2 and 3 digits, through the whole way: what the sheet adds up to and what the XML
// calls the total is the money that was paid.
func TestSheetsAndFilesSayWhatWasPaid(t *testing.T) {
	rates := []int64{0, 250, 500, 550, 700, 900, 1000, 1900, 2000, 2100, 2500, 2550}
	countries := map[string]string{"eur": "DE", "usd": "US", "gbp": "GB", "jpy": "JP", "isk": "IS", "kwd": "KW", "huf": "HU", "chf": "CH"}
	random, carts := rand.New(rand.NewPCG(3, 5)), 4_000
	if testing.Short() {
		carts = 800
	}
	files := 0
	for currency, country := range countries {
		s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) { c.Seller.Address.Country, c.Seller.VATID = country, country+"123456789" })
		for range carts / len(countries) {
			items := randomCart(random, rates, currency)
			d := s.draftFor(items, currency, companyBilled)
			paid := string(amountText("de", d.GrossCents, currency))
			sheet := s.co.sheetOf(d)
			if total := sheet.Totals[len(sheet.Totals)-1]; d.Kind != KindInvoice || !total.Strong || total.Amount != paid || len(sheet.Lines) != len(items) {
				t.Fatalf("%s: %d lines, %+v, paid %s", d.Kind, len(sheet.Lines), sheet.Totals, paid)
			}
			var sum int64
			for i, l := range d.Lines {
				if sum += l.GrossCents; sheet.Lines[i].Amount != string(amountText("de", l.GrossCents, currency)) {
					t.Fatalf("line %d of %+v", i, sheet.Lines)
				}
			}
			if sum != d.GrossCents {
				t.Fatalf("the lines add up to %d of %d", sum, d.GrossCents)
			}
			if d.Profile == "" {
				continue
			}
			files++
			xml, err := s.co.DocumentXML(d)
			if want := `<cbc:TaxInclusiveAmount currencyID="` + strings.ToUpper(currency) + `">` + money.Decimal(d.GrossCents, currency) + `<`; err != nil || !strings.Contains(string(xml), want) {
				t.Fatalf("%v, no %s in\n%s", err, want, xml)
			}
		}
	}
	if files < carts/2 {
		t.Errorf("only %d of %d have a file", files, carts)
	}
}

// The buyers of orders that were never stored: a company, whose invoice is an XRechnung in Germany, and a person.
const (
	companyBilled = `{"name":"Ada","company":"Engines GmbH","tax_id":"DE987654321","address":{"line1":"Hauptstr 1","city":"Köln","postal_code":"50667","country":"DE"}}`
	personBilled  = `{"name":"Ada","address":{"line1":"Hauptstr 1","city":"Köln","postal_code":"50667","country":"DE"}}`
)

// draftFor is the invoice of an order that was never stored.
func (s *shop) draftFor(items []LineItem, currency, billing string) Document {
	s.t.Helper()
	content, err := text(items)
	if err != nil {
		s.t.Fatal(err)
	}
	now := millis(s.co.now())
	rec := sessionRecord{
		ID: newID(prefixSession, s.co.now()), Mode: Live, Currency: currency, LineItems: content, Locale: "de", CustomerEmail: pointer("ada@example.com"), Reference: pointer("A-7"),
		Billing: &billing, CreatedAt: now, CompletedAt: &now,
	}
	for _, it := range items {
		rec.Amount += it.Total()
	}
	d, err := s.co.newDraft(documentRecord{ID: newID(prefixDocument, s.co.now()), Gross: rec.Amount, SessionID: rec.ID}, rec, "card")
	if err != nil {
		s.t.Fatal(err)
	}
	d.stamp(s.co, s.co.now())
	if err := d.number(1); err != nil {
		s.t.Fatal(err)
	}
	return d.doc
}

// What the product itself makes of orders passes the official rules: invoices to companies and people, and the credit notes that
// end them, in parts or at once.
func TestTheProductsOwnFilesPassTheOfficialRules(t *testing.T) {
	rules, dir := ublrules.Find(t), t.TempDir()
	random, n := rand.New(rand.NewPCG(77, 88)), 0
	german, has := map[string]bool{}, map[string]int{}
	for _, small := range []bool{false, true} {
		s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) { c.Seller.SmallBusiness = small })
		for k := range 12 {
			billing, parts := companyBilled, 3
			if k%4 == 3 {
				billing = personBilled
			}
			if k%3 == 0 {
				parts = 1
			}
			d := s.draftFor(variedCart(random, k, small), "eur", billing)
			for _, made := range append([]Document{d}, s.creditsOf(random, d, parts)...) {
				xml, err := s.co.DocumentXML(made)
				if err != nil {
					t.Fatal(err)
				}
				n++
				name := fmt.Sprintf("%03d.xml", n)
				german[name] = made.Profile == "xrechnung"
				has[fmt.Sprintf("%s in %s, in full: %v", made.Kind, made.Profile, made.GrossCents == d.GrossCents)]++
				if err := os.WriteFile(filepath.Join(dir, name), xml, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if len(has) != 6 { // invoices, credit notes in parts and in full, each in both profiles
		t.Errorf("made %v", has)
	}
	reports := rules.EN16931(t, dir)
	if len(reports) != n {
		t.Errorf("the rules looked at %d of %d documents", len(reports), n)
	}
	fired := ublrules.ExpectClean(t, reports, func(string) bool { return true })
	firedGerman := ublrules.ExpectClean(t, rules.XRechnung(t, dir), func(name string) bool { return german[name] })
	t.Logf("%d documents, %d rules fired, %d of XRechnung: %v", n, fired, firedGerman, has)
}

// variedCart has one line, a hundred, and what people write into names.
func variedCart(random *rand.Rand, k int, small bool) (items []LineItem) {
	rates := []int64{0, 0, 250, 500, 700, 1900, 2550, 9999}
	lines := 1 + random.IntN(8)
	if k == 0 {
		lines = 100
	}
	for i := range lines {
		rate := rates[random.IntN(len(rates))]
		it := LineItem{Name: fmt.Sprint("Item ", i), Currency: "eur", Quantity: 1 + random.Int64N(30), Amount: random.Int64N(20_000), TaxRateBP: &rate, Description: pointer("a & b <c>")}
		if rate == 0 && i%2 == 0 {
			it.TaxName = pointer([]string{"Exempt, Art. 132", "Exempt, Art. 135"}[random.IntN(2)])
		}
		if small {
			it.TaxRateBP, it.TaxName = nil, nil
		}
		items = append(items, it)
	}
	return items
}

// creditsOf pays a document back in at most so many parts.
func (s *shop) creditsOf(random *rand.Rand, d Document, parts int) (credits []Document) {
	s.t.Helper()
	for left := d.GrossCents; left > 0 && len(credits) < parts; left -= credits[len(credits)-1].GrossCents {
		part := 1 + random.Int64N(left)
		if len(credits) == parts-1 {
			part = left
		}
		c, err := s.co.newCredit(documentRecord{ID: newID(prefixDocument, s.co.now()), Gross: part}, sessionRecord{ID: d.SessionID, Mode: Live, Currency: d.Currency}, d, credits)
		if err != nil {
			s.t.Fatal(err)
		}
		c.stamp(s.co, s.co.now())
		if err := c.number(int64(len(credits) + 1)); err != nil {
			s.t.Fatal(err)
		}
		credits = append(credits, c.doc)
	}
	return credits
}
