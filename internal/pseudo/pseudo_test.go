package pseudo

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		text   string
		script Script
		want   string
	}{
		{"Pay {amount}", Accented, "[P\u0301a\u0301y\u0301 {amount} o\u0301o\u0301]"},
		{"Pay {amount}", Mirrored, "[גיכ {amount} בב]"},
		{"{n}", Accented, "[{n} o\u0301o\u0301]"},
	} {
		if got := Text(c.text, c.script); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}

func TestCatalogueIsLongerByTwoFifths(t *testing.T) {
	english := `{"language": "English", "dir": "ltr", "decimal": ",", "percent": "% {n}", "months": "January February", "more": {"one": "Show {n} item", "other": "Show {n} items"}}`
	made, err := Catalogue([]byte(english), "rtl", Mirrored)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(made, &got); err != nil {
		t.Fatal(err)
	}
	if got["dir"] != "rtl" || got["decimal"] != "." || got["percent"] != "{n}%" || len(strings.Fields(got["months"].(string))) != 2 {
		t.Errorf("%v", got)
	}
	text := got["more"].(map[string]any)["one"].(string)
	if utf8.RuneCountInString(text) < len("Show {n} item")*7/5 || !strings.Contains(text, "{n}") {
		t.Errorf("%q", text)
	}
	if _, err := Catalogue([]byte(`{`), "ltr", Accented); err == nil {
		t.Error("half a file is read")
	}
}

func TestSpelled(t *testing.T) {
	for _, script := range []Script{Accented, Mirrored} {
		if word := strings.Trim(Text("Order", script), "[] "); !Spelled(strings.Fields(word)[0], script) {
			t.Errorf("%q is not known", word)
		}
		if Spelled("Order", script) {
			t.Error("a plain word counts as written")
		}
	}
}
