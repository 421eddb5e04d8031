package checkout

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/money"
)

// invoiceColumns are the columns of the CSV, one document a line, the oldest first.
//
// Amounts come twice: as a decimal of the currency's ISO 4217 digits with a dot, and in minor units; they are positive in
// credit notes too, which kind tells apart. Days are those of the seller's calendar. taxes is JSON with an object for each
// rate. sha256 is that of the JSON the document was issued as. Texts that a spreadsheet would take for a formula begin with
// an apostrophe.
var invoiceColumns = []string{
	"number", "kind", "issued_on", "supplied_on", "mode", "currency", "gross", "gross_minor", "net", "net_minor", "tax", "tax_minor", "taxes",
	"buyer", "buyer_country", "buyer_vat_id", "customer_email", "client_reference_id", "payment_method", "corrects", "session_id", "refund_id", "id", "sha256",
}

func (r documentRecord) csv(d Document) []string {
	taxes, err := json.Marshal(d.Taxes)
	if err != nil { // plain strings and integers
		taxes = nil
	}
	corrects := ""
	if d.Corrects != nil {
		corrects = d.Corrects.Number
	}
	line := []string{
		d.Number, string(d.Kind), d.IssuedOn, d.SuppliedOn, string(r.Mode), d.Currency, money.Decimal(d.GrossCents, d.Currency), strconv.FormatInt(d.GrossCents, 10),
		money.Decimal(d.NetCents, d.Currency), strconv.FormatInt(d.NetCents, 10), money.Decimal(d.TaxCents, d.Currency), strconv.FormatInt(d.TaxCents, 10), string(taxes),
		d.Buyer.Name, d.Buyer.Country, d.Buyer.VATID, d.Buyer.Email, orEmpty(d.Reference), orEmpty(d.Method), corrects, d.SessionID, orEmpty(d.RefundID), d.ID,
		orEmpty(r.SHA256),
	}
	for i := range line {
		line[i] = noFormula(line[i])
	}
	return line
}

// eachDocument reads all documents of a filter, the oldest first, a batch at a time. The database is not held while do works.
func (c *Checkout) eachDocument(ctx context.Context, f documentFilter, do func(documentRecord, Document) error) error {
	f.Contents, f.Limit, f.After, f.Before = true, exportBatch, nil, &documentRecord{IssuedAt: new(int64)}
	for {
		batch, err := c.store.listDocuments(ctx, f)
		if err != nil {
			return err
		}
		more := len(batch) > f.Limit
		for _, r := range batch[:min(len(batch), f.Limit)] {
			d, err := r.document()
			if err == nil {
				err = do(r, d)
			}
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			f.Before = &r
		}
		if !more {
			return nil
		}
	}
}

// invoicesCSV begins a CSV with its header line.
func invoicesCSV(to io.Writer) (*csv.Writer, error) {
	if _, err := io.WriteString(to, byteOrderMark); err != nil {
		return nil, err
	}
	out := csv.NewWriter(to)
	out.UseCRLF = true
	return out, out.Write(invoiceColumns)
}

// getInvoicesCSV is GET /{mode}/invoices.csv: the list's filter, all pages, streamed.
func (a *adminCall) getInvoicesCSV() error {
	f, s, err := a.invoiceFilter()
	if err != nil {
		return err
	}
	defer a.startExport("text/csv; charset=utf-8; header=present", a.exportName(s, ".csv"))()
	out, err := invoicesCSV(a.w)
	if err == nil {
		err = a.eachDocument(a.ctx(), f, func(r documentRecord, d Document) error { return out.Write(r.csv(d)) })
	}
	out.Flush()
	if err = errors.Join(err, out.Error()); err != nil {
		a.breakOff(err, csvIncomplete)
	}
	return nil
}

func (a *adminCall) exportName(s *invoicesScreen, ending string) string {
	name := "invoices-" + string(a.mode)
	if s.Kind != "" {
		name += "-" + string(s.Kind)
	}
	if s.Month != "" {
		return name + "-" + s.Month + ending
	}
	return name + "-until-" + a.now().In(a.cfg.Seller.TimeZone).Format(time.DateOnly) + ending
}

var errNoMonth = &Error{
	Status: http.StatusBadRequest, Type: typeInvalidRequest, Code: "parameter_missing", Param: "month", Message: "Name a month, like ?month=2025-01: a ZIP holds the documents of one.",
}

