package checkoutstripe

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

func failedWith(fields string) string {
	return `,"last_payment_error":{"type":"card_error",` + fields + `}`
}

func TestObserveIntent(t *testing.T) {
	client := `{"key":"` + testPublishable + `","secret":"pi_3Nx_secret_x"}`
	waiting := checkout.Observation{State: checkout.StateActionRequired, Client: client}
	declined := func(try, code, provider string) checkout.Observation {
		o := waiting
		o.TryID, o.Reason = try, checkout.Reason{Code: code, ProviderCode: provider}
		return o
	}
	tests := map[string]struct {
		status, more string
		want         checkout.Observation
	}{
		"new":          {"requires_payment_method", `,"last_payment_error":null`, waiting},
		"confirm":      {"requires_confirmation", "", waiting},
		"3-D Secure":   {"requires_action", failedWith(`"charge":"ch_old","code":"card_declined"`), waiting},
		"on its way":   {"processing", "", checkout.Observation{State: checkout.StateProcessing}},
		"authorised":   {"requires_capture", "", checkout.Observation{State: checkout.StateProcessing}},
		"taken back":   {"canceled", "", checkout.Observation{State: checkout.StateCanceled}},
		"paid":         {"succeeded", paidMore, checkout.Observation{State: checkout.StateSucceeded, Captured: 2500, ChargeID: "ch_1"}},
		"paid less":    {"succeeded", `,"amount_received":2000,"latest_charge":{"id":"ch_1"}`, checkout.Observation{State: checkout.StateSucceeded, Captured: 2000, ChargeID: "ch_1"}},
		"declined":     {"requires_payment_method", failedWith(`"charge":"ch_9","code":"card_declined","decline_code":"generic_decline"`), declined("ch_9", "declined", "generic_decline")},
		"no money":     {"requires_payment_method", failedWith(`"charge":"ch_9","code":"card_declined","decline_code":"insufficient_funds"`), declined("ch_9", "insufficient_funds", "insufficient_funds")},
		"stolen":       {"requires_payment_method", failedWith(`"charge":"ch_9","code":"card_declined","decline_code":"stolen_card"`), declined("ch_9", "declined", "stolen_card")},
		"fraud":        {"requires_payment_method", failedWith(`"charge":"ch_9","code":"card_declined","decline_code":"fraudulent"`), declined("ch_9", "declined", "fraudulent")},
		"expired":      {"requires_payment_method", failedWith(`"charge":"ch_9","code":"expired_card"`), declined("ch_9", "expired_card", "expired_card")},
		"wrong cvc":    {"requires_payment_method", failedWith(`"charge":"ch_9","code":"incorrect_cvc","decline_code":"incorrect_cvc"`), declined("ch_9", "incorrect_cvc", "incorrect_cvc")},
		"processing":   {"requires_payment_method", failedWith(`"charge":"ch_9","code":"processing_error"`), declined("ch_9", "processing_error", "processing_error")},
		"bank says no": {"requires_payment_method", failedWith(`"code":"payment_intent_authentication_failure","payment_method":{"id":"pm_7"}`), declined("pm_7:payment_intent_authentication_failure", "authentication_failed", "payment_intent_authentication_failure")},
		"given up":     {"requires_payment_method", failedWith(`"code":"payment_method_customer_decline","payment_method":{"id":"pm_7"}`), declined("pm_7:payment_method_customer_decline", "canceled_by_customer", "payment_method_customer_decline")},
		"no word":      {"requires_payment_method", failedWith(`"code":"<b>"`), declined("failed", "declined", "")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, map[string][]said{getIntent: {ok(intentJSON(tt.status, tt.more))}, listRefunds: {ok(listJSON(false))}})
			tt.want.AttemptID, tt.want.Ref, tt.want.Currency = attempt, intentID, "eur"
			o, err := c.provider().Observe(t.Context(), refOf(intentID))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, o); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestObserveSession(t *testing.T) {
	at := "https://checkout.stripe.com/c/pay/a1"
	broken := failedWith(`"charge":"ch_9","code":"card_declined","decline_code":"insufficient_funds"`)
	reason := checkout.Reason{Code: "insufficient_funds", ProviderCode: "insufficient_funds"}
	tests := map[string]struct {
		status, intent string
		want           checkout.Observation
	}{
		"open, untouched":       {"open", "null", checkout.Observation{State: checkout.StateActionRequired, RedirectURL: at}},
		"open, declined once":   {"open", intentJSON("requires_payment_method", broken), checkout.Observation{State: checkout.StateActionRequired, RedirectURL: at, TryID: "ch_9", Reason: reason, Currency: "eur"}},
		"open, at the bank":     {"open", intentJSON("requires_action", ""), checkout.Observation{State: checkout.StateActionRequired, RedirectURL: at, Currency: "eur"}},
		"open, under way":       {"open", intentJSON("processing", ""), checkout.Observation{State: checkout.StateProcessing, Currency: "eur"}},
		"complete, paid":        {"complete", intentJSON("succeeded", paidMore), checkout.Observation{State: checkout.StateSucceeded, Captured: 2500, ChargeID: "ch_1", Currency: "eur"}},
		"complete, a debit":     {"complete", intentJSON("processing", ""), checkout.Observation{State: checkout.StateProcessing, Currency: "eur"}},
		"complete, came back":   {"complete", intentJSON("requires_payment_method", broken), checkout.Observation{State: checkout.StateFailed, Reason: reason, Currency: "eur"}},
		"complete, without one": {"complete", "null", checkout.Observation{State: checkout.StateProcessing}},
		"expired":               {"expired", "null", checkout.Observation{State: checkout.StateCanceled}},
		"expired after a try":   {"expired", intentJSON("requires_payment_method", broken), checkout.Observation{State: checkout.StateCanceled, Currency: "eur"}},
		"expired, paid before":  {"expired", intentJSON("succeeded", paidMore), checkout.Observation{State: checkout.StateSucceeded, Captured: 2500, ChargeID: "ch_1", Currency: "eur"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, map[string][]said{getHosted: {ok(hostedJSON(tt.status, tt.intent))}, listRefunds: {ok(listJSON(false))}})
			tt.want.AttemptID, tt.want.Ref = attempt, hostedID
			o, err := c.provider(hosted).Observe(t.Context(), refOf(hostedID))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, o); diff != "" {
				t.Error(diff)
			}
			if got := c.asked[0].form.Get("expand[]"); got != "payment_intent" {
				t.Errorf("expand is %q", got)
			}
		})
	}
}

