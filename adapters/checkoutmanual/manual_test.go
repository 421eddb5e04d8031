package checkoutmanual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, cfg Config) *Provider {
	t.Helper()
	if cfg.Methods == nil {
		cfg.Methods = []Method{{ID: CashOnDelivery}, {ID: Invoice}, {ID: PayLater}}
	}
	cfg.Now = func() time.Time { return noon }
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProviderKeepsTheContract(t *testing.T) {
	for name, test := range map[string]bool{"live": false, "test": true} {
		t.Run(name, func(t *testing.T) {
			checkouttest.TestProvider(t, func(t *testing.T) checkouttest.Subject {
				now := time.Now()
				p := open(t, Config{Test: test})
				p.cfg.Now = func() time.Time { return now }
				return checkouttest.Subject{
					Provider: p,
					Livemode: !test,
					Advance:  func(d time.Duration) { now = now.Add(d) },
					Prepare:  func(a checkouttest.Answer, _ *checkout.BeginRequest) bool { return a == checkouttest.AnswerChallenges },
					Skip: map[string]string{
						"Observe/Unknown":     "the shop's word is all there is: every attempt has a charge",
						"Observe/ByAttempt":   "the provider keeps nothing: what a person has confirmed is in the checkout's books alone",
						"Cancel/AfterSuccess": "the provider keeps nothing, and the checkout cancels open attempts only",
						"Cancel/Repeated":     "the provider keeps no charges: it cannot know of a cancel when it is asked again",
					},
				}
			})
		})
	}
}

func own(change func(*Method)) []Method {
	m := Method{ID: "market_stall", Label: "At the stall", Mark: "cash", Text: map[string]string{"en": "Come by."}}
	change(&m)
	return []Method{m}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"no methods":      {Config{}, "Methods"},
		"name":            {Config{Methods: []Method{{ID: Invoice}}, ProviderName: "Manual"}, "ProviderName"},
		"patience":        {Config{Methods: []Method{{ID: Invoice}}, Patience: 91 * 24 * time.Hour}, "Patience"},
		"patience before": {Config{Methods: []Method{{ID: Invoice}}, Patience: -1}, "Patience"},
		"twice":           {Config{Methods: []Method{{ID: Invoice}, {ID: Invoice}}}, "Methods[1]: ID"},
		"id":              {Config{Methods: own(func(m *Method) { m.ID = "Stall" })}, "ID"},
		"long id":         {Config{Methods: own(func(m *Method) { m.ID = strings.Repeat("a", 33) })}, "ID"},
		"label":           {Config{Methods: own(func(m *Method) { m.Label = " " })}, "Label"},
		"mark":            {Config{Methods: own(func(m *Method) { m.Mark = "money" })}, "Mark"},
		"no text":         {Config{Methods: own(func(m *Method) { m.Text = nil })}, "English"},
		"no English":      {Config{Methods: own(func(m *Method) { m.Text = map[string]string{"de": "Kommen Sie."} })}, "English"},
		"empty text":      {Config{Methods: own(func(m *Method) { m.Text["fr"] = " \n\n " })}, `"fr"`},
		"tag":             {Config{Methods: own(func(m *Method) { m.Text["german!"] = "Kommen Sie." })}, "BCP 47"},
		"currency":        {Config{Methods: own(func(m *Method) { m.Currencies = []string{"euro"} })}, "Currencies"},
		"country":         {Config{Methods: own(func(m *Method) { m.Countries = []string{"DEU"} })}, "Countries"},
		"limits":          {Config{Methods: own(func(m *Method) { m.Min, m.Max = 2, 1 })}, "Min"},
		"limit":           {Config{Methods: own(func(m *Method) { m.Max = -1 })}, "Max"},
		"lower limit":     {Config{Methods: own(func(m *Method) { m.Min = -1 })}, "Min"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: New gives %v, want %q", name, err, c.want)
		}
	}
}

