package checkout

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"
)

// create opens an order, now and then twice with one key.
func (w *walker) create(rt *rapid.T) {
	body := fmt.Sprintf(`{"line_items":[{"name":"Beans","amount":%d,"currency":"eur"}],"customer_email":"a@example.com",`+
		`"success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel","expires_in":%d,"late_payment":%q}`,
		draw(rt, "amount", 0, 1, 2500, 2500, 2500), draw(rt, "time", 60, 1800, 86400), draw(rt, "late money", "refund", "refund", "complete"))
	key := fmt.Sprintf("order-%d", len(w.ids))
	first := w.api("POST", "/sessions", body, "Idempotency-Key", key)
	if first.Code != http.StatusCreated {
		return
	}
	id := decode(w.s.t, first)["id"].(string)
	w.ids = append(w.ids, id)
	if rapid.Bool().Draw(rt, "twice") {
		again := w.api("POST", "/sessions", body, "Idempotency-Key", key)
		if again.Code == http.StatusCreated && decode(w.s.t, again)["id"] != id {
			rt.Fatalf("T1: one key made two sessions")
		}
	}
}

// The plans of a company for a charge; the likely ones come more than once.
var plans = []string{
	"pay", "pay", "decline", "decline", "challenge", "challenge", "processing", "lose", "lose processing", "underway", "underway",
	"unavailable", "reject", "other amount", "other currency", "replay", "die before", "die after",
}

// meanwhile plans what others do while a call to the company is under way.
func (w *walker) meanwhile(rt *rapid.T, id string) {
	var act func()
	switch draw(rt, "meanwhile", "nothing", "nothing", "click", "notice", "return", "expire", "workers", "change", "look") {
	case "click":
		form := w.form[id]
		act = func() { w.browser("POST", "/checkout/"+id, form) }
	case "notice":
		act = func() { w.tell(w.attemptOf(id), w.newEvent(), "authentic") }
	case "return":
		act = func() { w.browser("GET", "/checkout/"+id+"/return", nil) }
	case "expire":
		act = func() { w.api("POST", "/sessions/"+id+"/expire", "") }
	case "workers":
		act = func() { _, _ = w.s.co.RunOnce(w.s.t.Context()) }
	case "change":
		plan := draw(rt, "to", "pay", "decline", "processing")
		act = func() {
			w.b.change(w.attemptOf(id), plan)
			w.tell(w.attemptOf(id), w.newEvent(), "authentic")
		}
	case "look":
		act = func() { w.browser("GET", "/checkout/"+id, nil) }
	}
	w.b.mu.Lock()
	w.b.between = act
	w.b.mu.Unlock()
}

func (w *walker) pay(rt *rapid.T) {
	id := w.one(rt)
	form := w.open(id)
	if form == nil {
		rt.Skip("the page has no form")
	}
	w.replayable()
	w.b.mu.Lock()
	w.b.plan = rapid.SampledFrom(plans).Draw(rt, "plan")
	w.b.mu.Unlock()
	w.meanwhile(rt, id)
	click := func() *httptest.ResponseRecorder { return w.browser("POST", "/checkout/"+id, form) }
	switch draw(rt, "click", "once", "once", "twice", "both at once") {
	case "twice":
		click()
	case "both at once":
		var other sync.WaitGroup
		other.Go(func() { click() })
		defer other.Wait()
	}
	click()
}

// replayable lets the company show a charge id that our books know from another payment.
func (w *walker) replayable() {
	var id string
	_ = w.raw.QueryRow(w.s.co.store.text(`SELECT COALESCE(MAX(charge_id), '') FROM {payments}`)).Scan(&id)
	w.b.mu.Lock()
	w.b.replay = id
	w.b.mu.Unlock()
}

func (w *walker) oldForm(rt *rapid.T) {
	id := w.one(rt)
	if form := w.form[id]; form != nil {
		w.browser("POST", "/checkout/"+id, form)
	}
}

// change moves a charge that is not final at the company.
func (b *books) change(attemptID, plan string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.charges[attemptID]
	if c == nil || c.final || c.state == StateSucceeded || c.state == StateCanceled || (c.state == StateFailed && plan == "processing") {
		return
	}
	b.happen(c, plan)
}

