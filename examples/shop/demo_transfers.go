package main

import (
	"time"

	"github.com/jopay/checkout"
)

// demoAccount is what transfers of the demo go to: the account that banks print in examples.
var demoAccount = sepaOptions{iban: "DE89 3704 0044 0532 0130 00", name: shopName}

// transferStory is a buyer who pays by bank transfer: in full, in two parts, without the reference, or not yet.
func (d *demo) transferStory(id string, amount int64) []demoAct {
	var reference string
	choose := demoAct{3 * time.Minute, func() (err error) {
		reference, err = d.chooseTransfer(id)
		return err
	}}
	days := time.Duration(20+d.random.IntN(50)) * time.Hour
	send := func(after time.Duration, part int64, text func() string) demoAct {
		key := "demo-" + id[len(id)-12:] + "-" + time.Duration(part).String()
		return demoAct{after, func() error { return d.transfer(key, text(), part) }}
	}
	right := func() string { return reference }
	switch n := d.random.IntN(10); {
	case n < 6:
		return []demoAct{choose, send(days, amount, right)}
	case n < 7:
		return []demoAct{choose, send(days, amount/2, right), send(days, amount-amount/2, right)}
	case n < 8:
		return []demoAct{choose, send(days, amount, func() string { return "coffee, thank you" })}
	case n < 9:
		return []demoAct{choose, send(days, amount+500, right)}
	}
	return []demoAct{choose}
}

func (d *demo) transfer(key, text string, amount int64) error {
	payer := givenNames[d.random.IntN(len(givenNames))] + " " + familyNames[d.random.IntN(len(familyNames))]
	_, err := d.co.RecordTransfer(d.ctx, text, amount, checkout.Transfer{
		Key: key, Text: text, Payer: payer, BookedAt: d.at.Truncate(24 * time.Hour), Actor: "statement of " + d.at.Format("2 January"),
	})
	return err
}
