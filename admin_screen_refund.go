package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// left is what can still be refunded of the payment that completed a session, in minor units.
type left struct {
	Amount, Captured int64
	Currency         string
	Seen             int  // refunds there were when somebody looked
	byHand           bool // the provider cannot pay back
}

func (a *adminCall) leftOf(rec sessionRecord) (l left, err error) {
	l.Currency = rec.Currency
	if rec.Status != StatusCompleted || rec.PaymentID == nil {
		return l, nil
	}
	p, err := a.store.paymentByID(a.ctx(), *rec.PaymentID)
	if err != nil {
		return l, err
	}
	gone, seen, err := a.store.refundsSoFar(a.ctx(), p)
	if err != nil {
		return l, err
	}
	l.Captured, l.Amount, l.Currency, l.Seen = p.Captured, p.Captured-gone, p.Currency, seen
	provider, err := a.provider(p)
	_, ok := provider.(Refunder)
	l.byHand = err != nil || !ok
	return l, nil
}

// refundsSoFar sums what has gone back of a payment, and counts all refunds of its session.
func (s *store) refundsSoFar(ctx context.Context, p paymentRecord) (gone int64, seen int, err error) {
	err = s.retry(ctx, func() error {
		if gone, err = s.direct(ctx).refundedOf(p.ID); err != nil {
			return err
		}
		return s.direct(ctx).query(func(row scanner) error { return row.Scan(&seen) }, `SELECT COUNT(*) FROM {refunds} WHERE session_id = ?`, p.SessionID)
	})
	return gone, seen, err
}

// refundReasons are those a person can choose. What is stored is the word, and behind a colon the note.
var refundReasons = []string{"requested_by_customer", "duplicate", "fraudulent", "other"}

// refundReason shows a stored reason: a word of ours in the reader's language, and what others have written as it is.
func (p *adminPages) refundReason(lang, stored string) string {
	code, note, noted := strings.Cut(stored, ": ")
	if !slices.Contains(refundReasons, code) {
		return stored
	}
	shown := p.texts.say(lang, "refund.reason."+code)
	if noted {
		shown += ": " + note
	}
	return shown
}

// refundScreen is the form for a refund.
type refundScreen struct {
	ID, Email string
	left
	Reasons []string
	Value   string // of the amount's field
}

// getRefundForm is GET /{mode}/payments/{id}/refund.
func (a *adminCall) getRefundForm() error {
	rec, err := a.sessionToChange()
	if err != nil {
		return err
	}
	return a.showRefund(rec, http.StatusOK, nil)
}

// sessionToChange reads the session of an action's form, which is for those who may carry it out.
func (a *adminCall) sessionToChange() (sessionRecord, error) {
	rec, err := a.sessionOfMode()
	if err == nil && !a.may(AccessOperate) {
		err = errNoAccess
	}
	return rec, err
}

func (a *adminCall) showRefund(rec sessionRecord, status int, problems []FieldError) error {
	l, err := a.leftOf(rec)
	if err != nil {
		return err
	}
	s := refundScreen{ID: rec.ID, Email: orEmpty(rec.CustomerEmail), left: l, Reasons: refundReasons, Value: a.typedAmount(l.Amount, l.Currency)}
	if a.form.Has("amount") {
		s.Value = a.form.Get("amount")
	}
	return a.showForm(status, "refund", "refund.title", s, problems)
}

// ByHand tells that money is left, and that the provider cannot pay it back.
func (s refundScreen) ByHand() bool { return s.byHand }

// postRefundForm is POST /{mode}/payments/{id}/refund. The first one asks again; the one from that question pays back.
func (a *adminCall) postRefundForm() error {
	rec, err := a.sessionOfMode()
	if err != nil {
		return err
	}
	l, err := a.leftOf(rec)
	if err != nil {
		return err
	}
	params, problems := a.refundParams(rec, l)
	if len(problems) > 0 {
		return a.showRefund(rec, http.StatusUnprocessableEntity, problems)
	}
	if a.form.Get("step") != "confirmed" {
		return a.askRefund(rec, l, params)
	}
	return a.refundNow(rec, l, params)
}

func (a *adminCall) refundParams(rec sessionRecord, l left) (params RefundParams, problems []FieldError) {
	amount, ok := parseAmount(a.form.Get("amount"), l.Currency)
	confirmed := a.form.Get("step") == "confirmed" // a repeat may find nothing left: the core knows it by its key
	switch {
	case !ok || amount == 0:
		problems = append(problems, a.wrong("amount", "amount", "example", a.typedAmount(l.Captured, l.Currency)))
	case amount > l.Amount && !confirmed:
		problems = append(problems, a.wrong("amount", "amount_left", "amount", a.typedAmount(l.Amount, l.Currency)))
	}
	reason, note := a.form.Get("reason"), strings.TrimSpace(a.form.Get("note"))
	if note != "" {
		reason += ": " + note
	}
	if len([]rune(reason)) > 200 {
		problems = append(problems, a.wrong("note", "note_long", "n", 170))
	}
	return RefundParams{SessionID: rec.ID, AmountCents: amount, Reason: reason, ByHand: l.byHand, mode: a.mode}, problems
}

