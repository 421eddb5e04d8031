package checkoutsepa

import (
	"strings"
	"testing"
)

// What went out must never be taken for income, however the bank tells it.
func TestTheWayOfMoneyIsNeverGuessed(t *testing.T) {
	const out, in, unclear = IgnoredDebit, "", "nothing says"
	for name, c := range map[string]struct {
		file string
		want []string // the reason to ignore a row, or its problem
	}{
		"a type":                     {"Date,Type,Amount\n2026-03-01,Debit,25.00\n2026-03-01,credit,25.00\n", []string{out, in}},
		"a type with other words":    {"Date,Type,Amount\n2026-03-01,Debit,25.00\n2026-03-01,Fee,25.00\n2026-03-01,,25.00\n", []string{out, unclear, unclear}},
		"other words beside signs":   {"Date,Type,Amount\n2026-03-01,Transfer,25.00\n2026-03-01,Fee,-25.00\n", []string{in, out}},
		"a debit beside signs":       {"Date,Type,Amount\n2026-03-01,Debit,25.00\n2026-03-01,Credit,-25.00\n", []string{out, out}},
		"a debit without the minus":  {"Datum;Umsatzart;Typ;Betrag\n1.3.2026;Gutschrift;S;25,00\n1.3.2026;Umbuchung;H;25,00\n", []string{out, in}},
		"in and out":                 {"Datum;Umsatztyp;Betrag\n1.3.2026;Ausgang;25,00\n1.3.2026;Eingang;25,00\n", []string{out, in}},
		"a plus":                     {"Datum;Betrag\n1.3.2026;+25,00\n1.3.2026;25,00\n", []string{in, in}},
		"signs for directions":       {"Datum;Richtung;Betrag\n1.3.2026;-;25,00\n1.3.2026;+;25,00\n", []string{out, in}},
		"a column of its own":        {"Datum;Soll;Haben\n1.3.2026;25,00;\n1.3.2026;;25,00\n", []string{out, in}},
		"a direction that is empty":  {"Datum;S/H;Betrag\n1.3.2026;S;25,00\n1.3.2026;;25,00\n1.3.2026;;0,00\n", []string{out, unclear, IgnoredNothing}},
		"a sum without a sign below": {"Datum;Betrag\n1.3.2026;-25,00\n;1,00\n", []string{out, IgnoredNothing}},
		"no row":                     {"Datum;Betrag\n", nil},
		"nothing but zeros":          {"Datum;Betrag\n1.3.2026;0,00\n", []string{IgnoredNothing}},
	} {
		lines := readCSV(t, c.file, CSVFormat{})
		if len(lines) != len(c.want) {
			t.Fatalf("%s: %+v", name, lines)
		}
		for i, l := range lines {
			if got := l.Ignored + l.Problem; got != c.want[i] && (c.want[i] != unclear || l.Ignored != "" || !strings.HasPrefix(got, unclear)) {
				t.Errorf("%s: row %d is %q, want %q", name, i+1, got, c.want[i])
			}
		}
	}
}

func TestAFileThatDoesNotSayTheWayOfItsMoneyIsRefused(t *testing.T) {
	for name, file := range map[string]string{
		"no sign":                "Datum;Betrag\n1.3.2026;25,00\n",
		"a sign in the sum only": "Datum;Betrag\n1.3.2026;25,00\nKontostand;-10,00\n",
		"words without a way":    "Date,Type,Amount\n2026-03-01,Transfer,25.00\n2026-03-01,Fee,25.00\n",
		"empty directions":       "Datum;Betrag;Soll/Haben\n1.3.2026;25,00;\n",
	} {
		lines, err := ReadCSV(strings.NewReader(file), CSVFormat{})
		if err == nil || lines != nil || !strings.Contains(err.Error(), "CSVFormat.Columns.Amount") || !strings.Contains(err.Error(), "CSVFormat.Columns.Direction") {
			t.Errorf("%s: %+v, %v", name, lines, err)
		}
	}
	named := readCSV(t, "Datum;Betrag\n1.3.2026;25,00\n", CSVFormat{Columns: CSVColumns{Amount: "Betrag"}})
	if len(named) != 1 || named[0].Ignored != "" || named[0].Problem != "" || named[0].Amount != 2500 {
		t.Errorf("with its column named: %+v", named)
	}
}
