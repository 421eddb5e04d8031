package checkout

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates/page.html templates/ribbon.html templates/header.html templates/summary.html templates/form.html
//go:embed templates/fields.html templates/status.html templates/bank.html templates/footer.html templates/instructions.html
//go:embed templates/embed.html templates/marks.html templates/document.html templates/document.css
//go:embed templates/style.css templates/checkout.js
var pageFiles embed.FS

// pageTemplates are the files a page is made of. A host's overlay replaces any of them, and style.css and checkout.js, by
// name; it sees the same data and functions. Its folder locales has texts of its own: see pageTexts.
var pageTemplates = []string{
	"page.html", "ribbon.html", "header.html", "summary.html", "form.html", "fields.html", "status.html", "bank.html", "footer.html",
	"instructions.html", "embed.html", "marks.html", "document.html",
}

// statesOfPage are all that a page can be.
var statesOfPage = []string{"open", "requires_action", "instructions", "processing", "completed", "expired", "not_found", "problem", "test_bank", "document"}

// openItems is how many items a page shows before the rest is folded away: a hundred of them would push the button ten
// thousand pixels down a phone.
const openItems = 5

// expiryNotice is when the page begins to tell how much time is left (WCAG 2.2.1 asks for 20 seconds or more).
const expiryNotice = 5 * time.Minute

// pageView is all that a page shows. Money is in minor units of Currency. Every link and text is optional.
type pageView struct {
	State      string // open, requires_action, instructions, processing, completed, expired, not_found, problem, test_bank, document
	Lang       string // a catalogue's tag, from texts.match
	Locale     string // Lang with the buyer's region, in which amounts are written; empty for Lang
	LangSwitch bool   // offer the other languages as ?lang=…
	Test       bool   // test mode: the ribbon with the test numbers
	TestCards  []pageTestCard
	Shop       string // the seller's short name
	Seller     pageSeller
	SessionID  string // for relative links: the page lives at <PagePath>/<SessionID>
	Base       string // from the request's address back to <PagePath>/: empty, or "../" for every level below it
	Currency   string // ISO 4217
	Total, Tax int64
	Items      []pageItem
	TaxLines   []pageTax
	Reference  string            // the host's order number
	Email      string            // known address, shown as text; masked by the caller where that is needed
	AskEmail   bool              // an e-mail field is needed
	Values     map[string]string // field values to keep after a refused submit; never card data
	Methods    []pageMethod
	Continues  string // the provider's name for "You will continue at …"
	Free       bool   // nothing to pay: "Confirm", no methods
	// SubmitOrder words the button for a contract that is concluded here (§ 312j(3) BGB: nothing else than
	// "zahlungspflichtig bestellen"), with the total above it instead of in it.
	SubmitOrder bool
	Token       string           // hidden field "token"
	Problems    []pageProblem    // a refused submit
	Declined    string           // reason code of the last refused attempt, shown on "open"
	Scripts     []string         // requires_action: the scripts of the provider's own fields
	OwnScript   string           // requires_action: the adapter's script, which uses them, as an asset's name
	Provider    string           // requires_action: whose fields they are
	Client      string           // requires_action: what those scripts need to know
	ContinueURL string           // requires_action: the bank's page; completed: success_url; expired: the shop
	Told        pageInstructions // instructions: what to do elsewhere
	MoneyBack   bool             // expired: money came that belongs to no order
	CanAbandon  bool             // requires_action: button action=abandon
	CanExtend   bool             // open: button action=extend beside the expiry note
	BackURL     string           // cancel_url
	Keep        url.Values       // parameters of the address that the language switch keeps
	Frame       string           // the origin in whose frame the page is shown; empty: at top level
	ExpiresIn   time.Duration    // what is left as the server sees it; not above 0 hides the note
	ExpiresAt   time.Time        // the same as a moment
	PollAfter   []int            // processing: seconds between the script's status polls
	Problem     string           // problem: a key under "problem."
	RequestID   string           // problem: shown small
	Bank        pageBank         // test_bank
	Sheet       Sheet            // document
	PDF, XML    string           // document: where its files are

	pages  *pages        // set by render, for the methods a template calls
	amount template.HTML // Total, shown several times
}

type pageSeller struct {
	LegalName                            string
	Address                              []string
	LegalNoticeURL, PrivacyURL, TermsURL string
}

type pageItem struct {
	Name, Description string
	Quantity          int64
	Amount, Total     int64 // for one, for all
}

type pageTax struct {
	Name   string
	RateBP int   // basis points: 1900 is 19 %
	Amount int64 // included in the total
}

type pageMethod struct {
	ID, Label string
	Mark      string // a drawing of marks.html
	Card      bool   // the sandbox's card fields; never shown on a live page
	Selected  bool
}

// pageInstructions are what a buyer has to do elsewhere. Money is in minor units of the page's currency.
type pageInstructions struct {
	Text          []string
	Fields        []pageCopy
	QR            template.HTML
	Bound         bool
	Due, Received int64
	Until         time.Time
}

// pageCopy is a line to copy. Key is one under "copy."; Label is used where there is none.
type pageCopy struct{ Key, Label, Value, Copy string }

