package ubl

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/ubl/ublrules"
)

// Every input that the rules would refuse is refused by name.
func TestInputErrors(t *testing.T) {
	for _, tt := range []struct {
		field  string
		change func(d *Document)
	}{
		{"profile", func(d *Document) { d.Profile = "peppol" }},
		{"number", func(d *Document) { d.Number = " " }},
		{"issued_on", func(d *Document) { d.IssuedOn = "" }},
		{"issued_on", func(d *Document) { d.IssuedOn = "2025-02-30" }},
		{"due_on", func(d *Document) { d.DueOn = "soon" }},
		{"tax_point_on", func(d *Document) { d.TaxPointOn = "10.01.2025" }},
		{"supplied_on", func(d *Document) { d.SuppliedOn = "2025-1-1" }},
		{"currency", func(d *Document) { d.Currency = "" }},
		{"corrects.number", func(d *Document) { d.Corrects = &Reference{} }},
		{"corrects.issued_on", func(d *Document) { d.Corrects = &Reference{"1", "x"} }},
		{"seller.name", func(d *Document) { d.Seller.Name = "" }},
		{"seller.country", func(d *Document) { d.Seller.Country = "de" }},
		{"seller.vat_id", func(d *Document) { d.Seller.VATID = "" }},
		{"seller.vat_id", func(d *Document) { d.Seller.VATID = "123456789" }},
		{"seller.vat_id", func(d *Document) { d.Seller.VATID = "DE" }},
		{"seller.contact", func(d *Document) { d.Seller.Contact = "" }},
		{"seller.phone", func(d *Document) { d.Seller.Phone = "12" }},
		{"seller.email", func(d *Document) { d.Seller.Email = "billing@acme" }},
		{"seller.city", func(d *Document) { d.Seller.City = "" }},
		{"seller.postal_code", func(d *Document) { d.Seller.PostalCode = "" }},
		{"buyer.name", func(d *Document) { d.Buyer.Name = "" }},
		{"buyer.country", func(d *Document) { d.Buyer.Country = "" }},
		{"buyer.vat_id", func(d *Document) { d.Buyer.VATID = "1" }},
		{"buyer.email", func(d *Document) { d.Buyer.Email = "" }},
		{"buyer.city", func(d *Document) { d.Buyer.City = "" }},
		{"buyer.postal_code", func(d *Document) { d.Buyer.PostalCode = "" }},
		{"buyer_reference", func(d *Document) { d.BuyerReference = "" }},
		{"lines", func(d *Document) { d.Lines = nil }},
		{"lines[0].name", func(d *Document) { d.Lines[0].Name = "" }},
		{"lines[0].quantity", func(d *Document) { d.Lines[0].Quantity = 0 }},
		{"lines[0].net", func(d *Document) { d.Lines[0].Net = -1 }},
		{"lines[0].category", func(d *Document) { d.Lines[0].RateBP = 700 }},
		{"taxes[0].net", func(d *Document) { d.Taxes[0].Net++ }},
		{"taxes[0].net", func(d *Document) { d.Lines[0].Net++ }},
		{"taxes[0].tax", func(d *Document) { d.Taxes[0].Tax += 100; d.Tax += 100; d.Gross += 100 }},
		{"taxes[0].tax", func(d *Document) { d.Taxes[0].Tax -= 100; d.Tax -= 100; d.Gross -= 100 }},
		{"taxes[0].rate_bp", func(d *Document) { d.Lines[0].RateBP, d.Taxes[0].RateBP = 49, 49 }},
		{"taxes[1]", func(d *Document) { d.Taxes = append(d.Taxes, d.Taxes[0]) }},
		{"taxes[0].category", func(d *Document) { d.Lines[0].Category, d.Taxes[0].Category = "L", "L" }},
		{"taxes[0].rate_bp", func(d *Document) { d.Lines[0].Category, d.Taxes[0].Category = "Z", "Z" }},
		{"taxes[0].reason", func(d *Document) { untaxed(d, "E") }},
		{"buyer.vat_id", func(d *Document) { untaxed(d, "AE") }},
		{"buyer.vat_id", func(d *Document) { untaxed(d, "K") }},
		{"supplied_on", func(d *Document) { untaxed(d, "K"); d.Buyer.VATID, d.SuppliedOn = "FR12345678901", "" }},
		{"seller.vat_id", func(d *Document) { untaxed(d, "G"); d.Seller.VATID, d.Seller.TaxNumber = "", "1" }},
		{"seller.vat_id", func(d *Document) { untaxed(d, "O") }},
		{"net", func(d *Document) { d.Net++ }},
		{"tax", func(d *Document) { d.Tax++ }},
		{"gross", func(d *Document) { d.Gross++ }},
	} {
		d := sample()
		tt.change(&d)
		content, err := Marshal(d)
		var field *FieldError
		if !errors.As(err, &field) || field.Field != tt.field || content != nil {
			t.Errorf("%s: error %v", tt.field, err)
		}
	}
}

// untaxed puts all of a document into a category without tax.
func untaxed(d *Document, category string) {
	d.Lines[0].Category, d.Lines[0].RateBP = category, 0
	d.Taxes[0] = Tax{Category: category, Net: d.Net}
	d.Tax, d.Gross = 0, d.Net
}

