package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

const signedBody = `{"event":"checkout.session.completed","data":{"id":"cs_1"},"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`

func TestTheInboxChecksSignatures(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p := start(t, db)
		p.shows(p.get("/webhooks"), http.StatusOK, "Nothing has arrived yet", `http-equiv="refresh"`)
		now, secret := time.Now(), p.row("Webhook secret")
		for _, c := range []struct {
			name, body, signature string
			status                int
			shown                 []string
		}{
			{"signed", signedBody, webhook.Sign([]byte(signedBody), secret, now), 204, []string{"<h2>checkout.session.completed</h2>", "✔ Signature verified", "evt_1"}},
			{"unsigned", signedBody, "", 400, []string{"<h2>Unknown sender</h2>", "✘ Refused: request is not signed"}},
			{"changed", signedBody + " ", webhook.Sign([]byte(signedBody), secret, now), 400, []string{"✘ Refused: signature does not match"}},
			{"another secret", signedBody, webhook.Sign([]byte(signedBody), secret+"x", now), 400, []string{"✘ Refused: signature does not match"}},
			{"old", signedBody, webhook.Sign([]byte(signedBody), secret, now.Add(-time.Hour)), 400, []string{"✘ Refused: signature is too old"}},
			{"not text", "\xff\x00<b>", "", 400, []string{"\uFFFD\uFFFD&lt;b&gt;"}},
		} {
			a := p.do(p.request(http.MethodPost, "/webhooks", c.body, webhook.HeaderSignature, c.signature))
			newest, _, _ := strings.Cut(p.get("/webhooks").body, "</article>")
			if text := missing(newest, c.shown); a.status != c.status || text != "" {
				t.Errorf("%s: answered %d, want %d; missing %q in: %s", c.name, a.status, c.status, text, newest)
			}
		}
		if page := p.get("/webhooks").body; strings.Contains(page, `http-equiv="refresh"`) {
			t.Error("the page loads itself again under whoever reads it")
		}
		p.shows(p.get("/webhooks?refresh=on"), http.StatusOK, `http-equiv="refresh"`)
		if a := p.do(p.request(http.MethodPost, "/webhooks", strings.Repeat("x", maxNotice+1))); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("a body that is too large got %d", a.status)
		}
	})
}

func TestTheInboxKeepsTheLastFifty(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db string) {
		p := start(t, db)
		for i := range keptNotices + 3 {
			p.do(p.request(http.MethodPost, "/webhooks", "body number "+strconv.Itoa(i)+"."))
		}
		page := p.get("/webhooks").body
		if n := strings.Count(page, "<article"); n != keptNotices {
			t.Errorf("%d requests are shown, want %d", n, keptNotices)
		}
		if strings.Contains(page, "body number 2.") || !strings.Contains(page, "body number 3.") {
			t.Error("the oldest were not the ones to go")
		}
	})
}

func TestWebhooksGoToAReceiverOfOnesOwn(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + strings.Repeat("abcd", 8)
	arrived := make(chan error, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = webhook.Verify(body, r.Header.Get(webhook.HeaderSignature), secret)
		}
		arrived <- err
	}))
	t.Cleanup(receiver.Close)
	db := sqliteFile(t)
	p := start(t, db, "-webhook", receiver.URL+"/hook", "-webhook-secret", secret)
	if p.row("Webhooks go to") != receiver.URL+"/hook" || p.row("Webhook secret") != secret {
		t.Errorf("the opening says %q and %q", p.row("Webhooks go to"), p.row("Webhook secret"))
	}
	p.pay(p.buy(espresso("ada@example.com")), "4242424242424242")
	select {
	case err := <-arrived:
		if err != nil {
			t.Errorf("the receiver found: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no webhook arrived")
	}
	p.shows(p.get("/webhooks"), http.StatusOK, "Webhooks go to <code>"+receiver.URL+"/hook</code>, not to this inbox.")
	p.stop()

	again := start(t, db) // without the flags, the inbox takes over with the secret that was set
	if again.row("Webhook secret") != secret {
		t.Errorf("the secret is %q in the second run", again.row("Webhook secret"))
	}
	again.pay(again.buy(espresso("ada@example.com")), "4242424242424242")
	again.eventually("/webhooks", "✔ Signature verified", "FC-1002")
}
