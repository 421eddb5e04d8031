package checkout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// envChild makes the test binary a shop of its own instead of running tests. Its value is a childTask in JSON.
const envChild = "CHECKOUT_CHAOS_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(envChild); task != "" {
		runChild(task)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childTask is what a process does, and at which passage of which point it is killed.
type childTask struct {
	Dialect, DSN string
	World        string // address of the world
	Key          string
	At           time.Time // where its clock starts
	Do           []string  // names of childWork
	Point        string
	Nth          int
}

// childTB stands in for a test in a process that runs none.
type childTB struct{ testing.TB }

func (childTB) Helper()                      {}
func (childTB) Cleanup(func())               {}
func (childTB) Context() context.Context     { return context.Background() }
func (childTB) Errorf(form string, a ...any) { childFailed(fmt.Sprintf(form, a...)) }
func (childTB) Fatalf(form string, a ...any) { childFailed(fmt.Sprintf(form, a...)) }
func (childTB) Fatal(a ...any)               { childFailed(fmt.Sprint(a...)) }
func (childTB) Error(a ...any)               { childFailed(fmt.Sprint(a...)) }
func childFailed(text string)                { fmt.Fprintln(os.Stderr, text); os.Exit(1) }
func childMust[T any](value T, err error) T  { childCheck(err); return value }
func childCheck(err error) {
	if err != nil {
		childFailed(err.Error())
	}
}

// child is a shop in a process that may die at any moment.
type child struct {
	*shop
	task   childTask
	plot   string
	mu     sync.Mutex
	passed map[string]int
	leased func() // runs when deliveries were leased
}

func runChild(text string) {
	c := &child{passed: map[string]int{}}
	childCheck(json.Unmarshal([]byte(text), &c.task))
	c.open()
	for _, name := range c.task.Do {
		childWork[name](c)
	}
	childCheck(json.NewEncoder(os.Stdout).Encode(c.passed))
}

var childWork = map[string]func(*child){
	"sales": (*child).sales, "notices": (*child).deliverNotices, "round": (*child).round, "serve": (*child).serve,
	"statement": (*child).statement,
}

func (c *child) open() {
	tb := childTB{}
	c.shop = &shop{t: tb, clock: &clock{at: c.task.At}, mux: http.NewServeMux(), log: &logBuffer{}, key: c.task.Key, watch: &secretWatch{}}
	c.db = dbtest.OpenDSN(tb, c.task.Dialect, c.task.DSN, nil)
	c.co = childMust(New(Config{
		DB: c.db, BaseURL: "http://shop.test", Now: c.clock.now, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Providers: []Provider{&remote{scripted: newScripted(outcome{}), child: c}, newAccount()}, HTTPClient: &http.Client{Transport: toWorld{c.task.World}},
		Mailer: postman{c}, Mail: MailSettings{From: "billing@acme.example"}, OnEvent: recordEvent, TrustedProxies: []string{"127.0.0.0/8"},
	}))
	c.co.shared.failpoint = c.reached
	childCheck(Migrate(tb.Context(), c.db, ""))
	c.co.Mount(c.mux)
}

// recordEvent is the host's own book, written in the same transaction.
func recordEvent(_ context.Context, tx *gorm.DB, e Event) error {
	return tx.Exec("INSERT INTO host_events (id, session_id, type) VALUES (?, ?, ?)", e.ID, e.SessionID, e.Type).Error
}

// reached dies without a word, as from kill -9, when it is this point's turn.
func (c *child) reached(point string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed[point]++
	if point == c.task.Point && c.passed[point] == c.task.Nth {
		self := childMust(os.FindProcess(os.Getpid()))
		childCheck(self.Kill())
		select {}
	}
	if point == "deliver.leased" && c.leased != nil {
		c.leased()
	}
}

// toWorld sends every webhook to the world, whatever its address.
type toWorld struct{ address string }

func (t toWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.URL.Path = "http", strings.TrimPrefix(t.address, "http://"), "/hook"
	return http.DefaultTransport.RoundTrip(r)
}

// ask calls the world. What it does not answer well is an unknown outcome.
func ask[T any](ctx context.Context, c *child, path string, question any) (result T, err error) {
	body, ok := question.(string)
	if !ok {
		body = string(childMust(json.Marshal(question)))
	}
	r := childMust(http.NewRequestWithContext(ctx, http.MethodPost, c.task.World+path, strings.NewReader(body)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return result, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return result, json.NewDecoder(answer.Body).Decode(&result)
	case http.StatusNotFound:
		return result, ErrNoCharge
	case http.StatusPaymentRequired:
		return result, ErrRejected
	}
	return result, fmt.Errorf("the company answered %s", answer.Status)
}

func (c *child) tell(path string, word any) { childMust(ask[any](context.Background(), c, path, word)) }

// postman is the mail server seen from a process.
type postman struct{ child *child }

func (p postman) Send(ctx context.Context, m Mail) error {
	_, err := ask[bool](ctx, p.child, "/mail", m)
	return err
}

// remote is the company seen from a process: every call goes over the network.
type remote struct {
	*scripted
	child *child
}

func (p *remote) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	return ask[Step](ctx, p.child, "/begin", chargeOrder{r, p.child.plot})
}

