package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// conformanceDoc is what a host shows to whoever asks whether the page can be used by everybody. It is written by the run of
// these tests, see [conformanceHead].
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
	{"2.5.2", "Pointer Cancellation", "A", "", ""},
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

// runResult is what a run has shown: the tests that passed for a criterion, what axe said of how many pages, and what else
// pages were held to.
type runResult struct {
	sync.Mutex
	proofs                 map[string][]string
	judged                 map[string]bool // page and look
	violations, incomplete int
	held                   map[string]map[string]bool // check → pages
}

var conformance = runResult{proofs: map[string][]string{}, judged: map[string]bool{}, held: map[string]map[string]bool{}}

// judge counts what axe says of a page in a look.
func (r *runResult) judge(page, said string) {
	r.Lock()
	defer r.Unlock()
	r.judged[page] = true
	r.violations += strings.Count(said, "violation ")
	r.incomplete += strings.Count(said, "incomplete ")
}

// hold counts a page that was held to something else, as "n pages " + check.
func (r *runResult) hold(check, page string) {
	r.Lock()
	defer r.Unlock()
	if r.held[check] == nil {
		r.held[check] = map[string]bool{}
	}
	r.held[check][page] = true
}

// proves notes that a test stands for criteria, once it has ended well with all its parts.
func proves(t *testing.T, numbers ...string) {
	t.Helper()
	t.Cleanup(func() {
		conformance.Lock()
		defer conformance.Unlock()
		for _, n := range numbers {
			if !slices.ContainsFunc(criteria, func(c criterion) bool { return c.number == n && c.judged == "" && c.absent == "" }) {
				t.Errorf("%s is no criterion that tests prove", n)
			}
			if !t.Failed() && !t.Skipped() {
				conformance.proofs[n] = append(conformance.proofs[n], t.Name())
			}
		}
	})
}

// wasWhole is whether this run has shown all that the document says: not when a part of the tests was asked for, when one of
// them failed, or when there is no browser or no axe, which the tests have said themselves then.
func wasWhole() bool {
	if strings.Contains(flag.Lookup("test.run").Value.String(), "/") || os.Getenv("CHECKOUT_LOCALES") != "" {
		return false
	}
	return !slices.ContainsFunc(criteria, func(c criterion) bool {
		return c.judged == "" && c.absent == "" && len(conformance.proofs[c.number]) == 0
	})
}

// checkConformance compares the document with this run, if it was a whole one.
func checkConformance() error {
	if !wasWhole() {
		return nil
	}
	want := conformanceText()
	if os.Getenv("CHECKOUT_UPDATE") != "" {
		return os.WriteFile(conformanceDoc, []byte(want), 0o600)
	}
	got, err := os.ReadFile(conformanceDoc)
	if err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("docs/accessibility.md is not what this run has shown:\n%s", firstDifference(string(got), want))
	}
	return nil
}

func firstDifference(got, want string) string {
	was, is := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(was) && i < len(is) && was[i] == is[i] {
		i++
	}
	return fmt.Sprintf("line %d is\n\t%s\nand should be\n\t%s", i+1, strings.Join(was[i:min(i+1, len(was))], ""), strings.Join(is[i:min(i+1, len(is))], ""))
}

const conformanceHead = `# Accessibility of the hosted page

The tests in internal/e2e write this document from what they have seen, and fail when it says something else. Do not edit it;
to write it anew:

` + "```sh\ncd internal/e2e && CHECKOUT_UPDATE=1 go test -count=1 -run TestPage .\n```" + `

The page aims at WCAG 2.2, levels A and AA. That includes what EN 301 549 V3.2.1 asks of web pages, which names WCAG 2.1. A
provider's own fields (Stripe's, for example) are the provider's, and so are the pages that buyers go on to. Templates, texts
and styles that a host puts in the place of ours are the host's; an accent colour of the host's is given enough contrast.

## What was looked at

Every state of the page, in Chromium, through the templates and headers that buyers get. A page is one state in one language.

| Check | Pages |
|---|---|
`

func conformanceText() string {
	var b strings.Builder
	b.WriteString(conformanceHead)
	fmt.Fprintf(&b, "| axe-core, all rules of WCAG 2.2 A and AA and best practice, at %s, light and dark, in languages from left to right and from right to left | %d: %d violations, %d undecided |\n",
		"390, 1280 and 320 pixels", len(conformance.judged), conformance.violations, conformance.incomplete)
	for _, check := range slices.Sorted(maps.Keys(conformance.held)) {
		fmt.Fprintf(&b, "| %s | %d |\n", check, len(conformance.held[check]))
	}
	b.WriteString("\n## Every criterion\n\n| Criterion | Level | Result | How it is known |\n|---|---|---|---|\n")
	for _, c := range criteria {
		result, how := c.result()
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s |\n", c.number, c.name, c.level, result, how)
	}
	return b.String()
}

// result is what stands in the table for a criterion, and how it is known.
func (c criterion) result() (result, how string) {
	switch {
	case c.absent != "":
		return "not applicable", c.absent
	case c.judged != "":
		return "supports", "by a person, " + handDate + ": " + c.judged
	}
	tests := slices.Compact(slices.Sorted(slices.Values(conformance.proofs[c.number])))
	return "supports", "`" + strings.Join(tests, "`, `") + "`"
}

// Levels A and AA of WCAG 2.2 have 55 criteria; 4.1.1 is not one any more.
func TestPageConformanceNamesEveryCriterion(t *testing.T) {
	level := map[string]int{}
	numbers := map[string]bool{}
	for _, c := range criteria {
		level[c.level]++
		numbers[c.number] = true
	}
	if level["A"] != 31 || level["AA"] != 24 || len(numbers) != 55 {
		t.Errorf("%d criteria of levels %v, want 31 of A and 24 of AA", len(numbers), level)
	}
}
