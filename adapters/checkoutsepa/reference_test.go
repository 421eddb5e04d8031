package checkoutsepa

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/quick"
)

// Published examples: RF18539007547034 of many banks, the others of Finnish guidance and of an encyclopedia.
func TestPublishedReferences(t *testing.T) {
	for _, ref := range []string{"RF18539007547034", "RF712348231", "RF45G72UUR"} {
		if !checksumFits(ref) {
			t.Errorf("%s is a reference of ISO 11649", ref)
		}
		if got := fmt.Sprintf("RF%02d", 98-mod97(ref[4:]+"RF00")); got != ref[:4] {
			t.Errorf("the check digits of %s are %s", ref, got)
		}
	}
	for _, wrong := range []string{"RF19539007547034", "RF18539007547043", "RF18539007547035"} {
		if checksumFits(wrong) {
			t.Errorf("%s is no reference", wrong)
		}
	}
}

// A reference is never changed: payments that are under way have it.
func TestTheReferenceOfAnAttempt(t *testing.T) {
	if got := referenceOf("pay_1"); got != "RF73DV4124ENG78GTXS5" {
		t.Errorf("the reference of pay_1 is %s", got)
	}
	p := &Provider{}
	fits := func(attempt string) bool {
		ref := referenceOf(attempt)
		return len(ref) == referenceSize && checksumFits(ref) && slices.Equal(p.References(ref), []string{ref}) && !strings.ContainsAny(ref[4:], "ILOU")
	}
	if err := quick.Check(fits, nil); err != nil {
		t.Error(err)
	}
}

func TestReferencesAreFound(t *testing.T) {
	one, two := referenceOf("pay_1"), referenceOf("pay_2")
	zero := referenceOf("pay_3") // it has a 0 and a 1, see below
	for !strings.Contains(zero[4:], "0") || !strings.Contains(zero[4:], "1") {
		zero = referenceOf(zero)
	}
	misread := "RF" + strings.NewReplacer("0", "O", "1", "l").Replace(zero[2:4]) + strings.NewReplacer("0", "o", "1", "I").Replace(zero[4:])
	for text, want := range map[string][]string{
		one:                                {one},
		"SVWZ+" + inFours(one) + "EREF+17": {one},
		"rf" + strings.ToLower(one[2:]):    {one},
		strings.Join(strings.Split(one, ""), "-"): {one},
		one[:9] + "\r\n" + one[9:]:                {one},
		"a" + two + one + "b":                     {two, one},
		one + " " + one:                           {one},
		"RF" + one:                                {one},
		"order RF17, " + one:                      {one},
		one[:19]:                                  nil,
		one[1:]:                                   nil,
		one[:10] + "ü" + one[10:]:                 nil,
		one[:18] + string(one[19]) + string(one[18]): nil, // transposed
		"":                                    nil,
		strings.Replace(misread, "RF", "", 1): nil,
		zero[:4] + strings.ReplaceAll(zero[4:], "0", "O"): {zero},
		zero[:4] + strings.ReplaceAll(zero[4:], "1", "L"): {zero},
		misread:                              {zero},
		"ß" + misread + " and " + two + " 😀": {two, zero},
	} {
		if got := (&Provider{}).References(text); !slices.Equal(got, want) {
			t.Errorf("References(%q) gives %q, want %q", text, got, want)
		}
	}
}

// A candidate may begin inside another one: RF is of the alphabet.
func TestOverlappingReferencesAreAllFound(t *testing.T) {
	inner, outer := "", ""
	for i := 0; outer == ""; i++ {
		inner = referenceOf(fmt.Sprint(i))
		for n := 0; n < 97; n++ {
			if c := fmt.Sprintf("RF%02d%s", n, inner[:16]); ours(c) {
				outer = c
			}
		}
	}
	text := outer + inner[16:]
	if got := (&Provider{}).References(text); !slices.Equal(got, []string{outer, inner}) {
		t.Errorf("References(%q) gives %q, want %q and %q", text, got, outer, inner)
	}
}

func TestAtMostTwentyReferencesTheExactFirst(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := range 30 {
		ref := referenceOf(fmt.Sprint("pay_", i))
		text.WriteString(ref + " ")
		want = append(want, ref)
	}
	if got := (&Provider{}).References(text.String()); !slices.Equal(got, want[:maxReferences]) {
		t.Errorf("%d references: %q", len(got), got)
	}
}

func FuzzReferences(f *testing.F) {
	f.Add("RF18 5390 0754 7034")
	f.Add(referenceOf("pay_1"))
	f.Fuzz(func(t *testing.T, text string) {
		got := (&Provider{}).References(text)
		if len(got) > maxReferences {
			t.Errorf("%d references", len(got))
		}
		for _, ref := range got {
			if len(ref) != referenceSize || !ours(ref) {
				t.Errorf("%q is no reference", ref)
			}
		}
	})
}
