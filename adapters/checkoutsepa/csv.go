package checkoutsepa

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// CSVFormat is how a bank writes its CSV files. What is left out is found out from the file, so that the zero value reads
// what many German and English speaking banks write.
type CSVFormat struct {
	Comma    rune   // between the fields: ; , tab or |
	Decimal  rune   // in an amount: , or .
	Encoding string // utf-8 or windows-1252, which latin1 is a part of

	// DateLayout is a layout of package time. Defaults to 2.1.2006, 2.1.06, 2006-01-02 or 2/1/2006: the day comes first, so a
	// bank that writes the month first needs a layout here.
	DateLayout string

	Account  string     // whose the file is, where no column says so
	Currency string     // of the amounts, where no column says so. Defaults to eur
	Columns  CSVColumns // by the names in the header; case and punctuation do not matter
}

// CSVColumns are the header's names of the columns. A row of the file has to have Date and Amount.
type CSVColumns struct {
	Date      string
	Amount    string // signed, or of money that comes in alone: the field is empty otherwise. Whoever names it says that it is so
	Direction string // beside an unsigned amount: S, D, debit, … or H, C, credit, …; another word is a Problem of its row
	Currency  string
	Payer     string
	Text      []string // what the payer wrote, perhaps in several columns
	Reference string
	Key       string // the bank's own reference of the line
	Account   string // whose account it is
	Status    string // booked or not yet
}

// ReadCSV reads a bank's CSV file: lines before the header and balances after the rows are no obstacle. It gives every row,
// those that are no payment with the reason. A row that cannot be understood is a line with a Problem; a header that cannot
// be understood is an error that lists its names.
//
// Which way money went is never guessed: the amounts have signs, or a column says it, or the amounts stand in a column of
// money that came in. A file that says none of it is refused, a day without a debit among them: name its column in
// CSVFormat.Columns.Amount. A column such as Type says something with words like debit and credit, and nothing with others.
//
// Few banks write a reference of their own into such files, so equal transfers are told apart by their number in the file.
// A file must therefore hold whole days, and the same days must not be imported from a camt file too.
func ReadCSV(r io.Reader, f CSVFormat) ([]Line, error) {
	lines, err := f.read(r)
	if err != nil {
		return nil, fmt.Errorf("checkoutsepa: %w", err)
	}
	return lines, nil
}

func (f CSVFormat) read(r io.Reader) ([]Line, error) {
	data, err := io.ReadAll(&bounded{r, maxFile})
	if err != nil {
		return nil, err
	}
	text, err := f.decode(data)
	if err != nil {
		return nil, err
	}
	t, err := f.table(text)
	if err != nil {
		return nil, err
	}
	switch f.Decimal {
	case ',', '.':
	case 0:
		if f.Decimal, err = t.decimal(); err != nil {
			return nil, err
		}
	default:
		return nil, refuse("Decimal", "is %q, neither a comma nor a dot", f.Decimal)
	}
	if err := t.findSigns(); err != nil {
		return nil, err
	}
	if f.Currency == "" {
		f.Currency = currency
	}
	return withKeys(f.drafts(t)), nil
}

// decode gives the text in UTF-8. What is no UTF-8 is windows-1252.
func (f CSVFormat) decode(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, errors.New("this is no text in UTF-8 or windows-1252")
	}
	switch strings.ToLower(f.Encoding) {
	case "":
		if utf8.Valid(data) {
			return data, nil
		}
	case "utf-8", "utf8":
		if !utf8.Valid(data) {
			return nil, errors.New("the file is not in UTF-8")
		}
		return data, nil
	case "windows-1252", "latin1", "iso-8859-1":
	default:
		return nil, fmt.Errorf("encoding %q is not known", f.Encoding)
	}
	return charmap.Windows1252.NewDecoder().Bytes(data)
}

// csvRow is a row and the line it begins on.
type csvRow struct {
	fields []string
	line   int
}

// readRows reads a file, or its first rows when there is a limit.
func readRows(text []byte, comma rune, limit int) (rows []csvRow, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord = comma, -1
	for limit == 0 || len(rows) < limit {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rows, err
		}
		line, _ := r.FieldPos(0)
		rows = append(rows, csvRow{fields, line})
	}
	return rows, nil
}

