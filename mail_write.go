package checkout

import (
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/jopay/checkout/internal/money"
	"github.com/jopay/checkout/internal/qrsvg"
)

// mailCode is the Content-ID of the picture that a mail shows.
const mailCode = "qr"

const (
	mailItems = 20     // lines that a mail lists; the document has all
	mailBytes = 20_000 // of text and HTML together, so that with its encoding a mail stays below 30 KB
)

// mailView is what the templates of mails know: words and amounts in the buyer's language, each on one line.
type mailView struct {
	Lang, Dir, Subject string
	Preheader          string   // what a list of mails shows behind the subject
	Marks              []string // that it is a test, or a copy
	Title, Lead        string
	Text               []string     // what the provider tells
	QR                 template.URL // of the picture; empty for none
	QRWord, QRHint     string
	Facts              []SheetFact
	Lines              []SheetLine
	More               string // that there are other lines
	Totals             []SheetTotal
	Notes              []string
	BuyerWord          string
	Buyer              []string
	Seller             []string
	Link, LinkWord     string
	Help               string
}

// errMailWaits is said of a mail that may have something to tell later.
var errMailWaits = errors.New("the payment waits for its buyer just now")

// writeMail makes subject and bodies once. Nothing is told any more when a payment does not take its time any longer.
func (c *Checkout) writeMail(ctx context.Context, r *mailRecord) (nothing bool, err error) {
	if r.Kind == mailProcessing {
		return c.writeWaiting(ctx, r)
	}
	if r.Subject != nil {
		return false, nil
	}
	rec, err := c.store.document(ctx, *r.DocumentID)
	if err != nil {
		return false, err
	}
	d, err := rec.issued()
	if err != nil {
		return false, err
	}
	v := c.mailOfDocument(*d)
	v.Link, err = c.DocumentURL(ctx, d.ID)
	if err != nil {
		return false, err
	}
	return false, c.fillMail(r, v, d.ID)
}

// mailOfDocument is a document as a mail shows it.
func (c *Checkout) mailOfDocument(d Document) mailView {
	s, t := c.sheetOf(d), c.pages.texts
	amount, shop := money.Format(d.Locale, d.GrossCents, d.Currency), visible(c.cfg.Brand.Name)
	lead := "completed.text"
	switch {
	case d.Corrects != nil:
		lead = "mail.refunded"
	case d.GrossCents == 0:
		lead = "completed.free_text"
	}
	v := mailView{
		Lang: s.Lang, Dir: s.Dir, Title: s.Title, Subject: t.say(s.Lang, "mail.subject", "title", s.Title, "shop", shop, "amount", amount),
		Lead: t.say(s.Lang, lead, "shop", shop, "amount", amount), Facts: s.Facts, Lines: s.Lines, Totals: s.Totals, Notes: s.Notes,
		BuyerWord: s.BuyerWord, Buyer: s.Buyer, Seller: append(s.Seller, s.Footer...), LinkWord: t.say(s.Lang, "mail.document", "title", s.Title),
	}
	if len(v.Seller) == 0 {
		v.Seller = []string{shop}
	}
	if len(v.Lines) > mailItems {
		v.Lines, v.More = v.Lines[:mailItems], t.say(s.Lang, "mail.more")
	}
	if s.Test != "" {
		v.Marks = []string{s.Test}
	}
	return v
}

// writeWaiting tells how a payment goes on, while it does: at each try anew, since a part may have come meanwhile, unless the
// server may have taken over what was written before.
func (c *Checkout) writeWaiting(ctx context.Context, r *mailRecord) (nothing bool, err error) {
	s, err := c.store.session(ctx, r.SessionID)
	if err != nil {
		return false, err
	}
	p, err := c.store.paymentByID(ctx, r.Object)
	if err != nil {
		return false, err
	}
	switch {
	case s.Status != StatusPending || p.State != attemptOpen:
		return true, nil
	case r.Subject != nil && r.Doubtful == 1:
		return false, nil
	case !c.takesTime(p):
		return false, errMailWaits
	}
	v, code := c.mailOfWaiting(s, p)
	r.QR = pointer(code)
	return false, c.fillMail(r, v, p.ID)
}

// mailOfWaiting is what the buyer of an open payment has to know or to do.
func (c *Checkout) mailOfWaiting(s sessionRecord, p paymentRecord) (v mailView, code string) {
	t, locale := c.pages.texts, c.documentLocale(s)
	lang := t.match(locale)
	in, due := c.instructions(p, lang)
	amount, shop := money.Format(locale, due, p.Currency), visible(c.cfg.Brand.Name)
	stem := "processing"
	if _, elsewhere := c.instructor(p); elsewhere {
		stem = "instructions"
	}
	v = mailView{
		Lang: lang, Dir: t.say(lang, "dir"), Title: t.say(lang, stem+".title"), Subject: t.say(lang, "mail.subject."+stem, "shop", shop, "amount", amount),
		Lead: t.say(lang, "mail."+stem), Text: in.Text, Seller: c.cfg.Seller.printed(shop), Link: c.base + c.cfg.PagePath + "/" + s.ID, LinkWord: t.say(lang, "mail.page"),
	}
	v.Facts = append(v.Facts, SheetFact{t.say(lang, "copy.amount"), amount})
	for _, f := range in.Fields {
		label := f.Label
		if key := "copy." + f.Key; f.Key != "" && t.has(key) {
			label = t.say(lang, key)
		}
		v.Facts = append(v.Facts, SheetFact{label, f.Value})
	}
	if s.Reference != nil {
		v.Facts = append(v.Facts, SheetFact{t.say(lang, "document.order"), *s.Reference})
	}
	if stem == "instructions" {
		until := in.Until
		if until.IsZero() {
			until = fromMillis(s.ExpiresAt)
		}
		v.Facts = append(v.Facts, SheetFact{t.say(lang, "copy.until"), t.date(lang, until.UTC())})
	}
	if s.Mode == Test {
		v.Marks = []string{t.say(lang, "test")}
	}
	if _, err := codeOfMail(in.QR); in.QR != "" && err == nil {
		v.QR, v.QRWord, v.QRHint, code = "cid:"+mailCode, t.say(lang, "instructions.qr"), t.say(lang, "instructions.scan"), in.QR
	}
	return v, code
}

