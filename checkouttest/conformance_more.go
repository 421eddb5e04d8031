package checkouttest

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"

	"github.com/jopay/checkout"
)

func (s *trial) canceler() checkout.Canceler {
	s.t.Helper()
	c, ok := s.Provider.(checkout.Canceler)
	if !ok {
		s.t.Skip("left out: the provider is no Canceler")
	}
	return c
}

func (s *trial) cancel(c checkout.Canceler, ref checkout.ChargeRef) checkout.State {
	s.t.Helper()
	o, err := c.Cancel(s.t.Context(), ref)
	if err != nil {
		s.t.Fatalf("Cancel: %v", err)
	}
	return s.check(ref, o).State
}

func cancelRepeated(s *trial) {
	c := s.canceler()
	ref := s.begin(s.request(AnswerChallenges, amount, s.Currency))
	first := s.cancel(c, ref)
	if first != checkout.StateCanceled && first != checkout.StateFailed {
		s.t.Errorf("the charge is %q after Cancel", first)
	}
	if again, seen := s.cancel(c, ref), s.observe(ref).State; again != first || seen != first {
		s.t.Errorf("the charge is %q after Cancel, %q after another, and %q when observed", first, again, seen)
	}
}

// cancelAfterSuccess comes too late: the answer is what the buyer has paid.
func cancelAfterSuccess(s *trial) {
	c := s.canceler()
	ref, _ := s.paid(amount, s.Currency)
	if got := s.cancel(c, ref); got != checkout.StateSucceeded {
		s.t.Errorf("Cancel of a paid charge gives %q, want %q", got, checkout.StateSucceeded)
	}
	if got := s.observe(ref).State; got != checkout.StateSucceeded {
		s.t.Errorf("the charge is %q after a late Cancel", got)
	}
}

func completeRepeated(s *trial) {
	c, ok := s.Provider.(checkout.Completer)
	if !ok {
		s.t.Skip("left out: the provider is no Completer")
	}
	s.needs(s.Approve != nil, "Approve")
	ref := s.begin(s.request(AnswerChallenges, amount, s.Currency))
	if o, err := c.Complete(s.t.Context(), ref, url.Values{}); err == nil && o.State == checkout.StateSucceeded {
		s.t.Error("Complete gives a success that the buyer has not approved")
	}
	s.Approve(ref)
	first := s.finish(ref)
	if again := s.finish(ref); first.State != checkout.StateSucceeded || !reflect.DeepEqual(first, again) {
		s.t.Errorf("Complete gives %+v and then %+v", first, again)
	}
	s.wantCharges(1)
}

func settleEvidence(s *trial) {
	c, ok := s.Provider.(checkout.Settler)
	if !ok {
		s.t.Skip("left out: the provider is no Settler")
	}
	ref := s.begin(s.request(AnswerChallenges, amount, s.Currency))
	good := checkout.Evidence{Actor: "the accountant", Note: "statement 7, line 3", Amount: amount, Currency: s.Currency}
	less, other := good, good
	less.Amount--
	other.Currency = "xts"
	for _, e := range []checkout.Evidence{less, other} {
		if o, err := c.Settle(s.t.Context(), ref, e); err == nil {
			s.t.Errorf("Settle takes %d %s for %d %s: %q", e.Amount, e.Currency, amount, s.Currency, o.State)
		}
	}
	for range 2 {
		o, err := c.Settle(s.t.Context(), ref, good)
		if err != nil || s.check(ref, o).State != checkout.StateSucceeded {
			s.t.Errorf("Settle gives %q, %v", o.State, err)
		}
	}
}

func embedAddresses(s *trial) {
	c, ok := s.Provider.(checkout.Embedder)
	if !ok {
		s.t.Skip("left out: the provider is no Embedder")
	}
	e := c.Embed(s.Livemode)
	for _, script := range e.Scripts {
		if u, err := url.Parse(script); err != nil || u.Scheme != "https" || u.Host == "" {
			s.t.Errorf("script %q is no absolute https URL", script)
		}
	}
	for _, list := range [][]string{e.Frames, e.Connects, e.Images, e.Sources} {
		for _, origin := range list {
			if u, err := url.Parse(origin); err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/")+u.RawQuery != "" {
				s.t.Errorf("%q is no https origin", origin)
			}
		}
	}
}

func ackAnswers(s *trial) {
	c, ok := s.Provider.(checkout.Acker)
	if !ok {
		s.t.Skip("left out: the provider is no Acker")
	}
	for _, err := range []error{nil, errors.New("the database is down")} {
		w := httptest.NewRecorder()
		c.Ack(w, err)
		if accepted(w.Code) != (err == nil) {
			s.t.Errorf("Ack answers %d after %v: what was not taken must come again", w.Code, err)
		}
	}
}
