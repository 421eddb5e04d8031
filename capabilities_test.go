package checkout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// completing waits for a last word after the buyer has come back.
type completing struct {
	*scripted
	returned []url.Values
	err      error
}

func (p *completing) Complete(_ context.Context, ref ChargeRef, returned url.Values) (Observation, error) {
	p.returned = append(p.returned, returned)
	if p.err == nil {
		p.set(ref.AttemptID, StateSucceeded)
	}
	return p.observation(ref.AttemptID), p.err
}

func TestAReturningBuyersPaymentIsCompleted(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				p := &completing{scripted: newScripted(outcome{state: StateActionRequired, redirect: "https://bank.example/"}), err: errors.New("not now")}
				s := newLiveShop(t, db, p)
				id := s.create(seedBody)
				s.payWire(id)
				back := func() *httptest.ResponseRecorder {
					r := httptest.NewRequestWithContext(t.Context(), method, "/checkout/"+id+"/return?token=t1", strings.NewReader("payer=p1"))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					return s.do(r)
				}
				if w := back(); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/checkout/"+id {
					t.Errorf("without the last word the return answered %d to %q", w.Code, w.Header().Get("Location"))
				}
				s.want(id, "pending", "requires_action")
				p.err = nil
				if w := back(); w.Header().Get("Location") != "https://yoursite.com/success?session_id="+id {
					t.Errorf("the return answered %d to %q", w.Code, w.Header().Get("Location"))
				}
				s.want(id, "completed", "paid")
				back()
				if len(p.returned) != 2 || p.returned[1].Get("token") != "t1" || (method == "POST") != (p.returned[1].Get("payer") == "p1") {
					t.Errorf("the provider was given %v", p.returned)
				}
			})
		})
	}
}

// acking answers notifications in its own words.
type acking struct {
	*scripted
	before func() // runs when the answer is written
	errs   []error
}

func (p *acking) Ack(w http.ResponseWriter, err error) {
	if p.before != nil {
		p.before()
	}
	p.errs = append(p.errs, err)
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("[again]"))
		return
	}
	_, _ = w.Write([]byte("[accepted]"))
}

func TestAProviderAnswersItsNotificationsItself(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := &acking{scripted: newScripted(outcome{state: StateProcessing})}
		s := newLiveShop(t, db, p)
		id := s.create(seedBody)
		s.payWire(id)
		attempt := s.attempts(id)[0].ID
		p.set(attempt, StateSucceeded)
		for _, c := range []struct {
			name, signature string
			observe, want   error
			status          int
			body            string
		}{
			{"forged", "forged", nil, ErrNotAuthentic, http.StatusTeapot, "[again]"},
			{"provider is down", "authentic", ErrUnavailable, ErrProviderUnavailable, http.StatusTeapot, "[again]"},
			{"good", "authentic", nil, nil, http.StatusOK, "[accepted]"},
			{"again", "authentic", nil, nil, http.StatusOK, "[accepted]"},
		} {
			p.observeBy = c.observe
			if c.want == nil {
				p.before = func() { s.want(id, "completed", "paid") }
			}
			w := s.notify(scriptedNotice{Event: "e", AttemptID: attempt}, c.signature)
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("%s: answered %d %s", c.name, w.Code, w.Body)
			}
			if err := p.errs[len(p.errs)-1]; !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s: the provider was told %v", c.name, err)
			}
		}
		if n := strings.Count(s.log.String(), "a notification was not taken"); n != 2 {
			t.Errorf("%d warnings, want 2", n)
		}
	})
}

// embedding shows fields of its own on the page of an attempt.
type embedding struct {
	*scripted
	live []bool
}

func (p *embedding) Begin(ctx context.Context, r BeginRequest) (Step, error) {
	step, err := p.scripted.Begin(ctx, r)
	step.Client = "secret_\"<" + r.AttemptID
	return step, err
}

func (p *embedding) Embed(livemode bool) Embed {
	p.live = append(p.live, livemode)
	return Embed{
		Scripts: []string{"https://js.acme.example/v3/", "https://js.acme.example/more.js"}, Frames: []string{"https://frames.acme.example"},
		Connects: []string{"https://api.acme.example"}, Images: []string{"https://img.acme.example"},
	}
}

