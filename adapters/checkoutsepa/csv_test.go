package checkoutsepa

import (
	"strings"
	"testing"
	"time"
)

func readCSV(t *testing.T, file string, f CSVFormat) []Line {
	t.Helper()
	lines, err := ReadCSV(strings.NewReader(file), f)
	if err != nil {
		t.Fatalf("%v in %q", err, file)
	}
	return lines
}

// The headers are those of German and English speaking banks, the rows are made up. Each has one transfer of 1,234.56 by Kim
// on 2 March 2026, and whatever else the bank writes.
var dialects = map[string]struct {
	file    string
	ignored []string // of all the rows
}{
	"savings bank": {`"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Glaeubiger ID";"Mandatsreferenz";"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";"Betrag";"Waehrung";"Info"
"DE89370400440532013000";"02.03.26";"02.03.26";"GUTSCHR. UEBERWEISUNG";"Order 17";"";"";"";"";"Kim";"DE02120300000000202051";"BYLADEM1001";"1234,56";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"02.03.26";"02.03.26";"GUTSCHR. UEBERWEISUNG";"Order 18";"";"";"";"";"Jo";"DE02120300000000202051";"BYLADEM1001";"2,00";"EUR";"Umsatz vorgemerkt"
"DE89370400440532013000";"02.03.26";"02.03.26";"LASTSCHRIFT";"Power";"";"";"";"";"Utility";"DE02120300000000202051";"BYLADEM1001";"-50,00";"EUR";"Umsatz gebucht"
`, []string{"", IgnoredPending, IgnoredDebit}},
	"direct bank, with a preamble": {"\xef\xbb\xbf" + `"Girokonto";"DE89370400440532013000"
""
"Kontostand vom 02.03.2026:";"1.234,56 €"
""
"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";"IBAN";"Betrag (€)";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz"
"02.03.26";"02.03.26";"Gebucht";"Kim";"Shop";"Order 17";"Eingang";"DE02120300000000202051";"1.234,56 €";"";"";""
"02.03.26";"02.03.26";"Vorgemerkt";"Jo";"Shop";"Order 18";"Eingang";"DE02120300000000202051";"2";"";"";""
`, []string{"", IgnoredPending}},
	"two currencies": {"Buchung;Wertstellungsdatum;Auftraggeber/Empfänger;Buchungstext;Verwendungszweck;Saldo;Währung;Betrag;Währung\n02.03.2026;02.03.2026;Kim;Gutschrift;Order 17;9.999,99;USD;+1.234,56;EUR\n", []string{""}},
	"in Latin 1":     {"Buchungstag;Auftraggeber;Verwendungszweck;Umsatz in EUR;W\xe4hrung\n2.3.2026;Kim;F\xfcr Order 17;+1.234,56;EUR\n", []string{""}},
	"English":        {"Booking Date,Value Date,Partner Name,Partner Iban,Type,Payment Reference,Account Name,Amount (EUR),Original Amount\n2026-03-02,2026-03-02,Kim,DE02120300000000202051,Credit Transfer,Order 17,Main,1234.56,\n2026-03-03,2026-03-03,Shop,,Debit,Rent,Main,-7.00,\n", []string{"", IgnoredDebit}},
	"direction":      {"Datum\tName\tVerwendungszweck\tBetrag\tSoll/Haben\n02.03.2026\tKim\tOrder 17\t1.234,56\tH\n02.03.2026\tUtility\tPower\t50,00\tS\n", []string{"", IgnoredDebit}},
	"two columns":    {"Date,Description,Payer,Debit,Credit\n2/3/2026,Order 17,Kim,,\"1,234.56\"\n13/3/2026,Power,,50.00,\n14/3/2026,Power,,50.00,0.00\n", []string{"", IgnoredDebit, IgnoredNothing}},
	"Swiss":          {"Datum|Buchungstext|Auftraggeber|Gutschrift|Belastung\n02.03.2026|Order 17|Kim|1'234.56|\n", []string{""}},
	"with a sum":     {"Buchungstag;Verwendungszweck;Auftraggeber;Betrag\n\n2.3.2026;Order 17;Kim;1.234,56+\n3.3.2026;Rent;;50,00-\n;;;\nKontostand;;;1.184,56\n", []string{"", IgnoredDebit, IgnoredNothing}},
}

