package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutmanual"
)

//go:embed testdata/xss.json
var xssFile []byte

// attacks are 200 texts that become a script, a style or a form on a page that does not escape what it shows.
func attacks(t testing.TB) []string {
	t.Helper()
	var list []string
	if err := json.Unmarshal(xssFile, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 200 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != 200 {
		t.Fatalf("%d attacks, want 200 different ones", len(list))
	}
	return list
}

// unseen are the runes that the page leaves out: controls and marks of direction. White space counts as one blank.
var (
	unseen = regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\x{ad}\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}\x{fffd}]`)
	blanks = regexp.MustCompile(`[\s\x{85}\x{a0}\x{2028}\x{2029}]+`)
)

func literally(text string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(unseen.ReplaceAllString(text, ""), " "))
}

// shownIn are the texts of all elements a selector finds, shown or not.
func (b *tab) shownIn(selector string) []string {
	b.t.Helper()
	list := evaluate[[]string](b, `[...document.querySelectorAll(`+quote(selector)+`)].map(e => e.textContent)`)
	for i := range list {
		list[i] = literally(list[i])
	}
	return list
}

// showsLiterally holds a page to showing every text, letter by letter, somewhere in the elements of a selector.
func (b *tab) showsLiterally(where, selector string, texts []string) {
	b.t.Helper()
	shown := strings.Join(b.shownIn(selector), "\n")
	for _, text := range texts {
		if !strings.Contains(shown, literally(text)) {
			b.t.Errorf("%s: %s does not show %q", where, selector, text)
		}
	}
}

// foreign names everything on a page that none of our templates has. Whatever ran would have left a mark or a complaint.
const foreign = `(() => {
	const found = [];
	if (window.taken) found.push("a script has run");
	for (const e of document.querySelectorAll("*")) {
		const name = e.localName;
		if (/^(iframe|frame|frameset|object|embed|applet|base|math|video|audio|marquee|style|template|portal|xss|keygen|x|bgsound|animate|set|foreignobject|use|meta)$/i.test(name) &&
			!(name === "meta" && !e.httpEquiv) && !(name === "use")) found.push(name);
		for (const { name: a, value } of e.attributes) {
			if (/^on/i.test(a) || a === "style" || a === "srcdoc" || a === "formaction" || a === "nonce") found.push(name + "[" + a + "]");
			if (/^(href|src|action|data|poster)$/.test(a) && /^\s*(javascript|data|vbscript):/i.test(value)) found.push(name + "[" + a + "=" + value + "]");
		}
		if (name === "script" && (e.textContent || !e.src.startsWith(location.origin + "/"))) found.push("script " + e.src);
		if (name === "link" && e.href && !e.href.startsWith(location.origin + "/")) found.push("link " + e.href);
	}
	return found.join(", ");
})()`

func (b *tab) isOurs(where string) {
	b.t.Helper()
	if found := evaluate[string](b, foreign); found != "" {
		b.t.Errorf("%s has %s", where, found)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		b.t.Errorf("%s: %q", where, b.complaints)
	}
	b.complaints = nil
}

// calm opens a page whatever its status, and forgets that browsers report every answer of 400 or more.
func (b *tab) calm(address string) {
	b.t.Helper()
	b.open(address)
	b.until("load the page", `document.readyState === "complete"`)
	b.calmDown()
}

func (b *tab) calmDown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = slices.DeleteFunc(b.complaints, func(c string) bool { return statusLine.MatchString(c) })
}

var statusLine = regexp.MustCompile(`^log: Failed to load resource: the server responded with a status of (4\d\d) `)

// attack puts attacks into every text of an order. Half of the items have an attack for a name and the next one for a
// description, so that with two orders each text stands in both places.
func attack(list []string) func(*checkout.SessionParams) {
	pick := func(i, limit int) *string {
		runes := []rune(list[i%len(list)])
		text := string(runes[:min(limit, len(runes))])
		return &text
	}
	return func(p *checkout.SessionParams) {
		p.LineItems = nil
		for i, text := range list {
			rate := int64(700)
			p.LineItems = append(p.LineItems, checkout.LineItem{
				Name: text, Description: pick(i+1, 250), SKU: pick(i+2, 60), TaxName: pick(i+3, 20), TaxRateBP: &rate, Amount: 100, Currency: "eur", Quantity: 1,
			})
		}
		p.ClientReferenceID = *pick(4, 100)
		p.BillingDetails = &checkout.BillingDetails{
			Name: pick(5, 100), Company: pick(6, 100), TaxID: pick(7, 20),
			Address: &checkout.Address{Line1: pick(8, 100), Line2: pick(9, 100), City: pick(10, 50), State: pick(11, 50), PostalCode: pick(12, 20)},
		}
		p.Metadata = map[string]any{}
		for i := range 20 {
			p.Metadata[fmt.Sprint("m", i)] = list[(i*5)%len(list)]
		}
		query := url.Values{"x": {list[0]}, `"><script>alert(1)</script>`: {list[1]}}.Encode()
		p.SuccessURL += "?" + query
		p.CancelURL += `?x='"` + "&" + query
	}
}

