package checkoutpdf

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	if l.err == nil && l.lowest > l.bottom+0.5 {
		l.err = errTooLong
	}
	l.footers()
	return l.err
}

// errTooLong is for what no page could hold: its end would be lost.
var errTooLong = errors.New("checkoutpdf: a part of the sheet is longer than a page")

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

// parties are the seller and the buyer side by side, with their names in bold. What does not fit goes on at the top of the
// next page.
func (l *layout) parties() {
	const width = 80.0
	second := right - width
	sellers, buyers := l.party(l.sheet.Seller, width), l.party(l.sheet.Buyer, width)
	if len(buyers) > 0 {
		l.need(styleLabel.leading() + 0.6 + buyers[0].height())
		l.write(styleLabel, second, l.y, l.sheet.BuyerWord)
		l.y += styleLabel.leading() + 0.6
	}
	for len(sellers)+len(buyers) > 0 {
		l.need(max(heightOf(sellers), heightOf(buyers)))
		from := l.y
		var end, other float64
		sellers, end = l.column(sellers, left, from)
		buyers, other = l.column(buyers, second, from)
		l.y = max(end, other)
		if l.err != nil {
			return
		}
	}
	l.y += 8
}

// column writes the parts of an address that fit on the page as one, so that they can be copied as one, and gives those
// that are left.
func (l *layout) column(parts []partyPart, x, y float64) (rest []partyPart, end float64) {
	for i, part := range parts {
		if i > 0 && y+part.height() > l.bottom {
			return parts[i:], y
		}
		y = l.block(part.style, x, y, part.lines)
	}
	return nil, y
}

// heightOf is the height of an address's next part.
func heightOf(parts []partyPart) float64 {
	if len(parts) == 0 {
		return 0
	}
	return parts[0].height()
}

// partyPart is a line of an address as it is broken into printed ones, which stay together.
type partyPart struct {
	style style
	lines []string
}

func (p partyPart) height() float64 { return float64(len(p.lines)) * p.style.leading() }

// party breaks an address into lines, the name in bold.
func (l *layout) party(address []string, width float64) (parts []partyPart) {
	const most = 10 // lines that stay together; 200 capital letters have fewer
	s := styleBold
	for _, part := range address {
		for lines := range slices.Chunk(l.wrap(s, part, width), most) {
			parts = append(parts, partyPart{s, lines})
		}
		s = styleText
	}
	return parts
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
	const gap, above = 5.0, 3.5
	step := (right - left + gap) / float64(columns)
	for i, facts := range slices.Collect(slices.Chunk(l.sheet.Facts, columns)) {
		row := l.planFacts(facts, step-gap)
		if i == 0 {
			l.need(above + row.height)
			l.rule(hair, 0.25, left, right, l.y)
			l.y += above
		}
		l.factsIn(row, step)
	}
	l.rule(hair, 0.25, left, right, l.y)
	l.y += 8
}

// factRow is the plan of facts side by side.
type factRow struct {
	labels, values [][]string
	height         float64
}

func (l *layout) planFacts(facts []checkout.SheetFact, width float64) (row factRow) {
	const below = 3.0
	for _, f := range facts {
		label, value := l.wrap(styleLabel, f.Label, width), l.wrap(styleBold, f.Value, width)
		row.labels, row.values = append(row.labels, label), append(row.values, value)
		row.height = max(row.height, float64(len(label))*styleLabel.leading()+float64(len(value))*styleBold.leading()+0.4+below)
	}
	return row
}

func (l *layout) factsIn(row factRow, step float64) {
	l.need(row.height)
	for i := range row.labels {
		x := left + float64(i)*step
		y := l.block(styleLabel, x, l.y, row.labels[i])
		l.block(styleBold, x, y+0.4, row.values[i])
	}
	l.y += row.height
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
