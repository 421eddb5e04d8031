package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// runAxeHere judges a document without the frames in it, which are judged by themselves.
var runAxeHere = strings.Replace(runAxe, "{preload: false", "{preload: false, iframes: false, rules: {'frame-tested': {enabled: false}}", 1)

// sign is what axe leaves open of a button that shows a sign and has a name: WCAG 2.5.3 is about words.
var sign = regexp.MustCompile(`^incomplete label-content-name-mismatch button: Unable to determine if the visible text is part of the accessible name$`)

// The dialog and the page in its frame are held to what every page is held to.
func TestEmbedIsAccessible(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	for _, width := range []int64{320, 390, 1280} {
		for _, dark := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d dark %v", width, dark), func(t *testing.T) {
				t.Parallel()
				axeTabs <- struct{}{}
				t.Cleanup(func() { <-axeTabs })
				shop, b := openStorefront(t, "127.0.0.1"), openTab(t)
				b.size(width, 800)
				if dark {
					b.dark()
				}
				shop.dialog(shop.order())
				shop.body += strings.Repeat("<p>Coffee</p>", 60) // axe finds colours within the height of the page alone
				b.open(shop.origin + "/")
				b.until("load the loader", `performance.getEntriesByName("`+shop.base+`/checkout/embed.js").length > 0`)
				b.click("#pay")
				b.hears("ready")
				page := b.frame(shop.base)
				fitting(b, page)
				evaluate[int](b, axe+"\n;1")
				evaluate[int](b, runAxeHere)
				b.until("check the dialog", `window.axeSaid !== ""`)
				value[int](page, axe+"\n;1")
				value[int](page, runAxeHere)
				page.until("check the page", `window.axeSaid !== ""`)
				for where, said := range map[string]string{"the dialog": evaluate[string](b, `axeSaid`), "the page": value[string](page, `axeSaid`)} {
					if said = sign.ReplaceAllString(said, "nothing"); said != "nothing" {
						t.Errorf("%s:\n%s", where, said)
					}
				}
				b.fits()
			})
		}
	}
}
