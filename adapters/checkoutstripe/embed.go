package checkoutstripe

import (
	_ "embed"

	"github.com/jopay/checkout"
)

// stripeJS is the release of Stripe.js that goes with the pinned API version: since 2025 each major release has an address
// of its own (docs.stripe.com/sdks/stripejs-versioning), and /v3/ stays with an older one. It must not be copied or bundled.
const stripeJS = "https://js.stripe.com/dahlia/stripe.js"

//go:embed element.js
var elementJS []byte

// Embed is the Payment Element: Stripe's fields in Stripe's frames. Origins as in docs.stripe.com/security/guide, content
// security policy. It is empty with Hosted, where nothing of Stripe is on the page.
func (p *Provider) Embed(bool) checkout.Embed {
	if p.hosted {
		return checkout.Embed{}
	}
	return checkout.Embed{
		Scripts:  []string{stripeJS},
		Script:   elementJS,
		Sources:  []string{"https://*.js.stripe.com"},
		Frames:   []string{"https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"},
		Connects: []string{"https://api.stripe.com"},
		Images:   []string{"https://*.stripe.com"},
	}
}
