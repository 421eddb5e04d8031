package checkoutpdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/jopay/checkout"
)

func newPrinter(t testing.TB) *Printer {
	t.Helper()
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func printed(t testing.TB, p *Printer, s checkout.Sheet) []byte {
	t.Helper()
	pdf, err := p.Print(context.Background(), s)
	if err != nil {
		t.Fatalf("%s: %v", s.Title, err)
	}
	return pdf
}

// read runs a program of poppler-utils on a PDF.
func read(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED-NEEDS-POPPLER: PDFs are read with %s of poppler-utils, which is not installed", name)
	}
	file := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(slices.Clone(args), file)
	if name == "pdftotext" {
		args = append(args, "-") // standard output
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// wordsOf are all texts of a sheet that a reader must find.
func wordsOf(s checkout.Sheet) []string {
	list := []string{s.Title, s.Test, s.BuyerWord}
	list = append(append(append(append(list, s.Seller...), s.Buyer...), s.Notes...), s.Footer...)
	for _, f := range s.Facts {
		list = append(list, f.Label, f.Value)
	}
	if len(s.Lines) > 0 {
		list = append(list, s.Columns.Name, s.Columns.Quantity, s.Columns.Unit, s.Columns.Amount)
	}
	for _, l := range s.Lines {
		list = append(list, l.Name, l.Detail, l.Quantity, l.Unit, l.Rate, l.Amount)
	}
	for _, t := range s.Totals {
		list = append(list, t.Label, t.Amount)
	}
	return list
}

// bare is a text without any space, which lines of a page break in their own way.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\f' {
			return -1
		}
		return r
	}, s)
}

// Another program reads every figure and word of the sheet in the PDF, and its language, title, author and pages.
func TestPDFsSayWhatTheSheetSays(t *testing.T) {
	p := newPrinter(t)
	pages := map[string]string{"hundred": "5", "invoice": "1", "long": "2", "endless": "2", "receipt": "1"}
	for name, s := range sheets(t) {
		pdf := printed(t, p, s)
		raw := bare(read(t, pdf, "pdftotext", "-enc", "UTF-8", "-raw"))
		laid := read(t, pdf, "pdftotext", "-enc", "UTF-8", "-layout")
		for _, text := range wordsOf(s) {
			if long := strings.Count(text, "länger"); long > 100 { // goes on over pages, with their headings in between
				if found := strings.Count(raw, "länger"); found < long {
					t.Errorf("%s: %d of %d words", name, found, long)
				}
			} else if !strings.Contains(raw, bare(text)) {
				t.Errorf("%s: no %.80q", name, text)
			}
			for _, word := range strings.Fields(text) {
				if len(word) < 20 && !strings.Contains(laid, word) && !strings.Contains(bare(laid), bare(word)) {
					t.Errorf("%s: no word %q", name, word)
				}
			}
		}
		info := read(t, pdf, "pdfinfo")
		for field, want := range map[string]string{"Title": s.Title, "Author": first(s.Seller), "Pages": pages[name]} {
			if want != "" && !slices.Contains(fieldsOf(info, field), want) {
				t.Errorf("%s: %s is %q, want %q", name, field, fieldsOf(info, field), want)
			}
		}
		if !strings.Contains(info, "(A4)") || strings.Contains(info, "CreationDate") || strings.Contains(info, "ModDate") {
			t.Errorf("%s: %s", name, info)
		}
		if s.Lang != "" && !bytes.Contains(pdf, []byte("/Lang ("+s.Lang+")")) {
			t.Errorf("%s: no language", name)
		}
	}
}

func first(list []string) string { return append(list, "")[0] }

func fieldsOf(info, field string) (list []string) {
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(line, ":"); ok && name == field {
			list = append(list, strings.TrimSpace(value))
		}
	}
	return list
}

// All fonts are embedded, as subsets, and can be read as text.
func TestFontsAreEmbedded(t *testing.T) {
	table := read(t, printed(t, newPrinter(t), invoice(1)), "pdffonts")
	fonts := strings.Split(strings.TrimSpace(table), "\n")[2:]
	if len(fonts) != 2 {
		t.Errorf("fonts:\n%s", table)
	}
	for _, f := range fonts {
		if !strings.Contains(strings.Join(strings.Fields(f), " "), "Identity-H yes") || !strings.Contains(f, "TrueType") {
			t.Errorf("font %s", f)
		}
	}
}