func TestCurrenciesWithoutAForm(t *testing.T) {
	for code, problem := range map[string]string{"kwd": "3 decimals", "BHD": "3 decimals", "TND": "3 decimals", "stn": "not on the list", "BGN": "not on the list"} {
		d := sample()
		d.Currency = code
		_, err := Marshal(d)
		if !errors.Is(err, ErrCurrency) || !strings.Contains(err.Error(), problem) || CurrencyFits(code) {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, code := range []string{"eur", "JPY", "huf", "ISK"} {
		if !CurrencyFits(code) {
			t.Errorf("%s does not fit", code)
		}
	}
	if CurrencyFits("zzz") {
		t.Error("zzz fits")
	}
}

// Price times quantity over the base quantity is the line's net amount, exactly or rounded to the minor unit.
func TestUnitPrice(t *testing.T) {
	for _, tt := range []struct {
		net, quantity int64
		currency      string
		amount        string
		base          int64
	}{
		{42017, 20, "eur", "21.0085", 0},
		{42017, 1, "eur", "420.17", 0},
		{10000, 3, "eur", "33.333333", 0},
		{1, 3, "eur", "0.003333", 0},
		{0, 3, "eur", "0.00", 0},
		{100, 4, "eur", "0.25", 0},
		{120, 1, "eur", "1.20", 0},
		{100, 8, "jpy", "12.5", 0},
		{100, 1, "jpy", "100", 0},
		{1, 30000, "eur", "0.01", 30000},
		{99999998, 99999999, "eur", "999999.98", 99999999},
	} {
		d := sample()
		d.Currency = tt.currency
		p := d.price(Line{Net: tt.net, Quantity: tt.quantity})
		base := int64(0)
		if p.Base != nil {
			base = p.Base.Value
		}
		if p.Amount.Value != tt.amount || base != tt.base {
			t.Errorf("%d for %d: price %s, base quantity %d", tt.net, tt.quantity, p.Amount.Value, base)
		}
	}
}

func TestPercent(t *testing.T) {
	for bp, want := range map[int64]string{0: "0", 5: "0.05", 50: "0.5", 550: "5.5", 700: "7", 1900: "19", 1025: "10.25", 10000: "100"} {
		if got := percent(bp); got != want {
			t.Errorf("percent(%d) = %s, want %s", bp, got, want)
		}
	}
}

// A credit note has its own elements, and names what it corrects.
func TestCreditNote(t *testing.T) {
	d := sample()
	d.Corrects, d.DueOn, d.TaxPointOn = &Reference{"2025-000001", "2025-01-09"}, "2025-01-11", "2025-01-10"
	content := string(marshal(t, d))
	for _, want := range []string{
		`<CreditNote xmlns="` + nsCreditNote, "<cbc:CreditNoteTypeCode>381<", "<cbc:ID>2025-000001</cbc:ID>", "<cbc:IssueDate>2025-01-09<", "<cac:CreditNoteLine>",
		`<cbc:CreditedQuantity unitCode="C62">20<`, "<cbc:PaymentDueDate>2025-01-11<", "<cbc:TaxPointDate>2025-01-10<",
	} {
		if !strings.Contains(content, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(content, "Invoiced") || strings.Contains(content, "cbc:DueDate") {
		t.Error("it has elements of an invoice")
	}
}

// The same document gives the same bytes, and foreign text stays text.
func TestMarshalIsStable(t *testing.T) {
	one, two := newGenerator(7), newGenerator(7)
	for n := range 20 {
		a, b := marshal(t, one.document(n)), marshal(t, two.document(n))
		if !bytes.Equal(a, b) {
			t.Fatalf("document %d differs", n)
		}
	}
	d := sample()
	d.Lines[0].Name = `</cbc:Name>` + "\x00\u2028" + `<script>&"'`
	names := texts(t, marshal(t, d), "Name")
	if !slices.Contains(names, "</cbc:Name>\ufffd\u2028<script>&\"'") {
		t.Errorf("names: %q", names)
	}
}

// texts are the contents of all elements of a name.
func texts(t *testing.T, content []byte, name string) (list []string) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(content))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == name {
			var text string
			if err := dec.DecodeElement(&text, &start); err != nil {
				t.Fatal(err)
			}
			list = append(list, text)
		}
	}
}

// The lists here are those of the rules.
func TestCodesAreThoseOfTheRules(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(ublrules.Dir(t), "en16931", "EN16931-UBL-validation.xslt"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`' (1A AD [A-Z0-9 ]+) '`).FindAllSubmatch(content, -1)
	if len(list) == 0 {
		t.Fatal("no list of countries")
	}
	official := setOf(string(list[len(list)-1][1]))
	for code := range official {
		if !countries[code] {
			t.Errorf("country %s is missing", code)
		}
	}
	for code := range countries {
		if !official[code] {
			t.Errorf("country %s is not of the list", code)
		}
	}
	currencies := regexp.MustCompile(`' (AED AFN [A-Z ]+) '`).FindSubmatch(content)
	if currencies == nil {
		t.Fatal("no list of currencies")
	}
	known := setOf(string(currencies[1]))
	for _, code := range allCurrencies(t) {
		if CurrencyFits(code) && !known[code] || unlisted[code] && known[code] {
			t.Errorf("currency %s: fits is %v, on the list is %v", code, CurrencyFits(code), known[code])
		}
	}
}

// allCurrencies are all codes that could be one.
func allCurrencies(t *testing.T) (list []string) {
	t.Helper()
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				list = append(list, string([]rune{a, b, c}))
			}
		}
	}
	return list
}

func BenchmarkMarshal(b *testing.B) {
	d := newGenerator(1).document(50)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Marshal(d); err != nil {
			b.Fatal(err)
		}
	}
}
