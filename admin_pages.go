package checkout

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates/admin
var adminFiles embed.FS

// adminPages renders the admin. It never changes after newAdminPages and may be used by many goroutines.
type adminPages struct {
	texts         *texts
	screens       map[string]map[string]*template.Template // by language and name
	style, script string                                   // names that change with the content
	assets        map[string]pageAsset
}

// adminShared are the files that every screen is made with.
var adminShared = []string{"layout.html", "parts.html", "parts_webhook.html"}

// adminView is what every screen knows. Data is the screen's own.
type adminView struct {
	Screen    string // the file's name without .html, which the navigation marks
	Lang      string
	Mode      Mode // empty on pages without one
	Base      string
	Title     string // a key of the catalogue
	Actor     string
	Operate   bool // the person may do what AccessOperate allows
	Manage    bool // the person may do what AccessManage allows
	Done      string
	Problems  []FieldError // of a form that was refused
	Form      url.Values   // what was typed into it
	RequestID string
	Langs     []string
	Self      string // the page's own address behind the mode, for the switches of mode and language
	Shop      string
	Sections  []adminSection
	Data      any

	pages *adminPages
}

// builtInDesk is parsed once a process, like builtInPages.
var builtInDesk = sync.OnceValues(newAdminPages)

func newAdminPages() (*adminPages, error) {
	t, err := newTexts(adminFiles, "templates/admin/locales")
	if err != nil {
		return nil, err
	}
	p := &adminPages{texts: t, screens: map[string]map[string]*template.Template{}, assets: map[string]pageAsset{}}
	if p.style, err = p.addAsset("admin.css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	if p.script, err = p.addAsset("admin.js", "text/javascript; charset=utf-8"); err != nil {
		return nil, err
	}
	return p, p.parse()
}

func (p *adminPages) addAsset(name, contentType string) (string, error) {
	content, err := adminFiles.ReadFile("templates/admin/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	base, ext, _ := strings.Cut(name, ".")
	hashed := base + "." + hex.EncodeToString(sum[:6]) + "." + ext
	p.assets[hashed] = pageAsset{content: content, contentType: contentType}
	return hashed, nil
}

// parse makes one set of templates for each language and screen: every screen defines "content".
func (p *adminPages) parse() error {
	names, err := fs.Glob(adminFiles, "templates/admin/*.html")
	if err != nil {
		return err
	}
	for _, lang := range p.texts.tags {
		p.screens[lang] = map[string]*template.Template{}
		for _, name := range names {
			file := path.Base(name)
			if slices.Contains(adminShared, file) {
				continue
			}
			set := template.New("").Funcs(p.funcs(lang))
			for _, f := range append(adminShared, file) {
				content, err := adminFiles.ReadFile("templates/admin/" + f)
				if err != nil {
					return err
				}
				if _, err := set.New(f).Parse(string(content)); err != nil {
					return fmt.Errorf("template admin/%s: %w", f, err)
				}
			}
			p.screens[lang][strings.TrimSuffix(file, ".html")] = set
		}
	}
	return nil
}

// funcs are what a template can call: t and say speak a catalogue key as markup and as plain text; word is the first of its
// keys that exists, else the last one as it is; money shows minor units; when shows a time; short cuts an id for people;
// name shows a text from outside; dict makes arguments for a part.
func (p *adminPages) funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, args ...any) template.HTML { return p.texts.sayHTML(lang, key, args...) },
		"say":    func(key string, args ...any) string { return p.texts.say(lang, key, args...) },
		"word":   func(prefix, value string) string { return p.word(lang, prefix, value) },
		"money":  func(minor int64, currency string) template.HTML { return moneyHTML(lang, minor, currency) },
		"rate":   func(basisPoints int64) string { return p.texts.rate(lang, int(basisPoints)) },
		"upper":  strings.ToUpper,
		"reason": func(stored string) string { return p.refundReason(lang, stored) },
		"day":    func(at time.Time) template.HTML { return p.day(lang, at) },
		"month":  func(text string) string { return p.month(lang, text) },
		"when":   func(v any) template.HTML { return p.when(lang, v) },
		"short":  shortID,
		"name":   visible,
		"own":    func(tag string) string { return p.texts.say(tag, "language") },
		"dict":   dict,
		"join":   strings.Join,
		"modes":  func() []string { return []string{string(Test), string(Live)} },
		"problem": func(code string) string {
			if p.texts.has("problem." + code) {
				return code
			}
			return "other"
		},
		"diff": adminDiff,

		"tabs":    adminTabs,
		"states":  func() []string { return deliveryStates },
		"tell":    func(key string, args []any) template.HTML { return p.texts.sayHTML(lang, key, args...) },
		"failure": func(text string) string { return p.failure(lang, text) },
	}
}

