package checkouttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
)

// Answer is how the company behind a provider takes the next request.
type Answer string

// The answers. Where a company never decides at once, the buyer decides at its page: see Subject.Approve.
const (
	AnswerSucceeds    Answer = "succeeds"    // the money moves
	AnswerDeclines    Answer = "declines"    // no, finally
	AnswerChallenges  Answer = "challenges"  // the buyer has to act first
	AnswerLost        Answer = "lost"        // the money moves, but the connection breaks before the answer
	AnswerHangs       Answer = "hangs"       // the request arrives, but no answer comes while the caller waits
	AnswerUnreachable Answer = "unreachable" // nothing arrives
)

// Subject is a provider under test, with a fake of the company behind it. Every subtest gets a new one. What is left
// out skips the subtests that need it, with a line that says so.
type Subject struct {
	// Provider is what is tested; Livemode is the mode its account is of.
	Provider checkout.Provider
	Livemode bool

	// Currency is one that the provider takes. Defaults to eur.
	Currency string

	// Prepare makes the company take the next charge in a way, and may fill in what the buyer types (r.Input). False
	// says that this company cannot. Required.
	Prepare func(a Answer, r *checkout.BeginRequest) bool

	// PrepareRefund does the same for the next refund.
	PrepareRefund func(a Answer) bool

	// Approve is the buyer's yes at the company's page.
	Approve func(ref checkout.ChargeRef)

	// Notification is a notification about a charge as the company would send it now, signed and with an id of its own.
	// The request's body need not be readable.
	Notification func(ref checkout.ChargeRef) (r *http.Request, body []byte)

	// Advance moves the clock that the provider looks at.
	Advance func(d time.Duration)

	// Calls is how many requests the company has got; Charges how many charges it has.
	Calls, Charges func() int

	// Booked is the amount of a charge in the company's own books, as a decimal number and a currency: 25.00 eur. It
	// catches conversions that are wrong both ways.
	Booked func(ref checkout.ChargeRef) string

	// Log is all that the provider has logged; Secrets are strings that must not be in it, beside what the suite knows.
	Log     func() string
	Secrets []string

	// Skip names subtests that this company makes impossible, with the reason: {"Notice/Stale": "it signs no time"}.
	Skip map[string]string
}

// TestProvider holds a provider to the contract of [checkout.Provider] and of the capabilities it has. newSubject is
// called once for each subtest.
func TestProvider(t *testing.T, newSubject func(t *testing.T) Subject) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			s := newTrial(t, newSubject(t))
			if why, ok := s.Skip[p.name]; ok {
				t.Skipf("left out: %s", why)
			}
			s.checkSkips()
			defer s.checkLog()
			p.keeps(s)
		})
	}
}

// promises are the subtests, by name.
var promises = []struct {
	name  string
	keeps func(*trial)
}{
	{"Name", nameIsStable},
	{"Methods", methodsArePure},
	{"Methods/OtherMode", methodsFitTheMode},
	{"Amount/eur", amountRoundTrip("eur", 2500, "25.00")},
	{"Amount/jpy", amountRoundTrip("jpy", 500, "500")},
	{"Amount/kwd", amountRoundTrip("kwd", 12340, "12.340")},
	{"Amount/isk", amountRoundTrip("isk", 1500, "1500")},
	{"Amount/huf", amountRoundTrip("huf", 150000, "1500.00")},
	{"Begin/Repeated", beginRepeated},
	{"Begin/Concurrent", beginConcurrent},
	{"Begin/Declined", beginDeclined},
	{"Begin/Unreachable", beginUnreachable},
	{"Begin/AnswerLost", beginAnswerLost},
	{"Begin/OtherMode", beginOtherMode},
	{"Observe/ByAttempt", observeByAttempt},
	{"Observe/Unknown", observeUnknown},
	{"Observe/ChargeIDs", chargeIDsDiffer},
	{"Observe/Deadline", deadlineStays},
	{"Context/Ended", contextEnded},
	{"Context/EndsWhileWaiting", contextEndsWhileWaiting},
	{"Notice/Authentic", noticeAuthentic},
	{"Notice/Forged", noticeForged},
	{"Notice/Stale", noticeStale},
	{"Notice/Duplicate", noticeDuplicate},
	{"Notice/OutOfOrder", noticeOutOfOrder},
	{"Refund/Repeated", refundRepeated},
	{"Refund/Concurrent", refundConcurrent},
	{"Refund/TooMuch", refundTooMuch},
	{"Refund/Unpaid", refundUnpaid},
	{"Refund/AnswerLost", refundAnswerLost},
	{"Refund/Unreachable", refundUnreachable},
	{"Cancel/Repeated", cancelRepeated},
	{"Cancel/AfterSuccess", cancelAfterSuccess},
	{"Complete/Repeated", completeRepeated},
	{"Settle/Evidence", settleEvidence},
	{"Instructions/Complete", instructionsComplete},
	{"Transfer/References", transferReferences},
	{"Embed/Addresses", embedAddresses},
	{"Ack/Answers", ackAnswers},
}

