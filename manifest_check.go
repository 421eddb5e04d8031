package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	checkTimeout  = 20 * time.Second // of one request
	maxPage       = 1 << 20          // bytes; no page of ours comes near it
	uncheckedPage = "page-check"     // an id that no session has
)

// CheckPages fetches the hosted page and its files at Config.BaseURL, as buyers do, and holds them to the [PageManifest] of
// this process: the bytes of every file, the scripts and styles that stand on the page, its headers. Run it once a week at
// least, from outside of your network if you can, so that it sees what a proxy or a CDN in front of the shop makes of the
// page (PCI DSS 4.0.1, 11.6.1). The page that belongs to no session is always looked at; name sessions to look at theirs
// too, in whatever state they are. A nil client is one with a limit of 20 seconds.
//
// Nil says that nothing differs. Otherwise the error has one line for each difference, and none is a secret; an answer that
// could not be had is a difference as well.
func (c *Checkout) CheckPages(ctx context.Context, client *http.Client, sessions ...string) error {
	check := &pageCheck{c: c, client: checkClient(client)}
	for _, f := range c.manifestFiles() {
		check.file(ctx, f)
	}
	check.page(ctx, uncheckedPage, http.StatusNotFound, situation{})
	for _, id := range sessions {
		s, err := c.situation(ctx, id)
		if err != nil {
			check.differs("the session "+shortID(id), "%v", err)
			continue
		}
		check.page(ctx, id, http.StatusOK, s)
	}
	return errors.Join(check.found...)
}

// checkClient follows no redirects: a page that leads elsewhere is a difference.
func checkClient(client *http.Client) *http.Client {
	own := http.Client{Timeout: checkTimeout}
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// pageCheck collects what differs.
type pageCheck struct {
	c      *Checkout
	client *http.Client
	found  []error
}

func (k *pageCheck) differs(what, format string, args ...any) {
	k.found = append(k.found, fmt.Errorf("checkout: page check: %s: %s", what, fmt.Sprintf(format, args...)))
}

// fetch gives an answer with its whole body, or notes why there is none.
func (k *pageCheck) fetch(ctx context.Context, what, address string, status int) (http.Header, string, bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		k.differs(what, "the address cannot be asked for")
		return nil, "", false
	}
	resp, err := k.client.Do(r)
	if err != nil {
		var failed *url.Error // its text has the address, which is the key to an order
		if errors.As(err, &failed) {
			err = failed.Err
		}
		k.differs(what, "no answer: %v", err)
		return nil, "", false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		k.differs(what, "the answer broke off")
		return nil, "", false
	}
	if resp.StatusCode != status {
		k.differs(what, "answered %d, want %d", resp.StatusCode, status)
		return nil, "", false
	}
	return resp.Header, string(body), true
}

func (k *pageCheck) file(ctx context.Context, f PageFile) {
	h, body, ok := k.fetch(ctx, f.Name, f.URL, http.StatusOK)
	if !ok {
		return
	}
	if got := integrity([]byte(body)); got != f.Integrity {
		k.differs(f.Name, "has other bytes: %s, want %s", got, f.Integrity)
	}
	k.header(f.Name, h, "Content-Type", k.c.pages.assets[f.Name].contentType)
	k.header(f.Name, h, "X-Content-Type-Options", "nosniff")
}

// page looks at the page of a session, or of none.
func (k *pageCheck) page(ctx context.Context, id string, status int, s situation) {
	what := "the page of " + shortID(id)
	want, embed := http.Header{}, k.c.embedOf(s)
	pageHeaders(want)
	if s.rec.ID != "" {
		sessionPolicy(want, s.rec, embed)
	}
	address := k.c.pageURL(id)
	h, body, ok := k.fetch(ctx, what, address, status)
	if !ok {
		return
	}
	for name := range want {
		if name != policyHeader {
			k.header(what, h, name, want.Get(name))
		}
	}
	k.policy(what, h.Values(policyHeader), want.Get(policyHeader))
	for _, name := range foreignHeaders {
		if h.Get(name) != "" {
			k.differs(what, "sends %s, which the page has no use for", name)
		}
	}
	k.markup(what, address, body, k.loads(s, embed))
}

// foreignHeaders make browsers keep, load or open what the page does not ask for.
var foreignHeaders = []string{"Set-Cookie", "Refresh", "Link", "Access-Control-Allow-Origin", "Service-Worker-Allowed"}

func (k *pageCheck) header(what string, h http.Header, name, want string) {
	if got := strings.Join(h.Values(name), ", "); got != want {
		k.differs(what, "%s is %q, want %q", name, got, want)
	}
}

