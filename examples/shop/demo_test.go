package main

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
)

// what must not be in the demo's books, and how many of each state must be there.
var demoBroken = map[string]string{
	"an order and its session disagree": `SELECT COUNT(*) FROM demo_orders o JOIN checkout_sessions s ON s.id = o.session_id
		WHERE (o.status = 'paid') <> (s.status = 'completed') OR (o.status = 'expired') <> (s.status = 'expired')`,
	"completed without exactly one exact payment": `SELECT COUNT(*) FROM checkout_sessions s WHERE status = 'completed' AND
		(SELECT COUNT(*) FROM checkout_payments p WHERE p.session_id = s.id AND p.state = 'succeeded' AND p.captured = s.amount AND p.id = s.payment_id) <> 1`,
	"ended without its event": `SELECT COUNT(*) FROM checkout_sessions s WHERE (status IN ('completed', 'expired')) <>
		EXISTS (SELECT 1 FROM checkout_events e WHERE e.session_id = s.id AND e.type IN ('checkout.session.completed', 'checkout.session.expired'))`,
	"more refunded than paid": `SELECT COUNT(*) FROM checkout_sessions s WHERE amount_refunded > amount`,
	"completed without exactly one invoice": `SELECT COUNT(*) FROM checkout_sessions s WHERE status = 'completed' AND
		(SELECT COUNT(*) FROM checkout_documents d WHERE d.session_id = s.id AND d.kind = 'invoice' AND d.state = 'issued' AND d.gross = s.amount) <> 1`,
	"paid back without a credit note": `SELECT COUNT(*) FROM checkout_sessions s WHERE status = 'completed' AND amount_refunded <>
		(SELECT COALESCE(SUM(d.gross), 0) FROM checkout_documents d WHERE d.session_id = s.id AND d.kind = 'credit_note' AND d.state = 'issued')`,
	"attempts not counted":   `SELECT COUNT(*) FROM checkout_sessions s WHERE attempts <> (SELECT COUNT(*) FROM checkout_payments p WHERE p.session_id = s.id)`,
	"an event of the future": `SELECT COUNT(*) FROM checkout_events WHERE created_at > (SELECT CAST(value AS BIGINT) FROM demo_settings WHERE name = 'now')`,
}

var demoWanted = map[string]struct {
	query string
	least int64
}{
	"sessions":           {`SELECT COUNT(*) FROM checkout_sessions`, demoSessions},
	"paid":               {`SELECT COUNT(*) FROM checkout_sessions WHERE payment_status = 'paid'`, 1200},
	"refunded":           {`SELECT COUNT(*) FROM checkout_sessions WHERE payment_status = 'refunded'`, 10},
	"partially refunded": {`SELECT COUNT(*) FROM checkout_sessions WHERE payment_status = 'partially_refunded'`, 10},
	"expired":            {`SELECT COUNT(*) FROM checkout_sessions WHERE status = 'expired'`, 150},
	"pending":            {`SELECT COUNT(*) FROM checkout_sessions WHERE status = 'pending'`, 1},
	"declines":           {`SELECT COUNT(*) FROM checkout_payments WHERE state = 'failed'`, 100},
	"booked transfers":   {`SELECT COUNT(*) FROM checkout_transfers WHERE status = 'booked'`, 20},
	"asked transfers":    {`SELECT COUNT(*) FROM checkout_transfers WHERE status = 'suggested'`, 1},
	"failed deliveries":  {`SELECT COUNT(*) FROM checkout_deliveries WHERE state = 'failed'`, 10},
	"refused signatures": {`SELECT COUNT(*) FROM checkout_delivery_attempts WHERE http_status = 401`, 4},
	"a disabled one":     {`SELECT COUNT(*) FROM checkout_endpoints WHERE status = 'disabled'`, 1},
	"days with sales":    {`SELECT COUNT(*) FROM (SELECT DISTINCT completed_at / 86400000 FROM checkout_sessions WHERE completed_at IS NOT NULL) AS days`, 50},
	"invoices":           {`SELECT COUNT(*) FROM checkout_documents WHERE kind = 'invoice' AND state = 'issued'`, 1200},
	"credit notes":       {`SELECT COUNT(*) FROM checkout_documents WHERE kind = 'credit_note' AND state = 'issued'`, 30},
	"mails of payments":  {`SELECT COUNT(*) FROM checkout_mails WHERE kind = 'completed' AND state = 'caught'`, 1200},
	"mails of refunds":   {`SELECT COUNT(*) FROM checkout_mails WHERE kind = 'refunded' AND state = 'caught'`, 30},
	"audited":            {`SELECT COUNT(*) FROM checkout_audit`, 50},
}

func TestTheDemoFillsAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p := start(t, db, "-demo")
		link := p.get(p.row("Admin"))
		cookie := (&http.Response{Header: link.header}).Cookies()
		if len(cookie) != 1 {
			t.Fatalf("the link answers %d", link.status)
		}
		with := []string{"Cookie", cookie[0].Name + "=" + cookie[0].Value}
		p.shows(p.get("/admin/checkout/test/deliveries?state=failed", with...), http.StatusOK, "books.finch-coffee.example", "401")
		p.shows(p.get("/admin/checkout/test/settings/webhook", with...), http.StatusOK, "The receiver answered 410 Gone", "Both sign until")
		p.stop()

		books := openBooks(t, db)
		if err := books.Exec(`INSERT INTO demo_settings (name, value) VALUES ('now', ?)`, strconv.FormatInt(time.Now().Add(time.Second).UnixMilli(), 10)).Error; err != nil {
			t.Fatal(err)
		}
		for name, query := range demoBroken {
			if n := number(t, books, query); n != 0 {
				t.Errorf("%s: %d", name, n)
			}
		}
		for name, want := range demoWanted {
			if n := number(t, books, want.query); n < want.least {
				t.Errorf("%s: %d, want %d", name, n, want.least)
			}
		}
		again := start(t, db, "-demo")
		again.stop()
		if n := number(t, books, `SELECT COUNT(*) FROM checkout_sessions`); n != demoSessions {
			t.Errorf("a second start has made it %d sessions", n)
		}
	})
}

func openBooks(t *testing.T, name string) *gorm.DB {
	t.Helper()
	db, err := openDatabase(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDatabase(db) })
	return db
}

func number(t *testing.T, db *gorm.DB, query string) (n int64) {
	t.Helper()
	if err := db.Raw(query).Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheDemoKeepsOffOtherPeoplesSessions(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	p := start(t, db)
	p.buy(espresso("ada@example.com"))
	p.stop()
	code, _, stderr := refuseToStart(t, "-addr", "127.0.0.1:0", "-db", db, "-demo")
	if code != 2 || !strings.Contains(stderr, "has sessions already") || !strings.Contains(stderr, "-db demo.db") {
		t.Errorf("it ended with %d: %s", code, stderr)
	}

	begun := sqliteFile(t)
	start(t, begun).stop()
	books := openBooks(t, begun)
	if err := books.Create(&setting{Name: demoSetting, Value: demoBegun}).Error; err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := refuseToStart(t, "-addr", "127.0.0.1:0", "-db", begun, "-demo"); code != 2 || !strings.Contains(stderr, "interrupted") {
		t.Errorf("after an interruption it ended with %d: %s", code, stderr)
	}
}

// The people of the demo are made up, but their addresses are not all nobody's.
func TestTheDemosMailsNeverLeave(t *testing.T) {
	t.Parallel()
	mailer, err := smtpOptions{server: "127.0.0.1:1"}.mailer()
	if err != nil {
		t.Fatal(err)
	}
	cfg := checkout.Config{Mailer: mailer}
	(&demo{hosts: &demoHosts{}}).configure(&cfg)
	if cfg.Mailer != nil {
		t.Error("the demo sends mails")
	}
}

func TestTheDemosHostsAnswerAsTheyShould(t *testing.T) {
	t.Parallel()
	d := &demo{end: time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)}
	h := &demoHosts{clock: d, own: "http://shop/webhooks", booksSecret: "whsec_" + "x"}
	for _, c := range []struct {
		url  string
		ago  time.Duration
		want int
	}{
		{"http://shop/webhooks", time.Hour, 204},
		{demoMailing, 30 * 24 * time.Hour, 204},
		{demoMailing, time.Hour, 410},
		{demoBooks, 9*24*time.Hour + time.Hour, 503},
		{demoBooks, time.Hour, 401},
		{demoBooks, 5 * 24 * time.Hour, 200},
	} {
		d.at = d.end.Add(-c.ago)
		r := httptest.NewRequest(http.MethodPost, c.url, strings.NewReader("{}"))
		r.Header.Set("X-JoPay-Signature", "t=1,v1=00")
		r.Header.Set("Webhook-Id", "evt_1")
		a, err := h.RoundTrip(r)
		if err != nil || a.StatusCode != c.want {
			t.Errorf("%s %v before the end: %v, %v", c.url, c.ago, a, err)
		}
	}
}
