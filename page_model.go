package checkout

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/money"
)

// pageModel is what a template sees: the view, and what follows from it.
type pageModel struct {
	pageView
	pages *pages
}

// pageField is one text field with its error.
type pageField struct {
	Name, Type, Mode, Auto string // Mode is inputmode, Auto the autocomplete token (WHATWG HTML, autofill field names)
	Size                   int    // maxlength
	Value                  string
	Required               string // what the script says when it is empty
	Invalid                string // what the script says when it is no e-mail address
	Error                  string
}

// pageLines are items with what their amounts are counted in.
type pageLines struct {
	Items    []pageItem
	Currency string
}

// pageMessage is one line of the error summary; Target is the id of the field it is about.
type pageMessage struct{ Target, Text string }

// Style and Script are the hashed asset names.
func (m *pageModel) Style() string  { return m.pages.style }
func (m *pageModel) Script() string { return m.pages.script }

// Split tells whether the page knows an order to show beside its form or message.
func (m *pageModel) Split() bool {
	return m.State != "not_found" && m.State != "problem" && m.State != "test_bank"
}

// Title starts with what matters most in a list of tabs: that something is wrong.
func (m *pageModel) Title() string {
	title := m.stateTitle()
	if m.Test {
		title = m.say("title.test", "title", title)
	}
	if m.State == "open" && (len(m.Problems) > 0 || m.Declined != "") {
		title = m.say("title.error", "title", title)
	}
	return title
}

func (m *pageModel) stateTitle() string {
	switch {
	case m.State == "open" && m.Free:
		return m.say("title.free", "shop", m.Shop)
	case m.State == "open":
		return m.say("title.open", "shop", m.Shop, "amount", m.amount())
	}
	return m.say(m.Heading())
}

// Heading is the key of the heading of every state but open.
func (m *pageModel) Heading() string {
	switch {
	case m.State == "problem":
		return m.ProblemKey() + ".title"
	case m.State == "test_bank":
		return "bank.title"
	case m.State == "completed" && m.Free:
		return "completed.free_title"
	}
	return m.State + ".title"
}

// ProblemKey is the stem of the problem's texts; a problem nobody has worded is an internal one.
func (m *pageModel) ProblemKey() string {
	return m.known("problem."+m.Problem, ".title", "problem.internal")
}

// DeclinedKey is the key of the reason in plain words.
func (m *pageModel) DeclinedKey() string {
	return m.known("declined."+m.Declined, "", "declined.declined")
}

func (m *pageModel) known(key, suffix, otherwise string) string {
	if m.pages.texts.has(key + suffix) {
		return key
	}
	return otherwise
}

func (m *pageModel) say(key string, args ...any) string {
	return m.pages.texts.say(m.Lang, key, args...)
}

func (m *pageModel) amount() string { return money.Format(m.Lang, m.Total, m.Currency) }

// Amount is the total as markup.
func (m *pageModel) Amount() template.HTML { return moneyHTML(m.Lang, m.Total, m.Currency) }

// Net is the total without the taxes in it.
func (m *pageModel) Net() int64 { return m.Total - m.Tax }

// First and More are the items that are open and those that are folded away.
func (m *pageModel) First() pageLines {
	return pageLines{m.Items[:min(openItems, len(m.Items))], m.Currency}
}

func (m *pageModel) More() pageLines {
	return pageLines{m.Items[min(openItems, len(m.Items)):], m.Currency}
}

// Langs are the languages a buyer can switch to.
func (m *pageModel) Langs() []string { return m.pages.texts.tags }

// Choices are the payment methods, exactly one of them selected. Card fields belong to test mode alone.
func (m *pageModel) Choices() []pageMethod {
	if m.Free {
		return nil
	}
	choices := slices.Clone(m.Methods)
	chosen := slices.IndexFunc(choices, func(c pageMethod) bool { return c.ID == m.Values["method"] })
	if chosen < 0 {
		chosen = max(0, slices.IndexFunc(choices, func(c pageMethod) bool { return c.Selected }))
	}
	for i := range choices {
		choices[i].Selected = i == chosen
		choices[i].Card = choices[i].Card && m.Test
	}
	return choices
}

// EmailField and CardFields are the text fields of the form.
func (m *pageModel) EmailField() []pageField {
	return []pageField{m.field(pageField{
		Name: "email", Type: "email", Mode: "email", Auto: "email", Size: 254,
		Value: m.Values["email"], Required: "error.email_missing", Invalid: "error.email_invalid",
	})}
}

func (m *pageModel) CardFields() []pageField {
	return []pageField{
		m.field(pageField{Name: "card_number", Type: "text", Mode: "numeric", Auto: "cc-number", Size: 23, Required: "error.card_number_missing"}),
		m.field(pageField{Name: "card_exp", Type: "text", Mode: "numeric", Auto: "cc-exp", Size: 7, Required: "error.card_exp_missing"}),
		m.field(pageField{Name: "card_cvc", Type: "text", Mode: "numeric", Auto: "cc-csc", Size: 4, Required: "error.card_cvc_missing"}),
	}
}

func (m *pageModel) field(f pageField) pageField {
	for _, p := range m.Problems {
		if p.Field == f.Name && f.Error == "" {
			f.Error = m.errorText(p)
		}
	}
	return f
}

// Messages are the lines of the error summary, in the words used at the fields.
func (m *pageModel) Messages() []pageMessage {
	messages := make([]pageMessage, len(m.Problems))
	for i, p := range m.Problems {
		messages[i].Text = m.errorText(p)
		if p.Field != "method" || len(m.Methods) > 1 {
			messages[i].Target = p.Field
		}
	}
	return messages
}

func (m *pageModel) errorText(p pageProblem) string {
	return m.say(m.known("error."+p.Key, "", "error.invalid"))
}

// MethodError is the message at the list of methods.
func (m *pageModel) MethodError() string {
	return m.field(pageField{Name: "method"}).Error
}

// Button is the text of the button that pays.
func (m *pageModel) Button() template.HTML {
	key := "button.pay"
	switch {
	case m.Free:
		key = "button.free"
	case m.SubmitOrder:
		key = "button.order"
	}
	return m.pages.texts.sayHTML(m.Lang, key, "amount", m.Amount())
}

// SecondsLeft is what the countdown starts from, 0 when there is none. Ending tells whether it already runs.
func (m *pageModel) SecondsLeft() int { return int(max(0, m.ExpiresIn) / time.Second) }
func (m *pageModel) Ending() bool     { return m.ExpiresIn <= expiryNotice }

// Poll is PollAfter as the script reads it.
func (m *pageModel) Poll() string {
	var b strings.Builder
	for i, seconds := range m.PollAfter {
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
