package checkout

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// BenchmarkAdmin measures the admin's questions beside many sessions in PostgreSQL. It needs minutes and a gigabyte or two
// for its rows, and runs only when asked to:
//
//	CHECKOUT_BENCH_ADMIN=1000000 go test -run '^$' -bench '^BenchmarkAdmin$' -timeout 60m .
//
// The variable is the number of sessions. Each line reports p50-ms and p95-ms; the slowest statements are explained at the
// end.
func BenchmarkAdmin(b *testing.B) {
	n, _ := strconv.Atoi(os.Getenv(envBenchAdmin))
	if n < 1000 {
		b.Skipf("SKIPPED-SLOW: set %s to a number of sessions, such as 1000000", envBenchAdmin)
	}
	if os.Getenv(dbtest.EnvPostgres) == "" {
		b.Skipf("SKIPPED-NEEDS-POSTGRES: set %s", dbtest.EnvPostgres)
	}
	m := newAdminBench(b, n)
	for _, q := range m.questions() {
		m.measure(b, q)
	}
	m.measureOverview(b)
	m.measureExport(b)
	m.explain(b, 4)
}

const envBenchAdmin = "CHECKOUT_BENCH_ADMIN"

// adminBench is a shop with many sessions, spread evenly over 60 days that end at now.
type adminBench struct {
	s     *shop
	q     *adminQuery
	n     int
	now   time.Time
	asked []statement // of the question that is measured
	worst []slowest
}

type slowest struct {
	name       string
	took       time.Duration
	statements []statement
}

type question struct {
	name string
	ask  func(ctx context.Context, i int) error
}

func newAdminBench(b *testing.B, n int) *adminBench {
	b.Helper()
	m := &adminBench{n: n, now: time.Date(2025, 3, 10, 18, 0, 0, 0, time.UTC)}
	m.s = newShop(b, dbtest.Open(b, dbtest.Postgres, nil), func(c *Config) { c.Now = func() time.Time { return m.now } })
	m.q = newAdminQuery(m.s.co.store)
	m.seed(b)
	keep := func(tx *gorm.DB) {
		if len(m.asked) >= 100 {
			return // of an export
		}
		m.asked = append(m.asked, statement{tx.Statement.SQL.String(), slices.Clone(tx.Statement.Vars)})
	}
	if err := m.s.db.Callback().Row().After("gorm:row").Register("bench:keep", keep); err != nil {
		b.Fatal(err)
	}
	return m
}

// at is when the i-th of n sessions was created, in SQL over n.
func (m *adminBench) at() string {
	from := m.now.Add(-60 * 24 * time.Hour).UnixMilli()
	return fmt.Sprintf("(%d + n::bigint * %d / %d)", from, (60 * 24 * time.Hour).Milliseconds(), m.n)
}

// id is the id of the n-th object in SQL; its random part is a hash.
func (m *adminBench) id(prefix string) string {
	return fmt.Sprintf("'%s' || lpad(to_hex(%s), 12, '0') || md5('%s' || n)", prefix, m.at(), prefix)
}

func (m *adminBench) seed(b *testing.B) {
	b.Helper()
	const chunks = 10
	start := time.Now()
	for i := range chunks {
		from, to := i*m.n/chunks+1, (i+1)*m.n/chunks
		for _, text := range m.seeds() {
			if err := m.s.db.Exec(m.s.co.store.text(text), from, to).Error; err != nil {
				b.Fatalf("%s: %v", text, err)
			}
		}
		fmt.Fprintf(os.Stderr, "seeded %d of %d sessions after %s\n", to, m.n, time.Since(start).Round(time.Second))
	}
	for _, table := range []string{"sessions", "payments", "refunds", "events", "deliveries", "delivery_attempts"} {
		if err := m.s.db.Exec("VACUUM ANALYZE checkout_" + table).Error; err != nil {
			b.Fatal(err)
		}
	}
	fmt.Fprintf(os.Stderr, "vacuumed after %s\n", time.Since(start).Round(time.Second))
}

