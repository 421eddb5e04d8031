package checkout

import (
	"context"
	"errors"
	"net/http"
)

// instructor is the provider of an attempt whose buyer pays elsewhere.
func (c *Checkout) instructor(p paymentRecord) (Instructor, bool) {
	provider, err := c.provider(p)
	if err != nil {
		return nil, false
	}
	i, ok := provider.(Instructor)
	return i, ok
}

// instructions are what the buyer of an open attempt has to do, and what is still due of it.
func (c *Checkout) instructions(p paymentRecord, lang string) (in Instructions, due int64) {
	due = p.Amount - p.Received
	if i, ok := c.instructor(p); ok {
		in = i.Instructions(InstructionQuery{Charge: chargeRef(p), Due: due, Locale: lang})
	}
	return in, due
}

// mayAbandon tells whether the buyer can still choose another way. After a part of a transfer has come the rest follows it:
// a person would have to send the part back.
func (c *Checkout) mayAbandon(s situation, state string) bool {
	if (state != "requires_action" && state != "instructions") || s.last.Received > 0 {
		return false
	}
	provider, err := c.provider(*s.last)
	if err != nil {
		return false
	}
	_, cancels := provider.(Canceler)
	if !cancels || state == "requires_action" {
		return cancels
	}
	in, _ := c.instructions(*s.last, fallbackLang)
	return !in.Bound
}

// abandon takes an unfinished payment back at the provider, so that the buyer can choose another way.
func (c *Checkout) abandon(w http.ResponseWriter, r *http.Request, s situation) error {
	if err := c.takeBack(r.Context(), *s.last, ReasonCanceledByCustomer); err != nil {
		return ErrProviderUnavailable.because(err)
	}
	return c.goOn(w, r, s)
}

// redirectInstead is for a buyer whose browser does not show the provider's fields: the attempt is taken back, and the
// next one leads to the provider's own page.
func (c *Checkout) redirectInstead(w http.ResponseWriter, r *http.Request, s situation) error {
	if err := c.takeBack(r.Context(), *s.last, ReasonCanceledByCustomer); err != nil {
		return ErrProviderUnavailable.because(err)
	}
	now, err := c.situation(r.Context(), s.rec.ID)
	if err != nil {
		return err
	}
	provider, err := c.provider(*s.last)
	if err != nil || now.state(c.now()) != "open" || !c.limits.declines.Peek(c.clients.of(r)) {
		return c.goOn(w, r, s)
	}
	_, locale := c.lang(r, s.rec)
	err = c.pay(r.Context(), payRequest{
		SessionID: s.rec.ID, Provider: provider, Method: s.last.Method, Attempts: s.rec.Attempts, Locale: locale,
	})
	if err != nil && !isRefusal(err) {
		return err
	}
	return c.goOn(w, r, s)
}

// isRefusal tells a no of the host's hook: the payment is in the books of its provider and will be tried again here.
func isRefusal(err error) bool {
	var refusal *hookRefusal
	return errors.As(err, &refusal)
}

// getReturn is GET and POST /checkout/{id}/return: the buyer comes back from a provider. Nothing in the request is
// believed; the provider is asked.
func (c *Checkout) getReturn(w http.ResponseWriter, r *http.Request) error {
	s, err := c.sessionOfPage(r)
	if err != nil {
		return err
	}
	c.sessionPolicy(w.Header(), s.rec, Embed{})
	if s.last != nil && s.last.State == attemptOpen {
		if err := c.finish(w, r, *s.last); err != nil {
			c.cfg.Logger.WarnContext(r.Context(), "checkout: a returning buyer's payment is not known yet", "request", requestID(r.Context()), "error", err)
		}
	}
	return c.goOn(w, r, s)
}

// finish asks about the payment of a returning buyer, or says the last word that some providers wait for.
func (c *Checkout) finish(w http.ResponseWriter, r *http.Request, p paymentRecord) error {
	provider, err := c.provider(p)
	if err != nil {
		return err
	}
	completer, ok := provider.(Completer)
	if !ok {
		return c.observe(r.Context(), p)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return err
	}
	return c.ask(r.Context(), p, func(ctx context.Context, ref ChargeRef) (Observation, error) {
		return completer.Complete(ctx, ref, r.Form)
	})
}
