package checkoutpdf

import (
	"context"
	"errors"
	"fmt"

	"github.com/jopay/checkout"
)

// layout sets a sheet from top to bottom, page by page.
type layout struct {
	*pen
	sheet  checkout.Sheet
	ctx    context.Context
	y      float64
	bottom float64 // where the footer begins
	header func()  // is repeated at the top of every further page
	err    error
}

func (l *layout) run() error {
	l.bottom = foot - float64(len(l.footerRows()))*styleLabel.leading() - 8
	l.pdf.AddPage()
	l.y = top
	l.head()
	l.parties()
	l.facts()
	l.table()
	l.totals()
	l.notes()
	l.footers()
	return l.err
}

// need makes a new page where height does not fit on this one. A cancelled context ends the work at the next page.
func (l *layout) need(height float64) {
	if l.y+height <= l.bottom {
		return
	}
	if l.err == nil {
		l.err = l.ctx.Err()
	}
	if l.err != nil {
		return
	}
	l.pdf.AddPage()
	const half = 80.0 // what is longer is on the first page in full
	l.write(styleLabel, left, top-6, l.wrap(styleLabel, l.sheet.Title, half)[0])
	if len(l.sheet.Seller) > 0 {
		l.writeEnd(styleLabel, right, top-6, l.wrap(styleLabel, l.sheet.Seller[0], half)[0])
	}
	l.y = top + 4
	if l.header != nil {
		l.header()
	}
}

// head has the notice of test mode, the title and the logo.
func (l *layout) head() {
	if l.sheet.Test != "" {
		lines := l.wrap(styleTest, l.sheet.Test, right-left-8)
		height := float64(len(lines))*styleTest.leading() + 3.6
		l.fill(ribbon, left, l.y, right-left, height)
		l.block(styleTest, left+4, l.y+1.8, lines)
		l.y += height + 8
	}
	width := right - left
	if l.logo != "" {
		l.pdf.Image(l.logo, right-l.logoW, l.y, l.logoW, l.logoH, false, "", 0, "")
		width -= logoWidth + 8
	}
	end := l.block(styleTitle, left, l.y, l.wrap(styleTitle, l.sheet.Title, width))
	l.y = max(end, l.y+l.logoH) + 7
}

// parties are the seller and the buyer side by side, with their names in one line.
func (l *layout) parties() {
	const width = 80.0
	second := right - width
	sellers, buyers := l.party(l.sheet.Seller, width), l.party(l.sheet.Buyer, width)
	l.need(min(max(heightOf(sellers), heightOf(buyers))+styleLabel.leading()+0.6, l.bottom-top-4))
	if len(buyers) > 0 {
		l.write(styleLabel, second, l.y, l.sheet.BuyerWord)
		l.y += styleLabel.leading() + 0.6
	}
	from := l.y
	end := max(l.column(sellers, left, from), l.column(buyers, second, from))
	l.y = end + 8
}

// column writes an address as a whole, so that it can be copied as one.
func (l *layout) column(lines []partyLine, x, y float64) float64 {
	for _, line := range lines {
		if y+line.style.leading() > l.bottom {
			l.err = errors.Join(l.err, errTooLong)
			break
		}
		l.write(line.style, x, y, line.text)
		y += line.style.leading()
	}
	return y
}

var errTooLong = errors.New("checkoutpdf: an address is longer than a page")

func heightOf(lines []partyLine) (height float64) {
	for _, line := range lines {
		height += line.style.leading()
	}
	return height
}

// partyLine is a printed line of an address.
type partyLine struct {
	style style
	text  string
}

// party breaks an address into lines, the name in bold.
func (l *layout) party(address []string, width float64) (lines []partyLine) {
	s := styleBold
	for _, part := range address {
		for _, line := range l.wrap(s, part, width) {
			lines = append(lines, partyLine{s, line})
		}
		s = styleText
	}
	return lines
}

// facts stand in a band of up to four columns.
func (l *layout) facts() {
	if len(l.sheet.Facts) == 0 {
		return
	}
	columns := len(l.sheet.Facts)
	if columns > 4 {
		columns = 3
	}
	const gap = 5.0
	width := (right - left + gap) / float64(columns)
	l.rule(hair, 0.25, left, right, l.y)
	l.y += 3.5
	for from := 0; from < len(l.sheet.Facts); from += columns {
		l.factRow(l.sheet.Facts[from:min(from+columns, len(l.sheet.Facts))], width, width-gap)
	}
	l.rule(hair, 0.25, left, right, l.y)
	l.y += 8
}

