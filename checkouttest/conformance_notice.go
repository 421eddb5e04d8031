package checkouttest

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/jopay/checkout"
)

// news is a notification about a paid charge. Its body must not be logged.
func (s *trial) news() (checkout.ChargeRef, *http.Request, []byte) {
	s.t.Helper()
	s.needs(s.Notification != nil, "Notification")
	ref, _ := s.paid(amount, s.Currency)
	r, body := s.notification(ref)
	return ref, r, body
}

func (s *trial) notification(ref checkout.ChargeRef) (*http.Request, []byte) {
	r, body := s.Notification(ref)
	if len(body) > 0 {
		s.typed = append(s.typed, string(body))
	}
	return r, body
}

func (s *trial) notice(ref checkout.ChargeRef, r *http.Request, body []byte) checkout.Observation {
	s.t.Helper()
	list, err := s.Provider.Notice(r, body)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("Notice gives %d observations, %v, want 1", len(list), err)
	}
	if o := list[0]; o.AttemptID != ref.AttemptID && (o.Ref == "" || o.Ref != ref.Ref) {
		s.t.Errorf("Notice is about %q %q, want attempt %s or charge %s", o.AttemptID, o.Ref, ref.AttemptID, ref.Ref)
	}
	return list[0]
}

func noticeAuthentic(s *trial) {
	ref, r, body := s.news()
	if o := s.notice(ref, r, body); o.State != checkout.StateUnknown {
		s.check(ref, o)
	}
}

func (s *trial) wantForged(what string, r *http.Request, body []byte) {
	s.t.Helper()
	if list, err := s.Provider.Notice(r, body); !errors.Is(err, checkout.ErrNotAuthentic) || len(list) != 0 {
		s.t.Errorf("Notice of %s gives %d observations, %v, want ErrNotAuthentic", what, len(list), err)
	}
}

func noticeForged(s *trial) {
	ref, r, body := s.news()
	for i := range body {
		if i%7 == 0 { // enough to meet every field
			changed := bytes.Clone(body)
			changed[i] ^= 1
			s.wantForged("a changed body", r, changed)
		}
	}
	for _, other := range []string{"", "{}", "null", "[]", "\xff", "a=b", "<xml/>"} {
		s.wantForged("another body", r, []byte(other))
	}
	unsigned := r.Clone(r.Context())
	unsigned.Header = http.Header{"Content-Type": r.Header.Values("Content-Type")}
	s.wantForged("an unsigned body", unsigned, body)
	if s.t.Failed() {
		return
	}
	s.notice(ref, r, body) // it was not refused for another reason
}

func noticeStale(s *trial) {
	s.needs(s.Advance != nil, "Advance")
	_, r, body := s.news()
	s.Advance(2 * time.Hour)
	s.wantForged("two hours ago", r, body)
}

func noticeDuplicate(s *trial) {
	ref, r, body := s.news()
	first := s.notice(ref, r, body)
	if again := s.notice(ref, r, body); !reflect.DeepEqual(first, again) {
		s.t.Errorf("Notice gives %+v and then %+v", first, again)
	}
}

// noticeOutOfOrder hears of a success before it hears of what came earlier. What the company says when asked must not
// depend on what was heard.
func noticeOutOfOrder(s *trial) {
	s.needs(s.Notification != nil, "Notification")
	s.needs(s.Approve != nil, "Approve")
	ref := s.begin(s.request(AnswerChallenges, amount, s.Currency))
	early, earlyBody := s.notification(ref)
	s.Approve(ref)
	s.finish(ref)
	late, lateBody := s.notification(ref)
	after, before := s.notice(ref, late, lateBody), s.notice(ref, early, earlyBody)
	if after.EventKey != "" && after.EventKey == before.EventKey {
		s.t.Errorf("two notifications have the key %q: the second would be skipped", after.EventKey)
	}
	if o := s.observe(ref); o.State != checkout.StateSucceeded {
		s.t.Errorf("after an old notification the charge is %q, want %q", o.State, checkout.StateSucceeded)
	}
}
