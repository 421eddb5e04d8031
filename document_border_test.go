package checkout

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// lateOn makes the year end behind the lock of a series, once.
func (s *shop) lateOn(point string, by time.Duration) {
	done := false
	s.co.shared.failpoint = func(reached string) {
		if reached == point && !done {
			done = true
			s.clock.advance(by)
		}
	}
}

// A document has the day and the year of the moment its number was taken, however long it was on the way to it.
func TestTheNumberAndTheDayAreOfOneMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		for _, tells := range []bool{false, true} {
			s := newShop(t, dbtest.Open(t, db.Name(), nil), func(c *Config) {
				if tells {
					c.OnEvent = func(context.Context, *gorm.DB, Event) error { return nil }
				}
			})
			s.clock.advance(time.Date(2025, 12, 31, 23, 59, 59, 999e6, time.UTC).Sub(s.clock.now()))
			id := s.create(seedBody)
			s.pay(id, "4242424242424242")
			s.lateOn("documents.selected", time.Minute)
			if d := s.issuedFor(id, 1)[0]; d.IssuedOn != "2026-01-01" || d.Number != "TEST-R-2026-000001" || d.SuppliedOn != "2025-12-31" {
				t.Errorf("told %v: %s of %s", tells, d.Number, d.IssuedOn)
			}
		}
	})
}

// The clock that jumps over New Year while a series is locked leaves no number behind.
func TestAYearThatTurnsMeanwhileTakesNoNumber(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	s.clock.advance(time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC).Sub(s.clock.now()))
	id := s.create(seedBody)
	s.pay(id, "4242424242424242")
	reads := 0
	s.co.cfg.Now = func() time.Time {
		if reads++; reads == 3 { // due, the year, behind the lock
			s.clock.advance(time.Minute)
		}
		return s.clock.now()
	}
	err := s.co.issueDue(t.Context())
	if n := s.count("document_series", "1 = 1"); !errors.Is(err, errYearTurned) || n != 0 || s.count("documents", "failure IS NOT NULL") != 0 {
		t.Fatalf("%v, %d series", err, n)
	}
	if d := s.issuedFor(id, 1)[0]; d.Number != "TEST-R-2026-000001" || d.IssuedOn != "2026-01-01" {
		t.Errorf("%s of %s", d.Number, d.IssuedOn)
	}
}

// A refund whose session's own document cannot be issued gives nobody anything to do.
func TestACreditNoteThatWaitsIsNotDue(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		if _, err := s.co.Refund(t.Context(), RefundParams{SessionID: id, AmountCents: 100}); err != nil {
			t.Fatal(err)
		}
		s.exec(`UPDATE {sessions} SET amount = 7 WHERE id = ?`, id)
		if _, err := s.co.RunOnce(t.Context()); err == nil {
			t.Fatal("a wrong sum was issued")
		}
		if next, err := s.co.RunOnce(t.Context()); err != nil || !next.After(s.clock.now()) {
			t.Errorf("%v, the next is due at %v, now is %v", err, next, s.clock.now())
		}
	})
}

// Blanks and marks that nobody sees are no name and no address.
func TestWhatShowsNothingIsMissing(t *testing.T) {
	for _, blank := range []string{" ", "\\u200e", "\\u200b", "\\u2060\\u00ad", "\\u3000"} {
		for _, field := range []string{`"Ada Lovelace"`, `"Hauptstraße 1"`, `"Köln"`} {
			s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
			w := s.api("POST", "/sessions", strings.Replace(billedBody, field, `"`+blank+`"`, 1))
			if w.Code == http.StatusUnprocessableEntity || w.Code == http.StatusBadRequest {
				continue // not taken at all
			}
			id := decode(t, w)["id"].(string)
			s.pay(id, "4242424242424242")
			if d := s.issuedFor(id, 1)[0]; d.Kind != KindReceipt {
				t.Errorf("%s as %q makes it a %s", field, blank, d.Kind)
			}
		}
	}
	for _, field := range []func(*Seller){func(s *Seller) { s.LegalName = " " }, func(s *Seller) { s.TaxNumber = "\u200b" }, func(s *Seller) { s.Address.City = "\u200e" }} {
		_, err := New(Config{DB: dbtest.Open(t, dbtest.SQLite, nil), BaseURL: "http://shop.test", Seller: with(field)})
		if err == nil || !strings.Contains(err.Error(), "shows nothing") {
			t.Errorf("a blank seller is taken: %v", err)
		}
	}
	for _, text := range []string{"Ada", "ß", "王", "é", "1", "-"} {
		if !filled(text) {
			t.Errorf("%q shows nothing", text)
		}
	}
}

