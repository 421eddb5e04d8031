package ubl

import (
	"fmt"
	"math/rand/v2"

	"github.com/jopay/checkout/internal/money"
)

// generator makes documents of every kind that a shop can issue. The same seed gives the same documents.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 931))} }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// kind is a tax category and rate with what a document of it needs.
type kind struct {
	category string
	rateBP   int64
	reason   string
}

var domestic = []kind{
	{"S", 1900, ""}, {"S", 700, ""}, {"S", 2100, ""}, {"S", 550, ""}, {"S", 2000, ""}, {"S", 2550, ""}, {"S", 810, ""}, {"S", 50, ""}, {"S", 9000, ""},
	{"Z", 0, ""}, {"E", 0, "Exempt under Art. 132 of Directive 2006/112/EC"},
}

// document is the n-th: 1 to 100 lines, every third in German XRechnung, every fourth a credit note.
func (g generator) document(n int) Document {
	d := Document{
		Profile: EN16931, Number: fmt.Sprintf("TEST-2025-%06d", n), IssuedOn: "2025-01-10", SuppliedOn: "2025-01-09",
		Currency: pick(g, "eur", "eur", "usd", "gbp", "pln", "czk", "huf", "jpy", "isk", "chf"),
		Seller:   sampleSeller(), Buyer: sampleBuyer(),
		OrderReference: pick(g, "", "A-7", "Bestellung 42 & <43>"), BuyerReference: pick(g, "", "04011000-12345-67"),
		Note: pick(g, "", "Thank you.", "Zwei\nZeilen"), DueOn: pick(g, "", "2025-01-10"), TaxPointOn: pick(g, "", "2025-01-09"),
	}
	if n%3 == 0 {
		d.Profile, d.BuyerReference = XRechnung, "A-7"
	}
	if n%4 == 0 {
		d.Corrects = &Reference{fmt.Sprintf("2024-%06d", n), pick(g, "", "2024-12-31")}
	}
	g.vary(&d, n)
	g.fill(&d, g.kinds(&d, n), 1+(n*7)%100)
	return d
}

// vary leaves out what may be missing, and makes some sellers small and some buyers foreign.
func (g generator) vary(d *Document, n int) {
	if n%5 == 0 { // without a VAT ID the tax number must do
		d.Seller.VATID = ""
	} else if n%2 == 0 {
		d.Seller.TaxNumber = ""
	}
	if d.Profile == EN16931 && n%7 == 0 {
		d.Seller.Contact, d.Seller.Phone, d.Seller.Email = "", "", ""
		d.Buyer = Party{Name: "Ada", Country: pick(g, "FR", "GB", "GR", "US")}
	}
	if n%11 == 0 {
		d.Buyer.VATID = "EL123456789"
	}
}

// kinds are those that occur in a document: one to five domestic ones, or one that is not for everybody.
func (g generator) kinds(d *Document, n int) []kind {
	d.Seller.TaxNumber = or(d.Seller.TaxNumber, "30/123/45678")
	switch n % 10 {
	case 1:
		d.Buyer.VATID = "ATU12345678"
		return []kind{{"AE", 0, "Steuerschuldnerschaft des Leistungsempfängers"}, domestic[0]}
	case 2:
		d.Seller.VATID, d.Buyer.VATID = "DE123456789", "FR12345678901"
		return []kind{{"K", 0, ""}}
	case 3:
		d.Seller.VATID = "DE123456789"
		return []kind{{"G", 0, "Export"}}
	case 4:
		d.Seller.VATID, d.Buyer.VATID = "", ""
		return []kind{{"O", 0, ""}}
	case 5:
		return []kind{{"E", 0, "No VAT is charged under the small business scheme (§ 19 UStG)."}}
	}
	list := append([]kind{}, domestic...)
	g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+g.IntN(5)]
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// fill adds lines with gross amounts and takes the tax out of each group as the shop does: of the sum, rounded half up.
func (g generator) fill(d *Document, kinds []kind, lines int) {
	gross, members := make([]int64, len(kinds)), make([][]int, len(kinds))
	for i := range lines {
		k := i % len(kinds)
		quantity := pick(g, int64(1), 1, 2, 3, 7, 12, 999, 12345)
		l := Line{Name: g.name(), Quantity: quantity, Net: quantity * g.Int64N(99_999_999/12345/int64(lines)+1), Category: kinds[k].category, RateBP: kinds[k].rateBP}
		l.Description, l.SKU = pick(g, "", "Brown, whole beans", "<b>&amp;"), pick(g, "", "SKU-1")
		gross[k] += l.Net
		members[k] = append(members[k], i)
		d.Lines = append(d.Lines, l)
	}
	for k, kind := range kinds {
		if len(members[k]) == 0 {
			continue
		}
		t := Tax{Category: kind.category, RateBP: kind.rateBP, Tax: money.TaxIncluded(gross[k], int(kind.rateBP)), Reason: kind.reason}
		t.Net = gross[k] - t.Tax
		spread(d.Lines, members[k], t.Net, gross[k])
		d.Taxes = append(d.Taxes, t)
		d.Net, d.Tax, d.Gross = d.Net+t.Net, d.Tax+t.Tax, d.Gross+gross[k]
	}
}

// spread hands a group's net amount to its lines in proportion to their gross amounts; the first ones get the cents left.
func spread(lines []Line, members []int, net, gross int64) {
	left := net
	for _, i := range members {
		if gross > 0 {
			lines[i].Net = lines[i].Net * net / gross
		}
		left -= lines[i].Net
	}
	for _, i := range members[:left] {
		lines[i].Net++
	}
}

func (g generator) name() string {
	return pick(g, "Beans", "Kaffee „Süß & Schön“ <1 kg>", "Καφές", "Кофе", "咖啡 😀", "A very long name "+fmt.Sprint(g.IntN(1e9)))
}

func sampleSeller() Party {
	return Party{
		Name: "Acme Coffee GmbH", Line1: "Oranienstraße 12", PostalCode: "10999", City: "Berlin", Country: "DE", VATID: "DE123456789",
		TaxNumber: "30/123/45678", Contact: "Buchhaltung", Phone: "+49 30 1234567", Email: "billing@acme.example",
	}
}

func sampleBuyer() Party {
	return Party{
		Name: "Analytical Engines AG", Line1: "Hauptstraße 1", Line2: "Hinterhaus", PostalCode: "20095", City: "Hamburg", State: "HH", Country: "DE",
		VATID: "DE987654321", Contact: "Ada Lovelace", Email: "ada@engines.example",
	}
}
