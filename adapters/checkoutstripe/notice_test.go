package checkoutstripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

// signature is written from Stripe's description, apart from the code under test.
func signature(secret string, at time.Time, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return hex.EncodeToString(mac.Sum(nil))
}

func signed(secret string, at time.Time, body string) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), signature(secret, at, body))
}

func notification(header string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api/checkout/v1/notify/stripe_test", http.NoBody)
	if header != "" {
		r.Header.Set("Stripe-Signature", header)
	}
	return r
}

func eventJSON(object string) string {
	return `{"id":"evt_1","object":"event","type":"some.event","livemode":false,"data":{"object":` + object + `}}`
}

// A fixed vector, so that the scheme cannot change on both sides at once: printf '1700000000.{"id":"evt_1"}' | openssl
// dgst -sha256 -hmac whsec_vector
func TestNoticeVector(t *testing.T) {
	const vector = "t=1700000000,v1=c6014fd4b390b4bc9c887a309c78277b7c4c562fbe61a9e713bfc5da054789da"
	p := newCompany(t, nil).provider(func(cfg *Config) {
		cfg.WebhookSecrets, cfg.Now = []string{"whsec" + "_vector"}, func() time.Time { return time.Unix(1_700_000_000, 0) }
	})
	if list, err := p.Notice(notification(vector), []byte(`{"id":"evt_1"}`)); err != nil || len(list) != 0 {
		t.Errorf("Notice gives %v, %v", list, err)
	}
}

