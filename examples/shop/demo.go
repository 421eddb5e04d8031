package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sort"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
)

const (
	demoSessions = 2000
	demoDays     = 60
	demoSetting  = "demo"
	demoBegun    = "begun"
	demoDone     = "done"
)

// demo plays 60 days of a shop in a few seconds, through the checkout's own verbs and with a clock of its own: what it
// leaves behind is what real days would have left behind. What people do is drawn with a fixed seed.
type demo struct {
	ctx    context.Context
	db     *gorm.DB
	co     *checkout.Checkout
	key    string
	base   string
	random *rand.Rand
	end    time.Time
	at     time.Time // the clock
	todo   []demoEvent
	hosts  *demoHosts
}

// demoEvent is something that somebody does at a time.
type demoEvent struct {
	at time.Time
	do func() error
}

func (d *demo) now() time.Time { return d.at }

// later plans something for the days that are played; what would come after them does not happen.
func (d *demo) later(at time.Time, do func() error) {
	if !at.Before(d.end) {
		return
	}
	i := sort.Search(len(d.todo), func(i int) bool { return d.todo[i].at.After(at) })
	d.todo = append(d.todo, demoEvent{})
	copy(d.todo[i+1:], d.todo[i:])
	d.todo[i] = demoEvent{at, do}
}

// play does everything that is planned, in order, and the checkout's own work in between.
func (d *demo) play() error {
	for len(d.todo) > 0 {
		next := d.todo[0]
		d.todo = d.todo[1:]
		d.at = next.at
		if err := next.do(); err != nil {
			return err
		}
		if _, err := d.co.RunOnce(d.ctx); err != nil {
			return err
		}
	}
	d.at = d.end
	_, err := d.co.RunOnce(d.ctx)
	return err
}

// seedDemo fills an empty database. On one that a demo has filled before it does nothing, and on any other it refuses.
func seedDemo(ctx context.Context, db *gorm.DB, o options, at addresses) error {
	var state setting
	err := db.WithContext(ctx).Limit(1).Find(&state, "name = ?", demoSetting).Error
	switch {
	case err != nil:
		return err
	case state.Value == demoDone:
		return nil
	case state.Value == demoBegun:
		return usagef("-demo was interrupted on this database. Delete %s, or name another one: -db demo.db", shownDatabase(o.db))
	}
	d := &demo{ctx: checkout.ActingAs(ctx, checkout.Actor{ID: "olivia", Name: "Olivia Finch"}), db: db, base: at.base}
	d.random, d.end = rand.New(rand.NewPCG(1, 60)), time.Now().UTC().Truncate(time.Minute) //nolint:gosec // a game, and the same every time
	d.at = d.end.AddDate(0, 0, -demoDays)
	d.hosts = &demoHosts{clock: d, own: at.webhook}
	if err := d.prepare(o, at); err != nil {
		return err
	}
	return hastily(ctx, db, d.run)
}

// configure gives the checkout the demo's clock and hosts. What it would say to the owner belongs to days that are over, and
// so do its mails: they are kept, whatever -smtp says.
func (d *demo) configure(cfg *checkout.Config) {
	cfg.Now, cfg.HTTPClient, cfg.Logger = d.now, d.hosts.client(), slog.New(slog.DiscardHandler)
	cfg.Mailer = nil
}

// prepare makes sure that nobody's sessions get mixed with the demo's.
func (d *demo) prepare(o options, at addresses) error {
	companies, err := providers(o, d.now)
	if err != nil {
		return err
	}
	if d.co, err = newCheckout(d.db, o, at, companies, d.configure); err != nil {
		return err
	}
	for _, mode := range []checkout.Mode{checkout.Test, checkout.Live} {
		list, _, err := d.co.Sessions(d.ctx, checkout.SessionFilter{Mode: mode, Limit: 1})
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return usagef("-demo fills an empty database, and %s has sessions already. Name another one: -db demo.db", shownDatabase(o.db))
		}
	}
	return d.db.WithContext(d.ctx).Create(&setting{Name: demoSetting, Value: demoBegun}).Error
}

func (d *demo) run() error {
	for _, step := range []func() error{d.openShop, d.plan, d.play} {
		if err := step(); err != nil {
			return fmt.Errorf("the demo stopped at %s: %w", d.at.Format(time.RFC3339), err)
		}
	}
	return d.db.WithContext(d.ctx).Model(&setting{}).Where("name = ?", demoSetting).Update("value", demoDone).Error
}

// hastily runs do without waiting for the disk at every commit: what is lost with a power cut can be played again.
func hastily(ctx context.Context, db *gorm.DB, do func() error) (err error) {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1) // the setting is the connection's
	defer pool.SetMaxOpenConns(0)
	off, on := "PRAGMA synchronous = OFF", "PRAGMA synchronous = FULL"
	if isPostgres(db.Name() + "://") {
		off, on = "SET synchronous_commit = off", "SET synchronous_commit = on"
	}
	if err := db.WithContext(ctx).Exec(off).Error; err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.WithContext(context.WithoutCancel(ctx)).Exec(on).Error) }()
	return do()
}
