package checkout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/strictjson"
)

// paymentScreen is everything about one session.
type paymentScreen struct {
	*Session
	Standing  standing
	Buyer     []labelled
	Extra     []labelled // metadata
	Rules     []labelled // what the merchant has asked for
	Taxes     []taxLine
	Attempts  []attemptView
	Refunds   []Refund
	Transfers []RecordedTransfer
	Documents []invoiceRow
	Steps     []timelineStep
	JSON      string

	Left        int64  // minor units that can be refunded
	Expirable   bool   // pending
	Confirms    string // the attempt a person can confirm
	Awaits      string // the reference an open attempt waits for on a statement
	NeedsPerson bool   // a refund has to be paid by hand
	Cut         bool   // the timeline is longer than what is shown
}

// labelled is a line of a list of pairs. Label is a key of the catalogue, or the word itself.
type labelled struct {
	Label, Value string
	Copy         bool
}

// standing is where a session stands in one word, and the tone of its badge.
type standing struct{ Key, Tone string }

func standingOf(s Status, p PaymentStatus) standing {
	switch {
	case s == StatusExpired:
		return standing{"expired", ""}
	case p == PaymentPaid || p == PaymentNotRequired && s == StatusCompleted:
		return standing{string(p), "good"}
	case p == PaymentRefunded || p == PaymentPartiallyRefunded:
		return standing{string(p), ""}
	case p == PaymentRequiresAction || p == PaymentProcessing:
		return standing{string(p), "wait"}
	}
	return standing{"unpaid", "wait"}
}

// attemptView is a try to pay with what it was answered.
type attemptView struct {
	paymentRecord
	Standing standing
}

// Time is when the attempt ended, or began while it is open.
func (v attemptView) Time() time.Time {
	if v.SettledAt != nil {
		return seconds(*v.SettledAt)
	}
	return seconds(v.CreatedAt)
}

// sessionOfMode reads the session that the address names.
func (a *adminCall) sessionOfMode() (sessionRecord, error) {
	rec, err := a.store.session(a.ctx(), a.r.PathValue("id"))
	if err == nil && rec.Mode != a.mode {
		err = ErrNotFound
	}
	return rec, err
}

// getPayment is GET /{mode}/payments/{id}.
func (a *adminCall) getPayment() error {
	rec, err := a.sessionOfMode()
	if err != nil {
		return err
	}
	s, err := a.paymentScreen(rec)
	if err != nil {
		return err
	}
	return a.show(http.StatusOK, "payment", "payment", s)
}

func (a *adminCall) paymentScreen(rec sessionRecord) (*paymentScreen, error) {
	view, err := a.view(rec)
	if err != nil {
		return nil, err
	}
	s := &paymentScreen{Session: view, Standing: standingOf(view.Status, view.PaymentStatus), Taxes: taxLines(view.LineItems)}
	s.Buyer, s.Extra, s.Rules = buyerOf(view), pairsOf(view.Metadata), a.rulesOf(rec)
	if s.JSON, err = indented(view); err != nil {
		return nil, err
	}
	if err := a.addMoney(s, rec); err != nil {
		return nil, err
	}
	s.Steps, s.Cut, err = a.steps(rec)
	return s, err
}

// addMoney adds attempts, refunds and transfers, and what can be done about them.
func (a *adminCall) addMoney(s *paymentScreen, rec sessionRecord) error {
	attempts, err := a.store.payments(a.ctx(), rec.ID)
	if err != nil {
		return err
	}
	for _, p := range attempts {
		s.Attempts = append(s.Attempts, attemptView{p, attemptStanding(p)})
		if p.State == attemptOpen {
			a.offerByHand(s, p)
		}
	}
	if s.Refunds, err = a.Refunds(a.ctx(), rec.ID); err != nil {
		return err
	}
	s.NeedsPerson = slices.ContainsFunc(s.Refunds, func(r Refund) bool { return r.Status == string(refundNeedsPerson) })
	s.Expirable = rec.Status == StatusPending
	left, err := a.leftOf(rec)
	s.Left = left.Amount
	return errors.Join(err, a.addTransfers(s), a.addDocuments(s))
}

