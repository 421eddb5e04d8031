package checkout

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// invoicing is a seller of whom everything is known.
func invoicing(cfg *Config) {
	cfg.Seller = Seller{
		LegalName: "Acme Coffee GmbH", Address: PostalAddress{Line1: "Oranienstraße 12", PostalCode: "10999", City: "Berlin", Country: "DE"},
		VATID: "DE123456789", Contact: "Accounts", Email: "billing@acme.example", Phone: "+49 30 1234567",
	}
}

// billedBody is an order of which an invoice can be made.
const billedBody = `{"line_items":[{"name":"Beans","amount":2500,"currency":"eur","quantity":2,"tax_rate_bp":700},` +
	`{"name":"Mill","amount":999,"currency":"eur","tax_rate_bp":1900}],"customer_email":"ada@example.com","client_reference_id":"A-7",` +
	`"billing_details":{"name":"Ada Lovelace","address":{"line1":"Hauptstraße 1","postal_code":"50667","city":"Köln","country":"DE"}},` +
	`"locale":"de","success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel"}`

// documented pays an order and gives what was issued for it.
func (s *shop) documented(body string) Document {
	s.t.Helper()
	id := s.create(body)
	s.pay(id, "4242424242424242")
	return s.issuedFor(id, 1)[0]
}

func (s *shop) issuedFor(id string, n int) []Document {
	s.t.Helper()
	s.issueAll()
	list, err := s.co.Documents(s.t.Context(), id)
	if err != nil || len(list) != n {
		s.t.Fatalf("%d documents, want %d: %v", len(list), n, err)
	}
	return list
}

func (s *shop) issueAll() {
	s.t.Helper()
	if err := s.co.issueDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func TestACompletedSessionGetsAReceipt(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		d := s.documented(seedBody)
		if d.Kind != KindReceipt || d.Number != "TEST-R-2025-000001" || d.GrossCents != 2500 || d.IssuedOn != "2025-01-10" || d.Livemode {
			t.Errorf("%+v", d)
		}
		if got := s.get(d.SessionID)["invoice_id"]; got != d.ID {
			t.Errorf("invoice_id is %v, want %s", got, d.ID)
		}
		s.issueAll()
		if n := s.count("documents", "1 = 1"); n != 1 {
			t.Errorf("%d documents after another round", n)
		}
	})
}

func TestAKnownSellerIssuesInvoices(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		d := s.documented(billedBody)
		if d.Kind != KindInvoice || d.Number != "TEST-2025-000001" || d.GrossCents != 5999 || d.NetCents+d.TaxCents != 5999 {
			t.Errorf("%+v", d)
		}
		if d.Seller.VATID != "DE123456789" || d.Buyer.City != "Köln" || d.Locale != "de" || *d.Reference != "A-7" || *d.Method != "test_card" {
			t.Errorf("%+v", d)
		}
		if notes := s.co.sheetOf(d).Notes; len(notes) != 1 || !strings.Contains(notes[0], "enthalten die Umsatzsteuer") {
			t.Errorf("the prices are not said to include the tax: %q", notes)
		}
		if second := s.documented(billedBody); second.Number != "TEST-2025-000002" {
			t.Errorf("the next number is %s", second.Number)
		}
	}, invoicing)
}

