package checkoutsepa

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/money"
)

// The elements of camt.053 and camt.054 that tell of money, in all versions: what has moved between them stands twice.
type (
	camtAccount struct {
		IBAN  string `xml:"Id>IBAN"`
		Other string `xml:"Id>Othr>Id"`
	}

	camtEntry struct {
		Amount    camtAmount    `xml:"Amt"`
		Direction string        `xml:"CdtDbtInd"`
		Reversal  string        `xml:"RvslInd"`
		Status    camtStatus    `xml:"Sts"`
		Booked    camtDate      `xml:"BookgDt"`
		Valued    camtDate      `xml:"ValDt"`
		Reference string        `xml:"AcctSvcrRef"`
		Details   []camtDetails `xml:"NtryDtls"`
		More      string        `xml:"AddtlNtryInf"`
	}

	camtAmount struct {
		Currency string `xml:"Ccy,attr"`
		Number   string `xml:",chardata"`
	}

	camtStatus struct {
		Text string `xml:",chardata"` // until version 7
		Code string `xml:"Cd"`        // from version 8 on
	}

	camtDate struct {
		Day  string `xml:"Dt"`
		Time string `xml:"DtTm"`
	}

	camtDetails struct {
		Transfers string         `xml:"Btch>NbOfTxs"`
		List      []camtTransfer `xml:"TxDtls"`
	}

	camtTransfer struct {
		Reference  string         `xml:"Refs>AcctSvcrRef"`
		EndToEndID string         `xml:"Refs>EndToEndId"`
		Direction  string         `xml:"CdtDbtInd"`
		Amount     camtAmount     `xml:"Amt"`               // from version 4 on
		Paid       camtAmount     `xml:"AmtDtls>TxAmt>Amt"` // before
		Payer      camtParty      `xml:"RltdPties>Dbtr"`
		Ultimate   camtParty      `xml:"RltdPties>UltmtDbtr"`
		Free       []string       `xml:"RmtInf>Ustrd"`
		Structured []camtReferred `xml:"RmtInf>Strd"`
		Return     *struct{}      `xml:"RtrInf"`
		More       string         `xml:"AddtlTxInf"`
	}

	camtParty struct {
		Name  string `xml:"Nm"`     // until version 7
		Party string `xml:"Pty>Nm"` // from version 8 on
	}

	camtReferred struct {
		Reference string   `xml:"CdtrRefInf>Ref"`
		More      []string `xml:"AddtlRmtInf"`
	}
)

func (a camtAccount) name() string {
	if a.IBAN != "" {
		return compact(a.IBAN)
	}
	return compact(a.Other)
}

func (p camtParty) name() string { return oneLine(p.Name, p.Party) }

func (s camtStatus) code() string { return oneLine(s.Text, s.Code) }

// day is the date as it is written; moment is when that was, the beginning of the day where no time is told.
func (d camtDate) day() string {
	s := oneLine(d.Day, d.Time)
	return s[:min(len(s), len(time.DateOnly))]
}

func (d camtDate) moment() (time.Time, error) {
	s := oneLine(d.Day, d.Time)
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no date", s)
}

// drafts are the lines of an entry: one for each of its transfers, or one for the whole.
func (e camtEntry) drafts(account string, row int) []draft {
	list, batch := e.transfers()
	whole := e.whole(account, row)
	if len(list) > 1 && whole.Ignored == "" && whole.Problem == "" {
		return split(whole, list)
	}
	switch {
	case len(list) == 1:
		list[0].fill(&whole)
		if _, words := list[0].remittance(); realReference(whole.Reference+words) == "" { // some banks write it beside the transfer
			whole.Text = oneLine(whole.Text, e.More)
		}
	case len(list) > 1: // ignored as a whole
	case batch && whole.Ignored == "":
		whole.Ignored = IgnoredBatch
	default:
		whole.Text = oneLine(e.More)
	}
	return []draft{whole}
}

// transfers are the details of the entry, and whether it stands for several.
func (e camtEntry) transfers() (list []camtTransfer, batch bool) {
	for _, d := range e.Details {
		list = append(list, d.List...)
		n, err := strconv.Atoi(strings.TrimSpace(d.Transfers))
		batch = batch || (err == nil && n > 1)
	}
	return list, batch
}

// whole is the entry as one line.
func (e camtEntry) whole(account string, row int) draft {
	booked := e.Booked
	if booked.day() == "" {
		booked = e.Valued
	}
	d := draft{bankRef: realReference(e.Reference), day: booked.day()}
	d.Row, d.Account, d.Currency = row, account, strings.ToLower(e.Amount.Currency)
	var amountErr, dateErr error
	d.Amount, amountErr = e.Amount.minor()
	d.BookedAt, dateErr = booked.moment()
	if d.Ignored = e.ignored(); d.Ignored == "" {
		d.judge(amountErr, dateErr, e.unclear())
	}
	if strings.TrimSpace(e.Direction) == "DBIT" {
		d.Amount = -d.Amount
	}
	return d
}

