package checkoutsepa

import (
	"fmt"
	"strings"
	"testing"
)

// statement puts entries into a file of version 2 of camt.053.
func statement(entries ...string) string {
	return `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>` + shopIBAN + `</IBAN></Id></Acct>` +
		strings.Join(entries, "\n") + `</Stmt></BkToCstmrStmt></Document>`
}

// notification puts entries into a file of version 8 of camt.054.
func notification(entries ...string) string {
	return strings.NewReplacer("camt.053.001.02", "camt.054.001.08", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "Stmt>", "Ntfctn>", "<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>").
		Replace(statement(entries...))
}

// booked is an entry of euros that came in on 2 March 2026.
func booked(amount string, inside ...string) string {
	return `<Ntry><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt>` + strings.Join(inside, "") + `</Ntry>`
}

func details(transfers ...string) string {
	return "<NtryDtls>" + strings.Join(transfers, "") + "</NtryDtls>"
}

func transferOf(payer, text string, more ...string) string {
	return "<TxDtls>" + strings.Join(more, "") + "<RltdPties><Dbtr><Nm>" + payer + "</Nm></Dbtr></RltdPties><RmtInf><Ustrd>" + text + "</Ustrd></RmtInf></TxDtls>"
}

const bankRef = "<AcctSvcrRef>ACSR 1</AcctSvcrRef>"

func readAll(t *testing.T, file string) []Line {
	t.Helper()
	lines, err := ReadCAMT(strings.NewReader(file))
	if err != nil {
		t.Fatalf("%v in %s", err, file)
	}
	return lines
}

func keysOf(lines []Line) (keys []string) {
	for _, l := range lines {
		keys = append(keys, l.Key)
	}
	return keys
}

func TestAnEntryHasOneKeyInStatementAndNotification(t *testing.T) {
	for name, e := range map[string]string{
		"reference of the entry":    booked("10", bankRef, details(transferOf("Kim", "x"))),
		"reference of the transfer": booked("10", details(transferOf("Kim", "x", "<Refs>"+bankRef+"</Refs>"))),
		"batch":                     booked("10", bankRef, details(transferOf("Kim", "x", `<Amt Ccy="EUR">4</Amt>`), transferOf("Jo", "y", `<Amt Ccy="EUR">6</Amt>`))),
		"none":                      booked("10", details(transferOf("Kim", "x"))),
	} {
		one, other := keysOf(readAll(t, statement(e))), keysOf(readAll(t, notification(e)))
		if fmt.Sprint(one) != fmt.Sprint(other) {
			t.Errorf("%s: %v in the statement, %v in the notification", name, one, other)
		}
	}
	without := booked("10", bankRef)
	with := booked("10", bankRef, details(transferOf("Kim", "x")))
	if one, other := keysOf(readAll(t, statement(without))), keysOf(readAll(t, notification(with))); one[0] != other[0] || one[0] != shopIBAN+":ACSR 1:2026-03-02:1000" {
		t.Errorf("a statement that leaves the details to the notification: %v and %v", one, other)
	}
}

func TestKeysTellLinesApart(t *testing.T) {
	kim, jo := details(transferOf("Kim", "x")), details(transferOf("Jo", "x"))
	long := "<AcctSvcrRef>" + strings.Repeat("A", 300) + "</AcctSvcrRef>"
	for name, c := range map[string]struct {
		entries   []string
		different int
	}{
		"equal transfers without a reference":         {[]string{booked("10", kim), booked("10", kim)}, 2},
		"one entry twice, as in a copy":               {[]string{booked("10", bankRef, kim), booked("10", bankRef, kim)}, 1},
		"a reference that is not one entry's alone":   {[]string{booked("10", bankRef, kim), booked("10", bankRef, jo), booked("10", bankRef, kim)}, 3},
		"a reference with two amounts":                {[]string{booked("10", bankRef, kim), booked("20", bankRef, kim)}, 2},
		"placeholders":                                {[]string{booked("10", "<AcctSvcrRef>NONREF</AcctSvcrRef>", kim), booked("10", "<AcctSvcrRef>NONREF</AcctSvcrRef>", kim)}, 2},
		"another day":                                 {[]string{booked("10", kim), strings.Replace(booked("10", kim), "03-02", "03-03", 1)}, 2},
		"long references":                             {[]string{booked("10", long, kim), booked("10", strings.Replace(long, "A<", "B<", 1), kim)}, 2},
		"transfers of a batch with one payer and sum": {[]string{booked("8", bankRef, details(transferOf("Kim", "x", `<Amt Ccy="EUR">4</Amt>`), transferOf("Kim", "x", `<Amt Ccy="EUR">4</Amt>`)))}, 2},
	} {
		keys, again := keysOf(readAll(t, statement(c.entries...))), keysOf(readAll(t, statement(c.entries...)))
		seen := map[string]bool{}
		for _, k := range keys {
			seen[k] = true
			if len(k) == 0 || len(k) > 200 {
				t.Errorf("%s: the key %q has %d bytes", name, k, len(k))
			}
		}
		if len(seen) != c.different {
			t.Errorf("%s: %d different keys of %v, want %d", name, len(seen), keys, c.different)
		}
		if fmt.Sprint(keys) != fmt.Sprint(again) {
			t.Errorf("%s: %v, and %v when read again", name, keys, again)
		}
	}
}