func TestAProvidersFieldsAreOnThePageOfItsOpenAttemptOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := &embedding{scripted: newScripted(outcome{state: StateActionRequired})}
		s := newLiveShop(t, db, p)
		p.live = nil // New asks for the script of both modes
		id, other := s.create(seedBody), s.create(seedBody)
		isClean := func(when, path string) {
			t.Helper()
			w := s.page(path)
			if all := w.Header().Get("Content-Security-Policy") + w.Body.String(); strings.Contains(all, "acme.example") || strings.Contains(all, "secret_") {
				t.Errorf("%s the page has the provider's parts: %s", when, all)
			}
		}
		isClean("before the attempt", "/checkout/"+id)
		s.payWire(id)
		attempt := s.attempts(id)[0].ID
		w := s.page("/checkout/" + id)
		policy, body := w.Header().Get("Content-Security-Policy"), w.Body.String()
		for _, want := range []string{
			"default-src 'none'", "script-src 'self' https://js.acme.example;", "frame-src https://frames.acme.example",
			"connect-src 'self' https://api.acme.example;", "img-src 'self' https://img.acme.example;",
		} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy lacks %q: %s", want, policy)
			}
		}
		for _, want := range []string{
			`<script src="https://js.acme.example/v3/" defer>`, `<script src="https://js.acme.example/more.js" defer>`,
			`data-provider="scripted"`, `data-client="secret_&#34;&lt;` + attempt + `"`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %s: %s", want, body)
			}
		}
		for _, live := range p.live {
			if !live {
				t.Error("the provider was asked for test mode")
			}
		}
		isClean("of another session", "/checkout/"+other)
		p.set(attempt, StateFailed)
		s.page("/checkout/" + id + "/return")
		isClean("after a refusal", "/checkout/"+id)
		p.script = allSucceed
		s.payWire(id)
		isClean("after success", "/checkout/"+id)
	})
}

// settling lets a person confirm money.
type settling struct {
	*scripted
	evidence []Evidence
}

func (p *settling) Settle(_ context.Context, ref ChargeRef, e Evidence) (Observation, error) {
	p.evidence = append(p.evidence, e)
	if e.Amount != ref.Amount || e.Currency != ref.Currency {
		return Observation{}, errHost
	}
	p.set(ref.AttemptID, StateSucceeded)
	return p.observation(ref.AttemptID), nil
}

func TestAPersonConfirmsMoney(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		p := &settling{scripted: newScripted(outcome{state: StateProcessing})}
		s := newLiveShop(t, db, p)
		id := s.create(seedBody)
		s.payWire(id)
		attempt := s.attempts(id)[0].ID
		good := Evidence{Actor: "ann", Note: "statement 7", Amount: 2500, Currency: "eur"}
		if err := s.co.ConfirmPayment(t.Context(), attempt, Evidence{Actor: "ann", Amount: 2400, Currency: "eur"}); !errors.Is(err, errHost) {
			t.Errorf("evidence that does not fit gave %v", err)
		}
		s.want(id, "pending", "processing")
		for range 2 {
			if err := s.co.ConfirmPayment(t.Context(), attempt, good); err != nil {
				t.Fatal(err)
			}
		}
		s.want(id, "completed", "paid")
		s.wantEvents(id, 1, 0, 0)
		if p.evidence[1] != good {
			t.Errorf("the provider was shown %+v", p.evidence[1])
		}
		if kept := s.attempts(id)[0]; kept.Actor != "ann" || kept.Note != "statement 7" {
			t.Errorf("the books say that %q has confirmed it for %q", kept.Actor, kept.Note)
		}
		for _, unknown := range []string{"pay_" + hex44("0"), "x", id} {
			if err := s.co.ConfirmPayment(t.Context(), unknown, good); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s gave %v", unknown, err)
			}
		}
	})
}

func TestOtherProvidersAreNotConfirmedByHand(t *testing.T) {
	eachLiveShop(t, []outcome{{state: StateProcessing}}, func(t *testing.T, s *shop, _ *scripted) {
		id := s.create(seedBody)
		s.payWire(id)
		err := s.co.ConfirmPayment(t.Context(), s.attempts(id)[0].ID, Evidence{Amount: 2500, Currency: "eur"})
		if !errors.Is(err, ErrNotByHand) {
			t.Errorf("it gave %v", err)
		}
		s.want(id, "pending", "processing")
	})
}

// titled is a provider that buyers know by name.
type titled struct{ *scripted }

func (titled) Title() string { return "Paybank & Sons" }

func TestThePageSaysWhereTheBuyerWillContinue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s := newLiveShop(t, db, titled{newScripted(pays)})
		if body := s.page("/checkout/" + s.create(seedBody)).Body.String(); !strings.Contains(body, "You will continue at <bdi>Paybank &amp; Sons</bdi>.") {
			t.Errorf("the page does not name the provider: %s", body)
		}
	})
}

func TestTheButtonOrdersWhereTheContractIsConcludedHere(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		if body := s.page("/checkout/" + s.create(seedBody) + "?lang=de").Body.String(); !strings.Contains(body, "Zahlungspflichtig bestellen") {
			t.Error("the button does not carry the words the law asks for")
		}
	}, func(c *Config) { c.Brand.Submit = "order" })
	if _, err := New(Config{DB: oneShop(t).db, BaseURL: "https://shop.example", Brand: Brand{Submit: "buy"}}); err == nil || !strings.Contains(err.Error(), "Brand.Submit") {
		t.Errorf("New took an unknown kind of button: %v", err)
	}
}
