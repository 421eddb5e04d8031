package main

import (
	"fmt"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

// The receivers beside the shop's own inbox.
const (
	demoBooks   = "https://books.finch-coffee.example/hooks/checkout"
	demoMailing = "https://mailing.finch-coffee.example/events"
)

// openShop makes keys and endpoints on the first day, and plans what happens to them.
func (d *demo) openShop() error {
	var err error
	if d.key, err = apiKey(d.ctx, d.co, d.db, ""); err != nil {
		return err
	}
	if _, err = setWebhook(d.ctx, d.co, d.hosts.own, ""); err != nil {
		return err
	}
	d.at = d.at.Add(time.Minute) // the inbox is the first endpoint
	books, secret, err := d.co.CreateEndpoint(d.ctx, checkout.EndpointParams{Mode: checkout.Test, URL: demoBooks, Events: []string{
		webhook.SessionCompleted, webhook.SessionExpired, webhook.PaymentFailed, webhook.RefundSucceeded,
	}})
	if err != nil {
		return err
	}
	d.hosts.booksSecret = secret
	d.at = d.at.Add(time.Minute)
	if _, _, err = d.co.CreateEndpoint(d.ctx, checkout.EndpointParams{Mode: checkout.Test, URL: demoMailing, Payload: "seed"}); err != nil {
		return err
	}
	d.later(d.end.Add(-5*time.Hour), func() error {
		_, err := d.co.RotateSecret(d.ctx, books, 24*time.Hour)
		return err
	})
	return d.planKeys()
}

func (d *demo) planKeys() error {
	d.later(d.at.AddDate(0, 0, 3), func() error {
		_, err := d.co.CreateKey(d.ctx, checkout.Test, "Subscriptions")
		return err
	})
	d.later(d.at.AddDate(0, 0, 20), func() error { return d.endKey("Subscriptions") })
	d.later(d.at.AddDate(0, 0, 21), func() error {
		_, err := d.co.CreateKey(d.ctx, checkout.Test, "Till in the café")
		return err
	})
	d.later(d.end.Add(-3*time.Hour), func() error { return d.rollKey("Till in the café") })
	return nil
}

func (d *demo) endKey(name string) error {
	return d.keyNamed(name, func(k checkout.Key) error { return d.co.RevokeKey(d.ctx, k.ID) })
}

func (d *demo) rollKey(name string) error {
	return d.keyNamed(name, func(k checkout.Key) error {
		_, err := d.co.RollKey(d.ctx, k.ID, 24*time.Hour)
		return err
	})
}

func (d *demo) keyNamed(name string, do func(checkout.Key) error) error {
	keys, err := d.co.Keys(d.ctx)
	for _, k := range keys {
		if err == nil && k.Name == name {
			return do(k)
		}
	}
	return err
}

// plan spreads the customers over the days: more by day than by night, and more from week to week.
func (d *demo) plan() error {
	for n := range demoSessions {
		day := demoDays - 1 - int(float64(demoDays)*d.random.Float64()*(0.55+0.45*d.random.Float64()))
		hour := 7 + (d.random.IntN(17)+d.random.IntN(17))/2
		at := d.end.AddDate(0, 0, day-demoDays+1).Truncate(24 * time.Hour).Add(time.Duration(hour)*time.Hour + time.Duration(d.random.IntN(3600))*time.Second)
		if at.After(d.end) {
			at = d.end.Add(-time.Duration(1+d.random.IntN(600)) * time.Minute)
		}
		if at.Before(d.at) {
			at = d.at.Add(time.Duration(1+d.random.IntN(1200)) * time.Minute)
		}
		c := d.customer(n)
		d.later(at, func() error { return d.visit(c) })
	}
	return nil
}

// visit makes an order and its session, and lets the customer do what he does.
func (d *demo) visit(c customer) error {
	o := order{Items: describe(c.basket), Amount: total(c.basket), Status: orderOpen, CreatedAt: d.at}
	if err := d.db.WithContext(d.ctx).Create(&o).Error; err != nil {
		return err
	}
	s, err := d.co.CreateSession(d.ctx, c.session(o, d.base))
	if err != nil {
		return err
	}
	if err := d.db.WithContext(d.ctx).Model(&o).Update("session_id", s.ID).Error; err != nil {
		return err
	}
	at := d.at
	for _, act := range c.story(d, s.ID, total(c.basket)) {
		at = at.Add(act.after)
		d.later(at, act.do)
	}
	return nil
}

// demoAct is what somebody does some time after the act before.
type demoAct struct {
	after time.Duration
	do    func() error
}

// story draws what becomes of a session. The shares are those of a good shop on an ordinary day.
func (c customer) story(d *demo, id string, amount int64) []demoAct {
	soon := func() time.Duration { return time.Duration(20+d.random.IntN(400)) * time.Second }
	pay := func(card string) demoAct { return demoAct{soon(), func() error { return d.pay(id, card) }} }
	switch n := d.random.IntN(1000); {
	case n < 640:
		return append([]demoAct{pay("4242424242424242")}, c.afterwards(d, id, amount)...)
	case n < 680:
		return []demoAct{pay("4000002500003155")}
	case n < 760:
		return append([]demoAct{pay(declines[d.random.IntN(len(declines))]), pay("4242424242424242")}, c.afterwards(d, id, amount)...)
	case n < 820:
		return []demoAct{pay(declines[d.random.IntN(len(declines))]), pay(declines[d.random.IntN(len(declines))])}
	case n < 840:
		return []demoAct{pay("4000000000012239")} // found paid a little later
	case n < 850:
		return []demoAct{{soon(), func() error { return d.expire(id) }}}
	case n < 900:
		return d.transferStory(id, amount)
	}
	return nil // he has only looked
}

var declines = []string{"4000000000000002", "4000000000009995", "4000000000000069", "4000000000000127", "4000000000000119"}

var refundReasons = []string{"One bag was torn", "Changed their mind", "Ordered twice", "Arrived late", "Wrong grind"}

// afterwards is the refund that one in fifteen orders gets.
func (c customer) afterwards(d *demo, id string, amount int64) []demoAct {
	if d.random.IntN(15) > 0 {
		return nil
	}
	if d.random.IntN(2) == 0 {
		amount = amount / 2
	}
	reason, days := refundReasons[d.random.IntN(len(refundReasons))], 1+d.random.IntN(9)
	return []demoAct{{time.Duration(days*24+d.random.IntN(9)) * time.Hour, func() error {
		_, err := d.co.Refund(d.ctx, checkout.RefundParams{SessionID: id, AmountCents: amount, Reason: reason})
		if err != nil {
			return fmt.Errorf("refund of %s: %w", id, err)
		}
		return nil
	}}}
}
