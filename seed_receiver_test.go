package checkout

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/internal/noderx"
	"github.com/jopay/checkout/webhook"
)

// salesPerReceiver is how many orders go the whole way from the API through the page and the sender into Node.
const salesPerReceiver = 300

func TestPublishedReceiverTakesEverySale(t *testing.T) {
	for _, rx := range []struct {
		express int
		dialect string
	}{{5, dbtest.SQLite}, {4, dbtest.SQLite}, {5, dbtest.Postgres}, {4, dbtest.Postgres}} {
		t.Run(fmt.Sprintf("express%d %s", rx.express, rx.dialect), func(t *testing.T) {
			s := newShop(t, dbtest.Open(t, rx.dialect, nil))
			secret := webhook.NewSecret()
			address := noderx.StartExpress(t, rx.express, secret)
			if _, err := s.co.SetWebhookSecret(t.Context(), Test, address+"/webhook", secret); err != nil {
				t.Fatal(err)
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			sellAll(t, s, hostile{rand.New(rand.NewPCG(seed, 0))})
			s.sendAllDue()
			for _, row := range s.outbox("state <> 'delivered' OR attempts <> 1 OR http_status <> 200") {
				t.Errorf("%+v\nbody %s", row, s.payloadOf(row.EventID))
			}
			if got := acceptedBy(t, address); got != fmt.Sprint(salesPerReceiver) || s.count("deliveries", "1 = 1") != salesPerReceiver {
				t.Errorf("the receiver took %s of %d webhooks", got, salesPerReceiver)
			}
		})
	}
}

// sellAll makes the orders and pays them on the page; where the order has no address, the buyer types a strange one.
func sellAll(t *testing.T, s *shop, h hostile) {
	t.Helper()
	for i := range salesPerReceiver {
		order := h.order(i)
		w := s.api("POST", "/sessions", order)
		if w.Code != http.StatusCreated {
			t.Fatalf("the API answered %d to %s: %s", w.Code, order, w.Body)
		}
		id := decode(t, w)["id"].(string)
		form := s.form(id, "4242 4242 4242 4242")
		form.Set("email", h.email())
		if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "https://yoursite.com/") {
			t.Fatalf("the page answered %d to %q: %s", w.Code, w.Header().Get("Location"), order)
		}
	}
}

func (s *shop) payloadOf(event string) string {
	s.t.Helper()
	list, err := all(s.co.store.direct(s.t.Context()), readText, `SELECT payload FROM {events} WHERE id = ?`, event)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("event %s: %v", event, err)
	}
	return list[0]
}

func acceptedBy(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address + "/accepted")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A receiver with another secret must say no, or the test above proves nothing.
func TestPublishedReceiverRefusesAnotherSecret(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		address := noderx.StartExpress(t, 5, webhook.NewSecret())
		if _, err := s.co.SetWebhook(t.Context(), Test, address+"/webhook"); err != nil {
			t.Fatal(err)
		}
		id := s.create(seedBody)
		s.pay(id, "4242424242424242")
		s.sendDue()
		row := s.delivery(id)
		if row.State != "pending" || row.Attempts != 1 || row.HTTPStatus != http.StatusUnauthorized || row.Response != "Invalid signature" {
			t.Errorf("%+v", row)
		}
		if got := acceptedBy(t, address); got != "0" {
			t.Errorf("the receiver took %s webhooks", got)
		}
	})
}

// The only metadata that receivers refuse whatever the signature says are refused by the API.
func TestAPIRefusesThePrototypeKey(t *testing.T) {
	s := oneShop(t)
	for _, key := range []string{`__proto__`, `\u005f_proto__`, `__proto_\u005F`} {
		w := s.api("POST", "/sessions", strings.Replace(seedBody, `"order_id":"12345"`, `"a":1,"`+key+`":"x"`, 1))
		if w.Code < 400 || w.Code > 499 || !strings.Contains(w.Body.String(), "metadata_invalid") {
			t.Errorf("%s answered %d: %s", key, w.Code, w.Body)
		}
	}
}

// hostile makes up orders that break receivers which print the body again, in every spelling that JSON allows.
type hostile struct{ *rand.Rand }

