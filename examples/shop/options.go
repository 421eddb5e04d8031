package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// usageError is a command line that cannot work.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

type options struct {
	addr, db, baseURL, apiKey, webhook, webhookSecret string
	ttl                                               time.Duration
	demo                                              bool
	stripe                                            stripeOptions
	sepa                                              sepaOptions
	seller                                            sellerOptions
	smtp                                              smtpOptions
}

const usageHead = `A small coffee shop with the checkout inside.

  go run ./examples/shop [flags]

`

func parseOptions(args []string, stdout io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("shop", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	f.StringVar(&o.db, "db", "shop.db", "SQLite `file`, or postgres://user:password@host:5432/name; with -demo the default is "+demoDatabase)
	f.StringVar(&o.baseURL, "base-url", "", "`URL` that buyers reach the shop at (default http://<addr>)")
	f.StringVar(&o.apiKey, "api-key", "", "test `key` to take into use, sk_test_ and 8 to 64 letters and digits (default: one is made and kept)")
	f.StringVar(&o.webhook, "webhook", "", "`URL` that webhooks go to (default: the shop's own inbox)")
	f.StringVar(&o.webhookSecret, "webhook-secret", "", "`secret` that webhooks are signed with, whsec_… (default: one is made and kept)")
	f.DurationVar(&o.ttl, "ttl", time.Hour, "`time` a buyer has to pay, from 1m to 720h")
	f.BoolVar(&o.demo, "demo", false, "fill an empty database with 60 days of a busy shop first, for looking at the admin; it has a file of its own, "+demoDatabase)
	o.paymentFlags(f)
	o.sellerFlags(f)
	o.mailFlags(f)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usageHead)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return o, err
	case err != nil:
		return o, usageError{err.Error()}
	case f.NArg() > 0:
		return o, usagef("%q is not a flag", f.Arg(0))
	}
	o.demoDefaults(f)
	o.sellerDefaults()
	o.mailDefaults()
	return o, o.check()
}

// demoDatabase keeps the demo's sessions out of a shop.db that somebody has tried the shop with.
const demoDatabase = "demo.db"

func (o *options) demoDefaults(f *flag.FlagSet) {
	if !o.demo {
		return
	}
	named := false
	f.Visit(func(given *flag.Flag) { named = named || given.Name == "db" })
	if !named {
		o.db = demoDatabase
	}
	if o.sepa == (sepaOptions{}) {
		o.sepa = demoAccount
	}
}

func (o options) check() error {
	for _, step := range []func() error{o.checkAddr, o.checkBaseURL, o.checkDatabase, o.checkSecrets, o.checkTTL, o.checkStripe, o.checkSEPA, o.checkSeller, o.checkSMTP} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (o options) checkAddr() error {
	if _, _, err := net.SplitHostPort(o.addr); err != nil {
		return usagef("-addr %q has no port: write host:port, like 127.0.0.1:8080", o.addr)
	}
	return nil
}

func (o options) checkBaseURL() error {
	u, err := url.Parse(o.baseURL)
	if o.baseURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		return usagef("-base-url %q is not a URL like https://shop.example", o.baseURL)
	}
	return nil
}

func (o options) checkDatabase() error {
	switch {
	case o.db == "":
		return usagef("-db is empty: name a file, like shop.db, or postgres://user:password@host:5432/name")
	case strings.Contains(o.db, ":memory:"):
		return usagef("-db %s would be another database for every connection: name a file, like shop.db", o.db)
	case strings.Contains(o.db, "://") && !isPostgres(o.db):
		scheme, _, _ := strings.Cut(o.db, "://")
		return usagef("-db %s://… is not a database this shop can use: name a file, like shop.db, or postgres://user:password@host:5432/name", scheme)
	}
	return nil
}

func (o options) checkSecrets() error {
	if strings.HasPrefix(o.apiKey, "sk_live_") {
		return usagef("-api-key is a live key: this shop takes no real money, give it one that begins with sk_test_")
	}
	return nil
}

func (o options) checkTTL() error {
	if o.ttl < time.Minute || o.ttl > 720*time.Hour {
		return usagef("-ttl %s is out of range: a buyer has from 1m to 720h (30 days) to pay", o.ttl)
	}
	return nil
}
