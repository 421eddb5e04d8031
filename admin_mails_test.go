package checkout

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// The admin shows what became of each mail, what it says, and sends it again.
func TestTheAdminShowsMails(t *testing.T) {
	tray := &outTray{answer: func(int, Mail) error { return &MailError{Code: 550, Reply: "550 no such user", Permanent: true} }}
	eachShop(t, func(t *testing.T, s *shop) {
		tray.got = nil
		d := s.documented(seedBody)
		if page := s.adminOK(manager, "/test/mails/"+s.mailRows()[0].ID); !strings.Contains(page, "written when its document has a number") || strings.Contains(page, "<iframe") {
			t.Errorf("a mail without text: %s", page)
		}
		s.sendMails()
		r := s.mailRow(mailFailed)
		list := s.adminOK(manager, "/test/mails")
		for _, want := range []string{"customer@example.com", "550 no such user", "Failed", "/mails/" + r.ID, ">Mails</a>"} {
			if !strings.Contains(list, want) {
				t.Errorf("%q is not in the list", want)
			}
		}
		for query, want := range map[string]bool{"?state=failed": true, "?state=sent": false, "?kind=completed": true, "?kind=refunded": false, "?session=" + d.SessionID: true, "?session=cs_x": false, "?after=" + r.ID: false, "?state=nonsense&after=x": true} {
			if got := strings.Contains(s.adminOK(manager, "/test/mails"+query), "/mails/"+r.ID); got != want {
				t.Errorf("%s lists it: %v", query, got)
			}
		}
		page := s.adminOK(manager, "/test/mails/"+r.ID)
		for _, want := range []string{*r.MessageID, "[TEST] Receipt", "sandbox", "/body", "Thank you."} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is not on the page", want)
			}
		}
		if timeline := s.adminOK(manager, "/test/payments/"+d.SessionID); !strings.Contains(timeline, "Mail failed") || !strings.Contains(timeline, "/mails/"+r.ID) {
			t.Error("the payment does not tell of it")
		}
		if w := s.admin(manager, "/live/mails/"+r.ID); w.Code != http.StatusNotFound {
			t.Errorf("the other mode answers %d", w.Code)
		}
		if w := s.adminPost(manager, "/test/mails/"+r.ID+"/send", nil); w.Code != http.StatusSeeOther || s.count("mails", "revision = 2 AND state = 'due'") != 1 {
			t.Errorf("sending again answers %d", w.Code)
		}
	}, mailing(tray))
}

// The frame shows the HTML part and can do nothing: no script, no form, nothing from elsewhere, no other place to stand.
func TestTheFrameOfAMailIsHarmless(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	s.documented(strings.Replace(seedBody, "Premium Coffee Beans", `<script>alert(1)</script><img src=x>`, 1))
	s.sendMails()
	w := s.admin(manager, "/test/mails/"+s.mailRow(mailCaught).ID+"/body")
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"sandbox;", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%q is not in %q", want, policy)
		}
	}
	if strings.Contains(policy, "script-src") || w.Header().Get("X-Frame-Options") != "SAMEORIGIN" || strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "<img") {
		t.Errorf("%v\n%s", w.Header(), w.Body)
	}
}
