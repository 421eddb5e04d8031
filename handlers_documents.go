package checkout

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// documentBody is a document as the API shows it.
type documentBody struct {
	Document
	URL string `json:"url"` // for the buyer, signed
}

// getDocuments is GET /invoices?session_id=: what was issued for one session.
func (c *Checkout) getDocuments(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.sessionOfQuery(r)
	if err != nil {
		return err
	}
	documents, err := c.Documents(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	list := make([]documentBody, len(documents))
	for i, d := range documents {
		if list[i], err = c.documentBody(r, d); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: list, URL: c.cfg.APIPath + "/invoices?session_id=" + rec.ID})
}

func (c *Checkout) documentBody(r *http.Request, d Document) (documentBody, error) {
	url, err := c.DocumentURL(r.Context(), d.ID)
	return documentBody{d, url}, err
}

// documentOfKey reads the document of the path in the key's mode, once it has its number.
func (c *Checkout) documentOfKey(r *http.Request) (*Document, error) {
	rec, err := c.documentRecordOfKey(r)
	if err != nil {
		return nil, err
	}
	return rec.issued()
}

func (c *Checkout) documentRecordOfKey(r *http.Request) (documentRecord, error) {
	mode := apiKey(r.Context()).Mode
	rec, err := c.store.document(r.Context(), r.PathValue("id"))
	if err == nil && rec.Mode != mode {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		err = ErrNotFound.saying("There is no such invoice in %s mode.", mode)
	}
	return rec, err
}

// getDocument is GET /invoices/{id}.
func (c *Checkout) getDocument(w http.ResponseWriter, r *http.Request) error {
	d, err := c.documentOfKey(r)
	if err != nil {
		return err
	}
	body, err := c.documentBody(r, *d)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

// getDocumentPDF is GET /invoices/{id}/pdf.
func (c *Checkout) getDocumentPDF(w http.ResponseWriter, r *http.Request) error {
	d, err := c.documentOfKey(r)
	if err != nil {
		return err
	}
	return c.writePDF(w, r, *d)
}

// postDocumentSend is POST /invoices/{id}/send: 202 with the mail that is on its way. It takes no body.
func (c *Checkout) postDocumentSend(w http.ResponseWriter, r *http.Request) error {
	if err := optionalBody(w, r, func(*object) {}); err != nil {
		return err
	}
	rec, err := c.documentRecordOfKey(r)
	if err != nil {
		return err
	}
	m, err := c.SendDocument(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, m)
}

func (c *Checkout) writePDF(w http.ResponseWriter, r *http.Request, d Document) error {
	pdf, err := c.DocumentPDF(r.Context(), d)
	if err != nil {
		return c.noPDF(r.Context(), d, err)
	}
	writeFile(w, "application/pdf", fileName(d)+".pdf", pdf)
	return nil
}

// noPDF tells the reader that there is none, and the host why.
func (c *Checkout) noPDF(ctx context.Context, d Document, err error) error {
	if errors.Is(err, ErrNoFormat) {
		return err
	}
	c.cfg.Logger.WarnContext(ctx, "checkout: a document has no PDF", "object", shortID(d.ID), "error", err)
	return ErrNoFormat.saying("This document cannot be set as PDF. Use its page, or the XML where there is one.").because(err)
}

// fileName is a document's number as file systems take it. A prefix may hold slashes and no underscores, so that different
// numbers stay different.
func fileName(d Document) string { return strings.ReplaceAll(d.Number, "/", "_") }

func writeFile(w http.ResponseWriter, contentType, name string, content []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(content)
}
