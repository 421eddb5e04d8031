package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	maxTransferKey  = 200
	maxTransferText = 2000
	suggestions     = 5
)

// RecordTransfer books money that has come to the shop's account: amount in minor units, ref as the payer's bank passed it
// on, empty if it did not. The payment is found by ref, else by one of our references anywhere in the text; money without
// either is set aside with the payments it may be meant for, if there are any of just this amount. A part of what is due
// keeps the session open and the page asks for the rest; what is more than due is a surplus, and has to go back like money
// that comes when nothing is due any more. A Key counts once, whoever records it and however often.
//
// A repeat after an error is safe: what was recorded counts once. Inside [Checkout.WithTx] it commits with the host's own
// books.
func (c *Checkout) RecordTransfer(ctx context.Context, ref string, amount int64, t Transfer) (TransferResult, error) {
	provider, transferee, err := c.transferee(t.Provider)
	if err != nil {
		return TransferResult{}, err
	}
	rec, err := c.newTransfer(provider, ref, amount, t)
	if err != nil {
		return TransferResult{}, err
	}
	if err := c.store.writeFirst(ctx); err != nil {
		return TransferResult{}, err
	}
	p, err := c.payeeOf(ctx, provider, transferee, ref, t.Text)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return TransferResult{}, err
	}
	if err == nil {
		return c.bookTransfer(ctx, rec, p)
	}
	return c.setAside(ctx, rec)
}

// transferee finds the provider whose account a transfer came to.
func (c *Checkout) transferee(name string) (Provider, Transferee, error) {
	var provider Provider
	for _, p := range c.cfg.Providers {
		if _, ok := p.(Transferee); !ok || (name != "" && p.Name() != name) {
			continue
		}
		if provider != nil {
			return nil, nil, transferProblem("provider", "parameter_missing", "There are several accounts: name the provider whose account the money came to.")
		}
		provider = p
	}
	if provider == nil {
		return nil, nil, transferProblem("provider", "parameter_invalid_string", "No provider of that name takes bank transfers.")
	}
	return provider, provider.(Transferee), nil
}

func transferProblem(param, code, message string) error {
	return invalid([]FieldError{{Param: param, Code: code, Message: message}})
}

// newTransfer checks what a bank tells.
func (c *Checkout) newTransfer(provider Provider, ref string, amount int64, t Transfer) (transferRecord, error) {
	var p problems
	if amount < 1 {
		p.add("amount", "amount_too_small", "amount must be 1 or more, in minor units.")
	}
	if amount > maxAmount {
		p.add("amount", "amount_too_large", "amount must be %d or less.", int64(maxAmount))
	}
	setDefault(&t.Currency, "eur")
	p.text("ref", ref, maxTransferKey)
	p.text("key", t.Key, maxTransferKey)
	p.text("text", t.Text, maxTransferText)
	p.text("payer", t.Payer, maxTransferKey)
	p.text("actor", t.Actor, maxTransferKey)
	p.text("note", t.Note, maxTransferText)
	if err := p.err(); err != nil {
		return transferRecord{}, err
	}
	rec := transferRecord{
		ID: newID(prefixTransfer, c.now()), Provider: provider.Name(), Key: t.Key, Status: TransferSuggested, Amount: amount,
		Currency: asciiLower(t.Currency), Reference: pointer(ref), Text: pointer(t.Text), Payer: pointer(t.Payer), Actor: pointer(t.Actor),
		Note: pointer(t.Note), CreatedAt: millis(c.now()),
	}
	if !t.BookedAt.IsZero() {
		booked := millis(t.BookedAt)
		rec.BookedAt = &booked
	}
	if rec.Key == "" {
		rec.Key = "hash:" + sha256Hex(strings.Join([]string{ref, fmt.Sprint(amount), rec.Currency, t.Text, t.Payer, t.BookedAt.UTC().Format(time.RFC3339Nano)}, "\x00"))
	}
	return rec, nil
}

// payeeOf finds the payment that a payer has named.
func (c *Checkout) payeeOf(ctx context.Context, provider Provider, t Transferee, ref, text string) (paymentRecord, error) {
	var tried []string
	for _, candidate := range append(t.References(ref), t.References(text)...) {
		if slices.Contains(tried, candidate) {
			continue
		}
		tried = append(tried, candidate)
		p, err := c.store.paymentOfRef(ctx, provider.Name(), candidate)
		if !errors.Is(err, ErrNotFound) {
			return p, err
		}
	}
	return paymentRecord{}, ErrNotFound
}

