package checkout

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/money"
)

// transfersScreen is money on the shop's account: what waits for a person, and what was booked.
type transfersScreen struct {
	Waiting, Booked []RecordedTransfer
	Older           string   // the address of the next page of what waits
	Accounts        []string // names of the providers whose accounts these are
	Currency, Ref   string   // what the form begins with
}

const (
	waitingTransfers = 20 // a page; each shows its suggestions
	bookedTransfers  = 20
)

// transferees are the providers of the call's mode that are paid by bank transfer. A provider is of the mode in which it
// offers something.
func (a *adminCall) transferees() (names []string) {
	q := MethodQuery{Amount: 1000, Currency: "eur", Livemode: a.mode == Live}
	for _, p := range a.cfg.Providers {
		if _, ok := p.(Transferee); !ok {
			continue
		}
		if methods, err := p.Methods(a.ctx(), q); err != nil || len(methods) > 0 {
			names = append(names, p.Name())
		}
	}
	return names
}

// sections is the navigation of the call's mode: where no account is, there are no transfers.
func (a *adminCall) sections() []adminSection {
	return slices.DeleteFunc(slices.Clone(adminSections), func(s adminSection) bool {
		return s.Name == "transfers" && len(a.transferees()) == 0
	})
}

// getTransfers is GET /{mode}/transfers.
func (a *adminCall) getTransfers() error { return a.showTransfers(http.StatusOK, nil) }

func (a *adminCall) showTransfers(status int, problems []FieldError) (err error) {
	s := transfersScreen{Accounts: a.transferees(), Currency: "EUR", Ref: shorten(a.r.URL.Query().Get("ref"), maxTransferKey)}
	if len(s.Accounts) == 0 {
		return ErrNotFound
	}
	after := a.r.URL.Query().Get("after")
	if after != "" && !isID(prefixTransfer, after) {
		return ErrNotFound
	}
	test := a.mode == Test
	if s.Waiting, err = a.Transfers(a.ctx(), TransferFilter{Test: test, StartingAfter: after, Limit: waitingTransfers}); err != nil {
		return err
	}
	if len(s.Waiting) == waitingTransfers {
		s.Older = "?after=" + s.Waiting[waitingTransfers-1].ID
	}
	if s.Booked, err = a.Transfers(a.ctx(), TransferFilter{Status: TransferBooked, Test: test, Limit: bookedTransfers}); err != nil {
		return err
	}
	return a.showForm(status, "transfers", "transfers", s, problems)
}

// postTransfer is POST /{mode}/transfers: a line of a bank statement, told by a person.
func (a *adminCall) postTransfer() error {
	accounts := a.transferees()
	if len(accounts) == 0 {
		return ErrNotFound
	}
	t, amount, problems := a.typedTransfer(accounts)
	if len(problems) > 0 {
		return a.showTransfers(http.StatusUnprocessableEntity, problems)
	}
	result, err := a.RecordTransfer(a.ctx(), strings.TrimSpace(a.form.Get("ref")), amount, t)
	if err != nil {
		problems, err := a.explain(err)
		if err != nil {
			return err
		}
		return a.showTransfers(http.StatusUnprocessableEntity, problems)
	}
	switch {
	case result.Status == TransferUnknown:
		return a.showTransfers(http.StatusUnprocessableEntity, []FieldError{a.wrong("ref", "transfer_unknown")})
	case result.Duplicate:
		return a.seeOther("/transfers", "transfer_duplicate")
	}
	return a.seeOther("/transfers", "transfer_"+string(result.Status))
}

func (a *adminCall) typedTransfer(accounts []string) (t Transfer, amount int64, problems []FieldError) {
	field := func(name string) string { return strings.TrimSpace(a.form.Get(name)) }
	t = Transfer{
		Key: field("key"), Provider: cmp.Or(field("provider"), accounts[0]), Currency: asciiLower(cmp.Or(field("currency"), "EUR")), Text: field("text"),
		Payer: field("payer"), Actor: shorten(actorName(a.actor), maxTransferKey-1),
	}
	amount, ok := parseAmount(field("amount"), t.Currency)
	switch {
	case !money.Valid(t.Currency):
		problems = append(problems, a.wrong("currency", "currency"))
	case !ok || amount == 0:
		problems = append(problems, a.wrong("amount", "amount", "example", a.typedAmount(1250, t.Currency)))
	}
	if !slices.Contains(accounts, t.Provider) {
		problems = append(problems, a.wrong("provider", "choice"))
	}
	if booked := field("booked"); booked != "" {
		var err error
		if t.BookedAt, err = time.Parse(time.DateOnly, booked); err != nil || t.BookedAt.Year() < 1970 {
			problems = append(problems, a.wrong("booked", "date"))
		}
	}
	return t, amount, problems
}

// transferOfMode holds the transfer that the address names to the mode.
func (a *adminCall) transferOfMode() (transferRecord, error) {
	t, err := a.store.transferByID(a.ctx(), a.r.PathValue("id"))
	if err == nil && t.Mode != a.mode {
		err = ErrNotFound
	}
	return t, err
}

// getTransferAgain leads from the address of an action, which a browser keeps, back to the list.
func (a *adminCall) getTransferAgain() error { return a.seeOther("/transfers", "") }

// postAssign is POST /{mode}/transfers/{id}/assign: the payment that a transfer is for.
func (a *adminCall) postAssign() error {
	t, err := a.transferOfMode()
	if err != nil {
		return err
	}
	if _, err := a.AssignTransfer(a.ctx(), t.ID, a.form.Get("payment"), shorten(actorName(a.actor), maxTransferKey-1)); err != nil {
		problems, err := a.explain(err)
		if err != nil {
			return err
		}
		return a.showTransfers(http.StatusConflict, problems)
	}
	return a.seeOther("/transfers", "transfer_booked")
}

// postDismiss is POST /{mode}/transfers/{id}/dismiss: the transfer is for something else.
func (a *adminCall) postDismiss() error {
	t, err := a.transferOfMode()
	if err != nil {
		return err
	}
	note := strings.TrimSpace(a.form.Get("note"))
	switch {
	case note == "":
		return a.showTransfers(http.StatusUnprocessableEntity, []FieldError{a.wrong("note-"+t.ID, "note_missing")})
	case len([]rune(note)) > maxTransferText:
		return a.showTransfers(http.StatusUnprocessableEntity, []FieldError{a.wrong("note-"+t.ID, "parameter_too_long")})
	}
	if err := a.DismissTransfer(a.ctx(), t.ID, shorten(actorName(a.actor), maxTransferKey-1), note); err != nil {
		return err
	}
	return a.seeOther("/transfers", "transfer_dismissed")
}
