package checkoutsepa

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// maxDepth is far deeper than any camt message goes.
const maxDepth = 64

// ReadCAMT reads a statement (camt.053) or a notification (camt.054) of ISO 20022, in any version: elements are known by
// their names. It gives every entry, in the order of the file, those that are no payment with the reason. An entry that
// cannot be understood is a line with a Problem; a file that is no such message, is broken off, or is larger than 64 MiB is
// an error that tells the row.
//
// Where an entry stands for several transfers each of them is a line with its own amount, and they must add up to the entry.
//
// A line of a statement and the same one of a notification have one [Line.Key] if the bank tells the same booking day in both.
// An entry without a reference of the bank's (AcctSvcrRef) is known by what it says: equal ones are counted within a file, so
// equal ones of one day in two notifications are one. Read the statement where a bank gives no references.
func ReadCAMT(r io.Reader) ([]Line, error) {
	c := newCamtReader(&bounded{r, maxFile})
	if err := c.document(); err != nil {
		return nil, fmt.Errorf("checkoutsepa: row %d: %w", c.row(), err)
	}
	return withKeys(c.drafts), nil
}

// camtReader walks through a file element by element and keeps nothing but the lines.
type camtReader struct {
	*xml.Decoder
	source  *guarded
	records int
	drafts  []draft
}

func newCamtReader(r io.Reader) *camtReader {
	source := &guarded{Decoder: xml.NewDecoder(r)}
	source.CharsetReader = charset
	return &camtReader{Decoder: xml.NewTokenDecoder(source), source: source}
}

func (c *camtReader) row() int {
	line, _ := c.source.InputPos()
	return line
}

// guarded refuses what no bank writes before anything is built from it.
type guarded struct {
	*xml.Decoder
	depth int
}

func (g *guarded) Token() (xml.Token, error) {
	token, err := g.Decoder.Token()
	switch token.(type) {
	case xml.StartElement:
		if g.depth++; g.depth > maxDepth {
			return nil, errors.New("the elements are nested too deeply")
		}
	case xml.EndElement:
		g.depth--
	case xml.Directive:
		return nil, errors.New("a document type has no place in a bank's file")
	}
	return token, err
}

// charset reads the encodings of Western banks beside UTF-8.
func charset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "iso-8859-1", "latin1", "windows-1252", "us-ascii":
		return charmap.Windows1252.NewDecoder().Reader(r), nil
	case "iso-8859-15":
		return charmap.ISO8859_15.NewDecoder().Reader(r), nil
	}
	return nil, fmt.Errorf("encoding %q is not known", label)
}

func (c *camtReader) document() error {
	found := false
	err := c.children(func(root xml.StartElement) error {
		if root.Name.Local != "Document" || found {
			return fmt.Errorf("<%s> is no message of ISO 20022", root.Name.Local)
		}
		found = true
		return c.children(c.message)
	})
	if err != nil {
		return err
	}
	if c.records == 0 {
		return errors.New("there is no statement in the file")
	}
	return nil
}

// children calls a function for every element up to the end of the one that is open, or of the file.
func (c *camtReader) children(each func(xml.StartElement) error) error {
	for {
		token, err := c.Token()
		if errors.Is(err, io.EOF) {
			return nil // of the file: inside an element the decoder has another word for it
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := each(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

func (c *camtReader) message(m xml.StartElement) error {
	switch m.Name.Local {
	case "BkToCstmrStmt":
		return c.children(c.recordsNamed("Stmt"))
	case "BkToCstmrDbtCdtNtfctn":
		return c.children(c.recordsNamed("Ntfctn"))
	case "BkToCstmrAcctRpt":
		return errors.New("this is a camt.052, which tells of the day so far: take the statement (camt.053) or the notification (camt.054)")
	}
	return fmt.Errorf("<%s> is neither a statement (camt.053) nor a notification (camt.054)", m.Name.Local)
}

func (c *camtReader) recordsNamed(name string) func(xml.StartElement) error {
	return func(e xml.StartElement) error {
		if e.Name.Local != name {
			return c.Skip()
		}
		c.records++
		return c.record()
	}
}

// record reads one account's statement. The account stands before its entries.
func (c *camtReader) record() error {
	account := ""
	return c.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "Acct":
			var a camtAccount
			if err := c.DecodeElement(&a, &e); err != nil {
				return err
			}
			account = a.name()
			return nil
		case "Ntry":
			if account == "" {
				return errors.New("an entry belongs to no account")
			}
			return c.entry(e, account)
		}
		return c.Skip()
	})
}

func (c *camtReader) entry(start xml.StartElement, account string) error {
	row := c.row()
	var e camtEntry
	if err := c.DecodeElement(&e, &start); err != nil {
		return err
	}
	c.drafts = append(c.drafts, e.drafts(account, row)...)
	return nil
}
