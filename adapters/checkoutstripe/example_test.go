package checkoutstripe_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutstripe"
)

func Example() {
	stripe, err := checkoutstripe.New(checkoutstripe.Config{
		SecretKey:      key("sk", "live"), // in a shop: os.Getenv("STRIPE_SECRET_KEY"), and so on
		PublishableKey: key("pk", "live"),
		WebhookSecrets: []string{key("whsec", "")},
		Methods:        []string{"card", "ideal", "sepa_debit"},
	})
	if err != nil {
		panic(err)
	}

	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{}) // the host's own
	if err != nil {
		panic(err)
	}
	if pool, err := db.DB(); err == nil {
		defer pool.Close()
		pool.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	}
	if err := checkout.Migrate(context.Background(), db, ""); err != nil {
		panic(err)
	}
	_, err = checkout.New(checkout.Config{DB: db, BaseURL: "https://shop.example", Providers: []checkout.Provider{stripe}})
	if err != nil {
		panic(err)
	}

	offer, err := stripe.Methods(context.Background(), checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "NL", Livemode: true})
	if err != nil {
		panic(err)
	}
	fmt.Println("notifications:", "https://shop.example/api/checkout/v1/notify/"+stripe.Name())
	for _, m := range offer {
		fmt.Println(m.ID, m.Label)
	}
	// Output:
	// notifications: https://shop.example/api/checkout/v1/notify/stripe
	// card Card
	// ideal iDEAL
	// sepa_debit SEPA Direct Debit
}

// key has the form of a real one and is none.
func key(kind, mode string) string {
	return strings.Join(append(strings.Fields(kind+" "+mode), strings.Repeat("x", 24)), "_")
}