func TestDialectsOfBanks(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			lines := readCSV(t, d.file, CSVFormat{Account: shopIBAN})
			if len(lines) != len(d.ignored) {
				t.Fatalf("%d lines, want %d: %+v", len(lines), len(d.ignored), lines)
			}
			for i, l := range lines {
				if l.Ignored != d.ignored[i] || l.Problem != "" || (l.Ignored == IgnoredDebit) != (l.Amount < 0 || (l.Ignored == IgnoredDebit && l.Amount == 0)) {
					t.Errorf("line %d is ignored for %q %q, want %q: %+v", i, l.Ignored, l.Problem, d.ignored[i], l)
				}
			}
			l := lines[0]
			if l.Amount != 123456 || l.Currency != "eur" || l.Payer != "Kim" || !strings.Contains(l.Text+l.Reference, "Order 17") || l.Account != shopIBAN {
				t.Errorf("%+v", l)
			}
			if !l.BookedAt.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("booked at %v", l.BookedAt)
			}
		})
	}
}

func TestAFormatIsBelieved(t *testing.T) {
	f := CSVFormat{
		Comma: ',', Decimal: '.', DateLayout: "01/02/2006", Encoding: "latin1", Account: "0532013000", Currency: "USD",
		Columns: CSVColumns{
			Date: "when", Amount: "HOW MUCH?", Direction: "way", Payer: "who", Text: []string{"why 2", "why 1"}, Reference: "ref", Key: "id", Status: "done",
		},
	}
	file := "Date,Amount,When,how much,Who,Why 1,Why 2,Ref,ID,Way,Done\n1,2,03/02/2026,\"1,234\",J\xf6rg,one,two,RF1,K 7,in,\n1,2,03/02/2026,5,Kim,,,,NONREF,out,\n"
	lines := readCSV(t, file, f)
	l := lines[0]
	if l.Amount != 123400 || l.Currency != "usd" || l.Payer != "Jörg" || l.Text != "two one" || l.Reference != "RF1" || l.Account != "0532013000" || l.Row != 2 {
		t.Errorf("%+v", l)
	}
	if l.Key != "0532013000:K 7:2026-03-02:123400" || !l.BookedAt.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", l)
	}
	if l := lines[1]; l.Amount != -500 || l.Ignored != IgnoredDebit || strings.Contains(l.Key, "NONREF") {
		t.Errorf("%+v", l)
	}
}

func TestTheEncodingIsSeen(t *testing.T) {
	for name, file := range map[string]string{
		"UTF-8": "Datum;Haben;Auftraggeber\n1.1.2026;1,00;Jörg €\n", "windows-1252": "Datum;Haben;Auftraggeber\n1.1.2026;1,00;J\xf6rg \x80\n",
	} {
		if l := readCSV(t, file, CSVFormat{})[0]; l.Payer != "Jörg €" {
			t.Errorf("%s: the payer is %q", name, l.Payer)
		}
	}
}

func TestFilesThatAreNotUnderstood(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		f    CSVFormat
		want string
	}{
		"empty":             {"", CSVFormat{}, "no header"},
		"unknown names":     {"Quand;Combien\n1;2\n", CSVFormat{}, `CSVFormat.Columns; the file has "Quand", "Combien"`},
		"no amount":         {"Datum;Text\n1;2\n", CSVFormat{}, `"Datum", "Text"`},
		"a name is missing": {"Datum;Betrag\n1.1.2026;2\n", CSVFormat{Columns: CSVColumns{Key: "Nummer"}}, `"Datum", "Betrag"`},
		"a text is missing": {"Datum;Betrag\n1.1.2026;2\n", CSVFormat{Columns: CSVColumns{Text: []string{"Zweck"}}}, `"Datum", "Betrag"`},
		"another comma":     {"Datum;Betrag\n1.1.2026;2\n", CSVFormat{Comma: ','}, `"Datum;Betrag"`},
		"comma":             {"Datum;Betrag\n", CSVFormat{Comma: '"'}, "delimiter"},
		"quotes":            {"Datum;Betrag\n1.1.2026;\"2\n", CSVFormat{}, "line 2"},
		"zero bytes":        {"D\x00a\x00t\x00u\x00m\x00", CSVFormat{}, "no text"},
		"not UTF-8":         {"Datum;Betrag;\xfc\n", CSVFormat{Encoding: "UTF-8"}, "not in UTF-8"},
		"encoding":          {"Datum;Betrag\n", CSVFormat{Encoding: "EBCDIC"}, "EBCDIC"},
		"decimal":           {"Datum;Betrag\n", CSVFormat{Decimal: '_'}, "neither a comma nor a dot"},
		"doubtful decimals": {"Datum;Betrag\n1.1.2026;1.234\n", CSVFormat{}, "set Decimal"},
		"mixed decimals":    {"Datum;Betrag\n1.1.2026;1.23\n1.1.2026;1,23\n", CSVFormat{}, "set Decimal"},
	} {
		lines, err := ReadCSV(strings.NewReader(c.file), c.f)
		if err == nil || !strings.Contains(err.Error(), c.want) || lines != nil {
			t.Errorf("%s: %v, %v, want %q", name, lines, err, c.want)
		}
	}
}