// seeds make the sessions n from ? to ?: of 20 there are 14 completed, 5 expired, and 1 pending. Every tenth one has two
// attempts and everything about webhooks, every fiftieth a refund.
func (m *adminBench) seeds() []string {
	at := m.at()
	return []string{
		`INSERT INTO {sessions} (id, mode, status, payment_status, amount, currency, amount_tax, line_items, customer_email, metadata,
				client_reference_id, locale, success_url, cancel_url, late_payment, payment_id, attempts, created_at, ttl_seconds, expires_at, completed_at, expired_at)
			SELECT ` + m.id("cs_") + `, 'test',
				CASE WHEN n % 20 < 14 THEN 'completed' WHEN n % 20 < 19 THEN 'expired' ELSE 'pending' END,
				CASE WHEN n % 50 = 0 THEN 'partially_refunded' WHEN n % 20 < 14 THEN 'paid' ELSE 'unpaid' END,
				100 + (n::bigint * 7919) % 50000, CASE WHEN n % 50000 = 7 THEN 'chf' WHEN n % 100 = 3 THEN 'jpy' WHEN n % 5 = 1 THEN 'usd' ELSE 'eur' END, 0,
				'[{"name":"Premium Coffee Beans ' || n % 100 || '","amount":2500,"currency":"eur","quantity":1,"description":"Whole beans, roasted on Monday","image_url":null,"sku":"B-' || n % 100 || '","tax_rate_bp":700,"tax_name":"VAT"},{"name":"Filter","amount":100,"currency":"eur","quantity":2,"description":null,"image_url":null,"sku":null,"tax_rate_bp":1900,"tax_name":"VAT"}]',
				'buyer' || n % 300000 || '@example.com',
				'{"order_id":"' || n || '","channel":"' || (ARRAY['web', 'app', 'phone'])[n % 3 + 1] || CASE WHEN n < ` + strconv.Itoa(m.n/3) + ` THEN '","campaign":"summer' WHEN n % 20000 = 0 THEN '","campaign":"vip' ELSE '' END || '"}',
				'R-' || n, 'en', 'https://shop.example/thanks', 'https://shop.example/cart', 'refund', ` + m.id("pay_") + `, CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END,
				` + at + `, 3600, ` + at + ` + 3600000,
				CASE WHEN n % 20 < 14 THEN ` + at + ` + 90000 END, CASE WHEN n % 20 BETWEEN 14 AND 18 THEN ` + at + ` + 3600000 END
			FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n`,
		`INSERT INTO {payments} (id, session_id, mode, ordinal, provider, method, state, step, amount, currency, captured, ref, charge_id, reason, created_at, settled_at)
			SELECT ` + m.id("pay_") + `, ` + m.id("cs_") + `, 'test', CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END, (ARRAY['stripe', 'mollie'])[n % 2 + 1], 'card',
				CASE WHEN n % 20 < 14 THEN 'succeeded' ELSE 'failed' END, '', 2700, 'eur', 2700, 'pi_' || n, 'ch_' || n, CASE WHEN n % 20 < 14 THEN NULL ELSE 'card_declined' END,
				` + at + ` + 60000, ` + at + ` + 90000
			FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n`,
		`INSERT INTO {payments} (id, session_id, mode, ordinal, provider, method, state, step, amount, currency, ref, reason, created_at, settled_at)
			SELECT ` + m.id("pay_") + ` || 'f', ` + m.id("cs_") + `, 'test', 1, 'stripe', 'card', 'failed', '', 2700, 'eur', 'pi_f' || n, 'insufficient_funds', ` + at + ` + 30000, ` + at + ` + 40000
			FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n WHERE n % 10 = 0`,
		`INSERT INTO {refunds} (id, session_id, payment_id, mode, origin, state, amount, currency, reason, provider_ref, next_at, created_at, settled_at)
			SELECT ` + m.id("re_") + `, ` + m.id("cs_") + `, ` + m.id("pay_") + `, 'test', 'request', CASE WHEN n % 5000 = 0 THEN 'needs_person' ELSE 'succeeded' END, 100, 'eur', 'torn', 're_' || n, 0,
				` + at + ` + 100000, CASE WHEN n % 5000 > 0 THEN ` + at + ` + 110000 END
			FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n WHERE n % 50 = 0`,
		`INSERT INTO {events} (id, session_id, mode, type, payload, created_at)
			SELECT ` + m.id("evt_") + `, ` + m.id("cs_") + `, 'test', 'checkout.session.completed', repeat('x', 500), ` + at + ` FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n WHERE n % 10 = 0`,
		`INSERT INTO {deliveries} (id, event_id, endpoint_id, session_id, mode, state, attempts, next_at, http_status, created_at, delivered_at)
			SELECT ` + m.id("dlv_") + `, ` + m.id("evt_") + `, 'we_1', ` + m.id("cs_") + `, 'test', CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'delivered' END, 1, 0, 200, ` + at + `, ` + at + ` + 200
			FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n WHERE n % 10 = 0`,
		`INSERT INTO {delivery_attempts} (id, delivery_id, endpoint_id, n, at, duration_ms, url, signed_at, signature, lead_secret, http_status)
			SELECT ` + m.id("att_") + `, ` + m.id("dlv_") + `, 'we_1', 1, ` + at + ` + 100, 80, 'https://shop.example/hook', 0, '', 'current', CASE WHEN n % 1000 = 0 THEN 500 ELSE 200 END
			FROM generate_series(CAST(? AS INTEGER), CAST(? AS INTEGER)) n WHERE n % 10 = 0`,
	}
}

