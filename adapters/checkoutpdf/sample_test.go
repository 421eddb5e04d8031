package checkoutpdf

import (
	"bytes"
	"fmt"
	"image"
	stdcolor "image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/jopay/checkout"
)

// invoice has something in every part, and n lines.
func invoice(n int) checkout.Sheet {
	s := checkout.Sheet{
		Lang: "de", Dir: "ltr", Title: "Rechnung 2025-000123",
		Seller:    []string{"Acme Coffee GmbH", "Oranienstraße 12", "10999 Berlin", "Deutschland"},
		Buyer:     []string{"Analytical Engines AG", "Ada Lovelace", "Hauptstraße 1", "20095 Hamburg", "Deutschland", "USt-IdNr. DE987654321", "ada@engines.example"},
		BuyerWord: "Rechnung an",
		Facts:     []checkout.SheetFact{{Label: "Rechnungsdatum", Value: "10. Januar 2025"}, {Label: "Leistungsdatum", Value: "9. Januar 2025"}, {Label: "Bestellung", Value: "A-7"}, {Label: "Bezahlt mit", Value: "Karte"}},
		Columns:   checkout.SheetColumns{Name: "Artikel", Quantity: "Menge", Unit: "Einzelpreis", Rate: "MwSt.", Amount: "Betrag"},
		Totals: []checkout.SheetTotal{
			{Label: "Summe ohne MwSt.", Amount: "1.234,56\u00a0€"}, {Label: "MwSt. 19\u00a0% auf 1.000,00\u00a0€", Amount: "190,00\u00a0€"},
			{Label: "MwSt. 7\u00a0% auf 234,56\u00a0€", Amount: "16,42\u00a0€"}, {Label: "Gesamt bezahlt", Amount: "1.440,98\u00a0€", Strong: true},
		},
		Notes:  []string{"Vielen Dank für Ihren Einkauf."},
		Footer: []string{"USt-IdNr. DE123456789", "Steuernummer 30/123/45678", "Buchhaltung", "billing@acme.example", "+49 30 1234567"},
	}
	for i := range n {
		l := checkout.SheetLine{Name: fmt.Sprintf("Espresso-Bohnen Nr. %d", i+1), Quantity: fmt.Sprint(i%9 + 1), Unit: "12,34\u00a0€", Rate: "19\u00a0%", Amount: fmt.Sprintf("%d,00\u00a0€", 1000+i)}
		if i%3 == 0 {
			l.Detail = "Kräftig geröstet, ganze Bohnen, 1 kg"
		}
		s.Lines = append(s.Lines, l)
	}
	return s
}

// sheets are documents of every kind, by name.
func sheets(t testing.TB) map[string]checkout.Sheet {
	t.Helper()
	receipt := checkout.Sheet{
		Lang: "en", Dir: "ltr", Title: "Receipt TEST-R-2025-000001", Test: "Test: not a tax document", Seller: []string{"Acme Coffee"},
		Facts:   []checkout.SheetFact{{Label: "Date of issue", Value: "January 10, 2025"}, {Label: "Date of supply", Value: "January 9, 2025"}},
		Columns: checkout.SheetColumns{Name: "Item", Quantity: "Quantity", Unit: "Price", Rate: "VAT", Amount: "Amount"},
		Lines:   []checkout.SheetLine{{Name: "Beans", Quantity: "2", Unit: "$12.50", Amount: "$25.00"}},
		Totals:  []checkout.SheetTotal{{Label: "Total paid", Amount: "$25.00", Strong: true}},
		Notes:   []string{"This confirms the payment. It is not an invoice for tax purposes."},
	}
	credit := invoice(2)
	credit.Lang, credit.Title, credit.Logo = "el", "Πιστωτικό C-2025-000001", pngLogo(t, image.NewNRGBA(image.Rect(0, 0, 300, 80)))
	credit.Facts = append(credit.Facts, checkout.SheetFact{Label: "Αφορά", Value: "2025-000123, 10 Ιανουαρίου 2025"})
	credit.Lines[0].Name, credit.Lines[1].Name = "Καφές σε κόκκους", "Кофе в зёрнах"
	long := invoice(3)
	long.Logo = jpegLogo(t)
	long.Lines[0].Name = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft-Kaffee mit einem sehr langen Namen, der über mehrere Zeilen läuft"
	long.Lines[1].Name, long.Lines[1].Detail = word(400), words500()
	long.Lines[2].Unit, long.Lines[2].Amount = "999.999.999.999,00\u202fHUF", "9.999.999.999.999,00\u202fHUF"
	long.Seller[0], long.Title = "Acme Coffee Import Export Gesellschaft mit beschränkter Haftung & Co. Kommanditgesellschaft auf Aktien", "Rechnung "+word(60)
	endless := invoice(1)
	endless.Lines[0].Detail = fmt.Sprint(words500(), words500(), words500(), words500(), words500(), words500(), words500(), words500())
	rates := invoice(3)
	for i := range 100 {
		rates.Totals = append([]checkout.SheetTotal{{Label: fmt.Sprintf("Steuer %d %% auf 1.234,00 € und noch mehr Worte dazu, die umbrochen werden", i), Amount: fmt.Sprintf("1.%03d,00 €", i)}}, rates.Totals...)
	}
	return map[string]checkout.Sheet{"maximal": fullSheet(t, 9), "foot": fullSheet(t, 6), "rates": rates, "receipt": receipt, "invoice": invoice(5), "credit": credit, "long": long, "endless": endless, "hundred": invoice(100), "empty": {Title: "Nothing"}}
}

// fullSheet has a notice, a logo, a long reference and footer, and addresses with as many lines of the greatest length.
func fullSheet(t testing.TB, lines int) checkout.Sheet {
	t.Helper()
	s := invoice(3)
	s.Logo, s.Test = jpegLogo(t), "Test: not a tax document"
	s.Seller, s.Buyer, s.Footer = fullParty("VERKÄUFER", lines), fullParty("KÄUFER", lines), fullParty("FUSS", 5)
	s.Facts[2].Value = string(bytes.Repeat([]byte("R"), 200))
	return s
}

// fullParty has lines of 200 characters, which a seller's may have at most.
func fullParty(name string, count int) (lines []string) {
	for i := range count {
		line := fmt.Sprintf("%s %d %s", name, i, bytes.Repeat([]byte("GROSSE STRASSE "), 14))
		lines = append(lines, string([]rune(line)[:199])+"E")
	}
	return lines
}

func word(n int) string { return string(bytes.Repeat([]byte("Wort"), n/4)) }

func words500() string { return string(bytes.Repeat([]byte("lang und länger "), 500/16)) }

func pngLogo(t testing.TB, picture *image.NRGBA) []byte {
	t.Helper()
	paint(picture.Bounds(), func(x, y int) {
		if (x-40)*(x-40)+(y-40)*(y-40) < 1500 || x > 100 && y > 25 && y < 55 {
			picture.Set(x, y, stdcolor.NRGBA{0x10, 0x50, 0x3d, 255})
		}
	})
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jpegLogo(t testing.TB) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 200, 200))
	paint(picture.Bounds(), func(x, y int) { picture.Set(x, y, stdcolor.RGBA{uint8(x), uint8(y), 90, 255}) })
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func paint(b image.Rectangle, pixel func(x, y int)) {
	for y := range b.Dy() {
		for x := range b.Dx() {
			pixel(x, y)
		}
	}
}