// judge keeps what of a line cannot be understood. A line without money is none.
func (d *draft) judge(problems ...error) {
	for _, err := range problems {
		if err != nil {
			d.Problem = err.Error()
			return
		}
	}
	if d.Amount == 0 {
		d.Ignored = IgnoredNothing
	}
}

func (a camtAmount) minor() (int64, error) {
	n, err := minorUnits(strings.TrimSpace(a.Number), a.Currency)
	if err == nil && n < 0 {
		return 0, fmt.Errorf("%s is below zero: the direction stands beside it", a.Number)
	}
	return n, err
}

// unclear is an error for an entry that could be money or not.
func (e camtEntry) unclear() error {
	if d := strings.TrimSpace(e.Direction); d != "CRDT" && d != "DBIT" {
		return fmt.Errorf("%.20q is neither CRDT nor DBIT", d)
	}
	if status := e.Status.code(); status != "BOOK" {
		return fmt.Errorf("status %.20q is not known", status)
	}
	return nil
}

func (e camtEntry) ignored() string {
	reversal, status := strings.TrimSpace(e.Reversal), e.Status.code()
	switch {
	case strings.TrimSpace(e.Direction) == "DBIT":
		return IgnoredDebit
	case reversal == "true" || reversal == "1":
		return IgnoredReversal
	case status == "PDNG" || status == "INFO" || status == "FUTR":
		return IgnoredPending
	}
	return ""
}

// split makes a line of each transfer. When they are not the entry's money, as after charges or in another currency, nobody
// knows what was paid by whom, and the entry stays one line with a problem.
func split(whole draft, list []camtTransfer) []draft {
	lines, rest, ok := make([]draft, 0, len(list)), whole.Amount, true
	for i, t := range numbered(list, whole.bankRef) {
		d := t.line(whole)
		lines = append(lines, d)
		rest, ok = money.Add(rest, -d.Amount)
		if d.Problem != "" || !ok {
			whole.Problem = fmt.Sprintf("transfer %d of %d: %s", i+1, len(list), d.Problem)
			return []draft{whole}
		}
	}
	if rest != 0 {
		whole.Problem = fmt.Sprintf("its %d transfers do not add up to the %s %s of the entry",
			len(list), money.Decimal(whole.Amount, whole.Currency), strings.ToUpper(whole.Currency))
		return []draft{whole}
	}
	return lines
}

// numbered gives each of several transfers a reference of its own: banks repeat that of the entry in all of them, or have
// none for them.
func numbered(list []camtTransfer, ofEntry string) []camtTransfer {
	times := map[string]int{}
	for _, t := range list {
		times[realReference(t.Reference)]++
	}
	own := make([]camtTransfer, 0, len(list))
	for i, t := range list {
		ref := realReference(t.Reference)
		if times[ref] > 1 || ref == "" || ref == ofEntry {
			if ref = cmp.Or(ref, ofEntry); ref != "" {
				t.Reference = fmt.Sprintf("%s#%d", ref, i+1)
			}
		}
		own = append(own, t)
	}
	return own
}

// line is one of several transfers of an entry.
func (t camtTransfer) line(whole draft) draft {
	d := whole
	t.fill(&d)
	a := t.Amount
	if a.Number == "" {
		a = t.Paid
	}
	amount, err := a.minor()
	if strings.TrimSpace(t.Direction) == "DBIT" {
		amount, d.Ignored = -amount, IgnoredDebit
	}
	d.Amount = amount
	if err == nil && !strings.EqualFold(a.Currency, whole.Currency) {
		err = errors.New("it is in another currency than the entry")
	}
	if err != nil || d.Ignored == "" {
		d.judge(err)
	}
	return d
}

// fill tells who has paid and for what. The amount stays the entry's: that is what the account got.
func (t camtTransfer) fill(d *draft) {
	if ref := realReference(t.Reference); ref != "" {
		d.bankRef = ref
	}
	if d.Payer = t.Payer.name(); d.Payer == "" {
		d.Payer = t.Ultimate.name()
	}
	d.EndToEndID = realReference(t.EndToEndID)
	reference, words := t.remittance()
	d.Reference, d.Text = reference, oneLine(words, t.More)
	if t.Return != nil && d.Ignored == "" {
		d.Ignored = IgnoredReturn
	}
}

// remittance is what the payer has written: the first creditor reference, and everything else.
func (t camtTransfer) remittance() (reference, words string) {
	pieces := slices.Clone(t.Free)
	for i, s := range t.Structured {
		if i == 0 {
			reference = oneLine(s.Reference)
		} else {
			pieces = append(pieces, s.Reference)
		}
		pieces = append(pieces, s.More...)
	}
	return reference, oneLine(pieces...)
}
