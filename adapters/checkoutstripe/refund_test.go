package checkoutstripe

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

const makeRefunds = "POST /v1/refunds"

func refundRequest(amount int64) checkout.RefundRequest {
	return checkout.RefundRequest{Charge: refOf(intentID), Key: "re_own_1", Amount: amount, Currency: "eur", Reason: "a bag was torn"}
}

func TestRefund(t *testing.T) {
	for reason, sent := range map[string]string{
		"duplicate": "duplicate", "fraudulent": "fraudulent", "requested_by_customer": "requested_by_customer", "a bag was torn": "", "": "",
	} {
		c := newCompany(t, map[string][]said{
			getIntent: {ok(intentJSON("succeeded", paidMore))}, listRefunds: {ok(listJSON(false, refundJSON("re_8", "succeeded", "re_own_0", 100)))},
			makeRefunds: {ok(refundJSON("re_9", "pending", "re_own_1", 2000))},
		})
		r := refundRequest(2000)
		r.Reason = reason
		o, err := c.provider().Refund(t.Context(), r)
		want := checkout.RefundObservation{Key: "re_own_1", Ref: "re_9", State: checkout.StateProcessing, Amount: 2000, Currency: "eur"}
		if err != nil || o != want {
			t.Errorf("Refund gives %+v, %v, want %+v", o, err, want)
		}
		form := url.Values{"payment_intent": {intentID}, "amount": {"2000"}, "metadata[refund]": {"re_own_1"}, "metadata[attempt]": {attempt}}
		if sent != "" {
			form.Set("reason", sent)
		}
		last := c.asked[len(c.asked)-1]
		if diff := cmp.Diff(form, last.form); diff != "" {
			t.Errorf("for %q: %s", reason, diff)
		}
		if got := last.header.Get("Idempotency-Key"); got != "re_own_1" {
			t.Errorf("the idempotency key is %q", got)
		}
	}
}

// Stripe has forgotten the key after a day, the metadata it has not.
func TestRefundIsLookedForFirst(t *testing.T) {
	for status, state := range map[string]checkout.State{"succeeded": checkout.StateSucceeded, "failed": checkout.StateFailed, "pending": checkout.StateProcessing} {
		c := newCompany(t, map[string][]said{
			getIntent: {ok(intentJSON("succeeded", paidMore))},
			listRefunds: {
				ok(listJSON(true, refundJSON("re_8", "succeeded", "re_own_0", 100))),
				ok(listJSON(false, refundJSON("re_9", status, "re_own_1", 2000))),
			},
		})
		o, err := c.provider().Refund(t.Context(), refundRequest(2000))
		if err != nil || o.Ref != "re_9" || o.State != state {
			t.Errorf("Refund gives %+v, %v", o, err)
		}
	}
}

func TestRefundOfASession(t *testing.T) {
	c := newCompany(t, map[string][]said{
		getHosted: {ok(hostedJSON("complete", intentJSON("succeeded", paidMore)))}, listRefunds: {ok(listJSON(false))},
		makeRefunds: {ok(refundJSON("re_9", "succeeded", "re_own_1", 2500))},
	})
	r := refundRequest(2500)
	r.Charge = refOf(hostedID)
	if o, err := c.provider(hosted).Refund(t.Context(), r); err != nil || o.State != checkout.StateSucceeded {
		t.Errorf("Refund gives %+v, %v", o, err)
	}
	if got := c.asked[2].form.Get("payment_intent"); got != intentID {
		t.Errorf("the refund is of %q, want %q", got, intentID)
	}
}

func TestRefundConvertsAmounts(t *testing.T) {
	c := newCompany(t, map[string][]said{
		getIntent: {ok(strings.ReplaceAll(intentJSON("succeeded", `,"amount_received":150000`), `"eur"`, `"isk"`))}, listRefunds: {ok(listJSON(false))},
		makeRefunds: {ok(strings.ReplaceAll(refundJSON("re_9", "succeeded", "re_own_1", 70_000), `"eur"`, `"isk"`))},
	})
	r := refundRequest(700)
	r.Currency = "isk"
	o, err := c.provider().Refund(t.Context(), r)
	if err != nil || o.Amount != 700 || c.asked[2].form.Get("amount") != "70000" {
		t.Errorf("Refund of 700 isk asks for %v and gives %+v, %v", c.asked[2].form, o, err)
	}
}

func TestRefundRefused(t *testing.T) {
	paid := []said{ok(intentJSON("succeeded", paidMore))}
	none := []said{ok(listJSON(false))}
	inKrona := refundRequest(2500)
	inKrona.Currency = "sek"
	tests := map[string]struct {
		r       checkout.RefundRequest
		answers map[string][]said
		want    string
	}{
		"unpaid":            {refundRequest(2500), map[string][]said{getIntent: {ok(intentJSON("requires_action", ""))}}, "rejected"},
		"more than is left": {refundRequest(2501), map[string][]said{getIntent: paid, listRefunds: none, makeRefunds: {refused(400, "invalid_request_error", "")}}, "rejected"},
		"another currency":  {inKrona, map[string][]said{getIntent: paid, listRefunds: none}, "rejected"},
		"nothing":           {refundRequest(0), map[string][]said{getIntent: paid, listRefunds: none}, "rejected"},
		"a used key":        {refundRequest(100), map[string][]said{getIntent: paid, listRefunds: none, makeRefunds: {refused(400, "idempotency_error", "")}}, "no kind"},
		"a running twin":    {refundRequest(100), map[string][]said{getIntent: paid, listRefunds: none, makeRefunds: {refused(409, "invalid_request_error", "idempotency_key_in_use")}}, "no kind"},
		"no such charge":    {refundRequest(100), map[string][]said{getIntent: {refused(404, "invalid_request_error", "resource_missing")}}, "no charge"},
		"no list":           {refundRequest(100), map[string][]said{getIntent: paid, listRefunds: {refused(500, "api_error", "")}}, "no kind"},
		"no permission":     {refundRequest(100), map[string][]said{getIntent: paid, listRefunds: {refused(403, "invalid_request_error", "")}}, "no kind"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if o, err := newCompany(t, tt.answers).provider().Refund(t.Context(), tt.r); outcome(err) != tt.want {
				t.Errorf("Refund gives %+v, %v, want %s", o, err, tt.want)
			}
		})
	}
	c := newCompany(t, map[string][]said{getHosted: {ok(hostedJSON("open", "null"))}})
	r := refundRequest(100)
	r.Charge = refOf(hostedID)
	if _, err := c.provider().Refund(t.Context(), r); outcome(err) != "rejected" {
		t.Errorf("Refund of an open session gives %v", err)
	}
}
