package checkout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sandbox is the provider behind test keys. It behaves like a company of its own: it keeps its own books, takes the
// attempt's id as idempotency key, has a challenge page, signs notifications and answers when it is asked. No live
// session can reach it.
type sandbox struct{ c *Checkout }

const (
	sandboxName   = "sandbox"
	sandboxMethod = "test_card"
	sandboxSlow   = 3 * time.Second  // the slow number keeps the buyer waiting so long
	sandboxLater  = 15 * time.Second // the number that pays later is paid after so long
)

// testCard is one of the numbers the sandbox knows. Everything else is refused, never stored and never logged.
type testCard struct {
	Number   string
	Scenario string
}

// testCards are public test numbers; the last four are the sandbox's own.
var testCards = []testCard{
	{"4242424242424242", "pays"},
	{"4000000000000002", "declined"},
	{"4000000000009995", "insufficient_funds"},
	{"4000000000000069", "expired_card"},
	{"4000000000000127", "incorrect_cvc"},
	{"4000000000000119", "processing_error"},
	{"4000002500003155", "challenge"},
	{"4000000000003220", "challenge"},
	{"4000000000012213", "challenge_declined"},
	{"4000000000012221", "slow"},
	{"4000000000012239", "pays_later"},
	{"4000000000012247", "network_error"},
}

func scenarioOf(number string) (string, bool) {
	number = strings.NewReplacer(" ", "", "-", "").Replace(number)
	for _, card := range testCards {
		if card.Number == number {
			return card.Scenario, true
		}
	}
	return "", false
}

func (s *sandbox) Name() string { return sandboxName }

func (s *sandbox) Methods(_ context.Context, q MethodQuery) ([]Method, error) {
	if q.Livemode {
		return nil, nil
	}
	return []Method{{ID: sandboxMethod, Label: "Test card", Mark: "card"}}, nil
}

// checkInput looks at the form before an attempt exists. A number it does not know may be a real card: the problem does
// not repeat it. Date and security code may be any that a card could have.
func (s *sandbox) checkInput(form url.Values) []pageProblem {
	var list []pageProblem
	for _, f := range []struct{ field, key string }{
		{"card_number", cardProblem(form.Get("card_number"))},
		{"card_exp", expiryProblem(form.Get("card_exp"), s.c.now())},
		{"card_cvc", cvcProblem(form.Get("card_cvc"))},
	} {
		if f.key != "" {
			list = append(list, pageProblem{Field: f.field, Key: f.key})
		}
	}
	return list
}

func cardProblem(number string) string {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(number)
	switch _, known := scenarioOf(digits); {
	case digits == "":
		return "card_number_missing"
	case known:
		return ""
	case len(digits) >= 13 && len(digits) <= 19 && luhn(digits):
		return "card_number_real"
	default:
		return "card_number_invalid"
	}
}

// luhn checks the sum that every real card number has (ISO/IEC 7812-1 annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			d = d*2 - 9*(d/5)
		}
		sum += d
	}
	return sum%10 == 0
}

func expiryProblem(exp string, now time.Time) string {
	exp = strings.ReplaceAll(exp, " ", "")
	if exp == "" {
		return "card_exp_missing"
	}
	for _, layout := range []string{"01/06", "0106", "01/2006", "1/06"} {
		if month, err := time.Parse(layout, exp); err == nil && month.AddDate(0, 1, 0).After(now) {
			return ""
		}
	}
	return "card_exp_invalid"
}

func cvcProblem(cvc string) string {
	switch cvc = strings.TrimSpace(cvc); {
	case cvc == "":
		return "card_cvc_missing"
	case (len(cvc) != 3 && len(cvc) != 4) || strings.Trim(cvc, "0123456789") != "":
		return "card_cvc_invalid"
	}
	return ""
}

