package e2e

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsepa"
	"github.com/jopay/checkout/adapters/checkoutsmtp"
)

// paperPrinter stands in for a real one: what matters here is that its bytes arrive.
type paperPrinter struct{}

func (paperPrinter) Print(_ context.Context, s checkout.Sheet) ([]byte, error) {
	return []byte("%PDF-1.7 " + s.Title + " \x00\xff\r\n.\r\n"), nil
}

// mailShop is a shop whose mails leave over a real server, in test mode too.
func mailShop(t *testing.T, m checkout.Mailer, configure ...func(*checkout.Config)) *store {
	t.Helper()
	return openStore(t, append([]func(*checkout.Config){func(cfg *checkout.Config) {
		cfg.Mailer = m
		cfg.Mail = checkout.MailSettings{From: "Acme Café <billing@acme.example>", ReplyTo: "help@acme.example", SendTest: true}
		cfg.Seller = checkout.Seller{
			LegalName: "Acme Coffee GmbH", VATID: "DE123456789",
			Address: checkout.PostalAddress{Line1: "Oranienstraße 12", PostalCode: "10999", City: "Berlin", Country: "DE"},
		}
	}}, configure...)...)
}

// settled pays an order over the API and lets the workers do what is due.
func (s *store) settled(order *checkout.Session) {
	s.t.Helper()
	key, err := s.co.CreateKey(s.t.Context(), checkout.Test, "mails")
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base+s.co.APIPath()+"/test/sessions/"+order.ID+"/pay", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("the payment answers %d", resp.StatusCode)
	}
	s.work()
}

