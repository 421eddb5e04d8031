package e2e

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// notTheirs leaves out the frame and the scripts that a provider's fields bring, which no page of ours has.
func notTheirs(found string) []string {
	return slices.DeleteFunc(strings.Split(found, ", "), func(f string) bool {
		return f == "iframe" || f == "iframe[style]" || strings.HasPrefix(f, "script "+stripeScripts)
	})
}

// The state in which a provider's own fields stand on the page shows the texts of an order as all others do.
func TestBrowserShowsAttacksBesideAProvidersFields(t *testing.T) {
	t.Parallel()
	all := attacks(t)
	for part, list := range [][]string{all[:100], all[100:]} {
		t.Run(fmt.Sprint("part ", part+1), func(t *testing.T) {
			t.Parallel()
			b := openTab(t)
			s := openStripeStore(t, b)
			order := s.order(attack(list))
			s.begin(b, order)
			b.see("form.embed.ready iframe")
			b.showsLiterally("fields", "table bdi", list)
			b.showsLiterally("fields", ".totals th", taxNames(list))
			if found := notTheirs(evaluate[string](b, foreign)); len(found) > 0 {
				t.Errorf("the page has %q", found)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if len(b.complaints) > 0 {
				t.Errorf("%q", b.complaints)
			}
		})
	}
}

func TestBrowserRefusesToFrameAProvidersFields(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	s := openStripeStore(t, b)
	order := s.order()
	s.begin(b, order)
	b.see("form.embed.ready iframe")
	if policy := policyOf(t, order.CheckoutURL); !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %s", policy)
	}
	site := elsewhere(t, map[string]http.HandlerFunc{"GET /": saying(`<iframe src="` + html.EscapeString(order.CheckoutURL) + `"></iframe>`)})
	b.expect("frame-ancestors")
	b.calm(site)
	b.wait("refuse the frame", func(context.Context) (bool, error) {
		reached, refused := b.frames()
		return len(refused) == 1 && len(reached) == 0, nil
	})
	b.calmDown()
}