// any is a number of a session, another one each time.
func (m *adminBench) any() int { return 1 + rand.N(m.n) }

// page asks for a page and wants rows on it, at least so many.
func (m *adminBench) page(name string, atLeast int, filter func() paymentFilter) question {
	return question{name, func(ctx context.Context, _ int) error {
		f := filter()
		f.Mode = Test
		p, err := m.q.paymentsPage(ctx, f)
		if err == nil && len(p.Rows) < atLeast {
			err = fmt.Errorf("%d rows, want %d of %+v", len(p.Rows), atLeast, f)
		}
		return err
	}}
}

func (m *adminBench) questions() []question {
	day := func() time.Time { return m.now.Add(-time.Duration(rand.N(59)) * 24 * time.Hour) }
	amount := func(n int64) *int64 { return &n }
	number := func(prefix string) func(int) string { return func(n int) string { return prefix + strconv.Itoa(n) } }
	pi, ch, re, order := number("pi_"), number("ch_"), number("re_"), number("")
	return []question{
		m.page("first", 50, func() paymentFilter { return paymentFilter{} }),
		m.page("deep", 1, func() paymentFilter { return paymentFilter{After: m.cursor()} }),
		m.page("deep_back", 1, func() paymentFilter { return paymentFilter{Before: m.cursor()} }),
		m.page("hundred", 100, func() paymentFilter { return paymentFilter{Limit: 100} }),
		m.page("status", 50, func() paymentFilter { return paymentFilter{Status: StatusExpired} }),
		m.page("status_deep", 1, func() paymentFilter { return paymentFilter{Status: StatusPending, After: m.cursor()} }),
		m.page("payment_status", 50, func() paymentFilter { return paymentFilter{PaymentStatus: PaymentPartiallyRefunded} }),
		m.page("payment_status_none", 0, func() paymentFilter { return paymentFilter{PaymentStatus: PaymentRefunded} }),
		m.page("both_statuses_none", 0, func() paymentFilter { return paymentFilter{Status: StatusPending, PaymentStatus: PaymentPaid} }),
		m.page("currency", 50, func() paymentFilter { return paymentFilter{Currency: "eur"} }),
		m.page("currency_rare", 1, func() paymentFilter { return paymentFilter{Currency: "chf"} }),
		m.page("amount_one", 1, func() paymentFilter {
			a := int64(100 + rand.N(50000))
			return paymentFilter{AmountMin: &a, AmountMax: &a}
		}),
		m.page("amount_wide", 50, func() paymentFilter { return paymentFilter{AmountMin: amount(5000)} }),
		m.page("amount_percent", 50, func() paymentFilter { return paymentFilter{AmountMin: amount(49600)} }),
		m.page("amount_narrow_eur", 1, func() paymentFilter { return paymentFilter{Currency: "eur", AmountMin: amount(50080)} }),
		m.page("amount_status_deep", 1, func() paymentFilter {
			return paymentFilter{Currency: "usd", AmountMin: amount(40000), Status: StatusCompleted, After: m.cursor()}
		}),
		m.page("email", 1, func() paymentFilter {
			return paymentFilter{Email: "buyer" + strconv.Itoa(m.any()%min(300_000, m.n)) + "@example.com"}
		}),
		m.page("email_unknown", 0, func() paymentFilter { return paymentFilter{Email: "nobody@example.com", Status: StatusCompleted} }),
		m.page("reference", 1, func() paymentFilter { return paymentFilter{Reference: "R-" + strconv.Itoa(m.any())} }),
		m.page("id_provider", 1, func() paymentFilter { return paymentFilter{ID: pi(m.any())} }),
		m.page("id_charge", 1, func() paymentFilter { return paymentFilter{ID: ch(m.any())} }),
		m.page("id_refund", 1, func() paymentFilter { return paymentFilter{ID: re(50 * (1 + rand.N(m.n/50)))} }),
		m.page("id_unknown", 0, func() paymentFilter { return paymentFilter{ID: "pi_unknown"} }),
		m.page("day", 50, func() paymentFilter { d := day(); return paymentFilter{From: d.Add(-24 * time.Hour), To: d} }),
		m.page("day_status_currency", 50, func() paymentFilter {
			d := day()
			return paymentFilter{From: d.Add(-24 * time.Hour), To: d, Status: StatusCompleted, Currency: "usd"}
		}),
		m.page("metadata_unique", 1, func() paymentFilter { return paymentFilter{MetadataKey: "order_id", MetadataValue: order(m.any())} }),
		m.page("metadata_common", 50, func() paymentFilter { return paymentFilter{MetadataKey: "channel", MetadataValue: "app"} }),
		m.page("metadata_rare", 1, func() paymentFilter { return paymentFilter{MetadataKey: "campaign", MetadataValue: "vip"} }),
		m.page("metadata_unknown", 0, func() paymentFilter { return paymentFilter{MetadataKey: "order_id", MetadataValue: "none"} }),
		m.page("metadata_third_but_old", 0, func() paymentFilter { return paymentFilter{MetadataKey: "campaign", MetadataValue: "summer"} }),
		{"detail_and_timeline", m.detail},
		{"health", func(ctx context.Context, _ int) error {
			return second(m.q.store.endpointHealth(ctx, "we_1", m.now.Add(-healthWindow)))
		}},
		{"needs_person", func(ctx context.Context, _ int) error { return second(m.q.needsPerson(ctx, Test)) }},
	}
}