func (w *walker) turn(rt *rapid.T) {
	c := w.charge(rt)
	w.replayable()
	w.b.change(c.request.AttemptID, draw(rt, "to", "pay", "pay", "decline", "processing", "reject", "other amount", "other currency", "replay"))
	w.b.mu.Lock()
	for _, r := range c.refunds {
		if r.state == StateProcessing {
			r.state, c.news = draw(rt, "refund", StateSucceeded, StateFailed), true
			if r.state == StateFailed {
				c.no++
			}
		}
	}
	w.b.mu.Unlock()
}

// arrive lets a request that seemed lost reach the company after all.
func (w *walker) arrive(rt *rapid.T) {
	plan := draw(rt, "as", "pay", "pay", "decline", "processing")
	w.b.mu.Lock()
	var late []BeginRequest
	for _, u := range w.b.underway {
		if w.b.now().Before(u.until) {
			late = append(late, u.request)
		}
	}
	w.b.mu.Unlock()
	for _, r := range late {
		w.b.charge(r, plan)
	}
}

func (w *walker) newEvent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notices++
	return fmt.Sprintf("evt-%d", w.notices)
}

// attemptOf is the newest attempt of a session, or no id.
func (w *walker) attemptOf(id string) (attempt string) {
	_ = w.raw.QueryRow(w.s.co.store.text(`SELECT id FROM {payments} WHERE session_id = $1 ORDER BY ordinal DESC LIMIT 1`), id).Scan(&attempt)
	return attempt
}

// tell sends a notification. What it claims is never true.
func (w *walker) tell(attempt, event, signature string) int {
	body, err := json.Marshal(scriptedNotice{Event: event, AttemptID: attempt, Ref: "ref_" + attempt, Claims: StateSucceeded})
	if err != nil {
		panic(err)
	}
	return w.s.notifyBody("books", string(body), signature).Code
}

func (w *walker) notice(rt *rapid.T) {
	c := w.charge(rt)
	event := fmt.Sprintf("evt-%d", w.notices) // the last one once more
	if w.notices == 0 || draw(rt, "event", "new", "new", "again") == "new" {
		event = w.newEvent()
	}
	w.b.mu.Lock()
	w.b.lie = draw(rt, "mode", false, false, false, true)
	w.b.mu.Unlock()
	w.meanwhile(rt, c.request.SessionID)
	signature := draw(rt, "signature", "authentic", "authentic", "authentic", "forged")
	if code := w.tell(c.request.AttemptID, event, signature); signature == "forged" && code != http.StatusBadRequest {
		rt.Fatalf("T17: a forged notification was answered %d", code)
	}
	w.b.mu.Lock()
	w.b.lie = false
	w.b.mu.Unlock()
}

func (w *walker) comeBack(rt *rapid.T) {
	id := w.one(rt)
	w.meanwhile(rt, id)
	w.browser("GET", "/checkout/"+id+"/return", nil)
}

func (w *walker) abandon(rt *rapid.T) { w.act(rt, "abandon") }
func (w *walker) extend(rt *rapid.T)  { w.act(rt, "extend") }

func (w *walker) act(rt *rapid.T, action string) {
	id := w.one(rt)
	form := w.open(id)
	if form == nil {
		rt.Skip("the page has no form")
	}
	form.Set("action", action)
	w.meanwhile(rt, id)
	w.browser("POST", "/checkout/"+id, form)
}

// look opens what a buyer and a merchant may open.
func (w *walker) look(rt *rapid.T) {
	id := w.one(rt)
	w.browser("GET", "/checkout/"+id, nil)
	w.browser("GET", "/checkout/"+id+"/status", nil)
	w.api("GET", "/sessions/"+id, "")
}

func (w *walker) expire(rt *rapid.T) {
	id := w.one(rt)
	w.meanwhile(rt, id)
	w.api("POST", "/sessions/"+id+"/expire", "")
}

