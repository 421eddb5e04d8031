package checkout

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// firstDocument is the oldest document there is.
func (s *shop) firstDocument() string {
	s.t.Helper()
	ids := s.texts(`SELECT id FROM {documents} ORDER BY id LIMIT 1`)
	if len(ids) != 1 {
		s.t.Fatal("there is no document")
	}
	return ids[0]
}

// business leaves an invoice of January with a credit note, and a receipt of February.
func (s *shop) business() (invoice, credit, receipt Document) {
	s.t.Helper()
	invoice = s.documented(billedBody)
	s.clock.advance(time.Minute)
	if _, err := s.co.Refund(s.t.Context(), RefundParams{SessionID: invoice.SessionID, AmountCents: 999}); err != nil {
		s.t.Fatal(err)
	}
	credit = s.issuedFor(invoice.SessionID, 2)[1]
	s.sendMails()
	s.clock.advance(30 * 24 * time.Hour)
	receipt = s.documented(strings.Replace(seedBody, `customer@example.com`, `=cmd@example.com`, 1))
	return invoice, credit, receipt
}

// The admin lists documents with number, day, total, tax, buyer and state, the newest first, and finds them.
func TestTheAdminListsInvoices(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		invoice, credit, receipt := s.business()
		list := s.adminOK(manager, "/test/invoices")
		for _, want := range []string{invoice.Number, credit.Number, receipt.Number, "10 Jan 2025, 12:00:00", "€59.99", "Ada Lovelace", "Issued", "Caught, test mode", "Credit note", ">Invoices</a>"} {
			if !strings.Contains(list, want) {
				t.Errorf("%q is not in the list", want)
			}
		}
		if tax := string(moneyHTML("en", invoice.TaxCents, "eur")); !strings.Contains(list, tax) {
			t.Errorf("the tax %s is not in the list", tax)
		}
		if strings.Index(list, receipt.Number) > strings.Index(list, credit.Number) || strings.Index(list, credit.Number) > strings.Index(list, ">"+invoice.Number) {
			t.Error("the newest is not the first")
		}
		all := []string{invoice.ID, credit.ID, receipt.ID}
		for query, want := range map[string][]string{
			"": all, "?month=2025-01": all[:2], "?month=2025-02": all[2:], "?month=2025-03": nil, "?kind=credit_note": all[1:2], "?kind=invoice&month=2025-02": nil,
			"?month=x&kind=y&after=z&before=z": all, "?find=" + credit.Number: all[1:2], "?find=" + invoice.SessionID: all[:2], "?find=" + receipt.ID: all[2:],
			"?find=TEST-2025-000009": nil, "?find=nonsense": nil, "?after=" + receipt.ID: all[:2], "?before=" + invoice.ID: all[1:], "?find=-%2400": nil,
		} {
			page, got := s.adminOK(manager, "/test/invoices"+query), []string(nil)
			for _, id := range all {
				if strings.Contains(page, "/invoices/"+id) {
					got = append(got, id)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s lists %v, want %v", query, got, want)
			}
		}
		if page := s.adminOK(manager, "/live/invoices"); strings.Contains(page, invoice.ID) || !strings.Contains(page, "No documents yet") {
			t.Error("the other mode lists them")
		}
	}, invoicing)
}

// A page is as long as it should be, and its links lead through all of the list and back.
func TestInvoicesComeInPages(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		const n = invoicesPerPage*2 + 7
		for range n {
			id := s.create(seedBody)
			s.pay(id, "4242424242424242")
		}
		s.issueAll() // many in the same second
		walk := func(path, rel string) (ids []string, last string) {
			for path != "" {
				page := s.adminOK(manager, path)
				last = path
				ids = append(ids, documentsIn(page)...)
				path = relOf(page, rel)
			}
			return ids, last
		}
		older, last := walk("/test/invoices", "next")
		if len(older) != n || len(slices.Compact(slices.Sorted(slices.Values(older)))) != n {
			t.Errorf("%d documents in all pages, want %d", len(older), n)
		}
		if newer, first := walk(last, "prev"); len(newer) != n || relOf(s.adminOK(manager, first), "prev") != "" {
			t.Errorf("%d documents on the way back", len(newer))
		}
	})
}

// documentsIn are the documents a list links to, in its order.
func documentsIn(page string) (ids []string) {
	for _, href := range hrefsOf(page) {
		if _, id, ok := strings.Cut(href, "/invoices/inv_"); ok {
			ids = append(ids, "inv_"+id)
		}
	}
	return ids
}

