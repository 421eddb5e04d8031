package checkout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// bankProvider is a second provider, beside the scripted one.
type bankProvider struct{ *scripted }

func (bankProvider) Name() string { return "bank" }

func (bankProvider) Methods(_ context.Context, q MethodQuery) ([]Method, error) {
	if !q.Livemode {
		return nil, nil
	}
	return []Method{{ID: "transfer", Label: "Transfer"}}, nil
}

// methods reads which ways to pay the page offers.
func (s *shop) methods(id string) (list []string) {
	s.t.Helper()
	body := s.page("/checkout/" + id).Body.String()
	for _, method := range []string{"wire", "transfer"} {
		if strings.Contains(body, `value="`+method+`"`) {
			list = append(list, method)
		}
	}
	return list
}

func TestThreeSilencesHideAProviderForAMinute(t *testing.T) {
	bank := bankProvider{newScripted(outcome{state: StateSucceeded})}
	eachLiveShop(t, []outcome{{err: ErrUnavailable, nothing: true}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		for range 3 {
			if got := s.methods(id); fmt.Sprint(got) != "[wire transfer]" {
				t.Fatalf("the page offers %v", got)
			}
			s.payWire(id)
		}
		if got := s.methods(id); fmt.Sprint(got) != "[transfer]" {
			t.Errorf("after three silences the page offers %v, want the other one", got)
		}
		if got := secondProcess(t, s).methods(id); fmt.Sprint(got) != "[wire transfer]" {
			t.Errorf("another process offers %v, and should find out for itself", got)
		}
		s.clock.advance(59 * time.Second)
		if got := s.methods(id); fmt.Sprint(got) != "[transfer]" {
			t.Errorf("after 59 seconds the page offers %v", got)
		}
		s.clock.advance(time.Second)
		s.payWire(id)
		if got := s.methods(id); fmt.Sprint(got) != "[transfer]" {
			t.Errorf("one more silence after the minute leaves %v", got)
		}
		s.clock.advance(time.Minute)
		p.script = []outcome{{state: StateFailed}, {err: ErrUnavailable, nothing: true}}
		for range 3 {
			s.payWire(id)
		}
		if got := s.methods(id); fmt.Sprint(got) != "[wire transfer]" {
			t.Errorf("an answer and two silences leave %v, want both: an answer starts the count anew", got)
		}
	}, func(c *Config) { c.Providers = append(c.Providers, bank) })
}

func TestAPageWithoutAnyMethodSaysSo(t *testing.T) {
	eachLiveShop(t, []outcome{{err: ErrUnavailable, nothing: true}}, func(t *testing.T, s *shop, p *scripted) {
		id := s.create(seedBody)
		form := s.wire(id)
		for range 3 {
			s.payWire(id)
		}
		for _, language := range []struct{ tag, title, text string }{
			{"en", "Payment is not possible right now", "You have not been charged."},
			{"de", "Die Zahlung ist gerade nicht möglich", "Es wurde nichts abgebucht."},
		} {
			w := s.page("/checkout/" + id + "?lang=" + language.tag)
			body := w.Body.String()
			if w.Code != http.StatusOK || !strings.Contains(body, language.title) || !strings.Contains(body, language.text) || strings.Contains(body, `value="pay"`) {
				t.Errorf("the page answered %d without saying so, or with a button that pays: %s", w.Code, body)
			}
		}
		form.Set("token", tokenRule.FindStringSubmatch(s.page("/checkout/" + id).Body.String())[1])
		if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/checkout/"+id {
			t.Errorf("a form sent all the same answered %d to %q", w.Code, w.Header().Get("Location"))
		}
		if n := len(s.attempts(id)); n != 3 {
			t.Errorf("%d attempts, want no fourth", n)
		}
		s.clock.advance(time.Minute)
		p.script = allSucceed
		s.payWire(id)
		s.want(id, "completed", "paid")
		if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, "not possible") {
			t.Error("the paid page still says that payment is not possible")
		}
	})
}

func TestWhatCountsAsSilence(t *testing.T) {
	for _, c := range []struct {
		err    error
		silent bool
	}{
		{nil, false}, {ErrRejected, false}, {errors.New("500 from the provider"), false}, {context.Canceled, false},
		{ErrUnavailable, true}, {fmt.Errorf("call: %w", ErrUnavailable), true}, {context.DeadlineExceeded, true},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
	} {
		if got := silent(c.err); got != c.silent {
			t.Errorf("%v: silent is %v", c.err, got)
		}
	}
}
