package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// spoken are the roles of which a screen reader's user hears, or among which they jump, and the names they have here. The
// others differ from one version of Chromium to the next.
var spoken = map[string]string{
	"banner": "banner", "main": "main", "complementary": "complementary", "contentinfo": "contentinfo", "region": "region", "form": "form",
	"heading": "heading", "link": "link", "button": "button", "textbox": "textbox", "radio": "radio", "group": "group", "alert": "alert", "status": "status",
	"table": "table", "columnheader": "columnheader", "rowheader": "rowheader", "cell": "cell", "gridcell": "cell", "image": "image", "term": "term", "definition": "definition",
	"DisclosureTriangle": "disclosure", "DisclosureTriangleGrouped": "disclosure", "Iframe": "frame",
}

// told is what Chromium tells a screen reader of the page: of each thing its role, name, description and state.
func (b *tab) told() string {
	b.t.Helper()
	var nodes []*accessibility.Node
	b.limited("read the accessibility tree", chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		r, err := cdp.Call(ctx, s, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		nodes = r.Nodes
		return err
	}))
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range nodes {
		byID[n.NodeID] = n
	}
	var lines strings.Builder
	var tell func(n *accessibility.Node, depth int)
	tell = func(n *accessibility.Node, depth int) {
		role := spoken[plainValue(n.Role)]
		if role == "group" && plainValue(n.Name) == "" {
			role = "" // what unfolds is one, without a name of its own
		}
		if role != "" && !n.Ignored {
			fmt.Fprintf(&lines, "%s%s\n", strings.Repeat("  ", depth), lineOf(n, role))
			depth++
		}
		for _, id := range n.ChildIDs {
			if child := byID[id]; child != nil {
				tell(child, depth)
			}
		}
	}
	tell(nodes[0], 0)
	return lines.String()
}

func lineOf(n *accessibility.Node, role string) string {
	line := role
	if name := plainValue(n.Name); name != "" {
		line += " " + quote(name)
	}
	if text := plainValue(n.Description); text != "" {
		line += ": " + quote(text)
	}
	for _, p := range n.Properties {
		switch value := plainValue(p.Value); p.Name {
		case "invalid", "required", "checked", "expanded", "level", "focused":
			if value != "false" {
				line += fmt.Sprintf(" %s=%s", p.Name, value)
			}
		}
	}
	return line
}

// plainValue is a value of the tree as text; without the spaces that do not break, which amounts have.
func plainValue(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var value any
	_ = json.Unmarshal(v.Value, &value) // what is no text or number has none
	return strings.ReplaceAll(fmt.Sprint(value), "\u00a0", " ")
}

// unnamed is a control without a name.
var unnamed = regexp.MustCompile(`(?m)^ *(link|button|textbox|radio|disclosure|image|frame|region|group)( [a-z]+=.*|:.*)?$`)

// What a screen reader is told is written down in testdata/names: labels, hints and errors of the fields, the button with the
// amount or with the words that a law wants, headings and landmarks. In no state is there a control without a name.
func TestPageNames(t *testing.T) {
	proves(t, "1.3.1", "1.3.5", "2.4.6", "3.3.1", "3.3.2", "4.1.2")
	takeTurn(t)
	s, states := openPreviews(t)
	b := openTab(t)
	for _, state := range states {
		b.open(s.preview(state, "en"))
		evaluate[any](b, missingShown)
		told := b.told()
		if bad := unnamed.FindString(told); bad != "" || !strings.Contains(told, "heading ") {
			t.Errorf("%s: %q has no name, or there is no heading:\n%s", state, bad, told)
		}
		if pay := b.text("button[value=pay]"); pay != "" && !strings.Contains(plain(pay), plain(b.text(".sum"))) && pay != "Buy now" && pay != "Confirm" {
			t.Errorf("%s: the button says %q", state, pay)
		}
		conformance.hold("accessibility tree: every control has a name", state)
		switch state {
		case "open", "open_email", "open_methods", "open_order", "open_errors", "open_declined", "open_ending", "instructions", "processing", "completed":
			sameAsFile(t, filepath.Join("testdata", "names", state+".txt"), told)
		}
	}
}

func plain(text string) string { return strings.ReplaceAll(text, "\u00a0", " ") }

// sameAsFile compares a text with what was written down, or writes it down where CHECKOUT_UPDATE is set.
func sameAsFile(t *testing.T, name, text string) {
	t.Helper()
	if os.Getenv("CHECKOUT_UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	was, err := os.ReadFile(name)
	if err != nil || string(was) != text {
		t.Errorf("%s is different (%v): %s\nTo write it anew: CHECKOUT_UPDATE=1 go test -count=1 -run %s .", name, err, firstDifference(string(was), text), t.Name())
	}
}

// Fields say what they are for, so that browsers can fill them in.
func TestPageFieldsCanBeFilledIn(t *testing.T) {
	proves(t, "1.3.5")
	takeTurn(t)
	s, _ := openPreviews(t)
	b := openTab(t)
	b.open(s.preview("open_email", "en"))
	const purposes = `[...document.querySelectorAll("main input:not([type=hidden])")].map(e => e.name + " " + e.autocomplete + " " + e.inputMode).join(", ")`
	if got, want := evaluate[string](b, purposes), "email email email, card_number cc-number numeric, card_exp cc-exp numeric, card_cvc cc-csc numeric"; got != want {
		t.Errorf("fields are %q, want %q", got, want)
	}
}

// Head and foot are the same in all states that have them: the shop, the language, then the seller with the same links.
func TestPageFootIsTheSameEverywhere(t *testing.T) {
	proves(t, "3.2.3", "3.2.6")
	takeTurn(t)
	s, states := openPreviews(t)
	b := openTab(t)
	const foot = `document.querySelector("footer")?.innerText ?? ""`
	const head = `[...document.querySelectorAll("header > *")].map(e => e.matches(".langs") ? "language" : "shop").join(" ")`
	b.open(s.preview("open", "en"))
	want := evaluate[string](b, foot)
	for _, state := range states {
		if state == "open_plain" || state == "document" {
			continue // a shop that names no seller; an invoice that names it itself, in the language it was issued in
		}
		b.open(s.preview(state, "en"))
		if got := evaluate[string](b, foot); got != want || !strings.Contains(got, "Sold by") {
			t.Errorf("%s has the foot %q, want %q", state, got, want)
		}
		if got := evaluate[string](b, head); got != "shop language" && state != "test_bank" {
			t.Errorf("%s has the head %q", state, got)
		}
	}
}
