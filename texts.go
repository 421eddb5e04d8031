package checkout

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/jopay/checkout/internal/money"
)

// A new language is one new file here, named by its BCP 47 tag.
//
//go:embed templates/locales/*.json
var localeFiles embed.FS

// fallbackLang is the language whose catalogue decides which keys exist.
const fallbackLang = "en"

// texts holds every word a buyer reads, one catalogue for each language. It never changes after newTexts and may be used
// by many goroutines.
//
// A catalogue maps a key to a textMessage, and a message names its placeholders in braces: "Pay {amount} to {shop}". Where the
// words depend on a count, the message is an object by CLDR plural category, chosen by the placeholder {n}:
// {"one": "{n} item", "other": "{n} items"}.
type texts struct {
	tags       []string // fallbackLang first, the rest sorted
	matcher    language.Matcher
	catalogues map[string]*textCatalogue
}

type textCatalogue struct {
	tag      language.Tag
	messages map[string]textMessage
}

// textMessage holds a phrase for each plural category the catalogue names; plural.Other is always there.
type textMessage map[plural.Form]textPhrase

// textPhrase is a message cut at its placeholders, so that saying it needs no search.
type textPhrase []textPiece

// textPiece is literal text, kept plain and escaped, or the placeholder arg.
type textPiece struct{ text, html, arg string }

var pluralForms = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// newTexts reads the catalogues of a folder: a file for each language, or a folder of files that are read as one. It fails
// when a language lacks a key, has one too many, or uses other placeholders than the English one.
func newTexts(files fs.FS, dir string) (*texts, error) {
	t := &texts{catalogues: map[string]*textCatalogue{}}
	if err := t.read(files, dir, (*textCatalogue).add); err != nil {
		return nil, err
	}
	return t, t.finish()
}

