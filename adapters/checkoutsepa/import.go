package checkoutsepa

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jopay/checkout"
)

// Recorder books transfers: *[checkout.Checkout] is one.
type Recorder interface {
	RecordTransfer(ctx context.Context, ref string, amount int64, t checkout.Transfer) (checkout.TransferResult, error)
}

// ImportOptions tell where a file is from. Actor or FileName is required: it stands in the books.
type ImportOptions struct {
	Actor    string                // who imports it
	FileName string                // shown to people, never opened
	CSV      *CSVFormat            // for a bank whose CSV files are not understood without; a file that begins with < is camt otherwise
	Progress func(done, total int) // called after each line. Optional
}

// Report is what became of a file. Lines is the sum of the numbers after it.
type Report struct {
	Lines                                                   int
	Booked, Duplicates, Suggested, Unknown, Ignored, Failed int
	Items                                                   []Item // one for each line, in the order of the file
}

// Item is what became of a line: it was ignored for the reason in Line, or it was not recorded for a Problem, or it has a
// Result.
type Item struct {
	Line    Line
	Result  checkout.TransferResult
	Problem string
}

// Import reads a bank's file, camt or CSV, and records the money that has come to the account. The whole file is read before
// anything is recorded, so a broken one leaves nothing half done. A line that cannot be recorded does not keep the others;
// the error then says how many there are, and the file can be imported again: what was recorded counts once. It also says
// so when the context ends. The report is complete up to there.
func (p *Provider) Import(ctx context.Context, to Recorder, r io.Reader, o ImportOptions) (Report, error) {
	if o.Actor+o.FileName == "" {
		return Report{}, errors.New("checkoutsepa: an import needs an Actor or a FileName for the books")
	}
	lines, err := p.readFile(r, o.CSV)
	if err != nil {
		return Report{}, err
	}
	var report Report
	for i, l := range lines {
		if err := ctx.Err(); err != nil {
			return report, fmt.Errorf("checkoutsepa: %d of %d lines were not looked at, import the file again: %w", len(lines)-i, len(lines), err)
		}
		report.add(p.record(ctx, to, l, o))
		if o.Progress != nil {
			o.Progress(i+1, len(lines))
		}
	}
	return report, report.err()
}

func (p *Provider) readFile(r io.Reader, f *CSVFormat) ([]Line, error) {
	buffered := bufio.NewReader(r)
	if f == nil {
		top, _ := buffered.Peek(512) // a read error comes back with the next read
		if bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(top, []byte("\xef\xbb\xbf")), " \t\r\n"), []byte("<")) {
			return ReadCAMT(buffered)
		}
		f = &CSVFormat{}
	}
	format := *f
	if format.Account == "" {
		format.Account = p.iban
	}
	return ReadCSV(buffered, format)
}

func (p *Provider) record(ctx context.Context, to Recorder, l Line, o ImportOptions) Item {
	switch {
	case !sameAccount(l.Account, p.iban):
		l.Ignored = IgnoredAccount
	case l.Ignored == "" && l.Currency != "" && l.Currency != currency:
		l.Ignored = IgnoredCurrency
	}
	if l.Ignored != "" || l.Problem != "" {
		return Item{Line: l, Problem: l.problem()}
	}
	result, err := to.RecordTransfer(ctx, l.Reference, l.Amount, p.transfer(l, o))
	if err != nil {
		return Item{Line: l, Problem: err.Error()}
	}
	return Item{Line: l, Result: result}
}

// problem is what a person has to look at. Nobody has to at a line that is ignored.
func (l Line) problem() string {
	if l.Ignored != "" {
		return ""
	}
	return l.Problem
}

const (
	maxText  = 2000 // characters, checkout.Transfer
	maxPayer = 140  // characters, more than any bank tells
)

func (p *Provider) transfer(l Line, o ImportOptions) checkout.Transfer {
	actor, note := o.Actor, fmt.Sprintf("row %d", l.Row)
	if actor == "" {
		actor = o.FileName
	}
	if o.FileName != "" {
		note = fmt.Sprintf("%s, row %d", o.FileName, l.Row)
	}
	return checkout.Transfer{
		Key: l.Key, Provider: p.Name(), Currency: l.Currency, Text: shorten(strings.TrimSpace(l.Text+" "+l.EndToEndID), maxText),
		Payer: shorten(l.Payer, maxPayer), BookedAt: l.BookedAt, Actor: actor, Note: note,
	}
}

func shorten(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit])
	}
	return s
}

func (r *Report) add(i Item) {
	r.Lines++
	r.Items = append(r.Items, i)
	switch {
	case i.Problem != "":
		r.Failed++
	case i.Line.Ignored != "":
		r.Ignored++
	case i.Result.Duplicate:
		r.Duplicates++
	case i.Result.Status == checkout.TransferBooked:
		r.Booked++
	case i.Result.Status == checkout.TransferSuggested:
		r.Suggested++
	default:
		r.Unknown++
	}
}

func (r *Report) err() error {
	if r.Failed == 0 {
		return nil
	}
	first := r.Items[slices.IndexFunc(r.Items, func(i Item) bool { return i.Problem != "" })]
	return fmt.Errorf("checkoutsepa: %d of %d lines were not recorded, the first in row %d (%s); the file can be imported again",
		r.Failed, r.Lines, first.Line.Row, first.Problem)
}
