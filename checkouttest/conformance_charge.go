package checkouttest

import (
	"context"
	"errors"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jopay/checkout"
)

var (
	providerNameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	methodIDRule     = regexp.MustCompile(`^[a-z0-9_-]+$`)
)

func nameIsStable(s *trial) {
	name := s.Provider.Name()
	if !providerNameRule.MatchString(name) {
		s.t.Errorf("Name is %q, want 1 to 32 of a-z, 0-9, _ and -", name)
	}
	if again := s.Provider.Name(); again != name {
		s.t.Errorf("Name is %q and then %q", name, again)
	}
}

func methodsArePure(s *trial) {
	calls := 0
	if s.Calls != nil {
		calls = s.Calls()
	}
	q := checkout.MethodQuery{Amount: amount, Currency: s.Currency, Livemode: s.Livemode}
	first, err := s.Provider.Methods(s.t.Context(), q)
	if err != nil || len(first) == 0 {
		s.t.Fatalf("Methods gives %v, %v for %s", first, err, s.Currency)
	}
	seen := map[string]bool{}
	for _, m := range first {
		if !methodIDRule.MatchString(m.ID) || m.Label == "" || seen[m.ID] {
			s.t.Errorf("method %+v needs an id of its own of a-z, 0-9, _ and -, and a label", m)
		}
		seen[m.ID] = true
	}
	if again, err := s.Provider.Methods(s.t.Context(), q); err != nil || !reflect.DeepEqual(first, again) {
		s.t.Errorf("Methods gives %v and then %v, %v", first, again, err)
	}
	if s.Calls != nil && s.Calls() != calls {
		s.t.Error("Methods calls the network")
	}
}

func methodsFitTheMode(s *trial) {
	list, err := s.Provider.Methods(s.t.Context(), checkout.MethodQuery{Amount: amount, Currency: s.Currency, Livemode: !s.Livemode})
	if err != nil || len(list) != 0 {
		s.t.Errorf("Methods offers %v, %v in the mode it is not set up for", list, err)
	}
}

// amountRoundTrip charges so many minor units and reads them back, and in the company's books as a decimal number.
func amountRoundTrip(currency string, minor int64, decimal string) func(*trial) {
	return func(s *trial) {
		ref, _ := s.paid(minor, currency)
		if s.Booked == nil {
			s.t.Log("the company's own books were not looked at: the subject has no Booked")
			return
		}
		number, unit, _ := strings.Cut(s.Booked(ref), " ")
		got, ok := new(big.Rat).SetString(number)
		want, _ := new(big.Rat).SetString(decimal)
		if !ok || got.Cmp(want) != 0 || !strings.EqualFold(unit, currency) {
			s.t.Errorf("the company has booked %s, want %s %s", s.Booked(ref), decimal, currency)
		}
	}
}

func beginRepeated(s *trial) {
	r := s.anyRequest()
	first := s.begin(r)
	if again := s.begin(r); again.Ref != first.Ref {
		s.t.Errorf("Begin makes charge %s and then %s for one attempt", first.Ref, again.Ref)
	}
	s.wantCharges(1)
}

// beginConcurrent lets a company refuse the twin of a request that is under way, in a way that leaves everything open.
func beginConcurrent(s *trial) {
	r := s.anyRequest()
	var mu sync.Mutex
	refs := map[string]bool{}
	s.together(func() {
		step, err := s.Provider.Begin(s.t.Context(), r)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			s.wantUnknown("a concurrent Begin", err)
			return
		}
		refs[s.refOf(r, step).Ref] = true
	})
	if len(refs) != 1 {
		s.t.Errorf("concurrent calls gave the charges %v, want one", refs)
	}
	s.wantCharges(1)
}

const crowd = 8

// together makes a call from many goroutines at once.
func (s *trial) together(call func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range crowd {
		wg.Go(func() {
			<-start
			call()
		})
	}
	close(start)
	wg.Wait()
}

func beginDeclined(s *trial) {
	r := s.request(AnswerDeclines, amount, s.Currency)
	step, err := s.Provider.Begin(s.t.Context(), r)
	if errors.Is(err, checkout.ErrRejected) {
		return
	}
	if err != nil {
		s.t.Fatalf("Begin gives %v, want ErrRejected or a charge", err)
	}
	ref := s.refOf(r, step)
	o := s.observe(ref)
	if o.State == checkout.StateActionRequired && s.Approve != nil {
		s.Approve(ref)
		o = s.finish(ref)
	}
	declined := o.State == checkout.StateFailed || (o.State == checkout.StateActionRequired && o.TryID != "")
	if !declined || o.Reason.Code == "" || o.Captured != 0 {
		s.t.Errorf("a declined charge is %q for %q with %d captured", o.State, o.Reason.Code, o.Captured)
	}
}

func beginUnreachable(s *trial) {
	r := s.request(AnswerUnreachable, amount, s.Currency)
	if _, err := s.Provider.Begin(s.t.Context(), r); !errors.Is(err, checkout.ErrUnavailable) {
		s.t.Errorf("Begin gives %v, want ErrUnavailable", err)
	}
	s.wantCharges(0)
}