// Every text of an order, in every state, on the page and in the admin.
func TestBrowserShowsAttacksOfOrdersLiterally(t *testing.T) {
	t.Parallel()
	all := attacks(t)
	for part, list := range [][]string{all[:100], all[100:]} {
		t.Run(fmt.Sprint("part ", part+1), func(t *testing.T) {
			t.Parallel()
			g := openPageGallery(t, attack(list))
			g.mux.Handle(g.co.AdminPath()+"/", g.co.Admin(func(*http.Request) (checkout.Actor, checkout.Access, error) {
				return checkout.Actor{ID: list[0], Name: list[1]}, checkout.AccessManage, nil
			}))
			b := openTab(t)
			for state, address := range g.addresses {
				b.calm(address)
				b.isOurs(state)
				if state == "not_found" || state == "test_bank" {
					continue
				}
				b.showsLiterally(state, "table bdi", list)
				b.showsLiterally(state, ".totals th", taxNames(list))
			}
			g.attackAdmin(b, list)
		})
	}
}

func taxNames(list []string) []string {
	names := make([]string, len(list))
	for i, text := range list {
		runes := []rune(text)
		names[i] = string(runes[:min(20, len(runes))])
	}
	return names
}

// attackAdmin looks at the screens that show what buyers and merchants write.
func (g *pageGallery) attackAdmin(b *tab, list []string) {
	g.t.Helper()
	for i, text := range list[:30] {
		_, err := g.co.RecordTransfer(g.t.Context(), fmt.Sprint("unknown ", i, text), 100, checkout.Transfer{Payer: list[i+1], Text: text, Actor: list[i+2]})
		if err != nil {
			g.t.Logf("no transfer with %q: %v", text, err)
		}
	}
	at := g.base + g.co.AdminPath() + "/test"
	for _, path := range []string{
		"", "/payments", "/payments?q=" + url.QueryEscape(list[0]), "/transfers", "/audit", "/deliveries",
		"/payments/" + idOf(g.addresses["completed"]), "/payments/" + idOf(g.addresses["instructions"]), "/payments/" + idOf(g.addresses["completed"]) + "/refund",
		"/payments/" + url.PathEscape(list[0]), "/" + url.PathEscape(list[1]), "?done=" + url.QueryEscape(list[2]) + "&lang=" + url.QueryEscape(list[3]),
	} {
		b.calm(at + path)
		b.isOurs("admin " + path)
	}
	b.calm(at + "/payments/" + idOf(g.addresses["completed"]))
	b.showsLiterally("the admin's payment", "main", []string{list[0], list[4], list[95]})
}