func (s *sandbox) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	scenario, ok := scenarioOf(r.Input.Get("card_number"))
	if !ok || r.Livemode {
		return Step{}, ErrRejected
	}
	charge := s.newCharge(r, scenario)
	charge, err := s.c.store.insertCharge(ctx, charge)
	if err != nil {
		return Step{}, err
	}
	switch scenario {
	case "slow":
		if !pause(ctx, sandboxSlow) {
			return Step{}, ctx.Err()
		}
	case "network_error":
		return Step{}, errors.New("the sandbox cut the connection after the charge, as networks do")
	}
	o := s.observation(charge)
	step := Step{Ref: charge.ID, Observation: &o}
	if charge.State == StateActionRequired {
		step.RedirectURL = s.c.base + s.c.cfg.PagePath + "/" + testBankPath + "?payment=" + url.QueryEscape(r.AttemptID)
	}
	return step, nil
}

func (s *sandbox) newCharge(r BeginRequest, scenario string) sandboxCharge {
	now := s.c.now()
	charge := sandboxCharge{
		ID: newID(prefixCharge, now), PaymentID: r.AttemptID, SessionID: r.SessionID, Amount: r.Amount, Currency: r.Currency,
		Scenario: scenario, State: StateFailed, Reason: scenario, CreatedAt: millis(now),
	}
	switch scenario {
	case "pays", "slow", "network_error":
		charge.State, charge.Reason = StateSucceeded, ""
	case "challenge", "challenge_declined":
		charge.State, charge.Reason = StateActionRequired, ""
	case "pays_later":
		charge.State, charge.Reason, charge.ReadyAt = StateProcessing, "", millis(now.Add(sandboxLater))
	}
	return charge
}

func (s *sandbox) observation(charge sandboxCharge) Observation {
	o := Observation{AttemptID: charge.PaymentID, Ref: charge.ID, State: charge.State, Currency: charge.Currency, Reason: Reason{Code: charge.Reason}}
	if charge.State == StateSucceeded {
		o.Captured, o.ChargeID = charge.Amount, charge.ID
	}
	return o
}

func (s *sandbox) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	charge, err := s.ripe(ctx, ref.AttemptID)
	return s.observation(charge), err
}

// ripe reads a charge as it is now: money that was on its way may have come meanwhile, whoever asks first.
func (s *sandbox) ripe(ctx context.Context, paymentID string) (sandboxCharge, error) {
	charge, err := s.c.store.charge(ctx, paymentID)
	if err != nil || charge.State != StateProcessing || charge.ReadyAt > millis(s.c.now()) {
		return charge, err
	}
	if _, err := s.c.store.moveCharge(ctx, charge, StateSucceeded, ""); err != nil {
		return charge, err
	}
	return s.c.store.charge(ctx, paymentID)
}

// Cancel takes back what is not paid yet. A charge whose time to be paid has come is paid, whether anybody looked or not.
func (s *sandbox) Cancel(ctx context.Context, ref ChargeRef) (Observation, error) {
	charge, err := s.ripe(ctx, ref.AttemptID)
	switch {
	case err != nil:
		return Observation{}, err
	case charge.State == StateActionRequired, charge.State == StateProcessing:
		return s.move(ctx, charge, StateCanceled, ReasonCanceledByCustomer)
	}
	return s.observation(charge), nil
}

// Refund pays back at once, a charge's amount at most.
func (s *sandbox) Refund(ctx context.Context, r RefundRequest) (RefundObservation, error) {
	charge, err := s.c.store.charge(ctx, r.Charge.AttemptID)
	if err != nil {
		return RefundObservation{}, err
	}
	if charge.State != StateSucceeded {
		return RefundObservation{}, ErrRejected
	}
	id, paid, err := s.c.store.insertSandboxRefund(ctx, charge, r.Key, newID(prefixRefund, s.c.now()), r.Amount, millis(s.c.now()))
	if err != nil {
		return RefundObservation{}, err
	}
	if !paid {
		return RefundObservation{}, ErrRejected
	}
	return RefundObservation{Key: r.Key, Ref: id, State: StateSucceeded, Amount: r.Amount, Currency: charge.Currency}, nil
}

