package checkout

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

// envChaos chooses the long form of the tests that destroy things.
const envChaos = "CHECKOUT_CHAOS"

// A short run for every change, and the long one of make chaos: rounds with a seed each, until there were enough steps.
const (
	shortRuns = 60
	shortWalk = 50
	longRuns  = 400
	longWalk  = 80
	longSteps = 100_000
)

// TestChaosAnyOrderOfEventsKeepsTheInvariants walks a shop at random: buyers, the company, notifications, workers, time, a
// hook that refuses and a database that fails. After every step and at rest the design's invariants must hold. A failure
// prints the seed to repeat it with, and the shortest walk that leads there.
func TestChaosAnyOrderOfEventsKeepsTheInvariants(t *testing.T) {
	runs, walk, want := shortRuns, shortWalk, 0
	if os.Getenv(envChaos) == "long" {
		t.Parallel()
		runs, walk, want = longRuns, longWalk, longSteps
	}
	setRapid(t, "steps", strconv.Itoa(walk))
	setRapid(t, "checks", strconv.Itoa(runs))
	steps, start := 0, time.Now()
	for first := true; first || steps < want; first = false {
		if !first {
			setRapid(t, "seed", "0")
		}
		seed := seedRapid(t)
		rapid.Check(t, func(rt *rapid.T) { steps += walkAtRandom(t, rt) })
		t.Logf("%d random steps so far in %.0f s, seed %s, 0 violations", steps, time.Since(start).Seconds(), seed)
	}
}

func setRapid(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set("rapid."+name, value); err != nil {
		t.Fatal(err)
	}
}

// seedRapid keeps the seed of the command line and draws one otherwise, so that it can be named in any case.
func seedRapid(t *testing.T) string {
	t.Helper()
	given := flag.Lookup("rapid.seed").Value.String()
	if given == "0" {
		given = strconv.FormatUint(rand.Uint64N(1<<62)+1, 10)
		setRapid(t, "seed", given)
	}
	return given
}

// walker is a shop in which anything may happen next.
type walker struct {
	rt      *rapid.T
	s       *shop
	f       *faults
	b       *books
	raw     *sql.DB // past the faults
	live    string
	ids     []string
	form    map[string]url.Values // the last form each buyer has seen
	refused int                   // times the hook still says no
	down    int                   // requests the receiver still refuses
	steps   int
	notices int
	client  int

	mu      sync.Mutex
	history history
}

// walkAtRandom takes one walk and brings the shop to rest.
func walkAtRandom(t *testing.T, rt *rapid.T) int {
	db, closeDB := dbtest.Memory(t)
	defer closeDB()
	w := newWalker(t, rt, db)
	w.create(rt)
	actions := w.actions()
	actions[""] = w.check
	rt.Repeat(actions)
	w.rest(rt)
	return w.steps
}

func newWalker(t *testing.T, rt *rapid.T, db *gorm.DB) *walker {
	w := &walker{rt: rt, form: map[string]url.Values{}, history: newHistory()}
	raw, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	w.raw, w.f = raw, faulty(t, db)
	if _, err := raw.Exec("CREATE TABLE host_orders (event_id TEXT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	at := newClock()
	w.b = newBooks(at.now)
	w.b.idle = w.noTransaction
	w.s = newLiveShop(t, db, w.b, func(c *Config) {
		c.Now, c.OnEvent, c.HTTPClient = at.now, w.hook, &http.Client{Transport: w}
	})
	w.s.clock, w.live = at, w.s.key
	w.listen(t)
	return w
}

// listen makes an endpoint of each mode that wants to hear everything.
func (w *walker) listen(t *testing.T) {
	everything := slices.DeleteFunc(slices.Clone(allEvents), func(kind string) bool { return kind == webhook.InvoiceIssued })
	for mode, host := range map[Mode]string{Live: "live.test", Test: "test.test"} {
		if _, _, err := w.s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: mode, URL: "https://" + host + "/", Events: everything}); err != nil {
			t.Fatal(err)
		}
	}
}

// noTransaction fails while a transaction keeps the only connection to itself.
func (w *walker) noTransaction(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return w.raw.PingContext(ctx)
}

// hook is the host: it books the event in its own table, and sometimes will not.
func (w *walker) hook(_ context.Context, tx *gorm.DB, e Event) error {
	w.mu.Lock()
	no := w.refused > 0
	if no {
		w.refused--
	}
	w.mu.Unlock()
	if no {
		return errors.New("the host is not in the mood")
	}
	return tx.Exec("INSERT INTO host_orders (event_id) VALUES (?)", e.ID).Error
}

// RoundTrip is the merchant's receiver.
func (w *walker) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	status := http.StatusOK
	if w.down > 0 {
		w.down--
		status = http.StatusInternalServerError
	}
	w.history.received(r, string(body), status)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// actions are the steps. The names that come more than once are more likely.
func (w *walker) actions() map[string]func(*rapid.T) {
	steps := map[string]func(*rapid.T){
		"create": w.create, "pay": w.pay, "pay again": w.pay, "pay once more": w.pay, "old form": w.oldForm, "company": w.turn,
		"company moves": w.turn, "request arrives": w.arrive, "notification": w.notice, "more notifications": w.notice, "return": w.comeBack,
		"abandon": w.abandon, "extend": w.extend, "look": w.look, "expire": w.expire, "time": w.time, "more time": w.time, "workers": w.work,
		"workers again": w.work, "workers soon": w.workSoon, "refund": w.refund, "refund again": w.refund, "refund there": w.refundThere,
		"hook refuses": w.refuse, "receiver fails": w.fail, "company is silent": w.silence, "database fails": w.breakDatabase,
		"another process": w.restart, "other key": w.otherKey,
	}
	for name, step := range steps {
		steps[name] = func(rt *rapid.T) {
			step(rt)
			w.steps++
		}
	}
	return steps
}

func draw[T any](rt *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(rt, label)
}

// one picks one of the newest sessions.
func (w *walker) one(rt *rapid.T) string {
	return w.ids[len(w.ids)-1-rapid.IntRange(0, min(2, len(w.ids)-1)).Draw(rt, "session")]
}

// charge picks a charge of a session, the newest or an older one.
func (w *walker) charge(rt *rapid.T) *charged {
	id := w.one(rt)
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	var list []*charged
	for _, c := range w.b.charges {
		if c.request.SessionID == id {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		rt.Skip("nothing was charged yet")
	}
	slices.SortFunc(list, func(a, b *charged) int { return strings.Compare(a.request.AttemptID, b.request.AttemptID) })
	return list[len(list)-1-rapid.IntRange(0, min(1, len(list)-1)).Draw(rt, "charge")]
}

// browser is a buyer's request from an address of its own; what it is answered goes into the history.
func (w *walker) browser(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w.mu.Lock()
	w.client++
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", w.client>>16, w.client>>8&255, w.client&255)
	w.mu.Unlock()
	answer := w.s.do(r)
	w.shown(strings.Split(path, "/")[2], answer)
	return answer
}

func (w *walker) api(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return w.s.api(method, path, body, headers...)
}

// open reads the page and keeps its form, if it has one.
func (w *walker) open(id string) url.Values {
	page := w.browser("GET", "/checkout/"+id, nil)
	m := tokenRule.FindStringSubmatch(page.Body.String())
	if m == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.form[id] == nil || w.s.clock.now().Second()%2 == 0 { // some buyers keep an old tab
		w.form[id] = url.Values{"token": {m[1]}, "action": {"pay"}, "method": {"wire"}}
	}
	return url.Values{"token": {m[1]}, "action": {"pay"}, "method": {"wire"}}
}