func (w *walker) time(rt *rapid.T) {
	w.s.clock.advance(draw(rt, "later", time.Second, 7*time.Second, 40*time.Second, 3*time.Minute, 16*time.Minute, time.Hour, 26*time.Hour))
}

func (w *walker) work(rt *rapid.T) {
	w.meanwhile(rt, w.one(rt))
	_, _ = w.s.co.RunOnce(w.s.t.Context()) // what fails is tried again, which is what this test is about
}

func (w *walker) workSoon(rt *rapid.T) {
	w.s.clock.advance(draw(rt, "later", 26*time.Second, time.Minute, 10*time.Minute))
	w.work(rt)
}

// refund pays back by the API, in parts or too much, now and then twice with one key.
func (w *walker) refund(rt *rapid.T) {
	id := w.one(rt)
	w.b.mu.Lock()
	w.b.refunds = draw(rt, "plan", "pay", "pay", "lose", "lose", "processing", "fail", "reject", "unavailable")
	w.b.mu.Unlock()
	w.meanwhile(rt, id)
	body := fmt.Sprintf(`{"session_id":%q,"amount_cents":%d}`, id, draw(rt, "amount", 1, 1000, 2500, 2501))
	key := "refund-" + w.newEvent()
	first := w.api("POST", "/refunds", body, "Idempotency-Key", key)
	if rapid.Bool().Draw(rt, "twice") && first.Code == http.StatusCreated {
		again := w.api("POST", "/refunds", body, "Idempotency-Key", key)
		if again.Code == http.StatusCreated && decode(w.s.t, again)["id"] != decode(w.s.t, first)["id"] {
			rt.Fatalf("one key made two refunds")
		}
	}
	w.b.mu.Lock()
	w.b.refunds = "pay"
	w.b.mu.Unlock()
}

// refundThere is made at the company; we hear of it later, if ever by ourselves.
func (w *walker) refundThere(rt *rapid.T) {
	c := w.charge(rt)
	amount := draw(rt, "amount", int64(1), 1000, 2500)
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if amount > c.kept() {
		rt.Skip("there is not so much left")
	}
	w.b.payBack(c, "", amount, "pay")
}

func (w *walker) refuse(rt *rapid.T) { w.refused = draw(rt, "times", 1, 2, 7) }
func (w *walker) fail(rt *rapid.T)   { w.down = draw(rt, "times", 1, 5, 40) }

func (w *walker) silence(rt *rapid.T) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	w.b.silent = draw(rt, "times", 1, 3, 10)
}

// breakDatabase lets one of the next calls to the database fail.
func (w *walker) breakDatabase(rt *rapid.T) {
	moment, fault := draw(rt, "moment", before, after), draw(rt, "fault", errCut, errBroke)
	if rapid.Bool().Draw(rt, "at a commit") {
		w.f.once(callCommit, moment, fault)
		return
	}
	n := rapid.IntRange(1, 20).Draw(rt, "call")
	w.f.when(func(string) (string, error) {
		if n--; n == 0 {
			return moment, fault
		}
		return "", nil
	})
}

// restart is another process on the same database, which knows nothing by heart.
func (w *walker) restart(*rapid.T) {
	other := *w.s.co
	other.shared = newShared()
	w.s.co, w.s.mux = &other, http.NewServeMux()
	other.Mount(w.s.mux)
}

// otherKey tries a key of test mode on a live order (I8).
func (w *walker) otherKey(rt *rapid.T) {
	id := w.one(rt)
	key, err := w.s.co.CreateKey(w.s.t.Context(), Test, "strangers")
	if err != nil {
		rt.Skip("the database is broken")
	}
	w.s.key = key
	defer func() { w.s.key = w.live }()
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/sessions/" + id, ""}, {"POST", "/sessions/" + id + "/expire", ""},
		{"POST", "/refunds", `{"session_id":"` + id + `"}`}, {"POST", "/test/sessions/" + id + "/pay", ""},
	} {
		if answer := w.api(r.method, r.path, r.body); answer.Code < 400 || strings.Contains(answer.Body.String(), "example.com") {
			rt.Fatalf("I8: %s %s with a test key answered %d", r.method, r.path, answer.Code)
		}
	}
}
