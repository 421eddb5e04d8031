package e2e

import (
	"bytes"
	"image/color"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsepa"
	"github.com/jopay/checkout/webhook"
)

const (
	payee     = "Acme Coffee & Söhne GmbH"
	payeeIBAN = "DE89 3704 0044 0532 0130 00"
)

func openSEPAStore(t testing.TB) *store {
	t.Helper()
	account, err := checkoutsepa.New(checkoutsepa.Config{Name: payee, IBAN: payeeIBAN, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	return openStore(t, func(cfg *checkout.Config) { cfg.Providers = []checkout.Provider{account} })
}

// look is a way to look at a page.
type look struct {
	name          string
	lang          string
	width, height int64
	dark, scripts bool
}

var looks = []look{
	{"desktop in English", "en", 1280, 900, false, true},
	{"dark phone in German", "de", 390, 844, true, true},
	{"phone in English without scripts", "en", 390, 844, false, false},
	{"dark desktop in German without scripts", "de", 1280, 900, true, false},
}

func (l look) open(t testing.TB) *tab {
	t.Helper()
	b := openTab(t)
	b.size(l.width, l.height)
	if l.dark {
		b.dark()
	}
	if !l.scripts {
		b.withoutScripts()
	}
	return b
}

var germanAndEnglish = map[string]map[string]string{
	"en": {"title": "Your order is waiting for your payment", "payee": "Recipient", "reference": "Reference", "amount": "€25.00", "rest": "Still to pay: €15.00", "done": "Thank you"},
	"de": {"title": "Ihre Bestellung wartet auf Ihre Zahlung", "payee": "Empfänger", "reference": "Verwendungszweck", "amount": "25,00 €", "rest": "Noch zu zahlen: 15,00 €", "done": "Vielen Dank"},
}

func TestBrowserPaysByBankTransfer(t *testing.T) {
	t.Parallel()
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			b, s, say := l.open(t), openSEPAStore(t), germanAndEnglish[l.lang]
			order := s.order()
			page := order.CheckoutURL + "?lang=" + l.lang
			b.open(page)
			b.click("label[for=method-bank_transfer]")
			b.click(payButton)
			for _, text := range []string{say["title"], say["payee"], payee, payeeIBAN, say["reference"], say["amount"]} {
				b.readLoosely(text)
			}
			b.fits()
			b.keep("instructions")
			reference := b.reference()
			b.asks(reference, "EUR25.00")
			s.is(order, "pending", "requires_action")

			s.receive(reference, 1000)
			b.open(page)
			b.readLoosely(say["rest"])
			b.keep("the rest")
			b.asks(reference, "EUR15.00")
			s.is(order, "pending", "requires_action")

			s.receive(reference, 1500)
			if !l.scripts {
				b.open(page) // without scripts a page does not look again by itself
			}
			b.readLoosely(say["done"])
			s.is(order, "completed", "paid", webhook.SessionCompleted)
		})
	}
}

// receive is money that has come to the shop's account.
func (s *store) receive(reference string, amount int64) {
	s.t.Helper()
	got, err := s.co.RecordTransfer(s.t.Context(), reference, amount, checkout.Transfer{Payer: "Ada", Actor: "tests"})
	if err != nil || got.Status != checkout.TransferBooked {
		s.t.Fatalf("the transfer is %q, %v", got.Status, err)
	}
}

var referenceRule = regexp.MustCompile(`RF\d\d( [0-9A-Z]{1,4})+`)

// reference is what the page tells the buyer to write on the transfer.
func (b *tab) reference() string {
	b.t.Helper()
	found := referenceRule.FindString(b.text("dl"))
	if found == "" {
		b.t.Fatalf("there is no reference among %q", b.text("dl"))
	}
	return found
}

// asks holds the code on the page, read from a picture of it, to EPC069-12 version 002: no BIC, no purpose, and nothing
// after the reference.
func (b *tab) asks(reference, amount string) {
	b.t.Helper()
	unspaced := strings.NewReplacer(" ", "")
	want := strings.Join([]string{
		"BCD", "002", "1", "SCT", "", payee, unspaced.Replace(payeeIBAN), amount, "", unspaced.Replace(reference),
	}, "\n")
	picture := b.picture("figure svg")
	if got := decodeQR(b.t, picture); got != want {
		b.t.Errorf("the code says %q, want %q", got, want)
	}
	isBlackOnWhite(b.t, picture)
}

// isBlackOnWhite looks at the quiet zone and for ink: jsQR reads a black code on dark grey as well, cameras may not.
func isBlackOnWhite(t testing.TB, picture []byte) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	size, ink := img.Bounds().Size(), color.Gray{Y: 255}
	for x := range size.X {
		if c := color.GrayModel.Convert(img.At(x, size.Y/2)).(color.Gray); c.Y < ink.Y {
			ink = c
		}
	}
	for _, ground := range []color.Color{img.At(5, size.Y/2), img.At(size.X-6, size.Y/2), img.At(size.X/2, 5), img.At(size.X/2, size.Y-6)} {
		if c := color.GrayModel.Convert(ground).(color.Gray); c.Y < 250 || ink.Y > 5 {
			t.Errorf("the code has ground of %d and ink of %d, want white and black", c.Y, ink.Y)
		}
	}
}

func TestBrowserChoosesAnotherWayThanATransfer(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *tab) {
		s := openSEPAStore(t)
		order := s.order()
		b.open(order.CheckoutURL)
		b.click("label[for=method-bank_transfer]")
		b.click(payButton)
		b.read(payeeIBAN)
		b.click("button[value=abandon]")
		b.click("label[for=method-test_card]")
		b.typeCard("4242424242424242")
		b.click(payButton)
		b.at(s.thanks(order))
	})
}
