package checkoutsepa_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutsepa"
)

// The provider stands beside the others in checkout.Config.Providers.
func ExampleNew() {
	p, err := checkoutsepa.New(checkoutsepa.Config{Name: "Demo Shop GmbH", IBAN: "DE89 3704 0044 0532 0130 00"})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range p.Instructions(checkout.InstructionQuery{Charge: checkout.ChargeRef{AttemptID: "pay_1"}, Due: 2500}).Fields {
		fmt.Println(f.Key, f.Value)
	}
	// Output:
	// payee Demo Shop GmbH
	// iban DE89 3704 0044 0532 0130 00
	// reference RF73 DV41 24EN G78G TXS5
}

// books stands for *checkout.Checkout, which has the payments.
type books struct{}

func (books) RecordTransfer(_ context.Context, ref string, amount int64, t checkout.Transfer) (checkout.TransferResult, error) {
	fmt.Println(amount, t.Currency, t.BookedAt.Format("2006-01-02"), ref+t.Text)
	return checkout.TransferResult{Status: checkout.TransferBooked}, nil
}

func ExampleProvider_Import() {
	p, err := checkoutsepa.New(checkoutsepa.Config{Name: "Demo Shop GmbH", IBAN: "DE89 3704 0044 0532 0130 00"})
	if err != nil {
		log.Fatal(err)
	}
	file := strings.NewReader("Buchungstag;Verwendungszweck;Betrag\n2.3.2026;RF73 DV41 24EN G78G TXS5;25,00\n2.3.2026;Rent;-1.200,00\n")
	report, err := p.Import(context.Background(), books{}, file, checkoutsepa.ImportOptions{Actor: "the accountant", FileName: "march.csv"})
	fmt.Println(report.Booked, "booked,", report.Ignored, "ignored,", err)
	// Output:
	// 2500 eur 2026-03-02 RF73 DV41 24EN G78G TXS5
	// 1 booked, 1 ignored, <nil>
}