// trial is one subtest: a subject, and what must not be found in its log.
type trial struct {
	Subject
	t     *testing.T
	typed []string
	began time.Time
}

func newTrial(t *testing.T, s Subject) *trial {
	t.Helper()
	if s.Provider == nil || s.Prepare == nil {
		t.Fatal("checkouttest: a Subject needs Provider and Prepare")
	}
	if s.Currency == "" {
		s.Currency = "eur"
	}
	return &trial{Subject: s, t: t, began: time.Now()}
}

func (s *trial) checkSkips() {
	for name := range s.Skip {
		found := false
		for _, p := range promises {
			found = found || p.name == name
		}
		if !found {
			s.t.Errorf("Skip names %q, which is no subtest", name)
		}
	}
}

// needs skips what the subject says nothing about.
func (s *trial) needs(there bool, what string) {
	s.t.Helper()
	if !there {
		s.t.Skipf("left out: the subject has no %s", what)
	}
}

func (s *trial) checkLog() {
	if s.Log == nil {
		return
	}
	text := s.Log()
	for _, secret := range append(s.typed, s.Secrets...) {
		if secret != "" && strings.Contains(text, secret) {
			s.t.Errorf("the log holds what must stay secret: %.12s…", secret)
		}
	}
}

const (
	amount    = 2500            // minor units, of most charges
	patience  = 5 * time.Second // for a call whose context has ended
	buyerMail = "kim.tester@buyer.example"
)

func randomID(prefix string) string {
	var b [22]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}

// request is a charge that nobody has asked for yet. It skips the subtest when the company cannot answer like that.
func (s *trial) request(a Answer, amount int64, currency string) checkout.BeginRequest {
	s.t.Helper()
	r, ok := s.prepared(a, amount, currency)
	if !ok {
		s.t.Skipf("left out: the subject has no answer %q", a)
	}
	return r
}

// anyRequest is one that the company takes in whatever way it can.
func (s *trial) anyRequest() checkout.BeginRequest {
	s.t.Helper()
	if r, ok := s.prepared(AnswerSucceeds, amount, s.Currency); ok {
		return r
	}
	return s.request(AnswerChallenges, amount, s.Currency)
}

func (s *trial) prepared(a Answer, amount int64, currency string) (checkout.BeginRequest, bool) {
	s.t.Helper()
	session := randomID("cs_")
	page := "https://shop.example/checkout/" + session
	r := checkout.BeginRequest{
		AttemptID: randomID("pay_"), SessionID: session, Amount: amount, Currency: currency, Description: "Test Shop " + session,
		Method: s.method(amount, currency), Email: buyerMail, Locale: "en", ReturnURL: page + "/return", CancelURL: page,
		NotifyURL: "https://shop.example/api/checkout/v1/notify/" + url.PathEscape(s.Provider.Name()), ExpiresAt: time.Now().Add(time.Hour),
		Livemode: s.Livemode, Input: url.Values{},
	}
	if !s.Prepare(a, &r) {
		return r, false
	}
	s.typed = append(s.typed, buyerMail)
	for _, values := range r.Input {
		for _, v := range values {
			if len(v) > 6 {
				s.typed = append(s.typed, v)
			}
		}
	}
	return r, true
}

func (s *trial) method(amount int64, currency string) string {
	s.t.Helper()
	list, err := s.Provider.Methods(s.t.Context(), checkout.MethodQuery{Amount: amount, Currency: currency, Livemode: s.Livemode})
	if err != nil {
		s.t.Fatalf("Methods: %v", err)
	}
	if len(list) == 0 {
		s.t.Skipf("left out: the provider offers no method for %d %s", amount, currency)
	}
	return list[0].ID
}

func (s *trial) refOf(r checkout.BeginRequest, step checkout.Step) checkout.ChargeRef {
	ref := checkout.ChargeRef{
		AttemptID: r.AttemptID, Ref: step.Ref, Method: r.Method, Amount: r.Amount, Currency: r.Currency, Livemode: r.Livemode, BegunAt: s.began,
	}
	if ref.Ref == "" && step.Observation != nil {
		ref.Ref = step.Observation.Ref
	}
	return ref
}

