package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// conformanceDoc is what a host shows to whoever asks whether the page can be used by everybody. It is written by the run of
// these tests: CHECKOUT_UPDATE=1 go test .
const conformanceDoc = "../../docs/accessibility.md"

// criterion is one of WCAG 2.2, level A or AA (4.1.1 is obsolete). Tests prove it, or a person has judged it, or there is
// nothing on the page that it speaks of.
type criterion struct {
	number, name, level string
	judged              string // by a person; empty where tests prove it
	absent              string // what the page does not have
}

const handDate = "25 November 2026"

var criteria = []criterion{
	{"1.1.1", "Non-text Content", "A", "", ""},
	{"1.2.1", "Audio-only and Video-only (Prerecorded)", "A", "", "no audio, no video"},
	{"1.2.2", "Captions (Prerecorded)", "A", "", "no audio, no video"},
	{"1.2.3", "Audio Description or Media Alternative", "A", "", "no audio, no video"},
	{"1.2.4", "Captions (Live)", "AA", "", "no audio, no video"},
	{"1.2.5", "Audio Description (Prerecorded)", "AA", "", "no audio, no video"},
	{"1.3.1", "Info and Relationships", "A", "", ""},
	{"1.3.2", "Meaningful Sequence", "A", "", ""},
	{"1.3.3", "Sensory Characteristics", "A", "no text refers to a shape, a place or a colour", ""},
	{"1.3.4", "Orientation", "AA", "", ""},
	{"1.3.5", "Identify Input Purpose", "AA", "", ""},
	{"1.4.1", "Use of Color", "A", "errors have words, a thicker border and a place in the summary; states have a heading", ""},
	{"1.4.2", "Audio Control", "A", "", "no audio"},
	{"1.4.3", "Contrast (Minimum)", "AA", "", ""},
	{"1.4.4", "Resize Text", "AA", "", ""},
	{"1.4.5", "Images of Text", "AA", "the logo is the only image a host can add; the code for banking apps stands beside the same data as text", ""},
	{"1.4.10", "Reflow", "AA", "", ""},
	{"1.4.11", "Non-text Contrast", "AA", "borders of fields and buttons and the ring of the focus have 3:1 or more in both schemes", ""},
	{"1.4.12", "Text Spacing", "AA", "", ""},
	{"1.4.13", "Content on Hover or Focus", "AA", "", "nothing appears on hover or focus"},
	{"2.1.1", "Keyboard", "A", "", ""},
	{"2.1.2", "No Keyboard Trap", "A", "", ""},
	{"2.1.4", "Character Key Shortcuts", "A", "", "no shortcuts"},
	{"2.2.1", "Timing Adjustable", "A", "", ""},
	{"2.2.2", "Pause, Stop, Hide", "A", "", ""},
	{"2.3.1", "Three Flashes or Below Threshold", "A", "", ""},
	{"2.4.1", "Bypass Blocks", "A", "", ""},
	{"2.4.2", "Page Titled", "A", "", ""},
	{"2.4.3", "Focus Order", "A", "", ""},
	{"2.4.4", "Link Purpose (In Context)", "A", "", ""},
	{"2.4.5", "Multiple Ways", "AA", "", "a step in a process"},
	{"2.4.6", "Headings and Labels", "AA", "", ""},
	{"2.4.7", "Focus Visible", "AA", "", ""},
	{"2.4.11", "Focus Not Obscured (Minimum)", "AA", "", ""},
	{"2.5.1", "Pointer Gestures", "A", "", "no gestures"},
	{"2.5.2", "Pointer Cancellation", "A", "clicks act when the button is let go: the browser's own controls", ""},
	{"2.5.3", "Label in Name", "A", "", ""},
	{"2.5.4", "Motion Actuation", "A", "", "no motion"},
	{"2.5.7", "Dragging Movements", "AA", "", "no dragging"},
	{"2.5.8", "Target Size (Minimum)", "AA", "", ""},
	{"3.1.1", "Language of Page", "A", "", ""},
	{"3.1.2", "Language of Parts", "AA", "", ""},
	{"3.2.1", "On Focus", "A", "", ""},
	{"3.2.2", "On Input", "A", "", ""},
	{"3.2.3", "Consistent Navigation", "AA", "header and foot are the same in all states", ""},
	{"3.2.4", "Consistent Identification", "AA", "one catalogue words all states", ""},
	{"3.2.6", "Consistent Help", "A", "the seller and the links stand at the foot of all states", ""},
	{"3.3.1", "Error Identification", "A", "", ""},
	{"3.3.2", "Labels or Instructions", "A", "", ""},
	{"3.3.3", "Error Suggestion", "AA", "", ""},
	{"3.3.4", "Error Prevention (Legal, Financial, Data)", "AA", "items, taxes and total stand above the button, which names what it does; a payment can be abandoned until it is made", ""},
	{"3.3.7", "Redundant Entry", "A", "", ""},
	{"3.3.8", "Accessible Authentication (Minimum)", "AA", "", "nobody logs in on the page"},
	{"4.1.2", "Name, Role, Value", "A", "", ""},
	{"4.1.3", "Status Messages", "AA", "", ""},
}