// setAside keeps a transfer without a name for a person, if it may be ours at all.
func (c *Checkout) setAside(ctx context.Context, rec transferRecord) (TransferResult, error) {
	list, mode, err := c.suggest(ctx, rec)
	if err != nil {
		return TransferResult{}, err
	}
	rec.Mode = mode
	work, cancel := detached(ctx, commitTimeout)
	defer cancel()
	isNew := false
	if len(list) > 0 {
		if isNew, err = c.keepTransfer(work, rec); err != nil {
			return TransferResult{}, err
		}
	}
	have := rec
	if !isNew {
		have, err = c.store.transferByKey(work, rec.Provider, rec.Key)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return TransferResult{Status: TransferUnknown, Currency: rec.Currency}, nil
	case err != nil:
		return TransferResult{}, err
	}
	result, err := c.countedBefore(work, have, rec.ID)
	if have.Status == TransferSuggested {
		result.Suggestions = list
	}
	return result, err
}

// keepTransfer stores a transfer that waits for a person. Ours is there after a commit whose answer was lost.
func (c *Checkout) keepTransfer(ctx context.Context, rec transferRecord) (isNew bool, err error) {
	err = c.store.transact(ctx, func(t tx) error {
		if isNew, err = t.insertTransfer(rec); err != nil || !isNew {
			return err
		}
		return c.audit(ctx, t, rec.change("transfer.record"))
	})
	return isNew, err
}

// suggest finds the payments a transfer may be meant for, and their mode, which is their provider's. One that may have been
// told twice has the payment it names.
func (c *Checkout) suggest(ctx context.Context, rec transferRecord) (list []TransferSuggestion, mode Mode, err error) {
	var payments []paymentRecord
	if rec.PaymentID != nil {
		p, lookup := c.store.paymentByID(ctx, *rec.PaymentID)
		payments, err = []paymentRecord{p}, lookup
	} else {
		payments, err = c.store.waitingFor(ctx, rec.Provider, rec.Amount, rec.Currency, suggestions)
	}
	if err != nil {
		return nil, "", err
	}
	for _, p := range payments {
		s, err := c.store.session(ctx, p.SessionID)
		if err != nil {
			return nil, "", err
		}
		mode = p.Mode
		list = append(list, TransferSuggestion{
			PaymentID: p.ID, SessionID: s.ID, Reference: p.Ref, ClientReferenceID: orEmpty(s.Reference), CustomerEmail: orEmpty(s.CustomerEmail),
			Due: p.due(), CreatedAt: seconds(p.CreatedAt),
		})
	}
	return list, mode, nil
}

// bookTransfer counts a transfer towards a payment. The line, the payment, the session, its event and what the host's
// hook writes commit together.
func (c *Checkout) bookTransfer(ctx context.Context, rec transferRecord, p paymentRecord) (TransferResult, error) {
	rec.Status, rec.Mode, rec.PaymentID, rec.SessionID = TransferBooked, p.Mode, &p.ID, &p.SessionID
	return c.book(ctx, rec, false, func(t tx) (transferRecord, error) {
		isNew, err := t.insertTransfer(rec)
		if err != nil || isNew {
			return rec, err
		}
		have, err := t.transferByKey(rec.Provider, rec.Key)
		if err == nil && have.Status == TransferSuggested && have.PaymentID == nil { // the payer's reference has become known since
			taken, err := t.claimTransfer(have.ID, TransferBooked, p.ID, orEmpty(rec.Actor), orEmpty(rec.Note))
			if !errors.Is(err, ErrNotFound) { // else somebody else was faster
				return taken, err
			}
			if have, err = t.transferByKey(rec.Provider, rec.Key); err != nil {
				return rec, err
			}
		}
		if err == nil {
			err = errCounted{have}
		}
		return rec, err
	})
}

// errCounted ends a transaction that has nothing to change: the transfer was counted before.
type errCounted struct{ transfer transferRecord }

func (errCounted) Error() string { return "checkout: the transfer was counted before" }

