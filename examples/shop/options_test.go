package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAPortInUseIsSaidPlainly(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	code, stdout, stderr := refuseToStart(t, "-addr", taken.Addr().String(), "-db", sqliteFile(t))
	want := fmt.Sprintf("shop: port %d is in use by another program. Stop that one, or take another port: -addr 127.0.0.1:%s\n", port, portAfter(fmt.Sprint(port)))
	if code != 1 || stdout != "" || stderr != want {
		t.Errorf("exit code %d, output %q, error %q, want %q", code, stdout, stderr, want)
	}
}

func TestTheDemoHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"": "shop.db", "-demo": "demo.db", "-demo=false": "shop.db", "-demo -db shop.db": "shop.db", "-db mine.db -demo": "mine.db",
	} {
		o, err := parseOptions(strings.Fields(args), io.Discard)
		if err != nil || o.db != want {
			t.Errorf("%q opens %q, want %q; error %v", args, o.db, want, err)
		}
	}
}

func TestCommandLinesThatCannotWork(t *testing.T) {
	t.Parallel()
	missingDir := filepath.Join(t.TempDir(), "no", "shop.db")
	password := "secret" + "word"
	sk, pk, whsec := stripeKeys()
	stripe := func(sk, pk, whsec string) string {
		return "-stripe-secret-key " + sk + " -stripe-publishable-key " + pk + " -stripe-webhook-secret " + whsec
	}
	seller := func(vatID, country, more string) string {
		return "-seller-name Acme -seller-street Street -seller-postal-code 10999 -seller-city Berlin -seller-country " + country + " -seller-vat-id " + vatID + " " + more
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-nope", 2, "shop: flag provided but not defined: -nope"},
		{"now", 2, `shop: "now" is not a flag`},
		{"-addr 8080", 2, `-addr "8080" has no port: write host:port, like 127.0.0.1:8080`},
		{"-addr 127.0.0.1:99999", 1, "cannot listen on 127.0.0.1:99999"},
		{"-ttl 59s", 2, "-ttl 59s is out of range: a buyer has from 1m to 720h (30 days) to pay"},
		{"-ttl 721h", 2, "-ttl 721h0m0s is out of range"},
		{"-base-url shop.example", 2, `-base-url "shop.example" is not a URL like https://shop.example`},
		{"-base-url http://shop.example", 2, `shop: -base-url "http://shop.example" is not https`},
		{"-api-key abc", 2, "-api-key: An API key is sk_test_"},
		{"-api-key sk_" + "live_abc", 2, "-api-key is a live key"},
		{"-webhook-secret abc", 2, "secret must be whsec_"},
		{"-webhook http://10.0.0.1/hook", 2, "url cannot receive webhooks"},
		{"-stripe-secret-key " + sk, 2, "-stripe-secret-key needs -stripe-publishable-key and -stripe-webhook-secret as well: Stripe takes all three, or none"},
		{"-stripe-publishable-key " + pk + " -stripe-webhook-secret " + whsec, 2, "-stripe-publishable-key needs -stripe-secret-key as well"},
		{stripe("sk_"+"live_"+password, pk, whsec), 2, "-stripe-secret-key is a live key: this shop ships nothing and must not charge anybody"},
		{stripe(sk, "pk_"+"live_"+password, whsec), 2, "-stripe-publishable-key is a live key"},
		{stripe(pk, sk, whsec), 2, "-stripe-secret-key does not begin with sk_test_: copy it from Stripe's dashboard, in test mode"},
		{stripe(sk, sk, whsec), 2, "-stripe-publishable-key does not begin with pk_test_"},
		{stripe(sk, pk, password), 2, "-stripe-webhook-secret does not begin with whsec_"},
		{"-sepa-iban DE89370400440532013000", 2, "-sepa-iban needs -sepa-name as well: bank transfers take both, or neither"},
		{"-sepa-name Finch", 2, "-sepa-name needs -sepa-iban as well"},
		{"-sepa-name Finch -sepa-iban DE89370400440532013001", 2, "-sepa-iban and -sepa-name: "},
		{"-seller-name Acme", 2, "-seller-name needs -seller-street, -seller-postal-code, -seller-city, -seller-country, -seller-vat-id as well: an invoice has them all"},
		{"-seller-email billing@acme.example", 2, "-seller-email needs -seller-name, "},
		{seller("DE123", "Germany", ""), 2, `-seller-country "Germany" must be an ISO 3166-1 alpha-2 code like DE`},
		{seller("123", "DE", ""), 2, `-seller-vat-id "123" must begin with its country and have no spaces, like DE123456789`},
		{seller("DE123", "DE", "-seller-email acme -smtp 127.0.0.1:25"), 2, "-seller-email \"acme\" is not a bare e-mail address\nRun it"},
		{seller("DE123", "DE", "-smtp 127.0.0.1:25"), 2, "-smtp needs a sender: -smtp-from "},
		{"-smtp 127.0.0.1", 2, "-smtp is not host:port, like 127.0.0.1:1025 or smtp.example.com:587"},
		{"-smtp :25", 2, "-smtp is not host:port"},
		{"-smtp localhost:smtp", 2, "-smtp is not host:port"},
		{"-smtp localhost:65536", 2, "-smtp is not host:port"},
		{"-smtp ada:" + password + "@smtp.example.com:587", 2, "-smtp is not host:port"},
		{"-smtp smtp://ada:" + password + "@smtp.example.com:587", 2, "-smtp is not host:port"},
		{"-smtp ada@" + password + ":587", 2, "-smtp is not host:port"},
		{"-smtp smtp.example.com:587", 2, "-smtp smtp.example.com is not on this machine, and the made-up seller has no address to send from: name one of yours with -smtp-from"},
		{"-demo -smtp smtp.example.com:587 -smtp-from billing@acme.example", 2, "-demo has customers that are made up, and -smtp smtp.example.com could write to them"},
		{"-smtp localhost:1025 -smtp-from Acme", 2, `-smtp-from "Acme" must be one address on one line`},
		{"-smtp localhost:1025 -smtp-user ada", 2, "-smtp-user needs its password in the environment: SMTP_PASSWORD="},
		{"-smtp-user ada", 2, "-smtp-from and -smtp-user need -smtp as well"},
		{"-smtp-from billing@acme.example", 2, "-smtp-from and -smtp-user need -smtp as well"},
		{"-db " + missingDir, 1, "there is no directory " + filepath.Dir(missingDir) + ". Make it with: mkdir -p "},
		{"-db " + t.TempDir(), 1, "is a directory. Name a file in it"},
		{"-db :memory:", 2, "would be another database for every connection"},
		{"-db mysql://ada:" + password + "@127.0.0.1/shop", 2, "-db mysql://… is not a database this shop can use"},
		{"-db postgres://ada:" + password + "@127.0.0.1:1/shop", 1, "PostgreSQL at postgres://ada:xxxxx@127.0.0.1:1/shop cannot be used"},
		{"-db postgres://ada:" + password + "%zz@127.0.0.1:1/shop", 2, "-db is not an address like postgres://"},
	} {
		args := append([]string{"-addr", "127.0.0.1:0", "-db", sqliteFile(t)}, strings.Fields(c.args)...)
		code, stdout, stderr := refuseToStart(t, args...)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: exit code %d, want %d; output %q, error %q, want %q", c.args, code, c.code, stdout, stderr, c.want)
		}
		if strings.Contains(stderr, password) || strings.Contains(stderr, "goroutine") {
			t.Errorf("%s: the error says too much: %s", c.args, stderr)
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := refuseToStart(t, "-h")
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d, error %q", code, stderr)
	}
	for _, name := range []string{"addr", "db", "base-url", "api-key", "webhook", "webhook-secret", "ttl",
		"stripe-secret-key", "stripe-publishable-key", "stripe-webhook-secret", "sepa-iban", "sepa-name",
		"seller-name", "seller-street", "seller-postal-code", "seller-city", "seller-country", "seller-vat-id", "seller-email", "smtp", "smtp-from", "smtp-user"} {
		if !strings.Contains(stdout, "\n  -"+name+" ") {
			t.Errorf("-%s is missing in: %s", name, stdout)
		}
	}
}