func TestMethodsFitTheOrder(t *testing.T) {
	p := open(t, Config{Methods: []Method{
		{ID: CashOnDelivery, Currencies: []string{"EUR", "chf"}, Countries: []string{"de", "AT"}, Max: 50000},
		{ID: Invoice, Min: 1000},
	}})
	for _, c := range []struct {
		q    checkout.MethodQuery
		want string
	}{
		{checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "DE", Livemode: true}, "[cash_on_delivery invoice]"},
		{checkout.MethodQuery{Amount: 2500, Currency: "chf", Country: "AT", Livemode: true}, "[cash_on_delivery invoice]"},
		{checkout.MethodQuery{Amount: 2500, Currency: "usd", Country: "DE", Livemode: true}, "[invoice]"},
		{checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "FR", Livemode: true}, "[invoice]"},
		{checkout.MethodQuery{Amount: 2500, Currency: "eur", Livemode: true}, "[invoice]"},
		{checkout.MethodQuery{Amount: 50000, Currency: "eur", Country: "DE", Livemode: true}, "[cash_on_delivery invoice]"},
		{checkout.MethodQuery{Amount: 50001, Currency: "eur", Country: "DE", Livemode: true}, "[invoice]"},
		{checkout.MethodQuery{Amount: 1000, Currency: "eur", Country: "FR", Livemode: true}, "[invoice]"},
		{checkout.MethodQuery{Amount: 999, Currency: "eur", Country: "DE", Livemode: true}, "[cash_on_delivery]"},
		{checkout.MethodQuery{Amount: 0, Currency: "eur", Country: "DE", Livemode: true}, "[]"},
		{checkout.MethodQuery{Amount: 2500, Currency: "eur", Country: "DE"}, "[]"},
	} {
		list, err := p.Methods(t.Context(), c.q)
		ids := []string{}
		for _, m := range list {
			ids = append(ids, m.ID)
		}
		if fmt.Sprint(ids) != c.want || err != nil {
			t.Errorf("Methods(%+v) gives %v, %v, want %s", c.q, ids, err, c.want)
		}
	}
}

func TestWordsOfAMethod(t *testing.T) {
	p := open(t, Config{Methods: append(own(func(m *Method) { m.Text["DE"] = "Kommen Sie\r\nvorbei.\r\n\r\n\r\nBald." }), Method{ID: Invoice, Label: "Bill", Text: map[string]string{"fr": "Facture."}})})
	list, err := p.Methods(t.Context(), checkout.MethodQuery{Amount: 1, Currency: "eur", Livemode: true})
	if want := []checkout.Method{{ID: "market_stall", Label: "At the stall", Mark: "cash"}, {ID: Invoice, Label: "Bill", Mark: "invoice"}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("Methods gives %+v, %v, want %+v", list, err, want)
	}
	for _, c := range []struct{ method, locale, want string }{
		{"market_stall", "de-AT", "Kommen Sie\nvorbei.|Bald."}, {"market_stall", "de", "Kommen Sie\nvorbei.|Bald."}, {"market_stall", "fr", "Come by."},
		{"market_stall", "", "Come by."}, {Invoice, "fr_CA", "Facture."}, {Invoice, "de", strings.ReplaceAll(builtin[Invoice].Text["de"], "\n\n", "|")},
		{"gone", "de", strings.ReplaceAll(builtin[PayLater].Text["de"], "\n\n", "|")},
	} {
		got := p.Instructions(checkout.InstructionQuery{Charge: checkout.ChargeRef{Method: c.method}, Due: 1, Locale: c.locale})
		if strings.Join(got.Text, "|") != c.want || !got.Bound || got.QR != "" || got.Fields != nil {
			t.Errorf("%s in %q: %+v, want %q", c.method, c.locale, got, c.want)
		}
	}
}

func TestBuiltInWordsAreThereInEveryLanguage(t *testing.T) {
	for id, m := range builtin {
		languages := strings.Fields("en de fr es it nl pl pt sv tr ar he") // those of the page
		if m.Label == "" || m.Mark == "" || len(m.Text) != len(languages) {
			t.Errorf("%s: %+v", id, m)
		}
		for _, tag := range languages {
			if len(paragraphs(m.Text[tag])) != 2 {
				t.Errorf("%s in %s: %q", id, tag, m.Text[tag])
			}
		}
	}
}

func TestAProviderKeepsNothingOfTheCallers(t *testing.T) {
	methods := own(func(m *Method) { m.Currencies, m.Countries = []string{"eur"}, []string{"DE"} })
	p := open(t, Config{Methods: methods})
	methods[0].ID, methods[0].Text["en"], methods[0].Currencies[0], methods[0].Countries[0] = "x", "y", "usd", "FR"
	list, err := p.Methods(t.Context(), checkout.MethodQuery{Amount: 1, Currency: "eur", Country: "DE", Livemode: true})
	if err != nil || len(list) != 1 || list[0].ID != "market_stall" || p.methods[0].Text["en"] != "Come by." {
		t.Errorf("%v %v", list, p.methods)
	}
	open(t, Config{Methods: []Method{{ID: Invoice, Text: map[string]string{"ja": "x"}}}})
	if _, changed := builtin[Invoice].Text["ja"]; changed {
		t.Error("what is built in was changed")
	}
}