// answer is the buyer's word on the challenge page.
func (s *sandbox) answer(ctx context.Context, paymentID string, approve bool) error {
	charge, err := s.c.store.charge(ctx, paymentID)
	if err != nil {
		return err
	}
	if charge.State != StateActionRequired {
		return nil
	}
	to, reason := StateSucceeded, ""
	switch {
	case !approve:
		to, reason = StateFailed, ReasonAuthenticationFailed
	case charge.Scenario == "challenge_declined":
		to, reason = StateFailed, ReasonDeclined
	}
	o, err := s.move(ctx, charge, to, reason)
	if err == nil {
		s.notify(ctx, o)
	}
	return err
}

// move changes a charge once and gives what it is afterwards, whoever changed it.
func (s *sandbox) move(ctx context.Context, charge sandboxCharge, to State, reason string) (Observation, error) {
	if _, err := s.c.store.moveCharge(ctx, charge, to, reason); err != nil {
		return Observation{}, err
	}
	charge, err := s.c.store.charge(ctx, charge.PaymentID)
	return s.observation(charge), err
}

// notification is the body of the sandbox's own webhooks to us. Like the best of its kind it carries no state: who gets
// it has to ask.
type notification struct {
	ID        string `json:"id"`
	AttemptID string `json:"attempt_id"`
	SentAt    int64  `json:"sent_at"`
}

const (
	sandboxHeader    = "Sandbox-Signature"
	sandboxTolerance = 300 * time.Second
)

// notify sends a notification through the same door as a company's. It may get lost; reconcile finds out anyway.
func (s *sandbox) notify(ctx context.Context, o Observation) {
	body, err := json.Marshal(notification{ID: o.Ref + ":" + string(o.State), AttemptID: o.AttemptID, SentAt: s.c.now().Unix()})
	if err != nil {
		return
	}
	signature, err := s.sign(ctx, body)
	if err != nil {
		s.c.cfg.Logger.WarnContext(ctx, "checkout: the sandbox could not sign its notification", "error", err)
		return
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.c.base+s.c.cfg.APIPath+"/notify/"+sandboxName, nil)
	if err != nil {
		return
	}
	r.Header.Set(sandboxHeader, signature)
	if err := s.c.takeNotice(r, s, body); err != nil {
		s.c.cfg.Logger.WarnContext(ctx, "checkout: a sandbox notification was not taken", "error", err)
	}
}

func (s *sandbox) sign(ctx context.Context, body []byte) (string, error) {
	key, err := s.c.secretKey(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("sandbox notification\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func (s *sandbox) Notice(r *http.Request, body []byte) ([]Observation, error) {
	want, err := s.sign(r.Context(), body)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(want), []byte(r.Header.Get(sandboxHeader))) {
		return nil, ErrNotAuthentic
	}
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAuthentic, err)
	}
	if age := s.c.now().Sub(time.Unix(n.SentAt, 0)); age > sandboxTolerance || age < -sandboxTolerance {
		return nil, ErrNotAuthentic
	}
	return []Observation{{AttemptID: n.AttemptID, EventKey: n.ID}}, nil
}

const noProvider = "none"

// nothingDue is the provider of orders that cost nothing: the buyer confirms and that is all.
type nothingDue struct{}

func (nothingDue) Name() string { return noProvider }

func (nothingDue) Methods(context.Context, MethodQuery) ([]Method, error) { return nil, nil }

func (nothingDue) Begin(_ context.Context, r BeginRequest) (Step, error) {
	o := nothingDue{}.paid(r.Currency, r.Livemode)
	return Step{Observation: &o}, nil
}

func (nothingDue) Observe(_ context.Context, ref ChargeRef) (Observation, error) {
	return nothingDue{}.paid(ref.Currency, ref.Livemode), nil
}

func (nothingDue) Notice(*http.Request, []byte) ([]Observation, error) { return nil, ErrNotAuthentic }

func (nothingDue) paid(currency string, live bool) Observation {
	return Observation{State: StateSucceeded, Currency: currency, Livemode: live}
}
