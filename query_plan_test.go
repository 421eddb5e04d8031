package checkout

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// smallTables may be read from end to end.
var smallTables = map[string]string{
	"checkout_settings":  "a handful of rows, one for each thing that is made once",
	"checkout_endpoints": "a handful of rows, as many as the host has receivers",
	"checkout_keys":      "listed as a whole, for people; look-ups go by hash",

	"searched": "a part of the sessions with a bound of its own",
	"sample":   "a part of the attempts with a bound of its own",
	"counted":  "rows up to a bound",
	"found":    "a handful of names, each found by one look into an index",
}

// statement is one that the store has sent, with its parameters.
type statement struct {
	text string
	args []any
}

// statements collects what goes to the database, each text once.
type statements struct {
	mu   sync.Mutex
	list map[string]statement
}

func collectStatements(t testing.TB, db *gorm.DB) *statements {
	t.Helper()
	c := &statements{list: map[string]statement{}}
	keep := func(tx *gorm.DB) {
		c.mu.Lock()
		defer c.mu.Unlock()
		text := tx.Statement.SQL.String()
		c.list[text] = statement{text, slices.Clone(tx.Statement.Vars)}
	}
	for _, err := range []error{
		db.Callback().Raw().After("gorm:raw").Register("test:keep_raw", keep),
		db.Callback().Row().After("gorm:row").Register("test:keep_row", keep),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// everyStatement makes the shop send all statements it has.
func (s *shop) everyStatement(rx *receiver) {
	s.t.Helper()
	if _, err := s.co.SetWebhook(s.t.Context(), Test, rx.URL); err != nil {
		s.t.Fatal(err)
	}
	s.sale()
	s.sale()
	id := s.create(strings.Replace(seedBody, `"customer_email":"customer@example.com",`, "", 1))
	form := s.form(id, "4000000000012239")
	form.Set("email", "typed@example.com")
	s.post("/checkout/"+id, form)
	s.settleDown()
	s.api("POST", "/sessions/"+s.create(seedBody)+"/expire", "")
	s.api("GET", "/sessions/"+id+"/payments", "")
	for _, query := range []string{
		"", "?starting_after=" + id, "?ending_before=" + id, "?status=completed", "?payment_status=paid", "?customer_email=a@b.example",
		"?client_reference_id=r", "?created[gte]=1&created[lte]=1736600000", "?status=pending&payment_status=unpaid&created[gte]=1",
	} {
		if w := s.api("GET", "/sessions"+query, ""); w.Code != http.StatusOK {
			s.t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	ctx := s.t.Context()
	for name, err := range map[string]error{
		"refusals":       s.co.store.countRefusal(ctx, "pay_x"),
		"expiry refused": s.co.store.countSessionRefusal(ctx, "cs_x"),
		"hand back":      s.co.store.handBack(ctx, "we_x", "lease_x"),
		"disable":        second(s.co.store.direct(ctx).disableEndpoint("we_x", "https://x.example/", "gone", s.clock.now())),
		"by reference":   ignore(second(s.co.store.paymentOfNotice(ctx, "sandbox", Observation{Ref: "ch_x"})), ErrNotFound),
		"revoke":         ignore(s.co.RevokeKey(ctx, "key_x"), ErrNotFound),
		"expire key":     ignore(s.co.ExpireKey(ctx, "key_x", time.Unix(0, 0)), ErrNotFound),
		"keys":           second(s.co.Keys(ctx)),
	} {
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
	s.everyNewerStatement()
	s.everyTransferStatement()
	s.everyMailStatement()
	s.everyAdminQuestion(id)
	s.everyWebhookStatement()
	s.runWhile(func() { rx.wait(s.t, 2) })
}

// everyNewerStatement sends those of refunds, test mode and RunOnce.
func (s *shop) everyNewerStatement() {
	s.t.Helper()
	paid := s.create(seedBody)
	s.api("POST", "/test/sessions/"+paid+"/pay", "")
	refund := s.refund(`{"session_id":"`+paid+`","amount_cents":1}`, "Idempotency-Key", "k")["id"].(string)
	s.api("GET", "/refunds/"+refund, "")
	s.api("GET", "/refunds?session_id="+paid, "")
	waiting := s.create(seedBody)
	s.api("POST", "/test/sessions/"+waiting+"/pay", `{"card":"4000000000012239"}`)
	s.api("POST", "/test/sessions/"+waiting+"/advance", `{"seconds":60}`)
	p, err := s.co.store.lastPayment(s.t.Context(), paid)
	if err != nil {
		s.t.Fatal(err)
	}
	there := []RefundObservation{{Ref: "there", State: StateSucceeded, Amount: 1, Currency: "eur"}, {Key: p.ID + ":refund", Ref: "owed", State: StateSucceeded, Amount: 1}}
	for name, err := range map[string]error{
		"told of":          s.co.settle(s.t.Context(), fact{PaymentID: p.ID, Observation: Observation{Refunds: there}}),
		"scheduled":        s.co.store.scheduleRefund(s.t.Context(), refund, "r", s.clock.now(), 0),
		"parked":           s.co.settleRefund(s.t.Context(), p.ID, refundFact{id: refund, park: "x"}),
		"due next":         second(s.co.store.nextDue(s.t.Context(), s.clock.now())),
		"run once":         s.co.refundDue(s.t.Context()),
		"created wanted":   second(s.co.store.direct(s.t.Context()).wantsEvent(Test, "x")),
		"owed and settled": ignore(s.co.store.direct(s.t.Context()).markRefunded("pay_x", attemptRefunded), errInvariant),
	} {
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
}

// everyMailStatement sends those of documents and mails.
func (s *shop) everyMailStatement() {
	s.t.Helper()
	ctx := s.t.Context()
	d := s.documented(seedBody)
	s.sendMails()
	cursor := "mail_" + hex44("0")
	for _, f := range []mailFilter{{}, {State: "sent"}, {Session: d.SessionID}, {After: cursor}, {Before: cursor}} {
		f.Mode, f.Limit = Test, 10
		if _, err := s.co.store.listMails(ctx, f); err != nil {
			s.t.Fatal(err)
		}
	}
	rec, err := s.co.store.document(ctx, d.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range []documentFilter{{}, {Kind: d.Kind}, {From: s.clock.now(), To: s.clock.now().Add(time.Hour)}, {After: &rec}, {Before: &rec}, {Kind: d.Kind, From: s.clock.now(), To: s.clock.now(), After: &rec}} {
		f.Mode, f.Limit = Test, 10
		if _, err := s.co.store.listDocuments(ctx, f); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"waiting":  second(s.co.store.waitingDocuments(ctx, Test, 10)),
		"number":   ignore(second(s.co.store.documentByNumber(ctx, "x", 2025, 1)), ErrNotFound),
		"next":     second(s.co.store.nextNumbers(ctx, 2025, []string{"x", "y"})),
		"first":    second(s.co.store.firstDocument(ctx, Test)),
		"of mails": second(s.co.store.mailsOfDocument(ctx, d.ID)),
		"last":     second(s.co.store.lastMails(ctx, []documentRecord{rec, rec})),
		"start":    second(s.co.store.startMail(ctx, mailRecord{ID: "mail_x"})),
		"again":    second(s.co.SendDocument(ctx, d.ID)),
		"of one":   ignore(second(s.co.store.mail(ctx, "mail_"+hex44("0"))), ErrNotFound),
		"due next": second(s.co.store.nextDue(ctx, s.clock.now())),
	} {
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
}

// everyTransferStatement sends those of bank transfers.
func (s *shop) everyTransferStatement() {
	s.t.Helper()
	a, ctx := s.co.cfg.Providers[0].(*account), s.t.Context()
	first, ref := s.awaited(a)
	id, other := s.awaited(a)
	s.transfer("whole", ref, 2500, booked(first, 0, 0))
	s.transfer("more", other, 100, booked(id, 2400, 0))
	suggested := s.transfer("no name", "", 2400, TransferResult{Status: TransferSuggested})
	for name, err := range map[string]error{
		"again":     second(s.co.RecordTransfer(ctx, ref, 2500, Transfer{Key: "whole"})),
		"assigned":  second(s.co.AssignTransfer(ctx, suggested.ID, suggested.Suggestions[0].PaymentID, "ada")),
		"dismissed": ignore(s.co.DismissTransfer(ctx, suggested.ID, "ada", ""), ErrNotFound),
		"waiting":   second(s.co.Transfers(ctx, TransferFilter{Test: true, StartingAfter: "tr_x"})),
		"of one":    second(s.co.Transfers(ctx, TransferFilter{SessionID: id})),
	} {
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
	changed, _ := s.awaited(a)
	s.abandon(changed)
}

// everyAdminQuestion sends those of the admin's lists, sums and counts, with every filter and the common combinations.
func (s *shop) everyAdminQuestion(id string) {
	s.t.Helper()
	q, ctx := newAdminQuery(s.co.store), s.t.Context()
	one, now := int64(1), s.clock.now()
	statuses := []paymentFilter{{}, {Status: StatusCompleted}, {PaymentStatus: PaymentPaid}, {Status: StatusPending, PaymentStatus: PaymentUnpaid}}
	for _, f := range []paymentFilter{
		{}, {After: id}, {Before: id}, {From: now.Add(-time.Hour), To: now}, {Currency: "eur"}, {AmountMin: &one}, {AmountMax: &one}, {AmountMin: &one, AmountMax: &one, Currency: "eur"},
		{Email: "customer@example.com"}, {Reference: "r"}, {ID: id}, {ID: "pay_" + hex44("0")}, {ID: "re_" + hex44("0")}, {ID: "ch_x"},
		{MetadataKey: "order_id", MetadataValue: "12345"}, {MetadataKey: "order_id", MetadataValue: "x", Before: id}, {Currency: "eur", From: now.Add(-time.Hour)},
	} {
		q.searchFirst = 1 // so that the index over the metadata is asked too
		for _, status := range statuses {
			f.Mode, f.Status, f.PaymentStatus = Test, status.Status, status.PaymentStatus
			if _, err := q.paymentsPage(ctx, f); err != nil {
				s.t.Fatalf("%+v: %v", f, err)
			}
		}
	}
	delivery, err := first(s.co.store.direct(ctx), readText, `SELECT id FROM {deliveries} WHERE mode = ? LIMIT 1`, Test)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keepAttempt(delivery, 1, 200, "", 0)
	record := func(t tx) error { return s.co.audit(ctx, t, change{mode: Test, action: "x", object: id, session: id}) }
	_, _, timeline := q.sessionTimeline(ctx, id)
	for name, err := range map[string]error{
		"audit":        s.co.store.transact(ctx, record),
		"timeline":     timeline,
		"overview":     second(q.overview(ctx, Test, now)),
		"health":       second(q.endpointsHealth(ctx, Test, now)),
		"needs person": second(q.needsPerson(ctx, Test)),
	} {
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
}

// everyWebhookStatement sends those of the verbs for endpoints, deliveries, events and keys.
func (s *shop) everyWebhookStatement() {
	s.t.Helper()
	ctx, now := s.t.Context(), s.clock.now()
	id, _ := s.hook("http://127.0.0.1:8080/hook")
	event := s.expiredSession()
	d, err := s.co.SendTestEvent(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range []DeliveryFilter{{}, {SessionID: event}, {EndpointID: id}, {State: DeliveryPending}, {StartingAfter: d.ID}, {EndingBefore: d.ID}, {EndpointID: id, State: DeliveryFailed}} {
		f.Mode = Test
		if _, _, err := s.co.Deliveries(ctx, f); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, f := range []EventFilter{{}, {SessionID: event}, {Type: "x"}, {StartingAfter: d.EventID}, {EndingBefore: d.EventID}, {since: now}} {
		f.Mode = Test
		if _, _, err := s.co.Events(ctx, f); err != nil {
			s.t.Fatal(err)
		}
	}
	direct := s.co.store.direct(ctx)
	endpoint, err := s.co.store.endpoint(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, err := range map[string]error{
		"count missed": second(s.co.store.countMissed(ctx, endpoint, prefixEvent, 10)),
		"rotate":       second(s.co.RotateSecret(ctx, id, time.Hour)),
		"redeliver":    second(s.co.Redeliver(ctx, d.ID)),
		"replay":       second(s.co.ReplayEvents(ctx, id, ReplayParams{Since: now.Add(-time.Hour)})),
		"missed":       second(s.co.ReplayEvents(ctx, id, ReplayParams{Since: now.Add(-time.Hour), OnlyFailed: true})),
		"forget":       s.co.store.forgetPrevious(ctx, "we_x", now),
		"failed often": second(direct.failedOften("we_x", 0, 1, 3)),
		"release":      direct.releaseDeliveries("we_x", now),
		"made good":    direct.forgetMissed("we_x"),
		"host note":    second(direct.lockHostNote(Live)),
		"write note":   direct.writeHostNote(Live, hostNote{}),
		"failures":     second(direct.noteFailures("we_x", "x", 1, now)),
		"accepted":     direct.noteAccepted("we_x", "x", secretCurrent, now),
		"success":      direct.noteSuccess("we_x"),
		"roll":         ignore(second(s.co.RollKey(ctx, "key_x", 0)), ErrNotFound),
		"audit":        ignore(second(direct.hostEndpoint(hostNote{}, endpointRecord{Mode: Live})), ErrNotFound),
		"delete":       s.co.DeleteEndpoint(ctx, id),
	} {
		if ignore(err, ErrNotFound) != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestEveryStatementUsesAnIndex(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		c := collectStatements(t, db)
		rx := newReceiver(t, func(n int) int { return []int{200, 500}[n%2] })
		a := newAccount()
		a.test = true
		newShop(t, db, func(c *Config) { c.Providers = []Provider{a} }).everyStatement(rx)
		crowd(t, dbtest.Reopen(t, db, nil))
		scans := planReader(t, db)
		checked := 0
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, st := range c.list {
			if !strings.HasPrefix(st.text, "SELECT") && !strings.HasPrefix(st.text, "UPDATE") && !strings.HasPrefix(st.text, "WITH") && !strings.Contains(st.text, "SELECT CAST(") || !strings.Contains(st.text, "checkout_") || strings.Contains(st.text, "checkout_migrations") {
				continue
			}
			checked++
			for _, table := range scans(st) {
				if smallTables[table] == "" {
					t.Errorf("%s is read from end to end by:\n%s", table, st.text)
				}
			}
		}
		if checked < 40 {
			t.Errorf("only %d statements were seen", checked)
		}
	})
}

func TestPlanReadersNoticeAFullScan(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		scans := planReader(t, s.db)
		for _, text := range []string{
			"SELECT id FROM checkout_payments WHERE method = 'x'", "SELECT id FROM checkout_payments x WHERE method = 'x' ORDER BY id",
		} {
			if got := scans(statement{text: text}); len(got) != 1 || got[0] != "checkout_payments" {
				t.Errorf("%s scans %v", text, got)
			}
		}
		if got := scans(statement{text: "SELECT id FROM checkout_payments WHERE id = 'x'"}); len(got) != 0 {
			t.Errorf("a look-up by key scans %v", got)
		}
	})
}

// planReader gives the function that names the tables a statement reads from end to end.
func planReader(t testing.TB, db *gorm.DB) func(statement) []string {
	t.Helper()
	pool, err := dbtest.Reopen(t, db, nil).DB()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if db.Name() == dbtest.SQLite {
		return func(st statement) []string { return sqliteScans(t, conn, st) }
	}
	if _, err := conn.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil {
		t.Fatal(err)
	}
	return func(st statement) []string { return postgresScans(t, conn, st) }
}

var aliasRule = regexp.MustCompile(`(checkout_\w+) (\w+)`)

func sqliteScans(t testing.TB, conn *sql.Conn, st statement) (tables []string) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+st.text, st.args...)
	if err != nil {
		t.Fatalf("%s: %v", st.text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		if words := strings.Fields(detail); words[0] == "SCAN" && words[1] != "CONSTANT" {
			tables = append(tables, unalias(st.text, words[1]))
		}
	}
	return tables
}

func unalias(text, name string) string {
	for _, m := range aliasRule.FindAllStringSubmatch(text, -1) {
		if m[2] == name {
			return m[1]
		}
	}
	return name
}

// planNode is a node of PostgreSQL's plan.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	Plans    []planNode `json:"Plans"`
}

func postgresScans(t testing.TB, conn *sql.Conn, st statement) []string {
	t.Helper()
	var raw string
	if err := conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+st.text, st.args...).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", st.text, err)
	}
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(raw), &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.scans()
}

// crowd multiplies a row of every big table, because a planner takes any index of a small one. What has to be unique or
// tells rows apart is numbered.
func crowd(t testing.TB, db *gorm.DB) {
	t.Helper()
	if db.Name() != dbtest.Postgres {
		return // SQLite's planner does not look at the number of rows
	}
	for table, changes := range map[string]string{
		"sessions":        `'id', 'cs_' || n, 'idempotency_key', NULL, 'expires_at', n, 'status', (ARRAY['pending', 'completed'])[n % 2 + 1]`,
		"payments":        `'id', 'pay_' || n, 'session_id', 'cs_' || n, 'charge_id', n::text, 'ref', n::text, 'next_poll_at', n, 'state', (ARRAY['open', 'failed'])[n % 2 + 1]`,
		"events":          `'id', 'evt_' || n, 'session_id', 'cs_' || n`,
		"deliveries":      `'id', 'dlv_' || n, 'event_id', 'evt_' || n, 'session_id', 'cs_' || n, 'next_at', n, 'state', (ARRAY['pending', 'delivered'])[n % 2 + 1]`,
		"sandbox_charges": `'id', 'ch_' || n, 'payment_id', 'pay_' || n, 'session_id', 'cs_' || n`,
		"sandbox_refunds": `'key', 'k' || n, 'payment_id', 'pay_' || n`,
		"refunds": `'id', 're_' || n, 'session_id', 'cs_' || n, 'payment_id', 'pay_' || n, 'idempotency_key', n::text, 'provider_ref', n::text, 'next_at', n,
			'origin', 'request', 'state', (ARRAY['pending', 'succeeded'])[n % 2 + 1]`,
		"delivery_attempts": `'id', 'att_' || n, 'delivery_id', 'dlv_' || n, 'endpoint_id', 'we_' || n % 3, 'at', n`,
		"audit":             `'id', 'aud_' || n, 'object', 'we_' || n, 'session_id', 'cs_' || n`,
		"provider_events":   `'event_id', 'e' || n`,
		"documents": `'id', 'inv_' || n, 'session_id', 'cs_' || n, 'refund_id', NULL, 'counter', n + 100, 'next_at', n, 'state', (ARRAY['due', 'issued'])[n % 2 + 1],
			'issued_at', CASE WHEN n % 2 = 1 THEN n * 1000 END, 'kind', (ARRAY['receipt', 'invoice'])[n % 2 + 1]`,
		"mails": `'id', 'mail_' || n, 'session_id', 'cs_' || n, 'document_id', 'inv_' || n, 'object', 'o' || n, 'next_at', n,
			'state', (ARRAY['due', 'sending', 'sent', 'sent'])[n % 4 + 1]`,
		"transfers": `'id', 'tr_' || n, 'line_key', n::text, 'session_id', 'cs_' || n, 'status', (ARRAY['suggested', 'booked'])[n % 2 + 1]`,
	} {
		table = "checkout_" + table
		for _, text := range []string{
			`INSERT INTO ` + table + ` SELECT (jsonb_populate_record(q.r, jsonb_build_object(` + changes + `))).*
				FROM (SELECT x AS r FROM ` + table + ` x LIMIT 1) q, generate_series(1, 5000) n`,
			`ANALYZE ` + table,
		} {
			if err := db.Exec(text).Error; err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
}

// scans lists the relations that are read without an index, or through the whole of one.
func (n planNode) scans() (tables []string) {
	switch {
	case n.Type == "Seq Scan", strings.HasPrefix(n.Type, "Index") && n.Cond == "":
		tables = append(tables, n.Relation)
	case n.Type == "Bitmap Index Scan" && n.Cond == "":
		tables = append(tables, fmt.Sprintf("the whole index %s", n.Index))
	}
	for _, child := range n.Plans {
		tables = append(tables, child.scans()...)
	}
	return tables
}
