package strictjson

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"empty":               {"", ErrEmpty},
		"white space":         {" \n\t ", ErrEmpty},
		"cut":                 {`{"a":`, ErrSyntax},
		"cut array":           {`[1,`, ErrSyntax},
		"single quotes":       {`{'a':1}`, ErrSyntax},
		"comment":             {`{"a":1}//x`, ErrTrailing},
		"trailing comma":      {`{"a":1,}`, ErrSyntax},
		"second value":        {`{"a":1}{"a":2}`, ErrTrailing},
		"trailing word":       {`{"a":1} x`, ErrTrailing},
		"duplicate":           {`{"a":1,"a":2}`, ErrDuplicate},
		"duplicate by escape": {`{"a":1,"\u0061":2}`, ErrDuplicate},
		"nested duplicate":    {`{"m":{"k":1,"k":1}}`, ErrDuplicate},
		"invalid UTF-8":       {"{\"a\":\"\xff\"}", ErrSyntax},
		"lone surrogate":      {`{"a":"\ud800"}`, ErrSyntax},
		"NUL escape":          {`{"a":"x\u0000"}`, ErrNUL},
		"NUL in a name":       {`{"\u0000":1}`, ErrNUL},
		"NaN":                 {`{"a":NaN}`, ErrSyntax},
		"leading zero":        {`{"a":01}`, ErrSyntax},
		"BOM":                 {"\ufeff{}", ErrSyntax},
		"too deep":            {strings.Repeat("[", 9) + strings.Repeat("]", 9), ErrDepth},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.text), 8); !errors.Is(err, tt.want) {
				t.Fatalf("Parse(%q) = %v, want %v", tt.text, err, tt.want)
			}
		})
	}
}

func TestParseKeepsSpellingAndOrder(t *testing.T) {
	text := ` { "b" : 1.0 , "a":[ true,null, "q\"\\" ],"n":-2.5e3, "o":{"z":"\u00e9"}, "e":"" } `
	v, err := Parse([]byte(text), 8)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range v.Members {
		names = append(names, m.Name+"="+string(m.Value.Raw))
	}
	got := strings.Join(names, ";")
	want := `b=1.0;a=[ true,null, "q\"\\" ];n=-2.5e3;o={"z":"\u00e9"};e=""`
	if got != want {
		t.Errorf("members\n got %s\nwant %s", got, want)
	}
	a, _ := v.Get("a")
	if a.Elems[2].Text != `q"\` || string(a.Elems[2].Raw) != `"q\"\\"` {
		t.Errorf("string decoded as %q from %s", a.Elems[2].Text, a.Elems[2].Raw)
	}
	if o, _ := v.Get("o"); o.Members[0].Value.Text != "é" {
		t.Errorf("escape decoded as %q", o.Members[0].Value.Text)
	}
}

func TestParseErrorsNeverRepeatTheText(t *testing.T) {
	_, err := Parse([]byte(`{"email":"secret@example.com" "x"}`), 8)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Fatalf("error repeats the input: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,"b",{"c":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data, 8)
		if err != nil {
			return
		}
		if again, err := Parse(v.Raw, 8); err != nil || again.Kind != v.Kind {
			t.Fatalf("Raw %q does not parse again: %v", v.Raw, err)
		}
	})
}