// pageTexts are the page's catalogues with what a host has in the folder locales of its files, which may be nil: single texts
// in a language of ours, or all of another language.
func pageTexts(overlay fs.FS) (*texts, error) {
	t := &texts{catalogues: map[string]*textCatalogue{}}
	if err := t.read(localeFiles, "templates/locales", (*textCatalogue).add); err != nil {
		return nil, err
	}
	if overlay != nil {
		err := t.read(overlay, "locales", (*textCatalogue).set)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return t, t.finish()
}

// read hands every message of a folder to a catalogue of its language.
func (t *texts) read(files fs.FS, dir string, take func(c *textCatalogue, key string, m textMessage) error) error {
	return fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		tag, _, _ := strings.Cut(strings.TrimPrefix(name, dir+"/"), "/")
		if err := t.readFile(strings.TrimSuffix(tag, ".json"), data, take); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

func (t *texts) readFile(name string, data []byte, take func(c *textCatalogue, key string, m textMessage) error) error {
	tag, err := language.Parse(name)
	if err != nil {
		return err
	}
	if tag.String() != name { // two spellings would be two catalogues
		return fmt.Errorf("write the language as %s", tag)
	}
	var entries map[string]textEntry
	if err := json.Unmarshal(data, &entries); err != nil {
		return err
	}
	c := t.catalogues[name]
	if c == nil {
		c = &textCatalogue{tag: tag, messages: make(map[string]textMessage, len(entries))}
		t.catalogues[name] = c
	}
	for key, forms := range entries {
		m, err := newTextMessage(forms)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if err := take(c, key, m); err != nil {
			return err
		}
	}
	return nil
}

// add takes a message in. A key stands in one file only.
func (c *textCatalogue) add(key string, m textMessage) error {
	if c.messages[key] != nil {
		return fmt.Errorf("key %q stands in two files", key)
	}
	return c.set(key, m)
}

// orderKey is the text of the button that concludes a contract.
const orderKey = "button.order"

// set takes a host's message in or replaces ours with it, except on the button that concludes a contract: what it says is the
// law's (Directive 2011/83/EU Art. 8(2), § 312j(3) BGB).
func (c *textCatalogue) set(key string, m textMessage) error {
	if key == orderKey && c.messages[key] != nil {
		return fmt.Errorf("key %q: these words are the law's and stay", key)
	}
	c.messages[key] = m
	return nil
}

// finish compares all catalogues with the English one and prepares the matcher.
func (t *texts) finish() error {
	if t.catalogues[fallbackLang] == nil {
		return fmt.Errorf("locales/%s.json is missing", fallbackLang)
	}
	t.tags = append(t.tags, fallbackLang)
	for _, name := range slices.Sorted(maps.Keys(t.catalogues)) {
		if err := t.catalogues[name].agree(t.catalogues[fallbackLang]); err != nil {
			return fmt.Errorf("locales/%s.json: %w", name, err)
		}
		if name != fallbackLang {
			t.tags = append(t.tags, name)
		}
	}
	supported := make([]language.Tag, len(t.tags))
	for i, name := range t.tags {
		supported[i] = t.catalogues[name].tag
	}
	t.matcher = language.NewMatcher(supported)
	return nil
}

// match returns the catalogue nearest to the first of the wanted languages that has one near enough, else English. Each
// wanted is a BCP 47 tag or a whole Accept-Language header; tags that cannot be read are passed over.
func (t *texts) match(wanted ...string) string {
	readable := make([]string, len(wanted))
	for i, w := range wanted {
		readable[i] = readableTags(w)
	}
	_, i := language.MatchStrings(t.matcher, readable...)
	return t.tags[i]
}

// locale is what a reader of the wanted languages gets: the catalogue of the words, and the same language in the form of a
// region, in which amounts are written.
func (t *texts) locale(wanted ...string) (lang, locale string) {
	lang = t.match(wanted...)
	return lang, t.region(lang, wanted...)
}

// amountText writes minor units wherever buyers read them, on the page, its title and button and in documents: with the digits
// of ISO 4217, in a locale that texts.locale gave.
func amountText(locale string, minor int64, currency string) ownText {
	return ownText(money.Format(locale, minor, currency))
}

// ownText is text that is not from outside: the marks of direction in it belong there.
type ownText string

// region is lang in the form of a region, where one of the wanted languages is such a form: "de-CH" for "de". The first one
// counts. It decides how amounts are written; the words are the same.
func (t *texts) region(lang string, wanted ...string) string {
	catalogue := t.catalogues[lang].tag
	base, _ := catalogue.Base()
	for _, w := range wanted {
		tags, _, _ := language.ParseAcceptLanguage(readableTags(w))
		for _, tag := range tags {
			own, _ := tag.Base()
			if region, sure := tag.Region(); own == base && sure == language.Exact && region.IsCountry() {
				if form, err := language.Compose(catalogue, region); err == nil {
					return form.String()
				}
			}
		}
	}
	return lang
}

// readableTags drops what cannot be read from a header, because the parser gives up on all of it for one unknown tag.
func readableTags(header string) string {
	if _, _, err := language.ParseAcceptLanguage(header); err == nil {
		return header
	}
	return strings.Join(slices.DeleteFunc(strings.Split(header, ","), func(tag string) bool {
		_, _, err := language.ParseAcceptLanguage(tag)
		return err != nil
	}), ",")
}

// say returns a message as plain text. args are pairs of placeholder and value. An unknown language speaks English; an
// unknown key returns itself, which a reader can report.
func (t *texts) say(lang, key string, args ...any) string {
	p := t.phrase(lang, key, args)
	if p == nil {
		return key
	}
	if len(p) == 1 && p[0].arg == "" {
		return p[0].text
	}
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(piece.text)
		if piece.arg != "" {
			b.WriteString(shown(textValue(args, piece.arg)))
		}
	}
	return b.String()
}

// sayHTML returns a message as markup: values are escaped and isolated, so that a name written from right to left cannot
// reorder the sentence around it. A value that is template.HTML already is put in as it is.
func (t *texts) sayHTML(lang, key string, args ...any) template.HTML {
	p := t.phrase(lang, key, args)
	if p == nil {
		return template.HTML(template.HTMLEscapeString(key)) //nolint:gosec // escaped here
	}
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(piece.html)
		if piece.arg == "" {
			continue
		}
		if markup, ok := textValue(args, piece.arg).(template.HTML); ok {
			b.WriteString(string(markup))
			continue
		}
		b.WriteString("<bdi>")
		b.WriteString(template.HTMLEscapeString(shown(textValue(args, piece.arg))))
		b.WriteString("</bdi>")
	}
	return template.HTML(b.String()) //nolint:gosec // literals are escaped when read, values just above
}

