package checkoutsepa

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
)

const shopIBAN = "DE89370400440532013000"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, change func(*Config)) *Provider {
	t.Helper()
	cfg := Config{Name: "Müller & Söhne", IBAN: "DE89 3704 0044 0532 0130 00", BIC: "COBADEFFXXX", BankName: "Commerzbank", Now: func() time.Time { return noon }}
	if change != nil {
		change(&cfg)
	}
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
				return checkouttest.Subject{
					Provider: open(t, func(cfg *Config) { cfg.Test, cfg.Now = test, func() time.Time { return now } }),
					Livemode: !test,
					Advance:  func(d time.Duration) { now = now.Add(d) },
					Prepare:  func(a checkouttest.Answer, _ *checkout.BeginRequest) bool { return a == checkouttest.AnswerChallenges },
					Skip: map[string]string{
						"Observe/Unknown": "a bank account keeps no charges: every attempt has a reference",
						"Cancel/Repeated": "a bank account keeps no charges: it cannot know of a cancel when it is asked again",
					},
				}
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"Name":         func(c *Config) { c.Name = " " },
		"Name ":        func(c *Config) { c.Name = strings.Repeat("é", 71) },
		"Name  ":       func(c *Config) { c.Name = "Shop\nEUR1.00" },
		"Name   ":      func(c *Config) { c.Name = "Shop\xff" },
		"IBAN":         func(c *Config) { c.IBAN = "" },
		"IBAN ":        func(c *Config) { c.IBAN = "DE89370400440532013001" },
		"BIC":          func(c *Config) { c.BIC = "COBADEFFXX" },
		"BankName":     func(c *Config) { c.BankName = "Ba\rnk" },
		"ProviderName": func(c *Config) { c.ProviderName = "Sepa" },
		"Patience":     func(c *Config) { c.Patience = 23 * time.Hour },
		"Patience ":    func(c *Config) { c.Patience = 61 * 24 * time.Hour },
		"Patience  ":   func(c *Config) { c.Patience = -1 },
		"Grace":        func(c *Config) { c.Grace = 31 * 24 * time.Hour },
	} {
		cfg := Config{Name: "Shop", IBAN: shopIBAN}
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(field)) {
			t.Errorf("%s: New gives %v", field, err)
		}
	}
	if _, err := New(Config{Name: strings.Repeat("é", 70), IBAN: "gb29 nwbk 6016 1331 9268 19", BIC: "deutdeff", Patience: 60 * 24 * time.Hour}); err != nil {
		t.Error(err)
	}
}

// The examples are those of the IBAN registry and of the banks' associations.
func TestIBAN(t *testing.T) {
	good := []string{
		"AT611904300234573201", "BE68539007547034", "CH9300762011623852957", "DE89370400440532013000", "EE382200221020145685",
		"ES9121000418450200051332", "FI2112345600000785", "FR1420041010050500013M02606", "GB29NWBK60161331926819", "GR1601101250000000012300695",
		"IE29AIBK93115212345678", "IT60X0542811101000000123456", "LU280019400644750000", "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300",
		"NO9386011117947", "PL61109010140000071219812874", "PT50000201231234567890154", "SE4550000000058398257466", "SI56263300012039086",
	}
	for _, iban := range good {
		if err := checkIBAN(iban); err != nil {
			t.Error(err)
		}
		for i := range iban { // one wrong character is always found
			wrong := []byte(iban)
			wrong[i] = byte('0' + (int(wrong[i])+1)%10)
			if err := checkIBAN(string(wrong)); err == nil {
				t.Errorf("%s is taken for an IBAN", wrong)
			}
		}
	}
	for _, bad := range []string{"", "DE", "DE8937040044053201300", "DE893704004405320130000", "XX89370400440532013000", "DE8937040044053201300é", "DEX9370400440532013000", "DE89-3704-0044-0532-01"} {
		if err := checkIBAN(bad); err == nil {
			t.Errorf("%q is taken for an IBAN", bad)
		}
	}
}