// askRefund repeats what is about to happen.
func (a *adminCall) askRefund(rec sessionRecord, l left, params RefundParams) error {
	money, text := moneyHTML(a.lang, params.AmountCents, l.Currency), "refund.final"
	if l.byHand {
		text = "refund.by_hand"
	}
	buyer := orEmpty(rec.CustomerEmail)
	if buyer == "" {
		buyer = a.say("buyer.unknown")
	}
	return a.show(http.StatusOK, "ask", "refund.title", askScreen{
		Question: a.desk.texts.sayHTML(a.lang, "refund.ask", "amount", money, "total", moneyHTML(a.lang, l.Captured, l.Currency), "buyer", buyer),
		Text:     text, Button: a.desk.texts.sayHTML(a.lang, "refund.now", "amount", money), Back: "/payments/" + rec.ID,
		Facts: []labelled{{"session", rec.ID, true}, {"refund.reason", a.desk.refundReason(a.lang, params.Reason), false}},
		Hidden: []labelled{
			{"step", "confirmed", false}, {"amount", a.form.Get("amount"), false}, {"reason", a.form.Get("reason"), false},
			{"note", a.form.Get("note"), false}, {"seen", strconv.Itoa(l.Seen), false},
		},
	})
}

// refundNow pays back. The key is made of what the person had seen: the same form sent twice, a second tab and a second
// person are one refund; who has seen less than there is now is asked again.
func (a *adminCall) refundNow(rec sessionRecord, l left, params RefundParams) error {
	seen, err := strconv.Atoi(a.form.Get("seen"))
	if err != nil {
		return a.showRefund(rec, http.StatusUnprocessableEntity, []FieldError{a.wrong("", "changed")})
	}
	params.IdempotencyKey = fmt.Sprintf("admin %s %d", rec.ID, seen)
	if seen != l.Seen {
		known, err := a.store.refundKeyUsed(a.ctx(), a.mode, params.IdempotencyKey)
		if err != nil {
			return err
		}
		if !known {
			return a.showRefund(rec, http.StatusConflict, []FieldError{a.wrong("", "changed")})
		}
	}
	refund, err := a.Refund(a.ctx(), params)
	if err != nil {
		problems, err := a.explain(err)
		if err != nil {
			return err
		}
		return a.showRefund(rec, http.StatusConflict, problems)
	}
	return a.seeOther("/payments/"+rec.ID, "refund_"+refund.Status)
}

// refundKeyUsed tells whether a refund was made with an idempotency key.
func (s *store) refundKeyUsed(ctx context.Context, mode Mode, key string) (known bool, err error) {
	err = s.retry(ctx, func() error {
		_, err := s.direct(ctx).refundByKey(mode, key)
		known = err == nil
		return ignoreMissing(err)
	})
	return known, err
}

// refundToSettle reads a refund that waits for a person.
func (a *adminCall) refundToSettle() (refundRecord, error) {
	r, err := a.store.refundByID(a.ctx(), a.r.PathValue("id"))
	switch {
	case err == nil && r.Mode != a.mode:
		err = ErrNotFound
	case err == nil && !a.may(AccessOperate):
		err = errNoAccess
	}
	return r, err
}

// getSettle is GET /{mode}/refunds/{id}/settle.
func (a *adminCall) getSettle() error {
	r, err := a.refundToSettle()
	if err != nil {
		return err
	}
	return a.askSettle(r, nil)
}

func (a *adminCall) askSettle(r refundRecord, problems []FieldError) error {
	if r.State != refundNeedsPerson {
		return a.seeOther("/payments/"+r.SessionID, "")
	}
	status := http.StatusOK
	if len(problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return a.showForm(status, "ask", "settle.title", askScreen{
		Question: a.desk.texts.sayHTML(a.lang, "settle.ask", "amount", moneyHTML(a.lang, r.Amount, r.Currency)),
		Text:     "settle.text", Button: a.desk.texts.sayHTML(a.lang, "settle.now"), Back: "/payments/" + r.SessionID, Note: "settle.note",
		Facts: []labelled{{"session", r.SessionID, true}, {"refund", r.ID, true}, {"refund.why", a.desk.word(a.lang, "origin", r.Origin), false}, {"refund.failure", orEmpty(r.Failure), false}},
	}, problems)
}

// postSettle is POST /{mode}/refunds/{id}/settle: a person has paid back by hand.
func (a *adminCall) postSettle() error {
	r, err := a.refundToSettle()
	if err != nil {
		return err
	}
	note := strings.TrimSpace(a.form.Get("note"))
	if note == "" {
		return a.askSettle(r, []FieldError{a.wrong("note", "note_missing")})
	}
	err = a.SettleRefund(a.ctx(), r.ID, note)
	if errors.Is(err, ErrNotFound) { // it does not wait any more: tell what it is now
		if r, err = a.refundToSettle(); err == nil && r.State != refundSucceeded {
			return a.seeOther("/payments/"+r.SessionID, "refund_"+string(r.State))
		}
	}
	if err != nil {
		problems, err := a.explain(err)
		if err != nil {
			return err
		}
		return a.askSettle(r, problems)
	}
	return a.seeOther("/payments/"+r.SessionID, "settled")
}
