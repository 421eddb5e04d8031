package ubl

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	documents  = 200
	rulesLimit = 5 * time.Minute // of one run of the rules, on a machine that is busy with other tests
	saxonJar   = "/usr/share/java/Saxon-HE.jar"
)

// report is what the rules said of a document.
type report struct {
	Fired  []struct{}     `xml:"fired-rule"`
	Failed []failedAssert `xml:"failed-assert"`
}

type failedAssert struct {
	ID   string `xml:"id,attr"`
	Flag string `xml:"flag,attr"`
	Text string `xml:"text"`
}

func (r report) ids() (list []string) {
	for _, f := range r.Failed {
		list = append(list, f.ID)
	}
	return list
}

// The official rules of EN 16931 and of XRechnung find nothing in 200 documents, neither errors nor warnings, and in each
// broken one what is broken.
func TestOfficialRules(t *testing.T) {
	saxon, rules := findSaxon(t), findRules(t)
	dir := t.TempDir()
	german := writeDocuments(t, dir)
	broken := writeBroken(t, dir)

	start := time.Now()
	reports := saxon.run(t, filepath.Join(rules, "en16931", "EN16931-UBL-validation.xslt"), dir)
	t.Logf("EN 16931: %d documents in %.1f s", len(reports), time.Since(start).Seconds())
	sheet := filepath.Join(t.TempDir(), "xrechnung.xslt")
	saxon.transform(t, filepath.Join("testdata", "schematron.xsl"), filepath.Join(rules, "xrechnung", "XRechnung-UBL-validation.sch"), sheet)
	xrechnung := saxon.run(t, sheet, dir)
	t.Logf("with XRechnung: %.1f s", time.Since(start).Seconds())

	fired := expectClean(t, reports, func(name string) bool { return strings.HasPrefix(name, "document") })
	firedGerman := expectClean(t, xrechnung, func(name string) bool { return german[name] })
	t.Logf("%d documents, %d rules fired; XRechnung: %d documents, %d rules fired", documents, fired, len(german), firedGerman)
	for name, want := range broken {
		got := append(reports[name].ids(), xrechnung[name].ids()...)
		if !slices.Contains(got, want) {
			t.Errorf("%s: the rules found %v, not %s", name, got, want)
		}
	}
}

