package checkoutsepa

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout/internal/money"
)

// A random statement is written by a writer of our own in both forms of camt and as CSV, and must be read as it was meant.
func TestRandomStatementsAreReadAsTheyWereMeant(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		want := make([]Line, r.IntN(30))
		for i := range want {
			want[i] = randomLine(r, i)
		}
		for name, read := range map[string]func([]Line) ([]Line, error){
			"version 2": func(l []Line) ([]Line, error) { return ReadCAMT(strings.NewReader(writeCAMT(l, false))) },
			"version 8": func(l []Line) ([]Line, error) { return ReadCAMT(strings.NewReader(writeCAMT(l, true))) },
			"CSV": func(l []Line) ([]Line, error) {
				return ReadCSV(strings.NewReader(writeCSV(l, r)), CSVFormat{Columns: CSVColumns{Amount: "Betrag"}})
			},
		} {
			if name == "CSV" && len(want) == 0 {
				continue // without a row nothing is there to be written
			}
			got, err := read(want)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, name, err)
			}
			for i := range got {
				got[i].Row = 0
			}
			if diff := cmp.Diff(want, append([]Line{}, got...)); diff != "" {
				t.Fatalf("seed %d, %s: %s", seed, name, diff)
			}
		}
	}
}

func randomLine(r *rand.Rand, i int) Line {
	ref := fmt.Sprintf("R%d/%d", i, r.IntN(100))
	l := Line{
		Account: shopIBAN, Currency: "eur", Amount: r.Int64N(1 + int64(1)<<r.IntN(50)), BookedAt: noon.Truncate(24*time.Hour).AddDate(0, 0, r.IntN(400)),
		Payer: words(r), Text: words(r), Reference: words(r),
	}
	switch {
	case r.IntN(4) == 0:
		l.Ignored, l.Amount = IgnoredDebit, -1-l.Amount
	case r.IntN(8) == 0:
		l.Ignored = IgnoredPending
	case l.Amount == 0:
		l.Ignored = IgnoredNothing
	}
	l.Key = fmt.Sprintf("%s:%s:%s:%d", l.Account, ref, l.BookedAt.Format(time.DateOnly), l.Amount)
	return l
}

// words are text with all that has a meaning in XML or CSV. They hold a letter, so that none is taken for a placeholder.
func words(r *rand.Rand) string {
	list := []string{"Kim", "Müller & Söhne", `"Q"`, "a;b", "<x>", "]]>", "RF18 5390 0754 7034", "1,00", "銀行", "😀", "it's", "x=y"}
	var out []string
	for range r.IntN(4) {
		out = append(out, list[r.IntN(len(list))])
	}
	return strings.Join(append(out, "Z"), " ")
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

func writeCAMT(lines []Line, eighth bool) string {
	var entries []string
	for _, l := range lines {
		direction, status, payer, amount := "CRDT", "BOOK", "<Nm>"+escaped(l.Payer)+"</Nm>", l.Amount
		if amount < 0 {
			direction, amount = "DBIT", -amount
		}
		if l.Ignored == IgnoredPending {
			status = "PDNG"
		}
		if eighth {
			status, payer = "<Cd>"+status+"</Cd>", "<Pty>"+payer+"</Pty>"
		}
		entries = append(entries, fmt.Sprintf(`<Ntry><Amt Ccy="EUR">%s000</Amt><CdtDbtInd>%s</CdtDbtInd><Sts>%s</Sts><BookgDt><Dt>%s</Dt></BookgDt><AcctSvcrRef>%s</AcctSvcrRef>
			<NtryDtls><TxDtls><RltdPties><Dbtr>%s</Dbtr></RltdPties><RmtInf><Ustrd>%s</Ustrd><Strd><CdtrRefInf><Ref>%s</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>`,
			money.Decimal(amount, "EUR"), direction, status, l.BookedAt.Format(time.DateOnly), bankRefIn(l), payer, escaped(l.Text), escaped(l.Reference)))
	}
	if eighth {
		return strings.Replace(statement(entries...), "053.001.02", "053.001.08", 1)
	}
	return statement(entries...)
}

func bankRefIn(l Line) string { return strings.Split(l.Key, ":")[1] }

func writeCSV(lines []Line, r *rand.Rand) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = []rune{';', ',', '\t', '|'}[r.IntN(4)]
	german := r.IntN(2) == 0
	layout := []string{"2.1.2006", "02.01.06", time.DateOnly, "02/01/2006"}[r.IntN(4)]
	_ = w.Write([]string{"Status", "Buchungstag", "Auftraggeber", "Verwendungszweck", "Reference", "Betrag", "Währung", "Auftragskonto", "Bank-Referenz"})
	for _, l := range lines {
		amount := money.Decimal(l.Amount, "EUR")
		if german {
			amount = strings.Replace(amount, ".", ",", 1)
		}
		status := map[bool]string{true: "vorgemerkt", false: "gebucht"}[l.Ignored == IgnoredPending]
		_ = w.Write([]string{status, l.BookedAt.Format(layout), l.Payer, l.Text, l.Reference, amount, "EUR", l.Account, bankRefIn(l)})
	}
	w.Flush()
	return b.String()
}

func checkLines(t *testing.T, lines []Line, err error) {
	if err != nil && lines != nil {
		t.Errorf("%d lines and %v", len(lines), err)
	}
	for _, l := range lines {
		if len(l.Key) == 0 || len(l.Key) > 200 || l.Row < 1 || (l.Amount <= 0 && l.Ignored == "" && l.Problem == "") {
			t.Errorf("%+v", l)
		}
	}
}

func FuzzReadCAMT(f *testing.F) {
	f.Add([]byte(statement(booked("10", bankRef, details(transferOf("Kim", "x"), transferOf("Jo", "y"))))))
	f.Add([]byte(notification(booked("8.850", "<RvslInd>true</RvslInd>"), booked("1", "<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch></NtryDtls>"))))
	f.Fuzz(func(t *testing.T, file []byte) {
		lines, err := ReadCAMT(bytes.NewReader(file))
		checkLines(t, lines, err)
	})
}

func FuzzReadCSV(f *testing.F) {
	for _, d := range dialects {
		f.Add([]byte(d.file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		lines, err := ReadCSV(bytes.NewReader(file), CSVFormat{})
		checkLines(t, lines, err)
	})
}