// printed is the seller as it stands at the foot of a mail without a document.
func (s Seller) printed(shop string) []string {
	return append([]string{firstOf(s.LegalName, shop)}, s.Address.lines()...)
}

// codeOfMail draws a code as a picture, because mails show no SVG.
func codeOfMail(content string) ([]byte, error) { return qrsvg.PNG(content) }

// preview is the HTML part for a reader without attachments: the picture stands in it.
func (r mailRecord) preview() string {
	html := orEmpty(r.HTML)
	if r.QR == nil {
		return html
	}
	png, err := codeOfMail(*r.QR)
	if err != nil {
		return html
	}
	return strings.Replace(html, `src="cid:`+mailCode+`"`, `src="data:image/png;base64,`+base64.StdEncoding.EncodeToString(png)+`"`, 1)
}

// fillMail renders both parts and names the mail after its object and revision.
func (c *Checkout) fillMail(r *mailRecord, v mailView, object string) error {
	v.Preheader = v.Lead
	if r.Revision > 1 {
		v.Subject = c.pages.texts.say(v.Lang, "mail.copy", "subject", v.Subject)
		v.Marks = append(v.Marks, c.pages.texts.say(v.Lang, "mail.copied"))
	}
	if r.Mode == Test {
		v.Subject = "[TEST] " + v.Subject
	}
	if address := c.helpAddress(); address != "" {
		v.Help = c.pages.texts.say(v.Lang, "mail.help", "address", address)
	}
	v.oneLine()
	text, html, err := c.renderMail(v)
	if err != nil {
		return err
	}
	r.MessageID, r.Lang, r.Subject = pointer(c.messageID(object, r.Revision)), &v.Lang, &v.Subject
	r.Text, r.HTML = &text, &html
	return nil
}

// renderMail leaves out what the link leads to until the mail is small enough: some mail programs cut large mails off.
func (c *Checkout) renderMail(v mailView) (text, html string, err error) {
	for {
		if text, html, err = c.letters.render(v); err != nil || len(text)+len(html) <= mailBytes || !v.shorten(c.pages.texts.say(v.Lang, "mail.more")) {
			return text, html, err
		}
	}
}

// shorten leaves out half of the lines, then all sums but the total, then the notes. It is false when nothing is left to leave
// out: everything else has bounds of its own.
func (v *mailView) shorten(more string) bool {
	single := slices.DeleteFunc(slices.Clone(v.Totals), func(t SheetTotal) bool { return !t.Strong })
	switch {
	case len(v.Lines) > 0:
		v.Lines = v.Lines[:len(v.Lines)/2]
	case len(single) < len(v.Totals):
		v.Totals = single
	case len(v.Notes) > 0:
		v.Notes = nil
	default:
		return false
	}
	v.More = more
	return true
}

// oneLine takes line breaks and hidden characters out of everything that comes from outside: in the text part they could
// look like lines of ours, in the subject like a header.
func (v *mailView) oneLine() {
	for _, s := range []*string{&v.Subject, &v.Title, &v.Lead, &v.Preheader, &v.Help} {
		*s = visible(*s)
	}
	for _, list := range []*[]string{&v.Text, &v.Notes, &v.Buyer, &v.Seller} {
		lines := make([]string, len(*list))
		for i, s := range *list {
			lines[i] = visible(s)
		}
		*list = lines
	}
	facts := make([]SheetFact, len(v.Facts))
	for i, f := range v.Facts {
		facts[i] = SheetFact{visible(f.Label), visible(f.Value)}
	}
	v.Facts = facts
}

// helpAddress is whom buyers can ask.
func (c *Checkout) helpAddress() string {
	return firstOf(bareAddress(c.cfg.Mail.ReplyTo), c.cfg.Seller.Email, bareAddress(c.cfg.Mail.From))
}

// messageID is the same at every try of a mail: <inv.ID.REV@domain>.
func (c *Checkout) messageID(object string, revision int) string {
	_, domain, ok := strings.Cut(bareAddress(c.cfg.Mail.From), "@")
	if !ok {
		domain = hostOf(c.base)
	}
	return strings.Replace(object, "_", ".", 1) + "." + strconv.Itoa(revision) + "@" + domain
}

// bareAddress is the address in a mailbox as RFC 5322 writes it; empty where there is none.
func bareAddress(mailbox string) string {
	a, err := mail.ParseAddress(mailbox)
	if err != nil {
		return ""
	}
	return a.Address
}
