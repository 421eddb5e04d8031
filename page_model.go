package checkout

import (
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageField is one text field with its error.
type pageField struct {
	Name, Type, Mode, Auto string // Mode is inputmode, Auto the autocomplete token (WHATWG HTML, autofill field names)
	Size                   int    // maxlength
	Value                  string
	Required               string // what the script says when it is empty
	Invalid                string // what the script says when it is no e-mail address
	Error                  string
}

// pageLines are items with the page they stand on.
type pageLines struct {
	*pageView
	Items []pageItem
}

// pageMessage is one line of the error summary; Target is the id of the field it is about.
type pageMessage struct{ Target, Text string }

// Style and Script are the hashed asset names.
func (v *pageView) Style() string  { return v.pages.style }
func (v *pageView) Script() string { return v.pages.script }

// pageLogo is the logo with what it stands for where it is shown.
type pageLogo struct {
	*pageView
	Alt string
}

// LogoFor is the logo that stands for a text.
func (v *pageView) LogoFor(text string) pageLogo { return pageLogo{v, text} }

// Logo and LogoDark are the brand's pictures, empty for none; LogoWidth and LogoHeight are CSS pixels.
func (v *pageView) Logo() string     { return v.pages.logo }
func (v *pageView) LogoDark() string { return v.pages.logoDark }
func (v *pageView) LogoWidth() int   { return v.pages.logoWidth }
func (v *pageView) LogoHeight() int  { return v.pages.logoHeight }

// SheetStyle is the style sheet that documents have beside the page's.
func (v *pageView) SheetStyle() string { return v.pages.sheetStyle }

// Rated tells whether the lines of a document name their rates.
func (v *pageView) Rated() bool {
	return slices.ContainsFunc(v.Sheet.Lines, func(l SheetLine) bool { return l.Rate != "" })
}

// Split tells whether the page knows an order to show beside its form or message.
func (v *pageView) Split() bool {
	return v.State != "not_found" && v.State != "problem" && v.State != "test_bank" && v.State != "document"
}

// Title starts with what matters most in a list of tabs: that something is wrong.
func (v *pageView) Title() string {
	title := v.stateTitle()
	if v.Test {
		title = v.say("title.test", "title", title)
	}
	wrong := v.Declined != "" || (v.State == "open" && (len(v.Problems) > 0 || v.NoMethod()))
	if wrong {
		title = v.say("title.error", "title", title)
	}
	return title
}

func (v *pageView) stateTitle() string {
	switch {
	case v.State == "open" && v.Free:
		return v.say("title.free", "shop", v.Shop)
	case v.State == "document":
		return v.Sheet.Title
	case v.State == "open":
		return v.say("title.open", "shop", v.Shop, "amount", amountText(v.Locale, v.Total, v.Currency))
	}
	return v.say(v.Heading())
}

// Heading is the key of the heading of every state but open.
func (v *pageView) Heading() string {
	switch {
	case v.State == "problem":
		return v.ProblemKey() + ".title"
	case v.State == "test_bank":
		return "bank.title"
	case v.State == "completed" && v.Free:
		return "completed.free_title"
	case v.State == "requires_action" && v.Client != "":
		return "embed.title"
	case v.State == "instructions" && v.Told.Bound:
		return "instructions.bound"
	}
	return v.State + ".title"
}

// ProblemKey is the stem of the problem's texts; a problem nobody has worded is an internal one.
func (v *pageView) ProblemKey() string {
	return v.known("problem."+v.Problem, ".title", "problem.internal")
}

// DeclinedKey is the key of the reason in plain words.
func (v *pageView) DeclinedKey() string {
	return v.known("declined."+v.Declined, "", "declined.declined")
}

func (v *pageView) known(key, suffix, otherwise string) string {
	if v.pages.texts.has(key + suffix) {
		return key
	}
	return otherwise
}

func (v *pageView) say(key string, args ...any) string {
	return v.pages.texts.say(v.Lang, key, args...)
}

// Money writes an amount of minor units the way the buyer's region does, with the digits of ISO 4217. All amounts of a page
// are written by it.
func (v *pageView) Money(minor int64) template.HTML { return moneyHTML(v.Locale, minor, v.Currency) }

// Amount is the total as markup.
func (v *pageView) Amount() template.HTML { return v.amount }

// Net is the total without the taxes in it.
func (v *pageView) Net() int64 { return v.Total - v.Tax }

// Until is the last day an amount is waited for, as people write it.
func (v *pageView) Until() string {
	return v.pages.texts.date(v.Lang, v.Told.Until.UTC())
}

// CopyLabel is the page's word for a line to copy, or the provider's.
func (v *pageView) CopyLabel(c pageCopy) string {
	if v.pages.texts.has("copy." + c.Key) {
		return v.say("copy." + c.Key)
	}
	return c.Label
}

// First and More are the items that are open and those that are folded away.
func (v *pageView) First() pageLines {
	return pageLines{v, v.Items[:min(openItems, len(v.Items))]}
}

func (v *pageView) More() pageLines {
	return pageLines{v, v.Items[min(openItems, len(v.Items)):]}
}

// pageLang is a language a buyer can switch to: its tag, what it calls itself, the query of the same page in it, and whether
// it is the one that is spoken.
type pageLang struct {
	Tag, Name, Query string
	Here             bool
}

// Langs are all languages.
func (v *pageView) Langs() []pageLang {
	list := make([]pageLang, len(v.pages.texts.tags))
	for i, tag := range v.pages.texts.tags {
		list[i] = pageLang{tag, v.pages.texts.say(tag, "language"), v.InLang(tag), tag == v.Lang}
	}
	return list
}

// InLang is the query of the same page in another language.
func (v *pageView) InLang(lang string) string {
	if len(v.Keep) == 0 {
		return "?lang=" + url.QueryEscape(lang)
	}
	q := maps.Clone(v.Keep)
	q.Set("lang", lang)
	return "?" + q.Encode()
}

// Choices are the payment methods, exactly one of them selected. Card fields belong to test mode alone.
func (v *pageView) Choices() []pageMethod {
	if v.Free {
		return nil
	}
	choices := slices.Clone(v.Methods)
	chosen := slices.IndexFunc(choices, func(c pageMethod) bool { return c.ID == v.Values["method"] })
	if chosen < 0 {
		chosen = max(0, slices.IndexFunc(choices, func(c pageMethod) bool { return c.Selected }))
	}
	for i := range choices {
		if key := "method." + choices[i].ID; v.pages.texts.has(key) {
			choices[i].Label = v.say(key)
		}
		choices[i].Selected = i == chosen
		choices[i].Card = choices[i].Card && v.Test
	}
	return choices
}

// NoMethod tells that nobody can take the buyer's money at the moment: the page says so and offers no button that pays.
func (v *pageView) NoMethod() bool { return !v.Free && len(v.Methods) == 0 }

// EmailField and CardFields are the text fields of the form.
func (v *pageView) EmailField() []pageField {
	return []pageField{v.field(pageField{
		Name: "email", Type: "email", Mode: "email", Auto: "email", Size: 254,
		Value: v.Values["email"], Required: "error.email_missing", Invalid: "error.email_invalid",
	})}
}

func (v *pageView) CardFields() []pageField {
	return []pageField{
		v.field(pageField{Name: "card_number", Type: "text", Mode: "numeric", Auto: "cc-number", Size: 23, Required: "error.card_number_missing"}),
		v.field(pageField{Name: "card_exp", Type: "text", Mode: "numeric", Auto: "cc-exp", Size: 7, Required: "error.card_exp_missing"}),
		v.field(pageField{Name: "card_cvc", Type: "text", Mode: "numeric", Auto: "cc-csc", Size: 4, Required: "error.card_cvc_missing"}),
	}
}

func (v *pageView) field(f pageField) pageField {
	for _, p := range v.Problems {
		if p.Field == f.Name && f.Error == "" {
			f.Error = v.errorText(p)
		}
	}
	return f
}

// Messages are the lines of the error summary, in the words used at the fields.
func (v *pageView) Messages() []pageMessage {
	messages := make([]pageMessage, len(v.Problems))
	for i, p := range v.Problems {
		messages[i].Text = v.errorText(p)
		if p.Field != "method" || len(v.Methods) > 1 {
			messages[i].Target = p.Field
		}
	}
	return messages
}

func (v *pageView) errorText(p pageProblem) string {
	return v.say(v.known("error."+p.Key, "", "error.invalid"))
}

// MethodError is the message at the list of methods.
func (v *pageView) MethodError() string {
	return v.field(pageField{Name: "method"}).Error
}

// Button is the text of the button that pays.
func (v *pageView) Button() template.HTML {
	key := "button.pay"
	switch {
	case v.Free:
		key = "button.free"
	case v.SubmitOrder:
		key = orderKey
	}
	return v.pages.texts.sayHTML(v.Lang, key, "amount", v.Amount())
}

// SecondsLeft is what the countdown starts from, 0 when there is none: rounded up, so that a page never looks again before its
// time is up. Ending tells whether it already runs.
func (v *pageView) SecondsLeft() int {
	return int((max(0, v.ExpiresIn) + time.Second - 1) / time.Second)
}

func (v *pageView) Ending() bool { return v.ExpiresIn <= expiryNotice }

// OpenUntil is when the time is up, for a page that cannot count down by itself: by the shop's clock, since the server does
// not know where the buyer is, and with the day unless that is today.
func (v *pageView) OpenUntil() template.HTML {
	const day = "2006-01-02"
	until, zone := v.ExpiresAt, v.ExpiresAt.Format("MST")
	if strings.ContainsAny(zone[:1], "+-") {
		zone = "UTC" + zone // a zone without a name of its own
	}
	said := `<bdi dir="ltr">` + until.Format("15:04 ") + zone + `</bdi>`
	if until.Format(day) != until.Add(-v.ExpiresIn).Format(day) {
		said = template.HTMLEscapeString(v.pages.texts.date(v.Lang, until)) + " " + said
	}
	return template.HTML(said) //nolint:gosec // a clock, a zone of Go's database and an escaped date
}

// Poll is PollAfter as the script reads it.
func (v *pageView) Poll() string {
	var b strings.Builder
	for i, seconds := range v.PollAfter {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(seconds))
	}
	return b.String()
}

// Digits writes a card number in groups of four.
func (c pageTestCard) Digits() string {
	var groups []string
	for group := range slices.Chunk([]byte(c.Number), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}