// getInvoicesZIP is GET /{mode}/invoices.zip?month=: the documents of a month as PDF, XML and JSON, with the CSV and a list of
// hashes, streamed.
func (a *adminCall) getInvoicesZIP() error {
	f, s, err := a.invoiceFilter()
	if err != nil {
		return err
	}
	if s.Month == "" {
		return errNoMonth
	}
	z, err := a.newInvoicesZIP()
	if err != nil {
		return err
	}
	defer z.close()
	defer a.startExport("application/zip", a.exportName(s, ".zip"))()
	if err := z.writeAll(f); err != nil {
		a.breakOff(err, "")
	}
	return nil
}

// invoicesZIP writes an archive whose lists grow with it: they wait in temporary files. What stays in memory is the archive's own
// directory, some 200 bytes for each of at most three files of a document.
type invoicesZIP struct {
	a     *adminCall
	zip   *zip.Writer
	list  *os.File
	lines *csv.Writer
	sums  *os.File
}

func (a *adminCall) newInvoicesZIP() (z *invoicesZIP, err error) {
	z = &invoicesZIP{a: a, zip: zip.NewWriter(a.w)}
	if z.list, err = os.CreateTemp("", "checkout-invoices-*"); err != nil {
		return nil, err
	}
	if z.sums, err = os.CreateTemp("", "checkout-sums-*"); err == nil {
		z.lines, err = invoicesCSV(z.list)
	}
	if err != nil {
		z.close()
	}
	return z, err
}

func (z *invoicesZIP) close() {
	for _, f := range []*os.File{z.list, z.sums} {
		if f != nil {
			_ = f.Close() // it is deleted
			_ = os.Remove(f.Name())
		}
	}
}

func (z *invoicesZIP) writeAll(f documentFilter) error {
	if err := z.a.eachDocument(z.a.ctx(), f, z.document); err != nil {
		return err
	}
	z.lines.Flush()
	if err := z.lines.Error(); err != nil {
		return err
	}
	if err := z.spooled("invoices.csv", z.list); err != nil {
		return err
	}
	if err := z.spooled("SHA256SUMS", z.sums); err != nil {
		return err
	}
	return z.zip.Close()
}

// document writes the files of a document. One that cannot be set as PDF is there as HTML, so that none is missing.
func (z *invoicesZIP) document(r documentRecord, d Document) error {
	if err := z.lines.Write(r.csv(d)); err != nil {
		return err
	}
	at, name := fromMillis(*r.IssuedAt), fileName(d)
	if _, err := fmt.Fprintf(z.sums, "%s  json/%s.json\n", *r.SHA256, name); err != nil { // as it was issued
		return err
	}
	if err := z.store("json/"+name+".json", at, []byte(*r.Content)); err != nil {
		return err
	}
	if d.Profile != "" {
		content, err := z.a.DocumentXML(d)
		if err == nil {
			err = z.file("xml/"+name+".xml", at, content)
		}
		if err != nil {
			return err
		}
	}
	content, err := z.a.DocumentPDF(z.a.ctx(), d)
	if err == nil {
		return z.file("pdf/"+name+".pdf", at, content)
	}
	if !errors.Is(err, ErrNoFormat) {
		z.a.cfg.Logger.WarnContext(z.a.ctx(), "checkout: a document has no PDF", "object", shortID(d.ID), "error", err)
	}
	if content, err = z.a.sheetFile(z.a.sheetOf(d)); err != nil {
		return err
	}
	return z.file("html/"+name+".html", at, content)
}

// file stores content and notes its hash, as sha256sum writes it.
func (z *invoicesZIP) file(name string, at time.Time, content []byte) error {
	if _, err := fmt.Fprintf(z.sums, "%x  %s\n", sha256.Sum256(content), name); err != nil {
		return err
	}
	return z.store(name, at, content)
}

func (z *invoicesZIP) store(name string, at time.Time, content []byte) error {
	method := zip.Deflate
	if strings.HasSuffix(name, ".pdf") { // is compressed already
		method = zip.Store
	}
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: at})
	if err == nil {
		_, err = w.Write(content)
	}
	return err
}

func (z *invoicesZIP) spooled(name string, from *os.File) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: z.a.now()})
	if err == nil {
		_, err = io.Copy(w, from)
	}
	return err
}