// policy compares part by part, so that the difference is named.
func (k *pageCheck) policy(what string, got []string, want string) {
	if len(got) != 1 {
		k.differs(what, "has %d headers %s, want 1", len(got), policyHeader)
		return
	}
	is, should := directives(got[0]), directives(want)
	for _, name := range slices.Sorted(maps.Keys(should)) {
		if sources, ok := is[name]; !ok {
			k.differs(what, "%s has no %s", policyHeader, name)
		} else if sources != should[name] {
			k.differs(what, "%s has %s %q, want %q", policyHeader, name, sources, should[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if _, ok := should[name]; !ok {
			k.differs(what, "%s has %s, which is not ours", policyHeader, name)
		}
	}
}

// directives reads a policy: the sources of each part, in the order of the alphabet. The first of two equal names counts
// (W3C CSP 3, 2.2.1).
func directives(policy string) map[string]string {
	list := map[string]string{}
	for directive := range strings.SplitSeq(policy, ";") {
		parts := strings.Fields(directive)
		if len(parts) == 0 {
			continue
		}
		name := strings.ToLower(parts[0])
		if _, known := list[name]; !known {
			list[name] = strings.Join(slices.Sorted(slices.Values(parts[1:])), " ")
		}
	}
	return list
}

// loads are the addresses that a page in this state takes scripts and styles from, each once.
func (k *pageCheck) loads(s situation, embed Embed) map[string]string {
	list, state := map[string]string{}, "not_found"
	if s.rec.ID != "" {
		state = s.state(k.c.now())
	}
	hasFields := len(embed.Scripts) > 0 && slices.Contains(fieldStates, state)
	for _, f := range k.c.manifestFiles() {
		if slices.Contains(f.States, state) && (f.Provider == "" || hasFields && s.last.Provider == f.Provider) {
			list[f.URL] = f.Kind
		}
	}
	if hasFields {
		for _, script := range embed.Scripts {
			list[script] = "script"
		}
	}
	return list
}

// What buyers and merchants write is escaped on the page, so every < begins a tag of ours, and no > stands in a value.
var (
	elementRule   = regexp.MustCompile(`<\s*([a-zA-Z][^\s/>]*)([^>]*)>`)
	attributeRule = regexp.MustCompile(`([^\s"'=<>/]+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?`)
	scriptRule    = regexp.MustCompile(`(?is)<\s*script[^>]*>(.*?)<\s*/\s*script`)
)

// activeTags load or run something; the page has none of them.
var activeTags = []string{"style", "iframe", "frame", "object", "embed", "applet", "base", "portal", "fencedframe"}

// markup looks for everything in a page that can run, load or send something.
func (k *pageCheck) markup(what, address, body string, wanted map[string]string) {
	seen := map[string]int{}
	for _, tag := range elementRule.FindAllStringSubmatch(body, -1) {
		k.tag(what, address, strings.ToLower(tag[1]), attributesOf(tag[2]), wanted, seen)
	}
	for _, script := range scriptRule.FindAllStringSubmatch(body, -1) {
		if strings.TrimSpace(script[1]) != "" {
			k.differs(what, "has an inline script")
		}
	}
	for _, target := range slices.Sorted(maps.Keys(wanted)) {
		if seen[target] != 1 {
			k.differs(what, "loads %s %d times, want 1", target, seen[target])
		}
	}
}

func (k *pageCheck) tag(what, address, name string, attributes map[string]string, wanted map[string]string, seen map[string]int) {
	for attribute, value := range attributes {
		if reason := suspicious(attribute, value); reason != "" {
			k.differs(what, "<%s> has %s", name, reason)
		}
	}
	kind, target := "", ""
	switch {
	case slices.Contains(activeTags, name):
		k.differs(what, "has a <%s>", name)
		return
	case name == "script":
		kind, target = "script", attributes["src"]
	case name == "link" && loadsSomething(attributes["rel"]):
		kind, target = "style", attributes["href"]
	default:
		return
	}
	if resolved := resolve(address, target); wanted[resolved] == kind {
		seen[resolved]++
	} else if target != "" {
		k.differs(what, "loads a %s that is not in the manifest: %s", kind, target)
	} else {
		k.differs(what, "has a %s without an address", kind)
	}
}

// suspicious names an attribute that runs, styles or sends.
func suspicious(attribute, value string) string {
	switch {
	case strings.HasPrefix(attribute, "on") || attribute == "style" || attribute == "srcdoc":
		return attribute
	case attribute == "action" || attribute == "formaction" || attribute == "http-equiv" || attribute == "ping":
		return attribute
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:"):
		return "a script in " + attribute
	}
	return ""
}

func loadsSomething(rel string) bool {
	return slices.ContainsFunc(strings.Fields(strings.ToLower(rel)), func(word string) bool {
		return slices.Contains([]string{"stylesheet", "preload", "modulepreload", "prefetch", "prerender", "import"}, word)
	})
}

func attributesOf(text string) map[string]string {
	list := map[string]string{}
	for _, m := range attributeRule.FindAllStringSubmatch(text, -1) {
		list[strings.ToLower(m[1])] = m[2] + m[3] + m[4]
	}
	return list
}

func resolve(address, target string) string {
	base, err := url.Parse(address)
	if err != nil {
		return target
	}
	resolved, err := base.Parse(target)
	if err != nil {
		return target
	}
	return resolved.String()
}