// Twelve things that can be missing, each alone.
func TestAnOmissionMakesItAReceipt(t *testing.T) {
	seller := func(change func(*Seller)) func(*Config) { return func(c *Config) { change(&c.Seller) } }
	order := func(old, new string) string {
		if !strings.Contains(billedBody, old) {
			t.Fatalf("%s is not in the order", old)
		}
		return strings.Replace(billedBody, old, new, 1)
	}
	same := func(*Config) {}
	for name, c := range map[omission]struct {
		set  func(*Config)
		body string
	}{
		noSellerName:     {seller(func(s *Seller) { s.LegalName = "" }), billedBody},
		noSellerStreet:   {seller(func(s *Seller) { s.Address.Line1 = "" }), billedBody},
		noSellerPostcode: {seller(func(s *Seller) { s.Address.PostalCode = "" }), billedBody},
		noSellerCity:     {seller(func(s *Seller) { s.Address.City = "" }), billedBody},
		noSellerTaxID:    {seller(func(s *Seller) { s.VATID = "" }), billedBody},
		noTaxRate:        {same, order(`,"tax_rate_bp":1900`, "")},
		taxOfSmall:       {seller(func(s *Seller) { s.SmallBusiness = true }), billedBody},
		foreignCurrency:  {same, strings.ReplaceAll(billedBody, `"eur"`, `"usd"`)},
		noBuyerName:      {same, order(`"name":"Ada Lovelace",`, "")},
		noBuyerAddress:   {same, order(`"line1":"Hauptstraße 1",`, "")},
		noBuyerCountry:   {same, order(`,"country":"DE"`, "")},
		noSellerCountry:  {seller(func(s *Seller) { s.Address.Country = "" }), billedBody},
	} {
		t.Run(string(name), func(t *testing.T) {
			s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, c.set)
			d := s.documented(c.body)
			if d.Kind != KindReceipt {
				t.Errorf("the document is called %s", d.Kind)
			}
			rec, err := s.co.store.session(t.Context(), d.SessionID)
			if err != nil {
				t.Fatal(err)
			}
			items, err := rec.items()
			if err != nil {
				t.Fatal(err)
			}
			found := s.co.preflight(rec, items, d.Buyer)
			if len(found) == 0 || !strings.Contains(join(found), string(name)) {
				t.Errorf("found %v", found)
			}
			title := s.co.sheetOf(d).Title
			if !strings.HasPrefix(title, "Zahlungsbeleg") {
				t.Errorf("the title is %q", title)
			}
		})
	}
}

func join(list []omission) string {
	var b strings.Builder
	for _, o := range list {
		b.WriteString(string(o) + " ")
	}
	return b.String()
}

func TestASmallBusinessChargesNoTax(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) { c.Seller.SmallBusiness = true })
	d := s.documented(strings.NewReplacer(`,"tax_rate_bp":700`, "", `,"tax_rate_bp":1900`, "").Replace(billedBody))
	if d.Kind != KindInvoice || d.TaxCents != 0 || d.Taxes[0].Category != taxExempt {
		t.Errorf("%+v", d)
	}
	if notes := strings.Join(s.co.sheetOf(d).Notes, " "); !strings.Contains(notes, "§ 19 UStG") {
		t.Errorf("the notes are %q", notes)
	}
}

func TestASmallAmountNeedsNoBuyer(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, func(c *Config) { c.Documents.SimplifiedUpTo = map[string]int64{"eur": 25000} })
	body := `{"line_items":[{"name":"Beans","amount":%s,"currency":"eur","tax_rate_bp":700}],"success_url":"https://a.example","cancel_url":"https://a.example","customer_email":"a@a.example"}`
	if d := s.documented(strings.Replace(body, "%s", "25000", 1)); d.Kind != KindInvoice {
		t.Errorf("250 euros: %s", d.Kind)
	}
	if d := s.documented(strings.Replace(body, "%s", "25001", 1)); d.Kind != KindReceipt {
		t.Errorf("one cent more: %s", d.Kind)
	}
}