func TestBegin(t *testing.T) {
	p := open(t, Config{Methods: []Method{{ID: Invoice, Currencies: []string{"eur"}, Max: 5000}}})
	r := checkout.BeginRequest{AttemptID: "pay_1", Method: Invoice, Amount: 2500, Currency: "eur", Livemode: true}
	step, err := p.Begin(t.Context(), r)
	if err != nil || step.Ref != "manual_06eaf982b818a641a7f012ab" || !step.ExpiresAt.Equal(noon.Add(30*24*time.Hour)) || step.Observation.State != checkout.StateProcessing {
		t.Errorf("Begin gives %+v, %v", step, err)
	}
	for name, change := range map[string]func(*checkout.BeginRequest){
		"method": func(r *checkout.BeginRequest) { r.Method = PayLater }, "currency": func(r *checkout.BeginRequest) { r.Currency = "chf" },
		"mode": func(r *checkout.BeginRequest) { r.Livemode = false }, "amount": func(r *checkout.BeginRequest) { r.Amount = 5001 },
		"attempt": func(r *checkout.BeginRequest) { r.AttemptID = "" },
	} {
		other := r
		change(&other)
		if _, err := p.Begin(t.Context(), other); !errors.Is(err, checkout.ErrRejected) {
			t.Errorf("Begin of another %s gives %v", name, err)
		}
	}
}

func TestObserveCancelAndSettle(t *testing.T) {
	p := open(t, Config{})
	good := checkout.Evidence{Actor: "Ann", Note: "receipt 7", Amount: 2500, Currency: "EUR"}
	ref := checkout.ChargeRef{AttemptID: "pay_1", Ref: derived("manual_", "pay_1"), Method: Invoice, Amount: 2500, Currency: "eur", Livemode: true}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for want, call := range map[checkout.State]func(context.Context, checkout.ChargeRef) (checkout.Observation, error){
		checkout.StateProcessing: p.Observe, checkout.StateCanceled: p.Cancel,
		checkout.StateSucceeded: func(ctx context.Context, r checkout.ChargeRef) (checkout.Observation, error) {
			return p.Settle(ctx, r, good)
		},
	} {
		lost := ref
		lost.Ref = ""
		for _, r := range []checkout.ChargeRef{ref, lost} {
			if o, err := call(t.Context(), r); err != nil || o.State != want || o.Ref != ref.Ref || o.AttemptID != "pay_1" {
				t.Errorf("%s: %+v, %v", want, o, err)
			}
		}
		for _, r := range []checkout.ChargeRef{{AttemptID: "pay_2", Ref: ref.Ref, Livemode: true}, {AttemptID: "pay_1"}, {Livemode: true}} {
			if o, err := call(t.Context(), r); !errors.Is(err, checkout.ErrNoCharge) || o.State != "" {
				t.Errorf("%s of %+v gives %+v, %v", want, r, o, err)
			}
		}
		if _, err := call(ended, ref); !errors.Is(err, context.Canceled) {
			t.Errorf("%s in a context that has ended gives %v", want, err)
		}
	}
	if _, err := p.Begin(ended, checkout.BeginRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin in a context that has ended gives %v", err)
	}
	if list, err := p.Notice(nil, nil); !errors.Is(err, checkout.ErrNotAuthentic) || list != nil {
		t.Errorf("Notice gives %v, %v", list, err)
	}
}

// An answer to Begin that was lost is made good by Observe, however long after.
func TestTheWaitingBeginsWithTheAttempt(t *testing.T) {
	p := open(t, Config{Patience: 48 * time.Hour})
	begun := noon.Add(-time.Hour).In(time.FixedZone("", 3600))
	for _, c := range []struct{ begun, want time.Time }{{begun, noon.Add(47 * time.Hour)}, {time.Time{}, noon.Add(48 * time.Hour)}} {
		ref := checkout.ChargeRef{AttemptID: "pay_1", Method: Invoice, Amount: 2500, Currency: "eur", Livemode: true, BegunAt: c.begun}
		if o, err := p.Observe(t.Context(), ref); err != nil || !o.ExpiresAt.Equal(c.want) || o.ExpiresAt.Location() != time.UTC {
			t.Errorf("an attempt begun at %v ends at %v, %v, want %v", c.begun, o.ExpiresAt, err, c.want)
		}
		if o, _ := p.Cancel(t.Context(), ref); !o.ExpiresAt.IsZero() {
			t.Errorf("what was taken back ends at %v", o.ExpiresAt)
		}
	}
}