// factRow sets facts side by side, on one page.
func (l *layout) factRow(facts []checkout.SheetFact, step, width float64) {
	height := 0.0
	labels, values := make([][]string, len(facts)), make([][]string, len(facts))
	for i, f := range facts {
		labels[i], values[i] = l.wrap(styleLabel, f.Label, width), l.wrap(styleBold, f.Value, width)
		height = max(height, float64(len(labels[i]))*styleLabel.leading()+float64(len(values[i]))*styleBold.leading()+0.4)
	}
	l.need(height)
	for i := range facts {
		x := left + float64(i)*step
		y := l.block(styleLabel, x, l.y, labels[i])
		l.block(styleBold, x, y+0.4, values[i])
	}
	l.y += height + 3
}

// sum is the plan of the totals.
type sum struct {
	labels [][]string
	height float64
}

const (
	sumWidth = 95.0
	sumSpace = 1.2 // below a line of the totals
)

func (l *layout) planTotals() sum {
	amount := 0.0
	for _, t := range l.sheet.Totals {
		amount = max(amount, l.width(totalStyle(t), t.Amount))
	}
	s := sum{height: 10}
	for _, t := range l.sheet.Totals {
		label := l.wrap(totalStyle(t), t.Label, max(30, sumWidth-amount-columnGap))
		s.labels = append(s.labels, label)
		s.height += float64(len(label))*totalStyle(t).leading() + sumSpace
	}
	return s
}

// totals end with the sum, which wears the double rule of a ledger.
func (l *layout) totals() {
	l.header = nil
	plan := l.planTotals()
	if plan.height < l.bottom-top { // else they break where they have to
		l.need(plan.height)
	}
	l.y += 2.5
	const from = right - sumWidth
	for i, t := range l.sheet.Totals {
		s := totalStyle(t)
		l.need(float64(len(plan.labels[i]))*s.leading() + sumSpace + 5)
		if t.Strong {
			l.y++
		}
		l.writeEnd(s, right, l.y, t.Amount)
		l.y = l.block(s, from, l.y, plan.labels[i]) + sumSpace
		if t.Strong {
			l.rule(edge, 0.3, from, right, l.y+0.8)
			l.rule(edge, 0.3, from, right, l.y+1.8)
			l.y += 4
		}
	}
	l.y += 6
}

func totalStyle(t checkout.SheetTotal) style {
	if t.Strong {
		return styleTotal
	}
	return style{styleText.size, false, soft}
}

func (l *layout) notes() {
	for _, n := range l.sheet.Notes {
		for _, line := range l.wrap(styleNote, n, 130) {
			l.need(styleNote.leading())
			l.write(styleNote, left, l.y, line)
			l.y += styleNote.leading()
		}
		l.y += 2
	}
}

// footers are written last, when the number of pages is known.
func (l *layout) footers() {
	pages := l.pdf.PageCount()
	for page := 1; page <= pages; page++ {
		l.pdf.SetPage(page)
		l.set = style{} // the font of the page's own end is not the pen's
		y := l.bottom + 5
		if rows := l.footerRows(); len(rows) > 0 || pages > 1 {
			l.rule(hair, 0.25, left, right, y-2)
			for _, row := range rows {
				for _, part := range row {
					l.write(styleLabel, part.x, y, part.text)
				}
				y += styleLabel.leading()
			}
		}
		if pages > 1 {
			l.writeEnd(styleLabel, right, l.bottom+5, fmt.Sprintf("%d/%d", page, pages))
		}
	}
}

// placed is a text with its place in a row.
type placed struct {
	x    float64
	text string
}

// footerRows puts the parts of the footer side by side as far as they fit beside the page number.
func (l *layout) footerRows() (rows [][]placed) {
	const gap, limit = 7.0, right - 15
	x := limit
	for _, part := range l.sheet.Footer {
		for _, text := range l.wrap(styleLabel, part, limit-left) {
			width := l.width(styleLabel, text)
			if x+width > limit {
				rows = append(rows, nil)
				x = left
			}
			rows[len(rows)-1] = append(rows[len(rows)-1], placed{x, text})
			x += width + gap
		}
	}
	return rows
}