func TestCtrlCEndsTheShopWell(t *testing.T) {
	t.Parallel()
	start(t, sqliteFile(t)).stopWith(syscall.SIGINT)
}

func TestAFileNameMayHoldAnything(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "my shop #1 %41?.db")
	p := start(t, file)
	p.stop()
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the database is not in the file that was named: %v", err)
	}
}

func TestAKeyFromOutsideStays(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		first := start(t, db).row("Test key")
		chosen := "sk_test_" + strings.Repeat("chosen", 3)
		p := start(t, db, "-api-key", chosen)
		p.stop()
		again := start(t, db)
		if p.row("Test key") != chosen || again.row("Test key") != chosen {
			t.Errorf("the keys are %q and %q, want %q", p.row("Test key"), again.row("Test key"), chosen)
		}
		for _, key := range []string{first, chosen} {
			again.shows(again.get("/api/checkout/v1/account", "Authorization", "Bearer "+key), http.StatusOK, `"mode":"test"`)
		}
		again.pay(again.buy(espresso("ada@example.com")), "4242424242424242")
	})
}

func TestTTLIsHowLongABuyerHas(t *testing.T) {
	t.Parallel()
	p := start(t, sqliteFile(t), "-ttl", "1m")
	before := time.Now().Add(-2 * time.Second)
	p.buy(espresso("ada@example.com"))
	list := p.get("/api/checkout/v1/sessions", "Authorization", "Bearer "+p.row("Test key")).body
	_, rest, _ := strings.Cut(list, `"expires_at":"`)
	text, _, _ := strings.Cut(rest, `"`)
	end, err := time.Parse(time.RFC3339, text)
	if left := end.Sub(before); err != nil || left < time.Minute || left > time.Minute+30*time.Second {
		t.Errorf("the session ends at %q, %v", text, err)
	}
}

// TestBehindAProxy: buyers come by another address than the shop itself and its webhooks.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	p := start(t, sqliteFile(t), "-base-url", "https://shop.example/")
	local := strings.TrimSuffix(p.row("Webhooks go to"), "/webhooks")
	if p.row("Shop") != "https://shop.example/" || !strings.HasPrefix(local, "http://127.0.0.1:") {
		t.Fatalf("the opening says %q and %q", p.row("Shop"), local)
	}
	p.base = local
	page := p.buy(espresso("ada@example.com"))
	id := strings.TrimPrefix(page, "https://shop.example/checkout/")
	if paid := p.pay(local+"/checkout/"+id, "4242424242424242"); paid.location != "https://shop.example/success?session_id="+id {
		t.Errorf("pay led to %q", paid.location)
	}
	if policy := p.get("/").header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://shop.example") {
		t.Errorf("the policy %q holds the buyer back", policy)
	}
	p.eventually("/webhooks", "✔ Signature verified")
}

func TestEveryInterfaceIsPrintedAsLocalhost(t *testing.T) {
	t.Parallel()
	p := start(t, sqliteFile(t), "-addr", ":0")
	if !strings.HasPrefix(p.base, "http://localhost:") {
		t.Errorf("the shop is at %q", p.base)
	}
	p.pay(p.buy(espresso("ada@example.com")), "4242424242424242")
	p.eventually("/webhooks", "✔ Signature verified")
}
