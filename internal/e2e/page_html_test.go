package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsepa"
)

// Every state of the page, in every language it offers, is HTML without a fault, as html-validate sees it.
func TestPagesAreValidHTML(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "jsqr")
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: pages are read by html-validate, and node is not installed")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "html-validate", "package.json")); err != nil {
		t.Skipf("SKIPPED-NEEDS-NODE: no module html-validate; run npm ci in internal/e2e/%s", filepath.ToSlash(dir))
	}
	pages := openPageGallery(t).pages()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	input, err := json.Marshal(pages)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, node, filepath.Join(dir, "validate.js"))
	cmd.Stdin = bytes.NewReader(input)
	var problems strings.Builder
	cmd.Stderr = &problems
	found, err := cmd.Output()
	if err != nil {
		t.Fatalf("the validator failed: %v\n%s", err, problems.String())
	}
	for line := range strings.Lines(string(found)) {
		t.Error(strings.TrimSpace(line))
	}
	t.Logf("%d pages", len(pages))
}

// pageGallery is a shop with an order in every state.
type pageGallery struct {
	*store
	addresses map[string]string // by state
	mistake   *checkout.Session
}

func openPageGallery(t testing.TB, change ...func(*checkout.SessionParams)) *pageGallery {
	t.Helper()
	account, err := checkoutsepa.New(checkoutsepa.Config{Name: payee, IBAN: payeeIBAN, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	g := &pageGallery{addresses: map[string]string{}}
	g.store = openStore(t, func(cfg *checkout.Config) {
		cfg.Providers = []checkout.Provider{account}
		cfg.Seller = checkout.Seller{LegalName: "Acme Coffee GmbH", Address: checkout.PostalAddress{Line1: "Ringstraße 1", PostalCode: "8010", City: "Graz", Country: "AT"}, LegalNoticeURL: "https://acme.example/legal"}
	})
	for state, card := range map[string]string{
		"open": "", "declined": badCard, "requires_action": bankCard, "processing": laterCard, "completed": goodCard,
	} {
		session := g.order(change...)
		g.addresses[state] = session.CheckoutURL
		if card != "" {
			location := g.send(session.CheckoutURL, url.Values{"method": {"test_card"}, "card_number": {card}, "card_exp": {"12/34"}, "card_cvc": {"123"}})
			if state == "requires_action" {
				g.addresses["test_bank"] = location
			}
		}
	}
	transfer := g.order(change...)
	g.send(transfer.CheckoutURL, url.Values{"method": {"bank_transfer"}})
	ended := g.order(change...)
	if _, err := g.co.ExpireSession(t.Context(), ended.ID); err != nil {
		t.Fatal(err)
	}
	g.addresses["instructions"], g.addresses["expired"] = transfer.CheckoutURL, ended.CheckoutURL
	g.addresses["not_found"] = g.base + g.co.PagePath() + "/cs_nobody"
	g.mistake = g.order(append(change, func(p *checkout.SessionParams) { p.CustomerEmail = "" })...)
	return g
}

// send fills and sends the form of a page over HTTP, and gives where it leads.
func (g *pageGallery) send(page string, form url.Values) string {
	g.t.Helper()
	m := formToken.FindStringSubmatch(g.get(page))
	if m == nil {
		g.t.Fatalf("%s has no form", page)
	}
	form.Set("token", m[1])
	form.Set("action", "pay")
	resp, err := client.PostForm(page, form)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		g.t.Fatalf("a form is answered %d", resp.StatusCode)
	}
	return resp.Header.Get("Location")
}

func (g *pageGallery) get(page string) string {
	g.t.Helper()
	resp, err := client.Get(page)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.read(resp)
}

func (g *pageGallery) read(resp *http.Response) string {
	g.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

// pages are all states in all languages, by name.
func (g *pageGallery) pages() map[string]string {
	g.t.Helper()
	list := map[string]string{}
	for _, lang := range g.languages() {
		for state, address := range g.addresses {
			list[state+" "+lang] = g.get(inLanguage(address, lang))
		}
		list["mistake "+lang] = g.refused(inLanguage(g.mistake.CheckoutURL, lang))
		list["problem "+lang] = g.fromElsewhere(inLanguage(g.mistake.CheckoutURL, lang))
	}
	return list
}

// languages are those that the page offers.
func (g *pageGallery) languages() []string {
	g.t.Helper()
	langs := []string{"en"}
	for _, m := range hreflang.FindAllStringSubmatch(g.get(g.addresses["open"]+"?lang=en"), -1) {
		langs = append(langs, m[1])
	}
	if len(langs) < 2 {
		g.t.Fatal("the page offers one language")
	}
	return langs
}

// refused is the answer to a form with mistakes.
func (g *pageGallery) refused(page string) string {
	g.t.Helper()
	token := formToken.FindStringSubmatch(g.get(page))[1]
	resp, err := client.PostForm(page, url.Values{"token": {token}, "action": {"pay"}, "email": {"x"}, "method": {"test_card"}})
	if err != nil {
		g.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusUnprocessableEntity {
		g.t.Errorf("a form with mistakes is answered %d", resp.StatusCode)
	}
	return g.read(resp)
}

// fromElsewhere is the answer to a form of another site.
func (g *pageGallery) fromElsewhere(page string) string {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, page, strings.NewReader("action=pay"))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	resp, err := client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusForbidden {
		g.t.Errorf("a form of another site is answered %d", resp.StatusCode)
	}
	return g.read(resp)
}

var hreflang = regexp.MustCompile(`hreflang="([^"]+)"`)
