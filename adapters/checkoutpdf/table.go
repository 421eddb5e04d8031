package checkoutpdf

import "github.com/jopay/checkout"

const (
	columnGap = 6.0
	minName   = 55.0 // of the column of names; a smaller type makes room for it
	rowSpace  = 1.8  // above and below a row
)

// column is one of figures, which end at x.
type column struct {
	heading string
	x       float64
	lines   []string // of the heading
	value   func(checkout.SheetLine) string
}

// grid is the table's plan: the names take what the figures leave.
type grid struct {
	columns []column
	name    float64 // width of the names
	text    style
	detail  style
}

// plan chooses the largest type in which the names have enough room.
func (l *layout) plan() grid {
	var g grid
	for _, size := range []float64{9.5, 8.5, 7.5, 6.5} {
		g = l.planIn(style{size, false, ink}, style{min(8, size), false, soft})
		if g.name >= minName {
			break
		}
	}
	return g
}

func (l *layout) planIn(text, detail style) grid {
	h := l.sheet.Columns
	g := grid{text: text, detail: detail, columns: []column{
		{heading: h.Quantity, value: func(r checkout.SheetLine) string { return r.Quantity }},
		{heading: h.Unit, value: func(r checkout.SheetLine) string { return r.Unit }},
		{heading: h.Rate, value: func(r checkout.SheetLine) string { return r.Rate }},
		{heading: h.Amount, value: func(r checkout.SheetLine) string { return r.Amount }},
	}}
	if !l.rated() {
		g.columns = append(g.columns[:2], g.columns[3])
	}
	x := right
	for i := len(g.columns) - 1; i >= 0; i-- {
		c := &g.columns[i]
		width := 0.0
		for _, word := range words(c.heading) {
			width = max(width, l.width(styleLabel, word))
		}
		for _, r := range l.sheet.Lines {
			width = max(width, l.width(text, c.value(r)))
		}
		c.x, c.lines = x, l.wrap(styleLabel, c.heading, width)
		x -= width + columnGap
	}
	g.name = x - left
	return g
}

// rated tells whether any line has a rate.
func (l *layout) rated() bool {
	for _, r := range l.sheet.Lines {
		if r.Rate != "" {
			return true
		}
	}
	return false
}

// table has its headings on every page.
func (l *layout) table() {
	if len(l.sheet.Lines) == 0 {
		return
	}
	g := l.plan()
	l.need(3 * styleText.leading())
	l.header = func() { l.headings(g) }
	l.header()
	for i, r := range l.sheet.Lines {
		if l.err != nil {
			return
		}
		after := 0.0
		if i == len(l.sheet.Lines)-1 { // the totals do not stand on a page alone
			after = l.planTotals().height
		}
		l.row(g, r, after)
	}
	l.rule(hair, 0.25, left, right, l.y)
}

func (l *layout) headings(g grid) {
	names := l.wrap(styleLabel, l.sheet.Columns.Name, g.name)
	end := l.block(styleLabel, left, l.y, names)
	for _, c := range g.columns {
		y := l.y
		for _, line := range c.lines {
			l.writeEnd(styleLabel, c.x, y, line)
			y += styleLabel.leading()
		}
		end = max(end, y)
	}
	l.y = end + 1.5
}

// row keeps together what is no longer than a third of a page, and after with it. A longer one goes on at the top of the
// next page.
func (l *layout) row(g grid, r checkout.SheetLine, after float64) {
	names := l.wrap(g.text, r.Name, g.name)
	var details []string
	if r.Detail != "" {
		details = l.wrap(g.detail, r.Detail, g.name)
	}
	height := float64(len(names))*g.text.leading() + float64(len(details))*g.detail.leading() + 2*rowSpace
	if height < (l.bottom-top)/3 {
		l.need(height + after)
	} else {
		l.need(g.text.leading() + 2*rowSpace)
	}
	l.rule(hair, 0.25, left, right, l.y)
	l.y += rowSpace
	for _, c := range g.columns {
		l.writeEnd(g.text, c.x, l.y, c.value(r))
	}
	l.flow(g.text, names)
	l.flow(g.detail, details)
	l.y += rowSpace
}

func (l *layout) flow(s style, lines []string) {
	for _, line := range lines {
		l.need(s.leading())
		l.write(s, left, l.y, line)
		l.y += s.leading()
	}
}