// expectClean counts the rules that fired on the documents that count, of which every one must have some.
func expectClean(t *testing.T, reports map[string]report, counts func(name string) bool) (fired int) {
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

// writeDocuments returns which of the documents follow XRechnung.
func writeDocuments(t *testing.T, dir string) map[string]bool {
	t.Helper()
	g, german := newGenerator(1), map[string]bool{}
	for n := range documents {
		d := g.document(n)
		name := fmt.Sprintf("document-%03d.xml", n)
		german[name] = d.Profile == XRechnung
		writeFile(t, dir, name, marshal(t, d))
	}
	for name, is := range german {
		if !is {
			delete(german, name)
		}
	}
	return german
}

func marshal(t *testing.T, d Document) []byte {
	t.Helper()
	content, err := Marshal(d)
	if err != nil {
		t.Fatalf("%s: %v", d.Number, err)
	}
	return content
}

func writeFile(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// mistakes are what a broken writer could do, by the rule that has to notice. Each is a pattern and its replacement in
// sound XML of XRechnung.
var mistakes = []struct{ rule, pattern, replacement string }{
	{"BR-CO-16", `(PayableAmount currencyID="EUR">)0\.00`, "${1}1.00"},
	{"BR-CO-10", `(<cac:InvoiceLine>(?s:.*?)LineExtensionAmount currencyID="EUR">)\d+`, "${1}9"},
	{"BR-CO-13", `(TaxExclusiveAmount currencyID="EUR">)`, "${1}1"},
	{"BR-CO-14", `(<cac:TaxTotal>\s*<cbc:TaxAmount currencyID="EUR">)`, "${1}1"},
	{"BR-CO-15", `(TaxInclusiveAmount currencyID="EUR">)`, "${1}1"},
	{"BR-CO-17", `(<cac:TaxSubtotal>(?s:.*?)<cbc:TaxAmount currencyID="EUR">)`, "${1}1"},
	{"BR-S-02", `<cac:PartyTaxScheme>(?s:.*?)</cac:PartyTaxScheme>`, ""},
	{"BR-CO-09", `<cbc:CompanyID>DE`, "<cbc:CompanyID>"},
	{"BR-CO-26", `<cac:PartyTaxScheme>(?s:.*?)</cac:PartyTaxScheme>`, ""},
	{"BR-02", `<cbc:ID>BROKEN</cbc:ID>`, ""},
	{"BR-07", `Analytical Engines AG`, ""},
	{"BR-CL-23", `unitCode="C62"`, `unitCode="piece"`},
	{"BR-CL-03", `currencyID="EUR"`, `currencyID="BTC"`},
	{"BR-DEC-23", `(<cac:InvoiceLine>(?s:.*?)LineExtensionAmount currencyID="EUR">\d+\.)`, "${1}0"},
	{"BR-CL-14", `<cbc:IdentificationCode>DE`, "<cbc:IdentificationCode>XX"},
	{"BR-DE-1", `<cac:PaymentMeans>(?s:.*?)</cac:PaymentMeans>`, ""},
	{"BR-DE-2", `<cac:Contact>(?s:.*?)</cac:Contact>`, ""},
	{"BR-DE-3", `<cbc:CityName>Berlin</cbc:CityName>`, ""},
	{"BR-DE-9", `<cbc:PostalZone>20095</cbc:PostalZone>`, ""},
	{"BR-DE-14", `(<cac:TaxCategory>(?s:.*?))<cbc:Percent>19</cbc:Percent>`, "${1}"},
	{"BR-DE-15", `<cbc:BuyerReference>A-7</cbc:BuyerReference>`, ""},
	{"BR-DE-16", `<cac:PartyTaxScheme>(?s:.*?)</cac:PartyTaxScheme>`, ""},
	{"BR-DE-17", `>380<`, ">393<"},
	{"BR-DE-21", `xrechnung_3.0`, "xrechnung_9.9"},
	{"BR-DE-27", `\+49 30 1234567`, "none"},
	{"BR-DE-28", `(ElectronicMail>)billing@acme.example`, "${1}billing"},
}

// writeBroken returns which rule must notice each file.
func writeBroken(t *testing.T, dir string) map[string]string {
	t.Helper()
	sound := string(marshal(t, sample()))
	expected := map[string]string{}
	for _, m := range mistakes {
		broken := regexp.MustCompile(m.pattern).ReplaceAllString(sound, m.replacement)
		if broken == sound {
			t.Errorf("%s: the mistake changes nothing", m.rule)
		}
		name := "broken-" + m.rule + ".xml"
		expected[name] = m.rule
		writeFile(t, dir, name, []byte(broken))
	}
	writeFile(t, dir, "document-sample.xml", []byte(sound))
	return expected
}

// sample is an XRechnung with one line at 19 %.
func sample() Document {
	d := Document{
		Profile: XRechnung, Number: "BROKEN", IssuedOn: "2025-01-10", SuppliedOn: "2025-01-09", Currency: "eur", BuyerReference: "A-7",
		Seller: sampleSeller(), Buyer: sampleBuyer(), Net: 42017, Tax: 7983, Gross: 50000,
		Lines: []Line{{Name: "Beans", Quantity: 20, Net: 42017, Category: "S", RateBP: 1900}},
		Taxes: []Tax{{Category: "S", RateBP: 1900, Net: 42017, Tax: 7983}},
	}
	d.Seller.TaxNumber, d.Buyer.VATID = "", ""
	return d
}

// saxon runs XSLT 2.0.
type saxon struct{ java, jar string }

func findSaxon(t *testing.T) saxon {
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
	return saxon{java, jar}
}

// findRules is the folder of the rules, beside the repository.
func findRules(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("CHECKOUT_TEST_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	rules := filepath.Join(shared, "rules")
	if _, err := os.Stat(filepath.Join(rules, "en16931")); err != nil {
		t.Skip("SKIPPED-NEEDS-RULES: the official rules are not at ../shared/rules beside the repository, CHECKOUT_TEST_SHARED names another place")
	}
	return rules
}

// run gives the report of every file in dir, in one process that compiles the rules once.
func (s saxon) run(t *testing.T, stylesheet, dir string) map[string]report {
	t.Helper()
	out := t.TempDir()
	s.transform(t, stylesheet, dir, out)
	reports := map[string]report{}
	files, err := filepath.Glob(filepath.Join(out, "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r report
		if err := xml.Unmarshal(content, &r); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		reports[filepath.Base(f)] = r
	}
	return reports
}

func (s saxon) transform(t *testing.T, stylesheet, from, to string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rulesLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.java, "-cp", s.jar, "net.sf.saxon.Transform", "-s:"+from, "-xsl:"+stylesheet, "-o:"+to)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("saxon with %s: %v\n%.2000s", stylesheet, err, said.String())
	}
}