// Pages after the first repeat the headings and say which they are.
func TestPagesAreNumberedAndHeaded(t *testing.T) {
	pages := strings.Split(read(t, printed(t, newPrinter(t), invoice(100)), "pdftotext", "-layout"), "\f")
	if len(pages) < 5 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, want := range []string{"1/5", "2/5", "3/5", "4/5", "5/5"} {
		if !strings.Contains(pages[i], want) || !strings.Contains(pages[i], "Einzelpreis") || !strings.Contains(pages[i], "billing@acme.example") {
			t.Errorf("page %s:\n%s", want, pages[i])
		}
	}
	if one := read(t, printed(t, newPrinter(t), invoice(1)), "pdftotext", "-layout"); strings.Contains(one, "1/1") {
		t.Error("a single page has a number")
	}
}

// Wherever the first page ends, the totals stand below a line.
func TestTotalsDoNotStandAlone(t *testing.T) {
	p, breaks := newPrinter(t), 0
	for n := 8; n <= 20; n++ {
		pages := strings.Split(read(t, printed(t, p, invoice(n)), "pdftotext", "-layout"), "\f")
		for _, page := range pages {
			if strings.Contains(page, "Gesamt bezahlt") != strings.Contains(page, fmt.Sprintf("Nr. %d ", n)) {
				t.Errorf("%d lines: the totals stand alone", n)
			}
		}
		breaks += len(pages) - 2 // the last page ends with a form feed too
	}
	if breaks == 0 {
		t.Error("no document has a second page")
	}
}