func beginAnswerLost(s *trial) {
	r := s.request(AnswerLost, amount, s.Currency)
	_, err := s.Provider.Begin(s.t.Context(), r)
	s.wantUnknown("Begin without an answer", err)
	ref := s.refOf(r, checkout.Step{})
	if o := s.observe(ref); o.Ref == "" {
		s.t.Error("Observe finds the charge but gives no Ref")
	}
	s.wantCharges(1)
}

func beginOtherMode(s *trial) {
	r := s.anyRequest()
	r.Livemode = !r.Livemode
	if _, err := s.Provider.Begin(s.t.Context(), r); !errors.Is(err, checkout.ErrRejected) {
		s.t.Errorf("Begin of the other mode gives %v, want ErrRejected", err)
	}
	s.wantCharges(0)
}

func observeByAttempt(s *trial) {
	ref, paid := s.paid(amount, s.Currency)
	ref.Ref = ""
	if o := s.observe(ref); o.Ref != paid.Ref || o.ChargeID != paid.ChargeID || o.State != paid.State {
		s.t.Errorf("without Ref the charge is %s %s %q, want %s %s %q", o.Ref, o.ChargeID, o.State, paid.Ref, paid.ChargeID, paid.State)
	}
}

func observeUnknown(s *trial) {
	ref := checkout.ChargeRef{AttemptID: randomID("pay_"), Amount: amount, Currency: s.Currency, Livemode: s.Livemode, BegunAt: s.began}
	if o, err := s.Provider.Observe(s.t.Context(), ref); !errors.Is(err, checkout.ErrNoCharge) {
		s.t.Errorf("Observe of a charge that does not exist gives %q, %v, want ErrNoCharge", o.State, err)
	}
	if c, ok := s.Provider.(checkout.Canceler); ok {
		if o, err := c.Cancel(s.t.Context(), ref); !errors.Is(err, checkout.ErrNoCharge) {
			s.t.Errorf("Cancel of a charge that does not exist gives %q, %v, want ErrNoCharge", o.State, err)
		}
	}
	if r, ok := s.Provider.(checkout.Refunder); ok {
		_, err := r.Refund(s.t.Context(), refundOf(ref, randomID("re_"), 1))
		if !errors.Is(err, checkout.ErrNoCharge) && !errors.Is(err, checkout.ErrRejected) {
			s.t.Errorf("Refund of a charge that does not exist gives %v, want ErrNoCharge or ErrRejected", err)
		}
	}
}

func chargeIDsDiffer(s *trial) {
	_, one := s.paid(amount, s.Currency)
	_, two := s.paid(amount, s.Currency)
	if one.ChargeID == two.ChargeID || one.Ref == two.Ref {
		s.t.Errorf("two charges are %s %s and %s %s", one.Ref, one.ChargeID, two.Ref, two.ChargeID)
	}
}

// deadlineStays asks an hour later, as after a lost answer to Begin: the buyer has the time that Begin gave, no less and no
// more.
func deadlineStays(s *trial) {
	r := s.request(AnswerChallenges, amount, s.Currency)
	step, err := s.Provider.Begin(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("Begin: %v", err)
	}
	if step.ExpiresAt.IsZero() {
		s.t.Skip("left out: the provider gives the buyer no time of its own")
	}
	if s.Advance != nil {
		s.Advance(time.Hour)
	}
	ref := s.refOf(r, step)
	for _, id := range []string{ref.Ref, ""} {
		ref.Ref = id
		o := s.observe(ref)
		open := o.State == checkout.StateActionRequired || o.State == checkout.StateProcessing
		if off := o.ExpiresAt.Sub(step.ExpiresAt).Abs(); open && off > time.Minute {
			s.t.Errorf("the buyer has until %v, after the answer to Begin until %v", o.ExpiresAt, step.ExpiresAt)
		}
	}
}

// contextEnded makes every call with a context that is over. An end tells nothing about the charge.
func contextEnded(s *trial) {
	r, ref := s.anyRequest(), s.begin(s.anyRequest())
	calls := map[string]func(context.Context) error{
		"Begin":   func(ctx context.Context) error { _, err := s.Provider.Begin(ctx, r); return err },
		"Observe": func(ctx context.Context) error { _, err := s.Provider.Observe(ctx, ref); return err },
	}
	if c, ok := s.Provider.(checkout.Canceler); ok {
		calls["Cancel"] = func(ctx context.Context) error { _, err := c.Cancel(ctx, ref); return err }
	}
	if c, ok := s.Provider.(checkout.Refunder); ok {
		calls["Refund"] = func(ctx context.Context) error {
			_, err := c.Refund(ctx, refundOf(ref, randomID("re_"), 1))
			return err
		}
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	for name, call := range calls {
		err := s.soon(name, ctx, call)
		if err == nil || errors.Is(err, checkout.ErrRejected) || errors.Is(err, checkout.ErrNoCharge) {
			s.t.Errorf("%s in a context that has ended gives %v", name, err)
		}
	}
}

func contextEndsWhileWaiting(s *trial) {
	r := s.request(AnswerHangs, amount, s.Currency)
	ctx, cancel := context.WithTimeout(s.t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.soon("Begin", ctx, func(ctx context.Context) error {
		_, err := s.Provider.Begin(ctx, r)
		return err
	})
	s.wantUnknown("Begin that was cut off", err)
}
