package checkoutpdf

import (
	"context"
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
	if len(l.sheet.Buyer) > 0 {
		l.write(styleLabel, second, l.y, l.sheet.BuyerWord)
		l.y += styleLabel.leading() + 0.6
	}
	l.y = max(l.party(l.sheet.Seller, left, width), l.party(l.sheet.Buyer, second, width)) + 8
}

func (l *layout) party(lines []string, x, width float64) float64 {
	y, s := l.y, styleBold
	for _, line := range lines {
		y = l.block(s, x, y, l.wrap(s, line, width))
		s = styleText
	}
	return y
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
		end := l.y
		for i, f := range l.sheet.Facts[from:min(from+columns, len(l.sheet.Facts))] {
			x := left + float64(i)*width
			y := l.block(styleLabel, x, l.y, l.wrap(styleLabel, f.Label, width-gap))
			end = max(end, l.block(styleBold, x, y+0.4, l.wrap(styleBold, f.Value, width-gap)))
		}
		l.y = end + 3
	}
	l.rule(hair, 0.25, left, right, l.y)
	l.y += 8
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
	l.need(plan.height)
	l.y += 2.5
	const from = right - sumWidth
	for i, t := range l.sheet.Totals {
		s := totalStyle(t)
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