// adminSection is an entry of the navigation and the screens below it.
type adminSection struct {
	Name    string // a key under "nav."
	Path    string // below the mode
	screens []string
}

// Holds tells whether a screen belongs to the section.
func (s adminSection) Holds(screen string) bool { return slices.Contains(s.screens, screen) }

// adminSections is the navigation. A section without screens would be a dead end: what does not exist is not here.
var adminSections = []adminSection{
	{"overview", "", []string{"overview"}},
	{"payments", "/payments", []string{"payments", "payment", "refund", "ask"}},
	{"transfers", "/transfers", []string{"transfers"}},
	{"deliveries", "/deliveries", []string{"deliveries", "delivery"}},
	{"invoices", "/invoices", []string{"invoices", "invoice"}},
	{"mails", "/mails", []string{"mails", "mail"}},
	{"settings", "/settings/keys", []string{"keys", "key", "secret", "webhook", "webhook_new", "endpoint", "verify", "business", "preview"}},
	{"audit", "/audit", []string{"audit"}},
}

// adminTab is a page of the settings; Name is the key of its title.
type adminTab struct{ Name, Path string }

// adminTabs are the pages of a mode's settings.
func adminTabs(m Mode) []adminTab {
	tabs := []adminTab{{"keys", "/settings/keys"}, {"webhook", "/settings/webhook"}, {"business", "/settings/business"}}
	if m == Test {
		tabs = append(tabs, adminTab{"preview", "/settings/preview"})
	}
	return tabs
}

// adminDiff shows what a change was, one line for each side.
func adminDiff(before, after json.RawMessage) string {
	var b strings.Builder
	for _, side := range []struct {
		sign string
		text json.RawMessage
	}{{"− ", before}, {"+ ", after}} {
		if len(side.text) > 0 && string(side.text) != "null" {
			b.WriteString(side.sign + visibleJSON(string(side.text)) + "\n")
		}
	}
	return b.String()
}

// toldBefore begins the only failure of a refund that names another one.
const toldBefore = "The provider has told of this money before: it is booked as "

// word translates a value of ours, like a status, and shows one that has no words as it is.
func (p *adminPages) word(lang, prefix, value string) string {
	if id, ok := strings.CutPrefix(value, toldBefore); ok && prefix == "failure" {
		return p.texts.say(lang, "failure.told_before", "id", strings.TrimSuffix(id, "."))
	}
	if key := prefix + "." + value; p.texts.has(key) {
		return p.texts.say(lang, key)
	}
	return value
}

// when shows a time in UTC to the second, in a form that scripts turn into the reader's own zone.
func (p *adminPages) when(lang string, v any) template.HTML {
	var at time.Time
	switch v := v.(type) {
	case time.Time:
		at = v
	case *time.Time:
		if v != nil {
			at = *v
		}
	}
	if at.IsZero() {
		return "–"
	}
	at = at.UTC()
	day := template.HTMLEscapeString(p.date(lang, at))
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `">` + day + `, ` + at.Format("15:04:05") + ` UTC</time>`) //nolint:gosec // escaped
}

func (p *adminPages) date(lang string, at time.Time) string {
	months := strings.Fields(p.texts.say(lang, "months"))
	return p.texts.say(lang, "date", "day", strconv.Itoa(at.Day()), "month", months[at.Month()-1], "year", strconv.Itoa(at.Year()))
}

// month words YYYY-MM.
func (p *adminPages) month(lang, text string) string {
	at, err := time.Parse("2006-01", text)
	if err != nil {
		return text
	}
	return strings.Fields(p.texts.say(lang, "months"))[at.Month()-1] + " " + strconv.Itoa(at.Year())
}

// day shows a date that has no time, such as a bank's; it is the same in every zone.
func (p *adminPages) day(lang string, at time.Time) template.HTML {
	return template.HTML(`<span class="n">` + template.HTMLEscapeString(p.date(lang, at.UTC())) + `</span>`) //nolint:gosec // escaped
}

var errDict = errors.New("dict needs pairs of a name and a value")

