package checkout

import (
	"errors"
	"html/template"
	"net/http"
	"strings"
)

// askScreen asks before something is done that cannot be taken back. The answer goes to the page's own address.
type askScreen struct {
	Question template.HTML
	Text     string // a key: what it means
	Facts    []labelled
	Note     string // a key: the label of a field that has to be filled in; empty for none
	Hidden   []labelled
	Button   template.HTML
	Back     string // below the mode
}

// getExpire is GET /{mode}/payments/{id}/expire.
func (a *adminCall) getExpire() error {
	rec, err := a.sessionToChange()
	if err != nil {
		return err
	}
	return a.askExpire(rec, nil)
}

func (a *adminCall) askExpire(rec sessionRecord, problems []FieldError) error {
	if rec.Status != StatusPending {
		return a.seeOther("/payments/"+rec.ID, "")
	}
	status := http.StatusOK
	if len(problems) > 0 {
		status = http.StatusConflict
	}
	return a.showForm(status, "ask", "expire.title", askScreen{
		Question: a.desk.texts.sayHTML(a.lang, "expire.ask", "amount", moneyHTML(a.lang, rec.Amount, rec.Currency)),
		Text:     "expire.text", Button: a.desk.texts.sayHTML(a.lang, "expire.now"), Back: "/payments/" + rec.ID,
		Facts: []labelled{{"session", rec.ID, true}, {"email", orEmpty(rec.CustomerEmail), false}, {"reference", orEmpty(rec.Reference), false}},
	}, problems)
}

// postExpire is POST /{mode}/payments/{id}/expire.
func (a *adminCall) postExpire() error {
	rec, err := a.sessionOfMode()
	if err != nil {
		return err
	}
	if _, err := a.ExpireSession(a.ctx(), rec.ID); err != nil {
		problems, err := a.explain(err)
		if err != nil {
			return err
		}
		if rec, err = a.sessionOfMode(); err != nil { // its payment may have come meanwhile
			return err
		}
		return a.askExpire(rec, problems)
	}
	return a.seeOther("/payments/"+rec.ID, "expired")
}

// attemptToConfirm finds the open attempt of a session that a person may confirm; [ErrNotByHand] when there is none.
func (a *adminCall) attemptToConfirm(rec sessionRecord) (paymentRecord, error) {
	p, err := a.store.lastPayment(a.ctx(), rec.ID)
	if errors.Is(err, ErrNotFound) || err == nil && p.State != attemptOpen {
		return p, ErrNotByHand
	}
	if err != nil {
		return p, err
	}
	provider, err := a.provider(p)
	if err != nil {
		return p, ErrNotByHand.because(err)
	}
	if _, ok := provider.(Settler); !ok {
		return p, ErrNotByHand
	}
	return p, nil
}

// getConfirm is GET /{mode}/payments/{id}/confirm.
func (a *adminCall) getConfirm() error {
	rec, err := a.sessionToChange()
	if err != nil {
		return err
	}
	return a.askConfirm(rec, nil)
}

func (a *adminCall) askConfirm(rec sessionRecord, problems []FieldError) error {
	p, err := a.attemptToConfirm(rec)
	if errors.Is(err, ErrNotByHand) {
		return a.seeOther("/payments/"+rec.ID, "")
	}
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	amount := moneyHTML(a.lang, p.Amount, p.Currency)
	return a.showForm(status, "ask", "confirm.title", askScreen{
		Question: a.desk.texts.sayHTML(a.lang, "confirm.ask", "amount", amount), Text: "confirm.text", Note: "confirm.note",
		Button: a.desk.texts.sayHTML(a.lang, "confirm.now", "amount", amount), Back: "/payments/" + rec.ID,
		Facts: []labelled{
			{"session", rec.ID, true}, {"email", orEmpty(rec.CustomerEmail), false}, {"reference", orEmpty(rec.Reference), false},
			{"method", a.desk.word(a.lang, "method", p.Method), false}, {"provider.reference", p.Ref, true},
		},
		Hidden: []labelled{{"payment", p.ID, false}},
	}, problems)
}

// postConfirm is POST /{mode}/payments/{id}/confirm. The attempt is the one that was shown.
func (a *adminCall) postConfirm() error {
	rec, err := a.sessionOfMode()
	if err != nil {
		return err
	}
	p, err := a.attemptToConfirm(rec)
	if errors.Is(err, ErrNotByHand) || err == nil && p.ID != a.form.Get("payment") {
		return a.seeOther("/payments/"+rec.ID, "")
	}
	if err != nil {
		return err
	}
	note := strings.TrimSpace(a.form.Get("note"))
	if note == "" {
		return a.askConfirm(rec, []FieldError{a.wrong("note", "note_missing")})
	}
	e := Evidence{Actor: shorten(actorName(a.actor), maxTransferKey-1), Note: note, Amount: p.Amount, Currency: p.Currency}
	err = a.ConfirmPayment(a.ctx(), p.ID, e)
	switch {
	case errors.Is(err, ErrNotPending): // it is booked, and has to go back
		return a.seeOther("/payments/"+rec.ID, "confirmed_late")
	case err != nil:
		problems, err := a.explain(err)
		if err != nil {
			return err
		}
		return a.askConfirm(rec, problems)
	}
	return a.seeOther("/payments/"+rec.ID, "confirmed")
}