func (s *store) work() {
	s.t.Helper()
	if _, err := s.co.RunOnce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

var mailHeaders = []string{
	"auto-submitted", "content-language", "content-type", "date", "from", "message-id", "mime-version", "reply-to", "subject", "to", "x-auto-response-suppress",
}

func sortedHeaders(m readMail) []string {
	return slices.DeleteFunc(slices.Sorted(slices.Values(m.Headers)), func(h string) bool { return h == "received" || h == "return-path" })
}

func TestAMailArrivesAsItWasMeant(t *testing.T) {
	server := startMailServer(t)
	s := mailShop(t, server.mailer(), func(cfg *checkout.Config) { cfg.Printer = paperPrinter{} })
	order := s.order(func(p *checkout.SessionParams) { p.ClientReferenceID, p.Locale = "A-7", "de" })
	s.settled(order)
	got := server.all()
	if len(got) != 1 || got[0].from != "billing@acme.example" || !slices.Equal(got[0].to, []string{"customer@example.com"}) {
		t.Fatalf("%d mails: %+v", len(got), got)
	}
	m := readMails(t, got[0].raw)[0]
	if headers := sortedHeaders(m); !slices.Equal(headers, mailHeaders) {
		t.Errorf("the headers are %q, want %q", headers, mailHeaders)
	}
	docs, err := s.co.Documents(t.Context(), order.ID)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	d := docs[0]
	for what, pair := range map[string][2]string{
		"subject": {m.Subject, "[TEST] Zahlungsbeleg " + d.Number + " von Acme Coffee (25,00\u00a0€)"},
		"id":      {m.ID, "<inv." + strings.TrimPrefix(d.ID, "inv_") + ".1@acme.example>"},
		"from":    {m.From[0].Name + " " + m.From[0].Address, "Acme Café billing@acme.example"},
		"to":      {m.To[0].Address, "customer@example.com"},
		"reply":   {m.ReplyTo[0].Address, "help@acme.example"},
		"lang":    {m.Values["content-language"], "Content-Language: de"},
		"auto":    {m.Values["auto-submitted"], "Auto-Submitted: auto-generated"},
		"oof":     {m.Values["x-auto-response-suppress"], "X-Auto-Response-Suppress: All"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if !m.Dated || !strings.Contains(m.Text, "A-7") || !strings.Contains(m.HTML, `<html lang="de"`) {
		t.Errorf("dated %v\n%s", m.Dated, m.Text)
	}
	pdf, _ := paperPrinter{}.Print(t.Context(), s.co.DocumentSheet(d))
	if len(m.Attachments) != 1 || m.Attachments[0].Name != d.Number+".pdf" || m.Attachments[0].Type != "application/pdf" || string(m.Attachments[0].Content) != string(pdf) {
		t.Errorf("the attachments are %+v", m.Attachments)
	}
}

var (
	mailTags   = regexp.MustCompile(`(?s)<title.*?</title>|<[^>]*>`)
	mailFigure = regexp.MustCompile(`\p{Nd}[\p{Nd}.,\x{66b}\x{66c}]*`)
	preheader  = regexp.MustCompile(`(?s)<div style="display:none.*?</div>`) // the lead once more, for lists of mails
	mailRemote = regexp.MustCompile(`(?i)(src|background|srcset)\s*=\s*"[^"]|url\(|@import|<link|<script`)
)

// The largest mails there are, in every language: every figure stands in the text too, nothing comes from elsewhere, and the
// size stays below what mail programs cut off.
func TestMailsAreCompleteAndSmall(t *testing.T) {
	server := startMailServer(t)
	s := mailShop(t, server.mailer())
	langs := strings.Fields("en de fr es it nl pl pt sv tr ar he")
	words := map[string]string{"ar": "حبوب البن المحمصة الطازجة من إثيوبيا", "he": "פולי קפה קלויים טריים מאתיופיה"}
	for _, lang := range langs {
		s.settled(s.order(func(p *checkout.SessionParams) {
			p.Locale, p.LineItems = lang, nil
			for i := range 30 {
				name := words[lang]
				if name == "" {
					name = "Freshly roasted coffee beans, Yirgacheffe"
				}
				p.LineItems = append(p.LineItems, checkout.LineItem{Name: fmt.Sprintf("%s %d", name, i), Amount: int64(1999 + 1357*i), Currency: "eur", Quantity: int64(i + 1)})
			}
		}))
	}
	var raw [][]byte
	largest := 0
	for _, got := range server.all() {
		raw, largest = append(raw, got.raw), max(largest, len(got.raw))
	}
	list := readMails(t, raw...)
	if len(list) != len(langs) {
		t.Fatalf("%d mails", len(list))
	}
	for i, m := range list {
		shown := html.UnescapeString(mailTags.ReplaceAllString(preheader.ReplaceAllString(m.HTML, " "), " "))
		figures, inText := mailFigure.FindAllString(shown, -1), map[string]int{}
		for _, figure := range mailFigure.FindAllString(m.Text, -1) {
			inText[figure]++
		}
		for _, figure := range figures {
			if inText[figure]--; inText[figure] < 0 {
				t.Errorf("%s: the text has %q less often than the HTML", langs[i], figure)
			}
		}
		if len(figures) < 60 {
			t.Errorf("%s: only %d figures", langs[i], len(figures))
		}
		if found := mailRemote.FindString(m.HTML); found != "" {
			t.Errorf("%s: something is loaded: %s", langs[i], found)
		}
		dir := map[bool]string{true: "rtl", false: "ltr"}[langs[i] == "ar" || langs[i] == "he"]
		if !strings.Contains(m.HTML, `<html lang="`+langs[i]+`" dir="`+dir+`">`) || m.Values["content-language"] != "Content-Language: "+langs[i] {
			t.Errorf("%s: %.200s", langs[i], m.HTML)
		}
		t.Logf("%s: %d bytes, %d figures", langs[i], len(raw[i]), len(figures))
	}
	if largest > 30<<10 {
		t.Errorf("the largest mail has %d bytes", largest)
	}
}

// The longest names and descriptions, in letters of two bytes, do not make a mail that programs cut off.
func TestAWordyMailIsSmall(t *testing.T) {
	server, long := startMailServer(t), strings.Repeat("ش", 500)
	s := mailShop(t, server.mailer())
	s.settled(s.order(func(p *checkout.SessionParams) {
		p.Locale, p.LineItems = "ar", nil
		for range 20 {
			p.LineItems = append(p.LineItems, checkout.LineItem{
				Name: strings.Repeat("م", 250), Description: &long, Amount: 1999, Currency: "eur", Quantity: 1,
			})
		}
	}))
	got := server.all()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	t.Logf("%d bytes", len(got[0].raw))
	if len(got[0].raw) > 30<<10 {
		t.Errorf("the mail has %d bytes", len(got[0].raw))
	}
	if m := readMails(t, got[0].raw)[0]; !strings.Contains(m.Text, "ممم") || !strings.Contains(m.HTML, "ممم") {
		t.Errorf("the reader sees %.200s", m.Text)
	}
}

// A transfer's code is a picture inside the mail, and reads as what the page shows.
func TestATransferMailHasItsCode(t *testing.T) {
	server := startMailServer(t)
	account, err := checkoutsepa.New(checkoutsepa.Config{Name: payee, IBAN: payeeIBAN, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s := mailShop(t, server.mailer(), func(cfg *checkout.Config) {
		cfg.Providers, cfg.Now = []checkout.Provider{account}, func() time.Time { return now }
	})
	order := s.order()
	s.choose(order, "bank_transfer")
	now = now.Add(2 * time.Minute)
	s.work()
	got := server.all()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	m := readMails(t, got[0].raw)[0]
	if len(m.Attachments) != 1 || m.Attachments[0].ID != "qr" || m.Attachments[0].Type != "image/png" || !strings.Contains(m.Subject, "€25.00") {
		t.Fatalf("%q, %d attachments: %+v", m.Subject, len(m.Attachments), m.Attachments)
	}
	code := decodeQR(t, m.Attachments[0].Content)
	if lines := strings.Split(code, "\n"); lines[0] != "BCD" || !strings.Contains(code, "EUR25") || !strings.Contains(code, strings.ReplaceAll(payeeIBAN, " ", "")) {
		t.Errorf("the code says %q", code)
	}
	for _, want := range []string{payee, "€25.00"} {
		if !strings.Contains(m.Text, want) || !strings.Contains(html.UnescapeString(m.HTML), want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	t.Logf("%d bytes with the code", len(got[0].raw))
	if len(got[0].raw) > 30<<10 {
		t.Errorf("the mail has %d bytes", len(got[0].raw))
	}
}

// choose sends the page's form with a way to pay.
func (s *store) choose(order *checkout.Session, method string) {
	s.t.Helper()
	resp, err := http.Get(order.CheckoutURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	token := formToken.FindSubmatch(body)
	if token == nil {
		s.t.Fatal("there is no form")
	}
	answer, err := http.PostForm(order.CheckoutURL, map[string][]string{"token": {string(token[1])}, "action": {"pay"}, "method": {method}})
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
}

// injections are a hundred ways to end a header and to begin another.
func injections() (list []string) {
	for _, end := range []string{"\r\n", "\n", "\r", "\u2028", "\u0085", "\x00\r\n", "%0d%0a", "=0D=0A", "\r\n\r\n", "?=\r\n "} {
		for _, more := range []string{
			"Bcc: eve@evil.example", "X-Injected: 1", "Content-Type: text/html", "Subject: other", "To: eve@evil.example", "From: eve@evil.example",
			"Reply-To: eve@evil.example", "=?utf-8?Q?=0D=0ABcc:_eve@evil.example?=", "--x\r\nContent-Type: text/html\r\n\r\n<script>", ".\r\nMAIL FROM:<eve@evil.example>",
		} {
			list = append(list, "x"+end+more)
		}
	}
	return list
}

// Shop, items and order number with line breaks and more add no header, no recipient and no part.
func TestInjectedHeadersStayText(t *testing.T) {
	server := startMailServer(t)
	sent := 0
	for _, bad := range injections() {
		s := mailShop(t, server.mailer(), func(cfg *checkout.Config) { cfg.Brand.Name = bad })
		order, err := s.co.CreateSession(t.Context(), checkout.SessionParams{
			Mode: checkout.Test, LineItems: []checkout.LineItem{{Name: bad, Amount: 2500, Currency: "eur", Quantity: 1}}, ClientReferenceID: bad,
			CustomerEmail: "customer@example.com", SuccessURL: s.base + "/thanks", CancelURL: s.base + "/basket",
		})
		if err != nil { // refused at the door
			order = s.order()
		}
		s.settled(order)
		sent++
	}
	raw := make([][]byte, 0, sent)
	for _, got := range server.all() {
		if got.from != "billing@acme.example" || !slices.Equal(got.to, []string{"customer@example.com"}) {
			t.Errorf("from %s to %q", got.from, got.to)
		}
		raw = append(raw, got.raw)
	}
	if len(raw) != 100 {
		t.Fatalf("%d mails came, want 100", len(raw))
	}
	for i, m := range readMails(t, raw...) {
		if headers := sortedHeaders(m); !slices.Equal(headers, mailHeaders) {
			t.Errorf("%q makes the headers %q", injections()[i], headers)
		}
		if len(m.From) != 1 || len(m.To) != 1 || len(m.Attachments) != 0 || strings.Contains(m.HTML, "<script") {
			t.Errorf("%q: %+v", injections()[i], m)
		}
	}
}

// The settings are refused by New; what reaches the adapter all the same leaves as one header or not at all.
func TestInjectedSettingsAreRefused(t *testing.T) {
	server := startMailServer(t)
	mailer, db := server.mailer(), openStore(t).db
	refused, sent := 0, 0
	for _, bad := range injections() {
		for field, m := range map[string]checkout.MailSettings{
			"From": {From: `"` + bad + `" <billing@acme.example>`}, "ReplyTo": {From: "billing@acme.example", ReplyTo: `"` + bad + `" <help@acme.example>`},
		} {
			_, err := checkout.New(checkout.Config{DB: db, BaseURL: "https://shop.example", Mailer: mailer, Mail: m})
			if err == nil && strings.ContainsAny(bad, "\r\n\x00\u2028") {
				t.Errorf("%s takes %q", field, bad)
			}
		}
		good := checkout.Mail{ID: "inv.1.1@acme.example", From: "a@acme.example", ReplyTo: "help@acme.example", To: "b@b.example", Subject: "s", Lang: "en", Text: "t\n", HTML: "<p>t</p>\n"}
		for _, spoil := range []func(*checkout.Mail){
			func(m *checkout.Mail) { m.From = `"` + bad + `" <a@acme.example>` }, func(m *checkout.Mail) { m.ReplyTo = `"` + bad + `" <help@acme.example>` },
			func(m *checkout.Mail) { m.Subject = bad }, func(m *checkout.Mail) { m.Lang = bad }, func(m *checkout.Mail) { m.ID = bad }, func(m *checkout.Mail) { m.To = bad },
		} {
			m := good
			spoil(&m)
			var failure *checkout.MailError
			switch err := mailer.Send(t.Context(), m); {
			case err == nil:
				sent++
			case errors.As(err, &failure) && failure.Permanent:
				refused++
			default:
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	var raw [][]byte
	for _, got := range server.all() {
		raw = append(raw, got.raw)
		if len(got.to) != 1 || got.to[0] != "b@b.example" {
			t.Errorf("it went to %q", got.to)
		}
	}
	for _, m := range readMails(t, raw...) {
		if headers := sortedHeaders(m); !slices.Equal(headers, mailHeaders) {
			t.Errorf("%q", headers)
		}
	}
	t.Logf("%d were refused, %d left as one header", refused, sent)
	if refused == 0 || sent == 0 {
		t.Errorf("%d refused, %d sent", refused, sent)
	}
}

func plainMail() checkout.Mail {
	return checkout.Mail{ID: "inv.1.1@acme.example", From: "a@acme.example", To: "b@b.example", Subject: "s", Lang: "en", Text: "t\n", HTML: "<p>t</p>\n"}
}

// What a server says decides whether a mail is tried again.
func TestTheServersAnswerDecides(t *testing.T) {
	at := func(stage string, code int) func(*mailServer) {
		return func(s *mailServer) {
			s.refuse = func(now string) error {
				if now != stage {
					return nil
				}
				return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not now, or never"}
			}
		}
	}
	wrong := func(c *checkoutsmtp.Config) { c.Password = "wrong " + mailPassword }
	for name, c := range map[string]struct {
		set       func(*mailServer)
		configure func(*checkoutsmtp.Config)
		code      int
		permanent bool
	}{
		"sender, for now":     {at("mail", 451), nil, 451, false},
		"sender, for good":    {at("mail", 553), nil, 553, false}, // all mails have it in common
		"login comes late":    {at("mail", 503), nil, 503, false},
		"and later":           {at("rcpt", 503), nil, 503, false},
		"recipient, for now":  {at("rcpt", 451), nil, 451, false},
		"recipient, for good": {at("rcpt", 550), nil, 550, true},
		"content, for now":    {at("data", 452), nil, 452, false},
		"content, for good":   {at("data", 554), nil, 554, true},
		"shutting down":       {at("rcpt", 421), nil, 421, false},
		"wrong password":      {at("", 0), wrong, 535, false},
		"unknown authority":   {at("", 0), func(c *checkoutsmtp.Config) { c.TLSConfig = nil }, 0, false},
		"no STARTTLS":         {func(s *mailServer) { s.plain = true }, nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := startMailServer(t, c.set)
			configure := func(*checkoutsmtp.Config) {}
			if c.configure != nil {
				configure = c.configure
			}
			err := server.mailer(configure).Send(t.Context(), plainMail())
			var failure *checkout.MailError
			if !errors.As(err, &failure) || failure.Code != c.code || failure.Permanent != c.permanent || failure.Reply == "" {
				t.Errorf("%#v", err)
			}
			if err != nil && strings.Contains(err.Error(), mailPassword) {
				t.Errorf("the password is in %q", err)
			}
			if len(server.all()) != 0 {
				t.Error("the mail was taken all the same")
			}
			t.Log(err)
		})
	}
}

func TestSMTPSettingsThatAreDoubtful(t *testing.T) {
	for field, cfg := range map[string]checkoutsmtp.Config{
		"Host": {}, "TLS ": {Host: "smtp.example.com", TLS: "ssl"}, "TLS none": {Host: "smtp.example.com", TLS: checkoutsmtp.None},
		"Port": {Host: "smtp.example.com", Port: 70000}, "Timeout": {Host: "smtp.example.com", Timeout: time.Hour},
		"Username": {Host: "smtp.example.com", Username: "u"}, "Host:": {Host: "smtp.example.com\r\nX: 1"},
	} {
		if _, err := checkoutsmtp.New(cfg); err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