// has tells whether the key exists; all catalogues have the same keys.
func (t *texts) has(key string) bool { return t.catalogues[fallbackLang].messages[key] != nil }

func (t *texts) phrase(lang, key string, args []any) textPhrase {
	c := t.catalogues[lang]
	if c == nil {
		c = t.catalogues[fallbackLang]
	}
	m := c.messages[key]
	if len(m) < 2 {
		return m[plural.Other]
	}
	n, _ := textValue(args, "n").(int)
	if p, ok := m[plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0)]; ok {
		return p
	}
	return m[plural.Other]
}

// shown is a value as it stands in a text.
func shown(value any) string {
	if own, ok := value.(ownText); ok {
		return string(own)
	}
	return visible(fmt.Sprint(value))
}

// textValue finds a placeholder's value among the pairs; a forgotten one shows its name.
func textValue(args []any, name string) any {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1]
		}
	}
	return "{" + name + "}"
}

// agree fails unless c and the model have the same keys with the same placeholders, and c words every plural category that
// its language uses for the counts 0 to 200.
func (c *textCatalogue) agree(model *textCatalogue) error {
	for key, m := range model.messages {
		if err := c.agreeOn(key, m); err != nil {
			return err
		}
	}
	for key := range c.messages {
		if model.messages[key] == nil {
			return fmt.Errorf("key %q is in no other catalogue", key)
		}
	}
	return nil
}

func (c *textCatalogue) agreeOn(key string, model textMessage) error {
	own := c.messages[key]
	if own == nil {
		return fmt.Errorf("key %q is missing", key)
	}
	want := model[plural.Other].args()
	for _, p := range own {
		if got := p.args(); !slices.Equal(got, want) {
			return fmt.Errorf("key %q has placeholders %v, want %v", key, got, want)
		}
	}
	if len(model) < 2 {
		return nil
	}
	for n := range 201 {
		if form := plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0); own[form] == nil {
			return fmt.Errorf("key %q has no form for %d", key, n)
		}
	}
	return nil
}

// textEntry is a message as a catalogue writes it: one string, or strings by plural category.
type textEntry map[string]string

func (e *textEntry) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("{")) {
		return json.Unmarshal(data, (*map[string]string)(e))
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*e = textEntry{"other": s}
	return nil
}

func newTextMessage(forms textEntry) (textMessage, error) {
	m := make(textMessage, len(forms))
	for name, text := range forms {
		form, ok := pluralForms[name]
		if !ok {
			return nil, fmt.Errorf("%q is no plural category", name)
		}
		if text == "" {
			return nil, fmt.Errorf("empty text")
		}
		m[form] = newTextPhrase(text)
	}
	if m[plural.Other] == nil {
		return nil, fmt.Errorf("the plural category \"other\" is missing")
	}
	return m, nil
}

func newTextPhrase(text string) textPhrase {
	var p textPhrase
	for text != "" {
		literal, rest, _ := strings.Cut(text, "{")
		arg, after, _ := strings.Cut(rest, "}")
		p = append(p, textPiece{text: literal, html: template.HTMLEscapeString(literal), arg: arg})
		text = after
	}
	return p
}

// args returns the placeholders, sorted and each once.
func (p textPhrase) args() []string {
	var names []string
	for _, piece := range p {
		if piece.arg != "" {
			names = append(names, piece.arg)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// visible drops what a name has no business to contain: control characters, and the marks that override or embed the
// direction of text and can make a page say what it does not mean (U+202A–202E, U+2066–2069, Unicode UAX #9). Line breaks
// become spaces. Joiners stay: emoji and several scripts need them.
func visible(s string) string {
	if !strings.ContainsFunc(s, hiddenRune) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case hiddenRune(r):
			return -1
		}
		return r
	}, s)
}

func hiddenRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == '\u00ad', r == '\ufeff', r == '\ufffd':
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', r == '\u2028', r == '\u2029':
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
