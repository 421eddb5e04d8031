package checkout

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// outboxRow is a row of the deliveries table as tests look at it.
type outboxRow struct {
	ID, EventID, EndpointID, State  string
	Attempts, HTTPStatus            int
	NextAt, LeaseUntil, DeliveredAt int64
	Lease, Error, Response          string
}

// outbox reads the deliveries in the order they were queued; where narrows it down.
func (s *shop) outbox(where string, args ...any) []outboxRow {
	s.t.Helper()
	read := func(row scanner) (r outboxRow, err error) {
		err = row.Scan(&r.ID, &r.EventID, &r.EndpointID, &r.State, &r.Attempts, &r.HTTPStatus, &r.NextAt, &r.LeaseUntil, &r.DeliveredAt, &r.Lease, &r.Error, &r.Response)
		return r, err
	}
	list, err := all(s.co.store.direct(context.Background()), read, `SELECT id, event_id, endpoint_id, state, attempts, COALESCE(http_status, 0), next_at, lease_until,
		COALESCE(delivered_at, 0), COALESCE(lease, ''), COALESCE(error, ''), COALESCE(response, '') FROM {deliveries} WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// delivery gives the one delivery of a session.
func (s *shop) delivery(session string) outboxRow {
	s.t.Helper()
	list := s.outbox("session_id = ?", session)
	if len(list) != 1 {
		s.t.Fatalf("the session has %d deliveries, want 1", len(list))
	}
	return list[0]
}

// payload gives the frozen bytes of a session's event.
func (s *shop) payload(session, kind string) string {
	s.t.Helper()
	list, err := all(s.co.store.direct(s.t.Context()), readText, `SELECT payload FROM {events} WHERE session_id = ? AND type = ?`, session, kind)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("%d events %s: %v", len(list), kind, err)
	}
	return list[0]
}

// newSender is a sender without its loop, so that a test decides when it looks.
func (s *shop) newSender() *sender {
	return &sender{c: s.co, lanes: map[string]*lane{}, slots: make(chan struct{}, senders)}
}

// sendDue sends one claim of every endpoint and waits for the answers.
func (s *shop) sendDue() {
	s.t.Helper()
	sender := s.newSender()
	if err := sender.dispatch(s.t.Context(), s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	sender.running.Wait()
}

// sendAllDue sends until nothing is due.
func (s *shop) sendAllDue() {
	s.t.Helper()
	for range 1000 {
		now := millis(s.clock.now())
		if s.count("deliveries", "state = 'pending' AND next_at <= ? AND lease_until <= ?", now, now) == 0 {
			return
		}
		s.sendDue()
	}
	s.t.Fatal("the outbox does not become empty")
}

// hook makes an endpoint of the test mode and gives its id and secret.
func (s *shop) hook(url string) (id, secret string) {
	s.t.Helper()
	id, secret, err := s.co.CreateEndpoint(s.t.Context(), EndpointParams{Mode: Test, URL: url})
	if err != nil {
		s.t.Fatal(err)
	}
	return id, secret
}

// expiredSession makes a session and ends it, which is the shortest way to an event.
func (s *shop) expiredSession() string {
	s.t.Helper()
	id := s.create(seedBody)
	if _, err := s.co.ExpireSession(s.t.Context(), id); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// startWorkers runs the workers of one process until stop is called, which waits for their end.
func (s *shop) startWorkers() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.co.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				s.t.Errorf("Run: %v", err)
			}
		})
	}
	s.t.Cleanup(stop)
	return stop
}

// hookNet stands in for the network: it answers in process and notes who asked.
type hookNet func(r *http.Request) (*http.Response, error)

func (f hookNet) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// client is a setting that sends webhooks through f.
func (f hookNet) client(cfg *Config) { cfg.HTTPClient = &http.Client{Transport: f} }

func httpReply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// hookLog is endpoints that take everything and keep it.
type hookLog struct {
	mu  sync.Mutex
	got []received
}

func (m *hookLog) take(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, received{r.Header.Clone(), string(body)})
}

func (m *hookLog) all() []received {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]received(nil), m.got...)
}

// oneShop is eachShop where the database makes no difference.
func oneShop(t *testing.T, configure ...func(*Config)) *shop {
	t.Helper()
	return newShop(t, dbtest.Open(t, dbtest.SQLite, nil), configure...)
}

// within10 tells whether a wait is d ± 10 %, the jitter.
func within10(got time.Duration, d time.Duration) error {
	if got < d-d/10 || got > d+d/10 {
		return fmt.Errorf("waits %v, want %v ± 10 %%", got, d)
	}
	return nil
}
