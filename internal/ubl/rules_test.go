package ubl

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/ubl/ublrules"
)

const documents = 200

// The official rules of EN 16931 and of XRechnung find nothing in 200 documents, neither errors nor warnings, and in each
// broken one what is broken.
func TestOfficialRules(t *testing.T) {
	rules := ublrules.Find(t)
	dir := t.TempDir()
	german := writeDocuments(t, dir)
	broken := writeBroken(t, dir)

	start := time.Now()
	reports := rules.EN16931(t, dir)
	t.Logf("EN 16931: %d documents in %.1f s", len(reports), time.Since(start).Seconds())
	xrechnung := rules.XRechnung(t, dir)
	t.Logf("with XRechnung: %.1f s", time.Since(start).Seconds())

	fired := ublrules.ExpectClean(t, reports, func(name string) bool { return strings.HasPrefix(name, "document") })
	firedGerman := ublrules.ExpectClean(t, xrechnung, func(name string) bool { return german[name] })
	t.Logf("%d documents, %d rules fired; XRechnung: %d documents, %d rules fired", documents, fired, len(german), firedGerman)
	for name, want := range broken {
		got := append(reports[name].IDs(), xrechnung[name].IDs()...)
		if !slices.Contains(got, want) {
			t.Errorf("%s: the rules found %v, not %s", name, got, want)
		}
	}
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
