package checkoutpdf

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"

	"github.com/jopay/checkout"
)

const (
	nbsp     = '\u00a0'
	maxNamed = 10 // characters that an error names
	ownMarks = "0123456789/"
)

// ErrRightToLeft is for sheets whose Dir is rtl. No font helps.
var ErrRightToLeft = errors.New("checkoutpdf: pages from right to left cannot be set")

// GlyphError names the characters of a sheet that cannot be set.
type GlyphError struct {
	Missing  []rune // not in the fonts, sorted
	Unshaped []rune // that have to be shaped, or run from right to left, sorted
}

func (e *GlyphError) Error() string {
	var parts []string
	if len(e.Unshaped) > 0 {
		parts = append(parts, "cannot set "+named(e.Unshaped)+": it can neither shape letters nor write from right to left")
	}
	if len(e.Missing) > 0 {
		parts = append(parts, "the font has no "+named(e.Missing)+": set Config.Font to a TrueType font that has them")
	}
	return "checkoutpdf: " + strings.Join(parts, "; ")
}

// named lists characters with their code points and scripts.
func named(runes []rune) string {
	var list []string
	for _, r := range runes[:min(len(runes), maxNamed)] {
		if s := script(r); s != "" {
			list = append(list, fmt.Sprintf("%q (%U, %s)", string(r), r, s))
		} else {
			list = append(list, fmt.Sprintf("%q (%U)", string(r), r))
		}
	}
	if more := len(runes) - maxNamed; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// script is a character's script, empty for what many scripts have in common.
func script(r rune) string {
	for name, table := range unicode.Scripts {
		if name != "Common" && name != "Inherited" && unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// plain are the scripts of which every letter is one glyph, and stands beside the one before it.
var plain = []*unicode.RangeTable{
	unicode.Common, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Ethiopic, unicode.Cherokee, unicode.Han,
	unicode.Bopomofo, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
}

// shaped tells whether a character needs more than its glyph: marks that stand on a letter, scripts from right to left,
// and those whose letters join, change, reorder or stack.
func shaped(r rune) bool {
	return unicode.Is(unicode.M, r) || unicode.IsLetter(r) && !unicode.In(r, plain...)
}

// face is a font with its table of characters.
type face struct {
	ttf  []byte
	font *sfnt.Font
}

// parseFace accepts what the PDF library can embed: one font with TrueType outlines.
func parseFace(field string, ttf []byte) (face, error) {
	if !strings.HasPrefix(string(ttf), "\x00\x01\x00\x00") && !strings.HasPrefix(string(ttf), "true") {
		return face{}, fmt.Errorf("checkoutpdf: %s is not a TrueType font: it must be one .ttf with TrueType outlines", field)
	}
	font, err := sfnt.Parse(ttf)
	if err != nil {
		return face{}, fmt.Errorf("checkoutpdf: %s: %w", field, err)
	}
	f := face{ttf, font}
	if !f.has(&sfnt.Buffer{}, nbsp) {
		return face{}, fmt.Errorf("checkoutpdf: %s has no no-break space (U+00A0)", field)
	}
	return f, nil
}

// has tells whether the font has a glyph. The library embeds the basic plane only.
func (f face) has(b *sfnt.Buffer, r rune) bool {
	if r > 0xffff {
		return false
	}
	glyph, err := f.font.GlyphIndex(b, r)
	return err == nil && glyph != 0
}

// cleaner makes text that can be set, and remembers what cannot.
type cleaner struct {
	p        *Printer
	buffer   sfnt.Buffer
	known    map[rune]bool
	missing  []rune
	unshaped []rune
	size     int
}

// prepare checks a sheet and gives a copy in which every character has a glyph.
func (p *Printer) prepare(s checkout.Sheet) (checkout.Sheet, error) {
	if s.Dir == "rtl" {
		return s, ErrRightToLeft
	}
	if len(s.Lines) > maxLines {
		return s, fmt.Errorf("checkoutpdf: %d lines, at most %d can be set", len(s.Lines), maxLines)
	}
	c := &cleaner{p: p, known: map[rune]bool{}}
	s = c.sheet(s)
	c.text(ownMarks)
	switch {
	case c.size > maxText:
		return s, fmt.Errorf("checkoutpdf: %d bytes of text, at most %d can be set", c.size, maxText)
	case len(c.missing) > 0 || len(c.unshaped) > 0:
		slices.Sort(c.missing)
		slices.Sort(c.unshaped)
		return s, &GlyphError{Missing: c.missing, Unshaped: c.unshaped}
	}
	return s, nil
}

var notLang = regexp.MustCompile(`[^A-Za-z0-9-]`)

func (c *cleaner) sheet(s checkout.Sheet) checkout.Sheet {
	s.Lang = notLang.ReplaceAllString(s.Lang, "")
	s.Title, s.Test, s.BuyerWord = c.text(s.Title), c.text(s.Test), c.text(s.BuyerWord)
	s.Seller, s.Buyer, s.Notes, s.Footer = c.texts(s.Seller), c.texts(s.Buyer), c.texts(s.Notes), c.texts(s.Footer)
	h := s.Columns
	s.Columns = checkout.SheetColumns{Name: c.text(h.Name), Quantity: c.text(h.Quantity), Unit: c.text(h.Unit), Rate: c.text(h.Rate), Amount: c.text(h.Amount)}
	s.Facts, s.Lines, s.Totals = slices.Clone(s.Facts), slices.Clone(s.Lines), slices.Clone(s.Totals)
	for i, f := range s.Facts {
		s.Facts[i] = checkout.SheetFact{Label: c.text(f.Label), Value: c.text(f.Value)}
	}
	for i, l := range s.Lines {
		s.Lines[i] = checkout.SheetLine{
			Name: c.text(l.Name), Detail: c.text(l.Detail), Quantity: c.text(l.Quantity), Unit: c.text(l.Unit), Rate: c.text(l.Rate), Amount: c.text(l.Amount),
		}
	}
	for i, t := range s.Totals {
		s.Totals[i].Label, s.Totals[i].Amount = c.text(t.Label), c.text(t.Amount)
	}
	return s
}

func (c *cleaner) texts(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = c.text(s)
	}
	return out
}

// text composes letters with their marks, and maps every character with [cleaner.char].
func (c *cleaner) text(s string) string {
	c.size += len(s)
	return strings.Map(c.char, norm.NFC.String(strings.ToValidUTF8(s, "\ufffd")))
}

// char gives what is set for a character: nothing for invisible ones, and the plain form of spaces and hyphens that few
// fonts have.
func (c *cleaner) char(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return ' '
	case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r): // controls, marks of direction, soft hyphens
		return -1
	case c.can(r):
		return r
	case unicode.Is(unicode.Zs, r) && r != ' ':
		return nbsp
	case (r == '\u2010' || r == '\u2011') && c.can('-'):
		return '-'
	}
	list := &c.missing
	if shaped(r) {
		list = &c.unshaped
	}
	if !slices.Contains(*list, r) {
		*list = append(*list, r)
	}
	return r
}

// can tells whether a character has a glyph in both fonts and stands for itself.
func (c *cleaner) can(r rune) bool {
	ok, asked := c.known[r]
	if !asked {
		ok = c.p.regular.has(&c.buffer, r) && c.p.bold.has(&c.buffer, r) && !shaped(r)
		c.known[r] = ok
	}
	return ok
}