func (a *adminCall) addDocuments(s *paymentScreen) error {
	records, err := a.store.documentsOfSession(a.ctx(), s.ID)
	for _, r := range records {
		s.Documents = append(s.Documents, invoiceRow{documentRecord: r})
	}
	return err
}

func (a *adminCall) addTransfers(s *paymentScreen) (err error) {
	s.Transfers, err = a.Transfers(a.ctx(), TransferFilter{SessionID: s.ID, Limit: 100})
	return err
}

// offerByHand tells what a person can do about an open attempt.
func (a *adminCall) offerByHand(s *paymentScreen, p paymentRecord) {
	provider, err := a.provider(p)
	if err != nil {
		return
	}
	if _, ok := provider.(Settler); ok {
		s.Confirms = p.ID
	}
	if _, ok := provider.(Transferee); ok {
		s.Awaits = p.Ref
	}
}

func attemptStanding(p paymentRecord) standing {
	switch p.State {
	case attemptSucceeded:
		return standing{"succeeded", "good"}
	case attemptFailed, attemptNeedsPerson:
		return standing{string(p.State), "bad"}
	case attemptOpen:
		if p.Step != "" {
			return standing{string(p.Step), "wait"}
		}
		return standing{"open", "wait"}
	}
	return standing{string(p.State), ""}
}

// RefundTone is the tone of a refund's badge.
func (s *paymentScreen) RefundTone(status string) string {
	return map[string]string{"succeeded": "good", "pending": "wait"}[status] + map[string]string{"failed": "bad", "needs_person": "bad"}[status]
}

func buyerOf(s *Session) []labelled {
	list := []labelled{{Label: "email", Value: orEmpty(s.CustomerEmail)}}
	if b := s.BillingDetails; b != nil {
		list = append(list, labelled{Label: "buyer.name", Value: orEmpty(b.Name)}, labelled{Label: "buyer.company", Value: orEmpty(b.Company)})
		if at := b.Address; at != nil {
			town := joined(" ", orEmpty(at.PostalCode), orEmpty(at.City))
			list = append(list, labelled{Label: "buyer.address", Value: joined(", ", orEmpty(at.Line1), orEmpty(at.Line2), town, orEmpty(at.State), orEmpty(at.Country))})
		}
		list = append(list, labelled{Label: "buyer.tax_id", Value: orEmpty(b.TaxID)})
	}
	return known(list)
}

// known leaves out the lines without a value.
func known(list []labelled) []labelled {
	return slices.DeleteFunc(list, func(l labelled) bool { return l.Value == "" })
}

func joined(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}

// pairsOf gives the merchant's pairs in the order they came.
func pairsOf(raw json.RawMessage) (list []labelled) {
	v, err := strictjson.Parse(raw, maxDepth)
	if err != nil {
		return nil
	}
	for _, m := range v.Members {
		list = append(list, labelled{Label: m.Name, Value: m.Value.Text})
	}
	return list
}

func (a *adminCall) rulesOf(rec sessionRecord) []labelled {
	return known([]labelled{
		{"session", rec.ID, true}, {"payment.id", orEmpty(rec.PaymentID), true}, {"reference", orEmpty(rec.Reference), true},
		{"url.page", a.pageURL(rec.ID), true}, {"url.success", rec.SuccessURL, true}, {"url.cancel", rec.CancelURL, true}, {"locale", rec.Locale, false},
	})
}

// indented is an object as the API shows it, for reading.
func indented(v any) (string, error) {
	compact, err := text(v)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = json.Indent(&b, []byte(compact), "", "  ")
	return visibleJSON(b.String()), err
}

// visibleJSON writes as escapes what would show nothing or turn the text around; for a program it is the same JSON.
func visibleJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && hiddenRune(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
