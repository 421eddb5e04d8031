package checkout

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the two scripts
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The two ends of the messages between a shop and the page in its frame. They are of one version, so a host cannot overlay
// them.
var (
	//go:embed templates/embed.js
	loaderSource []byte
	//go:embed templates/frame.js
	frameSource []byte

	loader      = slim(loaderSource) // what shops load into their own pages
	frameScript = slim(frameSource)  // what the page in a frame loads
)

const (
	loaderName    = "embed.js"
	embedParam    = "embed"
	loaderCaching = "public, max-age=600" // a new version reaches every shop within ten minutes
)

// loaderVersion is a name that changes with the loader.
var loaderVersion = func() string {
	sum := sha256.Sum256(loader)
	return "embed." + hex.EncodeToString(sum[:6]) + ".js"
}()

// EmbedScript is the script that shows the checkout in a shop's own page: its address, which changes with its content, and
// its hash for the integrity attribute (W3C Subresource Integrity). The same script stands at <PagePath>/embed.js, an
// address that does not change.
func (c *Checkout) EmbedScript() (src, hash string) {
	return c.base + c.cfg.PagePath + "/" + loaderVersion, integrity(loader)
}

// getLoader is GET /checkout/embed.js, which pages of every origin may load, with crossorigin and integrity or without.
func (c *Checkout) getLoader(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", loaderCaching)
	w.Header().Set("ETag", `"`+loaderVersion+`"`)
	return c.writeLoader(w, r)
}

// getLoaderVersion is GET /checkout/embed.{hash}.js. The name changes with the content, so it may be kept for ever.
func (c *Checkout) getLoaderVersion(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.writeLoader(w, r)
}

func (c *Checkout) writeLoader(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, loaderName, time.Time{}, bytes.NewReader(loader))
	return nil
}

// frameOrigin is the one origin that may frame the page of a session, empty for none. An origin that the host has taken
// off its list has lost its open sessions too.
func (c *Checkout) frameOrigin(rec sessionRecord) string {
	if origin := orEmpty(rec.EmbedOrigin); slices.Contains(c.embedOrigins, origin) {
		return origin
	}
	return ""
}

// framedBy is the origin in whose frame a page is shown, empty at top level.
func (c *Checkout) framedBy(r *http.Request, rec sessionRecord) string {
	if inFrame(r) {
		return c.frameOrigin(rec)
	}
	return ""
}

// inFrame believes a browser that says where a document goes: at top level a page is an ordinary one whatever its address
// says, as when a bank sends the buyer back to it.
func inFrame(r *http.Request) bool {
	return r.URL.Query().Get(embedParam) == "1" && r.Header.Get("Sec-Fetch-Dest") != "document"
}

// frameQuery is what stays in the addresses of a page in a frame.
func frameQuery(r *http.Request) url.Values {
	q := url.Values{}
	if inFrame(r) {
		q.Set(embedParam, "1")
	}
	return q
}

// FrameNews is what a page tells the shop around it beside that it is ready; empty for nothing.
func (v *pageView) FrameNews() string {
	switch {
	case v.State == "completed" || v.State == "expired":
		return v.State
	case v.Declined != "":
		return "failed"
	}
	return ""
}

// FrameScript is the hashed name of the script that tells it.
func (v *pageView) FrameScript() string { return v.pages.frame }

// Link is the address of the page itself, from anywhere on it.
func (v *pageView) Link() string { return v.SessionID + v.InLang(v.Lang) }