// The checksum alone does not see these: a number that is too short, and check digits that ISO 7064 never gives.
func TestIBANsWhoseChecksumFits(t *testing.T) {
	for i := range 200 {
		account := fmt.Sprintf("%017d", i)
		if short := fmt.Sprintf("DE%02d%s", 98-mod97(account+"DE00"), account); !checksumFits(short) || checkIBAN(short) == nil {
			t.Errorf("%s is taken for an IBAN", short)
		}
		account += "0"
		check := 98 - mod97(account+"DE00")
		if iban := fmt.Sprintf("DE%02d%s", check, account); checkIBAN(iban) != nil {
			t.Errorf("%s is no IBAN", iban)
		}
		for _, same := range []int{check - 97, check + 97} {
			if iban := fmt.Sprintf("DE%02d%s", same, account); same >= 0 && same < 100 && (!checksumFits(iban) || checkIBAN(iban) == nil) {
				t.Errorf("%s is taken for an IBAN", iban)
			}
		}
	}
}

func TestTheAccountIsFoundUnderItsOldNumber(t *testing.T) {
	for name, want := range map[string]bool{
		shopIBAN: true, "de89 3704 0044 0532 0130 00": true, "0532013000": true, "532013000": true,
		"": false, "13000": false, "0532013001": false, "AT611904300234573201": false, "3000X": false,
	} {
		if got := sameAccount(name, shopIBAN); got != want {
			t.Errorf("sameAccount(%q) is %v", name, got)
		}
	}
}

func TestMethodsFitTheOrder(t *testing.T) {
	p := open(t, nil)
	for _, c := range []struct {
		q    checkout.MethodQuery
		want int
	}{
		{checkout.MethodQuery{Amount: 1, Currency: "eur", Livemode: true}, 1},
		{checkout.MethodQuery{Amount: 99999999999, Currency: "eur", Livemode: true}, 1},
		{checkout.MethodQuery{Amount: 100000000000, Currency: "eur", Livemode: true}, 0},
		{checkout.MethodQuery{Amount: 0, Currency: "eur", Livemode: true}, 0},
		{checkout.MethodQuery{Amount: 100, Currency: "usd", Livemode: true}, 0},
		{checkout.MethodQuery{Amount: 100, Currency: "eur"}, 0},
	} {
		if got, err := p.Methods(t.Context(), c.q); len(got) != c.want || err != nil {
			t.Errorf("Methods(%+v) gives %v, %v", c.q, got, err)
		}
	}
}

func TestBeginTellsTheReferenceAndTheTime(t *testing.T) {
	p := open(t, nil)
	r := checkout.BeginRequest{AttemptID: "pay_1", Method: MethodID, Amount: 2500, Currency: "eur", Livemode: true}
	step, err := p.Begin(t.Context(), r)
	if err != nil || step.Ref != referenceOf("pay_1") || !step.ExpiresAt.Equal(noon.Add(10*24*time.Hour)) || step.Observation.State != checkout.StateActionRequired {
		t.Errorf("Begin gives %+v, %v", step, err)
	}
	for name, change := range map[string]func(*checkout.BeginRequest){
		"method": func(r *checkout.BeginRequest) { r.Method = "card" }, "currency": func(r *checkout.BeginRequest) { r.Currency = "chf" },
		"mode": func(r *checkout.BeginRequest) { r.Livemode = false }, "amount": func(r *checkout.BeginRequest) { r.Amount = 0 },
		"attempt": func(r *checkout.BeginRequest) { r.AttemptID = "" },
	} {
		other := r
		change(&other)
		if _, err := p.Begin(t.Context(), other); !errors.Is(err, checkout.ErrRejected) {
			t.Errorf("Begin of another %s gives %v", name, err)
		}
	}
}