// relOf is where a page's link of a kind leads, below the admin; empty when there is none.
func relOf(page, rel string) string {
	before, _, found := strings.Cut(page, `" rel="`+rel+`"`)
	if !found {
		return ""
	}
	href := before[strings.LastIndex(before, `"`)+1:]
	return "/" + strings.ReplaceAll(href[strings.Index(href, "test/"):], "&amp;", "&")
}

// The page of a document shows it, tells what became of it and sends it again.
func TestTheAdminShowsAnInvoice(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		invoice, credit, receipt := s.business()
		page := s.adminOK(manager, "/test/invoices/"+invoice.ID)
		sum := s.texts(`SELECT sha256 FROM {documents} WHERE id = ?`, invoice.ID)[0]
		for _, want := range []string{invoice.Number, credit.Number, "Corrected by", sum, "/sheet", "sandbox", "/payments/" + invoice.SessionID, "ada@example.com", "/documents/" + invoice.ID + "?key=", "EN 16931"} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is not on the page", want)
			}
		}
		if strings.Contains(page, "not what was issued") || strings.Contains(page, "Why this is a receipt") || strings.Contains(page, ">PDF<") {
			t.Errorf("the page says too much: %s", tagless(page))
		}
		if page := s.adminOK(manager, "/test/invoices/"+credit.ID); !strings.Contains(page, "Corrects") || !strings.Contains(page, invoice.Number) {
			t.Error("the credit note does not say what it corrects")
		}
		page = s.adminOK(manager, "/test/invoices/"+receipt.ID)
		for _, want := range []string{"An item does not say its tax_rate_bp.", "buyer’s name", "buyer’s address"} {
			if !strings.Contains(page, want) {
				t.Errorf("the receipt does not say %q", want)
			}
		}
		for path, want := range map[string]string{"/json": `"number":"` + invoice.Number, "/xml": invoice.Number, "/sheet": "Oranienstraße"} {
			if w := s.admin(manager, "/test/invoices/"+invoice.ID+path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s answers %d: %s", path, w.Code, w.Body)
			}
		}
		for _, path := range []string{"/live/invoices/" + invoice.ID, "/test/invoices/" + receipt.ID + "/xml", "/test/invoices/" + invoice.ID + "/pdf", "/test/invoices/inv_x"} {
			if w := s.admin(manager, path); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
		if page := s.adminOK(manager, "/test/payments/"+invoice.SessionID); !strings.Contains(page, "/invoices/"+invoice.ID) || !strings.Contains(page, credit.Number) {
			t.Error("the payment does not lead to its documents")
		}
		if w := s.adminPost(manager, "/test/invoices/"+invoice.ID+"/send", nil); w.Code != http.StatusSeeOther || s.count("mails", "document_id = ? AND revision = 2", invoice.ID) != 1 {
			t.Errorf("sending again answers %d", w.Code)
		}
	}, invoicing)
}

// The frame shows the document and can do nothing.
func TestTheFrameOfAnInvoiceIsHarmless(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	d := s.documented(strings.Replace(seedBody, "Premium Coffee Beans", `<script>alert(1)</script></style><img src=x>`, 1))
	w := s.admin(manager, "/test/invoices/"+d.ID+"/sheet")
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"sandbox;", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%q is not in %q", want, policy)
		}
	}
	if body := w.Body.String(); strings.Contains(policy, "script-src") || strings.Contains(body, "<script") || strings.Contains(body, "<img") || strings.Contains(body, "http:") || strings.Contains(body, "https:") || strings.Contains(body, "url(") {
		t.Errorf("%v\n%s", w.Header(), body)
	}
}

// failingPrinter lacks the glyphs of everything.
type failingPrinter struct{}

func (failingPrinter) Print(context.Context, Sheet) ([]byte, error) {
	return nil, errors.New("no font has U+4E2D 中: hand one over in Config.Fonts")
}

func TestAPDFThatCannotBeMadeIsSaid(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.Printer = failingPrinter{} })
	d := s.documented(seedBody)
	page := s.adminOK(manager, "/test/invoices/"+d.ID)
	if !strings.Contains(page, "4E2D 中") || strings.Contains(page, "/pdf\"") {
		t.Errorf("the page does not tell why there is no PDF: %s", tagless(page))
	}
	files := s.zipOf("/test/invoices.zip?month=2025-01")
	if files["html/"+d.Number+".html"] == "" || !strings.Contains(s.log.String(), "a document has no PDF") {
		t.Errorf("the ZIP lacks the document: %d files", len(files))
	}
}

