package checkout

import (
	"context"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/jopay/checkout/internal/qrsvg"
)

// pollSeconds are the waits of the page's script while a payment is processing.
var pollSeconds = []int{2, 4, 8, 15, 30}

// lang chooses the page's language: the buyer's switch, the merchant's wish, the browser's. The locale is the same with the
// region, as far as one of them names it.
func (c *Checkout) lang(r *http.Request, rec sessionRecord) (lang, locale string) {
	var wanted []string
	if chosen := r.URL.Query().Get("lang"); chosen != "" {
		wanted = append(wanted, shorten(chosen, 35))
	}
	if rec.Locale != "" && rec.Locale != "auto" {
		wanted = append(wanted, rec.Locale)
	}
	wanted = append(wanted, shorten(r.Header.Get("Accept-Language"), 200))
	return c.pages.texts.locale(wanted...)
}

// blankPage is a page without a session: everything on it is the shop's.
func (c *Checkout) blankPage(r *http.Request, state string) pageView {
	lang, locale := c.lang(r, sessionRecord{})
	return pageView{
		State: state, Base: c.backTo(c.cfg.PagePath, r), Lang: lang, Locale: locale, LangSwitch: r.Method == http.MethodGet, Shop: c.cfg.Brand.Name,
		Seller: pageSeller{
			LegalName: c.cfg.Seller.LegalName, Address: c.cfg.Seller.Address.lines(), LegalNoticeURL: c.cfg.Seller.LegalNoticeURL,
			PrivacyURL: c.cfg.Seller.PrivacyURL, TermsURL: c.cfg.Seller.TermsURL,
		},
	}
}

// pageOf shows a session in the state it is in.
func (c *Checkout) pageOf(r *http.Request, s situation) (pageView, error) {
	items, err := s.rec.items()
	if err != nil {
		return pageView{}, err
	}
	v := c.blankPage(r, s.state(c.now()))
	v.Lang, v.Locale = c.lang(r, s.rec)
	v.Test, v.SessionID = s.rec.Mode == Test, s.rec.ID
	v.Currency, v.Total, v.Tax, v.Free = s.rec.Currency, s.rec.Amount, s.rec.AmountTax, s.rec.Amount == 0
	v.Items, v.TaxLines = pageItems(items), pageTaxes(items)
	v.Reference, v.BackURL = orEmpty(s.rec.Reference), s.rec.CancelURL
	v.Email, v.AskEmail = orEmpty(s.rec.CustomerEmail), s.rec.CustomerEmail == nil
	switch v.State {
	case "open":
		err = c.openPage(r.Context(), &v, s)
	case "requires_action":
		err = c.actionPage(r.Context(), &v, s)
	case "instructions":
		err = c.instructionsPage(r.Context(), &v, s)
	case "processing":
		v.PollAfter = pollSeconds
	case "completed":
		v.Email, v.AskEmail, v.ContinueURL = maskEmail(v.Email), false, successURL(s.rec.SuccessURL, s.rec.ID)
	case "expired":
		v.Email, v.AskEmail, v.ContinueURL = "", false, s.rec.CancelURL
		v.MoneyBack, err = c.store.tookMoney(r.Context(), s.rec.ID)
	}
	return v, err
}

func (c *Checkout) openPage(ctx context.Context, v *pageView, s situation) (err error) {
	v.ExpiresAt = fromMillis(s.rec.ExpiresAt).In(c.cfg.Seller.TimeZone)
	v.ExpiresIn = v.ExpiresAt.Sub(c.now())
	v.CanExtend = c.extendable(s.rec)
	if s.last != nil && s.last.State == attemptFailed {
		v.Declined = publicReason(s.last.Reason)
	}
	if v.Test {
		v.TestCards = pageTestCards()
	}
	v.SubmitOrder = c.cfg.Brand.Submit == "order"
	offers := c.offersOf(ctx, s.rec, v.Lang)
	v.Continues = continuesAt(offers, s.rec.Mode)
	for i, o := range offers {
		v.Methods = append(v.Methods, pageMethod{ID: o.ID, Label: o.Label, Mark: o.Mark, Card: o.provider == Provider(c.sandbox), Selected: i == 0})
	}
	v.Token, err = c.token(ctx, s.rec.ID, s.rec.Attempts)
	return err
}

func (c *Checkout) actionPage(ctx context.Context, v *pageView, s situation) (err error) {
	v.ContinueURL, v.PollAfter = s.last.ActionURL, pollSeconds
	if embed := c.embedOf(s); len(embed.Scripts) > 0 {
		v.OwnScript = c.pages.scripts[s.last.Provider]
		v.Scripts, v.Provider, v.Client = embed.Scripts, s.last.Provider, s.last.Client
		v.SubmitOrder = c.cfg.Brand.Submit == "order"
	}
	if provider, found := c.provider(*s.last); found == nil {
		v.Continues = titleOf(provider)
	}
	if s.last.Reason != "" { // a try in the provider's fields
		v.Declined = publicReason(s.last.Reason)
	}
	v.CanAbandon = c.mayAbandon(s, v.State)
	v.Token, err = c.token(ctx, s.rec.ID, s.rec.Attempts)
	return err
}

