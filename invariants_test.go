package checkout

import (
	"fmt"
	"slices"
)

// broken are queries for rows that must not exist, whatever has happened. Their names are those of the design.
var broken = map[string]string{
	"I1 two ends": `SELECT session_id FROM {events} WHERE type IN ('checkout.session.completed', 'checkout.session.expired')
		GROUP BY session_id HAVING COUNT(*) > 1`,
	"I1 an expired session without its event": `SELECT id FROM {sessions} s WHERE (status = 'expired') <>
		EXISTS (SELECT 1 FROM {events} e WHERE e.session_id = s.id AND e.type = 'checkout.session.expired')`,
	"I2 completed without exactly one exact payment": `SELECT id FROM {sessions} s WHERE status = 'completed' AND
		(SELECT COUNT(*) FROM {payments} p WHERE p.session_id = s.id AND p.state = 'succeeded' AND p.captured = s.amount
			AND p.currency = s.currency AND p.id = s.payment_id) <> 1`,
	"I2 paid and not completed": `SELECT s.id FROM {sessions} s JOIN {payments} p ON p.session_id = s.id
		WHERE p.state = 'succeeded' AND s.status <> 'completed'`,
	"I2 completed without its event": `SELECT id FROM {sessions} s WHERE (status = 'completed') <>
		EXISTS (SELECT 1 FROM {events} e WHERE e.session_id = s.id AND e.type = 'checkout.session.completed')`,
	"I4 two open attempts": `SELECT session_id FROM {payments} WHERE state = 'open' GROUP BY session_id HAVING COUNT(*) > 1`,
	"I4 one charge in two attempts": `SELECT provider || charge_id FROM {payments} WHERE charge_id IS NOT NULL
		GROUP BY provider, charge_id HAVING COUNT(*) > 1`,
	"attempts that were not counted": `SELECT id FROM {sessions} s WHERE attempts <> (SELECT COUNT(*) FROM {payments} p WHERE p.session_id = s.id)`,
	"a webhook that nobody queued": `SELECT e.id FROM {events} e JOIN {endpoints} n ON n.mode = e.mode AND n.events LIKE '% ' || e.type || ' %'
		WHERE NOT EXISTS (SELECT 1 FROM {deliveries} d WHERE d.event_id = e.id AND d.endpoint_id = n.id)`,
	"completed without a document": `SELECT s.id FROM {sessions} s WHERE (status = 'completed') <>
		EXISTS (SELECT 1 FROM {documents} d WHERE d.id = s.invoice_id AND d.session_id = s.id AND d.refund_id IS NULL AND d.gross = s.amount)`,
	"paid back without a document": `SELECT s.id FROM {sessions} s WHERE amount_refunded <>
		(SELECT COALESCE(SUM(d.gross), 0) FROM {documents} d WHERE d.session_id = s.id AND d.refund_id IS NOT NULL)`,
	"a gap or a duplicate among numbers": `SELECT q.series FROM {document_series} q WHERE next - 1 <>
		(SELECT COUNT(DISTINCT counter) FROM {documents} d WHERE d.series = q.series AND d.year = q.year)
		OR next - 1 <> (SELECT COALESCE(MAX(counter), 0) FROM {documents} d WHERE d.series = q.series AND d.year = q.year)`,
	"a number that nobody counted": `SELECT d.id FROM {documents} d WHERE (state = 'issued') <> (counter IS NOT NULL)
		OR (counter IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {document_series} q WHERE q.series = d.series AND q.year = d.year AND q.next > d.counter))`,
	"I3 money at the sandbox that the books do not know": `SELECT c.id FROM {sandbox_charges} c JOIN {payments} p ON p.id = c.payment_id
		WHERE c.state = 'succeeded' AND p.state NOT IN ('succeeded', 'refund_due', 'open')`,
}

// documentInvariants are those of numbers.
var documentInvariants = []string{"completed without a document", "a gap or a duplicate among numbers", "a number that nobody counted"}

// wantInvariants holds the whole database to what must always be true, or to some of it.
func (s *shop) wantInvariants(some ...string) {
	s.t.Helper()
	for name, query := range broken {
		if len(some) > 0 && !slices.Contains(some, name) {
			continue
		}
		list, err := all(s.co.store.direct(s.t.Context()), readText, query)
		if err != nil {
			s.t.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		if len(list) > 0 {
			s.t.Errorf("%s: %d rows, %s first", name, len(list), list[0])
		}
	}
}
