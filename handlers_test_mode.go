package checkout

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// testOnly hides a route from live keys, as if it were not there.
func (c *Checkout) testOnly(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if apiKey(r.Context()).Mode != Test {
			return ErrRouteUnknown
		}
		return next(w, r)
	}
}

// testBody reads the optional JSON body of a test route.
func testBody(w http.ResponseWriter, r *http.Request, read func(*object)) error {
	body, err := readBody(w, r, maxBody)
	if err != nil || len(body) == 0 {
		return err
	}
	v, err := parseObject(body)
	if err != nil {
		return err
	}
	var p problems
	o := newObject(v, "", &p)
	read(o)
	o.rest()
	return p.err()
}

// postTestPay is POST /test/sessions/{id}/pay {card?}: the buyer's click without a browser. A challenge is approved.
func (c *Checkout) postTestPay(w http.ResponseWriter, r *http.Request) error {
	card := "4242424242424242"
	if err := testBody(w, r, func(o *object) { card = o.textOr("card", card) }); err != nil {
		return err
	}
	return c.testPay(w, r, card)
}

// postTestFail is POST /test/sessions/{id}/fail {decline_code?}: a refused attempt.
func (c *Checkout) postTestFail(w http.ResponseWriter, r *http.Request) error {
	code := ReasonDeclined
	if err := testBody(w, r, func(o *object) { code = o.textOr("decline_code", code) }); err != nil {
		return err
	}
	if code == failures[ReasonDeclined].DeclineCode {
		code = ReasonDeclined
	}
	for _, card := range testCards {
		if card.Scenario == code {
			if _, fails := failures[code]; fails {
				return c.testPay(w, r, card.Number)
			}
		}
	}
	return invalid([]FieldError{{Param: "decline_code", Code: "parameter_invalid_string", Message: "decline_code must be one of generic_decline, insufficient_funds, expired_card, incorrect_cvc, processing_error."}})
}

func (c *Checkout) testPay(w http.ResponseWriter, r *http.Request, card string) error {
	rec, err := c.ownSession(r)
	if err != nil {
		return err
	}
	scenario, known := scenarioOf(card)
	if !known {
		return invalid([]FieldError{{Param: "card", Code: "parameter_invalid_string", Message: "card must be one of the published test numbers."}})
	}
	if _, fails := failures[scenario]; fails && rec.Amount == 0 {
		return invalid([]FieldError{{Code: "amount_too_small", Message: "A session that costs nothing cannot be declined."}})
	}
	if rec, err = c.payInTest(r.Context(), rec, card); err != nil {
		return err
	}
	return c.writeSession(w, rec)
}

// payInTest goes the way of the page's form: an attempt, the sandbox, its challenge and its answer.
func (c *Checkout) payInTest(ctx context.Context, rec sessionRecord, card string) (sessionRecord, error) {
	if rec.Status != StatusPending || rec.ExpiresAt <= millis(c.now()) {
		return rec, ErrNotPending.saying("The session cannot be paid any more: it is %s.", rec.Status)
	}
	request := payRequest{SessionID: rec.ID, Provider: c.sandbox, Method: sandboxMethod, Email: "buyer@example.com", Attempts: rec.Attempts, Input: url.Values{"card_number": {card}}}
	if rec.Amount == 0 {
		if scenario, _ := scenarioOf(card); scenario != "pays" {
			return rec, ErrNotPending.saying("Nothing is due for this session, so no card is asked for.")
		}
		request.Provider, request.Method = nothingDue{}, noProvider
	}
	if err := c.pay(ctx, request); err != nil {
		return rec, err
	}
	last, err := c.store.lastPayment(ctx, rec.ID)
	if err == nil && last.Step == StateActionRequired {
		if err = c.sandbox.answer(ctx, last.ID, true); err == nil {
			err = c.observe(ctx, last)
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return rec, err
	}
	return c.store.session(ctx, rec.ID)
}

// postTestAdvance is POST /test/sessions/{id}/advance {seconds}: time passes for one session, and what is due then is
// done before the answer.
func (c *Checkout) postTestAdvance(w http.ResponseWriter, r *http.Request) error {
	var seconds int64
	err := testBody(w, r, func(o *object) {
		n := o.integer("seconds")
		if n == nil {
			return
		}
		if seconds = *n; seconds < 1 || seconds > int64(maxExpiresIn/time.Second) {
			o.p.add("seconds", "parameter_invalid_integer", "seconds must be 1 to %d.", maxExpiresIn/time.Second)
		}
	})
	if err != nil {
		return err
	}
	rec, err := c.ownSession(r)
	if err != nil {
		return err
	}
	if seconds == 0 {
		return invalid([]FieldError{{Param: "seconds", Code: "parameter_missing", Message: "seconds is required."}})
	}
	if err := c.advanceSession(r.Context(), rec.ID, time.Duration(seconds)*time.Second); err != nil {
		return err
	}
	if rec, err = c.store.session(r.Context(), rec.ID); err != nil {
		return err
	}
	return c.writeSession(w, rec)
}

// advanceSession moves what a session waits for into the past, and then does for it what the workers would.
func (c *Checkout) advanceSession(ctx context.Context, id string, d time.Duration) error {
	ctx, cancel := detached(ctx, callTimeout)
	defer cancel()
	if err := c.store.advanceSession(ctx, id, d); err != nil {
		return err
	}
	last, err := c.store.lastPayment(ctx, id)
	if err == nil && last.State == attemptOpen {
		err = c.reconcile(ctx, last)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	rec, err := c.store.session(ctx, id)
	if err != nil || rec.Status != StatusPending || rec.ExpiresAt > millis(c.now()) {
		return err
	}
	if _, err = c.expire(ctx, id, false); errors.Is(err, ErrNotPending) {
		return nil // its payment is under way and decides
	}
	return err
}
