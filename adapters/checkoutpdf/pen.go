package checkoutpdf

import (
	"strings"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
)

// The page is A4, in millimetres.
const (
	family = "text"
	left   = 20.0
	right  = 190.0
	top    = 20.0
	foot   = 282.0 // where the last line of the footer stands
	point  = 25.4 / 72
)

// color is red, green and blue. The page of the checkout has the same.
type color [3]int

var (
	ink    = color{0x1d, 0x1c, 0x19}
	soft   = color{0x5f, 0x5a, 0x50}
	hair   = color{0xde, 0xd8, 0xca}
	edge   = color{0x85, 0x7f, 0x72}
	ribbon = color{0xfd, 0xf0, 0xc8}
	onTest = color{0x4d, 0x3a, 0x05}
)

// style is how a text looks; size is in points.
type style struct {
	size  float64
	bold  bool
	color color
}

var (
	styleTitle = style{20, true, ink}
	styleTest  = style{9, true, onTest}
	styleLabel = style{8, false, soft}
	styleText  = style{9.5, false, ink}
	styleBold  = style{9.5, true, ink}
	styleTotal = style{11.5, true, ink}
	styleNote  = style{9, false, soft}
)

// leading is the distance of lines.
func (s style) leading() float64 { return s.size * point * 1.4 }

// ascent is how far the baseline stands below the top of a line.
func (s style) ascent() float64 { return s.size * point * 1.05 }

// pen writes and draws on the current page.
type pen struct {
	pdf   *fpdf.Fpdf
	logo  string // its name in the PDF
	logoW float64
	logoH float64
	set   style
	// lowest is where the lowest line so far ends, on any page.
	lowest float64
}

func (p *pen) use(s style) {
	if p.set == s {
		return
	}
	weight := ""
	if s.bold {
		weight = "B"
	}
	p.pdf.SetFont(family, weight, s.size)
	p.pdf.SetTextColor(s.color[0], s.color[1], s.color[2])
	p.set = s
}

func (p *pen) width(s style, text string) float64 {
	p.use(s)
	return p.pdf.GetStringWidth(text)
}

// write puts a line with its top at y.
func (p *pen) write(s style, x, y float64, text string) {
	p.use(s)
	p.lowest = max(p.lowest, y+s.leading())
	p.pdf.Text(x, y+s.ascent(), text)
}

// writeEnd is write with the end of the text at x.
func (p *pen) writeEnd(s style, x, y float64, text string) {
	p.write(s, x-p.width(s, text), y, text)
}

// block writes lines below each other and returns where the next would stand.
func (p *pen) block(s style, x, y float64, lines []string) float64 {
	for _, l := range lines {
		p.write(s, x, y, l)
		y += s.leading()
	}
	return y
}

// rule draws a horizontal line.
func (p *pen) rule(c color, thick, from, to, y float64) {
	p.pdf.SetDrawColor(c[0], c[1], c[2])
	p.pdf.SetLineWidth(thick)
	p.pdf.Line(from, y, to, y)
}

func (p *pen) fill(c color, x, y, w, h float64) {
	p.pdf.SetFillColor(c[0], c[1], c[2])
	p.pdf.Rect(x, y, w, h, "F")
}

// wrap breaks text into lines of a width: at spaces, between ideographs, and inside a word only where it is too long for a
// line of its own. An empty text is one empty line.
func (p *pen) wrap(s style, text string, width float64) (lines []string) {
	p.use(s)
	line := ""
	for _, w := range words(text) {
		if line != "" && p.pdf.GetStringWidth(strings.TrimRight(line+w, " ")) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += w
		for p.pdf.GetStringWidth(strings.TrimRight(line, " ")) > width {
			head := p.fitting(line, width)
			lines = append(lines, line[:head])
			line = line[head:]
		}
	}
	return append(lines, strings.TrimRight(line, " "))
}

// fitting is how many bytes of text fit into a width, at least one character.
func (p *pen) fitting(text string, width float64) int {
	_, end := utf8.DecodeRuneInString(text)
	for i, r := range text {
		next := i + utf8.RuneLen(r)
		if p.pdf.GetStringWidth(text[:next]) > width {
			break
		}
		end = max(end, next)
	}
	return end
}

// words cuts text behind spaces and around ideographs.
func words(text string) (list []string) {
	start := 0
	for i, r := range text {
		if r >= 0x2e80 && start < i {
			list = append(list, text[start:i])
			start = i
		}
		if r == ' ' || r >= 0x2e80 {
			end := i + utf8.RuneLen(r)
			list = append(list, text[start:end])
			start = end
		}
	}
	if start < len(text) {
		list = append(list, text[start:])
	}
	return list
}
