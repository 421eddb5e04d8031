package checkout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Document gives a document of either mode as it was issued. The errors are [ErrNotFound] and [ErrNotIssued].
func (c *Checkout) Document(ctx context.Context, id string) (*Document, error) {
	rec, err := c.store.document(ctx, id)
	if err != nil {
		return nil, err
	}
	return rec.issued()
}

func (r documentRecord) issued() (*Document, error) {
	if r.State != documentIssued {
		return nil, ErrNotIssued
	}
	d, err := r.document()
	return &d, err
}

// Documents are the issued documents of a session: its own first, then those of its refunds. A session that does not exist
// has none.
func (c *Checkout) Documents(ctx context.Context, sessionID string) ([]Document, error) {
	records, err := c.store.documentsOfSession(ctx, sessionID)
	list := []Document{}
	for _, rec := range records {
		if rec.State != documentIssued {
			continue
		}
		d, failed := rec.document()
		err = errors.Join(err, failed)
		list = append(list, d)
	}
	return list, err
}

// DocumentSheet words a document in the language of its buyer.
func (c *Checkout) DocumentSheet(d Document) Sheet { return c.sheetOf(d) }

// DocumentPDF prints a document with Config.Printer, within 20 seconds. Without one it is [ErrNoFormat]; other errors are the Printer's.
func (c *Checkout) DocumentPDF(ctx context.Context, d Document) ([]byte, error) {
	if c.cfg.Printer == nil {
		return nil, ErrNoFormat
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return outlast(ctx, func(ctx context.Context) ([]byte, error) { return c.cfg.Printer.Print(ctx, c.sheetOf(d)) })
}

// DocumentURL is the address at which the buyer finds a document, signed: whoever has it may read that one document.
func (c *Checkout) DocumentURL(ctx context.Context, id string) (string, error) {
	key, err := c.secretKey(ctx)
	if err != nil {
		return "", err
	}
	return c.base + c.cfg.PagePath + "/documents/" + id + "?key=" + documentKey(key, id), nil
}

func documentKey(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("document\n" + id))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// mayRead tells whether an address was signed by us, also with an earlier SecretKey.
func (c *Checkout) mayRead(ctx context.Context, id, signature string) (bool, error) {
	key, err := c.secretKey(ctx)
	if err != nil {
		return false, err
	}
	good := false
	for _, k := range append([][]byte{key}, c.cfg.OldSecretKeys...) {
		good = hmac.Equal([]byte(documentKey(k, id)), []byte(signature)) || good
	}
	return good, nil
}