// Nothing is written outside of the page's margins, and no word over another.
func TestTextHasItsOwnPlace(t *testing.T) {
	p := newPrinter(t)
	for name, s := range sheets(t) {
		pages, found := strings.Split(read(t, printed(t, p, s), "pdftotext", "-bbox"), "<page "), 0
		for _, page := range pages[1:] {
			boxes := boxesOf(page)
			found += len(boxes)
			for i, a := range boxes {
				if a.x0 < left/point-1 || a.x1 > right/point+1 || a.y0 < 30 || a.y1 > 842-15 {
					t.Errorf("%s: outside: %+v", name, a)
				}
				for _, b := range boxes[:i] {
					if a.x0 < b.x1-0.5 && b.x0 < a.x1-0.5 && a.y0 < b.y1-3 && b.y0 < a.y1-3 {
						t.Errorf("%s: %+v is over %+v", name, a, b)
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no words", name)
		}
	}
}

// box is where a word stands, in points.
type box struct {
	x0, y0, x1, y1 float64
	word           string
}

func boxesOf(page string) (list []box) {
	for line := range strings.Lines(page) {
		var b box
		at, word, _ := strings.Cut(strings.TrimSpace(line), ">")
		if _, err := fmt.Sscanf(at, `<word xMin="%g" yMin="%g" xMax="%g" yMax="%g"`, &b.x0, &b.y0, &b.x1, &b.y1); err == nil {
			b.word = word
			list = append(list, b)
		}
	}
	return list
}

func TestSameSheetSameBytes(t *testing.T) {
	one, two := newPrinter(t), newPrinter(t)
	for name, s := range sheets(t) {
		want := printed(t, one, s)
		for range 5 {
			if !bytes.Equal(want, printed(t, two, s)) {
				t.Fatalf("%s: the bytes differ", name)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	p, all := newPrinter(t), sheets(t)
	want := map[string][]byte{}
	for name, s := range all {
		want[name] = printed(t, p, s)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for name, s := range all {
				if pdf, err := p.Print(context.Background(), s); err != nil || !bytes.Equal(pdf, want[name]) {
					t.Errorf("%s: other bytes, error %v", name, err)
				}
			}
		})
	}
	group.Wait()
}

// The sheet that is given is not written to: the page and the mail show the same one.
func TestSheetIsLeftAlone(t *testing.T) {
	s := invoice(1)
	s.Lines[0].Amount, s.Seller[0], s.Totals[0].Amount, s.Facts[0].Value = "1\u202f000,00 €", "A\u202fB", "2\u202f0", "3\u202f0"
	printed(t, newPrinter(t), s)
	if s.Lines[0].Amount != "1\u202f000,00 €" || s.Seller[0] != "A\u202fB" || s.Totals[0].Amount != "2\u202f0" || s.Facts[0].Value != "3\u202f0" {
		t.Errorf("changed: %+v", s)
	}
}

// What the fonts do not have is an error that names characters and scripts, wherever it stands.
func TestMissingGlyphs(t *testing.T) {
	p := newPrinter(t)
	for _, tt := range []struct{ text, want string }{
		{"₹100", `the font has no "₹" (U+20B9): set Config.Font`},
		{"₺", `"₺" (U+20BA)`},
		{"咖啡", `"咖" (U+5496, Han)`},
		{"コーヒー", "Katakana"},
		{"커피", "Hangul"},
		{"☕😀", "U+1F600"},
		{"قهوة", `cannot set "ة" (U+0629, Arabic)`},
		{"קפה", "Hebrew"},
		{"कॉफ़ी", "Devanagari"},
		{"กาแฟ", "Thai"},
		{"q\u0301", "(U+0301): it can neither shape"},
		{"𞤀", "Adlam"},
	} {
		for part, change := range map[string]func(s *checkout.Sheet){
			"title":  func(s *checkout.Sheet) { s.Title = tt.text },
			"name":   func(s *checkout.Sheet) { s.Lines[0].Name = tt.text },
			"amount": func(s *checkout.Sheet) { s.Totals[0].Amount = tt.text },
			"footer": func(s *checkout.Sheet) { s.Footer[0] = tt.text },
			"buyer":  func(s *checkout.Sheet) { s.Buyer[1] = tt.text },
		} {
			s := invoice(1)
			change(&s)
			pdf, err := p.Print(context.Background(), s)
			var glyphs *GlyphError
			if pdf != nil || !errors.As(err, &glyphs) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s in %s: error %v", tt.text, part, err)
			}
		}
	}
}

// A sheet from right to left is refused before anything else of it is looked at.
func TestRightToLeft(t *testing.T) {
	p := newPrinter(t)
	huge := invoice(maxLines + 1)
	huge.Dir = "rtl"
	for _, s := range []checkout.Sheet{{Dir: "rtl", Title: "1"}, {Dir: "rtl", Title: "قهوة"}, huge} {
		if pdf, err := p.Print(context.Background(), s); pdf != nil || !errors.Is(err, ErrRightToLeft) {
			t.Errorf("%.20s with %d lines: error %v", s.Title, len(s.Lines), err)
		}
	}
}

// What no page can hold is an error, so that nothing is lost in silence.
func TestPartsLongerThanAPage(t *testing.T) {
	p, text := newPrinter(t), strings.Repeat("lang und länger ", 1000)
	for part, change := range map[string]func(s *checkout.Sheet){
		"title":  func(s *checkout.Sheet) { s.Title = text },
		"test":   func(s *checkout.Sheet) { s.Test = text },
		"fact":   func(s *checkout.Sheet) { s.Facts[0].Value = text },
		"total":  func(s *checkout.Sheet) { s.Totals[0].Label = text },
		"footer": func(s *checkout.Sheet) { s.Footer[0] = text },
	} {
		s := invoice(1)
		change(&s)
		if pdf, err := p.Print(context.Background(), s); pdf != nil || !errors.Is(err, errTooLong) {
			t.Errorf("%s: error %v", part, err)
		}
	}
}

func TestErrorsNameTenCharactersAtMost(t *testing.T) {
	err := (&GlyphError{Missing: []rune("一二三四五六七八九十百千")}).Error()
	if !strings.Contains(err, "十") || strings.Contains(err, "百") || !strings.Contains(err, "2 more") {
		t.Error(err)
	}
}

// Spaces and hyphens that the fonts lack are set plain, marks of direction not at all, and letters with marks are composed.
func TestPlainForms(t *testing.T) {
	s := invoice(1)
	s.Lines[0].Name = "1\u202f234 a\u2011b \u200fc\u200e e\u0301 \u2068d\u2069 x\u00ady\tz\x07\xff"
	clean, err := newPrinter(t).prepare(s)
	if want := "1\u00a0234 a-b c é d xy z\ufffd"; err != nil || clean.Lines[0].Name != want {
		t.Errorf("set is %+q, error %v, want %+q", clean.Lines[0].Name, err, want)
	}
}

// With a font of the host's that has them, signs of currencies are set, and other characters still named.
func TestFontWithMoreSigns(t *testing.T) {
	const file = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
	font, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("SKIPPED-NEEDS-FONTS: no %s: install fonts-dejavu-core", file)
	}
	p, err := New(Config{Font: font})
	if err != nil {
		t.Fatal(err)
	}
	s := invoice(1)
	s.Totals[3].Amount, s.Lines[0].Amount, s.Lines[0].Name = "₹\u202f1,23,456.00", "₺12,34 ₽ ₩", "Սուրճ"
	text := read(t, printed(t, p, s), "pdftotext", "-layout")
	for _, want := range []string{"₹", "1,23,456.00", "₺12,34 ₽ ₩", "Սուրճ"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	s.Lines[0].Name = "咖啡 قهوة" // DejaVu has the Arabic letters, which are of no use without shaping
	if _, err := p.Print(context.Background(), s); err == nil || !strings.Contains(err.Error(), "Han") || !strings.Contains(err.Error(), `cannot set "ة"`) {
		t.Errorf("error %v", err)
	}
}

// Both fonts have to have a character.
func TestBoldHasToHaveTheCharactersToo(t *testing.T) {
	const basic = "Tot 0123456789/\u00a0"
	p, err := New(Config{Bold: fpdf.UTF8CutFont(gobold.TTF, basic)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Print(context.Background(), checkout.Sheet{Title: "Total"}); err == nil || !strings.Contains(err.Error(), `has no "a" (U+0061, Latin), "l" (U+006C, Latin):`) {
		t.Errorf("error %v", err)
	}
}

// Lines end at spaces and between ideographs, and inside a word only where it has no other end.
func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":              nil,
		"one":           {"one"},
		"one two  3":    {"one ", "two ", " ", "3"},
		"1\u00a0000 €":  {"1\u00a0000 ", "€"},
		"咖啡 ab豆":        {"咖", "啡", " ", "ab", "豆"},
		"Über größe xx": {"Über ", "größe ", "xx"},
	} {
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// A font of the host's is used for everything, and one that cannot be embedded is refused.
func TestOwnFonts(t *testing.T) {
	p, err := New(Config{Font: gomono.TTF})
	if err != nil {
		t.Fatal(err)
	}
	mono := printed(t, p, invoice(1))
	if bytes.Equal(mono, printed(t, newPrinter(t), invoice(1))) {
		t.Error("the font was not used")
	}
	for _, cfg := range []Config{
		{Font: []byte("OTTO")}, {Font: []byte{}}, {Bold: []byte("no font")}, {Font: goregular.TTF[:2000]}, {Font: []byte("ttcf")}, {Bold: gobold.TTF[:len(gobold.TTF)/2]},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "Config.") {
			t.Errorf("error %v", err)
		}
	}
}

func TestBounds(t *testing.T) {
	p := newPrinter(t)
	large := pngLogo(t, image.NewNRGBA(image.Rect(0, 0, maxLogoSide+1, 10)))
	huge := invoice(1)
	huge.Notes = []string{strings.Repeat("x", maxText)}
	for want, s := range map[string]checkout.Sheet{
		"1001 lines":               invoice(1001),
		"bytes of text":            huge,
		"pixels":                   {Title: "1", Logo: large},
		"neither PNG nor JPEG":     {Title: "1", Logo: []byte("<svg/>")},
		"the logo has 1048577 byt": {Title: "1", Logo: make([]byte, maxLogoBytes+1)},
		"cannot be read":           {Title: "1", Logo: pngLogo(t, image.NewNRGBA(image.Rect(0, 0, 99, 99)))[:100]},
	} {
		if _, err := p.Print(context.Background(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := newPrinter(t).Print(ctx, invoice(100)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// On both processors at once, an invoice of five lines beside the least that the library can do with the same fonts.
func BenchmarkPrint(b *testing.B) {
	p := newPrinter(b)
	for name, lines := range map[string]int{"invoice": 5, "hundred": 100} {
		s := invoice(lines)
		b.Run(name, func(b *testing.B) { perSecond(b, func() { printed(b, p, s) }) })
	}
	b.Run("bare", func(b *testing.B) { perSecond(b, func() { barePage(b) }) })
}

func perSecond(b *testing.B, do func()) {
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			do()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "PDFs/s")
}

func barePage(b *testing.B) {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.AddUTF8FontFromBytes(family, "", goregular.TTF)
	pdf.AddUTF8FontFromBytes(family, "B", gobold.TTF)
	pdf.AddPage()
	for _, weight := range []string{"", "B"} {
		pdf.SetFont(family, weight, 10)
		pdf.Text(20, 20, "Invoice 2025-000123")
	}
	var out bytes.Buffer
	if err := pdf.Output(&out); err != nil {
		b.Fatal(err)
	}
}