// What was issued says what was true then, whatever the host changes later.
func TestIssuedDocumentsDoNotChange(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		d := s.documented(billedBody)
		later := secondProcess(t, s, func(c *Config) { c.Seller.LegalName, c.Documents.Prefix = "Other Ltd", "X-" })
		again, err := later.co.Document(t.Context(), d.ID)
		if err != nil || again.Seller.Name != "Acme Coffee GmbH" || again.Number != d.Number {
			t.Errorf("%+v, %v", again, err)
		}
		rec, err := s.co.store.document(t.Context(), d.ID)
		if err != nil || sha256Hex(*rec.Content) != *rec.SHA256 {
			t.Errorf("the content is not what its hash says: %v", err)
		}
		if isNew, err := s.co.store.direct(t.Context()).issueDocument(rec); isNew || err != nil {
			t.Errorf("an issued document was issued again: %v", err)
		}
		s = later
		if next := s.documented(billedBody); next.Number != "TEST-X-2025-000001" {
			t.Errorf("another prefix numbers %s", next.Number)
		}
	}, invoicing)
}

func TestTheSellersDayDecidesTheYear(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.Seller.TimeZone = time.FixedZone("UTC+2", 7200) })
	s.clock.advance(time.Date(2025, 12, 31, 22, 30, 0, 0, time.UTC).Sub(s.clock.now()))
	if d := s.documented(seedBody); d.IssuedOn != "2026-01-01" || d.Number != "TEST-R-2026-000001" {
		t.Errorf("%s on %s", d.Number, d.IssuedOn)
	}
}

func TestRefundsGetCreditNotes(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		d := s.documented(billedBody)
		for _, amount := range []int64{1000, 333, 1, 4665} { // 5999 in all
			if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID, AmountCents: amount}); err != nil {
				t.Fatal(err)
			}
		}
		list := s.issuedFor(d.SessionID, 5)
		var gross, tax int64
		for i, credit := range list[1:] {
			if credit.Kind != KindCreditNote || credit.Corrects == nil || credit.Corrects.Number != d.Number || credit.RefundID == nil {
				t.Errorf("%+v", credit)
			}
			if want := []string{"TEST-C-2025-000001", "TEST-C-2025-000002", "TEST-C-2025-000003", "TEST-C-2025-000004"}[i]; credit.Number != want {
				t.Errorf("the number is %s, want %s", credit.Number, want)
			}
			if fault := faultOfSum(credit); fault != "" {
				t.Errorf("%s: %+v", fault, credit)
			}
			gross, tax = gross+credit.GrossCents, tax+credit.TaxCents
		}
		if gross != d.GrossCents || tax != d.TaxCents {
			t.Errorf("credited %d with a tax of %d, of %d with %d", gross, tax, d.GrossCents, d.TaxCents)
		}
	}, invoicing)
}

func faultOfSum(d Document) string {
	var lines, nets int64
	for _, l := range d.Lines {
		lines, nets = lines+l.GrossCents, nets+l.NetCents
	}
	if net, tax, gross := sumTaxes(d.Taxes); lines != gross || nets != net || gross != d.GrossCents || net != d.NetCents || tax != d.TaxCents {
		return "the sums differ"
	}
	return ""
}

func TestARefundInFullMirrorsTheLines(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	d := s.documented(seedBody)
	if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: d.SessionID}); err != nil {
		t.Fatal(err)
	}
	credit := s.issuedFor(d.SessionID, 2)[1]
	if credit.Kind != KindRefundReceipt || credit.Number != "TEST-RR-2025-000001" || credit.Lines[0].Name != "Premium Coffee Beans" {
		t.Errorf("%+v", credit)
	}
}

func TestDocumentsOff(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 1}); err != nil {
			t.Fatal(err)
		}
		if s.get(id)["invoice_id"] != nil || s.count("documents", "1 = 1") != 0 {
			t.Error("there is a document")
		}
	}, func(c *Config) { c.Documents.Off = true })
}

func TestOrdersOfNothingGetADocument(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	id := s.create(strings.Replace(seedBody, "2500", "0", 1))
	s.post("/checkout/"+id, s.form(id, ""))
	if d := s.issuedFor(id, 1)[0]; d.GrossCents != 0 || d.Method != nil {
		t.Errorf("%+v", d)
	}
}

