package e2e

import (
	"slices"
	"strings"
	"testing"
)

// outline are the kinds of things a page is made of: the way to each from the body, by element, class and role.
const outline = `[...new Set([...document.body.querySelectorAll("*")].filter(e => !e.closest("svg, iframe, .fields")).map(e => {
	const way = [];
	for (; e !== document.body; e = e.parentElement) way.unshift(e.tagName.toLowerCase() + [...e.classList].filter(c => c !== "ready").map(c => "." + c).join("") + (e.getAttribute("role") ? "[" + e.getAttribute("role") + "]" : ""));
	return way.join(" ");
}))]`

// Where buyers really come to, axe finds as little as in the previews; and there is nothing on such a page that no preview of
// its state shows, so that what holds for previews holds for it.
func TestPageIsAsItsPreviews(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	var previewed map[string][]string
	t.Run("previews", func(t *testing.T) { previewed = outlinesOfPreviews(t) }) // whose tab ends here
	for _, at := range []place{atOpen, atMistake, atDeclined, atBank, atBankAsks, atFields, atInstructions, atProcessing, atCompleted, atEnded, atNothing} {
		t.Run(strings.ReplaceAll(at.name, " ", "_"), func(t *testing.T) {
			takeTurn(t)
			v := &visit{t: t, scripts: true}
			at.arrive(v)
			real := evaluate[[]string](v.tab, outline)
			v.judgedInEachLook(axe, "real: "+at.name)
			if extra := without(real, previewed[evaluate[string](v.tab, `document.body.dataset.state`)]); len(extra) > 0 {
				t.Errorf("no preview shows %q", extra)
			}
		})
	}
}

// outlinesOfPreviews are the outlines of all previews of each state.
func outlinesOfPreviews(t *testing.T) map[string][]string {
	t.Helper()
	s, states := openPreviews(t)
	b := openTab(t)
	all := map[string][]string{}
	for _, name := range states {
		b.open(s.preview(name, "en"))
		state := evaluate[string](b, `document.body.dataset.state`)
		all[state] = append(all[state], evaluate[[]string](b, outline)...)
	}
	return all
}

func without(list, known []string) (rest []string) {
	for _, each := range list {
		if !slices.Contains(known, each) {
			rest = append(rest, each)
		}
	}
	return rest
}