// What could not be issued stands above the list with its reason, and so does what waits.
func TestTheAdminShowsWhatWaitsForANumber(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		doc := s.firstDocument()
		if list := s.adminOK(manager, "/test/invoices"); !strings.Contains(list, "Waiting for its number") || !strings.Contains(list, "/invoices/"+doc) {
			t.Errorf("what waits is not shown: %s", tagless(list))
		}
		for _, path := range []string{"/json", "/xml", "/pdf", "/sheet"} {
			if w := s.admin(manager, "/test/invoices/"+doc+path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "no number yet") {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
		s.exec(`UPDATE {sessions} SET amount = 7 WHERE id = ?`, id)
		if err := s.co.issueDue(t.Context()); err == nil {
			t.Fatal("a wrong sum was issued")
		}
		list, page := s.adminOK(manager, "/test/invoices"), s.adminOK(manager, "/test/invoices/"+doc)
		if overview := s.adminOK(manager, "/test"); !strings.Contains(overview, "could not be issued") || strings.Contains(s.adminOK(manager, "/live"), "could not be issued") {
			t.Error("the overview does not warn")
		}
		if !strings.Contains(list, "Not issued") || !strings.Contains(page, "the session to 7") {
			t.Errorf("the failure is not shown: %s", tagless(page))
		}
		if w := s.admin(manager, "/live/invoices"); strings.Contains(w.Body.String(), doc) {
			t.Error("the other mode shows it")
		}
	})
}

// Whoever changes an issued document in the database is found out.
func TestAChangedDocumentIsFoundOut(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	d := s.documented(seedBody)
	s.exec(`UPDATE {documents} SET content = REPLACE(content, '2500', '2400')`)
	if page := s.adminOK(manager, "/test/invoices/"+d.ID); !strings.Contains(page, "not what was issued") {
		t.Error("the page says nothing")
	}
	files := s.zipOf("/test/invoices.zip?month=2025-01")
	if name := "json/" + d.Number + ".json"; strings.Contains(files["SHA256SUMS"], fmt.Sprintf("%x  %s", sha256.Sum256([]byte(files[name])), name)) {
		t.Error("the list of hashes agrees with what was changed")
	}
}

// zipOf unpacks a download.
func (s *shop) zipOf(path string) map[string]string {
	s.t.Helper()
	w := s.admin(manager, path)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/zip" {
		s.t.Fatalf("%s answers %d: %s", path, w.Code, w.Body)
	}
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		s.t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		if _, twice := files[f.Name]; twice {
			s.t.Errorf("%s is there twice", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			s.t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			s.t.Fatal(err)
		}
		files[f.Name] = string(content)
	}
	return files
}

// A month as a ZIP has every document of it in every format, the CSV, and hashes that agree.
func TestAMonthIsAZIP(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		invoice, credit, _ := s.business()
		files := s.zipOf("/test/invoices.zip?month=2025-01")
		a, b := strings.ReplaceAll(invoice.Number, "/", "_"), strings.ReplaceAll(credit.Number, "/", "_")
		want := []string{"SHA256SUMS", "invoices.csv", "json/" + a + ".json", "json/" + b + ".json", "pdf/" + a + ".pdf", "pdf/" + b + ".pdf", "xml/" + a + ".xml", "xml/" + b + ".xml"}
		var got []string
		for name, content := range files {
			got = append(got, name)
			if line := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(content)), name); strings.Contains(name, "/") && !strings.Contains(files["SHA256SUMS"], line) {
				t.Errorf("%q is not in the list of hashes", line)
			}
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("the ZIP has %v", got)
		}
		if files["json/"+a+".json"] != s.texts(`SELECT content FROM {documents} WHERE id = ?`, invoice.ID)[0] || !strings.Contains(files["pdf/"+a+".pdf"], invoice.Number) {
			t.Error("the files are not those of the document")
		}
		if w := s.admin(manager, "/test/invoices.zip"); w.Code != http.StatusBadRequest {
			t.Errorf("without a month it answers %d", w.Code)
		}
		if files := s.zipOf("/test/invoices.zip?month=2024-12"); len(files) != 2 {
			t.Errorf("an empty month has %d files", len(files))
		}
	}, invoicing, func(c *Config) { c.Printer, c.Documents.Prefix = plainPrinter{}, "AC/ME-" })
}

