package checkout

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	invoicesPerPage = 50
	waitingShown    = 20  // documents without a number
	monthsShown     = 240 // to choose from
)

var documentKinds = []DocumentKind{KindInvoice, KindCreditNote, KindReceipt, KindRefundReceipt}

// invoicesScreen is the list of documents with its filter.
type invoicesScreen struct {
	Rows         []invoiceRow
	Waiting      []invoiceRow // without a number yet, on the first page
	Kinds        []DocumentKind
	Kind         DocumentKind
	Months       []string // YYYY-MM
	Month, Find  string
	Filtered     bool
	CSV, ZIP     string // addresses; without a month there is no ZIP
	Newer, Older string
}

// invoiceRow is a document as the admin lists it.
type invoiceRow struct {
	documentRecord
	Mail *mailRow // the last one that carried it
}

// Name and Word are the number and the kind, Trouble is why the document was not issued.
func (r invoiceRow) Name() string      { return orEmpty(r.Number) }
func (r invoiceRow) Word() string      { return orEmpty(r.Kind) }
func (r invoiceRow) BuyerName() string { return orEmpty(r.Buyer) }
func (r invoiceRow) Trouble() string   { return orEmpty(r.Failure) }

// VAT is the tax in minor units, once the document is issued.
func (r invoiceRow) VAT() int64 {
	if r.Tax == nil {
		return 0
	}
	return *r.Tax
}

// Issued and Next are times for people.
func (r invoiceRow) Issued() any {
	if r.IssuedAt == nil {
		return nil
	}
	return fromMillis(*r.IssuedAt)
}
func (r invoiceRow) Next() any { return fromMillis(r.NextAt) }

// getInvoices is GET /{mode}/invoices.
func (a *adminCall) getInvoices() error {
	f, s, err := a.invoiceFilter()
	if err != nil {
		return err
	}
	records, err := a.foundInvoices(s.Find)
	if s.Find == "" {
		records, err = a.invoicePage(f, s)
	}
	if err != nil {
		return err
	}
	if s.Rows, err = a.invoiceRows(records); err != nil {
		return err
	}
	if !s.Filtered && f.After == nil && f.Before == nil {
		waiting, err := a.store.waitingDocuments(a.ctx(), a.mode, waitingShown)
		if err != nil {
			return err
		}
		for _, r := range waiting {
			s.Waiting = append(s.Waiting, invoiceRow{documentRecord: r})
		}
	}
	return a.show(http.StatusOK, "invoices", "invoices", s)
}

// invoiceFilter reads the address. What makes no sense filters nothing.
func (a *adminCall) invoiceFilter() (f documentFilter, s *invoicesScreen, err error) {
	q := a.r.URL.Query()
	s = &invoicesScreen{Kinds: documentKinds, Find: strings.TrimSpace(shorten(q.Get("find"), 100))}
	f = documentFilter{Mode: a.mode, Limit: invoicesPerPage}
	if kind := DocumentKind(q.Get("kind")); slices.Contains(documentKinds, kind) {
		s.Kind, f.Kind = kind, kind
	}
	if f.From, f.To = a.month(q.Get("month")); !f.From.IsZero() {
		s.Month = q.Get("month")
	}
	if s.Months, err = a.months(); err != nil {
		return f, s, err
	}
	s.Filtered = string(s.Kind)+s.Month+s.Find != ""
	s.CSV = "/invoices.csv" + s.query("", "")
	if s.Month != "" {
		s.ZIP = "/invoices.zip" + s.query("", "")
	}
	if f.After, err = a.invoiceCursor(q.Get("after")); err == nil && f.After == nil {
		f.Before, err = a.invoiceCursor(q.Get("before"))
	}
	return f, s, err
}

// month is a month of the seller's calendar, both zero for what is none.
func (a *adminCall) month(text string) (from, to time.Time) {
	first, err := time.ParseInLocation("2006-01", text, a.cfg.Seller.TimeZone)
	if err != nil || first.Year() < 1970 {
		return from, to
	}
	return first, first.AddDate(0, 1, 0)
}

// months are those from the first document to now, the newest first.
func (a *adminCall) months() (list []string, err error) {
	first, err := a.store.firstDocument(a.ctx(), a.mode)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	now := a.now().In(a.cfg.Seller.TimeZone)
	for m := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location()); err == nil && len(list) < monthsShown; m = m.AddDate(0, -1, 0) {
		list = append(list, m.Format("2006-01"))
		if !m.After(first) {
			break
		}
	}
	return list, err
}

// invoiceCursor is a document of the list, nil for what is none.
func (a *adminCall) invoiceCursor(id string) (*documentRecord, error) {
	r, err := a.store.document(a.ctx(), id)
	if errors.Is(err, ErrNotFound) || err == nil && (r.Mode != a.mode || r.IssuedAt == nil) {
		return nil, nil
	}
	return &r, err
}

// foundInvoices is what a number, an order's id or a document's own id means.
func (a *adminCall) foundInvoices(find string) (list []documentRecord, err error) {
	var r documentRecord
	series, year, counter, isNumber := splitNumber(find)
	switch {
	case find == "":
		return nil, nil
	case isID(prefixSession, find):
		list, err = a.store.documentsOfSession(a.ctx(), find)
	case isID(prefixDocument, find):
		r, err = a.store.document(a.ctx(), find)
		list = []documentRecord{r}
	case isNumber:
		r, err = a.store.documentByNumber(a.ctx(), series, year, counter)
		list = []documentRecord{r}
	}
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return slices.DeleteFunc(list, func(r documentRecord) bool { return r.Mode != a.mode }), err
}

func (a *adminCall) invoicePage(f documentFilter, s *invoicesScreen) ([]documentRecord, error) {
	records, err := a.store.listDocuments(a.ctx(), f)
	records, more := page(records, f.Limit, f.Before != nil)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	if f.After != nil || f.Before != nil && more {
		s.Newer = "/invoices" + s.query("before", records[0].ID)
	}
	if f.Before != nil || more {
		s.Older = "/invoices" + s.query("after", records[len(records)-1].ID)
	}
	return records, nil
}

// invoiceRows adds the mails to documents.
func (a *adminCall) invoiceRows(records []documentRecord) (rows []invoiceRow, err error) {
	mails, err := a.store.lastMails(a.ctx(), records)
	for _, r := range records {
		row := invoiceRow{documentRecord: r}
		if m, ok := mails[r.ID]; ok {
			row.Mail = &mailRow{m}
		}
		rows = append(rows, row)
	}
	return rows, err
}

// query is the filter of the list as it stands in an address, with a cursor or without.
func (s *invoicesScreen) query(cursor, id string) string {
	q := url.Values{}
	for name, value := range map[string]string{"kind": string(s.Kind), "month": s.Month, cursor: id} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
