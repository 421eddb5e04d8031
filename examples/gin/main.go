// The checkout in a gin app with PostgreSQL. The first start prints a test key and a request to paste:
//
//	go run ./examples/gin -db postgres://user:password@localhost:5432/shop
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutgin"
)

func main() {
	dsn := flag.String("db", "", "PostgreSQL database, like postgres://user:password@localhost:5432/shop")
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	base := flag.String("url", "", "address buyers reach; http://localhost and the port when empty")
	newKey := flag.Bool("new-key", false, "make one more test key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dsn, *addr, *base, *newKey); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dsn, addr, base string, newKey bool) error {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return errors.New("name an existing PostgreSQL database: -db postgres://user:password@localhost:5432/shop")
	}
	db, err := gorm.Open(postgres.Open(dsn))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	base = cmp.Or(base, fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port))
	co, err := setUp(ctx, db, base, newKey)
	if err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode) // debug mode would list all routes below the key
	r := gin.Default()
	checkoutgin.Mount(r, co)
	login := newLogin(base)
	r.GET(loginPath, login.open)
	checkoutgin.Admin(r.Group("/", login.know), co, authorize)
	fmt.Printf("Admin, for the browser that opens it first: %s%s?token=%s\n", base, loginPath, login.link)
	r.GET("/checkout/shipping", func(c *gin.Context) { c.String(http.StatusOK, "The shop's own page, between ours.\n") })
	return serve(ctx, listener, r, co)
}

// setUp brings the tables up to date and prints how to talk to the API.
func setUp(ctx context.Context, db *gorm.DB, base string, newKey bool) (*checkout.Checkout, error) {
	if err := checkout.Migrate(ctx, db, ""); err != nil {
		return nil, err
	}
	co, err := checkout.New(checkout.Config{DB: db, BaseURL: base, WebhookAllowHosts: []string{"127.0.0.0/8"}, OnEvent: logEvent})
	if err != nil {
		return nil, err
	}
	keys, err := co.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 && !newKey {
		fmt.Printf("Use the key of the first start, %s…%s, or start with -new-key.\n", keys[0].Prefix, keys[0].Last4)
		return co, nil
	}
	key, err := co.CreateKey(ctx, checkout.Test, "examples/gin")
	if err != nil {
		return nil, err
	}
	fmt.Printf("Test key: %[1]s\n\ncurl %[2]s/sessions \\\n  -H 'Authorization: Bearer %[1]s' \\\n  -H 'Content-Type: application/json' \\\n  -d '%[3]s'\n\n",
		key, base+co.APIPath(), order)
	return co, nil
}

const order = `{"line_items":[{"name":"Coffee","amount":1250,"currency":"eur","quantity":2}],"success_url":"https://example.com/thanks","cancel_url":"https://example.com/cart"}`

// logEvent stands for what a shop does in the same transaction: mark the order as paid.
func logEvent(ctx context.Context, _ *gorm.DB, e checkout.Event) error {
	route := "a worker"
	if c, ok := checkoutgin.FromContext(ctx); ok {
		route = c.FullPath()
	}
	log.Printf("%s: session %s, from %s", e.Type, e.SessionID, route)
	return nil
}

// serve runs the server and the workers until ctx ends, and then lets both finish.
func serve(ctx context.Context, listener net.Listener, h http.Handler, co *checkout.Checkout) error {
	workers := make(chan error, 1)
	go func() { workers <- co.Run(ctx) }()
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		stopped <- server.Shutdown(last)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(<-stopped, <-workers)
}