func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok || i+1 == len(pairs) {
			return nil, errDict
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

func (p *adminPages) render(w io.Writer, v adminView) error {
	set := p.screens[v.Lang][v.Screen]
	if set == nil {
		return fmt.Errorf("no screen %q in %q", v.Screen, v.Lang)
	}
	v.pages, v.Langs = p, p.texts.tags
	return set.ExecuteTemplate(w, "layout.html", &v)
}

// Style and Script are the hashed asset names.
func (v *adminView) Style() string  { return v.pages.style }
func (v *adminView) Script() string { return v.pages.script }

// At is the address of a screen of the page's mode, relative to the page itself.
func (v *adminView) At(path string) string { return v.In(string(v.Mode), path) }

// In is the address of a screen of a mode.
func (v *adminView) In(mode, path string) string {
	target := v.Base + mode + path
	if v.Lang != fallbackLang {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		target += mark + "lang=" + v.Lang
	}
	return target
}

// InLang is the page itself in another language.
func (v *adminView) InLang(lang string) string {
	u, err := url.Parse(v.Self)
	if err != nil || v.Mode == "" {
		return "?lang=" + lang
	}
	q := u.Query()
	q.Set("lang", lang)
	return v.Base + string(v.Mode) + u.Path + "?" + q.Encode()
}

// Place is the screen that the navigation marks: a question stands where it leads back to.
func (v *adminView) Place() string {
	c, ok := v.Data.(confirmScreen)
	switch {
	case ok && strings.HasPrefix(c.Back, "/settings/"):
		return "webhook"
	case ok:
		return "deliveries"
	}
	return v.Screen
}

// Problem is what was wrong with a field.
func (v *adminView) Problem(param string) string {
	for _, p := range v.Problems {
		if p.Param == param {
			return p.Message
		}
	}
	return ""
}

// DoneText is the message after a change; unknown ones, which anybody could put into an address, say nothing.
func (v *adminView) DoneText() string {
	if key := "done." + v.Done; v.Done != "" && v.pages.texts.has(key) {
		return v.pages.texts.say(v.Lang, key)
	}
	return ""
}

// show renders a screen for the person who asked.
func (a *adminCall) show(status int, screen, title string, data any) error {
	return a.showForm(status, screen, title, data, nil)
}

// showForm renders a screen with what was wrong in its form.
func (a *adminCall) showForm(status int, screen, title string, data any, problems []FieldError) error {
	self := strings.TrimPrefix(restBehind(a.r, a.basePath, a.cfg.AdminPath), "/"+string(a.mode))
	if q := a.r.URL.Query(); a.r.Method == http.MethodGet {
		q.Del("lang")
		q.Del("done")
		if len(q) > 0 {
			self += "?" + q.Encode()
		}
	}
	return a.renderAdmin(a.w, status, adminView{
		Screen: screen, Lang: a.lang, Mode: a.mode, Base: a.backTo(a.cfg.AdminPath, a.r), Title: title, Actor: a.actor.Name, Shop: a.cfg.Brand.Name,
		Operate: a.may(AccessOperate), Manage: a.may(AccessManage), Done: a.r.URL.Query().Get("done"), Problems: problems, Form: a.form, Self: self, Data: data,
		Sections: a.sections(),
	})
}

func (c *Checkout) renderAdmin(w http.ResponseWriter, status int, v adminView) error {
	buf := pageBuffers.Get().(*bytes.Buffer)
	defer pageBuffers.Put(buf)
	buf.Reset()
	if err := c.desk.render(buf, v); err != nil {
		return fmt.Errorf("render %s: %w", v.Screen, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w)
	return nil
}

// answerAdmin turns an error into a page, or into the way to the host's login.
func (c *Checkout) answerAdmin(w http.ResponseWriter, r *http.Request, e *Error) {
	var login LoginAt
	if errors.As(e, &login) && r.Method == http.MethodGet {
		_ = seeOther(w, string(login))
		return
	}
	errorHeaders(w.Header(), e)
	v := adminView{Screen: "problem", Lang: c.adminLang(r), Base: c.backTo(c.cfg.AdminPath, r), Title: "problem", Shop: c.cfg.Brand.Name, RequestID: requestID(r.Context()), Data: e}
	if err := c.renderAdmin(w, e.Status, v); err != nil {
		c.cfg.Logger.ErrorContext(r.Context(), "checkout: the admin's error page failed", "request", requestID(r.Context()), "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// getAdminAsset is GET /assets/{name}. It needs no login: the files are the same for everybody.
func (c *Checkout) getAdminAsset(w http.ResponseWriter, r *http.Request) error {
	a, ok := c.desk.assets[r.PathValue("name")]
	if !ok {
		return ErrRouteUnknown
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(a.content)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(a.content)
	return nil
}