func idOf(address string) string { return address[strings.LastIndex(address, "/")+1:] }

// named offers methods with the labels it is given.
type named struct {
	checkout.Provider
	label string
}

func (n *named) Name() string { return "named" }

func (n *named) Title() string { return n.label }

func (n *named) Methods(context.Context, checkout.MethodQuery) ([]checkout.Method, error) {
	return []checkout.Method{{ID: "own", Label: n.label}, {ID: "other", Label: n.label, Mark: n.label}}, nil
}

// Every text of the host: the brand's name and words, the seller, the methods. Ten attacks share a checkout.
func TestBrowserShowsAttacksOfHostsLiterally(t *testing.T) {
	t.Parallel()
	all := attacks(t)
	s := openStore(t)
	b := openTab(t)
	chunk := 0
	for list := range slices.Chunk(all, 10) {
		list = slices.Clone(list)
		for i := range list {
			list[i] = oneLine(list[i])
		}
		list[9] = placeless(list[9])
		host := s.hostileHost(t, fmt.Sprint("/host", chunk), list)
		chunk++
		order, err := host.CreateSession(t.Context(), checkout.SessionParams{
			Mode: checkout.Test, LineItems: []checkout.LineItem{{Name: "Coffee", Amount: 100, Currency: "eur", Quantity: 1}},
			SuccessURL: s.base + "/thanks", CancelURL: s.base + "/basket",
		})
		if err != nil {
			t.Fatal(err)
		}
		b.calm(order.CheckoutURL + "?lang=en")
		b.isOurs(order.CheckoutURL)
		b.showsLiterally("the page", "body", list)
		b.calm(strings.TrimSuffix(order.CheckoutURL, order.ID) + "nobody")
		b.isOurs("the page of nobody")
		b.showsLiterally("the page of nobody", "body", list[:3])
	}
}

// hostileHost is a checkout on the store's database whose own texts are attacks.
func (s *store) hostileHost(t *testing.T, path string, list []string) *checkout.Checkout {
	t.Helper()
	byHand, err := checkoutmanual.New(checkoutmanual.Config{Test: true, Methods: []checkoutmanual.Method{{ID: checkoutmanual.CashOnDelivery}}})
	if err != nil {
		t.Fatal(err)
	}
	texts, err := json.Marshal(map[string]string{"privacy": list[9]})
	if err != nil {
		t.Fatal(err)
	}
	co, err := checkout.New(checkout.Config{
		DB: s.db, BaseURL: s.base, PagePath: path, APIPath: path + "-api", AdminPath: path + "-admin", SecretKey: make([]byte, 32),
		Brand: checkout.Brand{Name: strings.Join(list[:2], " ")}, Templates: fstest.MapFS{"locales/en.json": {Data: texts}},
		Seller: checkout.Seller{
			LegalName: list[2], LegalNoticeURL: "https://acme.example/?x=" + url.QueryEscape(list[0]) + `&y="><script>`, PrivacyURL: "https://acme.example/",
			Address: checkout.PostalAddress{Line1: list[3], Line2: list[4], City: list[5], PostalCode: list[6], State: list[7]},
		},
		Providers: []checkout.Provider{&named{byHand, list[8]}},
	})
	if err != nil {
		t.Fatal(err)
	}
	co.Mount(s.mux)
	return co
}

// oneLine is a text without the breaks that New refuses in an address.
func oneLine(text string) string { return blanks.ReplaceAllString(text, " ") }

// placeless is a text without the braces that stand for places in a catalogue.
func placeless(text string) string { return strings.NewReplacer("{", "(", "}", ")").Replace(text) }