// An endpoint that asks hears of each document once, in the transaction of its number.
func TestDocumentsAreTold(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		rx := newReceiver(t, nil)
		if _, _, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: rx.URL, Events: []string{webhook.InvoiceIssued}}); err != nil {
			t.Fatal(err)
		}
		d := s.documented(billedBody)
		s.runWhile(func() { rx.wait(t, 1) })
		body := rx.all()[0].body
		for _, want := range []string{`"event":"checkout.invoice.issued"`, `"id":"` + d.ID + `"`, `"number":"TEST-2025-000001"`, `"amount_cents":5999`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s is not in %s", want, body)
			}
		}
	}, invoicing)
}

// The hook may say no: the number is free again, and in the end the document is issued without it.
func TestAHookThatRefusesLeavesNoGap(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		for range maxHookRefusals {
			if err := s.co.issueDue(t.Context()); err == nil {
				t.Fatal("the refusal was not told")
			}
			if n := s.count("document_series", "1 = 1"); n != 0 {
				t.Error("a number was kept")
			}
			s.clock.advance(7 * time.Hour)
		}
		if d := s.issuedFor(id, 1)[0]; !strings.HasSuffix(d.Number, "-000001") {
			t.Errorf("the number is %s", d.Number)
		}
	}, func(c *Config) {
		c.OnEvent = func(_ context.Context, _ *gorm.DB, e Event) error {
			if e.Type == webhook.InvoiceIssued {
				return errors.New("no")
			}
			return nil
		}
	})
}

func TestInvoicesOverTheAPI(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	id := s.create(billedBody)
	s.pay(id, "4242424242424242")
	invoice := s.get(id)["invoice_id"].(string)
	wantRefusal(t, s.api("GET", "/invoices/"+invoice, ""), 404, "invoice_not_issued", "")
	s.issueAll()
	got := decode(t, s.api("GET", "/invoices/"+invoice, ""))
	if got["number"] != "TEST-2025-000001" || got["object"] != "invoice" || !strings.HasPrefix(got["url"].(string), "http://shop.test/checkout/documents/"+invoice+"?key=") {
		t.Errorf("%v", got)
	}
	list := decode(t, s.api("GET", "/invoices?session_id="+id, ""))
	if data := list["data"].([]any); len(data) != 1 || data[0].(map[string]any)["id"] != invoice {
		t.Errorf("%v", list)
	}
	wantRefusal(t, s.api("GET", "/invoices/"+invoice+"/pdf", ""), 404, "invoice_format_missing", "")
	wantRefusal(t, s.api("GET", "/invoices/inv_"+hex44("0"), ""), 404, "resource_missing", "")
	wantRefusal(t, s.api("GET", "/invoices", ""), 400, "parameter_missing", "session_id")
	live, err := s.co.CreateKey(t.Context(), Live, "live")
	if err != nil {
		t.Fatal(err)
	}
	s.watch.know(live)
	wantRefusal(t, s.api("GET", "/invoices/"+invoice, "", "Authorization", "Bearer "+live), 404, "resource_missing", "")
}

func TestTheDocumentsPageNeedsOurSignature(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	id := s.create(billedBody)
	s.pay(id, "4242424242424242")
	invoice := s.get(id)["invoice_id"].(string)
	link, err := s.co.DocumentURL(t.Context(), invoice)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(link, "http://shop.test")
	if w := s.page(path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Your document is being made") {
		t.Errorf("before its number: %d %s", w.Code, w.Body)
	}
	s.issueAll()
	w := s.page(path)
	for _, want := range []string{"Rechnung TEST-2025-000001", "59,99", "Ada Lovelace", "Acme Coffee GmbH", "USt-IdNr. DE123456789", "Test: kein steuerliches Dokument", `lang="de"`} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is not on the page (%d)", want, w.Code)
		}
	}
	for _, bad := range []string{path[:len(path)-1] + "x", strings.Split(path, "?")[0], path + "0", strings.Replace(path, "key=", "lang=", 1)} {
		if w := s.page(bad); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "Lovelace") {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}
