package checkout

import (
	"context"
	"errors"
)

// AssignTransfer books a suggested transfer on the payment a person has chosen. A repeat gives the same; anything else than
// a suggested one is [ErrNotFound].
func (c *Checkout) AssignTransfer(ctx context.Context, id, paymentID, actor string) (TransferResult, error) {
	if err := checkWords(actor, ""); err != nil {
		return TransferResult{}, err
	}
	if err := c.store.writeFirst(ctx); err != nil {
		return TransferResult{}, err
	}
	rec, err := c.store.transferByID(ctx, id)
	if err != nil {
		return TransferResult{}, err
	}
	p, err := c.store.paymentByID(ctx, paymentID)
	if err != nil {
		return TransferResult{}, err
	}
	if p.Provider != rec.Provider || p.Mode != rec.Mode {
		return TransferResult{}, ErrNotByHand.saying("The payment is not one that waits for this account.")
	}
	rec.PaymentID = &p.ID
	return c.book(ctx, rec, true, func(t tx) (transferRecord, error) {
		taken, err := t.claimTransfer(id, TransferBooked, p.ID, actor, "")
		if !errors.Is(err, ErrNotFound) {
			return taken, err
		}
		have, err := t.transferByKey(rec.Provider, rec.Key)
		if err == nil && have.Status == TransferBooked && orEmpty(have.PaymentID) == p.ID {
			return taken, errCounted{have}
		}
		return taken, errors.Join(ErrNotFound, ignoreMissing(err))
	})
}

// DismissTransfer notes that a suggested transfer is for something else. Anything else than a suggested one is
// [ErrNotFound].
func (c *Checkout) DismissTransfer(ctx context.Context, id, actor, note string) error {
	if !isID(prefixTransfer, id) {
		return ErrNotFound
	}
	if err := checkWords(actor, note); err != nil {
		return err
	}
	return c.store.transact(ctx, func(t tx) error {
		rec, err := t.claimTransfer(id, TransferDismissed, "", actor, note)
		if err != nil {
			return err
		}
		return c.audit(ctx, t, rec.change("transfer.dismiss"))
	})
}

// change is a transfer as the audit log tells of it.
func (r transferRecord) change(action string) change {
	return change{mode: r.Mode, action: action, object: r.ID, session: orEmpty(r.SessionID), after: map[string]any{
		"by": orEmpty(r.Actor), "note": orEmpty(r.Note), "amount_cents": r.Amount, "currency": r.Currency, "reference": orEmpty(r.Reference), "key": r.Key,
	}}
}

// checkWords bounds what a person says.
func checkWords(actor, note string) error {
	var p problems
	p.text("actor", actor, maxTransferKey)
	p.text("note", note, maxTransferText)
	return p.err()
}

// Transfers lists recorded transfers, newest first.
func (c *Checkout) Transfers(ctx context.Context, f TransferFilter) ([]RecordedTransfer, error) {
	setDefault(&f.Status, TransferSuggested)
	setDefault(&f.Limit, 50)
	f.Limit = max(1, min(f.Limit, 100))
	mode := Live
	if f.Test {
		mode = Test
	}
	records, err := c.store.transfers(ctx, mode, f)
	list := make([]RecordedTransfer, 0, len(records))
	for _, r := range records {
		view := r.view()
		if r.Status == TransferSuggested {
			var failed error
			view.Suggestions, _, failed = c.suggest(ctx, r)
			err = errors.Join(err, failed)
		}
		list = append(list, view)
	}
	return list, err
}

func (r transferRecord) view() RecordedTransfer {
	v := RecordedTransfer{
		ID: r.ID, Provider: r.Provider, Status: r.Status, PaymentID: orEmpty(r.PaymentID), SessionID: orEmpty(r.SessionID), Amount: r.Amount,
		Surplus: r.Surplus, Currency: r.Currency, Reference: orEmpty(r.Reference), Text: orEmpty(r.Text), Payer: orEmpty(r.Payer),
		Actor: orEmpty(r.Actor), Note: orEmpty(r.Note), CreatedAt: seconds(r.CreatedAt), Livemode: r.Mode == Live,
	}
	if r.BookedAt != nil {
		v.BookedAt = seconds(*r.BookedAt)
	}
	return v
}