func refundJSON(id, status, key string, amount int) string {
	return `{"object":"refund","id":"` + id + `","status":"` + status + `","amount":` + strconv.Itoa(amount) + `,"currency":"eur","metadata":{"refund":"` + key + `"}}`
}

func TestObserveTellsRefunds(t *testing.T) {
	c := newCompany(t, map[string][]said{
		getIntent: {ok(intentJSON("succeeded", paidMore))},
		listRefunds: {
			ok(listJSON(true, refundJSON("re_1", "pending", "k1", 100), refundJSON("re_2", "requires_action", "k2", 200))),
			ok(listJSON(false, refundJSON("re_3", "succeeded", "", 300), refundJSON("re_4", "failed", "k4", 400), refundJSON("re_5", "canceled", "k5", 500))),
		},
	})
	o, err := c.provider().Observe(t.Context(), refOf(intentID))
	if err != nil {
		t.Fatal(err)
	}
	want := []checkout.RefundObservation{
		{Key: "k1", Ref: "re_1", State: checkout.StateProcessing, Amount: 100, Currency: "eur"},
		{Key: "k2", Ref: "re_2", State: checkout.StateProcessing, Amount: 200, Currency: "eur"},
		{Ref: "re_3", State: checkout.StateSucceeded, Amount: 300, Currency: "eur"},
		{Key: "k4", Ref: "re_4", State: checkout.StateFailed, Amount: 400, Currency: "eur"},
		{Key: "k5", Ref: "re_5", State: checkout.StateCanceled, Amount: 500, Currency: "eur"},
	}
	if diff := cmp.Diff(want, o.Refunds); diff != "" {
		t.Error(diff)
	}
	for i, want := range []url.Values{
		{"payment_intent": {intentID}, "limit": {"100"}},
		{"payment_intent": {intentID}, "limit": {"100"}, "starting_after": {"re_2"}},
	} {
		if diff := cmp.Diff(want, c.asked[1+i].form); diff != "" {
			t.Error(diff)
		}
	}
}

