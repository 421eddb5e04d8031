package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// world is everything that survives when a shop's process is killed: the payment company, the merchant's receiver and
// what buyers were told. It serves the processes over HTTP and can kill the one that asks, at points of its own.
type world struct {
	*httptest.Server
	company *company

	mu      sync.Mutex
	notices map[string]string // attempt by notification that was not acknowledged
	got     []received
	mails   map[string]int // by Message-ID
	told    []string       // promises made to buyers and merchants: the status and the id of a session
	at      time.Time      // the last time a process has reported

	armed  string
	nth    int
	passed map[string]int
	kill   func()
}

// plots are what the company makes of a charge.
var plots = map[string]outcome{
	"pay":      {state: StateSucceeded},
	"decline":  {state: StateFailed, reason: ReasonDeclined},
	"later":    {state: StateProcessing},
	"never":    {state: StateProcessing},
	"lost":     {state: StateSucceeded, err: errors.New("the answer was lost")},
	"mismatch": {state: StateSucceeded, took: 2600},
	"late":     {state: StateFailed, reason: ReasonDeclined},
}

func newWorld(t testing.TB) *world {
	w := &world{company: newCompany(outcome{}), notices: map[string]string{}, mails: map[string]int{}, at: newClock().now(), passed: map[string]int{}}
	mux := http.NewServeMux()
	for path, handle := range map[string]func(body []byte) (any, error){
		"/begin": w.begin, "/observe": w.observe, "/refund": w.refund, "/arrive": w.arrive,
		"/notices": w.unacknowledged, "/ack": w.ack, "/tell": w.tell, "/clock": w.clock, "/mail": w.mail,
	} {
		mux.HandleFunc("POST "+path, func(rw http.ResponseWriter, r *http.Request) { answer(rw, r, handle) })
	}
	mux.HandleFunc("POST /hook", w.hook)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	return w
}

func answer(rw http.ResponseWriter, r *http.Request, handle func([]byte) (any, error)) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var result any
		if result, err = handle(body); err == nil {
			err = json.NewEncoder(rw).Encode(result)
		}
	}
	switch {
	case errors.Is(err, ErrNoCharge):
		rw.WriteHeader(http.StatusNotFound)
	case errors.Is(err, ErrRejected):
		rw.WriteHeader(http.StatusPaymentRequired)
	case err != nil:
		rw.WriteHeader(http.StatusInternalServerError)
	}
}

// arm lets the process be killed when it makes the world pass a point for the n-th time.
func (w *world) arm(point string, nth int, kill func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.nth, w.kill, w.passed = point, nth, kill, map[string]int{}
}

func (w *world) reached(point string) {
	w.mu.Lock()
	w.passed[point]++
	hit := point == w.armed && w.passed[point] == w.nth
	kill := w.kill
	w.mu.Unlock()
	if hit {
		kill()
	}
}

type chargeOrder struct {
	Request BeginRequest
	Plot    string
}

func (w *world) begin(body []byte) (any, error) {
	var order chargeOrder
	if err := json.Unmarshal(body, &order); err != nil {
		return nil, err
	}
	step, err := w.charge(order)
	w.reached("world.charged")
	return step, err
}

func (w *world) charge(order chargeOrder) (Step, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, id := w.company, order.Request.AttemptID
	p.scripted.mu.Lock()
	p.script = []outcome{plots[order.Plot]}
	p.scripted.mu.Unlock()
	step, err := p.Begin(context.Background(), order.Request)
	switch order.Plot {
	case "later":
		p.set(id, StateSucceeded)
	case "never":
		p.set(id, StateFailed)
	}
	w.notices[id+":1"] = id
	return step, err
}

func (w *world) observe(body []byte) (any, error) {
	var ref ChargeRef
	if err := json.Unmarshal(body, &ref); err != nil {
		return nil, err
	}
	o, err := w.company.Observe(context.Background(), ref)
	w.reached("world.observed")
	return o, err
}

func (w *world) refund(body []byte) (any, error) {
	var r RefundRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	o, err := w.company.Refund(context.Background(), r)
	w.reached("world.refunded")
	return o, err
}

// arrive lets money come for the failed attempts of a session.
func (w *world) arrive(body []byte) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range w.company.attemptsOf(string(body)) {
		w.company.set(id, StateSucceeded)
		w.notices[id+":2"] = id
	}
	return nil, nil
}

func (w *world) unacknowledged([]byte) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := []scriptedNotice{}
	for event, attempt := range w.notices {
		list = append(list, scriptedNotice{Event: event, AttemptID: attempt, Ref: "ref_" + attempt})
	}
	return list, nil
}

func (w *world) ack(body []byte) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.notices, string(body))
	return nil, nil
}

func (w *world) tell(body []byte) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, string(body))
	return nil, nil
}

func (w *world) clock(body []byte) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return nil, json.Unmarshal(body, &w.at)
}

// hook is the merchant's receiver. It has the event before it can kill the sender.
// mail is the mail server: what it has taken stays taken, whether the sender hears of it or not.
func (w *world) mail(body []byte) (any, error) {
	var m Mail
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.mails[m.ID]++
	w.mu.Unlock()
	w.reached("world.mailed")
	return true, nil
}

func (w *world) hook(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed while it wrote
	}
	w.mu.Lock()
	w.got = append(w.got, received{r.Header.Clone(), string(body)})
	w.mu.Unlock()
	w.reached("world.webhook")
}

func (w *world) received() []received {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]received{}, w.got...)
}