// Everything a request can carry: the query, the path, the fields of the form.
func TestBrowserShowsAttacksOfRequestsLiterally(t *testing.T) {
	t.Parallel()
	all := attacks(t)
	s := openStore(t)
	order := s.order(func(p *checkout.SessionParams) { p.CustomerEmail = "" })
	b := openTab(t)
	for list := range slices.Chunk(all, 20) {
		query := url.Values{}
		for i, name := range []string{"lang", "embed", "state", "session_id", "locale", "payment", list[8], "done", "key", "q"} {
			query.Set(name, list[i]+list[i+10])
		}
		for _, address := range []string{
			order.CheckoutURL + "?" + query.Encode(),
			s.base + s.co.PagePath() + "/" + url.PathEscape(strings.Join(list, "")) + "?" + query.Encode(),
			s.base + s.co.PagePath() + "/test-bank?" + query.Encode(),
			s.base + s.co.PagePath() + "/assets/" + url.PathEscape(list[0]) + "?" + query.Encode(),
			order.CheckoutURL + "/return?" + query.Encode(),
		} {
			b.calm(address)
			b.isOurs(address)
			if raw := evaluate[string](b, `document.documentElement.textContent`); strings.Contains(raw, "alert(1)") {
				t.Errorf("%s repeats what was asked for", address)
			}
		}
	}
	s.sendAttacks(t, b, order, all)
}

// sendAttacks types attacks into the form. The address that was refused stands in it again, and nothing else that was sent.
func (s *store) sendAttacks(t *testing.T, b *tab, order *checkout.Session, all []string) {
	t.Helper()
	b.withoutScripts() // which would not let such an address through
	b.calm(order.CheckoutURL)
	for list := range slices.Chunk(all, 5) {
		b.see(payButton)
		evaluate[any](b, `(texts => {
			const form = document.querySelector("form");
			form.noValidate = true;
			form.elements.email.type = "text";
			["email", "card_number", "card_exp", "card_cvc"].forEach((name, i) => { form.elements[name].maxLength = 1000; form.elements[name].value = texts[i]; });
			form.elements.method.value = texts[4];
			window.left = true;
			form.querySelector("[value=pay]").click();
		})(`+texts(list)+`)`)
		b.until("leave", `!window.left && document.readyState === "complete"`)
		b.calmDown()
		b.isOurs("the refused form")
		want := list[0]
		if got := evaluate[string](b, `document.querySelector("#email").getAttribute("value")`); literally(got) != literally(want) {
			t.Errorf("the form keeps %q of %q", got, want)
		}
		for _, text := range list[1:] {
			if body := evaluate[string](b, `document.documentElement.outerHTML`); strings.Contains(html.UnescapeString(body), text) && len(text) > 12 {
				t.Errorf("the form repeats %q", text)
			}
		}
	}
	if n := s.rowsOf("checkout_payments", order); n != 0 {
		t.Errorf("%d payments were started", n)
	}
}

func texts(list []string) string {
	written, _ := json.Marshal(list) // texts always can
	return string(written)
}

func (s *store) rowsOf(table string, order *checkout.Session) (n int64) {
	s.t.Helper()
	if err := s.db.Table(table).Where("session_id = ?", order.ID).Count(&n).Error; err != nil {
		s.t.Fatal(err)
	}
	return n
}

// The list is worth something: on a page that shows it as it is, the browser hears most of it.
func TestBrowserHearsTheAttacksOfAnOpenPage(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'")
		fmt.Fprint(w, `<!doctype html><title>x</title><link rel="icon" href="data:,"><p>`+r.URL.Query().Get("x"))
	}))
	t.Cleanup(page.Close)
	heard := 0
	for _, text := range attacks(t)[:40] {
		b.calm(page.URL + "/?x=" + url.QueryEscape(text))
		b.calmDown()
		b.mu.Lock()
		found := len(b.complaints) > 0
		b.complaints = nil
		b.mu.Unlock()
		if found || evaluate[string](b, foreign) != "" {
			heard++
		}
	}
	t.Logf("%d of 40 are heard", heard)
	if heard < 35 {
		t.Errorf("%d of 40 attacks are heard on a page that does not escape them", heard)
	}
}
