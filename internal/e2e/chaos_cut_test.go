package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/dbtest"
)

// The directions in which a connection can be cut at a statement.
const (
	question = "upstream"   // the server never gets the statement
	reply    = "downstream" // the server has done it, and its answer is lost
)

// cutter is a network between the shop and PostgreSQL that breaks at a chosen statement. It sees statements as the
// driver's tracer.
type cutter struct {
	t     testing.TB
	proxy *toxiproxy.Proxy

	mu        sync.Mutex
	statement string // lower case; the beginning is enough
	nth       int
	direction string
	seen      int
	cuts      int
}

// startCutter puts the network between and gives a handle that goes through it.
func startCutter(t *testing.T) (*cutter, *gorm.DB) {
	t.Helper()
	direct := dbtest.Open(t, dbtest.Postgres, nil)
	config, err := pgx.ParseConfig(dbtest.DSN(t, direct))
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	c := &cutter{t: t, proxy: toxiproxy.NewProxy(server, "postgres", "127.0.0.1:0", net.JoinHostPort(config.Host, fmt.Sprint(config.Port)))}
	if err := c.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.proxy.Stop)
	_, port, err := net.SplitHostPort(c.proxy.Listen)
	if err != nil {
		t.Fatal(err)
	}
	config.Host, config.Tracer, config.Fallbacks = "127.0.0.1", c, nil
	if _, err := fmt.Sscan(port, &config.Port); err != nil {
		t.Fatal(err)
	}
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { pool.Close() })
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return c, db
}

// at chooses the statement at whose n-th coming the network breaks, once.
func (c *cutter) at(statement string, nth int, direction string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statement, c.nth, c.direction, c.seen, c.cuts = statement, nth, direction, 0, 0
}

func (c *cutter) happened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

type cutNow struct{}

func (c *cutter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.statement == "" || !strings.HasPrefix(strings.ToLower(data.SQL), c.statement) {
		return ctx
	}
	if c.seen++; c.seen != c.nth {
		return ctx
	}
	c.cuts++
	toxic := fmt.Sprintf(`{"type":"limit_data","stream":%q,"attributes":{"bytes":0}}`, c.direction)
	if _, err := c.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		c.t.Error(err)
	}
	return context.WithValue(ctx, cutNow{}, true)
}

// TraceQueryEnd mends the network.
func (c *cutter) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if ctx.Value(cutNow{}) == nil {
		return
	}
	if data.Err == nil {
		c.t.Error("the statement got its answer although the network was cut")
	}
	c.proxy.Toxics.ResetToxics(context.WithoutCancel(ctx))
}

// TestChaosConnectionCutAroundCommit breaks the network at every statement that makes an outcome true, before the server
// hears of it and after it has obeyed. Buyers and merchants notice nothing, and nothing is there twice or not at all.
func TestChaosConnectionCutAroundCommit(t *testing.T) {
	repeats := 1
	if os.Getenv("CHECKOUT_CHAOS") == "long" {
		repeats = 50
	}
	c, db := startCutter(t)
	h := startHost(t, reference, func(cfg *checkout.Config) { cfg.DB = db })
	start := time.Now()
	for _, cut := range []struct {
		what, statement string
		nth             int
		creating        bool
	}{
		{"create", "insert into checkout_sessions", 1, true},
		{"the attempt", "commit", 1, false},
		{"the outcome", "commit", 2, false},
	} {
		for _, direction := range []string{question, reply} {
			t.Run(cut.what+" "+direction, func(t *testing.T) {
				for range repeats {
					if cut.creating {
						c.at(cut.statement, cut.nth, direction)
					}
					id := h.create()
					if !cut.creating {
						c.at(cut.statement, cut.nth, direction)
					}
					a := h.pay(id, "4242424242424242")
					if want := "https://yoursite.com/success?session_id=" + id; a.Status != http.StatusSeeOther || a.Header.Get("Location") != want {
						t.Errorf("the buyer got %d to %q", a.Status, a.Header.Get("Location"))
					}
					if n := c.happened(); n != 1 {
						t.Fatalf("the network was cut %d times", n)
					}
					wantOneOfEach(t, db, id)
				}
			})
		}
	}
	var sessions int
	if err := db.Raw("SELECT COUNT(*) FROM checkout_sessions").Row().Scan(&sessions); err != nil || sessions != 6*repeats {
		t.Errorf("%d sessions, %v; want %d", sessions, err, 6*repeats)
	}
	t.Logf("chaos: %d connections cut around COMMIT: lost 0, duplicates 0, in %v", sessions, time.Since(start).Round(time.Millisecond))
}

// wantOneOfEach holds a paid session to one of everything.
func wantOneOfEach(t *testing.T, db *gorm.DB, id string) {
	t.Helper()
	for query, want := range map[string]int{
		"SELECT COUNT(*) FROM checkout_sessions WHERE id = ? AND status = 'completed'":                        1,
		"SELECT COUNT(*) FROM checkout_payments WHERE session_id = ?":                                         1,
		"SELECT COUNT(*) FROM checkout_payments WHERE session_id = ? AND state = 'succeeded'":                 1,
		"SELECT COUNT(*) FROM checkout_events WHERE session_id = ?":                                           1,
		"SELECT COUNT(*) FROM checkout_sandbox_charges WHERE session_id = ?":                                  1,
		"SELECT COUNT(*) FROM checkout_events WHERE session_id = ? AND type = 'checkout.session.completed'":   1,
		"SELECT COUNT(*) FROM checkout_sessions WHERE id = ? AND (attempts <> 1 OR payment_status <> 'paid')": 0,
	} {
		var got int
		if err := db.Raw(query, id).Row().Scan(&got); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", query, got, err, want)
		}
	}
}
