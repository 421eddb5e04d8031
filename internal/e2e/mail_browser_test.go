package e2e

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jopay/checkout"
)

// letterbox is a Mailer that keeps the HTML of mails, for a browser to look at.
type letterbox struct {
	mu    sync.Mutex
	mails []checkout.Mail
}

func (l *letterbox) Send(_ context.Context, m checkout.Mail) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails = append(l.mails, m)
	return nil
}

// Mails are held to what the page is held to: axe finds nothing, light and dark, from left to right and from right to left,
// and nothing is wider than a phone.
func TestMailsAreAccessible(t *testing.T) {
	t.Parallel()
	axe, box := axeSource(t), &letterbox{}
	s := mailShop(t, box)
	for _, lang := range []string{"en", "ar"} {
		s.settled(s.order(func(p *checkout.SessionParams) { p.Locale = lang }))
	}
	s.mux.HandleFunc("GET /mail/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, box.mails[n].HTML)
	})
	for _, l := range []look{{"light desktop", "en", 1280, 900, false, true}, {"dark phone", "en", 390, 844, true, true}, {"narrow", "en", 320, 700, false, true}} {
		t.Run(l.name, func(t *testing.T) {
			b := l.open(t)
			for n, m := range box.mails {
				if !strings.Contains(m.HTML, "25") {
					t.Fatal("there is no amount")
				}
				b.open(s.base + "/mail/" + strconv.Itoa(n))
				b.accessible(axe, m.Lang)
				b.keep("mail-" + strings.ReplaceAll(l.name, " ", "-") + "-" + m.Lang)
			}
		})
	}
}