// conformance is what this run has shown: the tests that passed for a criterion, and how many pages axe has judged.
var conformance = struct {
	sync.Mutex
	proofs map[string][]string
	judged map[string]bool // look × state
	failed bool
}{proofs: map[string][]string{}, judged: map[string]bool{}}

// proves notes that a test stands for criteria, once it has ended well with all its parts.
func proves(t *testing.T, numbers ...string) {
	t.Helper()
	t.Cleanup(func() {
		conformance.Lock()
		defer conformance.Unlock()
		conformance.failed = conformance.failed || t.Failed() || t.Skipped()
		for _, n := range numbers {
			if !slices.ContainsFunc(criteria, func(c criterion) bool { return c.number == n && c.judged == "" && c.absent == "" }) {
				t.Errorf("%s is no criterion that tests prove", n)
			}
			conformance.proofs[n] = append(conformance.proofs[n], t.Name())
		}
	})
}

// judgedPage counts a page that axe has found nothing on.
func judgedPage(look, state string) {
	conformance.Lock()
	defer conformance.Unlock()
	conformance.judged[look+" "+state] = true
}

// checkConformance compares the document with this run, if it was a whole one, and gives the exit code.
func checkConformance() int {
	for _, c := range criteria {
		if c.judged == "" && c.absent == "" && len(conformance.proofs[c.number]) == 0 {
			return 0 // a part of the tests was asked for, or the browser is missing: they have said so
		}
	}
	if conformance.failed {
		return 1
	}
	want := conformanceText()
	if os.Getenv("CHECKOUT_UPDATE") != "" {
		if err := os.WriteFile(conformanceDoc, []byte(want), 0o600); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
	got, err := os.ReadFile(conformanceDoc)
	if err != nil || string(got) != want {
		fmt.Printf("docs/accessibility.md is not what this run has shown (%v). Write it anew: cd internal/e2e && CHECKOUT_UPDATE=1 go test .\n", err)
		return 1
	}
	return 0
}

func conformanceText() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Accessibility of the hosted page

Written by the tests in internal/e2e from what they have seen; do not edit it by hand. To write it anew:

`+"```sh\ncd internal/e2e && CHECKOUT_UPDATE=1 go test .\n```"+`

The page aims at WCAG 2.2, levels A and AA, which is more than EN 301 549 V3.2.1 asks for. This run looked at it in Chromium.
axe-core judged %d pages: every state at 390, 1280 and 320 pixels, light, dark and from right to left. It found 0 violations
and left 0 questions open. A provider's own fields (Stripe's, for example) are the provider's; so are the pages that buyers go
on to. Templates, texts and colours that a host puts in the place of the page's own are the host's; the accent colour keeps its contrast.

| Criterion | Level | Result | How it is known |
|---|---|---|---|
`, len(conformance.judged))
	for _, c := range criteria {
		result, how := "supports", ""
		switch {
		case c.absent != "":
			result, how = "not applicable", c.absent
		case c.judged != "":
			how = "by a person, " + handDate + ": " + c.judged
		default:
			tests := slices.Compact(slices.Sorted(slices.Values(conformance.proofs[c.number])))
			how = "`" + strings.Join(tests, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s |\n", c.number, c.name, c.level, result, how)
	}
	return b.String()
}
