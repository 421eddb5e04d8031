package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/jopay/checkout"
)

// openIdle is the shop with nobody who does the checkout's work: what is due waits for RunOnce.
func openIdle(t *testing.T, name string, flags ...string) (*process, *shop) {
	t.Helper()
	o, err := parseOptions(append([]string{"-addr", "127.0.0.1:0", "-db", name}, flags...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	at := addressesOf(server.Listener, o)
	at.base = at.local
	db := openBooks(t, name)
	co, err := newCheckout(db, o, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	key, err := apiKey(t.Context(), co, db, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{db: db, co: co, api: &client{base: at.local + co.APIPath(), key: key}, base: at.base, mails: o.smtp.on()}
	co.Mount(mux)
	mountShop(mux, s)
	server.Start()
	t.Cleanup(server.Close)
	return &process{t: t, base: at.base, output: "  Shop   " + at.base + "/\n", done: true}, s
}

func (s *shop) work(t *testing.T) {
	t.Helper()
	if _, err := s.co.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
}

var paperLink = regexp.MustCompile(`<dt>([A-Za-z ]+)</dt><dd><a class="n" href="([^"]+/checkout/documents/inv_[^"]+)">([^<]+)</a></dd>`)

// papersOn are the documents that a page links.
func papersOn(body string) (list []paper) {
	for _, m := range paperLink.FindAllStringSubmatch(body, -1) {
		list = append(list, paper{m[1], m[3], m[2]})
	}
	return list
}

func TestTheSuccessPageLinksTheInvoiceOnceItIsThere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p, s := openIdle(t, db)
		page := p.buy(espresso("ada@example.com"))
		id := page[strings.LastIndex(page, "/")+1:]
		if body := p.get("/success?session_id=" + id).body; strings.Contains(body, "<dt>Document</dt>") || papersOn(body) != nil {
			t.Errorf("an order that is not paid has a document: %s", body)
		}
		success := p.pay(page, "4242424242424242").location
		before := p.get(success)
		again := `<dt>Document</dt><dd>being written, <a href="?session_id=` + id + `">look again</a></dd>`
		p.shows(before, http.StatusOK, "Thank you", again, "no mail server", p.base+"/admin/checkout/test/mails", "keeps what it would send to ada@example.com")
		if papersOn(before.body) != nil || strings.Contains(before.body, "http-equiv") {
			t.Errorf("the page links what is not there, or loads itself: %s", before.body)
		}

		s.work(t)
		after := p.get(success)
		list := papersOn(after.body)
		if len(list) != 1 || list[0].Kind != "Invoice" || !regexp.MustCompile(`^TEST-\d{4}-000001$`).MatchString(list[0].Number) || strings.Contains(after.body, "being written") {
			t.Fatalf("the page links %v: %s", list, after.body)
		}
		sheet := p.get(list[0].URL)
		p.shows(sheet, http.StatusOK, "Invoice", list[0].Number, demoSeller.name, "Musterstraße 1", "12345 Musterstadt", demoSeller.vatID, "FC-1001", "€38.00", "€2.49")
		pdf := p.get(strings.Replace(list[0].URL, "?", "/pdf?", 1))
		if pdf.status != http.StatusOK || !strings.HasPrefix(pdf.body, "%PDF-") || pdf.header.Get("Content-Type") != "application/pdf" {
			t.Errorf("the PDF answers %d, %s", pdf.status, pdf.header.Get("Content-Type"))
		}

		if _, err := s.co.Refund(t.Context(), checkout.RefundParams{SessionID: id, AmountCents: 1300}); err != nil {
			t.Fatal(err)
		}
		s.work(t)
		if list := papersOn(p.get(success).body); len(list) != 2 || list[0].Kind != "Invoice" || list[1].Kind != "Credit note" {
			t.Errorf("after a refund the page links %v", list)
		}
	})
}

// The link is for whoever knows the session, and leads to that one document.
func TestBuyersGetTheLinkOfTheirOwnOrder(t *testing.T) {
	t.Parallel()
	p, s := openIdle(t, sqliteFile(t))
	var urls []string
	for _, email := range []string{"ada@example.com", "grace@example.com"} {
		success := p.pay(p.buy(espresso(email)), "4242424242424242").location
		s.work(t)
		list := papersOn(p.get(success).body)
		if len(list) != 1 {
			t.Fatalf("%s gets %v", email, list)
		}
		sheet := p.get(list[0].URL)
		p.shows(sheet, http.StatusOK, email)
		urls = append(urls, list[0].URL)
	}
	own, _, _ := strings.Cut(urls[0], "?")
	_, foreignKey, _ := strings.Cut(urls[1], "?")
	for _, url := range []string{own, own + "?key=", own + "?" + foreignKey} {
		if a := p.get(url); a.status != http.StatusNotFound || strings.Contains(a.body, "ada@example.com") {
			t.Errorf("%s answers %d", url, a.status)
		}
	}
	for _, path := range []string{"/", "/orders", "/cancel", "/success", "/success?session_id=cs_unknown"} {
		if body := p.get(path).body; strings.Contains(body, "/documents/") {
			t.Errorf("%s links documents", path)
		}
	}
}

// What has no tax rate gets a receipt, and the page calls it one.
func TestASessionFromElsewhereGetsAReceipt(t *testing.T) {
	t.Parallel()
	p, s := openIdle(t, sqliteFile(t))
	body := `{"line_items":[{"name":"Beans","amount":2500,"currency":"eur","quantity":1}],"success_url":"` + p.base + `/success","cancel_url":"` + p.base + `/cancel"}`
	made := p.do(p.request(http.MethodPost, "/api/checkout/v1/sessions", body, "Authorization", "Bearer "+s.api.key, "Content-Type", "application/json"))
	url := regexp.MustCompile(`"checkout_url":"([^"]+)"`).FindStringSubmatch(made.body)
	if url == nil {
		t.Fatalf("no session: %s", made.body)
	}
	success := p.payAs(url[1], "ada@example.com")
	s.work(t)
	if list := papersOn(p.get(success).body); len(list) != 1 || list[0].Kind != "Receipt" {
		t.Errorf("the page links %v", list)
	}
}

// payAs pays a session that asks for the buyer's address.
func (p *process) payAs(page, email string) (success string) {
	p.t.Helper()
	return p.submit(page, url.Values{"action": {"pay"}, "email": {email}, "card_number": {"4242424242424242"}, "card_exp": {"12/34"}, "card_cvc": {"123"}}).location
}

func TestWithAMailServerThePageSaysThatAMailComes(t *testing.T) {
	t.Parallel()
	p, s := openIdle(t, sqliteFile(t), "-smtp", "127.0.0.1:1")
	success := p.pay(p.buy(espresso("ada@example.com")), "4242424242424242").location
	p.shows(p.get(success), http.StatusOK, "being written", "It comes by mail to ada@example.com as well.")
	s.work(t) // the server does not answer; the invoice is there all the same
	after := p.get(success)
	p.shows(after, http.StatusOK, "It comes by mail to ada@example.com as well.")
	if strings.Contains(after.body, "no mail server") || len(papersOn(after.body)) != 1 {
		t.Errorf("the page says %s", after.body)
	}
}

// signIn opens the admin with the printed link and gives the header of a browser that is in.
func (p *process) signIn() []string {
	p.t.Helper()
	cookie := (&http.Response{Header: p.get(p.row("Admin")).header}).Cookies()
	if len(cookie) != 1 {
		p.t.Fatal("the link does not open the admin")
	}
	return []string{"Cookie", cookie[0].Name + "=" + cookie[0].Value}
}

var mailOfAdmin = regexp.MustCompile(`mails/mail_[0-9a-z]+`)

func TestWithoutAMailServerTheAdminHasTheMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p := start(t, db, sellerFlags...)
		told := p.row("Mails are")
		if told != "kept in the admin, at "+p.base+"/admin/checkout/test/mails" || p.row("Invoices by") != "Acme Coffee GmbH" {
			t.Fatalf("the opening says %q and %q", told, p.row("Invoices by"))
		}
		success := p.pay(p.buy(espresso("ada@example.com")), "4242424242424242").location
		p.eventually(success, "<dt>Invoice</dt>")
		with := p.signIn()
		mails := p.eventuallyWith(with, "/admin/checkout/test/mails", "ada@example.com", ">Caught, test mode</span>")
		at := "/admin/checkout/test/" + mailOfAdmin.FindString(mails)
		p.shows(p.get(at, with...), http.StatusOK, "[TEST] Invoice TEST-", "(€38.00)", "<iframe", at[strings.Index(at, "mails/"):]+"/body", "Acme Coffee GmbH")
		preview := p.get(at+"/body", with...)
		p.shows(preview, http.StatusOK, "<html", "Acme Coffee GmbH", "Oranienstraße 12", "DE987654321", "€38.00", "House Espresso", "/checkout/documents/inv_")
		if a := p.get(at + "/body"); a.status == http.StatusOK {
			t.Error("the mail can be read without a login")
		}
	})
}