// instructionsPage shows what the buyer has to do elsewhere. success_url is offered as soon as the order stands: the host
// looks at payment_status there.
func (c *Checkout) instructionsPage(ctx context.Context, v *pageView, s situation) (err error) {
	in, due := c.instructions(*s.last, v.Lang)
	v.PollAfter, v.ContinueURL, v.CanAbandon = pollSeconds, successURL(s.rec.SuccessURL, s.rec.ID), c.mayAbandon(s, v.State)
	v.Told = pageInstructions{Text: in.Text, Bound: in.Bound, Due: due, Received: s.last.Received, Until: in.Until}
	if in.Until.IsZero() {
		v.Told.Until = fromMillis(s.rec.ExpiresAt)
	}
	for _, f := range in.Fields {
		v.Told.Fields = append(v.Told.Fields, pageCopy(f))
	}
	if in.QR != "" {
		code, err := qrsvg.Draw(in.QR, c.pages.texts.say(v.Lang, "instructions.qr"))
		if err != nil {
			return err
		}
		v.Told.QR = template.HTML(code) //nolint:gosec // drawn and escaped by qrsvg
	}
	v.Token, err = c.token(ctx, s.rec.ID, s.rec.Attempts)
	return err
}

// continuesAt names the provider when all methods lead to one that has a page of its own.
func continuesAt(offers []offer, mode Mode) string {
	if len(offers) == 0 || slices.ContainsFunc(offers, func(o offer) bool { return o.provider.Name() != offers[0].provider.Name() }) {
		return ""
	}
	if _, embeds := embedded(offers[0].provider, mode); embeds {
		return ""
	}
	return titleOf(offers[0].provider)
}

func titleOf(p Provider) string {
	if t, ok := p.(Titled); ok {
		return t.Title()
	}
	return ""
}

func pageItems(items []LineItem) []pageItem {
	list := make([]pageItem, 0, len(items))
	for _, it := range items {
		list = append(list, pageItem{Name: it.Name, Description: orEmpty(it.Description), Quantity: it.Quantity, Amount: it.Amount, Total: it.Total()})
	}
	return list
}

func pageTaxes(items []LineItem) []pageTax {
	var list []pageTax
	for _, l := range taxLines(items) {
		list = append(list, pageTax{Name: l.Name, RateBP: int(l.RateBP), Amount: l.Tax})
	}
	return list
}

func pageTestCards() []pageTestCard {
	list := make([]pageTestCard, 0, len(testCards))
	for _, card := range testCards {
		list = append(list, pageTestCard{Number: card.Number, Key: card.Scenario})
	}
	return list
}

// maskEmail keeps enough for its owner to know it: whoever has the link after the payment need not learn the address.
func maskEmail(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok {
		return ""
	}
	first := []rune(local)[:1]
	return string(first) + "•••@" + domain
}

// offer is a method with the provider behind it.
type offer struct {
	Method
	provider Provider
}

// offers are the methods a mode has for an amount. A provider that cannot say is left out, the others stay.
func (c *Checkout) offers(ctx context.Context, mode Mode, q MethodQuery) []offer {
	q.Livemode = mode == Live
	providers := slices.Clone(c.cfg.Providers)
	if mode == Test {
		providers = append(providers, c.sandbox)
	}
	var list []offer
	for _, p := range providers {
		methods, err := p.Methods(ctx, q)
		if err != nil {
			c.cfg.Logger.WarnContext(ctx, "checkout: a provider's methods are not known", "provider", p.Name(), "error", err)
			continue
		}
		for _, m := range methods {
			if !slices.ContainsFunc(list, func(o offer) bool { return o.ID == m.ID }) {
				list = append(list, offer{m, p})
			}
		}
	}
	return list
}

// offersOf are the methods of a session: the merchant's choice in the merchant's order, or all.
func (c *Checkout) offersOf(ctx context.Context, rec sessionRecord, lang string) []offer {
	list := c.offers(ctx, rec.Mode, MethodQuery{Amount: rec.Amount, Currency: rec.Currency, Country: rec.country(), Locale: lang})
	list = slices.DeleteFunc(list, func(o offer) bool { return c.shared.circuits.open(o.provider.Name(), c.now()) })
	wanted := rec.methods()
	if wanted == nil {
		return list
	}
	var chosen []offer
	for _, id := range wanted {
		if i := slices.IndexFunc(list, func(o offer) bool { return o.ID == id }); i >= 0 {
			chosen = append(chosen, list[i])
		}
	}
	return chosen
}

// methodIDs are the ids an order may name in payment_methods.
func (c *Checkout) methodIDs(mode Mode, items []LineItem) []string {
	q := MethodQuery{}
	for _, it := range items {
		q.Currency = asciiLower(items[0].Currency)
		if it.Amount >= 0 && it.Amount <= maxAmount && it.Quantity > 0 && it.Quantity <= maxQuantity {
			q.Amount += it.Total()
		}
	}
	var ids []string
	for _, o := range c.offers(context.Background(), mode, q) {
		ids = append(ids, o.ID)
	}
	return ids
}

// backTo leads from the address of a request to the path of a door, also from the depths of one that does not exist.
func (c *Checkout) backTo(doorPath string, r *http.Request) string {
	levels := strings.Count(restBehind(r, c.basePath, doorPath), "/")
	if levels == 0 {
		return path.Base(doorPath) + "/"
	}
	return strings.Repeat("../", levels-1)
}
