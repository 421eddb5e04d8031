package checkout

import (
	"crypto/sha512"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// PageManifest is the inventory of the hosted page: every script and style it loads, whatever a provider's own fields load
// from elsewhere, and the headers of each kind of page, each with its reason. PCI DSS 4.0.1 asks for such a list of the
// scripts of payment pages (6.4.3) and for a look, once a week at least, whether they or the headers have changed (11.6.1):
// see [Checkout.CheckPages]. What is not listed is not loaded; the page has no inline scripts or styles.
type PageManifest struct {
	Files     []PageFile     `json:"files"`
	Providers []PageProvider `json:"providers"` // of both modes; empty where no provider has fields of its own on the page
	Pages     []PageHeaders  `json:"pages"`
}

// PageFile is a script or a style sheet that is loaded from the shop's own origin.
type PageFile struct {
	Kind      string   `json:"kind"` // script or style
	Name      string   `json:"name"` // changes with the content
	URL       string   `json:"url"`
	Integrity string   `json:"integrity"` // SHA-384 as in Subresource Integrity: sha384-…
	Bytes     int      `json:"bytes"`
	States    []string `json:"states"`             // of the page that load it
	Provider  string   `json:"provider,omitempty"` // whose fields need it
	Reason    string   `json:"reason"`
}

// PageProvider is what a provider's fields load from the provider, on the page of an attempt with them and on no other. The
// content is the provider's to change, so there is no hash.
type PageProvider struct {
	Provider string   `json:"provider"`
	Mode     Mode     `json:"mode"`
	Scripts  []string `json:"scripts"`  // addresses that stand on the page
	Sources  []string `json:"sources"`  // origins of all scripts
	Frames   []string `json:"frames"`   // origins
	Connects []string `json:"connects"` // origins
	Images   []string `json:"images"`   // origins
	States   []string `json:"states"`
	Reason   string   `json:"reason"`
}

// PageHeaders are the headers of a kind of page. A name in braces stands for an origin of the session: {success_url},
// {cancel_url}, {embed_origin}.
type PageHeaders struct {
	Page     string          `json:"page"`
	Provider string          `json:"provider,omitempty"`
	Mode     Mode            `json:"mode,omitempty"`
	Headers  []PageHeader    `json:"headers"` // by name
	Policy   []PageDirective `json:"policy"`  // Content-Security-Policy, in order
}

// PageHeader is a header of a page.
type PageHeader struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// PageDirective is a part of a page's Content-Security-Policy.
type PageDirective struct {
	Name    string   `json:"name"`
	Sources []string `json:"sources"`
	Reason  string   `json:"reason"`
}

const policyHeader = "Content-Security-Policy"

// headerReasons are why each header is sent. A header without a reason fails the tests.
var headerReasons = map[string]string{
	"Cache-Control":              "The page is one buyer's: no cache may keep it.",
	policyHeader:                 "The browser loads, runs, frames and sends nothing but what is listed in it.",
	"Cross-Origin-Opener-Policy": "A page that opens this one in a window cannot reach into it.",
	"Permissions-Policy":         "Nothing on the page may use camera, microphone or place; payment sheets belong to the page and to the provider's frames.",
	"Referrer-Policy":            "The address is the key to the order: no other site learns it.",
	"X-Content-Type-Options":     "Files are what their type says, so that no text is run as a script.",
	"X-Frame-Options":            "Old browsers refuse to frame the page.",
	"X-Robots-Tag":               "Search engines keep no orders.",
}

// directiveReasons are why each part of the policy stands there.
var directiveReasons = map[string]string{
	"default-src":     "What has no line of its own is forbidden.",
	"script-src":      "Scripts come as files from the shop, and from the provider on the page with its fields; none stand in the page.",
	"style-src":       "Styles come as files from the shop; none stand in the page.",
	"img-src":         "Pictures come from the shop, and from the provider on the page with its fields.",
	"connect-src":     "The script asks the shop how a payment stands; the provider's fields ask the provider.",
	"form-action":     "Forms go to the shop. Browsers hold what follows on a form to this list too, so it names where the buyer goes on to.",
	"base-uri":        "No markup can move the page's links to another site.",
	"frame-ancestors": "No other site shows the page in a frame, except the one the session was made for.",
	"frame-src":       "The provider's fields are frames of the provider.",
}

// PageManifest lists what this process serves.
func (c *Checkout) PageManifest() PageManifest {
	m := PageManifest{Files: c.manifestFiles(), Providers: []PageProvider{}}
	m.Pages = append(m.Pages, headersOf("without a session", nil, "", Embed{}), headersOf("of a session", sessionTargets, "", Embed{}))
	if len(c.embedOrigins) > 0 {
		m.Pages = append(m.Pages, headersOf("of a session in a frame", sessionTargets, "{embed_origin}", Embed{}))
	}
	for _, p := range c.cfg.Providers {
		for _, mode := range []Mode{Test, Live} {
			embed, ok := embedded(p, mode)
			if !ok {
				continue
			}
			m.Providers = append(m.Providers, manifestProvider(p.Name(), mode, embed))
			page := headersOf("with the provider's fields", sessionTargets, "", embed)
			page.Provider, page.Mode = p.Name(), mode
			m.Pages = append(m.Pages, page)
		}
	}
	return m
}

// of is the part of a manifest that concerns a mode.
func (m PageManifest) of(mode Mode) PageManifest {
	m.Providers = slices.DeleteFunc(slices.Clone(m.Providers), func(p PageProvider) bool { return p.Mode != mode })
	m.Pages = slices.DeleteFunc(slices.Clone(m.Pages), func(p PageHeaders) bool { return p.Mode != "" && p.Mode != mode })
	return m
}

var (
	sessionTargets = []string{"{success_url}", "{cancel_url}"}
	fieldStates    = []string{"requires_action"}
)

func manifestProvider(name string, mode Mode, e Embed) PageProvider {
	return PageProvider{
		Provider: name, Mode: mode, Scripts: orNone(e.Scripts), Sources: orNone(e.scriptOrigins()), Frames: orNone(e.Frames),
		Connects: orNone(e.Connects), Images: orNone(e.Images), States: fieldStates,
		Reason: "Buyers type card data into the provider's own frames, so that it never reaches the shop.",
	}
}

// orNone is a list that is written as [] when it is empty.
func orNone(list []string) []string { return append([]string{}, list...) }

func (c *Checkout) manifestFiles() []PageFile {
	files := []PageFile{
		c.manifestFile(c.pages.style, PageFile{Kind: "style", States: statesOfPage, Reason: "The look of the page."}),
		c.manifestFile(c.pages.sheetStyle, PageFile{Kind: "style", States: []string{"document"}, Reason: "The look of receipts, invoices and credit notes, on screen and paper."}),
		c.manifestFile(c.pages.script, PageFile{Kind: "script", States: statesOfPage,
			Reason: "Checks the form before it is sent, counts the time down, asks how a payment stands. The page works without it."}),
	}
	for _, provider := range slices.Sorted(maps.Keys(c.pages.scripts)) {
		files = append(files, c.manifestFile(c.pages.scripts[provider], PageFile{Kind: "script", States: fieldStates, Provider: provider,
			Reason: "Shows the provider's fields and sends the buyer on when they are done."}))
	}
	return files
}

func (c *Checkout) manifestFile(name string, f PageFile) PageFile {
	content := c.pages.assets[name].content
	f.Name, f.URL, f.Bytes, f.Integrity = name, c.base+c.cfg.PagePath+"/assets/"+name, len(content), integrity(content)
	return f
}

// integrity is a file's hash as Subresource Integrity writes it (W3C SRI, 3.1).
func integrity(content []byte) string {
	sum := sha512.Sum384(content)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// headersOf asks the functions that write a page's headers what they write.
func headersOf(page string, targets []string, ancestor string, e Embed) PageHeaders {
	h := http.Header{}
	pageHeaders(h)
	contentPolicy(h, targets, ancestor, e)
	p := PageHeaders{Page: page}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		p.Headers = append(p.Headers, PageHeader{Name: name, Value: h.Get(name), Reason: headerReasons[name]})
	}
	for directive := range strings.SplitSeq(h.Get(policyHeader), ";") {
		parts := strings.Fields(directive)
		p.Policy = append(p.Policy, PageDirective{Name: parts[0], Sources: parts[1:], Reason: directiveReasons[parts[0]]})
	}
	return p
}

// getPageManifest is GET /{mode}/page-manifest.json.
func (a *adminCall) getPageManifest() error {
	return writeJSON(a.w, http.StatusOK, a.PageManifest().of(a.mode))
}
