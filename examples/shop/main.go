// Shop is a small coffee shop with the checkout inside: one process, one database, nothing to set up.
//
//	go run ./examples/shop
//
// With -demo it plays sixty days of customers first, so that there is something to look at in the admin. The link
// to the admin is printed and works once.
//
// Orders get invoices of a made-up seller, or of the one that -seller-name and its sisters name. Their mails are kept in the
// admin; with -smtp they leave.
//
// It buys from itself the way a real shop would: it creates sessions over HTTP with an API key, marks its orders paid in
// the checkout's own transaction, and receives the signed webhooks it is sent.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutpdf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run gives the exit code: 2 when the command line must change, 1 when something around the shop must.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stdout)
	if err == nil {
		err = open(ctx, o, stdout)
	}
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "shop: %v\nRun it with -h to see every flag.\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "shop: %v\n", err)
		return 1
	}
}

// open wires the shop together and serves it until ctx ends.
func open(ctx context.Context, o options, stdout io.Writer) error {
	listener, err := listen(ctx, o.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	at := addressesOf(listener, o)
	companies, err := providers(o, time.Now)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, o.db)
	if err != nil {
		return err
	}
	defer closeDatabase(db)

	co, err := newCheckout(db, o, at, companies)
	if err != nil {
		return err
	}
	if err := migrate(ctx, db); err != nil {
		return err
	}
	if o.demo {
		fmt.Fprintf(stdout, "Playing %d days of the shop …\n", demoDays)
		if err := seedDemo(ctx, db, o, at); err != nil {
			return err
		}
	}
	key, err := apiKey(ctx, co, db, o.apiKey)
	if err != nil {
		return err
	}
	secret, err := setWebhook(ctx, co, at.webhook, o.webhookSecret)
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	co.Mount(mux)
	api := &client{base: at.local + co.APIPath(), key: key}
	pages := &shop{db: db, co: co, api: api, base: at.base, transfers: o.sepa.on(), mails: o.smtp.on()}
	mountShop(mux, pages)
	login := newAdminLogin(at.base)
	mountAdmin(mux, co, login, pages)
	mountInbox(mux, &inbox{db: db, secret: secret, sentTo: at.webhook, own: at.webhook == at.local+"/webhooks"})

	printOpening(stdout, opening{
		at: at, admin: at.base + loginPath + "?token=" + login.link, api: at.base + co.APIPath(), key: key, secret: secret, database: shownDatabase(o.db), notices: noticePath(o, co),
		seller: o.seller.told(), mails: o.smtp.told(keptMails(at.base, co)),
	})
	return serve(ctx, listener, mux, co, stdout)
}

// newCheckout is all that a host has to write.
func newCheckout(db *gorm.DB, o options, at addresses, companies []checkout.Provider, configure ...func(*checkout.Config)) (*checkout.Checkout, error) {
	printer, err := checkoutpdf.New(checkoutpdf.Config{})
	if err != nil {
		return nil, err
	}
	mailer, err := o.smtp.mailer()
	if err != nil {
		return nil, err
	}
	cfg := checkout.Config{
		DB:                db,
		BaseURL:           at.base,
		Providers:         companies,
		Brand:             checkout.Brand{Name: shopName},
		Seller:            o.seller.seller(),
		Documents:         checkout.Documents{SimplifiedUpTo: o.seller.simplifiedUpTo()},
		Printer:           printer,
		Mailer:            mailer,
		Mail:              checkout.MailSettings{From: o.sender(), SendTest: true},
		SessionTTL:        o.ttl,
		OnEvent:           settleOrder,
		WebhookAllowHosts: append([]string{"127.0.0.0/8", "::1/128", "localhost"}, at.own...),
	}
	for _, f := range configure {
		f(&cfg)
	}
	co, err := checkout.New(cfg)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // the sender may be wrong only because the seller is
		return nil, usageError{flagNames.Replace(first)}
	}
	return co, nil
}

// flagNames turns what the checkout says of its Config into words about the command line.
var flagNames = strings.NewReplacer("checkout: ", "", "Config.BaseURL", "-base-url", "Config.Mail.From", "-smtp-from",
	"Config.Seller.LegalName", "-seller-name", "Config.Seller.Address.Line1", "-seller-street", "Config.Seller.Address.PostalCode", "-seller-postal-code",
	"Config.Seller.Address.City", "-seller-city", "Config.Seller.Address.Country", "-seller-country", "Config.Seller.VATID", "-seller-vat-id",
	"Config.Seller.Email", "-seller-email")

// noticePath is where Stripe's notifications come to.
func noticePath(o options, co *checkout.Checkout) string {
	if !o.stripe.on() {
		return ""
	}
	return co.APIPath() + "/notify/stripe_test"
}

// migrate makes the checkout's tables and the shop's own, side by side in one database.
func migrate(ctx context.Context, db *gorm.DB) error {
	if err := checkout.Migrate(ctx, db, ""); err != nil {
		return fmt.Errorf("the checkout's tables could not be made: %w", err)
	}
	if err := db.WithContext(ctx).AutoMigrate(&order{}, &setting{}, &notice{}); err != nil {
		return fmt.Errorf("the shop's tables could not be made: %w", err)
	}
	return nil
}
