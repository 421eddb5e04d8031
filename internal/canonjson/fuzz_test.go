package canonjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// FuzzCanonical: what Canonical accepts means the same to another parser, is a fixed point, and stays as it is when
// it comes in again.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"b":1,"10":"<&>","9":[1e21,1e-7,-0,5e-324]}`, `{"k":"\ud83d\ude00\u2028\u001F\/"}`, `{"a":{"01":null,"0":true}}`,
		`[1.0,1E5,9007199254740991,1e23,0.1]`, `{"__proto__":1}`, `{"a":1,"a":2}`, `{"\ud800":1}`, `[9007199254740993.0]`,
		`{"x":"\u0000"}`, `"` + "\u2029\ufeff\x7f" + `"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		got, err := Canonical(raw, Limits{Bytes: MaxBytes - 16})
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		var in, out any
		if err := json.Unmarshal(raw, &in); err != nil {
			t.Fatalf("accepted %q: %v", raw, err)
		}
		if err := json.Unmarshal(got, &out); err != nil || !reflect.DeepEqual(in, out) {
			t.Fatalf("%q became %q: %v", raw, got, err)
		}
		if err := Fixed(fmt.Appendf(nil, `{"m":%s}`, got)); err != nil {
			t.Fatalf("%q became %q: %v", raw, got, err)
		}
		if again, err := Canonical(got, Limits{}); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q became %q: %v", got, again, err)
		}
	})
}

// FuzzFixed: what Fixed accepts, Canonical leaves alone.
func FuzzFixed(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"0":1,"a":[1e+21,1e-7,{"k":"\u001f\n😀"}]}`, `{"a":"\u0000"}`, `{"a":1,"0":2}`, `{"a":-0}`, `{"a":1,"a":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if Fixed(p) != nil {
			return
		}
		if got, err := Canonical(p, Limits{Depth: fixedDepth}); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("Fixed accepts %q, Canonical says %q, %v", p, got, err)
		}
	})
}