func TestObserveAndCancel(t *testing.T) {
	p := open(t, nil)
	ref := checkout.ChargeRef{AttemptID: "pay_1", Ref: referenceOf("pay_1"), Livemode: true}
	lost := checkout.ChargeRef{AttemptID: "pay_1", Livemode: true}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for want, call := range map[checkout.State]func(context.Context, checkout.ChargeRef) (checkout.Observation, error){
		checkout.StateActionRequired: p.Observe, checkout.StateCanceled: p.Cancel,
	} {
		for _, r := range []checkout.ChargeRef{ref, lost} {
			if o, err := call(t.Context(), r); err != nil || o.State != want || o.Ref != ref.Ref || o.AttemptID != "pay_1" {
				t.Errorf("%s: %+v, %v", want, o, err)
			}
		}
		for _, r := range []checkout.ChargeRef{{AttemptID: "pay_2", Ref: ref.Ref, Livemode: true}, {AttemptID: "pay_1"}, {Livemode: true}} {
			if _, err := call(t.Context(), r); !errors.Is(err, checkout.ErrNoCharge) {
				t.Errorf("%s of %+v gives %v", want, r, err)
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
func TestTheBuyersTimeBeginsWithTheAttempt(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		patience, grace time.Duration
		want            time.Duration
	}{
		"by default": {0, 0, 10 * day}, "the longest": {60 * day, 30 * day, 90 * day}, "without grace": {2 * day, -1, 2 * day}, "an hour": {day, time.Hour, 25 * time.Hour},
	} {
		p := open(t, func(cfg *Config) { cfg.Patience, cfg.Grace = c.patience, c.grace })
		begun := noon.Add(-30 * time.Hour).In(time.FixedZone("", 3600))
		for _, when := range []struct{ begun, want time.Time }{{begun, begun.Add(c.want)}, {time.Time{}, noon.Add(c.want)}} {
			o, err := p.Observe(t.Context(), checkout.ChargeRef{AttemptID: "pay_1", Livemode: true, BegunAt: when.begun})
			if err != nil || !o.ExpiresAt.Equal(when.want) || o.ExpiresAt.Location() != time.UTC {
				t.Errorf("%s: an attempt begun at %v ends at %v, %v, want %v", name, when.begun, o.ExpiresAt, err, when.want)
			}
		}
		if o, _ := p.Cancel(t.Context(), checkout.ChargeRef{AttemptID: "pay_1", Livemode: true, BegunAt: begun}); !o.ExpiresAt.IsZero() {
			t.Errorf("%s: what was taken back ends at %v", name, o.ExpiresAt)
		}
	}
}

// The buyer is told the days without the grace: those are for the bank and the next import.
func TestTheBuyerIsToldTheDaysToPay(t *testing.T) {
	p := open(t, func(cfg *Config) { cfg.Patience, cfg.Grace = 48*time.Hour, time.Hour })
	q := checkout.InstructionQuery{Charge: checkout.ChargeRef{AttemptID: "pay_1", BegunAt: noon.In(time.FixedZone("", 3600))}, Due: 2500}
	if got := p.Instructions(q).Until; !got.Equal(noon.Add(48*time.Hour)) || got.Location() != time.UTC {
		t.Errorf("the buyer has until %v", got)
	}
	q.Charge.BegunAt = time.Time{}
	if got := p.Instructions(q).Until; !got.IsZero() {
		t.Errorf("the buyer of an attempt without a beginning has until %v", got)
	}
}

func instructionFields(i checkout.Instructions) map[string]string {
	m := map[string]string{}
	for _, f := range i.Fields {
		m[f.Key] = f.Value
	}
	return m
}

func TestInstructionsAreWhatABankAsksFor(t *testing.T) {
	q := checkout.InstructionQuery{Charge: checkout.ChargeRef{AttemptID: "pay_1"}, Due: 123450, Locale: "en"}
	got := open(t, nil).Instructions(q)
	want := map[string]string{
		"payee": "Müller & Söhne", "iban": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX", "bank": "Commerzbank", "reference": inFours(referenceOf("pay_1")),
	}
	if fields := instructionFields(got); !maps.Equal(fields, want) || len(got.Fields) != len(want) {
		t.Errorf("the fields are %v, want %v", got.Fields, want)
	}
	for _, f := range got.Fields {
		if want := strings.ReplaceAll(f.Value, " ", ""); (f.Key == "iban" || f.Key == "reference") && f.Copy != want {
			t.Errorf("%s is copied as %q, want %q", f.Key, f.Copy, want)
		}
	}
	if want := "BCD\n002\n1\nSCT\nCOBADEFFXXX\nMüller & Söhne\nDE89370400440532013000\nEUR1234.50\n\n" + referenceOf("pay_1"); got.QR != want {
		t.Errorf("the code is %q, want %q", got.QR, want)
	}
	q.Due = 105
	if code := open(t, nil).Instructions(q).QR; !strings.Contains(code, "\nEUR1.05\n") {
		t.Errorf("the code is %q for 105 cents", code)
	}
	if groups := strings.Split(want["reference"], " "); len(groups) != 5 {
		t.Errorf("the reference is shown as %q", want["reference"])
	}
	bare := open(t, func(cfg *Config) { cfg.BIC, cfg.BankName = "", "" }).Instructions(q)
	if len(bare.Fields) != 3 || !strings.Contains(bare.QR, "\nSCT\n\nMüller") {
		t.Errorf("without a BIC and a bank: %+v", bare)
	}
}

func TestTheCodeAlwaysFits(t *testing.T) {
	for _, name := range []string{"A", strings.Repeat("A", 70), strings.Repeat("ß", 70), strings.Repeat("銀", 70), strings.Repeat("😀", 70), strings.Repeat("😀", 69) + "A"} {
		p := open(t, func(cfg *Config) { cfg.Name, cfg.IBAN = name, "MT84MALT011000012345MTLCAST001S" })
		for _, due := range []int64{1, 100, maxAmount} {
			code := p.Instructions(checkout.InstructionQuery{Charge: checkout.ChargeRef{AttemptID: "pay_1"}, Due: due}).QR
			lines := strings.Split(code, "\n")
			if len(code) > maxCode || len(lines) != 10 || !strings.HasPrefix(name, lines[5]) || lines[5] == "" || strings.ContainsRune(code, '\uFFFD') {
				t.Errorf("%d bytes for %q: %q", len(code), name, code)
			}
			if len(name) < 220 && lines[5] != name {
				t.Errorf("%q was cut to %q", name, lines[5])
			}
			if len(name) >= 276 && maxCode-len(code) > 3 {
				t.Errorf("%d bytes are left where %q was cut", maxCode-len(code), name)
			}
		}
		for _, due := range []int64{0, -1, maxAmount + 1} {
			if code := p.code("RF", due); code != "" {
				t.Errorf("a code asks for %d: %q", due, code)
			}
		}
	}
}

func TestTextsHaveTheSameParagraphsInEveryLanguage(t *testing.T) {
	for tag, paragraphs := range texts {
		if len(paragraphs) != len(texts["en"]) || slices.Contains(paragraphs, "") {
			t.Errorf("%s has %d paragraphs", tag, len(paragraphs))
		}
	}
	for _, tag := range strings.Fields("en de fr es it nl pl pt sv tr ar he") { // the languages of the page
		if texts[tag] == nil || testTexts[tag] == nil {
			t.Errorf("%s is missing", tag)
		}
	}
	for locale, want := range map[string]string{"de": "de", "de-AT": "de", "DE_ch": "de", "en-GB": "en", "ja": "en", "": "en", "den": "en", "-": "en"} {
		if got := textIn(texts, locale); got[0] != texts[want][0] {
			t.Errorf("%q is answered with %q", locale, got[0])
		}
	}
}

func TestATestAccountSaysThatNothingIsToBeTransferred(t *testing.T) {
	for lang, want := range map[string]string{"en": "do not transfer anything", "de-AT": "überweisen Sie nichts", "ja": "do not transfer anything"} {
		p, err := New(Config{Name: "Demo Shop GmbH", IBAN: shopIBAN, Test: true})
		if err != nil {
			t.Fatal(err)
		}
		q := checkout.InstructionQuery{Charge: checkout.ChargeRef{AttemptID: "pay_1"}, Due: 2500, Locale: lang}
		if got := p.Instructions(q).Text; len(got) != 3 || !strings.Contains(got[0], want) {
			t.Errorf("in %s it says %q, want %q first", lang, got, want)
		}
	}
	if len(testTexts) != len(texts) {
		t.Errorf("%d languages of %d have the words of test mode", len(testTexts), len(texts))
	}
}
