package checkoutmanual_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutmanual"
)

// Cash on delivery is for small orders in two countries; collecting in the shop is a way of its own.
func ExampleNew() {
	p, err := checkoutmanual.New(checkoutmanual.Config{Methods: []checkoutmanual.Method{
		{ID: checkoutmanual.CashOnDelivery, Currencies: []string{"eur"}, Countries: []string{"DE", "AT"}, Max: 30000},
		{ID: "in_the_shop", Label: "Pay in the shop", Mark: "cash", Text: map[string]string{
			"en": "Pay when you collect your order.",
			"de": "Sie bezahlen bei der Abholung.",
		}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	methods, err := p.Methods(context.Background(), checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "AT", Livemode: true})
	for _, m := range methods {
		fmt.Println(m.ID, "-", m.Label)
	}
	fmt.Println(err)
	// Output:
	// cash_on_delivery - Cash on delivery
	// in_the_shop - Pay in the shop
	// <nil>
}
