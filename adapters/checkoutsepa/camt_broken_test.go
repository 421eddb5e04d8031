package checkoutsepa

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestFilesThatAreNoStatements(t *testing.T) {
	whole := statement(booked("10"), booked("20"))
	for name, c := range map[string]struct{ file, want string }{
		"empty":          {"", "no statement"},
		"text":           {"Buchungstag;Betrag", "no statement"},
		"no statement":   {strings.NewReplacer("<Stmt>", "<Other>", "</Stmt>", "</Other>").Replace(whole), "no statement"},
		"another root":   {"<html></html>", "<html>"},
		"two roots":      {whole + whole, "<Document>"},
		"text after it":  {whole + "<", "row 2: XML syntax"},
		"another":        {strings.ReplaceAll(whole, "BkToCstmrStmt", "CstmrCdtTrfInitn"), "<CstmrCdtTrfInitn>"},
		"camt.052":       {strings.ReplaceAll(whole, "BkToCstmrStmt", "BkToCstmrAcctRpt"), "camt.052"},
		"no account":     {strings.NewReplacer("<IBAN>", "<Nm>", "</IBAN>", "</Nm>").Replace(whole), "no account"},
		"broken off":     {whole[:len(whole)-80], "row 2: XML syntax"},
		"crossed":        {strings.Replace(whole, "</Sts>", "</St>", 1), "row 1: XML syntax"},
		"document type":  {`<!DOCTYPE Document [<!ENTITY a "b">]>` + whole, "document type"},
		"entity":         {strings.Replace(whole, "BOOK", "&file;", 1), "entity"},
		"deep":           {strings.Replace(whole, "<Sts>", strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100)+"<Sts>", 1), "deep"},
		"deep beside it": {strings.Replace(whole, "<Acct>", strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100)+"<Acct>", 1), "deep"},
		"charset":        {`<?xml version="1.0" encoding="utf-7"?>` + whole, "utf-7"},
	} {
		lines, err := ReadCAMT(strings.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) || lines != nil {
			t.Errorf("%s: %d lines, %v, want %q", name, len(lines), err, c.want)
		}
	}
}

func TestEncodingsOfAFile(t *testing.T) {
	file := statement(booked("10", details(transferOf("J\xf6rg \x80", "x"))))
	for _, name := range []string{"ISO-8859-1", "windows-1252"} {
		if lines := readAll(t, `<?xml version="1.0" encoding="`+name+`"?>`+file); lines[0].Payer != "Jörg €" {
			t.Errorf("%s: %q", name, lines[0].Payer)
		}
	}
	euro := strings.Replace(file, "\x80", "\xa4", 1)
	if lines := readAll(t, `<?xml version="1.0" encoding="ISO-8859-15"?>`+euro); lines[0].Payer != "Jörg €" {
		t.Errorf("%q", lines[0].Payer)
	}
	if lines := readAll(t, "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+statement(booked("10"))); len(lines) != 1 {
		t.Errorf("%v", lines)
	}
}

func TestDates(t *testing.T) {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"<BookgDt><Dt>2026-03-02</Dt></BookgDt>":                                   day,
		"<BookgDt><Dt>2026-03-02Z</Dt></BookgDt>":                                  day,
		"<BookgDt><DtTm>2026-03-02T01:30:00+01:00</DtTm></BookgDt>":                day.Add(30 * time.Minute),
		"<BookgDt><DtTm>2026-03-02T01:30:00.123</DtTm></BookgDt>":                  day.Add(90*time.Minute + 123*time.Millisecond),
		"<ValDt><Dt>2026-03-02</Dt></ValDt>":                                       day,
		"<BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-05</Dt></ValDt>": day,
		"": {},
	} {
		file := statement(strings.Replace(booked("1"), "<BookgDt><Dt>2026-03-02</Dt></BookgDt>", in, 1))
		if l := readAll(t, file)[0]; !l.BookedAt.Equal(want) || l.Problem != "" {
			t.Errorf("%s: %v %s, want %v", in, l.BookedAt, l.Problem, want)
		}
	}
}

// endless is a file that goes on and on.
type endless struct {
	head, again string
	read        int
}

func (e *endless) Read(buf []byte) (int, error) {
	text := e.again
	if e.read == 0 {
		text = e.head
	}
	n := copy(buf, text)
	e.read += n
	return n, nil
}

func TestAnEndlessFileIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads 64 MiB")
	}
	for name, in := range map[string]string{"space": " ", "an entry of one element": "x"} {
		e := &endless{head: strings.SplitAfter(statement(), "</Acct>")[0] + "<Ntry><Amt>", again: strings.Repeat(in, 4096)}
		if _, err := ReadCAMT(e); !errors.Is(err, errTooLarge) || e.read > maxFile+1<<20 {
			t.Errorf("%s: %v after %d bytes", name, err, e.read)
		}
	}
	e := &endless{head: "Datum;Betrag\n", again: strings.Repeat("1.1.2026;1,00\n", 300)}
	if _, err := ReadCSV(e, CSVFormat{}); !errors.Is(err, errTooLarge) || e.read > maxFile+1<<20 {
		t.Errorf("CSV: %v after %d bytes", err, e.read)
	}
}

func TestAReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, read := range map[string]func(io.Reader) error{
		"camt": func(r io.Reader) error { _, err := ReadCAMT(r); return err },
		"csv":  func(r io.Reader) error { _, err := ReadCSV(r, CSVFormat{}); return err },
	} {
		if err := read(io.MultiReader(strings.NewReader("<Document>"), failing{broken})); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestALongStatement(t *testing.T) {
	const n = 20_000
	entries := make([]string, n)
	for i := range entries {
		entries[i] = booked(fmt.Sprintf("%d.%02d", i/100, i%100), fmt.Sprintf("<AcctSvcrRef>R%d</AcctSvcrRef>", i), details(transferOf("Kim", "x")))
	}
	lines := readAll(t, statement(entries...))
	sum := int64(0)
	for _, l := range lines {
		sum += l.Amount
	}
	if len(lines) != n || sum != n*(n-1)/2 || lines[n-1].Row != n {
		t.Errorf("%d lines with %d, the last in row %d", len(lines), sum, lines[n-1].Row)
	}
}