// The CSV has a line for each document, and nothing in it that a spreadsheet would run.
func TestInvoicesAreACSV(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		invoice, credit, receipt := s.business()
		w := s.admin(manager, "/test/invoices.csv")
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.Body.String(), byteOrderMark))).ReadAll()
		if err != nil || len(rows) != 4 || !slices.Equal(rows[0], invoiceColumns) {
			t.Fatalf("%v %v", rows, err)
		}
		at := func(row int, column string) string { return rows[row][slices.Index(invoiceColumns, column)] }
		for i, d := range []Document{invoice, credit, receipt} {
			if at(i+1, "number") != d.Number || at(i+1, "gross_minor") != fmt.Sprint(d.GrossCents) || at(i+1, "tax_minor") != fmt.Sprint(d.TaxCents) || at(i+1, "kind") != string(d.Kind) {
				t.Errorf("line %d is %v", i+1, rows[i+1])
			}
		}
		if at(1, "gross") != "59.99" || at(2, "corrects") != invoice.Number || at(3, "customer_email") != "'=cmd@example.com" || !strings.Contains(at(1, "taxes"), `"rate_bp":700`) {
			t.Errorf("%v", rows)
		}
		if name := w.Header().Get("Content-Disposition"); name != `attachment; filename="invoices-test-until-2025-02-09.csv"` {
			t.Error(name)
		}
		if w := s.admin(manager, "/test/invoices.csv?month=2025-02&kind=receipt"); strings.Count(w.Body.String(), "\r\n") != 2 {
			t.Errorf("a filter gives %s", w.Body)
		}
	}, invoicing)
}

// An export that breaks off is no whole file.
func TestABrokenExportOfInvoicesIsNoFile(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	s.documented(seedBody)
	s.exec(`UPDATE {documents} SET content = 'x'`)
	for _, path := range []string{"/test/invoices.csv", "/test/invoices.zip?month=2025-01"} {
		func() {
			defer func() {
				if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // panics with just this
					t.Errorf("%s ends with %v", path, got)
				}
			}()
			s.admin(manager, path)
		}()
	}
	if !strings.Contains(s.log.String(), "an export broke off") {
		t.Error("the log is silent")
	}
}

// Settings show what is on documents, what is missing for invoices and where it is set, with a preview of both.
func TestTheBusinessScreen(t *testing.T) {
	bare := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.Seller = Seller{} })
	page := bare.adminOK(manager, "/test/settings/business")
	for _, want := range []string{"Buyers get receipts", "Seller.LegalName", "Seller.Address.Country", "Seller.VATID", "Config.Printer", "Config.Mailer", "TEST-2025-000001", "TEST-RR-2025-000001"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if sheet := bare.adminOK(manager, "/test/settings/business/sheet"); !strings.Contains(sheet, "Receipt TEST-R-2025-000000") {
		t.Errorf("the preview is no receipt: %s", tagless(sheet))
	}
	eachShop(t, func(t *testing.T, s *shop) {
		s.documented(billedBody)
		page := s.adminOK(manager, "/test/settings/business?locale=fr")
		for _, want := range []string{"Buyers get invoices", "Acme Coffee GmbH", "DE123456789", "TEST-AC-2025-000002", "TEST-AC-C-2025-000001", "locale=fr", "Europe/Berlin"} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is missing", want)
			}
		}
		for _, mode := range []string{"test", "live"} {
			sheet := s.adminOK(manager, "/"+mode+"/settings/business/sheet?locale=de")
			for _, want := range []string{"Rechnung", "2025-000000", "Acme Coffee GmbH", "Analytical Engines Ltd", "kein steuerliches Dokument"} {
				if !strings.Contains(sheet, want) {
					t.Errorf("the %s preview lacks %q: %s", mode, want, tagless(sheet))
				}
			}
		}
		for _, path := range []string{"/pdf", "/xml"} {
			if w := s.admin(manager, "/test/settings/business"+path+"?locale=en"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "2025-000000") {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
		if n := s.count("documents", "1 = 1"); n != 1 {
			t.Errorf("%d documents after the previews", n)
		}
	}, invoicing, func(c *Config) {
		c.Printer, c.Documents.Prefix = plainPrinter{}, "AC-"
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		c.Seller.TimeZone = zone
	})
}

func TestNumbersAreTakenApart(t *testing.T) {
	for _, series := range []string{"", "R-", "TEST-RR-", "AC/ME-2024-", "TEST-A1"} {
		for _, counter := range []int64{1, 999_999, 1_000_000, 123_456_789} {
			gotSeries, year, n, ok := splitNumber(documentNumber(series, 2026, counter))
			if gotSeries != series || year != 2026 || n != counter || !ok {
				t.Errorf("%s %d: %q %d %d %v", series, counter, gotSeries, year, n, ok)
			}
		}
	}
	for _, none := range []string{"", "-", "2026-1", "x-000001", "2026-00000x", "２０２６-000001", "2026-1234567890123456789"} {
		if _, _, _, ok := splitNumber(none); ok {
			t.Errorf("%q is taken for a number", none)
		}
	}
}
