package checkout

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// rest heals everything, lets days go by until nothing is due any more, and holds our books, the company's and the
// receiver's to each other.
func (w *walker) rest(rt *rapid.T) {
	w.f.when(nil)
	w.refused, w.down = 0, 0
	w.b.heal(draw(rt, "in the end", "pay", "decline"))
	for range 3 { // what the company tells may give the workers something to do, and the reverse
		w.tellNews(rt)
		w.untilNothingIsDue(rt)
	}
	w.check(rt)
	found := w.stuck()
	found = append(found, w.moneyInPlace()...)
	found = append(found, w.refundsInPlace()...)
	found = append(found, w.eventsOut()...)
	found = append(found, w.pagesTrue()...)
	if len(found) > 0 {
		rt.Fatalf("at rest, after %d steps:\n%s", w.steps, strings.Join(found, "\n"))
	}
}

// heal ends all trouble at the company and makes up its mind about everything.
func (b *books) heal(plan string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan, b.refunds, b.silent, b.lie, b.between = "pay", "pay", 0, false, nil
	for _, c := range b.charges {
		if c.state == StateProcessing {
			b.happen(c, plan)
		}
		for _, r := range c.refunds {
			if r.state == StateProcessing {
				r.state, c.news = StateSucceeded, true
			}
		}
	}
}

// tellNews sends the notifications that a company repeats until they are taken.
func (w *walker) tellNews(rt *rapid.T) {
	w.b.mu.Lock()
	var news []string
	for id, c := range w.b.charges {
		if c.news {
			news = append(news, id)
		}
	}
	w.b.mu.Unlock()
	for _, id := range news {
		code := 0
		for try := 0; code != 200 && try < 10; try++ {
			code = w.tell(id, w.newEvent(), "authentic")
		}
		if code != 200 {
			rt.Fatalf("a notification is answered %d for ever", code)
		}
		w.b.mu.Lock()
		w.b.charges[id].news = false
		w.b.mu.Unlock()
	}
}

func (w *walker) untilNothingIsDue(rt *rapid.T) {
	for range 500 {
		next, err := w.s.co.RunOnce(w.s.t.Context())
		if err != nil {
			rt.Fatalf("the workers fail although all is well: %v", err)
		}
		if next.IsZero() {
			return
		}
		w.s.clock.advance(max(next.Sub(w.s.clock.now()), time.Millisecond))
	}
	rt.Fatalf("it never comes to rest:\n%s", strings.Join(w.stuck(), "\n"))
}

// stuck finds what is neither done nor handed to a person.
func (w *walker) stuck() (found []string) {
	for what, query := range map[string]string{
		"sessions":  `SELECT id FROM {sessions} WHERE status = 'pending'`,
		"attempts":  `SELECT id, state FROM {payments} WHERE state IN ('open', 'refund_due')`,
		"refunds":   `SELECT id FROM {refunds} WHERE state = 'pending'`,
		"webhooks":  `SELECT id FROM {deliveries} WHERE state = 'pending'`,
		"lost ones": `SELECT e.id FROM {events} e WHERE type <> 'checkout.invoice.issued' AND NOT EXISTS (SELECT 1 FROM {deliveries} d WHERE d.event_id = e.id)`,
		"documents": `SELECT id FROM {documents} WHERE state = 'due'`,
	} {
		if list := w.rows(query); len(list) > 0 {
			found = append(found, fmt.Sprintf("stuck %s: %v", what, list))
		}
	}
	return found
}

// moneyInPlace compares the money at the company with our books (I3, I4, I10).
func (w *walker) moneyInPlace() (found []string) {
	due := map[string]int64{} // what should be kept for an attempt
	state := map[string]string{}
	for _, p := range w.rows(`SELECT p.id, p.state, p.session_id, s.amount - s.amount_refunded FROM {payments} p JOIN {sessions} s ON s.id = p.session_id`) {
		state[p[0]] = p[1]
		if p[1] == "succeeded" {
			var amount int64
			_, _ = fmt.Sscan(p[3], &amount)
			due[p[0]] = amount
		}
	}
	for id, c := range w.b.charges {
		kept := c.kept()
		switch {
		case state[id] == "":
			found = append(found, "I3: the company has a charge that our books do not know")
		case state[id] == "needs_person" && c.no > 0:
		case kept != due[id]:
			found = append(found, fmt.Sprintf("I3: the company keeps %d for an attempt that is %s and should have %d (%s)", kept, state[id], due[id], id))
		}
		if w.history.uncharged[id] && kept > 0 && state[id] != "succeeded" && state[id] != "needs_person" {
			found = append(found, "I10: the buyer was told that nothing was charged, and the money is kept")
		}
	}
	return found
}

// refundsInPlace compares every refund that went through at the company with ours: none twice, none unknown.
func (w *walker) refundsInPlace() (found []string) {
	ours := map[string]string{}
	for _, r := range w.rows(`SELECT payment_id || ' ' || COALESCE(provider_ref, ''), amount FROM {refunds} WHERE state = 'succeeded'`) {
		if ours[r[0]] != "" {
			found = append(found, "a refund is booked twice")
		}
		ours[r[0]] = r[1]
	}
	for id, c := range w.b.charges {
		for _, r := range c.refunds {
			key := id + " " + r.ref
			if r.state == StateSucceeded && c.own && ours[key] != fmt.Sprint(r.amount) {
				found = append(found, fmt.Sprintf("a refund of %d at the company is %q in our books", r.amount, ours[key]))
			}
			delete(ours, key)
		}
	}
	for key := range ours {
		found = append(found, "a refund is booked that the company has not made: "+key)
	}
	return found
}

// eventsOut holds the receiver and the host's own table to the events (I6).
func (w *walker) eventsOut() (found []string) {
	for _, e := range w.rows(`SELECT e.id, e.payload, d.state, e.type,
			(SELECT COUNT(*) FROM host_orders h WHERE h.event_id = e.id),
			s.hook_refusals >= 5 OR EXISTS (SELECT 1 FROM {payments} p WHERE p.session_id = s.id AND p.hook_skipped = 1)
		FROM {events} e JOIN {deliveries} d ON d.event_id = e.id JOIN {sessions} s ON s.id = e.session_id`) {
		if e[2] == "delivered" && (!w.history.delivered[e[0]] || w.history.bodies[e[0]] != e[1]) {
			found = append(found, "I6: an event counts as delivered and the receiver has not got it")
		}
		if e[4] == "0" && e[5] == "0" && e[3] != "checkout.session.created" {
			found = append(found, "the host has not heard of "+e[3])
		}
	}
	for _, o := range w.rows(`SELECT event_id FROM host_orders WHERE event_id NOT IN (SELECT id FROM {events})`) {
		found = append(found, "the host has booked an event that is none: "+o[0])
	}
	return found
}

// pagesTrue compares what the page and the API say at rest with the tables (I10).
func (w *walker) pagesTrue() (found []string) {
	for _, id := range w.ids {
		w.shown(id, w.s.page("/checkout/"+id))
		w.shown(id, w.s.page("/checkout/"+id+"/status"))
		if says := w.s.get(id)["status"]; says != w.truth(id) {
			found = append(found, fmt.Sprintf("I10: the API says %v of a session that is %s", says, w.truth(id)))
		}
	}
	return append(found, w.history.problems...)
}
