package checkouttest

import (
	"reflect"
	"slices"
	"strings"

	"github.com/jopay/checkout"
)

// maxQR is what a code of version 13 at level M holds (EPC069-12), in bytes.
const maxQR = 331

func instructionsComplete(s *trial) {
	c, ok := s.Provider.(checkout.Instructor)
	if !ok {
		s.t.Skip("left out: the provider is no Instructor")
	}
	r := s.request(AnswerChallenges, amount, s.Currency)
	q := checkout.InstructionQuery{Charge: s.begin(r), Due: amount, Locale: "en"}
	got := c.Instructions(q)
	if end := s.observe(q.Charge).ExpiresAt; !end.IsZero() && got.Until.After(end) {
		s.t.Errorf("the buyer is told to pay until %v, and the session ends %v", got.Until, end)
	}
	if len(got.Text) == 0 && len(got.Fields) == 0 {
		s.t.Error("there are no instructions: nobody would know what to do")
	}
	for _, f := range got.Fields {
		if f.Value == "" || (f.Key == "" && f.Label == "") {
			s.t.Errorf("field %+v needs a value, and a key or a label", f)
		}
	}
	if n := len(got.QR); n > maxQR {
		s.t.Errorf("the code holds %d bytes, at most %d fit", n, maxQR)
	}
	if again := c.Instructions(q); !reflect.DeepEqual(got, again) {
		s.t.Errorf("Instructions gives %+v and then %+v", got, again)
	}
	q.Due = amount - 1
	if rest := c.Instructions(q); got.QR != "" && rest.QR == got.QR {
		s.t.Error("the code asks for the whole amount after a part has come")
	}
}

// transferReferences writes a reference as payers do. The sender's bank may cut words around it, never the reference.
func transferReferences(s *trial) {
	c, ok := s.Provider.(checkout.Transferee)
	if !ok {
		s.t.Skip("left out: the provider is no Transferee")
	}
	ref := s.begin(s.request(AnswerChallenges, amount, s.Currency)).Ref
	var groups []string
	for group := range slices.Chunk([]byte(ref), 4) {
		groups = append(groups, string(group))
	}
	spaced := strings.Join(groups, " ")
	for _, text := range []string{ref, spaced, strings.ToLower(spaced), "Order 17 " + ref + " thank you", "RF" + ref, "re:" + spaced + ".", "RF18 " + ref} {
		if found := c.References(text); !slices.Contains(found, ref) || len(found) > 20 {
			s.t.Errorf("References(%q) gives %q, want %s among 20 at most", text, found, ref)
		}
	}
	for _, text := range []string{"", "thank you", ref[:len(ref)-1], strings.Repeat("RF18 5390 0754 7034 ", 100)} {
		if found := c.References(text); slices.Contains(found, ref) || len(found) > 20 {
			s.t.Errorf("References(%q) gives %q", text, found)
		}
	}
}
