package checkoutsepa

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
)

// awaiting is a shop with an account, and a session whose buyer has chosen to transfer 25.00 eur with the reference.
func awaiting(t *testing.T) (p *Provider, s *checkouttest.Shop, session, ref string) {
	t.Helper()
	p = open(t, nil)
	s = checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) { cfg.Providers = []checkout.Provider{p} }))
	p.cfg.Now = s.Now
	session = s.CreateSession(checkout.SessionParams{Mode: checkout.Live}).ID
	s.Pay(session, "")
	page := html.UnescapeString(s.Open(session))
	ref = regexp.MustCompile(`RF\d\d [0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4}`).FindString(page)
	if ref == "" || !strings.Contains(page, "DE89 3704 0044 0532 0130 00") || !strings.Contains(page, "Müller & Söhne") {
		t.Fatalf("the page does not say where to transfer: %s", page)
	}
	return p, s, session, ref
}

func importInto(t *testing.T, p *Provider, s *checkouttest.Shop, file string, want Report) Report {
	t.Helper()
	report, err := p.Import(t.Context(), s.Checkout(), strings.NewReader(file), ImportOptions{Actor: "Ann", FileName: "march.xml"})
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, report, want)
	return report
}

func TestAStatementPaysASession(t *testing.T) {
	p, s, session, ref := awaiting(t)
	loan := booked("1000000.00", "<AcctSvcrRef>LOAN</AcctSvcrRef>")
	part := booked("10", "<AcctSvcrRef>ONE</AcctSvcrRef>", details(transferOf("Kim", "for order 17, "+strings.ToLower(ref))))
	report := importInto(t, p, s, statement(loan, part), Report{Lines: 2, Booked: 1, Ignored: 1})
	if got := report.Items[1].Result; got.SessionID != session || got.Rest != 1500 || s.Session(session).Status != checkout.StatusPending {
		t.Errorf("a part leaves %+v and the session %s", got, s.Session(session).Status)
	}
	if page := s.Open(session); !strings.Contains(page, "15.00") {
		t.Errorf("the page does not ask for the rest: %s", page)
	}
	rest := booked("15.50", "<AcctSvcrRef>TWO</AcctSvcrRef>", details("<TxDtls><RmtInf><Strd><CdtrRefInf><Ref>"+strings.ReplaceAll(ref, " ", "")+"</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"))
	report = importInto(t, p, s, notification(part, rest), Report{Lines: 2, Booked: 1, Duplicates: 1})
	if got := report.Items[1].Result; got.Surplus != 50 || s.Session(session).Status != checkout.StatusCompleted {
		t.Errorf("the rest leaves %+v and the session %s", got, s.Session(session).Status)
	}
	importInto(t, p, s, statement(loan, part, rest), Report{Lines: 3, Duplicates: 2, Ignored: 1})
}

func TestOurCodeIsFoundBesideATransferWithoutText(t *testing.T) {
	p, s, session, ref := awaiting(t)
	bare := "<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls>"
	importInto(t, p, s, statement(booked("25", bankRef, details(bare), "<AddtlNtryInf>CREDIT "+ref+"</AddtlNtryInf>")), Report{Lines: 1, Booked: 1})
	if got := s.Session(session).Status; got != checkout.StatusCompleted {
		t.Errorf("the session is %s", got)
	}
}

func TestTwoEqualTransfersOfABatchPayTwice(t *testing.T) {
	p, s, session, ref := awaiting(t)
	half := transferOf("Kim", ref, "<Refs>"+bankRef+"</Refs>", `<Amt Ccy="EUR">12.50</Amt>`)
	file := statement(booked("25", bankRef, details(half, half)))
	importInto(t, p, s, file, Report{Lines: 2, Booked: 2})
	importInto(t, p, s, file, Report{Lines: 2, Duplicates: 2})
	if got := s.Session(session); got.Status != checkout.StatusCompleted {
		t.Errorf("the session is %s", got.Status)
	}
	if list, err := s.Checkout().Refunds(t.Context(), session); err != nil || len(list) != 0 {
		t.Errorf("it owes %+v, %v", list, err)
	}
}

// The month has lines that no day had: of other days with the same reference, or not booked yet.
func TestAFileOfTheDayAndOneOfTheMonthCountOnce(t *testing.T) {
	for name, files := range map[string]func(ref string) (day, month string){
		"CSV with a column of references": func(ref string) (string, string) {
			head, first := "Datum;Betrag;Verwendungszweck;Buchungsreferenz\n", "1.3.2026;+25,00;"+ref+";CUST7\n"
			return head + first, head + first + "2.3.2026;+25,00;other;CUST7\n"
		},
		"camt with another day": func(ref string) (string, string) {
			first := booked("25", bankRef, details(transferOf("Kim", ref)))
			return statement(first), statement(first, strings.Replace(booked("25", bankRef, details(transferOf("Jo", "other"))), "03-02", "03-03", 1))
		},
		"camt with a pending one": func(ref string) (string, string) {
			first := booked("25", bankRef, details(transferOf("Kim", ref)))
			return statement(strings.Replace(first, "BOOK", "PDNG", 1), first), statement(strings.Replace(booked("25", bankRef), "BOOK", "PDNG", 1), first)
		},
		"camt that was pending, without a reference": func(ref string) (string, string) {
			first := booked("25", details(transferOf("Kim", ref)))
			return statement(strings.Replace(first, "BOOK", "PDNG", 1), first), statement(first)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, s, session, ref := awaiting(t)
			day, month := files(ref)
			for _, file := range []string{day, month} {
				if _, err := p.Import(t.Context(), s.Checkout(), strings.NewReader(file), ImportOptions{Actor: "Ann"}); err != nil {
					t.Fatal(err)
				}
			}
			list, err := s.Checkout().Transfers(t.Context(), checkout.TransferFilter{SessionID: session, Status: checkout.TransferBooked})
			if refunds, _ := s.Checkout().Refunds(t.Context(), session); err != nil || len(list) != 1 || len(refunds) != 0 {
				t.Errorf("%d transfers are booked, %v, and it owes %+v", len(list), err, refunds)
			}
		})
	}
}

// The bank has booked in the last of the buyer's days, and the shop imports after the weekend.
func TestMoneyInTimeIsInTimeAlsoWhenTheImportIsNot(t *testing.T) {
	p, s, session, ref := awaiting(t)
	told := s.Now().Add(7 * 24 * time.Hour)
	if page := s.Open(session); !strings.Contains(page, fmt.Sprintf("%s %d", told.Month(), told.Day())) && !strings.Contains(page, fmt.Sprintf("%d %s", told.Day(), told.Month())) {
		t.Errorf("the page does not tell %v: %s", told, page)
	}
	s.Advance(9 * 24 * time.Hour)
	importInto(t, p, s, statement(booked("25", bankRef, details(transferOf("Kim", ref)))), Report{Lines: 1, Booked: 1})
	if got := s.Session(session); got.Status != checkout.StatusCompleted {
		t.Errorf("the session is %s", got.Status)
	}
}

// What a person has told with the bank's key is known when its statement comes.
func TestATransferToldByHandIsKnownWhenItsStatementComes(t *testing.T) {
	p, s, session, ref := awaiting(t)
	file := statement(booked("10", bankRef, details(transferOf("Kim", ref))))
	line := readAll(t, file)[0]
	result, err := s.Checkout().RecordTransfer(t.Context(), ref, line.Amount, checkout.Transfer{Key: line.Key, Actor: "Ann"})
	if err != nil || result.Rest != 1500 {
		t.Fatalf("%+v, %v", result, err)
	}
	importInto(t, p, s, file, Report{Lines: 1, Duplicates: 1})
	if got := s.Session(session).Status; got != checkout.StatusPending {
		t.Errorf("the session is %s", got)
	}
}

func TestAMisreadReferencePaysASession(t *testing.T) {
	p, s, session, ref := awaiting(t)
	misread := "RF" + strings.NewReplacer("0", "O", "1", "I").Replace(ref[2:])
	importInto(t, p, s, "Datum;Haben;Verwendungszweck\n1.3.2026;25,00;"+misread+"\n", Report{Lines: 1, Booked: 1})
	if got := s.Session(session).Status; got != checkout.StatusCompleted {
		t.Errorf("the session is %s", got)
	}
}

func TestMoneyWithoutAReferenceIsSetAside(t *testing.T) {
	p, s, session, _ := awaiting(t)
	file := "Datum;Haben;Verwendungszweck\n1.3.2026;25,00;thank you\n1.3.2026;26,00;thank you\n"
	report := importInto(t, p, s, file, Report{Lines: 2, Suggested: 1, Unknown: 1})
	if got := report.Items[0].Result.Suggestions; len(got) != 1 || got[0].SessionID != session {
		t.Errorf("the suggestions are %+v", got)
	}
	if got := s.Session(session).Status; got != checkout.StatusPending {
		t.Errorf("the session is %s", got)
	}
}
