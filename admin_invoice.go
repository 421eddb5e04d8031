package checkout

import (
	"net/http"
	"strconv"
)

// invoiceScreen is a document with everything that hangs on it.
type invoiceScreen struct {
	Row       invoiceRow
	Doc       Document
	Title     string
	Link      string // the buyer's, signed
	Intact    bool   // the content has the hash it was issued with
	PDF       bool
	PDFFailed string   // why the Printer cannot set it
	Related   []relate // the document it corrects, those that correct it
	Mails     []mailRow
	Lacks     []omission // why it is a receipt
}

// relate is another document of the same order.
type relate struct {
	ID, Number string
	Corrects   bool // the screen's document corrects it
}

// ownDocument is the document of the path, which must be of the page's mode.
func (a *adminCall) ownDocument() (documentRecord, error) {
	r, err := a.store.document(a.ctx(), a.r.PathValue("id"))
	if err == nil && r.Mode != a.mode {
		err = ErrNotFound
	}
	return r, err
}

// issuedDocument is the same once it has a number.
func (a *adminCall) issuedDocument() (Document, error) {
	r, err := a.ownDocument()
	if err != nil {
		return Document{}, err
	}
	d, err := r.issued()
	if err != nil {
		return Document{}, err
	}
	return *d, nil
}

// getInvoice is GET /{mode}/invoices/{id}.
func (a *adminCall) getInvoice() error {
	r, err := a.ownDocument()
	if err != nil {
		return err
	}
	s := invoiceScreen{Row: invoiceRow{documentRecord: r}}
	if r.State == documentIssued {
		if err := a.addIssued(&s, r); err != nil {
			return err
		}
	}
	mails, err := a.store.mailsOfDocument(a.ctx(), r.ID)
	if err != nil {
		return err
	}
	for _, m := range mails {
		s.Mails = append(s.Mails, mailRow{m})
	}
	h := a.w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
	return a.show(http.StatusOK, "invoice", "invoice", s)
}

func (a *adminCall) addIssued(s *invoiceScreen, r documentRecord) (err error) {
	if s.Doc, err = r.document(); err != nil {
		return err
	}
	s.Title = a.sheetOf(s.Doc).Title
	s.Intact = sha256Hex(*r.Content) == orEmpty(r.SHA256)
	if s.Link, err = a.DocumentURL(a.ctx(), r.ID); err != nil {
		return err
	}
	if s.PDF = a.cfg.Printer != nil; s.PDF {
		if _, err := a.DocumentPDF(a.ctx(), s.Doc); err != nil {
			s.PDFFailed = shorten(err.Error(), 500)
		}
	}
	if s.Doc.Kind == KindReceipt {
		if s.Lacks, err = a.lacks(s.Doc); err != nil {
			return err
		}
	}
	return a.addRelated(s, r)
}

// lacks is what keeps an order from having an invoice, as things are now.
func (a *adminCall) lacks(d Document) ([]omission, error) {
	rec, err := a.store.session(a.ctx(), d.SessionID)
	if err != nil {
		return nil, err
	}
	items, err := rec.items()
	return a.preflight(rec, items, d.Buyer), err
}

func (a *adminCall) addRelated(s *invoiceScreen, r documentRecord) error {
	list, err := a.store.documentsOfSession(a.ctx(), r.SessionID)
	for _, other := range list {
		switch {
		case other.ID == r.ID || other.Number == nil:
		case r.RefundID == nil:
			s.Related = append(s.Related, relate{ID: other.ID, Number: *other.Number})
		case other.RefundID == nil:
			s.Related = append(s.Related, relate{ID: other.ID, Number: *other.Number, Corrects: true})
		}
	}
	return err
}

// getInvoiceSheet is GET /{mode}/invoices/{id}/sheet: the document for the frame of our own page only.
func (a *adminCall) getInvoiceSheet() error {
	d, err := a.issuedDocument()
	if err != nil {
		return err
	}
	return a.writeSheet(d)
}

func (a *adminCall) writeSheet(d Document) error {
	file, err := a.sheetFile(a.sheetOf(d))
	if err != nil {
		return err
	}
	a.framedByUs()
	h := a.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(file)))
	_, _ = a.w.Write(file)
	return nil
}

// framedByUs is the profile of what stands in a frame of our own page: it runs and loads nothing.
func (a *adminCall) framedByUs() {
	h := a.w.Header()
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
}

// getInvoicePDF is GET /{mode}/invoices/{id}/pdf.
func (a *adminCall) getInvoicePDF() error {
	d, err := a.issuedDocument()
	if err != nil {
		return err
	}
	return a.writePDF(a.w, a.r, d)
}

// getInvoiceXML is GET /{mode}/invoices/{id}/xml.
func (a *adminCall) getInvoiceXML() error {
	d, err := a.issuedDocument()
	if err != nil {
		return err
	}
	return a.writeXML(a.w, d)
}

// getInvoiceJSON is GET /{mode}/invoices/{id}/json: exactly the bytes that were issued and hashed.
func (a *adminCall) getInvoiceJSON() error {
	r, err := a.ownDocument()
	if err != nil {
		return err
	}
	d, err := r.issued()
	if err != nil {
		return err
	}
	writeFile(a.w, "application/json", fileName(*d)+".json", []byte(*r.Content))
	return nil
}

// getInvoiceAgain leads from the address of the action, which a browser keeps, back to the document.
func (a *adminCall) getInvoiceAgain() error { return a.seeOther("/invoices/"+a.pathID(), "") }

// postInvoiceSend is POST /{mode}/invoices/{id}/send: a copy for the buyer.
func (a *adminCall) postInvoiceSend() error {
	r, err := a.ownDocument()
	if err != nil {
		return err
	}
	if _, err := a.SendDocument(a.ctx(), r.ID); err != nil {
		return err
	}
	return a.seeOther("/invoices/"+r.ID, "mail.queued")
}
