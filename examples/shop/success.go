package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/jopay/checkout"
)

type successView struct {
	Session session
	Books   string // the order's status in the shop's own table, empty for sessions made elsewhere
	Papers  []paper
	Mails   bool   // they are sent
	Kept    string // where they are kept otherwise
}

// paper is a document as a page links it.
type paper struct{ Kind, Number, URL string }

var paperNames = map[checkout.DocumentKind]string{
	checkout.KindInvoice: "Invoice", checkout.KindReceipt: "Receipt", checkout.KindCreditNote: "Credit note", checkout.KindRefundReceipt: "Refund receipt",
}

// getSuccess is GET /success. That somebody came here proves nothing; the API is asked what became of the session.
func (s *shop) getSuccess(w http.ResponseWriter, r *http.Request) error {
	found, err := s.api.session(r.Context(), r.URL.Query().Get("session_id"))
	var refusal *apiError
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return render(w, http.StatusNotFound, "message", message{"We do not know this order", "The address names no session of this shop."})
	}
	if err != nil {
		return err
	}
	var o order
	if err := s.db.WithContext(r.Context()).Limit(1).Find(&o, "session_id = ?", found.ID).Error; err != nil {
		return err
	}
	papers, err := s.papers(r.Context(), found.ID)
	if err != nil {
		return err
	}
	return render(w, http.StatusOK, "success", successView{found, o.Status, papers, s.mails, keptMails(s.base, s.co)})
}

// keptMails is where the admin shows the mails of test mode.
func keptMails(base string, co *checkout.Checkout) string {
	return base + co.AdminPath() + "/test/mails"
}

// papers are the documents of a session that have their number, which a worker gives a moment after the payment. Whoever
// knows the session may read them: its id cannot be guessed, and only its buyer gets it.
func (s *shop) papers(ctx context.Context, sessionID string) (list []paper, err error) {
	documents, err := s.co.Documents(ctx, sessionID)
	if err != nil {
		return nil, err
	}
	for _, d := range documents {
		url, err := s.co.DocumentURL(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, paper{paperNames[d.Kind], d.Number, url})
	}
	return list, nil
}
