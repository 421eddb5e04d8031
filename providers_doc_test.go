package checkout

import (
	"os"
	"regexp"
	"testing"
)

func TestProvidersGuideCompilesAndLinks(t *testing.T) {
	t.Parallel()
	blocks, text := blocksOf(t, "docs/providers.md")
	compiled := 0
	for _, b := range blocks {
		if b.language == "go" {
			mustCompile(t, "docs/providers.md", b)
			compiled++
		}
	}
	if compiled < 3 {
		t.Errorf("%d Go blocks were found, want at least 3", compiled)
	}
	for _, link := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat("docs/" + link[1]); err != nil {
			t.Errorf("docs/providers.md links to %s, which is not there", link[1])
		}
	}
}