// The order counts, though the host's hook has refused the first word of it: it must not end with the session's own hour.
func TestAnOrderKeepsItsDaysAfterARefusal(t *testing.T) {
	p := open(t, Config{Methods: []Method{{ID: CashOnDelivery}}})
	refusals := 0
	s := checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) {
		cfg.Providers = []checkout.Provider{p}
		cfg.OnEvent = func(context.Context, *gorm.DB, checkout.Event) error {
			if refusals++; refusals == 1 {
				return errors.New("deadlock detected")
			}
			return nil
		}
	}))
	p.cfg.Now = s.Now
	begun, id := s.Now(), s.CreateSession(checkout.SessionParams{Mode: checkout.Live}).ID
	s.Pay(id, "")
	s.Advance(2 * time.Hour)
	got := s.Session(id)
	if want := begun.Add(defaultPatience); refusals < 2 || got.Status != checkout.StatusPending || got.PaymentStatus != checkout.PaymentProcessing || got.ExpiresAt.Sub(want).Abs() > time.Minute {
		t.Errorf("after %d calls of the hook the session is %s, %s until %v, want until %v", refusals, got.Status, got.PaymentStatus, got.ExpiresAt, want)
	}
}

func TestSettleNeedsEvidence(t *testing.T) {
	p := open(t, Config{})
	ref := checkout.ChargeRef{AttemptID: "pay_1", Method: Invoice, Amount: 2500, Currency: "eur", Livemode: true}
	good := checkout.Evidence{Actor: "Ann", Note: "receipt 7", Amount: 2500, Currency: "eur"}
	for name, change := range map[string]func(*checkout.Evidence){
		"actor": func(e *checkout.Evidence) { e.Actor = " " }, "note": func(e *checkout.Evidence) { e.Note = "\n" },
		"less": func(e *checkout.Evidence) { e.Amount-- }, "more": func(e *checkout.Evidence) { e.Amount++ },
		"currency": func(e *checkout.Evidence) { e.Currency = "usd" }, "no currency": func(e *checkout.Evidence) { e.Currency = "" },
	} {
		e := good
		change(&e)
		if o, err := p.Settle(t.Context(), ref, e); err == nil || o.State != "" {
			t.Errorf("%s: Settle gives %+v", name, o)
		}
	}
	first, _ := p.Settle(t.Context(), ref, good)
	if first.Captured != 2500 || first.Currency != "eur" || !first.Livemode || first.ChargeID == "" {
		t.Errorf("Settle gives %+v", first)
	}
	ref.AttemptID = "pay_2"
	if other, _ := p.Settle(t.Context(), ref, good); other.ChargeID == first.ChargeID {
		t.Errorf("two payments have the money %s", other.ChargeID)
	}
	none := checkout.ChargeRef{AttemptID: "pay_3", Currency: "eur", Livemode: true}
	if _, err := p.Settle(t.Context(), none, checkout.Evidence{Actor: "Ann", Note: "receipt 7", Currency: "eur"}); err == nil {
		t.Error("nothing settles nothing")
	}
}

func TestLabelsOfAMethodOfTheShopsOwn(t *testing.T) {
	p := open(t, Config{Methods: own(func(m *Method) { m.Labels = map[string]string{"DE": "Am Stand", "de-AT": "Am Standl"} })})
	for locale, want := range map[string]string{"": "At the stall", "fr": "At the stall", "de": "Am Stand", "de-CH": "Am Stand", "de_AT": "Am Standl"} {
		list, err := p.Methods(t.Context(), checkout.MethodQuery{Amount: 1, Currency: "eur", Locale: locale, Livemode: true})
		if err != nil || len(list) != 1 || list[0].Label != want {
			t.Errorf("the label in %q is %+v, %v, want %s", locale, list, err, want)
		}
	}
	for tag, label := range map[string]string{"no tag": "x", "de": " "} {
		if _, err := New(Config{Methods: own(func(m *Method) { m.Labels = map[string]string{tag: label} })}); err == nil || !strings.Contains(err.Error(), "Labels") {
			t.Errorf("New took the label %q for %q: %v", label, tag, err)
		}
	}
}
