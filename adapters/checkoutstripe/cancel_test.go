package checkoutstripe

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout"
)

const (
	cancelIntents = getIntentPost + "/cancel"
	getIntentPost = "POST /v1/payment_intents/" + intentID
	expireHosted  = "POST /v1/checkout/sessions/" + hostedID + "/expire"
)

func TestCancelIntent(t *testing.T) {
	for _, status := range []string{"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"} {
		c := newCompany(t, map[string][]said{getIntent: {ok(intentJSON(status, ""))}, cancelIntents: {ok(intentJSON("canceled", ""))}})
		o, err := c.provider().Cancel(t.Context(), refOf(intentID))
		if err != nil || o.State != checkout.StateCanceled || o.Client != "" {
			t.Errorf("Cancel of %s gives %+v, %v", status, o, err)
		}
		if diff := cmp.Diff(url.Values{"cancellation_reason": {"abandoned"}}, c.asked[1].form); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCancelSession(t *testing.T) {
	c := newCompany(t, map[string][]said{getHosted: {ok(hostedJSON("open", "null"))}, expireHosted: {ok(hostedJSON("expired", "null"))}})
	o, err := c.provider(hosted).Cancel(t.Context(), refOf(hostedID))
	if err != nil || o.State != checkout.StateCanceled || o.RedirectURL != "" {
		t.Errorf("Cancel gives %+v, %v", o, err)
	}
	if diff := cmp.Diff(url.Values{"expand[]": {"payment_intent"}}, c.asked[1].form); diff != "" {
		t.Error(diff)
	}
}

// A buyer who has finished Stripe's page, but not the payment: the session cannot be expired any more.
func TestCancelWhatACompleteSessionHasLeft(t *testing.T) {
	for _, status := range []string{"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"} {
		c := newCompany(t, map[string][]said{getHosted: {ok(hostedJSON("complete", intentJSON(status, "")))}, cancelIntents: {ok(intentJSON("canceled", ""))}})
		o, err := c.provider(hosted).Cancel(t.Context(), refOf(hostedID))
		if err != nil || o.State != checkout.StateCanceled || o.Ref != hostedID || o.AttemptID != attempt {
			t.Errorf("Cancel of %s gives %+v, %v", status, o, err)
		}
		if diff := cmp.Diff(url.Values{"cancellation_reason": {"abandoned"}}, c.asked[len(c.asked)-1].form); diff != "" {
			t.Error(diff)
		}
	}
}

// What cannot be taken back is told, and nothing is tried.
func TestCancelTooLate(t *testing.T) {
	tests := map[string]struct {
		id, line, object string
		want             checkout.State
	}{
		"paid":              {intentID, getIntent, intentJSON("succeeded", paidMore), checkout.StateSucceeded},
		"a debit under way": {intentID, getIntent, intentJSON("processing", ""), checkout.StateProcessing},
		"canceled before":   {intentID, getIntent, intentJSON("canceled", ""), checkout.StateCanceled},
		"a paid session":    {hostedID, getHosted, hostedJSON("complete", intentJSON("succeeded", paidMore)), checkout.StateSucceeded},
		"a session's debit": {hostedID, getHosted, hostedJSON("complete", intentJSON("processing", "")), checkout.StateProcessing},
		"an old session":    {hostedID, getHosted, hostedJSON("expired", "null"), checkout.StateCanceled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, map[string][]said{tt.line: {ok(tt.object)}, listRefunds: {ok(listJSON(false))}})
			if o, err := c.provider().Cancel(t.Context(), refOf(tt.id)); err != nil || o.State != tt.want {
				t.Errorf("Cancel gives %+v, %v, want %s", o, err, tt.want)
			}
		})
	}
}

// The buyer pays between our question and our cancellation.
func TestCancelLosesTheRace(t *testing.T) {
	late := refused(400, "invalid_request_error", "payment_intent_unexpected_state")
	tests := map[string]struct {
		id      string
		answers map[string][]said
		want    checkout.State
	}{
		"paid": {intentID, map[string][]said{
			getIntent: {ok(intentJSON("requires_action", "")), ok(intentJSON("succeeded", paidMore))}, cancelIntents: {late}, listRefunds: {ok(listJSON(false))},
		}, checkout.StateSucceeded},
		"a debit": {intentID, map[string][]said{
			getIntent: {ok(intentJSON("requires_action", "")), ok(intentJSON("processing", ""))}, cancelIntents: {late},
		}, checkout.StateProcessing},
		"canceled by a twin": {intentID, map[string][]said{
			getIntent: {ok(intentJSON("requires_action", "")), ok(intentJSON("canceled", ""))}, cancelIntents: {late},
		}, checkout.StateCanceled},
		"a session": {hostedID, map[string][]said{
			getHosted:    {ok(hostedJSON("open", "null")), ok(hostedJSON("complete", intentJSON("succeeded", paidMore)))},
			expireHosted: {refused(400, "invalid_request_error", "")}, listRefunds: {ok(listJSON(false))},
		}, checkout.StateSucceeded},
		"a voucher": {hostedID, map[string][]said{
			getHosted: {ok(hostedJSON("complete", intentJSON("requires_action", "")))}, cancelIntents: {late},
		}, checkout.StateActionRequired},
		"a session under way": {hostedID, map[string][]said{
			getHosted: {ok(hostedJSON("open", "null"))}, expireHosted: {ok(hostedJSON("expired", intentJSON("processing", "")))},
		}, checkout.StateProcessing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o, err := newCompany(t, tt.answers).provider().Cancel(t.Context(), refOf(tt.id))
			if err != nil || o.State != tt.want || o.AttemptID != attempt || o.Ref != tt.id {
				t.Errorf("Cancel gives %+v, %v, want %s", o, err, tt.want)
			}
		})
	}
}

func TestCancelWithoutAnswerIsOpen(t *testing.T) {
	c := newCompany(t, map[string][]said{getIntent: {ok(intentJSON("requires_action", ""))}, cancelIntents: {refused(500, "api_error", "")}})
	_, err := c.provider().Cancel(t.Context(), refOf(intentID))
	wantNoKind(t, err)
}