func (p *remote) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	return ask[Observation](ctx, p.child, "/observe", ref)
}

func (p *remote) Refund(ctx context.Context, r RefundRequest) (RefundObservation, error) {
	return ask[RefundObservation](ctx, p.child, "/refund", r)
}

// advance moves the clock and tells the world, so that a process that comes later does not live earlier.
func (c *child) advance(d time.Duration) {
	c.clock.advance(d)
	c.tell("/clock", c.clock.now())
}

// order creates a session under an idempotency key.
func (c *child) order() string {
	w := c.api("POST", "/sessions", seedBody, "Idempotency-Key", newID("order_", c.clock.now()))
	if w.Code != http.StatusCreated {
		c.t.Fatalf("create answered %d: %s", w.Code, w.Body)
	}
	id := decode(c.t, w)["id"].(string)
	c.tell("/tell", "created "+id)
	return id
}

// buy pays a session and comes back to its page.
func (c *child) buy(id, plot string) string {
	c.plot = plot
	w := c.payWire(id)
	if w.Code != http.StatusSeeOther {
		c.t.Fatalf("pay answered %d: %s", w.Code, w.Body)
	}
	if strings.Contains(w.Header().Get("Location"), "/success") {
		c.tell("/tell", "completed "+id)
	}
	c.page("/checkout/" + id + "/return")
	return id
}

// sales is all that can happen to orders in a shop; every kill point is passed.
func (c *child) sales() {
	ctx := c.t.Context()
	paid := c.buy(c.order(), "pay")
	c.buy(c.buy(c.order(), "decline"), "pay")
	c.buy(c.order(), "later")
	c.buy(c.order(), "never")
	c.deliverNotices()
	c.buy(c.order(), "lost")
	c.advance(time.Minute)
	childCheck(c.co.reconcileDue(ctx))
	c.buy(c.order(), "mismatch")
	childCheck(c.co.refundDue(ctx))
	childMust(c.co.Refund(ctx, RefundParams{SessionID: paid, AmountCents: 900, IdempotencyKey: newID("back_", c.clock.now())}))
	childCheck(c.co.deliverDue(ctx))
	c.rotate()
	late := c.buy(c.order(), "late")
	c.order() // is never paid
	c.advance(2 * time.Hour)
	childCheck(c.co.expireDue(ctx))
	c.tell("/arrive", late)
	c.deliverNotices()
	childCheck(c.co.refundDue(ctx))
	c.stopGracefully()
	childCheck(c.co.issueDue(ctx))
	childCheck(c.co.mailDue(ctx))
	childCheck(c.co.deliverDue(ctx))
}

// rotate replaces the secret of the merchant's endpoint, with an overlap that outlives the process.
func (c *child) rotate() {
	for _, e := range childMust(c.co.Endpoints(c.t.Context(), Live)) {
		_, err := c.co.RotateSecret(c.t.Context(), e.ID, time.Hour)
		if errors.Is(err, ErrOverlap) { // the process before this one died in the middle of an overlap
			_, err = c.co.RotateSecret(c.t.Context(), e.ID, 0)
		}
		childCheck(err)
	}
}

// stopGracefully runs the workers and stops them when deliveries have just been leased.
func (c *child) stopGracefully() {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	c.mu.Lock()
	c.leased = cancel
	c.mu.Unlock()
	childCheck(c.co.Run(ctx))
	c.mu.Lock()
	c.leased = nil
	c.mu.Unlock()
}

// deliverNotices is the company's sender: it repeats what was not acknowledged.
func (c *child) deliverNotices() {
	for _, n := range childMust(ask[[]scriptedNotice](c.t.Context(), c, "/notices", "")) {
		n.Claims = StateSucceeded
		if w := c.notify(n, "authentic"); w.Code != http.StatusOK {
			c.t.Fatalf("a notification was answered %d: %s", w.Code, w.Body)
		}
		c.tell("/ack", n.Event)
	}
}

// round is one round of the workers.
func (c *child) round() { childMust(c.co.RunOnce(c.t.Context())) }

// serve answers buyers until its standard input ends. The first line it prints is its address.
func (c *child) serve() {
	c.plot = "pay"
	childMust(c.db.DB()).SetMaxIdleConns(clicks)
	l := childMust(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Println("http://" + l.Addr().String())
	go func() { childCheck(http.Serve(l, c.mux)) }()
	var rest bytes.Buffer
	childMust(io.Copy(&rest, os.Stdin))
}
