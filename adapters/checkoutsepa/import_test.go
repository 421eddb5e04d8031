package checkoutsepa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jopay/checkout"
)

// ledger is a Recorder that counts each key once, as the checkout does.
type ledger struct {
	fail  map[int64]error // by amount
	lines map[string]checkout.Transfer
	refs  []string
	calls int
}

func (l *ledger) RecordTransfer(_ context.Context, ref string, amount int64, t checkout.Transfer) (checkout.TransferResult, error) {
	l.calls++
	if err := l.fail[amount]; err != nil {
		return checkout.TransferResult{}, err
	}
	_, seen := l.lines[t.Key]
	if l.lines == nil {
		l.lines = map[string]checkout.Transfer{}
	}
	l.lines[t.Key] = t
	l.refs = append(l.refs, ref)
	status := checkout.TransferBooked
	switch {
	case strings.Contains(t.Text, "unknown"):
		status = checkout.TransferUnknown
	case strings.Contains(t.Text, "perhaps"):
		status = checkout.TransferSuggested
	}
	return checkout.TransferResult{ID: fmt.Sprint("tr_", amount), Status: status, Duplicate: seen}, nil
}

func mixedStatement() string {
	other := strings.NewReplacer("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt>", "", "</BkToCstmrStmt></Document>", "", shopIBAN, "AT611904300234573201").Replace(statement(booked("77")))
	file := statement(
		booked("1", details("<TxDtls><Refs><EndToEndId>E2E</EndToEndId></Refs><RmtInf><Ustrd>thanks</Ustrd><Strd><CdtrRefInf><Ref>RF1</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>")),
		booked("2", details(transferOf("Kim", "perhaps"))),
		booked("3", details(transferOf("Kim", "unknown"))),
		strings.Replace(booked("4"), "CRDT", "DBIT", 1),
		strings.Replace(booked("5"), "EUR", "USD", 1),
		booked("6.001"),
		booked("7"),
	)
	return strings.Replace(file, "</BkToCstmrStmt>", other+"</BkToCstmrStmt>", 1)
}

func TestImport(t *testing.T) {
	p, to := open(t, nil), &ledger{fail: map[int64]error{700: errors.New("the database is busy")}}
	var progress []int
	o := ImportOptions{Actor: "Ann", FileName: "march.xml", Progress: func(done, total int) { progress = append(progress, done, total) }}
	report, err := p.Import(t.Context(), to, strings.NewReader(mixedStatement()), o)
	if err == nil || !strings.Contains(err.Error(), "2 of 8 lines were not recorded") || !strings.Contains(err.Error(), "imported again") || !strings.Contains(err.Error(), "row 6 ") {
		t.Errorf("Import gives %v", err)
	}
	checkReport(t, report, Report{Lines: 8, Booked: 1, Suggested: 1, Unknown: 1, Ignored: 3, Failed: 2})
	want := []string{"tr_100", "tr_200", "tr_300", IgnoredDebit, IgnoredCurrency, "6.001", "the database is busy", IgnoredAccount}
	for i, item := range report.Items {
		if got := item.Result.ID + item.Line.Ignored + item.Problem; !strings.Contains(got, want[i]) {
			t.Errorf("line %d: %q, want %q", i, got, want[i])
		}
	}
	if len(progress) != 16 || progress[0] != 1 || progress[1] != 8 || progress[14] != 8 || to.calls != 4 {
		t.Errorf("progress is %v after %d calls", progress, to.calls)
	}
	first := report.Items[0].Line
	sent := to.lines[first.Key]
	if sent != (checkout.Transfer{Key: first.Key, Provider: "sepa", Currency: "eur", Text: "thanks E2E", BookedAt: first.BookedAt, Actor: "Ann", Note: "march.xml, row 1"}) || to.refs[0] != "RF1" {
		t.Errorf("%q %+v was recorded", to.refs[0], sent)
	}
}

func checkReport(t *testing.T, got, want Report) {
	t.Helper()
	items := got.Items
	got.Items = nil
	if fmt.Sprint(got) != fmt.Sprint(want) || len(items) != want.Lines || got.Booked+got.Duplicates+got.Suggested+got.Unknown+got.Ignored+got.Failed != got.Lines {
		t.Errorf("%+v with %d items, want %+v", got, len(items), want)
	}
}

func TestAFileThatIsImportedAgainCountsOnce(t *testing.T) {
	p, to := open(t, nil), &ledger{fail: map[int64]error{700: errors.New("the database is busy")}}
	csv := "Datum;Haben;Text\n2.3.2026;5,00;Kim\n2.3.2026;5,00;Kim\n"
	for _, c := range []struct {
		file string
		want Report
	}{
		{mixedStatement(), Report{Lines: 8, Booked: 1, Suggested: 1, Unknown: 1, Ignored: 3, Failed: 2}},
		{mixedStatement(), Report{Lines: 8, Booked: 1, Duplicates: 3, Ignored: 3, Failed: 1}}, // the busy one comes now
		{csv, Report{Lines: 2, Booked: 2}},
		{csv, Report{Lines: 2, Duplicates: 2}},
	} {
		report, _ := p.Import(t.Context(), to, strings.NewReader(c.file), ImportOptions{Actor: "Ann"})
		checkReport(t, report, c.want)
		to.fail = nil
	}
}