// Two payers' equal transfers are two, also where the bank writes the entry's reference, or one of theirs, into both.
func TestTransfersOfABatchThatShareAReference(t *testing.T) {
	half := `<Amt Ccy="EUR">5</Amt>`
	for name, c := range map[string]struct {
		refs [2]string
		want string // the references in the keys
	}{
		"that of the entry":            {[2]string{bankRef, bankRef}, "ACSR 1#1 ACSR 1#2"},
		"one of their own":             {[2]string{"<AcctSvcrRef>B</AcctSvcrRef>", "<AcctSvcrRef>B</AcctSvcrRef>"}, "B#1 B#2"},
		"none":                         {[2]string{"", "<AcctSvcrRef>NONREF</AcctSvcrRef>"}, "ACSR 1#1 ACSR 1#2"},
		"that of the entry in one":     {[2]string{bankRef, "<AcctSvcrRef>B</AcctSvcrRef>"}, "ACSR 1#1 B"},
		"each its own: nothing shared": {[2]string{"<AcctSvcrRef>A</AcctSvcrRef>", "<AcctSvcrRef>B</AcctSvcrRef>"}, "A B"},
	} {
		entry := booked("10", bankRef, details(transferOf("Kim", "x", half, "<Refs>"+c.refs[0]+"</Refs>"), transferOf("Kim", "x", half, "<Refs>"+c.refs[1]+"</Refs>")))
		var got []string
		for _, l := range readAll(t, statement(entry)) {
			got = append(got, strings.Split(l.Key, ":")[1])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: the references are %q, want %s", name, got, c.want)
		}
	}
}

// Nothing tells a second equal transfer of the day from a second copy of the first: ReadCAMT says so.
func TestEqualEntriesOfTwoNotificationsAreToldApartByTheirReferencesAlone(t *testing.T) {
	kim := details(transferOf("Kim", "x"))
	for one, other := range map[string]string{"<AcctSvcrRef>A</AcctSvcrRef>": "<AcctSvcrRef>B</AcctSvcrRef>", "": ""} {
		keys := append(keysOf(readAll(t, notification(booked("10", one, kim)))), keysOf(readAll(t, notification(booked("10", other, kim))))...)
		if (keys[0] == keys[1]) != (one == "") {
			t.Errorf("with %q and %q the keys are %q", one, other, keys)
		}
	}
}

func TestKeysOfAccountsDiffer(t *testing.T) {
	file := statement(booked("10", bankRef))
	other := strings.Replace(file, shopIBAN, "AT611904300234573201", 1)
	if one, two := keysOf(readAll(t, file)), keysOf(readAll(t, other)); one[0] == two[0] {
		t.Errorf("two accounts have the key %s", one[0])
	}
}

func TestReasonsToIgnoreAnEntry(t *testing.T) {
	text := details(transferOf("Kim", "x"))
	for name, c := range map[string]struct{ entry, want string }{
		"booked":                {booked("10", text), ""},
		"not a reversal":        {booked("10", "<RvslInd>false</RvslInd>", text), ""},
		"out":                   {strings.Replace(booked("10", text), "CRDT", "DBIT", 1), IgnoredDebit},
		"out, in another coin":  {strings.NewReplacer("CRDT", "DBIT", "EUR", "XAU").Replace(booked("10", text)), IgnoredDebit},
		"pending":               {strings.Replace(booked("10", text), "BOOK", "PDNG", 1), IgnoredPending},
		"pending in version 8":  {strings.Replace(booked("10", text), "BOOK", "\n<Cd>PDNG</Cd>\n", 1), IgnoredPending},
		"information":           {strings.Replace(booked("10", text), "BOOK", "INFO", 1), IgnoredPending},
		"reversal":              {booked("10", "<RvslInd>true</RvslInd>", text), IgnoredReversal},
		"reversal as a number":  {booked("10", "<RvslInd> 1 </RvslInd>", text), IgnoredReversal},
		"returned":              {booked("10", details(transferOf("Kim", "x", "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"))), IgnoredReturn},
		"nothing":               {booked("0.00", text), IgnoredNothing},
		"batch without details": {booked("10", "<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch></NtryDtls>"), IgnoredBatch},
		"batch that went out":   {strings.Replace(booked("10", "<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch></NtryDtls>"), "CRDT", "DBIT", 1), IgnoredDebit},
		"details that went out": {strings.Replace(booked("10", details(transferOf("Kim", "x"), transferOf("Jo", "y"))), "CRDT", "DBIT", 1), IgnoredDebit},
		"batch of one":          {booked("10", "<NtryDtls><Btch><NbOfTxs>1</NbOfTxs></Btch></NtryDtls>"), ""},
		"batch of details":      {booked("10", "<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch><TxDtls></TxDtls></NtryDtls>"), ""},
	} {
		lines := readAll(t, statement(c.entry))
		if len(lines) != 1 || lines[0].Ignored != c.want || lines[0].Problem != "" {
			t.Errorf("%s: %+v, want %q", name, lines, c.want)
		}
	}
}