func TestNotice(t *testing.T) {
	ours := checkout.Observation{AttemptID: attempt, Ref: intentID, EventKey: "evt_1"}
	session := checkout.Observation{AttemptID: attempt, Ref: hostedID, EventKey: "evt_1"}
	foreign := strings.ReplaceAll(intentJSON("succeeded", paidMore), `"attempt":"`+attempt+`"`, `"order":"7"`)
	tests := map[string]struct {
		object  string
		answers map[string][]said
		want    []checkout.Observation
	}{
		"a payment intent":          {intentJSON("succeeded", paidMore), nil, []checkout.Observation{ours}},
		"a checkout session":        {hostedJSON("complete", `"pi_9"`), nil, []checkout.Observation{session}},
		"a charge":                  {`{"object":"charge","id":"ch_1","payment_intent":"` + intentID + `","metadata":{"attempt":"` + attempt + `"}}`, nil, []checkout.Observation{ours}},
		"a refund made here":        {`{"object":"refund","id":"re_1","payment_intent":"` + intentID + `","metadata":{"refund":"k","attempt":"` + attempt + `"}}`, nil, []checkout.Observation{ours}},
		"a refund made at Stripe":   {`{"object":"refund","id":"re_1","payment_intent":"` + intentID + `","metadata":{}}`, map[string][]said{getIntent: {ok(intentJSON("succeeded", paidMore))}}, []checkout.Observation{ours}},
		"a dispute":                 {`{"object":"dispute","id":"dp_1","payment_intent":"` + intentID + `","metadata":{}}`, map[string][]said{getIntent: {ok(intentJSON("succeeded", paidMore))}}, []checkout.Observation{ours}},
		"a refund of others":        {`{"object":"refund","id":"re_1","payment_intent":"` + intentID + `","metadata":null}`, map[string][]said{getIntent: {ok(foreign)}}, nil},
		"a refund of what is gone":  {`{"object":"refund","id":"re_1","payment_intent":"` + intentID + `"}`, map[string][]said{getIntent: {refused(404, "invalid_request_error", "resource_missing")}}, nil},
		"a refund without intent":   {`{"object":"refund","id":"re_1","payment_intent":null}`, nil, nil},
		"a payment intent of other": {foreign, nil, nil},
		"a charge of others":        {`{"object":"charge","id":"ch_1","payment_intent":null,"metadata":{}}`, nil, nil},
		"a customer":                {`{"object":"customer","id":"cus_1","metadata":{"attempt":"` + attempt + `"}}`, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := eventJSON(tt.object)
			list, err := newCompany(t, tt.answers).provider().Notice(notification(signed(testSecret, noon, body)), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, list); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoticeAuthenticity(t *testing.T) {
	body := eventJSON(intentJSON("succeeded", paidMore))
	second := "whsec" + "_" + strings.Repeat("d4", 12)
	sum := signature(testSecret, noon, body)
	tests := map[string]struct {
		header, body string
		want         string
	}{
		"as Stripe signs":          {signed(testSecret, noon, body), body, "none"},
		"with the older scheme":    {signed(testSecret, noon, body) + ",v0=" + strings.Repeat("0", 64), body, "none"},
		"by the second secret":     {signed(second, noon, body), body, "none"},
		"by both secrets":          {fmt.Sprintf("t=%d,v1=%s,v1=%s", noon.Unix(), signature("whsec"+"_old", noon, body), sum), body, "none"},
		"just in time":             {signed(testSecret, noon.Add(-300*time.Second), body), body, "none"},
		"too late":                 {signed(testSecret, noon.Add(-301*time.Second), body), body, "forged"},
		"from the future":          {signed(testSecret, noon.Add(301*time.Second), body), body, "forged"},
		"by nobody":                {"", body, "forged"},
		"by another secret":        {signed("whsec"+"_other", noon, body), body, "forged"},
		"with a changed body":      {signed(testSecret, noon, body), strings.Replace(body, "2500", "2501", 1), "forged"},
		"with a changed time":      {fmt.Sprintf("t=%d,v1=%s", noon.Unix()+1, sum), body, "forged"},
		"with the body cut off":    {signed(testSecret, noon, body), body[:len(body)-1], "forged"},
		"only by the older scheme": {fmt.Sprintf("t=%d,v0=%s", noon.Unix(), sum), body, "forged"},
		"without a time":           {"v1=" + sum, body, "forged"},
		"in other words":           {"good", body, "forged"},
		"unreadable, but signed":   {signed(testSecret, noon, "{"), "{", "no kind"},
		"empty, but signed":        {signed(testSecret, noon, "{}"), "{}", "no kind"},
		"a list, but signed":       {signed(testSecret, noon, "[]"), "[]", "no kind"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, nil)
			p := c.provider(func(cfg *Config) { cfg.WebhookSecrets = []string{testSecret, second} })
			list, err := p.Notice(notification(tt.header), []byte(tt.body))
			if outcome(err) != tt.want || (len(list) == 1) != (tt.want == "none") {
				t.Errorf("Notice gives %d observations, %v, want %s", len(list), err, tt.want)
			}
			wantSecretsKept(t, c, err)
		})
	}
}

func TestNoticeOfTheOtherMode(t *testing.T) {
	body := strings.ReplaceAll(eventJSON(intentJSON("succeeded", paidMore)), `"livemode":false`, `"livemode":true`)
	c := newCompany(t, nil)
	list, err := c.provider().Notice(notification(signed(testSecret, noon, body)), []byte(body))
	if err != nil || len(list) != 0 || !strings.Contains(c.log.String(), "of the other mode") {
		t.Errorf("Notice gives %v, %v, and the log says %q", list, err, c.log.String())
	}
}

// Who owns a refund cannot be found out now: the company has to send the notification again.
func TestNoticeWithoutAnAnswer(t *testing.T) {
	body := eventJSON(`{"object":"refund","id":"re_1","payment_intent":"` + intentID + `"}`)
	c := newCompany(t, map[string][]said{getIntent: {refused(500, "api_error", "")}})
	list, err := c.provider().Notice(notification(signed(testSecret, noon, body)), []byte(body))
	if outcome(err) != "no kind" || len(list) != 0 {
		t.Errorf("Notice gives %v, %v", list, err)
	}
}
