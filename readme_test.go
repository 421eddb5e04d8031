package checkout

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

type codeBlock struct {
	language string
	line     int
	text     string
}

func readmeBlocks(t *testing.T) (list []codeBlock, text string) {
	t.Helper()
	return blocksOf(t, "README.md")
}

// blocksOf gives a document and the code blocks in it.
func blocksOf(t *testing.T, name string) (list []codeBlock, text string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var open *codeBlock
	for i, line := range strings.Split(string(data), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &codeBlock{language: fence, line: i + 1}
		case isFence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return list, string(data)
}

func TestReadmeGoBlocksCompile(t *testing.T) {
	blocks, _ := readmeBlocks(t)
	compiled := 0
	for _, b := range blocks {
		if b.language != "go" {
			continue
		}
		mustCompile(t, "README.md", b)
		compiled++
	}
	if compiled < 4 {
		t.Errorf("%d Go blocks were found, want at least 4", compiled)
	}
}

func mustCompile(t *testing.T, name string, b codeBlock) {
	t.Helper()
	if out, err := exec.Command("go", "vet", writeBlock(t, t.TempDir(), b, 0)).CombinedOutput(); err != nil {
		t.Errorf("%s:%d does not compile: %v\n%s", name, b.line, err, out)
	}
}

func TestReadmeStartsWithCode(t *testing.T) {
	blocks, text := readmeBlocks(t)
	if blocks[0].line > 25 {
		t.Errorf("the first code stands on line %d, want 25 at most", blocks[0].line)
	}
	for _, b := range blocks {
		if b.language == "go" {
			if n := strings.Count(b.text, "\n"); n > 25 {
				t.Errorf("Add it has %d lines, want 25 at most", n)
			}
			break
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("README.md links to %s, which is not there", link[1])
		}
	}
}

func TestReadmeJavaScriptBlocksParse(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: node is not installed")
	}
	blocks, _ := readmeBlocks(t)
	for _, b := range blocks {
		if b.language != "js" {
			continue
		}
		file := filepath.Join(t.TempDir(), "block.cjs")
		if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(node, "--check", file).CombinedOutput(); err != nil {
			t.Errorf("README.md:%d: %v\n%s", b.line, err, out)
		}
	}
}

func TestReadmeTablesAreComplete(t *testing.T) {
	_, text := readmeBlocks(t)
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		if name := config.Field(i).Name; !strings.Contains(text, "`"+name+"`") {
			t.Errorf("Config.%s is not in the README's table", name)
		}
	}
	for _, card := range testCards {
		if number := (pageTestCard{Number: card.Number}).Digits(); !strings.Contains(text, "`"+number+"`") {
			t.Errorf("the test number %s is not in the README's table", number)
		}
	}
	for _, limit := range []int{maxLineItems, maxName, maxMetadataKeys, maxAttempts} {
		if !strings.Contains(text, strconv.Itoa(limit)) {
			t.Errorf("the limit %d is not in the README", limit)
		}
	}
}
