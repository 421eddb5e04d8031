package checkout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// dueFor leaves n completed sessions whose documents wait for a number.
func (s *shop) dueFor(n int) {
	s.t.Helper()
	now := millis(s.co.now())
	t := s.co.store.direct(s.t.Context())
	for i := range n {
		rec := sessionRecord{
			ID: newID(prefixSession, s.co.now()), Mode: Test, Status: StatusCompleted, PaymentStatus: PaymentPaid, Amount: 2500, Currency: "eur",
			LineItems: `[{"name":"Beans","amount":2500,"currency":"eur","quantity":1}]`, Metadata: "{}", Locale: "en", SuccessURL: "https://a.example",
			CancelURL: "https://a.example", LatePayment: "refund", CreatedAt: now, TTLSeconds: 3600, ExpiresAt: now + 3600000, CompletedAt: &now,
		}
		d := s.co.documentOf(rec, now)
		rec.DocumentID = &d.ID
		if _, _, err := t.insertSession(rec); err != nil {
			s.t.Fatalf("session %d: %v", i, err)
		}
		if err := t.insertDocument(*d); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Thirty-two workers of four processes, of whose transactions one in ten is rolled back: no gap, no duplicate.
func TestChaosNumbersHaveNoGaps(t *testing.T) {
	const documents = 3000
	for _, dialect := range dbtest.Dialects() {
		t.Run(string(dialect), func(t *testing.T) {
			s := newShop(t, dbtest.OpenUnsynced(t, dialect))
			s.dueFor(documents)
			var rolledBack atomic.Int64
			random := rand.New(rand.NewPCG(1, 2))
			var mu sync.Mutex
			fail := func(point string) {
				mu.Lock()
				unlucky := point == "documents.numbered" && random.IntN(10) == 0
				mu.Unlock()
				if unlucky {
					rolledBack.Add(1)
					panic(errUnlucky)
				}
			}
			processes := []*shop{s}
			for range 3 {
				processes = append(processes, secondProcess(t, s))
			}
			var wg sync.WaitGroup
			for _, p := range processes {
				p.co.shared.failpoint = fail
				for range 8 {
					wg.Go(func() { issueUntilDone(t, p.co) })
				}
			}
			wg.Wait()
			if n := s.count("documents", "state = 'issued'"); n != documents {
				t.Errorf("%d of %d were issued", n, documents)
			}
			s.wantInvariants(documentInvariants...)
			if rolledBack.Load() == 0 {
				t.Error("nothing was rolled back")
			}
			t.Logf("%d documents, %d transactions rolled back", documents, rolledBack.Load())
		})
	}
}

var errUnlucky = errors.New("the process of this transaction had bad luck")

// issueUntilDone goes on like a worker that is started again whenever it dies.
func issueUntilDone(t *testing.T, c *Checkout) {
	for range 1000 {
		err := contained(func() error { return c.issueDue(t.Context()) })
		if err == nil {
			return
		}
		if !errors.Is(err, errUnlucky) && !errors.Is(err, ErrDatabaseBusy) {
			t.Errorf("a worker failed: %v", err)
			return
		}
	}
	t.Error("a worker never came to an end")
}

func contained(work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errUnlucky
			if r != any(errUnlucky) {
				err = fmt.Errorf("panic: %v", r)
			}
		}
	}()
	return work()
}

// BenchmarkNumber gives numbers in batches, beside the bare updates of such a batch: the same rows with the same content in one
// transaction, without reading or writing anything else.
func BenchmarkNumber(b *testing.B) {
	for _, dialect := range dbtest.Dialects() {
		b.Run(string(dialect), func(b *testing.B) {
			s := newShop(b, dbtest.Open(b, dialect, nil))
			for b.Loop() {
				b.StopTimer()
				s.dueFor(documentBatch)
				b.StartTimer()
				s.issueAll()
			}
			b.ReportMetric(float64(documentBatch)*float64(b.N)/b.Elapsed().Seconds(), "documents/s")
		})
		b.Run(string(dialect)+"/bare", func(b *testing.B) {
			s := newShop(b, dbtest.Open(b, dialect, nil))
			s.dueFor(documentBatch)
			s.issueAll()
			list, err := all(s.co.store.direct(b.Context()), readDocument, `SELECT `+documentColumns+` FROM {documents}`)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := s.co.store.transact(b.Context(), func(t tx) error { return rewrite(t, list) }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(list))*float64(b.N)/b.Elapsed().Seconds(), "documents/s")
		})
	}
}

func rewrite(t tx, list []documentRecord) error {
	for _, r := range list {
		if err := t.one(`UPDATE {documents} SET content = ?, sha256 = ? WHERE id = ?`, r.Content, r.SHA256, r.ID); err != nil {
			return err
		}
	}
	return nil
}
