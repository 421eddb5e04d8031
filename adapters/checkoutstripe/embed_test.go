package checkoutstripe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

func TestEmbed(t *testing.T) {
	p := newCompany(t, nil).provider()
	want := checkout.Embed{
		Scripts: []string{"https://js.stripe.com/dahlia/stripe.js"}, Script: elementJS, Connects: []string{"https://api.stripe.com"},
		Sources: []string{"https://*.js.stripe.com"},
		Frames:  []string{"https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"}, Images: []string{"https://*.stripe.com"},
	}
	for _, live := range []bool{true, false} {
		if diff := cmp.Diff(want, p.Embed(live)); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff(checkout.Embed{}, newCompany(t, nil).provider(hosted).Embed(false)); diff != "" {
		t.Errorf("a hosted provider puts something on the page: %s", diff)
	}
}

// The page's policy allows no inline styles, and what is written into it must not be read as HTML.
func TestScriptKeepsToThePolicy(t *testing.T) {
	script := string(elementJS)
	if len(script) > 2560 {
		t.Errorf("the script has %d bytes", len(script))
	}
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "setAttribute", ".style", "createElement", "http://", "https://", "console."} {
		if strings.Contains(script, word) {
			t.Errorf("the script uses %s", word)
		}
	}
}

func TestStripeJSGoesWithTheVersion(t *testing.T) {
	_, release, _ := strings.Cut(apiVersion, ".")
	if want := "https://js.stripe.com/" + release + "/stripe.js"; stripeJS != want {
		t.Errorf("the page loads %s, want %s for version %s", stripeJS, want, apiVersion)
	}
}
