package checkout

import (
	"context"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// account is a bank account: a provider whose money comes by transfer. Its references are REF and the attempt's last
// eight digits.
type account struct {
	canceling
	name   string
	method string
	bound  bool // buyers cannot change their minds
	test   bool // of test mode
	until  time.Time
}

func newAccount() *account {
	return &account{canceling: canceling{newScripted(outcome{state: StateActionRequired})}, name: "account", method: "wire"}
}

func (a *account) Name() string { return a.name }

func (a *account) Methods(_ context.Context, q MethodQuery) ([]Method, error) {
	if q.Livemode == a.test || q.Currency != "eur" {
		return nil, nil
	}
	return []Method{{ID: a.method, Label: "Wire", Mark: "bank"}}, nil
}

func (a *account) ref(attemptID string) string {
	return "REF" + strings.ToUpper(attemptID[len(attemptID)-8:])
}

func (a *account) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	step, err := a.scripted.Begin(ctx, r)
	step.Ref, step.Observation.Ref, step.Observation.Livemode = a.ref(r.AttemptID), a.ref(r.AttemptID), !a.test
	step.ExpiresAt = r.ExpiresAt.Add(7 * 24 * time.Hour)
	return step, err
}

func (a *account) Observe(ctx context.Context, ref ChargeRef) (Observation, error) {
	o, err := a.scripted.Observe(ctx, ref)
	o.Ref, o.Livemode, o.ExpiresAt = a.ref(ref.AttemptID), !a.test, ref.BegunAt.Add(7*24*time.Hour)
	return o, err
}

func (a *account) Cancel(ctx context.Context, ref ChargeRef) (Observation, error) {
	o, err := a.canceling.Cancel(ctx, ref)
	o.Ref, o.Livemode = a.ref(ref.AttemptID), !a.test
	return o, err
}

func (a *account) Instructions(q InstructionQuery) Instructions {
	return Instructions{
		Text:   []string{"Transfer it, " + q.Locale + "."},
		Fields: []InstructionField{{Key: "iban", Value: "DE89 3704", Copy: "DE893704"}, {Label: "Own <line>", Value: a.ref(q.Charge.AttemptID)}},
		QR:     "due " + string(rune('0'+q.Due%10)), Bound: a.bound, Until: a.until,
	}
}

func (a *account) References(text string) (list []string) {
	text = strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	for i := range text {
		if rest := text[i:]; strings.HasPrefix(rest, "REF") && len(rest) >= 11 && len(list) < 20 {
			list = append(list, rest[:11])
		}
	}
	return list
}

// eachAccountShop runs a body with a shop that is paid by transfer.
func eachAccountShop(t *testing.T, body func(t *testing.T, s *shop, a *account), configure ...func(*Config)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		a := newAccount()
		body(t, newLiveShop(t, db, a, configure...), a)
	})
}

// awaited is a session whose buyer has chosen to transfer €25.00, and the reference of that.
func (s *shop) awaited(a *account) (id, ref string) {
	s.t.Helper()
	id = s.create(seedBody)
	s.payWire(id)
	attempts := s.attempts(id)
	return id, a.ref(attempts[len(attempts)-1].ID)
}

// transfer records money and holds the result to what is wanted.
func (s *shop) transfer(key, ref string, amount int64, want TransferResult) TransferResult {
	s.t.Helper()
	got, err := s.co.RecordTransfer(s.t.Context(), ref, amount, Transfer{Key: key, Actor: "ada"})
	if err != nil {
		s.t.Fatalf("RecordTransfer: %v", err)
	}
	if got.Status != want.Status || got.Rest != want.Rest || got.Surplus != want.Surplus || got.Duplicate != want.Duplicate || got.SessionID != want.SessionID {
		s.t.Fatalf("RecordTransfer gives %+v, want %+v", got, want)
	}
	return got
}
