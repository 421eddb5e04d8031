// Package ublrules runs the official rules of EN 16931 and XRechnung over files, for tests. The rules lie beside the repository;
// Saxon runs them offline.
package ublrules

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// limit is for one run of the rules, on a machine that is busy with other tests.
const limit = 5 * time.Minute

const saxonJar = "/usr/share/java/Saxon-HE.jar"

// schematron turns the rules of XRechnung into a style sheet.
//
//go:embed schematron.xsl
var schematron []byte

// Report is what the rules said of a document (SVRL).
type Report struct {
	Fired  []struct{}     `xml:"fired-rule"`
	Failed []FailedAssert `xml:"failed-assert"`
}

// FailedAssert is a rule that a document breaks.
type FailedAssert struct {
	ID   string `xml:"id,attr"`
	Flag string `xml:"flag,attr"`
	Text string `xml:"text"`
}

// IDs are the rules that a document breaks.
func (r Report) IDs() (list []string) {
	for _, f := range r.Failed {
		list = append(list, f.ID)
	}
	return list
}

// Rules are the rules with what runs them.
type Rules struct{ java, jar, dir string }

// Find skips the test where rules or Saxon are missing, and says so.
func Find(t *testing.T) Rules {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-SAXON: the official rules are XSLT 2.0, and java is not installed")
	}
	jar := saxonJar
	if own := os.Getenv("CHECKOUT_TEST_SAXON"); own != "" {
		jar = own
	}
	if _, err := os.Stat(jar); err != nil {
		t.Skipf("SKIPPED-NEEDS-SAXON: no %s: install libsaxonhe-java, or name the file in CHECKOUT_TEST_SAXON", jar)
	}
	return Rules{java, jar, Dir(t)}
}

// Dir is the folder of the rules. It skips the test where they are missing, and says so.
func Dir(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("CHECKOUT_TEST_SHARED")
	if shared == "" {
		shared = filepath.Join(repository(t), "..", "shared")
	}
	dir := filepath.Join(shared, "rules")
	if _, err := os.Stat(filepath.Join(dir, "en16931")); err != nil {
		t.Skip("SKIPPED-NEEDS-RULES: the official rules are not at ../shared/rules beside the repository, CHECKOUT_TEST_SHARED names another place")
	}
	return dir
}

// repository is the nearest folder above with a go.mod.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("there is no go.mod above: %v", err)
	return ""
}

// EN16931 gives the report of every file in dir, in one process that compiles the rules once.
func (r Rules) EN16931(t *testing.T, dir string) map[string]Report {
	t.Helper()
	return r.run(t, filepath.Join(r.dir, "en16931", "EN16931-UBL-validation.xslt"), dir)
}

// XRechnung is the same with the German rules.
func (r Rules) XRechnung(t *testing.T, dir string) map[string]Report {
	t.Helper()
	compiler, sheet := filepath.Join(t.TempDir(), "schematron.xsl"), filepath.Join(t.TempDir(), "xrechnung.xslt")
	if err := os.WriteFile(compiler, schematron, 0o600); err != nil {
		t.Fatal(err)
	}
	r.transform(t, compiler, filepath.Join(r.dir, "xrechnung", "XRechnung-UBL-validation.sch"), sheet)
	return r.run(t, sheet, dir)
}

func (r Rules) run(t *testing.T, stylesheet, dir string) map[string]Report {
	t.Helper()
	out := t.TempDir()
	r.transform(t, stylesheet, dir, out)
	reports := map[string]Report{}
	files, err := filepath.Glob(filepath.Join(out, "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var report Report
		if err := xml.Unmarshal(content, &report); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		reports[filepath.Base(f)] = report
	}
	return reports
}

func (r Rules) transform(t *testing.T, stylesheet, from, to string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.java, "-cp", r.jar, "net.sf.saxon.Transform", "-s:"+from, "-xsl:"+stylesheet, "-o:"+to)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("saxon with %s: %v\n%.2000s", stylesheet, err, said.String())
	}
}

// ExpectClean counts the rules that fired on the documents that count, of which every one must have some and break none.
func ExpectClean(t *testing.T, reports map[string]Report, counts func(name string) bool) (fired int) {
	t.Helper()
	seen := 0
	for name, r := range reports {
		if !counts(name) {
			continue
		}
		seen++
		fired += len(r.Fired)
		if len(r.Fired) == 0 {
			t.Errorf("%s: no rule fired", name)
		}
		for _, f := range r.Failed {
			t.Errorf("%s: %s (%s): %s", name, f.ID, f.Flag, f.Text)
		}
	}
	if seen == 0 {
		t.Error("no documents were looked at")
	}
	return fired
}
