package checkout

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// Every benchmark runs the bare limit of the same database first and reports x-bare: our speed as a share of it. Absolute
// figures move with the machine; shares of one run can be compared. Clients is how many ask at once: one for SQLite,
// which has one writer, sixteen for PostgreSQL.
func benchEach(b *testing.B, body func(b *testing.B, s *shop, clients int)) {
	for _, dialect := range dbtest.Dialects() {
		b.Run(dialect, func(b *testing.B) {
			clients := 1
			if dialect == dbtest.Postgres {
				if os.Getenv(dbtest.EnvPostgres) == "" {
					b.Skipf("SKIPPED-NEEDS-POSTGRES: set %s, or use make bench", dbtest.EnvPostgres)
				}
				clients = 16
			}
			db := dbtest.Open(b, dialect, &gorm.Config{})
			pool, err := db.DB()
			if err != nil {
				b.Fatal(err)
			}
			pool.SetMaxIdleConns(32)
			pool.SetMaxOpenConns(32)
			s := newShop(b, db, func(c *Config) { c.Now = time.Now })
			body(b, s, clients)
		})
	}
}

// spread runs op b.N times from as many goroutines as there are clients.
func spread(b *testing.B, clients int, op func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if err := op(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// beside runs the limit and then ours, and reports the share.
func beside(b *testing.B, limit, ours func(b *testing.B)) {
	var bare float64
	b.Run("bare", func(b *testing.B) {
		limit(b)
		bare = float64(b.Elapsed()) / float64(b.N)
		b.ReportMetric(1e9/bare, "/s")
	})
	b.Run("ours", func(b *testing.B) {
		ours(b)
		own := float64(b.Elapsed()) / float64(b.N)
		b.ReportMetric(1e9/own, "/s")
		if bare > 0 {
			b.ReportMetric(bare/own, "x-bare")
		}
	})
}

// bareTable is a table with a primary key and nothing else, for rows of the size of a session's.
func bareTable(b *testing.B, s *shop) *sql.DB {
	b.Helper()
	pool, err := s.db.DB()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := pool.Exec(`CREATE TABLE bare (id TEXT PRIMARY KEY, body TEXT NOT NULL)`); err != nil {
		b.Fatal(err)
	}
	return pool
}

func (s *shop) bind(statement string) string {
	if s.db.Name() != dbtest.Postgres {
		return statement
	}
	for n := 1; strings.Contains(statement, "?"); n++ {
		statement = strings.Replace(statement, "?", fmt.Sprintf("$%d", n), 1)
	}
	return statement
}

// BenchmarkCreate is POST /sessions from the request to the answer, beside one durable insert of a row of its size.
func BenchmarkCreate(b *testing.B) {
	benchEach(b, func(b *testing.B, s *shop, clients int) {
		pool := bareTable(b, s)
		insert, body := s.bind(`INSERT INTO bare (id, body) VALUES (?, ?)`), strings.Repeat("x", 900)
		beside(b, func(b *testing.B) {
			spread(b, clients, func(int) error {
				_, err := pool.Exec(insert, newID(prefixSession, time.Now()), body)
				return err
			})
		}, func(b *testing.B) {
			b.ReportAllocs()
			spread(b, clients, func(int) error {
				if w := s.api("POST", "/sessions", seedBody); w.Code != http.StatusCreated {
					return fmt.Errorf("create answered %d: %s", w.Code, w.Body)
				}
				return nil
			})
		})
	})
}

// BenchmarkOpenPage is GET /checkout/{id}, beside one read of a row by its key.
func BenchmarkOpenPage(b *testing.B) {
	benchEach(b, func(b *testing.B, s *shop, clients int) {
		id := s.create(seedBody)
		pool, err := s.db.DB()
		if err != nil {
			b.Fatal(err)
		}
		query := s.bind(`SELECT line_items FROM checkout_sessions WHERE id = ?`)
		beside(b, func(b *testing.B) {
			spread(b, clients, func(int) error {
				var items string
				return pool.QueryRow(query, id).Scan(&items)
			})
		}, func(b *testing.B) {
			b.ReportAllocs()
			spread(b, clients, func(int) error {
				if w := s.page("/checkout/" + id); w.Code != http.StatusOK {
					return fmt.Errorf("page answered %d", w.Code)
				}
				return nil
			})
		})
	})
}

const settleStatements = 7

// BenchmarkSettle takes open attempts to completed sessions with their event and one delivery each, beside a transaction
// of as many statements.
func BenchmarkSettle(b *testing.B) {
	benchEach(b, func(b *testing.B, s *shop, clients int) {
		if _, err := s.co.SetWebhook(b.Context(), Test, "http://127.0.0.1:9/"); err != nil {
			b.Fatal(err)
		}
		pool := bareTable(b, s)
		insert := s.bind(`INSERT INTO bare (id, body) VALUES (?, ?)`)
		beside(b, func(b *testing.B) {
			spread(b, clients, func(int) error { return bareTransaction(pool, insert) })
		}, func(b *testing.B) {
			b.ReportAllocs()
			ids := s.openAttempts(b.N)
			spread(b, clients, func(i int) error {
				o := Observation{State: StateSucceeded, Captured: 2500, Currency: "eur", ChargeID: newID(prefixCharge, time.Now())}
				return s.co.settle(context.Background(), fact{PaymentID: ids[i], Observation: o})
			})
		})
	})
}

func bareTransaction(pool *sql.DB, insert string) error {
	tx, err := pool.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for range settleStatements {
		if _, err := tx.Exec(insert, newID(prefixEvent, time.Now()), "a row of an event"); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// openAttempts makes n sessions with an open attempt each, in one transaction.
func (s *shop) openAttempts(n int) []string {
	s.t.Helper()
	ids := make([]string, n)
	p := SessionParams{Mode: Test, LineItems: []LineItem{{Name: "Beans", Amount: 2500, Currency: "eur", Quantity: 1}},
		SuccessURL: "https://a.example/s", CancelURL: "https://a.example/c", CustomerEmail: "customer@example.com"}
	err := s.db.Transaction(func(host *gorm.DB) error {
		inside := s.co.WithTx(host)
		for i := range ids {
			session, err := inside.CreateSession(context.Background(), p)
			if err != nil {
				return err
			}
			_, attempt, _, err := inside.openAttempt(context.Background(), payRequest{SessionID: session.ID, Provider: s.co.sandbox, Method: sandboxMethod})
			if err != nil {
				return err
			}
			ids[i] = attempt.ID
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

const benchEndpoints = 8 // with two senders each they use all sixteen

// BenchmarkDeliver sends queued webhooks to loopback until all are marked delivered, beside the same signed POSTs from
// sixteen workers without a database.
func BenchmarkDeliver(b *testing.B) {
	benchEach(b, func(b *testing.B, s *shop, _ int) {
		var arrived atomic.Int64
		rx := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			arrived.Add(1)
		}))
		defer rx.Close()
		secret := webhook.NewSecret()
		beside(b, func(b *testing.B) {
			client := s.co.senders[Test]
			spread(b, senders, func(i int) error { return barePost(client, rx.URL, secret) })
		}, func(b *testing.B) {
			b.ReportAllocs()
			s.queue(b, rx.URL, b.N)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			b.ResetTimer()
			go func() { defer close(done); _ = s.co.Run(ctx) }()
			for s.count("deliveries", "state = 'pending'") > 0 {
				time.Sleep(time.Millisecond)
			}
			b.StopTimer()
			cancel()
			<-done
		})
	})
}

var barePayload = []byte(`{"event":"checkout.session.completed","data":{"id":"cs_a1b2c3d4e5f6","status":"completed","amount_cents":2500,"currency":"eur"},"created_at":"2025-01-10T12:05:01Z"}`)

func barePost(client *http.Client, url, secret string) error {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(barePayload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-JoPay-Signature", webhook.Sign(barePayload, secret, time.Now()))
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// queue puts n deliveries of completed sessions into the outbox, spread over the endpoints.
func (s *shop) queue(b *testing.B, url string, n int) {
	b.Helper()
	ids := s.openAttempts((n + benchEndpoints - 1) / benchEndpoints)
	if s.count("endpoints", "mode = 'test'") == 0 {
		for range benchEndpoints {
			if _, _, err := s.co.CreateEndpoint(b.Context(), EndpointParams{Mode: Test, URL: url}); err != nil {
				b.Fatal(err)
			}
		}
	}
	err := s.db.Transaction(func(host *gorm.DB) error {
		inside := s.co.WithTx(host)
		for _, id := range ids {
			o := Observation{State: StateSucceeded, Captured: 2500, Currency: "eur", ChargeID: newID(prefixCharge, time.Now())}
			if err := inside.settle(context.Background(), fact{PaymentID: id, Observation: o}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCommitToDelivery is the time from the commit that pays to the webhook's first byte at its receiver, in one
// process.
func BenchmarkCommitToDelivery(b *testing.B) {
	benchEach(b, func(b *testing.B, s *shop, _ int) {
		got := make(chan time.Time, 1)
		rx := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got <- time.Now() }))
		defer rx.Close()
		if _, err := s.co.SetWebhook(b.Context(), Test, rx.URL); err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.co.Run(ctx) }()
		ids := s.openAttempts(b.N)
		var total time.Duration
		b.ResetTimer()
		for _, id := range ids {
			o := Observation{State: StateSucceeded, Captured: 2500, Currency: "eur", ChargeID: newID(prefixCharge, time.Now())}
			if err := s.co.settle(b.Context(), fact{PaymentID: id, Observation: o}); err != nil {
				b.Fatal(err)
			}
			committed := time.Now()
			total += max((<-got).Sub(committed), 0)
		}
		b.ReportMetric(float64(total.Microseconds())/float64(b.N)/1000, "ms-to-receiver")
		cancel()
		<-done
	})
}
