// Package checkoutpdf sets receipts, invoices and credit notes as PDF, on codeberg.org/go-pdf/fpdf and with the fonts of
// the Go project:
//
//	printer, err := checkoutpdf.New(checkoutpdf.Config{})
//	…
//	cfg.Printer = printer // of checkout.Config
//
// The text can be searched, copied and read aloud; language, title and author are stated. Latin, Greek and Cyrillic are
// there; see [Config] for what else a font of yours can do. The files are neither tagged nor PDF/A.
package checkoutpdf

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/jopay/checkout"
)

// What a sheet may hold at most.
const (
	maxLines = 1000
	maxText  = 256 << 10 // bytes of text in all
)

// Config are the fonts. A zero Config is ready to use.
type Config struct {
	// Font and Bold are TrueType fonts (.ttf, not .otf with CFF outlines and no collections) for characters that Go's fonts
	// do not have: signs of currencies like ₹ and ₺, Chinese, Japanese, Korean. Bold defaults to Font where that is set.
	// Scripts that run from right to left or have to be shaped (Arabic, Hebrew, Devanagari, Thai and others) cannot be set
	// with any font; Print refuses them. Defaults to Go Regular and Go Bold.
	Font, Bold []byte
}

// Printer is a [checkout.Printer]. It is safe for concurrent use, and the same sheet gives the same bytes.
type Printer struct{ regular, bold face }

var _ checkout.Printer = (*Printer)(nil)

// New reads the fonts. The error names the one that cannot be used and says why.
func New(cfg Config) (*Printer, error) {
	regular, bold := goregular.TTF, gobold.TTF
	if cfg.Font != nil {
		regular, bold = cfg.Font, cfg.Font
	}
	if cfg.Bold != nil {
		bold = cfg.Bold
	}
	var p Printer
	var err error
	if p.regular, err = parseFace("Config.Font", regular); err != nil {
		return nil, err
	}
	if p.bold, err = parseFace("Config.Bold", bold); err != nil {
		return nil, err
	}
	return &p, nil
}

// Print sets a sheet on pages of A4. It fails with [ErrRightToLeft] where the sheet runs from right to left, with a
// *[GlyphError] where characters are missing in the fonts or cannot be set, and where the logo is neither PNG nor JPEG or
// too large, or a part longer than a page.
func (p *Printer) Print(ctx context.Context, s checkout.Sheet) ([]byte, error) {
	s, err := p.prepare(s)
	if err != nil {
		return nil, err
	}
	pen := p.newPen(s)
	if err := pen.setLogo(s.Logo); err != nil {
		return nil, err
	}
	if err := (&layout{pen: pen, sheet: s, ctx: ctx}).run(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := pen.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("checkoutpdf: %w", err)
	}
	return withoutDates(out.Bytes()), nil
}

// noDate stands where the library insists on dates.
var noDate = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// withoutDates blanks the dates of making, which would differ from one run to the next or be untrue. Their places stay, so
// that no offset moves.
func withoutDates(pdf []byte) []byte {
	for _, key := range []string{"/CreationDate ", "/ModDate "} {
		entry := []byte(key + "(D:" + noDate.Format("20060102150405") + ")")
		if at := bytes.LastIndex(pdf, entry); at >= 0 {
			copy(pdf[at:], bytes.Repeat([]byte(" "), len(entry)))
		}
	}
	return pdf
}

func (p *Printer) newPen(s checkout.Sheet) *pen {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetMargins(0, 0, 0)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(noDate)
	pdf.SetModificationDate(noDate)
	pdf.SetProducer("", false)
	pdf.SetTitle(s.Title, true)
	pdf.SetLang(s.Lang)
	if len(s.Seller) > 0 {
		pdf.SetAuthor(s.Seller[0], true)
	}
	pdf.AddUTF8FontFromBytes(family, "", p.regular.ttf)
	pdf.AddUTF8FontFromBytes(family, "B", p.bold.ttf)
	return &pen{pdf: pdf}
}