type pageProblem struct {
	Field string // email, method, card_number, card_exp, card_cvc; empty: the whole form
	Key   string // a key under "error."
}

type pageTestCard struct {
	Number string // digits
	Key    string // a key under "test."
}

type pageBank struct {
	Key string // a key under "test."
}

// pages renders the hosted page. It never changes after newPages and may be used by many goroutines.
type pages struct {
	texts                 *texts
	byLang                map[string]*template.Template
	style, script         string            // names that change with the content
	sheetStyle            string            // the same of documents
	frame                 string            // the same of the script that pages in a frame have in addition
	logo, logoDark        string            // the same of a brand
	logoWidth, logoHeight int               // CSS pixels
	scripts               map[string]string // the same of providers' own scripts, by provider
	assets                map[string]pageAsset
}

type pageAsset struct {
	content     []byte
	zipped      []byte // the same by gzip; nil if that saves nothing
	contentType string
}

// newPages parses the templates and catalogues and renders one sample of every state in every language, so that a broken
// file stops the start and not a buyer. Files in overlay, which may be nil, win over the built-in ones of the same name.
func newPages(overlay fs.FS, brand Brand) (*pages, error) {
	t, err := pageTexts(overlay)
	if err != nil {
		return nil, err
	}
	p := &pages{texts: t, byLang: map[string]*template.Template{}, assets: map[string]pageAsset{}, scripts: map[string]string{}}
	if err := p.addStyle(overlay, brand); err != nil {
		return nil, err
	}
	if p.script, err = p.addAsset(overlay, "checkout.js", "text/javascript; charset=utf-8"); err != nil {
		return nil, err
	}
	if p.sheetStyle, err = p.addAsset(overlay, "document.css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	p.frame = p.keepAsset("frame.js", frameScript, "text/javascript; charset=utf-8")
	if err := p.parse(overlay); err != nil {
		return nil, err
	}
	return p, p.tryAll()
}

// builtInPages are parsed once a process: they are the program's own and never change.
var builtInPages = sync.OnceValues(func() (*pages, error) { return newPages(nil, Brand{}) })

// pagesWith gives the pages of one checkout, which may take scripts of providers in.
func pagesWith(overlay fs.FS, brand Brand) (*pages, error) {
	if overlay != nil || !brand.plain() {
		return newPages(overlay, brand)
	}
	shared, err := builtInPages()
	if err != nil {
		return nil, err
	}
	own := *shared
	own.assets, own.scripts = maps.Clone(shared.assets), map[string]string{}
	return &own, nil
}

// addStyle keeps the style sheet with a brand's colours behind it, and the brand's logos.
func (p *pages) addStyle(overlay fs.FS, brand Brand) error {
	content, err := readPageFile(overlay, "style.css")
	if err != nil {
		return err
	}
	p.style = p.keepAsset("style.css", append(slices.Clone(content), brand.css()...), "text/css; charset=utf-8")
	for _, side := range []struct {
		content []byte
		name    *string
	}{{brand.Logo, &p.logo}, {brand.LogoDark, &p.logoDark}} {
		if side.content == nil {
			continue
		}
		l, err := readLogo(side.content)
		if err != nil {
			return err
		}
		*side.name = p.keepAsset("logo."+l.extension, l.content, l.contentType)
		if side.name == &p.logo {
			p.logoWidth, p.logoHeight = l.width, l.height
		}
	}
	return nil
}

func (p *pages) addAsset(overlay fs.FS, name, contentType string) (string, error) {
	content, err := readPageFile(overlay, name)
	if err != nil {
		return "", err
	}
	return p.keepAsset(name, content, contentType), nil
}

// slim drops what only readers of our own files need: indentation, empty lines and lines that are a comment. Lines stay lines,
// so that nothing changes its meaning. It saves a tenth of what a first visit transfers of them.
func slim(content []byte) []byte {
	kept := make([]byte, 0, len(content))
	for line := range bytes.Lines(content) {
		line = bytes.TrimSpace(line)
		comment := bytes.HasPrefix(line, []byte("//")) || bytes.HasPrefix(line, []byte("/*")) && bytes.HasSuffix(line, []byte("*/"))
		if len(line) > 0 && !comment {
			kept = append(append(kept, line...), '\n')
		}
	}
	return kept
}

// cssSpaces takes out the spaces that our style sheets have for readers. There is no text in them.
var cssSpaces = strings.NewReplacer(" {\n", "{", "{\n", "{", ";\n}", "}", ";\n", ";", ",\n", ",", ": ", ":", ", ", ",", "; ", ";", " { ", "{", "; }", "}", " > ", ">", " ~ ", "~")

// keepAsset gives content a name that changes with it.
func (p *pages) keepAsset(name string, content []byte, contentType string) string {
	sum := sha256.Sum256(content)
	base, ext, _ := strings.Cut(name, ".")
	hashed := base + "." + hex.EncodeToString(sum[:6]) + "." + ext
	p.assets[hashed] = pageAsset{content, zippedOnce(content), contentType}
	return hashed
}

// addScript takes a provider's own script in.
func (p *pages) addScript(provider string, content []byte) {
	if len(content) > 0 {
		p.scripts[provider] = p.keepAsset(provider+".js", content, "text/javascript; charset=utf-8")
	}
}

// parse makes one set of templates for each language, its functions bound to the language.
func (p *pages) parse(overlay fs.FS) error {
	base := template.New("").Funcs(p.funcs(fallbackLang))
	for _, name := range pageTemplates {
		content, err := readPageFile(overlay, name)
		if err != nil {
			return err
		}
		if _, err := base.New(name).Parse(string(content)); err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
	}
	for _, lang := range p.texts.tags {
		set, err := base.Clone()
		if err != nil {
			return err
		}
		p.byLang[lang] = set.Funcs(p.funcs(lang))
	}
	return nil
}

func readPageFile(overlay fs.FS, name string) ([]byte, error) {
	if overlay != nil {
		content, err := fs.ReadFile(overlay, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return content, err
		}
	}
	content, err := pageFiles.ReadFile("templates/" + name)
	switch path.Ext(name) {
	case ".css":
		content = []byte(cssSpaces.Replace(string(slim(content))))
	case ".js":
		content = slim(content)
	}
	return content, err
}

// funcs are what a template can call: t and say speak a catalogue key, t as markup and say as plain text for a title or an
// attribute; name shows a text from outside; rate shows basis points.
func (p *pages) funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"t":    func(key string, args ...any) template.HTML { return p.texts.sayHTML(lang, key, args...) },
		"say":  func(key string, args ...any) string { return p.texts.say(lang, key, args...) },
		"name": visible,
		"rate": func(basisPoints int) string { return p.texts.rate(lang, basisPoints) },
	}
}