// book runs a transaction that takes a transfer and applies it to its payment.
func (c *Checkout) book(ctx context.Context, rec transferRecord, assigned bool, take func(tx) (transferRecord, error)) (TransferResult, error) {
	work, cancel := detached(ctx, commitTimeout)
	defer cancel()
	action := "transfer.record"
	if assigned {
		action = "transfer.assign"
	}
	var done settled
	var result TransferResult
	err := c.store.transact(work, func(t tx) error {
		taken, err := take(t)
		if err != nil {
			return err
		}
		c.reached("transfer.taken")
		if result, done, err = c.applyTransfer(work, t, taken, assigned); err == nil {
			err = c.audit(work, t, taken.change(action))
		}
		c.reached("transfer.written")
		return err
	})
	var counted errCounted
	if errors.As(err, &counted) {
		return c.countedBefore(ctx, counted.transfer, rec.ID)
	}
	if err != nil {
		return TransferResult{}, c.refused(ctx, err, orEmpty(rec.PaymentID), c.store.countRefusal)
	}
	c.reached("transfer.committed")
	c.afterSettle(ctx, result.PaymentID, done)
	return result, nil
}

// countedBefore describes a transfer that is in the books already. Ours is there after a commit whose answer was lost.
func (c *Checkout) countedBefore(ctx context.Context, have transferRecord, id string) (TransferResult, error) {
	result := TransferResult{
		ID: have.ID, Status: have.Status, Duplicate: have.ID != id, PaymentID: orEmpty(have.PaymentID), SessionID: orEmpty(have.SessionID),
		Currency: have.Currency, Surplus: have.Surplus,
	}
	if have.PaymentID == nil {
		return result, nil
	}
	p, err := c.store.paymentByID(ctx, *have.PaymentID)
	if err == nil && p.State == attemptOpen {
		result.Rest = p.due()
	}
	return result, err
}

// share divides money that came for an attempt: what counts towards it in all, and what has to go back.
func share(p paymentRecord, amount int64) (captured, surplus int64) {
	have := int64(0)
	switch p.State {
	case attemptOpen:
		have = p.Received
	case attemptFailed: // a late success overrules a failure
	default:
		return 0, amount
	}
	captured = min(have+amount, p.Amount)
	return captured, have + amount - captured
}

// applyTransfer books a transfer. Assigned tells that a person has decided about one that was set aside.
func (c *Checkout) applyTransfer(ctx context.Context, t tx, rec transferRecord, assigned bool) (TransferResult, settled, error) {
	result := TransferResult{ID: rec.ID, Status: TransferBooked, PaymentID: orEmpty(rec.PaymentID), SessionID: orEmpty(rec.SessionID), Currency: rec.Currency}
	s, err := t.lockSessionOf(result.PaymentID)
	if err != nil {
		return result, settled{}, err
	}
	p, err := t.payment(result.PaymentID)
	if err != nil {
		return result, settled{}, err
	}
	if p.Currency != rec.Currency {
		return result, settled{}, transferProblem("currency", "currency_mixed", "The payment is in "+p.Currency+", the transfer in "+rec.Currency+".")
	}
	captured, surplus := share(p, rec.Amount)
	result.Surplus = surplus
	if captured == 0 && !assigned {
		twin, err := t.hasTwin(rec)
		if err != nil || twin { // perhaps the same money was told twice, by hand and by a statement
			result.Status, result.Surplus = TransferSuggested, 0
			return result, settled{}, errors.Join(err, t.setAside(rec.ID))
		}
	}
	done, err := c.applyShare(ctx, t, s, p, captured)
	if err != nil {
		return result, done, err
	}
	if p.State == attemptOpen && s.Status == StatusPending {
		result.Rest = p.Amount - captured
	}
	if surplus > 0 {
		if done.verdict.alert == "" {
			done.verdict = verdict{payment: done.verdict.payment, alert: "more money came by transfer than was due"}
		}
		if err := c.oweRefund(t, p, surplus, p.Currency, originSurplus); err != nil {
			return result, done, err
		}
	}
	if done.verdict.payment == attemptRefundDue {
		result.Surplus += captured
	}
	if result.Surplus > 0 {
		err = t.setSurplus(rec.ID, result.Surplus)
	}
	return result, done, err
}

// applyShare counts money towards an attempt: a part of an open one is kept while its session waits for the rest,
// everything else is a success as any other.
func (c *Checkout) applyShare(ctx context.Context, t tx, s sessionRecord, p paymentRecord, captured int64) (settled, error) {
	switch {
	case captured == 0:
		return settled{}, nil
	case p.State == attemptOpen && captured < p.Amount && s.Status == StatusPending:
		return settled{}, t.setReceived(p.ID, captured)
	}
	return c.settleIn(ctx, t, fact{PaymentID: p.ID, Observation: Observation{
		State: StateSucceeded, ChargeID: p.ID, Captured: captured, Currency: p.Currency, Livemode: p.Mode == Live,
	}})
}
