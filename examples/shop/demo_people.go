package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jopay/checkout"
)

// customer is somebody who comes to the shop.
type customer struct {
	name, email string
	basket      []line
	expires     time.Duration
}

var (
	givenNames  = strings.Fields("Anna Ben Clara David Elif Felix Greta Hugo Ines Jonas Katja Luca Mira Noah Olga Paul Rosa Samir Tessa Yusuf Amélie José Søren Zoë")
	familyNames = strings.Fields("Albers Becker Conti Dubois Eriksen Fischer García Hansen Ivanova Jansen Kaya Lindqvist Moreau Novák Okafor Petrov Rossi Schäfer Tanaka Vogel Weiß Yılmaz")
	mailHosts   = []string{"example.com", "example.org", "example.net", "mail.example"}
	latin       = strings.NewReplacer("é", "e", "ø", "o", "ë", "e", "í", "i", "á", "a", "ä", "ae", "ß", "ss", "ı", "i")
)

// customer draws somebody. One in twelve gives no address before paying.
func (d *demo) customer(n int) customer {
	given, family := givenNames[d.random.IntN(len(givenNames))], familyNames[d.random.IntN(len(familyNames))]
	c := customer{name: given + " " + family, expires: time.Duration(1+d.random.IntN(24)) * time.Hour}
	if d.random.IntN(12) > 0 {
		c.email = fmt.Sprintf("%s.%s%d@%s", strings.ToLower(latin.Replace(given)), strings.ToLower(latin.Replace(family)), n%90+10, mailHosts[d.random.IntN(len(mailHosts))])
	}
	first := d.random.IntN(len(products))
	for i := range 1 + d.random.IntN(2) {
		c.basket = append(c.basket, line{products[(first+i)%len(products)], 1 + int64(d.random.IntN(mostBags)*d.random.IntN(2))})
	}
	return c
}

func (c customer) session(o order, base string) checkout.SessionParams {
	p := checkout.SessionParams{
		Mode: checkout.Test, SuccessURL: base + "/success", CancelURL: base + "/cancel", CustomerEmail: c.email, ClientReferenceID: o.Number(),
		Metadata: map[string]any{"order_id": o.Number(), "customer": c.name}, ExpiresIn: c.expires,
		BillingDetails: &checkout.BillingDetails{Name: &c.name},
	}
	rate, tax := int64(vatRate), "VAT"
	for _, l := range c.basket {
		p.LineItems = append(p.LineItems, checkout.LineItem{
			Name: l.Name, Description: &l.Details, Amount: l.Price, Currency: currency, Quantity: l.Quantity, TaxRateBP: &rate, TaxName: &tax,
		})
	}
	return p
}