// moneyHTML is an amount as markup. It stands in the direction that its first strong letter or mark gives it: CLDR begins
// amounts of languages written from right to left with such a mark, and puts their signs where these readers expect them.
func moneyHTML(locale string, minor int64, currency string) template.HTML {
	amount := template.HTMLEscapeString(string(amountText(locale, minor, currency)))
	return template.HTML(`<bdi class="n">` + amount + `</bdi>`) //nolint:gosec // escaped in the line above
}

// rate shows basis points as a percentage: 1900 is "19%", 1950 is "19.5%".
func (t *texts) rate(lang string, basisPoints int) string {
	s := strconv.Itoa(basisPoints / 100)
	if cents := basisPoints % 100; cents != 0 {
		s += t.say(lang, "decimal") + strings.TrimRight(fmt.Sprintf("%02d", cents), "0")
	}
	return t.say(lang, "percent", "n", s)
}

// tryAll renders each state in each language, once with everything and once with almost nothing: html/template finds
// many faults only when it runs.
func (p *pages) tryAll() error {
	full := samplePage()
	for _, lang := range p.texts.tags {
		for _, state := range statesOfPage {
			full.Lang, full.State = lang, state
			for _, v := range []pageView{full, {Lang: lang, State: state}} {
				if err := p.render(io.Discard, v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// samplePage fills every field, so that every branch of a template runs.
func samplePage() pageView {
	items := make([]pageItem, openItems+1)
	return pageView{
		LangSwitch: true, Test: true, TestCards: []pageTestCard{{"4242424242424242", "pays"}},
		Shop: "Shop", Seller: pageSeller{"Shop Ltd", []string{"Street"}, "https://a.example", "https://a.example", "https://a.example"},
		SessionID: "cs_1", Currency: "EUR", Total: 1, Tax: 1, Items: items, TaxLines: []pageTax{{"VAT", 1950, 1}},
		Reference: "1", Email: "a@a.example", AskEmail: true, Values: map[string]string{"email": "a"},
		Methods: []pageMethod{{"card", "Card", "card", true, true}, {"bank", "Bank", "bank", false, false}}, Continues: "Bank", Token: "t",
		Problems: []pageProblem{{"email", "email_missing"}, {"", "stale_form"}}, Declined: "declined",
		ContinueURL: "https://a.example", CanAbandon: true, CanExtend: true, BackURL: "https://a.example",
		ExpiresIn: time.Minute, PollAfter: []int{2, 4}, Problem: "internal", RequestID: "r", Bank: pageBank{"challenge"},
		Frame: "https://a.example", Scripts: []string{"https://a.example/a.js"}, OwnScript: "a.js", Provider: "a", Client: "{}",
		Sheet: sampleSheet(), PDF: "inv_1/pdf", XML: "inv_1/xml",
		Told: pageInstructions{Text: []string{"Pay."}, Fields: []pageCopy{{"iban", "", "D E", "DE"}, {"", "Own", "1", ""}}, QR: "<svg></svg>", Due: 1, Received: 1},
	}
}

// render writes a page. The caller buffers: an error can come after part of the page was written.
func (p *pages) render(w io.Writer, v pageView) error {
	set := p.byLang[v.Lang]
	if set == nil {
		v.Lang = fallbackLang
		set = p.byLang[fallbackLang]
	}
	setDefault(&v.Locale, v.Lang)
	v.pages, v.amount = p, v.Money(v.Total)
	return set.ExecuteTemplate(w, "page.html", &v)
}