// That the buyer has paid is worth more than the list of refunds, which this key may never read.
func TestObserveWithoutPermissionForRefunds(t *testing.T) {
	c := newCompany(t, map[string][]said{getIntent: {ok(intentJSON("succeeded", paidMore))}, listRefunds: {refused(403, "invalid_request_error", "")}})
	o, err := c.provider().Observe(t.Context(), refOf(intentID))
	if err != nil || o.State != checkout.StateSucceeded || o.Refunds != nil {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
	if !strings.Contains(c.log.String(), "lacks a permission") {
		t.Errorf("the log says %q", c.log.String())
	}
}

// A refund that could not be looked at must not be taken for none: the notification about it would be forgotten.
func TestObserveNeedsTheRefunds(t *testing.T) {
	c := newCompany(t, map[string][]said{getIntent: {ok(intentJSON("succeeded", paidMore))}, listRefunds: {refused(500, "api_error", "")}})
	_, err := c.provider().Observe(t.Context(), refOf(intentID))
	wantNoKind(t, err)
}

func TestObserveRefusesOtherCharges(t *testing.T) {
	other := strings.ReplaceAll(intentJSON("succeeded", paidMore), attempt, "pay_other")
	live := strings.ReplaceAll(intentJSON("succeeded", paidMore), `"livemode":false`, `"livemode":true`)
	tests := map[string]struct {
		ref     checkout.ChargeRef
		answers map[string][]said
	}{
		"another attempt":    {refOf(intentID), map[string][]said{getIntent: {ok(other)}}},
		"the other mode":     {refOf(intentID), map[string][]said{getIntent: {ok(live)}}},
		"nothing":            {refOf(intentID), map[string][]said{getIntent: {refused(404, "invalid_request_error", "resource_missing")}}},
		"a foreign id":       {refOf("ch_1"), nil},
		"an id with a path":  {refOf("pi_1/../../x"), nil},
		"no attempt":         {checkout.ChargeRef{Ref: intentID}, nil},
		"never asked for":    {refOf(""), map[string][]said{listSessions: {ok(listJSON(false))}, listIntents: {ok(listJSON(false, other))}}},
		"a session of other": {refOf(hostedID), map[string][]said{getHosted: {ok(strings.ReplaceAll(hostedJSON("open", "null"), attempt, "pay_other"))}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newCompany(t, tt.answers).provider()
			o, err := p.Observe(t.Context(), tt.ref)
			if !errors.Is(err, checkout.ErrNoCharge) {
				t.Errorf("Observe gives %+v, %v, want ErrNoCharge", o, err)
			}
			if o, err := p.Cancel(t.Context(), tt.ref); !errors.Is(err, checkout.ErrNoCharge) {
				t.Errorf("Cancel gives %+v, %v, want ErrNoCharge", o, err)
			}
		})
	}
}

func TestObserveCannotRead(t *testing.T) {
	tests := map[string]map[string][]said{
		"an unknown status":         {getIntent: {ok(intentJSON("asleep", ""))}},
		"a fraction of a króna":     {getIntent: {ok(strings.ReplaceAll(intentJSON("succeeded", `,"amount_received":150050`), `"eur"`, `"isk"`))}},
		"a refund with other words": {getIntent: {ok(intentJSON("succeeded", paidMore))}, listRefunds: {ok(listJSON(false, refundJSON("re_1", "thinking", "k1", 1)))}},
	}
	for name, answers := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newCompany(t, answers).provider().Observe(t.Context(), refOf(intentID))
			wantNoKind(t, err)
		})
	}
	c := newCompany(t, map[string][]said{getHosted: {ok(hostedJSON("asleep", "null"))}})
	_, err := c.provider().Observe(t.Context(), refOf(hostedID))
	wantNoKind(t, err)
}

