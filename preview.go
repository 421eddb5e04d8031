package checkout

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jopay/checkout/internal/qrsvg"
)

const previewPath = "preview"

// previewLook is one way a page can look: a state with what is special about it.
type previewLook struct {
	Name   string // in the address; a key under "preview." in the admin's catalogue
	State  string
	change func(*pageView)
}

// previewLooks are all states of the page, in the order a buyer meets them, and what makes them look different.
var previewLooks = []previewLook{
	{"open", "open", nil},
	{"open_methods", "open", func(v *pageView) { v.Methods = previewMethods(true) }},
	{"open_live", "open", func(v *pageView) { v.Test, v.TestCards, v.Methods = false, nil, previewMethods(false) }},
	{"open_email", "open", func(v *pageView) { v.AskEmail, v.Email = true, "" }},
	{"open_order", "open", func(v *pageView) { v.SubmitOrder = true }},
	{"open_free", "open", func(v *pageView) { v.Free, v.Total, v.Tax, v.TaxLines, v.Methods = true, 0, 0, nil, nil; freeItems(v) }},
	{"open_long", "open", longPreview},
	{"open_hundred", "open", hundredPreview},
	{"open_plain", "open", func(v *pageView) { v.Seller, v.Reference, v.TaxLines, v.Tax, v.BackURL = pageSeller{}, "", nil, 0, "" }},
	{"open_ending", "open", func(v *pageView) { v.ExpiresIn = 4*time.Minute + 30*time.Second }},
	{"open_declined", "open", func(v *pageView) { v.Declined = ReasonInsufficientFunds }},
	{"open_errors", "open", func(v *pageView) {
		v.AskEmail, v.Email, v.Values = true, "", map[string]string{"email": "ada@"}
		v.Problems = []pageProblem{{"email", "email_invalid"}, {"card_number", "card_number_missing"}, {"card_exp", "card_exp_missing"}, {"card_cvc", "card_cvc_missing"}}
	}},
	{"open_stale", "open", func(v *pageView) { v.Problems = []pageProblem{{"", "stale_form"}} }},
	{"open_no_method", "open", func(v *pageView) { v.Methods, v.Continues = nil, "" }},
	{"requires_action", "requires_action", func(v *pageView) { v.ContinueURL, v.CanAbandon = "#", true }},
	{"fields", "requires_action", func(v *pageView) { v.Client, v.Provider, v.CanAbandon, v.Continues = "{}", "preview", true, "Stripe" }},
	{"test_bank", "test_bank", func(v *pageView) { v.Bank.Key = "challenge" }},
	{"instructions", "instructions", instructPreview},
	{"instructions_rest", "instructions", func(v *pageView) { instructPreview(v); v.Told.Received, v.Told.Due = 1200, v.Total-1200 }},
	{"instructions_bound", "instructions", func(v *pageView) {
		v.Told, v.ContinueURL = pageInstructions{Bound: true, Due: v.Total}, "#"
	}},
	{"processing", "processing", nil},
	{"completed", "completed", func(v *pageView) { v.ContinueURL, v.Email = "#", maskEmail(v.Email) }},
	{"completed_free", "completed", func(v *pageView) {
		v.ContinueURL, v.Free, v.Total, v.Tax, v.TaxLines = "#", true, 0, 0, nil
		freeItems(v)
	}},
	{"expired", "expired", func(v *pageView) { v.ContinueURL = "#" }},
	{"expired_money", "expired", func(v *pageView) { v.ContinueURL, v.MoneyBack = "#", true }},
	{"not_found", "not_found", bare},
	{"problem_internal", "problem", problemPreview("internal")},
	{"problem_busy", "problem", problemPreview("busy")},
	{"problem_rate_limited", "problem", problemPreview("rate_limited")},
	{"problem_too_many_attempts", "problem", problemPreview("too_many_attempts")},
	{"problem_cross_site", "problem", problemPreview("cross_site")},
	{"problem_stale_form", "problem", problemPreview("stale_form")},
	{"problem_too_large", "problem", problemPreview("too_large")},
}

// admittedToPreview asks the Authorize that the admin has: whoever may read there may see this.
func (c *Checkout) admittedToPreview(r *http.Request) error {
	authorize := c.shared.authorize.Load()
	if authorize == nil {
		return ErrNotFound // no admin, no preview: like any address that does not exist
	}
	actor, access, err := c.admit(*authorize, r)
	if err == nil && (access < AccessRead || actor.ID == "") {
		err = errNoAccess
	}
	return err
}

// getPreview is GET /checkout/preview?state=&lang=: a page with made-up content, through the very templates and headers
// that buyers get. It reads no session. Without a state it leads to the list in the admin.
func (c *Checkout) getPreview(w http.ResponseWriter, r *http.Request) error {
	if err := c.admittedToPreview(r); err != nil {
		return err
	}
	name := r.URL.Query().Get("state")
	if name == "" {
		return seeOther(w, c.base+c.cfg.AdminPath+"/"+string(Test)+"/settings/"+previewPath)
	}
	i := slices.IndexFunc(previewLooks, func(l previewLook) bool { return l.Name == name })
	if i < 0 {
		return ErrNotFound
	}
	v, err := c.preview(r, previewLooks[i])
	if err != nil {
		return err
	}
	contentPolicy(w.Header(), nil, "", Embed{})
	return c.render(w, r, http.StatusOK, v)
}