func TestEntriesThatCannotBeUnderstood(t *testing.T) {
	two := func(one, other string) string {
		return booked("10", details(transferOf("Kim", "x", one), transferOf("Jo", "y", other)))
	}
	for want, entry := range map[string]string{
		"more than the 2 decimals": booked("8.851"),
		"no amount":                booked("ten"),
		"below zero":               booked("-10"),
		"too large":                booked("1" + strings.Repeat("0", 30)),
		"currency \"XXQ\"":         strings.Replace(booked("10"), "EUR", "XXQ", 1),
		"no date":                  strings.Replace(booked("10"), "2026-03-02", "2 March", 1),
		"neither CRDT nor DBIT":    strings.Replace(booked("10"), "CRDT", "credit", 1),
		"status \"\"":              strings.Replace(booked("10"), "BOOK", "", 1),
		"status \"NEW\"":           strings.Replace(booked("10"), "BOOK", "NEW", 1),
		"transfer 2 of 2":          two(`<Amt Ccy="EUR">5</Amt>`, ""),
		"another currency":         two(`<Amt Ccy="EUR">5</Amt>`, `<Amt Ccy="USD">5</Amt>`),
		"do not add up":            two(`<Amt Ccy="EUR">5</Amt>`, `<Amt Ccy="EUR">4.99</Amt>`),
		"transfer 1 of 2":          two(`<Amt Ccy="EUR">-5</Amt>`, `<Amt Ccy="EUR">15</Amt>`),
	} {
		lines := readAll(t, statement(entry, booked("1")))
		if len(lines) != 2 || !strings.Contains(lines[0].Problem, want) || lines[0].Ignored != "" || lines[1].Problem != "" {
			t.Errorf("%+v, want a problem with %q", lines, want)
		}
	}
}

// Charges are taken off inside the batch: the account gets what is left, the payers have paid all.
func TestABatchMayHoldCharges(t *testing.T) {
	charge := `<Amt Ccy="EUR">0.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>`
	lines := readAll(t, statement(booked("9.50", details(transferOf("Kim", "x", "<AmtDtls><TxAmt><Amt Ccy=\"EUR\">10.00</Amt></TxAmt></AmtDtls>"), transferOf("Bank", "fee", charge)))))
	if len(lines) != 2 || lines[0].Amount != 1000 || lines[0].Ignored != "" || lines[1].Amount != -50 || lines[1].Ignored != IgnoredDebit {
		t.Errorf("%+v", lines)
	}
}

// The account gets the entry's amount, also where its one transfer tells what was sent in another currency.
func TestOneTransferIsTheWholeEntry(t *testing.T) {
	lines := readAll(t, statement(booked("9.50", details(transferOf("Kim", "x", `<Amt Ccy="USD">10.00</Amt>`)))))
	if len(lines) != 1 || lines[0].Amount != 950 || lines[0].Currency != "eur" || lines[0].Payer != "Kim" {
		t.Errorf("%+v", lines)
	}
}

func TestWordsOfATransfer(t *testing.T) {
	lines := readAll(t, statement(
		booked("1", details("<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>Kim\n Tester</Nm></Pty></Dbtr><UltmtDbtr><Nm>Jo</Nm></UltmtDbtr></RltdPties>"+
			"<RmtInf><Ustrd>one</Ustrd><Ustrd> two </Ustrd><Strd><CdtrRefInf><Ref>RF18 5390 0754 7034</Ref></CdtrRefInf><AddtlRmtInf>three</AddtlRmtInf></Strd>"+
			"<Strd><CdtrRefInf><Ref>second</Ref></CdtrRefInf></Strd></RmtInf><AddtlTxInf>four</AddtlTxInf></TxDtls>")),
		booked("1", "<AddtlNtryInf>all in one</AddtlNtryInf>"),
		booked("1", "<AddtlNtryInf>beside it</AddtlNtryInf>", details("<TxDtls><RmtInf><Ustrd> </Ustrd></RmtInf><AddtlTxInf>CREDIT</AddtlTxInf></TxDtls>")),
		booked("1", "<AddtlNtryInf>beside it</AddtlNtryInf>", details(transferOf("Kim", "inside"))),
		booked("1", "<AddtlNtryInf>beside it</AddtlNtryInf>", details("<TxDtls><RmtInf><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>")),
	))
	if l := lines[0]; l.Payer != "Kim Tester" || l.Reference != "RF18 5390 0754 7034" || l.Text != "one two three second four" || l.EndToEndID != "" {
		t.Errorf("%+v", l)
	}
	for i, want := range map[int]string{2: "CREDIT beside it", 3: "inside", 4: ""} {
		if lines[i].Text != want {
			t.Errorf("line %d has the text %q, want %q", i, lines[i].Text, want)
		}
	}
	if l := lines[1]; l.Text != "all in one" || l.Row != 3 { // the name above has a line break
		t.Errorf("%+v", l)
	}
}
