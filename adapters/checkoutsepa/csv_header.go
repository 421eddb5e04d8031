package checkoutsepa

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// headerRows is how far down the header may stand, below the account's name and the like.
const headerRows = 30

// csvTable is a file cut into rows below its header.
type csvTable struct {
	columns csvIndex
	rows    []csvRow
}

// csvIndex is where the columns are.
type csvIndex struct {
	date, amount, direction, kind, currency, payer, text, reference, key, account, status column

	signed bool // an amount without a sign has come in
}

// column is the places of the fields that are joined to one value; none for a column the file does not have.
type column []int

func (c column) of(row csvRow) string {
	var pieces []string
	for _, i := range c {
		if i < len(row.fields) {
			pieces = append(pieces, row.fields[i])
		}
	}
	return oneLine(pieces...)
}

// table finds the header, and with it what stands between the fields.
func (f CSVFormat) table(text []byte) (csvTable, error) {
	commas := []rune{';', ',', '\t', '|'}
	if f.Comma != 0 {
		commas = []rune{f.Comma}
	}
	var seen []csvRow
	for _, comma := range commas {
		top, err := readRows(text, comma, headerRows)
		for i, row := range top {
			if columns, ok := f.index(row.fields); ok {
				rows, err := readRows(text, comma, 0)
				if err != nil {
					return csvTable{}, err
				}
				return csvTable{columns, rows[i+1:]}, nil
			}
		}
		if err != nil && f.Comma != 0 {
			return csvTable{}, err
		}
		seen = append(seen, top...)
	}
	return csvTable{}, f.notUnderstood(seen)
}

// notUnderstood lists the header, which is most likely the row with the most fields.
func (f CSVFormat) notUnderstood(rows []csvRow) error {
	var header []string
	for _, row := range rows {
		if len(row.fields) > len(header) {
			header = row.fields
		}
	}
	if len(header) == 0 {
		return errors.New("there is no header in the file")
	}
	var names []string
	for _, name := range header[:min(len(header), 40)] {
		names = append(names, fmt.Sprintf("%.60q", strings.TrimSpace(name)))
	}
	return fmt.Errorf("the header does not tell the columns that are needed, at least the date and the amount: name them in CSVFormat.Columns; the file has %s",
		strings.Join(names, ", "))
}

// aliases are the names that banks give the columns, as plainName writes them, the best first.
var aliases = struct {
	date, amount, incoming, direction, kind, currency, payer, text, reference, key, account, status []string
}{
	date: []string{
		"buchungstag", "buchungsdatum", "bookingdate", "bookeddate", "datebooked", "postingdate", "transactiondate", "completeddate", "buchung", "datum", "date",
	},
	amount: []string{
		"betrag", "betrageur", "betragineur", "umsatz", "umsatzeur", "umsatzineur", "amount", "amounteur", "amountineur",
	},
	incoming:  []string{"haben", "gutschrift", "credit", "creditamount", "moneyin", "paidin"}, // amounts of money that came in
	direction: []string{"sollhaben", "sh", "debitcredit", "creditdebit", "drcr", "crdr", "debitcreditindicator", "creditdebitindicator"},
	kind: []string{
		"type", "typ", "art", "umsatzart", "umsatztyp", "buchungsart", "transaktionstyp", "transaktionsart", "transactiontype", "direction", "richtung", "zahlungsrichtung",
	},
	currency: []string{"währung", "waehrung", "currency", "currencycode", "accountcurrency"},
	payer: []string{
		"beguenstigterzahlungspflichtiger", "begünstigterzahlungspflichtiger", "zahlungspflichtiger", "nameauftraggeber", "auftraggeberempfänger",
		"auftraggeberbegünstigter", "auftraggeber", "namezahlungsbeteiligter", "payername", "payer", "partnername", "counterpartyname", "counterparty", "name",
	},
	text: []string{
		"verwendungszweck", "verwendungszweck1", "verwendungszweck2", "verwendungszweck3", "verwendungszweck4", "buchungstext",
		"remittanceinformation", "paymentdetails", "description", "details", "purpose", "memo",
	},
	reference: []string{
		"kundenreferenzendtoend", "kundenreferenz", "endtoendreferenz", "endtoendid", "paymentreference", "reference", "referenz",
	},
	key:     []string{"acctsvcrref", "bankreference", "bankreferenz", "buchungsreferenz", "entryreference", "transactionid", "transaktionsnummer"},
	account: []string{"auftragskonto", "ibanauftragskonto", "accountiban"},
	status:  []string{"status", "umsatzstatus", "info", "state"},
}

