package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWholeSaleOnEveryRouter(t *testing.T) {
	for _, m := range append([]mounting{reference}, others...) {
		t.Run(m.name, func(t *testing.T) {
			h := startHost(t, m)
			id := h.create()
			declined := h.pay(id, "4000000000000002")
			if want := m.prefix + "/checkout/" + id; declined.Status != http.StatusSeeOther || declined.Header.Get("Location") != want {
				t.Fatalf("a declined card: %d to %q, want 303 to %q", declined.Status, declined.Header.Get("Location"), want)
			}
			h.approve(h.pay(id, "4000002500003155"))
			back := h.send(call{method: "GET", path: "/checkout/" + id + "/return"})
			if want := "https://yoursite.com/success?session_id=" + id; back.Status != http.StatusSeeOther || back.Header.Get("Location") != want {
				t.Fatalf("the return: %d to %q, want 303 to %q", back.Status, back.Header.Get("Location"), want)
			}
			a := h.send(call{method: "GET", path: "/api/checkout/v1/sessions/" + id, key: true})
			if !strings.Contains(a.Body, `"status":"completed"`) || !strings.Contains(a.Body, `"payment_status":"paid"`) {
				t.Errorf("after the sale: %s", a.Body)
			}
		})
	}
}

// approve follows a challenge to the test bank and says yes there.
func (h *host) approve(challenge answer) {
	h.t.Helper()
	u, err := url.Parse(challenge.Header.Get("Location"))
	if err != nil || challenge.Status != http.StatusSeeOther || u.Path != h.publicPath()+"/checkout/test-bank" {
		h.t.Fatalf("the challenge: %d to %q", challenge.Status, challenge.Header.Get("Location"))
	}
	path := strings.TrimPrefix(u.RequestURI(), h.publicPath())
	m := tokenRule.FindStringSubmatch(h.send(call{method: "GET", path: path}).Body)
	if m == nil {
		h.t.Fatal("the bank has no form")
	}
	form := url.Values{"token": {m[1]}, "answer": {"approve"}}
	a := h.send(call{method: "POST", path: path, body: form.Encode(), contentType: "application/x-www-form-urlencoded"})
	if a.Status != http.StatusSeeOther {
		h.t.Fatalf("the bank answered %d: %s", a.Status, a.Body)
	}
}