var hostileTexts = []string{
	"&<>", "<script>alert(1)</script>", "\u2028", "\u2029", "\ufeff", "\ufffd", `say "hi"`, `C:\new\`, "/", "</", "\b\t\n\f\r",
	"\x01\x02\x0b\x1f\x7f\u0080\u009f", "😀", "👩‍👩‍👧", "𝒳\U0010ffff", "é", "e\u0301", "\u202e\u200e", "日本語", "null", "1e21", `\u003c`, "__proto",
	strings.Repeat("é", 500), strings.Repeat("\x01", 500), strings.Repeat("\"", 500), "'`${x}`'", "%00", " ",
}

var hostileKeys = []string{
	"0", "1", "2", "9", "10", "99", "007", "01", "-0", "-1", "1.0", "1e1", "4294967293", "4294967294", "4294967295", "4294967296",
	"9007199254740991", "１", " ", "constructor", "prototype", "toString", "toJSON", "hasOwnProperty", "length", "valueOf", "then",
	"order_id", "a&b", "<b>", `"`, `\`, "\n", "\u2028", "😀", "__proto", "proto__", "id",
}

var hostileNumbers = []string{
	"1e21", "1E+21", "1e-7", "0.0000001", "-0", "-0.0", "5e-324", "0.1", "0.30000000000000004", "1.0", "1.50", "100", "1E5", "1e5", "123456.789e3",
	"9007199254740991", "-9007199254740991", "1.7976931348623157e308", "2.2250738585072014e-308", "1e-6", "0.000001", "3.14159265358979323846", "4.35",
}

var hostileEmails = []string{
	"customer@example.com", "a&b@example.com", "o'brien+tag@example.com", "{}|~^`!#$%*/=?@example.com", "1@2.de", "müller@example.com", "用户@例子.广告",
	strings.Repeat("x", 64) + "@example.com", "UPPER.lower@EXAMPLE.com", "😀@example.com", "e\u0301@example.com",
}

func (h hostile) pick(from []string) string { return from[h.IntN(len(from))] }

func (h hostile) email() string { return h.pick(hostileEmails) }

// order is a request with metadata of up to 20 members; every second one has an address.
func (h hostile) order(i int) string {
	order := strings.Replace(seedBody, `{"order_id":"12345"}`, h.metadata(), 1)
	email := ""
	if i%2 == 0 {
		email = `"customer_email":` + h.spell(h.email()) + `,`
	}
	return strings.Replace(order, `"customer_email":"customer@example.com",`, email+`"client_reference_id":`+h.spell(h.reference())+`,`, 1)
}

func (h hostile) reference() string {
	return h.pick([]string{"A-1", "a&b<c>", "😀", "müller/7", `"'\`})
}

func (h hostile) metadata() string {
	seen, members := map[string]bool{}, []string{}
	for range h.IntN(21) {
		key := h.pick(hostileKeys)
		if h.IntN(3) == 0 {
			key = fmt.Sprint(h.Uint64() >> h.IntN(64))
		}
		if !seen[key] {
			seen[key] = true
			members = append(members, h.space()+h.spell(key)+h.space()+":"+h.space()+h.value())
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (h hostile) value() string {
	switch h.IntN(5) {
	case 0:
		return h.pick(hostileNumbers)
	case 1:
		return fmt.Sprint(h.NormFloat64())
	case 2:
		return h.pick([]string{"true", "false"})
	default:
		return h.spell(h.pick(hostileTexts))
	}
}

func (h hostile) space() string { return h.pick([]string{"", "", " ", "\n\t"}) }

// spell writes a string as JSON in one of the ways that clients have.
func (h hostile) spell(s string) string {
	switch h.IntN(3) {
	case 0:
		text, _ := json.Marshal(s)
		return string(text)
	case 1:
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(s)) {
			fmt.Fprintf(&b, `\u%04X`, unit)
		}
		return `"` + b.String() + `"`
	default:
		text, _ := text(s) // leaves <, > and & as they are
		if !strings.Contains(s, `\`) {
			text = strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029", "/", `\/`).Replace(text)
		}
		return text
	}
}
