// Package checkout is a checkout that lives in a Go team's own server and own database: a sessions API, a hosted payment
// page and signed webhooks, mounted into the web app that is already there.
//
// # Mount
//
// Hand over the database, say where buyers reach you, and mount:
//
//	err := checkout.Migrate(ctx, db, "")
//	co, err := checkout.New(checkout.Config{DB: db, BaseURL: "https://shop.example"})
//	co.Mount(mux)
//	go co.Run(ctx)
//
// New checks everything and touches no table. Migrate creates the tables, all of them called checkout_…, whenever the host
// wants to. Run does the work that no request does; start it in every process, they share it.
//
// # Create
//
// An order becomes a [Session], over HTTP with an API key (see [Checkout.CreateKey]) or in process. Inside
// [Checkout.WithTx] it commits together with the host's own order:
//
//	err := db.Transaction(func(tx *gorm.DB) error {
//		// … the host's order …
//		s, err := co.WithTx(tx).CreateSession(ctx, params)
//		return err
//	})
//
// # Pay
//
// The buyer opens [Session.CheckoutURL]. Every click becomes an attempt that is written down before its [Provider] is
// called, and everything a provider says goes through one door, which decides under the session's lock what it means.
// Money is counted once, whatever is repeated, lost or late; what belongs to no order is paid back. Test keys use the
// sandbox that is built in.
//
// # Hear about it
//
// The session, its event, the webhooks' deliveries and what [Config.OnEvent] writes commit in one transaction. Webhooks
// are then sent until their receivers take them; package webhook is the receiving side.
//
// # Look after it
//
// [Checkout.Admin] shows what happened to every payment and why a receiver said no; the host's own login decides who gets
// in. Every change has its line in [Checkout.Audit].
//
// Amounts are int64 in minor units with the exponent of ISO 4217, times are UTC. All methods of [Checkout] may be called
// concurrently. Errors that a caller may want to tell apart are [*Error] values with a stable code.
package checkout