func TestRowsThatCannotBeUnderstood(t *testing.T) {
	for row, want := range map[string]string{
		"31.2.2026;1,00;EUR;":   "no date",
		"2.3.2026;eins;EUR;":    "no amount",
		"2.3.2026;1,001;EUR;":   "more than the 2 decimals",
		"2.3.2026;1.50;EUR;":    "no amount", // the dot is of thousands in this file
		"2.3.2026;1,50,;EUR;":   "no amount",
		"2.3.2026;.500,00;EUR;": "no amount",
		"2.3.2026;1,00;EURO;":   "currency",
		"2.3.2026;1,00;EUR;X":   "neither debit nor credit",
	} {
		lines := readCSV(t, "Datum;Betrag;Währung;S/H\n2.3.2026;1.000,00;EUR;H\n"+row+"\n", CSVFormat{Decimal: ','})
		if len(lines) != 2 || lines[0].Problem != "" || !strings.Contains(lines[1].Problem, want) || lines[1].Row != 3 {
			t.Errorf("%s: %+v, want %q", row, lines, want)
		}
	}
	short := readCSV(t, "Datum;Text;Betrag\n2.3.2026\n", CSVFormat{})
	if len(short) != 1 || short[0].Ignored != IgnoredDebit {
		t.Errorf("a row that is too short: %+v", short)
	}
}

// A minus and a word for debit are not twice a debit, and a debit is never money that came in.
func TestADebitIsOneHoweverItIsWritten(t *testing.T) {
	for _, row := range []string{"-50,00;S", "50,00-;S", "50,00;S", "50,00;Soll", "-50,00;H", "-50,00;", "50,00;D", "50,00;debit"} {
		l := readCSV(t, "Datum;Betrag;Soll/Haben\n2.3.2026;"+row+"\n", CSVFormat{})[0]
		if l.Amount != -5000 || l.Ignored != IgnoredDebit || l.Problem != "" {
			t.Errorf("%s: %+v", row, l)
		}
	}
}

func TestThreeDecimalsAreFoundOut(t *testing.T) {
	l := readCSV(t, "Datum;Haben;Currency\n2.3.2026;1.234,567;KWD\n", CSVFormat{})[0]
	if l.Amount != 1234567 || l.Currency != "kwd" || l.Problem != "" {
		t.Errorf("%+v", l)
	}
}

func TestDecimalsAreFoundOut(t *testing.T) {
	for amounts, want := range map[string]int64{
		"1,5": 150, "1.5": 150, "1": 100, "1.234,5": 123450, "1,234.5": 123450, "1.234.567,89": 123456789, "2,00;-1.234": 200, "EUR 7,00": 700, "−5,00;3": -500,
	} {
		file := "Datum;Haben\n"
		for _, a := range strings.Split(amounts, ";") {
			file += "1.1.2026;" + a + "\n"
		}
		if l := readCSV(t, file, CSVFormat{})[0]; l.Amount != want || l.Problem != "" {
			t.Errorf("%s: %d %s, want %d", amounts, l.Amount, l.Problem, want)
		}
	}
}

// A file of the whole day counts a transfer once, that an earlier file of the day had already.
func TestEqualRowsOfADayHaveTheirNumbers(t *testing.T) {
	head, row := "Datum;Haben;Text\n", "2.3.2026;5,00;Kim\n"
	morning, evening := readCSV(t, head+row, CSVFormat{}), readCSV(t, head+row+row, CSVFormat{})
	if morning[0].Key != evening[0].Key || evening[0].Key == evening[1].Key {
		t.Errorf("%v in the morning, %v in the evening", keysOf(morning), keysOf(evening))
	}
}
