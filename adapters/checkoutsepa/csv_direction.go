package checkoutsepa

import (
	"errors"
	"fmt"
	"strings"
)

// directions are the words for the way that money went, as lettersAndDigits writes them.
var directions = map[string]int64{
	"H": 1, "C": 1, "CR": 1, "CRDT": 1, "CREDIT": 1, "HABEN": 1, "GUTSCHRIFT": 1, "IN": 1, "INCOMING": 1, "EINGANG": 1, "ZAHLUNGSEINGANG": 1, "DEPOSIT": 1,
	"S": -1, "D": -1, "DR": -1, "DBIT": -1, "DEBIT": -1, "SOLL": -1, "LASTSCHRIFT": -1, "BELASTUNG": -1, "OUT": -1, "OUTGOING": -1, "AUSGANG": -1,
	"ZAHLUNGSAUSGANG": -1, "WITHDRAWAL": -1,
}

// wayOf is 1 for a word that says in, -1 for out, and 0 for all others.
func wayOf(word string) int64 {
	switch strings.TrimSpace(word) {
	case "+":
		return 1
	case "-", "−":
		return -1
	}
	return directions[lettersAndDigits(word)]
}

// way is what the columns beside the amount say. A column of directions says it in words that are known; one of kinds of
// bookings may.
func (c csvIndex) way(row csvRow) (int64, error) {
	if word := c.direction.of(row); word != "" {
		way := wayOf(word)
		if way == 0 {
			return 0, fmt.Errorf("%.20q is neither debit nor credit", word)
		}
		return way, nil
	}
	var said int64
	for _, i := range c.kind {
		switch way := wayOf(column{i}.of(row)); {
		case way < 0:
			return way, nil
		case way > 0:
			said = way
		}
	}
	return said, nil
}

// directed is an amount with the sign of its way.
func (c csvIndex) directed(amount int64, row csvRow) (int64, error) {
	if amount <= 0 {
		return amount, nil // it says so itself
	}
	way, err := c.way(row)
	switch {
	case err != nil:
		return amount, err
	case way != 0:
		return way * amount, nil
	case c.signed:
		return amount, nil
	}
	return amount, errors.New("nothing says whether it came in or went out")
}

var errWays = errors.New("no amount has a sign, and no column says which way the money went: if a minus stands before what goes out, or all of it came in, " +
	"name the column of the amounts in CSVFormat.Columns.Amount; otherwise name the one that says debit or credit in CSVFormat.Columns.Direction")

// findSigns finds out whether an amount without a sign has come in: where others have one.
func (t *csvTable) findSigns() error {
	rows, told := false, false
	for _, row := range t.rows {
		number := plainNumber(t.columns.amount.of(row))
		if !hasDigit(t.columns.date.of(row)) || !strings.ContainsAny(number, "123456789") {
			continue
		}
		way, err := t.columns.way(row)
		rows, told = true, told || way != 0 || err != nil
		t.columns.signed = t.columns.signed || strings.Trim(number, "+-") != number
	}
	if rows && !told && !t.columns.signed {
		return errWays
	}
	return nil
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }
