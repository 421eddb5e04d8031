package checkoutsepa

import (
	"html"
	"regexp"
	"strings"
	"testing"

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

func TestAMisreadReferencePaysASession(t *testing.T) {
	p, s, session, ref := awaiting(t)
	misread := "RF" + strings.NewReplacer("0", "O", "1", "I").Replace(ref[2:])
	importInto(t, p, s, "Datum;Betrag;Verwendungszweck\n1.3.2026;25,00;"+misread+"\n", Report{Lines: 1, Booked: 1})
	if got := s.Session(session).Status; got != checkout.StatusCompleted {
		t.Errorf("the session is %s", got)
	}
}

func TestMoneyWithoutAReferenceIsSetAside(t *testing.T) {
	p, s, session, _ := awaiting(t)
	file := "Datum;Betrag;Verwendungszweck\n1.3.2026;25,00;thank you\n1.3.2026;26,00;thank you\n"
	report := importInto(t, p, s, file, Report{Lines: 2, Suggested: 1, Unknown: 1})
	if got := report.Items[0].Result.Suggestions; len(got) != 1 || got[0].SessionID != session {
		t.Errorf("the suggestions are %+v", got)
	}
	if got := s.Session(session).Status; got != checkout.StatusPending {
		t.Errorf("the session is %s", got)
	}
}
