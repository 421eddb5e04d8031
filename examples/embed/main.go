// Embed is a shop that shows the checkout in its own pages, in a dialog and inline. The shop and the checkout are two
// sites here, as where one checkout serves several shops:
//
//	go run ./examples/embed
//
// The data is kept in memory and gone when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"

	"github.com/jopay/checkout"
)

func main() {
	shopAddr := flag.String("shop", "localhost:8090", "address of the shop")
	payAddr := flag.String("checkout", "127.0.0.1:8091", "address of the checkout")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *shopAddr, *payAddr); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, shopAddr, payAddr string) error {
	shopListener, err1 := net.Listen("tcp", shopAddr)
	payListener, err2 := net.Listen("tcp", payAddr)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	shopURL, payURL := address(shopAddr, shopListener), address(payAddr, payListener)
	co, err := newCheckout(ctx, shopURL, payURL)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	co.Mount(mux)
	fmt.Printf("The shop: %s\nThe checkout it shows: %s\n", shopURL, payURL)
	return serve(ctx, co, map[net.Listener]http.Handler{shopListener: &shop{co: co, origin: shopURL, payOrigin: payURL}, payListener: mux})
}

// address is the one people type: the name they gave with the port that was taken.
func address(wanted string, l net.Listener) string {
	host, _, _ := net.SplitHostPort(wanted)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}

// newCheckout allows one other origin to show the page: the shop's.
func newCheckout(ctx context.Context, shopURL, payURL string) (*checkout.Checkout, error) {
	db, err := gorm.Open(sqlite.Open(":memory:"))
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1) // each connection would have a memory of its own
	co, err := checkout.New(checkout.Config{
		DB: db, BaseURL: payURL, EmbedOrigins: []string{shopURL},
		Brand: checkout.Brand{Name: "Tenmoku"},
		Seller: checkout.Seller{
			LegalName: "Tenmoku Ceramics Ltd", Address: checkout.PostalAddress{Line1: "1 Example Street", PostalCode: "10115", City: "Berlin", Country: "DE"},
			TermsURL: shopURL + "/terms",
		},
	})
	if err != nil {
		return nil, err
	}
	return co, checkout.Migrate(ctx, db, "")
}

// serve answers at every listener and does the checkout's work until ctx ends.
func serve(ctx context.Context, co *checkout.Checkout, handlers map[net.Listener]http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(handlers)+1)
	go func() { ended <- co.Run(ctx) }()
	for listener, handler := range handlers {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		context.AfterFunc(ctx, func() { server.Close() })
		go func() { ended <- server.Serve(listener) }()
	}
	var failed error
	for range len(handlers) + 1 {
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			failed = errors.Join(failed, err)
		}
		cancel() // whoever ends first ends the others
	}
	return failed
}
