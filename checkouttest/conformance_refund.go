package checkouttest

import (
	"errors"
	"sync"

	"github.com/jopay/checkout"
)

func refundOf(ref checkout.ChargeRef, key string, amount int64) checkout.RefundRequest {
	return checkout.RefundRequest{Charge: ref, Key: key, Amount: amount, Currency: ref.Currency, Reason: "a bag was torn"}
}

// refundable is a paid charge and who pays it back.
func (s *trial) refundable() (checkout.Refunder, checkout.ChargeRef) {
	s.t.Helper()
	refunder := s.refunder()
	ref, _ := s.paid(amount, s.Currency)
	return refunder, ref
}

func (s *trial) refunder() checkout.Refunder {
	s.t.Helper()
	refunder, ok := s.Provider.(checkout.Refunder)
	if !ok {
		s.t.Skip("left out: the provider is no Refunder")
	}
	return refunder
}

func (s *trial) refund(p checkout.Refunder, r checkout.RefundRequest) checkout.RefundObservation {
	s.t.Helper()
	o, err := p.Refund(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("Refund of %d: %v", r.Amount, err)
	}
	s.checkRefund(r, o)
	return o
}

func (s *trial) checkRefund(r checkout.RefundRequest, o checkout.RefundObservation) {
	s.t.Helper()
	if o.State != checkout.StateSucceeded && o.State != checkout.StateProcessing {
		s.t.Errorf("the refund is %q, want %q or %q", o.State, checkout.StateSucceeded, checkout.StateProcessing)
	}
	if o.Amount != r.Amount || o.Currency != r.Currency || o.Ref == "" || (o.Key != "" && o.Key != r.Key) {
		s.t.Errorf("the refund is %+v, want %d %s with a Ref under the key %s", o, r.Amount, r.Currency, r.Key)
	}
}

func (s *trial) wantTooMuch(p checkout.Refunder, ref checkout.ChargeRef, amount int64) {
	s.t.Helper()
	if o, err := p.Refund(s.t.Context(), refundOf(ref, randomID("re_"), amount)); !errors.Is(err, checkout.ErrRejected) {
		s.t.Errorf("a refund of %d, more than is left, gives %+v, %v, want ErrRejected", amount, o, err)
	}
}

// refundRepeated pays back in two parts, each twice: had one counted twice, the other would not fit.
func refundRepeated(s *trial) {
	p, ref := s.refundable()
	for _, part := range []int64{1000, 1500} {
		r := refundOf(ref, randomID("re_"), part)
		first := s.refund(p, r)
		if again := s.refund(p, r); again.Ref != first.Ref {
			s.t.Errorf("Refund makes %s and then %s under one key", first.Ref, again.Ref)
		}
	}
	s.wantTooMuch(p, ref, 1)
	o := s.observe(ref)
	if len(o.Refunds) > 2 {
		s.t.Errorf("the charge has %d refunds, want 2", len(o.Refunds))
	}
}

// refundConcurrent races one refund against itself, and then refunds that do not fit together.
func refundConcurrent(s *trial) {
	p, ref := s.refundable()
	r := refundOf(ref, randomID("re_"), 1000)
	var mu sync.Mutex
	refs := map[string]bool{}
	s.together(func() {
		o, err := p.Refund(s.t.Context(), r)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			s.wantUnknown("a concurrent Refund", err)
			return
		}
		refs[o.Ref] = true
	})
	if len(refs) != 1 {
		s.t.Errorf("concurrent calls with one key gave the refunds %v, want one", refs)
	}
	paid := 0
	s.together(func() {
		_, err := p.Refund(s.t.Context(), refundOf(ref, randomID("re_"), 1500))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			paid++
		}
	})
	if paid != 1 {
		s.t.Errorf("of the refunds that fit only once %d were paid", paid)
	}
}

func refundTooMuch(s *trial) {
	p, ref := s.refundable()
	s.wantTooMuch(p, ref, amount+1)
	s.refund(p, refundOf(ref, randomID("re_"), 2000))
	s.wantTooMuch(p, ref, 501)
	s.refund(p, refundOf(ref, randomID("re_"), 500))
}

func refundUnpaid(s *trial) {
	p := s.refunder()
	ref := s.begin(s.request(AnswerChallenges, amount, s.Currency))
	s.wantTooMuch(p, ref, amount)
}

func refundAnswerLost(s *trial) {
	p, ref := s.refundable()
	s.needs(s.PrepareRefund != nil && s.PrepareRefund(AnswerLost), "refund whose answer gets lost")
	r := refundOf(ref, randomID("re_"), 2000)
	_, err := p.Refund(s.t.Context(), r)
	s.wantUnknown("Refund without an answer", err)
	s.refund(p, r)
	s.wantTooMuch(p, ref, 501)
	s.refund(p, refundOf(ref, randomID("re_"), 500))
}

func refundUnreachable(s *trial) {
	p, ref := s.refundable()
	s.needs(s.PrepareRefund != nil && s.PrepareRefund(AnswerUnreachable), "refund that does not arrive")
	r := refundOf(ref, randomID("re_"), amount)
	if _, err := p.Refund(s.t.Context(), r); !errors.Is(err, checkout.ErrUnavailable) {
		s.t.Errorf("Refund gives %v, want ErrUnavailable", err)
	}
	s.refund(p, r)
}
