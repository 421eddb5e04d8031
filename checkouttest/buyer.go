package checkouttest

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/jopay/checkout"
)

// Open gives the HTML of a session's page.
func (s *Shop) Open(id string) string {
	s.t.Helper()
	b := s.newBuyer()
	b.get(s.pages + id)
	return b.body
}

// Pay is a buyer on the page: the form is read, filled in and sent, an e-mail address is given where the page asks for
// one, and the question of a bank is approved. The first method is taken. A live session asks for no card: its provider
// decides. The session is given as it is afterwards; a decline is no failure of the test, a page without a form is one.
func (s *Shop) Pay(id string, card Card) *checkout.Session {
	s.t.Helper()
	b := s.newBuyer()
	b.get(s.pages + id)
	form := b.form()
	if !form.Has("token") || !strings.Contains(b.body, `value="pay"`) {
		s.t.Fatalf("checkouttest: session %s cannot be paid: %s", id, b.seen())
	}
	for field, value := range map[string]string{"email": "buyer@shop.example", "card_number": string(card), "card_exp": "12/34", "card_cvc": "123"} {
		if form.Has(field) {
			form.Set(field, value)
		}
	}
	form.Set("action", "pay")
	b.post(s.pages+id, form)
	if b.status >= http.StatusBadRequest {
		s.t.Fatalf("checkouttest: the form of session %s was refused: %s", id, b.seen())
	}
	b.approve()
	return s.Session(id)
}

// buyer is a browser that knows the shop and its companies, and stops where a redirect leads elsewhere.
type buyer struct {
	shop    *Shop
	address string
	at      string // the address of the page that is shown
	status  int
	body    string
}

// newBuyer comes from an address of its own, so that the limits of one do not stop a test.
func (s *Shop) newBuyer() *buyer {
	s.buyers++
	return &buyer{shop: s, address: fmt.Sprintf("198.18.%d.%d:4242", s.buyers/250%250, s.buyers%250+1)}
}

// approve answers a bank's question with yes, on the sandbox's page or behind the link to a company's.
func (b *buyer) approve() {
	if form := b.form(); strings.Contains(b.body, `name="answer"`) {
		form.Set("answer", "approve")
		b.post(b.at, form)
		return
	}
	for _, m := range linkRule.FindAllStringSubmatch(b.body, -1) {
		link := html.UnescapeString(m[1])
		if u, err := url.Parse(link); err == nil && b.shop.companies[u.Host] != nil {
			b.get(link)
			return
		}
	}
}

func (b *buyer) get(address string) {
	b.follow(httptest.NewRequestWithContext(b.shop.t.Context(), http.MethodGet, address, nil))
}

func (b *buyer) post(address string, form url.Values) {
	r := httptest.NewRequestWithContext(b.shop.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	b.follow(r)
}

const maxRedirects = 10

func (b *buyer) follow(r *http.Request) {
	for range maxRedirects {
		r.RemoteAddr = b.address
		w := httptest.NewRecorder()
		b.shop.serverOf(r.URL).ServeHTTP(w, r)
		b.at, b.status, b.body = r.URL.String(), w.Code, w.Body.String()
		location, err := r.URL.Parse(w.Header().Get("Location"))
		if w.Code != http.StatusSeeOther || err != nil || b.shop.serverOf(location) == nil {
			return
		}
		r = httptest.NewRequestWithContext(r.Context(), http.MethodGet, location.String(), nil)
	}
}

// serverOf finds who answers at an address: a company, or the shop as far as its pages go.
func (s *Shop) serverOf(u *url.URL) http.Handler {
	if p, ok := s.companies[u.Host]; ok {
		return p
	}
	if strings.HasPrefix(u.String(), s.pages) {
		return s.mux
	}
	return nil
}

var (
	inputRule = regexp.MustCompile(`<input\b[^>]*>`)
	attrRule  = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	linkRule  = regexp.MustCompile(`<a\b[^>]*\bhref="([^"]+)"`)
	stateRule = regexp.MustCompile(`data-state="([a-z_]+)"`)
	alertRule = regexp.MustCompile(`(?s)role="alert".*?</div>`)
	tagRule   = regexp.MustCompile(`<[^>]*>|role="[^>]*>|\s+`)
)

// form reads the fields of the page with what stands in them. Of radio buttons the chosen one counts.
func (b *buyer) form() url.Values {
	form := url.Values{}
	for _, input := range inputRule.FindAllString(b.body, -1) {
		attributes := map[string]string{}
		for _, m := range attrRule.FindAllStringSubmatch(input, -1) {
			attributes[m[1]] = html.UnescapeString(m[2])
		}
		if attributes["type"] == "radio" && !strings.Contains(input, " checked") {
			continue
		}
		if name := attributes["name"]; name != "" {
			form.Set(name, attributes["value"])
		}
	}
	return form
}

// seen says in a line what the page shows.
func (b *buyer) seen() string {
	state := "no page of the checkout"
	if m := stateRule.FindStringSubmatch(b.body); m != nil {
		state = "the page shows " + m[1]
	}
	alert := strings.TrimSpace(tagRule.ReplaceAllString(alertRule.FindString(b.body), " "))
	return strings.TrimSpace(fmt.Sprintf("status %d, %s %s", b.status, state, alert))
}
