package checkout

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// What docs/page.md promises to hosts with templates of their own is there: files, data, functions, states.
func TestPageDocNamesWhatIsThere(t *testing.T) {
	content, err := os.ReadFile("docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, ok := strings.Cut(string(content), "## Templates of your own")
	doc, _, ok2 := strings.Cut(doc, "## Languages")
	if !ok || !ok2 {
		t.Fatal("docs/page.md has other headings")
	}
	files, data, functions := section(t, doc, "| File |"), section(t, doc, "| Data |"), section(t, doc, "| Function |")
	for _, name := range append(slices.Clone(pageTemplates), "style.css", "checkout.js", "document.css") {
		if !strings.Contains(files, "`"+name+"`") {
			t.Errorf("docs/page.md does not name %s", name)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z]+\\.(?:html|css|js))`").FindAllStringSubmatch(files, -1) {
		if _, err := pageFiles.ReadFile("templates/" + m[1]); err != nil {
			t.Errorf("docs/page.md names a file: %v", err)
		}
	}
	for _, state := range statesOfPage {
		if !strings.Contains(data, "`"+state+"`") {
			t.Errorf("docs/page.md does not name the state %s", state)
		}
	}
	of := map[string]reflect.Type{"": reflect.TypeFor[*pageView](), "Items": reflect.TypeFor[pageItem](), "TaxLines": reflect.TypeFor[pageTax](), "Langs": reflect.TypeFor[pageLang](), "Seller": reflect.TypeFor[pageSeller]()}
	n := 0
	for _, m := range regexp.MustCompile("`\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?").FindAllStringSubmatch(data, -1) {
		n++
		if m[2] != "" && !member(of[m[1]], m[2]) {
			t.Errorf("docs/page.md: there is no %s", m[0])
		}
		if m[2] == "" && !member(of[""], m[1]) && !member(of["Items"], m[1]) && !member(of["TaxLines"], m[1]) && !member(of["Langs"], m[1]) {
			t.Errorf("docs/page.md: there is no %s", m[0])
		}
	}
	if n < 30 {
		t.Errorf("only %d fields were looked at", n)
	}
	known := mustPages(t).funcs("en")
	for name := range known {
		if !strings.Contains(functions, "| `"+name+" ") {
			t.Errorf("docs/page.md does not name the function %s", name)
		}
	}
	_, example, _ := strings.Cut(doc, "```html\n")
	example, _, _ = strings.Cut(example, "```")
	p, err := newPages(fstest.MapFS{"footer.html": {Data: []byte(example)}}, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	v := coffeePage()
	if got := renderPage(t, p, v); !strings.Contains(got, "<footer>\n<p>Sold by <bdi>"+v.Seller.LegalName+"</bdi></p>") {
		t.Errorf("the example's footer is not on the page: %s", got)
	}
}

// section is a table of a document, from its head to the next empty line.
func section(t *testing.T, doc, head string) string {
	t.Helper()
	_, table, ok := strings.Cut(doc, head)
	table, _, ok2 := strings.Cut(table, "\n\n")
	if !ok || !ok2 {
		t.Fatalf("there is no table %q", head)
	}
	return table
}

func member(of reflect.Type, name string) bool {
	if _, ok := of.MethodByName(name); ok {
		return true
	}
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	_, ok := of.FieldByName(name)
	return ok
}