// begin starts a charge that the company does not refuse.
func (s *trial) begin(r checkout.BeginRequest) checkout.ChargeRef {
	s.t.Helper()
	step, err := s.Provider.Begin(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("Begin: %v", err)
	}
	ref := s.refOf(r, step)
	if ref.Ref == "" {
		s.t.Error("Begin gives no Ref: a notification that names the charge by the company's id would find nothing")
	}
	if step.Observation != nil {
		s.check(ref, *step.Observation)
	}
	return ref
}

// paid is a charge whose money has moved, whatever that took.
func (s *trial) paid(amount int64, currency string) (checkout.ChargeRef, checkout.Observation) {
	s.t.Helper()
	r, ok := s.prepared(AnswerSucceeds, amount, currency)
	if settler, settles := s.Provider.(checkout.Settler); settles && !ok {
		return s.settled(settler, amount, currency)
	}
	if !ok {
		s.t.Skipf("left out: the subject has no answer %q", AnswerSucceeds)
	}
	ref := s.begin(r)
	o := s.observe(ref)
	if o.State == checkout.StateActionRequired && s.Approve != nil {
		s.Approve(ref)
		o = s.finish(ref)
	}
	if o.State != checkout.StateSucceeded {
		s.t.Fatalf("the charge is %q, want %q", o.State, checkout.StateSucceeded)
	}
	return ref, o
}

// settled is a charge whose money a person has confirmed.
func (s *trial) settled(settler checkout.Settler, amount int64, currency string) (checkout.ChargeRef, checkout.Observation) {
	s.t.Helper()
	ref := s.begin(s.request(AnswerChallenges, amount, currency))
	o, err := settler.Settle(s.t.Context(), ref, checkout.Evidence{Actor: "the accountant", Note: "statement 7, line 3", Amount: amount, Currency: currency})
	if err != nil {
		s.t.Fatalf("Settle: %v", err)
	}
	return ref, s.check(ref, o)
}

// finish hears what became of a charge the buyer has approved.
func (s *trial) finish(ref checkout.ChargeRef) checkout.Observation {
	s.t.Helper()
	completer, ok := s.Provider.(checkout.Completer)
	if !ok {
		return s.observe(ref)
	}
	o, err := completer.Complete(s.t.Context(), ref, url.Values{})
	if err != nil {
		s.t.Fatalf("Complete: %v", err)
	}
	return s.check(ref, o)
}

func (s *trial) observe(ref checkout.ChargeRef) checkout.Observation {
	s.t.Helper()
	o, err := s.Provider.Observe(s.t.Context(), ref)
	if err != nil {
		s.t.Fatalf("Observe: %v", err)
	}
	return s.check(ref, o)
}

// check holds an observation to what all of them must be.
func (s *trial) check(ref checkout.ChargeRef, o checkout.Observation) checkout.Observation {
	s.t.Helper()
	if o.AttemptID != "" && o.AttemptID != ref.AttemptID {
		s.t.Errorf("the observation is of attempt %s, want %s", o.AttemptID, ref.AttemptID)
	}
	if o.Livemode != s.Livemode {
		s.t.Errorf("Livemode is %v in an observation, want %v: the checkout would ignore it", o.Livemode, s.Livemode)
	}
	if o.State == checkout.StateUnknown {
		s.t.Error("the observation has no state")
	}
	if o.State != checkout.StateSucceeded {
		return o
	}
	if o.Captured != ref.Amount || o.Currency != ref.Currency {
		s.t.Errorf("%d %q were captured, want %d %q", o.Captured, o.Currency, ref.Amount, ref.Currency)
	}
	if o.ChargeID == "" {
		s.t.Error("the money has no ChargeID: it could pay two attempts")
	}
	return o
}

// wantCharges compares the company's number of charges, if the subject tells it.
func (s *trial) wantCharges(n int) {
	s.t.Helper()
	if s.Charges != nil && s.Charges() != n {
		s.t.Errorf("the company has %d charges, want %d", s.Charges(), n)
	}
}

// wantUnknown asks for an error that claims neither that nothing happened nor that all is over.
func (s *trial) wantUnknown(what string, err error) {
	s.t.Helper()
	switch {
	case err == nil:
		s.t.Errorf("%s gives no error", what)
	case errors.Is(err, checkout.ErrRejected), errors.Is(err, checkout.ErrUnavailable), errors.Is(err, checkout.ErrNoCharge):
		s.t.Errorf("%s gives %v, but nobody knows what happened: it must be an error of no kind", what, err)
	}
}

// soon runs a call that must not outlive its context.
func (s *trial) soon(what string, ctx context.Context, call func(context.Context) error) error {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		s.t.Fatalf("%s did not end within %v of its context", what, patience)
		return nil
	}
}
