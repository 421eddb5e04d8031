package checkout

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// pageHeaders is the profile of the page door. Referrer-Policy is same-origin, because no-referrer would turn the form's
// Origin into null and refuse every buyer.
func pageHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Permissions-Policy", permissions(nil))
	h.Set("X-Robots-Tag", "noindex")
	contentPolicy(h, nil, "", Embed{})
}

// sessionPolicy opens the policy of a page for what its session needs, and for nothing else.
func (c *Checkout) sessionPolicy(h http.Header, rec sessionRecord, embed Embed) {
	contentPolicy(h, returnOrigins(rec), c.frameOrigin(rec), embed)
}

// returnOrigins are where the buyer of a session is sent to in the end.
func returnOrigins(rec sessionRecord) []string {
	var targets []string
	for _, raw := range []string{rec.SuccessURL, rec.CancelURL} {
		if u, err := url.Parse(raw); err == nil && !slices.Contains(targets, originOf(u)) {
			targets = append(targets, originOf(u))
		}
	}
	return targets
}

// contentPolicy writes the CSP. Chromium holds redirects after a form to form-action, so the origins the buyer may be
// sent to are named.
func contentPolicy(h http.Header, formTargets []string, frameAncestor string, embed Embed) {
	if frameAncestor == "" {
		frameAncestor = "'none'"
		h.Set("X-Frame-Options", "DENY")
	} else {
		h.Del("X-Frame-Options")
		h.Del("Cross-Origin-Opener-Policy")
	}
	directives := []string{
		"default-src 'none'",
		sources("script-src", embed.scriptOrigins()),
		"style-src 'self'",
		sources("img-src", embed.Images),
		sources("connect-src", embed.Connects),
		sources("form-action", formTargets),
		"base-uri 'none'",
		"frame-ancestors " + frameAncestor,
	}
	if len(embed.Frames) > 0 {
		directives = append(directives, "frame-src "+strings.Join(embed.Frames, " "))
		h.Set("Permissions-Policy", permissions(embed.Frames))
	}
	h.Set("Content-Security-Policy", strings.Join(directives, "; "))
}

// permissions lets a provider's frames open the browser's own payment sheet. The header knows no wildcards.
func permissions(frames []string) string {
	payment := "self"
	for _, origin := range frames {
		if !strings.Contains(origin, "*") {
			payment += ` "` + origin + `"`
		}
	}
	return "payment=(" + payment + "), camera=(), microphone=(), geolocation=()"
}

func sources(directive string, more []string) string {
	return strings.Join(append([]string{directive, "'self'"}, more...), " ")
}

func (e Embed) scriptOrigins() []string {
	origins := slices.Clone(e.Sources)
	for _, raw := range e.Scripts {
		if u, err := url.Parse(raw); err == nil && !slices.Contains(origins, originOf(u)) {
			origins = append(origins, originOf(u))
		}
	}
	return origins
}

// embedOf is what the provider of an open attempt puts on the page.
func (c *Checkout) embedOf(s situation) Embed {
	if s.last == nil || s.last.State != attemptOpen || s.last.Client == "" {
		return Embed{}
	}
	provider, err := c.provider(*s.last)
	if err != nil {
		return Embed{}
	}
	embed, _ := embedded(provider, s.rec.Mode)
	return embed
}

// embedded is what a provider puts on pages of a mode, if it does.
func embedded(p Provider, mode Mode) (Embed, bool) {
	e, ok := p.(Embedder)
	if !ok {
		return Embed{}, false
	}
	embed := e.Embed(mode == Live)
	return embed, len(embed.Scripts) > 0
}