func (f CSVFormat) drafts(t csvTable) []draft {
	list := make([]draft, 0, len(t.rows))
	for _, row := range t.rows {
		if strings.TrimSpace(strings.Join(row.fields, "")) != "" {
			list = append(list, f.draft(t.columns, row))
		}
	}
	return list
}

func (f CSVFormat) draft(c csvIndex, row csvRow) draft {
	d := draft{bankRef: realReference(c.key.of(row))}
	d.Row, d.Account, d.Payer = row.line, compact(c.account.of(row)), c.payer.of(row)
	d.Reference, d.Text = realReference(c.reference.of(row)), c.text.of(row)
	if d.Account == "" {
		d.Account = compact(f.Account)
	}
	if d.Currency = strings.ToLower(c.currency.of(row)); d.Currency == "" {
		d.Currency = strings.ToLower(f.Currency)
	}
	if !hasDigit(c.date.of(row)) {
		d.Ignored = IgnoredNothing // a balance or a sum below the rows
		return d
	}
	f.value(&d, c, row)
	return d
}

// value is how much a row is, when, and which way.
func (f CSVFormat) value(d *draft, c csvIndex, row csvRow) {
	var dateErr, amountErr, directionErr error
	d.BookedAt, d.day, dateErr = f.date(c.date.of(row))
	number := c.amount.of(row)
	if number == "" {
		d.Ignored = IgnoredDebit // its amount stands in a column of its own
		return
	}
	if d.Amount, amountErr = f.amount(number, d.Currency); amountErr == nil {
		d.Amount, directionErr = c.directed(d.Amount, row)
	}
	switch {
	case d.Amount < 0:
		d.Ignored = IgnoredDebit
	case notBooked(c.status.of(row)):
		d.Ignored = IgnoredPending
	default:
		d.judge(dateErr, amountErr, directionErr)
	}
}

var dateLayouts = []string{"2.1.2006", "2.1.06", time.DateOnly, "2/1/2006", time.RFC3339, time.DateTime}

// date is a moment, and the day in the zone that it is written in.
func (f CSVFormat) date(s string) (time.Time, string, error) {
	layouts := dateLayouts
	if f.DateLayout != "" {
		layouts = []string{f.DateLayout}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), t.Format(time.DateOnly), nil
		}
	}
	return time.Time{}, "", fmt.Errorf("%.40q is no date that is understood: set DateLayout", s)
}

// decoration is what stands in a number for people only.
var decoration = strings.NewReplacer(" ", "", "'", "", "’", "", "€", "", "EUR", "", "−", "-")

func plainNumber(s string) string { return decoration.Replace(s) }

// amount reads a number in the file's own way of writing, groups of thousands included.
func (f CSVFormat) amount(s, unit string) (int64, error) {
	number := plainNumber(s)
	if n := len(number) - 1; n > 0 && (number[n] == '-' || number[n] == '+') { // 5,00- is how some banks write -5,00
		number = number[n:] + number[:n]
	}
	group := ","
	if f.Decimal == ',' {
		group = "."
	}
	whole, fraction, _ := strings.Cut(number, string(f.Decimal))
	if !grouped(whole, group) || strings.Contains(fraction, group) {
		return 0, fmt.Errorf("%.40q %w with %q before the decimals", s, errAmount, f.Decimal)
	}
	return minorUnits(strings.ReplaceAll(whole, group, "")+"."+fraction, unit)
}

// grouped says whether a separator stands only where thousands end: a decimal one taken for it would make 1,50 a hundred and
// fifty.
func grouped(whole, separator string) bool {
	parts := strings.Split(whole, separator)
	for _, p := range parts[1:] {
		if len(p) != 3 {
			return false
		}
	}
	first, _ := cutSign(parts[0])
	return len(parts) == 1 || (len(first) >= 1 && len(first) <= 3)
}

// notBooked knows the words for a booking that may never be one.
func notBooked(status string) bool {
	s := strings.ToLower(status)
	for _, word := range []string{"vorgemerkt", "pending", "reverted", "declined", "failed", "storniert", "cancel"} {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}