func TestABrokenFileRecordsNothing(t *testing.T) {
	for name, file := range map[string]string{
		"camt": statement(booked("1"), booked("2"))[:300], "csv": "Datum;Betrag\n1.1.2026;1,00\n1.1.2026;\"2\n", "header": "a;b\n1;2\n",
	} {
		to := &ledger{}
		if report, err := open(t, nil).Import(t.Context(), to, strings.NewReader(file), ImportOptions{FileName: "f"}); err == nil || to.calls != 0 || report.Lines != 0 {
			t.Errorf("%s: %+v, %v after %d calls", name, report, err, to.calls)
		}
	}
}

func TestAnImportEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	to := &ledger{}
	o := ImportOptions{FileName: "f", Progress: func(done, _ int) {
		if done == 2 {
			cancel()
		}
	}}
	report, err := open(t, nil).Import(ctx, to, strings.NewReader(statement(booked("1"), booked("2"), booked("3"))), o)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 of 3") || report.Lines != 2 || to.calls != 2 {
		t.Errorf("%+v, %v after %d calls", report, err, to.calls)
	}
}

func TestWhoImportsStandsInTheBooks(t *testing.T) {
	file := "Datum;Haben\n1.1.2026;1,00\n"
	for names, want := range map[[2]string]string{
		{"Ann", ""}: "Ann|row 2", {"", "f.csv"}: "f.csv|f.csv, row 2", {"Ann", "f.csv"}: "Ann|f.csv, row 2",
	} {
		o := ImportOptions{Actor: names[0], FileName: names[1], CSV: &CSVFormat{}}
		to := &ledger{}
		report, err := open(t, nil).Import(t.Context(), to, strings.NewReader(file), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := to.lines[report.Items[0].Line.Key]; got.Actor+"|"+got.Note != want {
			t.Errorf("%v: %q %q, want %q", names, got.Actor, got.Note, want)
		}
	}
	if _, err := open(t, nil).Import(t.Context(), &ledger{}, strings.NewReader(file), ImportOptions{}); err == nil {
		t.Error("nobody imports a file")
	}
}

func TestTheKindOfAFileIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		csv  *CSVFormat
	}{
		"camt":             {statement(booked("1")), nil},
		"camt after space": {"\xef\xbb\xbf\r\n " + statement(booked("1")), nil},
		"csv":              {"Datum;Haben\n1.1.2026;1,00\n", nil},
		"csv of a bank":    {"<Datum>;<Haben>\n1.1.2026;1,00\n", &CSVFormat{}},
	} {
		report, err := open(t, nil).Import(t.Context(), &ledger{}, strings.NewReader(c.file), ImportOptions{FileName: "f", CSV: c.csv})
		if err != nil || report.Booked != 1 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

func TestLongWordsAreCut(t *testing.T) {
	to := &ledger{}
	words := "<TxDtls><RltdPties><Dbtr><Nm>" + strings.Repeat("ä", 500) + "</Nm></Dbtr></RltdPties><RmtInf><Ustrd>" + strings.Repeat("ö", 5000) +
		"</Ustrd><Strd><CdtrRefInf><Ref>" + strings.Repeat("ü", 500) + "</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
	o := ImportOptions{Actor: strings.Repeat("é", 500), FileName: strings.Repeat("è", 5000)}
	if _, err := open(t, nil).Import(t.Context(), to, strings.NewReader(statement(booked("1", details(words)))), o); err != nil {
		t.Fatal(err)
	}
	for _, sent := range to.lines {
		for word, want := range map[string]int{sent.Text: 2000, sent.Payer: 200, sent.Actor: 200, sent.Note: 2000, to.refs[0]: 200} {
			if utf8.RuneCountInString(word) != want || !utf8.ValidString(word) {
				t.Errorf("%d characters of %.10s…, want %d", utf8.RuneCountInString(word), word, want)
			}
		}
	}
}

// The shop's account gets other money too, such as a loan: it is no reason for the file to fail. With a reference of ours a
// person has to look at it.
func TestMoreThanAnyOrderCosts(t *testing.T) {
	to := &ledger{fail: map[int64]error{maxOrder + 1: errors.New("too large")}}
	named := booked("1000000.00", details(transferOf("Kim", inFours(referenceOf("pay_1")))))
	report, err := open(t, nil).Import(t.Context(), to, strings.NewReader(statement(booked("1000000.00"), booked("999999.99"), named)), ImportOptions{FileName: "f"})
	checkReport(t, report, Report{Lines: 3, Booked: 1, Ignored: 1, Failed: 1})
	if err == nil || report.Items[0].Line.Ignored != IgnoredLarge || report.Items[2].Problem != "too large" {
		t.Errorf("%v, %+v", err, report.Items)
	}
}

func TestImportNamesItsProvider(t *testing.T) {
	to := &ledger{}
	p := open(t, func(cfg *Config) { cfg.ProviderName, cfg.Now = "second", func() time.Time { return noon } })
	_, err := p.Import(t.Context(), to, strings.NewReader(statement(booked("1"))), ImportOptions{FileName: "f"})
	for _, sent := range to.lines {
		if sent.Provider != "second" {
			t.Errorf("recorded for %q", sent.Provider)
		}
	}
	if err != nil || len(to.lines) != 1 || !slices.Equal(to.refs, []string{""}) {
		t.Errorf("%v, %v", to.refs, err)
	}
}