// postPreview is what every form of a preview does: nothing, and the same page again.
func (c *Checkout) postPreview(w http.ResponseWriter, r *http.Request) error {
	if err := c.admittedToPreview(r); err != nil {
		return err
	}
	if _, err := c.postedForm(w, r); err != nil {
		return err
	}
	lang, _ := c.lang(r, sessionRecord{})
	q := url.Values{"state": {shorten(r.URL.Query().Get("state"), 40)}, "lang": {lang}}
	return seeOther(w, previewPath+"?"+q.Encode())
}

func (c *Checkout) preview(r *http.Request, look previewLook) (pageView, error) {
	v := c.blankPage(r, look.State)
	v.Test, v.SessionID, v.Token, v.BackURL = true, previewPath, "preview", "#"
	v.Keep = url.Values{"state": {look.Name}}
	v.Currency, v.Total, v.Tax = "eur", 6200, 990
	v.Items = []pageItem{{"Premium Coffee Beans", "Whole beans, 500 g", 2, 2500, 5000}, {"Paper filters", "", 1, 700, 700}, {"Shipping", "", 1, 500, 500}}
	v.TaxLines, v.Reference, v.Email = []pageTax{{"VAT", 1900, 990}}, "12345", "ada@example.com"
	v.Methods, v.ExpiresIn, v.CanExtend = previewMethods(true)[:1], time.Hour, true
	if look.State == "open" {
		v.TestCards = pageTestCards()
	}
	if v.Seller.LegalName == "" {
		v.Seller = pageSeller{"Acme Coffee GmbH", []string{"Oranienstraße 12", "10999 Berlin"}, "#", "#", "#"}
	}
	if look.change != nil {
		look.change(&v)
	}
	v.ExpiresAt = c.now().Add(v.ExpiresIn).In(c.cfg.Seller.TimeZone)
	return v, v.drawPreview(c)
}

// drawPreview adds the code of a bank transfer.
func (v *pageView) drawPreview(c *Checkout) error {
	if v.Told.Fields == nil {
		return nil
	}
	const content = "BCD\n002\n1\nSCT\n\nAcme Coffee GmbH\nDE89370400440532013000\nEUR62.00\n\nRF18539007547034"
	code, err := qrsvg.Draw(content, c.pages.texts.say(v.Lang, "instructions.qr"))
	v.Told.QR = template.HTML(code) //nolint:gosec // drawn and escaped by qrsvg
	return err
}

func previewMethods(test bool) []pageMethod {
	list := []pageMethod{
		{"card", "", "card", false, true}, {"bank_transfer", "", "bank", false, false}, {"paypal", "PayPal", "wallet", false, false},
		{"cash_on_delivery", "", "cash", false, false}, {"invoice", "", "invoice", false, false},
	}
	if test {
		list = append([]pageMethod{{"test_card", "", "card", true, true}}, list[1:]...)
	}
	return list
}

func freeItems(v *pageView) {
	for i := range v.Items {
		v.Items[i].Amount, v.Items[i].Total = 0, 0
	}
}

// longPreview is what a page must bear: nothing to break a line at, marks that turn the direction, the largest amounts.
func longPreview(v *pageView) {
	long := ""
	for len(long) < 250 {
		long += "Kaffeebohnenröstmaschine"
	}
	v.Shop, v.Reference = "Kaffeebohnenröstmaschinenmanufaktur Schmidt-Rottluff & Töchter", "4711-0815-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	v.Email = "a.very.long.name.that.somebody.really.has@a-very-long-domain-name-of-a-shop.example"
	v.Items = []pageItem{
		{string([]rune(long)[:250]), "", 999_999, 90, 89_999_910},
		{"\u202eevil\u202c <script>alert(1)</script>", "👩‍👩‍👧‍👦 👍🏽 🇪🇺 e\u0301 שלום مرحبا", 1, 10_000_089, 9_999_089},
	}
	v.Total, v.Tax = 99_999_999, 15_966_386
	v.TaxLines = []pageTax{{"A tax with the longest name that is allowed", 1900, 15_966_386}}
}

func hundredPreview(v *pageView) {
	v.Items = nil
	for range 100 {
		v.Items = append(v.Items, pageItem{"Premium Coffee Beans", "Whole beans, 500 g", 2, 2500, 5000})
	}
	v.Total, v.Tax, v.TaxLines = 500_000, 79_832, []pageTax{{"VAT", 1900, 79_832}}
}

func instructPreview(v *pageView) {
	v.ContinueURL, v.CanAbandon = "#", true
	v.Told = pageInstructions{
		Due: v.Total, Until: time.Date(2030, 5, 7, 0, 0, 0, 0, time.UTC),
		Fields: []pageCopy{
			{"payee", "", "Acme Coffee GmbH", ""}, {"iban", "", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"},
			{"reference", "", "RF18 5390 0754 7034", "RF18539007547034"},
		},
	}
}

// bare is a page that knows no order.
func bare(v *pageView) { v.Test, v.BackURL, v.SessionID = false, "", "" }

func problemPreview(problem string) func(*pageView) {
	return func(v *pageView) {
		bare(v)
		v.Problem, v.RequestID = problem, "req_Preview0000000000"
	}
}