func with(change func(*Seller)) (s Seller) {
	change(&s)
	return s
}

// Two exemptions are two reasons, each of which the law may ask for.
func TestEveryReasonIsOnTheDocument(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	item := func(reason string) string {
		return `{"name":"x","amount":100,"currency":"eur","tax_rate_bp":0,"tax_name":"` + reason + `"}`
	}
	d := s.documented(strings.Replace(billedBody, billedBody[strings.Index(billedBody, "[")+1:strings.Index(billedBody, "],")],
		item("Exempt, Art. 132")+","+item("Reverse charge")+","+item("Exempt, Art. 132")+","+item(" "), 1))
	if len(d.Taxes) != 2 || d.Taxes[0].Reason != "Exempt, Art. 132; Reverse charge" || d.Taxes[1].Category != taxZero {
		t.Errorf("%+v", d.Taxes)
	}
	xml, err := s.co.DocumentXML(d)
	if err != nil || !strings.Contains(string(xml), "Reverse charge") || !strings.Contains(strings.Join(s.co.sheetOf(d).Notes, " "), "Reverse charge") {
		t.Errorf("%v %s", err, xml)
	}
}

// How a buyer writes a tax number decides nothing: the XML has it as the standard does, or not at all.
func TestTaxNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for typed, want := range map[string]struct{ id, profile string }{
		"de987654321": {">DE987654321<", "xrechnung"}, "DE 987 654 321": {">DE987654321<", "xrechnung"}, "27/123/45678": {"", "xrechnung"}, "": {"", "en16931"},
	} {
		s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
		d := s.documented(strings.Replace(billedBody, `"billing_details":{`, `"billing_details":{"tax_id":"`+typed+`",`, 1))
		xml, err := s.co.DocumentXML(d)
		if err != nil || d.Profile != want.profile || !strings.Contains(string(xml), want.id) || typed != "" && strings.Contains(string(xml), typed) && want.id != ">"+typed+"<" {
			t.Errorf("%q: %s %v\n%s", typed, d.Profile, err, xml)
		}
	}
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing)
	if d := s.documented(strings.Replace(billedBody, `"billing_details":{`, `"billing_details":{"company":"Engines GmbH",`, 1)); d.Profile != "xrechnung" {
		t.Errorf("a German company gets %q", d.Profile)
	}
}

// Small amounts need no buyer, unless the buyer is abroad.
func TestSmallAmountsAbroadNeedABuyer(t *testing.T) {
	small := func(c *Config) { c.Documents.SimplifiedUpTo = map[string]int64{"eur": 25000} }
	bare := strings.Replace(billedBody, `"line1":"Hauptstraße 1",`, "", 1)
	for country, want := range map[string]DocumentKind{"DE": KindInvoice, "FR": KindReceipt} {
		s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), invoicing, small)
		if d := s.documented(strings.Replace(bare, `"country":"DE"`, `"country":"`+country+`"`, 1)); d.Kind != want {
			t.Errorf("%s: a %s", country, d.Kind)
		}
	}
}

// One document that the database refuses does not stop its series.
func TestADocumentThatIsRefusedStopsNoOther(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		var ids []string
		for range 3 {
			id := s.create(seedBody)
			s.pay(id, "4242424242424242")
			ids = append(ids, id)
		}
		bad := s.texts(`SELECT id FROM {documents} WHERE session_id = ?`, ids[1])[0]
		s.co.shared.failpoint = nil
		refuse := `CREATE TRIGGER bad BEFORE UPDATE ON checkout_documents WHEN NEW.id = '` + bad + `' AND NEW.state = 'issued' BEGIN SELECT RAISE(ABORT, 'constraint failed: no'); END`
		if s.db.Name() == dbtest.Postgres {
			refuse = `ALTER TABLE checkout_documents ADD CONSTRAINT bad CHECK (id <> '` + bad + `' OR state = 'due')`
		}
		if err := s.db.Exec(refuse).Error; err != nil {
			t.Fatal(err)
		}
		if err := s.co.issueDue(t.Context()); err == nil {
			t.Error("nothing was refused")
		}
		if issued, told := s.count("documents", "state = 'issued'"), s.count("documents", "id = ? AND failure IS NOT NULL", bad); issued != 2 || told != 1 {
			t.Errorf("%d documents are issued, want 2; the reason is told: %v", issued, told == 1)
		}
	})
}