// cursor lies anywhere in the list.
func (m *adminBench) cursor() string {
	return newID(prefixSession, m.now.Add(-time.Duration(rand.N(int64(59*24*time.Hour)))-time.Hour))
}

// detail opens a session that has everything, with its attempts and timeline.
func (m *adminBench) detail(ctx context.Context, _ int) error {
	ref := "R-" + strconv.Itoa(50*(1+rand.N(m.n/50)))
	p, err := m.q.paymentsPage(ctx, paymentFilter{Mode: Test, Reference: ref})
	if err != nil || len(p.Rows) != 1 {
		return fmt.Errorf("%s: %d rows, %w", ref, len(p.Rows), err)
	}
	id := p.Rows[0].ID
	if _, err = m.s.co.Session(ctx, id); err == nil {
		_, err = m.q.store.payments(ctx, id)
	}
	if err != nil {
		return err
	}
	list, _, err := m.q.sessionTimeline(ctx, id)
	if err == nil && len(list) < 9 {
		err = fmt.Errorf("the timeline of %s has %d entries", id, len(list))
	}
	return err
}

// measure asks a question again and again. The first answers fill the caches of the database and do not count.
func (m *adminBench) measure(b *testing.B, q question) {
	var times []time.Duration
	worst := slowest{name: q.name}
	b.Run(q.name, func(b *testing.B) {
		times = times[:0]
		for range 3 {
			if err := q.ask(b.Context(), 0); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		for i := range b.N {
			m.asked = m.asked[:0]
			start := time.Now()
			if err := q.ask(b.Context(), i); err != nil {
				b.Fatal(err)
			}
			took := time.Since(start)
			if times = append(times, took); took > worst.took {
				worst.took, worst.statements = took, slices.Clone(m.asked)
			}
		}
		reportTimes(b, times)
	})
	if len(times) == 0 {
		return
	}
	worst.took = percentile(times, 95)
	m.worst = append(m.worst, worst)
}

func reportTimes(b *testing.B, times []time.Duration) {
	b.Helper()
	for name, p := range map[string]int{"p50-ms": 50, "p95-ms": 95, "max-ms": 100} {
		b.ReportMetric(float64(percentile(times, p).Microseconds())/1000, name)
	}
}

func percentile(times []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// measureOverview tells the first answer of a process from those that find the days that are over.
func (m *adminBench) measureOverview(b *testing.B) {
	m.measure(b, question{"overview_first", func(ctx context.Context, _ int) error {
		return second(newAdminQuery(m.q.store).overview(ctx, Test, m.now))
	}})
	m.measure(b, question{"overview_again", func(ctx context.Context, _ int) error { return second(m.q.overview(ctx, Test, m.now)) }})
}

// explain prints how the database answers the slowest questions.
func (m *adminBench) explain(b *testing.B, n int) {
	b.Helper()
	pool, err := m.s.db.DB()
	if err != nil {
		b.Fatal(err)
	}
	slices.SortFunc(m.worst, func(x, y slowest) int { return int(y.took - x.took) })
	for _, w := range m.worst[:min(n, len(m.worst))] {
		for _, st := range w.statements {
			fmt.Fprintf(os.Stderr, "\n%s, p95 %s\n%s\n%v\n%s\n", w.name, w.took.Round(10*time.Microsecond), st.text, st.args, planText(b, pool, st))
		}
	}
}

func planText(b *testing.B, pool *sql.DB, st statement) string {
	b.Helper()
	tx, err := pool.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer tx.Rollback()
	if strings.Contains(st.text, "metadata::jsonb") { // as the store asks for them
		if _, err := tx.ExecContext(b.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
			b.Fatal(err)
		}
	}
	rows, err := tx.QueryContext(b.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+st.text, st.args...)
	if err != nil {
		b.Fatalf("%s: %v", st.text, err)
	}
	defer rows.Close()
	var text strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			b.Fatal(err)
		}
		text.WriteString(line + "\n")
	}
	return text.String()
}
