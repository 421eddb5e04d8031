package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// opening is what somebody wants to know when the shop has opened.
type opening struct {
	at                                addresses
	admin, api, key, secret, database string
	notices                           string // path that Stripe's notifications go to, empty without Stripe
	seller, mails                     string // who invoices are from, and what becomes of mails
}

const curlText = `
Create a session from a shell and open the checkout_url of the answer:

curl -X POST %s/sessions \
  -H "Authorization: Bearer %s" \
  -H "Content-Type: application/json" \
  -d '{
    "line_items": [{
      "name": "Premium Coffee Beans",
      "amount": 2500,
      "currency": "eur",
      "quantity": 1
    }],
    "customer_email": "customer@example.com",
    "success_url": "%s/success",
    "cancel_url": "%s/cancel",
    "metadata": {"order_id": "12345"}
  }'
`

const stripeText = `
Stripe tells the shop what becomes of payments at %s
Add that address to Stripe's webhooks in test mode. Where Stripe cannot reach it, its command line tool brings it:

stripe listen --forward-to %s

The tool prints the secret that -stripe-webhook-secret takes, whsec_…
`

// testCards are the numbers that the checkout knows in test mode.
var testCards = []struct{ Number, Outcome string }{
	{"4242 4242 4242 4242", "is paid"},
	{"4000 0000 0000 0002", "is declined"},
	{"4000 0000 0000 9995", "is declined: not enough money"},
	{"4000 0000 0000 0069", "is declined: the card has expired"},
	{"4000 0000 0000 0127", "is declined: wrong security code"},
	{"4000 0000 0000 0119", "fails: the bank has a fault"},
	{"4000 0025 0000 3155", "asks the buyer to confirm at the bank, then is paid"},
	{"4000 0000 0000 3220", "asks the buyer to confirm at the bank, then is paid"},
	{"4000 0000 0001 2213", "asks the buyer to confirm at the bank, then is declined"},
	{"4000 0000 0001 2221", "is paid after three seconds"},
	{"4000 0000 0001 2239", "is being processed, and paid 15 seconds later"},
	{"4000 0000 0001 2247", "cannot be reached at first, is found paid a little later"},
}

func printOpening(w io.Writer, o opening) {
	fmt.Fprintf(w, "%s is open. Ctrl-C closes it.\n\n", shopName)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range [][2]string{
		{"Shop", o.at.base + "/"},
		{"Orders", o.at.base + "/orders"},
		{"Webhook inbox", o.at.base + "/webhooks"},
		{"Admin", o.admin},
		{"API", o.api},
		{"Test key", o.key},
		{"Webhooks go to", o.at.webhook},
		{"Webhook secret", o.secret},
		{"Database", o.database},
		{"Invoices by", o.seller},
		{"Mails are", o.mails},
	} {
		fmt.Fprintf(t, "  %s\t%s\n", row[0], row[1])
	}
	t.Flush()
	fmt.Fprintf(w, "\nThe next run finds all of this again: the database keeps it, the test key in its table %s.\n", setting{}.TableName())
	fmt.Fprint(w, "The link to the admin works once, for the browser that opens it first and until the shop closes.\n")
	fmt.Fprintf(w, curlText, o.api, o.key, o.at.base, o.at.base)
	if o.notices != "" {
		fmt.Fprintf(w, stripeText, o.at.base+o.notices, o.at.local+o.notices)
	}
	fmt.Fprint(w, "\nTest cards, with any date to come and any security code:\n\n")
	for _, c := range testCards {
		fmt.Fprintf(w, "  %s   %s\n", c.Number, c.Outcome)
	}
}
