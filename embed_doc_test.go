package checkout

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const embeddingDoc = "docs/embedding.md"

func TestEmbeddingDocBlocks(t *testing.T) {
	blocks, text := blocksOf(t, embeddingDoc)
	if n := strings.Count(text, "\n"); n > 180 {
		t.Errorf("%s has %d lines, want 180 at most", embeddingDoc, n)
	}
	kinds := map[string]int{}
	for _, b := range blocks {
		kinds[b.language]++
		switch b.language {
		case "go":
			mustCompile(t, embeddingDoc, b)
		case "json":
			s := oneShop(t, func(c *Config) { c.EmbedOrigins = []string{"https://shop.example"} })
			if !json.Valid([]byte(b.text)) || s.create(b.text) == "" {
				t.Errorf("%s:%d is no session", embeddingDoc, b.line)
			}
		}
	}
	if kinds["go"] != 1 || kinds["json"] != 1 || kinds["html"] != 2 {
		t.Errorf("the blocks are %v", kinds)
	}
}

// The hash in the document is that of the bytes that are served, under the address beside it.
func TestEmbeddingDocHasTheHash(t *testing.T) {
	_, text := blocksOf(t, embeddingDoc)
	s := oneShop(t, func(c *Config) { c.BaseURL = "https://pay.example" })
	src, integrity := s.co.EmbedScript()
	want := `<script src="` + src + `" integrity="` + integrity + `" crossorigin="anonymous" async></script>`
	if !strings.Contains(text, want) {
		t.Errorf("%s does not have\n%s", embeddingDoc, want)
	}
}

// The table names the events of the types, in their order, and the attributes are those that the loader reads.
func TestEmbeddingDocNamesEveryEvent(t *testing.T) {
	_, text := blocksOf(t, embeddingDoc)
	types, err := os.ReadFile("types/embed.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	names := func(rule, in string) (list []string) {
		for _, m := range regexp.MustCompile(rule).FindAllStringSubmatch(in, -1) {
			list = append(list, m[1])
		}
		return list
	}
	if got, want := names("(?m)^\\| `(checkout:[a-z]+)`", text), names(`"(checkout:[a-z]+)": CustomEvent`, string(types)); !slices.Equal(got, want) || len(want) != 7 {
		t.Errorf("the document names %q, the types %q", got, want)
	}
	for _, attribute := range []string{"data-checkout", "data-checkout-open", "data-checkout-sandbox", "data-lang"} {
		if !strings.Contains(text, "`"+attribute) {
			t.Errorf("%s is not in %s", attribute, embeddingDoc)
		}
	}
}
