package checkout

import (
	"context"
	"errors"
	"net/http"
)

// documentOfPage reads the document of an address that we have signed. One that we have not is no different from one of a
// document that does not exist.
func (c *Checkout) documentOfPage(r *http.Request) (documentRecord, error) {
	good, err := c.mayRead(r.Context(), r.PathValue("id"), r.URL.Query().Get("key"))
	if err != nil {
		return documentRecord{}, err
	}
	rec, err := c.store.document(r.Context(), r.PathValue("id"))
	if err == nil && !good {
		err = ErrNotFound
	}
	return rec, c.slowed(r, err)
}

// getDocumentPage is GET /checkout/documents/{id}?key=: a document for reading and printing.
func (c *Checkout) getDocumentPage(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.documentOfPage(r)
	if err != nil {
		return err
	}
	v := c.blankPage(r, "document")
	v.LangSwitch, v.Test = false, rec.Mode == Test
	d, err := rec.issued()
	if errors.Is(err, ErrNotIssued) {
		v.State, v.Problem = "problem", "document_pending"
		w.Header().Set("Retry-After", "5")
		return c.render(w, r, http.StatusOK, v)
	}
	if err != nil {
		return err
	}
	v.Sheet = c.sheetOf(*d)
	v.Lang, v.Locale, v.Seller = v.Sheet.Lang, "", pageSeller{}
	key := "?key=" + r.URL.Query().Get("key")
	if c.printable(r.Context(), *d) {
		v.PDF = d.ID + "/pdf" + key
	}
	if d.Profile != "" {
		v.XML = d.ID + "/xml" + key
	}
	return c.render(w, r, http.StatusOK, v)
}

// printable tells whether a reader should be offered the PDF. A Printer that takes long is believed.
func (c *Checkout) printable(ctx context.Context, d Document) bool {
	ctx, cancel := context.WithTimeout(ctx, comeBack)
	defer cancel()
	_, err := c.DocumentPDF(ctx, d)
	return err == nil || ctx.Err() != nil
}

// getDocumentPagePDF is GET /checkout/documents/{id}/pdf?key=.
func (c *Checkout) getDocumentPagePDF(w http.ResponseWriter, r *http.Request) error {
	d, err := c.issuedOfPage(r)
	if err != nil {
		return err
	}
	return c.writePDF(w, r, *d)
}

func (c *Checkout) issuedOfPage(r *http.Request) (*Document, error) {
	rec, err := c.documentOfPage(r)
	if err != nil {
		return nil, err
	}
	return rec.issued()
}
