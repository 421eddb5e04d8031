package checkout

import (
	"fmt"
	"testing"

	"github.com/jopay/checkout/webhook"
)

// damage is what an inspection has found, a line for each case.
type damage struct {
	lost       []string // money, orders or events that nobody accounts for
	duplicates []string // a charge, an end or an event too many
	stuck      []string // work that is due and was not done
	broken     []string // other rows that must not exist
}

func (d damage) String() string {
	return fmt.Sprintf("lost %d, duplicates %d, stuck %d, broken %d", len(d.lost), len(d.duplicates), len(d.stuck), len(d.broken))
}

func (d damage) lines() (list []string) {
	for name, found := range map[string][]string{"lost": d.lost, "duplicate": d.duplicates, "stuck": d.stuck, "broken": d.broken} {
		for _, line := range found {
			list = append(list, name+": "+line)
		}
	}
	return list
}

// checkInvariants holds the database and the company's books to what must be true when no work is due any more (I1–I4,
// I6). got is what the merchant's receiver has seen; nil when no endpoint is set.
func checkInvariants(t testing.TB, s *shop, books *company, got []received) {
	t.Helper()
	for _, line := range s.inspect(books, got).lines() {
		t.Error(line)
	}
}

// inspect finds everything that is wrong.
func (s *shop) inspect(books *company, got []received) (d damage) {
	s.t.Helper()
	for name, query := range broken {
		for _, row := range s.texts(query) {
			d.broken = append(d.broken, name+": "+row)
		}
	}
	s.inspectWork(&d)
	s.inspectMoney(books, &d)
	s.inspectEvents(got, &d)
	return d
}

// due are queries for work that was to be done by now; the one argument is the time.
var due = map[string]string{
	"an open attempt":       `SELECT id FROM {payments} WHERE state = 'open' AND (next_poll_at IS NULL OR next_poll_at <= ?)`,
	"a session to expire":   `SELECT id FROM {sessions} WHERE status = 'pending' AND expires_at <= ?`,
	"a refund":              `SELECT id FROM {refunds} WHERE state = 'pending' AND next_at <= ?`,
	"a delivery":            `SELECT id FROM {deliveries} WHERE state = 'pending' AND next_at <= ?`,
	"money without refund":  `SELECT p.id FROM {payments} p WHERE p.state = 'refund_due' AND p.created_at <= ? AND NOT EXISTS (SELECT 1 FROM {refunds} r WHERE r.payment_id = p.id AND r.state = 'pending')`,
	"a lease nobody holds":  `SELECT id FROM {deliveries} WHERE lease IS NOT NULL AND lease_until <= ?`,
	"a delivery given up":   `SELECT id FROM {deliveries} WHERE state = 'failed' AND created_at <= ?`,
	"a refund for a person": `SELECT id FROM {refunds} WHERE state = 'needs_person' AND created_at <= ?`,
}

func (s *shop) inspectWork(d *damage) {
	s.t.Helper()
	for name, query := range due {
		for _, id := range s.texts(query, millis(s.clock.now())) {
			d.stuck = append(d.stuck, name+": "+id)
		}
	}
}

// inspectMoney compares the books session by session (I3). A session whose outcome nobody knows yet is not at rest.
func (s *shop) inspectMoney(books *company, d *damage) {
	s.t.Helper()
	open := map[string]bool{}
	for _, id := range s.texts(`SELECT session_id FROM {payments} WHERE state = 'open'`) {
		open[id] = true
	}
	known := map[string]bool{}
	err := s.co.store.direct(s.t.Context()).query(func(row scanner) error {
		var id, status string
		var amount, back int64
		if err := row.Scan(&id, &status, &amount, &back); err != nil {
			return err
		}
		known[id] = true
		if !open[id] {
			d.money(books, id, status, amount-back)
		}
		return nil
	}, `SELECT id, status, amount, amount_refunded FROM {sessions}`)
	if err != nil {
		s.t.Fatal(err)
	}
	for id := range books.sessions() {
		if !known[id] {
			d.lost = append(d.lost, "the company knows a session that we do not: "+id)
		}
	}
}

func (d *damage) money(books *company, id, status string, due int64) {
	if status != string(StatusCompleted) {
		due = 0
	}
	held, charges := books.balance(id)
	switch line := fmt.Sprintf("%s session %s: the company holds %d in %d charges, the books say %d", status, id, held, charges, due); {
	case charges > 1:
		d.duplicates = append(d.duplicates, line)
	case held != due:
		d.lost = append(d.lost, line)
	}
}

// inspectEvents compares what was frozen with what the receiver got: every event at least once, always the same bytes.
func (s *shop) inspectEvents(got []received, d *damage) {
	s.t.Helper()
	if got == nil {
		return
	}
	frozen, ends, seen := s.frozenEvents(d), map[string]string{}, map[string]bool{}
	for _, r := range got {
		id := r.header.Get(webhook.HeaderID)
		seen[id] = true
		e, ok := frozen[id]
		if !ok || e.payload != r.body {
			d.broken = append(d.broken, "a webhook is not the event that was frozen: "+id)
		}
		if e.kind != webhook.SessionCompleted && e.kind != webhook.SessionExpired {
			continue
		}
		if other, ok := ends[e.session]; ok && other != id {
			d.duplicates = append(d.duplicates, "the receiver heard of two ends: "+e.session)
		}
		ends[e.session] = id
	}
	for id, e := range frozen {
		if e.delivered && !seen[id] {
			d.lost = append(d.lost, "marked as delivered and never seen: "+id)
		}
	}
}

type frozenEvent struct {
	session, kind, payload string
	delivered              bool
}

func (s *shop) frozenEvents(d *damage) map[string]frozenEvent {
	s.t.Helper()
	list := map[string]frozenEvent{}
	err := s.co.store.direct(s.t.Context()).query(func(row scanner) error {
		var id string
		var e frozenEvent
		var queued, delivered int
		err := row.Scan(&id, &e.session, &e.kind, &e.payload, &queued, &delivered)
		e.delivered = delivered > 0
		if queued == 0 {
			d.lost = append(d.lost, "an event without a delivery: "+id)
		}
		list[id] = e
		return err
	}, `SELECT id, session_id, type, payload, (SELECT COUNT(*) FROM {deliveries} d WHERE d.event_id = e.id),
		(SELECT COUNT(*) FROM {deliveries} d WHERE d.event_id = e.id AND d.state = 'delivered') FROM {events} e`)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// texts reads the first column of a query.
func (s *shop) texts(query string, args ...any) []string {
	s.t.Helper()
	list, err := all(s.co.store.direct(s.t.Context()), readText, query, args...)
	if err != nil {
		s.t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return list
}
