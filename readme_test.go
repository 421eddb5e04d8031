package checkout

import (
	"fmt"
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
	return docBlocks(t, "README.md")
}

// docBlocks gives the fenced blocks of a Markdown file.
func docBlocks(t *testing.T, file string) (list []codeBlock, text string) {
	t.Helper()
	data, err := os.ReadFile(file)
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
	for i, b := range blocks {
		if b.language != "go" {
			continue
		}
		if out, err := exec.Command("go", "vet", writeBlock(t, t.TempDir(), b, i)).CombinedOutput(); err != nil {
			t.Errorf("README.md:%d does not compile: %v\n%s", b.line, err, out)
		}
		compiled++
	}
	if compiled < 4 {
		t.Errorf("%d Go blocks were found, want at least 4", compiled)
	}
}

// writeBlock makes a file of block i: of tests a test file, of anything else a program. The files of one document may
// stand side by side.
func writeBlock(t *testing.T, dir string, b codeBlock, i int) string {
	t.Helper()
	name, text := fmt.Sprintf("block%d.go", i), b.text
	switch {
	case strings.Contains(text, "*testing.T"):
		name = fmt.Sprintf("block%d_test.go", i)
	case !strings.Contains(text, "func main()"):
		text += "\nfunc main() {}\n"
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
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