// index finds the columns in a header. A name that the format gives must be there.
func (f CSVFormat) index(header []string) (csvIndex, bool) {
	h, c := newCSVHeader(header), f.Columns
	x := csvIndex{
		date: h.one(c.Date, aliases.date), amount: h.one(c.Amount, aliases.amount), direction: h.one(c.Direction, aliases.direction),
		kind: h.all(nil, aliases.kind), signed: c.Amount != "",
		currency: h.one(c.Currency, aliases.currency), payer: h.one(c.Payer, aliases.payer), text: h.all(c.Text, aliases.text),
		reference: h.one(c.Reference, aliases.reference), key: h.one(c.Key, aliases.key),
		account: h.one(c.Account, aliases.account), status: h.one(c.Status, aliases.status),
	}
	if len(x.amount) == 0 {
		x.amount, x.signed = h.one("", aliases.incoming), true
	}
	return x, !h.missing && len(x.date) > 0 && len(x.amount) > 0
}

type csvHeader struct {
	names   []string
	missing bool // a column that the format names
}

func newCSVHeader(header []string) *csvHeader {
	h := &csvHeader{}
	for _, name := range header {
		h.names = append(h.names, plainName(name))
	}
	return h
}

// one is the column of a name, or the first of the aliases. Of two with one name the last counts: ING writes the currency of
// the balance before that of the amount.
func (h *csvHeader) one(name string, aliases []string) column {
	names := aliases
	if name != "" {
		names = []string{plainName(name)}
	}
	for _, n := range names {
		for i := len(h.names) - 1; i >= 0; i-- {
			if h.names[i] == n {
				return column{i}
			}
		}
	}
	h.missing = h.missing || name != ""
	return nil
}

func (h *csvHeader) all(names, aliases []string) (list column) {
	for _, name := range names {
		list = append(list, h.one(name, nil)...)
	}
	if len(names) > 0 {
		return list
	}
	for i, name := range h.names {
		if slices.Contains(aliases, name) {
			list = append(list, i)
		}
	}
	return list
}

// plainName is a column's name without case, punctuation and a currency sign: Betrag (€) is betrag.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// decimal finds out what stands before the decimals. A single separator before three digits could be either, so others have
// to tell; without any there are no decimals and the answer does not matter.
func (t csvTable) decimal() (rune, error) {
	votes, doubt := map[rune]bool{}, ""
	for _, row := range t.rows {
		number := strings.TrimRight(plainNumber(t.columns.amount.of(row)), "+-")
		i := strings.LastIndexAny(number, ",.")
		if i < 0 || !strings.ContainsAny(number[i+1:], "0123456789") {
			continue
		}
		if sign := rune(number[i]); len(number)-i-1 != 3 || otherSeparatorBefore(number[:i], sign) {
			votes[sign] = true
		} else {
			doubt = number
		}
	}
	switch {
	case votes[','] && votes['.']:
		return 0, errors.New("the amounts have now a comma and now a dot before the decimals: set Decimal")
	case len(votes) == 0 && doubt != "":
		return 0, fmt.Errorf("%.40q can be a number of thousands or have three decimals: set Decimal", doubt)
	case votes[',']:
		return ',', nil
	}
	return '.', nil
}

func otherSeparatorBefore(s string, sign rune) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return (r == ',' || r == '.') && r != sign })
}