func TestObserveByAttempt(t *testing.T) {
	other := `{"id":"pi_2","metadata":{}}`
	window := url.Values{
		"limit": {"100"}, "created[gte]": {strconv.FormatInt(noon.Add(-5*time.Minute).Unix(), 10)}, "created[lte]": {strconv.FormatInt(noon.Add(20*time.Minute).Unix(), 10)},
	}
	next := url.Values{"starting_after": {"pi_2"}}
	for field, values := range window {
		next[field] = values
	}
	found := intentJSON("processing", "")
	c := newCompany(t, map[string][]said{
		listSessions: {ok(listJSON(false, `{"id":"cs_2","client_reference_id":null}`))},
		listIntents:  {ok(listJSON(true, other)), ok(listJSON(false, found))},
		getIntent:    {ok(found)},
	})
	o, err := c.provider().Observe(t.Context(), refOf(""))
	if err != nil || o.Ref != intentID || o.State != checkout.StateProcessing {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
	for i, want := range []url.Values{window, window, next} {
		if diff := cmp.Diff(want, c.asked[i].form); diff != "" {
			t.Errorf("%s: %s", c.asked[i].line, diff)
		}
	}
}

// The PaymentIntent of a Checkout Session has the attempt too, but the session is the charge.
func TestObserveByAttemptPrefersTheSession(t *testing.T) {
	c := newCompany(t, map[string][]said{listSessions: {ok(listJSON(false, hostedJSON("open", `"pi_9"`)))}, getHosted: {ok(hostedJSON("open", "null"))}})
	o, err := c.provider().Observe(t.Context(), refOf(""))
	if err != nil || o.Ref != hostedID || o.RedirectURL == "" {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
}

func TestObserveByAttemptInABusyAccount(t *testing.T) {
	busy := ok(listJSON(true, `{"id":"pi_2","metadata":{}}`))
	answers := map[string][]said{
		listSessions: {ok(listJSON(false))}, listIntents: {busy}, getIntent: {ok(intentJSON("processing", ""))},
		searchIntents: {ok(listJSON(false, intentJSON("processing", "")))},
	}
	c := newCompany(t, answers)
	o, err := c.provider().Observe(t.Context(), refOf(""))
	if err != nil || o.Ref != intentID {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
	if got := strings.Count(c.lines(), listIntents+"\n"); got != maxPages {
		t.Errorf("%d pages were read, want %d", got, maxPages)
	}
	query := url.Values{"query": {`metadata["attempt"]:"` + attempt + `"`}, "limit": {"1"}}
	if diff := cmp.Diff(query, c.asked[len(c.asked)-2].form); diff != "" {
		t.Error(diff)
	}
}

const searchIntents = "GET /v1/payment_intents/search"

// Sessions are looked for through their PaymentIntents where there are more than can be looked through.
func TestObserveByAttemptAmongManySessions(t *testing.T) {
	many, none := ok(listJSON(true, `{"id":"cs_2"}`)), ok(listJSON(false))
	paying := intentJSON("processing", "")
	sessions := func(last said) []said { return append(slices.Repeat([]said{many}, maxPages), last) }
	for name, c := range map[string]struct {
		answers map[string][]said
		want    string
	}{
		"a session whose buyer pays": {map[string][]said{
			listSessions: sessions(ok(listJSON(false, hostedJSON("open", `"pi_3Nx"`)))), listIntents: {ok(listJSON(false, paying))}, getHosted: {ok(hostedJSON("open", paying))},
		}, hostedID},
		"a session whose buyer came later": {map[string][]said{
			listSessions: sessions(ok(listJSON(false, hostedJSON("open", `"pi_3Nx"`)))), listIntents: {none}, searchIntents: {ok(listJSON(false, paying))},
			getHosted: {ok(hostedJSON("open", paying))},
		}, hostedID},
		"no session": {map[string][]said{listSessions: sessions(none), listIntents: {ok(listJSON(false, paying))}, getIntent: {ok(paying)}}, intentID},
	} {
		t.Run(name, func(t *testing.T) {
			company := newCompany(t, c.answers)
			o, err := company.provider().Observe(t.Context(), refOf(""))
			if err != nil || o.Ref != c.want || o.State != checkout.StateProcessing {
				t.Errorf("Observe gives %+v, %v, want %s", o, err, c.want)
			}
			around := company.asked[len(company.asked)-2]
			if diff := cmp.Diff(url.Values{"payment_intent": {intentID}, "limit": {"1"}}, around.form); around.line != listSessions || diff != "" {
				t.Errorf("%s: %s", around.line, diff)
			}
		})
	}
}

// A list that was not read to its end proves nothing, and neither does a search that may be behind.
func TestObserveByAttemptDoesNotGuess(t *testing.T) {
	many, none := ok(listJSON(true, `{"id":"cs_2"}`)), ok(listJSON(false))
	for name, answers := range map[string]map[string][]said{
		"many sessions":            {listSessions: {many}, listIntents: {none}, searchIntents: {none}},
		"many intents":             {listSessions: {none}, listIntents: {many}, searchIntents: {none}},
		"many of both, no answers": {listSessions: {many}, listIntents: {many}, searchIntents: {refused(500, "api_error", "")}},
	} {
		for age, sure := range map[time.Duration]bool{0: false, 59 * time.Minute: false, time.Hour: answers[searchIntents][0].status == 200} {
			p := newCompany(t, maps.Clone(answers)).provider(func(cfg *Config) { cfg.Now = func() time.Time { return noon.Add(age) } })
			_, err := p.Observe(t.Context(), refOf(""))
			if sure != errors.Is(err, checkout.ErrNoCharge) {
				t.Errorf("%s, %v after Begin: %v", name, age, err)
			}
			if !sure {
				wantNoKind(t, err)
			}
		}
		ref := refOf("")
		ref.BegunAt = time.Time{}
		_, err := newCompany(t, maps.Clone(answers)).provider().Observe(t.Context(), ref)
		wantNoKind(t, err)
	}
}

// An attempt's id with a quote would become a part of the query.
func TestSearchQuotesNothing(t *testing.T) {
	c := newCompany(t, map[string][]said{listSessions: {ok(listJSON(false))}, listIntents: {ok(listJSON(true, `{"id":"pi_2"}`))}})
	ref := refOf("")
	ref.AttemptID = `x" OR status:"succeeded`
	if o, err := c.provider().Observe(t.Context(), ref); !errors.Is(err, checkout.ErrNoCharge) {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
}

// A charge of the page's fields, from before the configuration became Hosted: without a key there is nothing to show.
func TestObserveIntentWithoutPublishableKey(t *testing.T) {
	c := newCompany(t, map[string][]said{getIntent: {ok(intentJSON("requires_action", ""))}})
	o, err := c.provider(hosted, func(cfg *Config) { cfg.PublishableKey = "" }).Observe(t.Context(), refOf(intentID))
	if err != nil || o.State != checkout.StateActionRequired || o.Client != "" {
		t.Errorf("Observe gives %+v, %v", o, err)
	}
}
