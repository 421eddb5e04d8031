package stripefake_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/e2e/stripefake"
)

func unix(b *bench, ahead time.Duration) string {
	return strconv.FormatInt(b.clock.Load()+int64(ahead/time.Second), 10)
}

func TestAKeyCountsOnce(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	keyed := func(form string) *http.Request {
		r := b.request(http.MethodPost, "/v1/payment_intents", form)
		r.Header.Set("Idempotency-Key", "pay_1")
		return r
	}
	b.want("a refused first call", b.send(keyed("amount=1&currency=eur")), "amount_too_small")
	first := b.send(keyed("amount=2500&currency=eur"))
	b.must(b.Pay(first.ID))
	again := b.send(keyed("amount=2500&currency=eur"))
	if again.ID != first.ID || again.Status != first.Status || again.header.Get("Idempotent-Replayed") != "true" || b.Charges() != 1 {
		t.Errorf("the second answer is %+v, want the first one %+v", again, first)
	}
	b.want("other parameters", b.send(keyed("amount=2600&currency=eur")), "idempotency_error")
	b.advance(25 * time.Hour)
	if late := b.send(keyed("amount=2600&currency=eur")); late.ID == first.ID || late.status != http.StatusOK {
		t.Errorf("a day later the answer is %+v, want a new charge", late)
	}
}

func TestATwinIsRefusedWhileTheFirstIsUnderWay(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	arrived, release, done := make(chan struct{}), make(chan struct{}), make(chan answer, 1)
	b.FailNext("POST /v1/payment_intents", stripefake.Hold(arrived, release))
	keyed := func() *http.Request {
		r := b.request(http.MethodPost, "/v1/payment_intents", "amount=2500&currency=eur")
		r.Header.Set("Idempotency-Key", "pay_1")
		return r
	}
	first := keyed()
	go func() { done <- b.send(first) }()
	<-arrived
	twin := b.send(keyed())
	b.want("the twin", twin, "idempotency_key_in_use")
	close(release)
	if a := <-done; a.status != http.StatusOK || twin.status != http.StatusConflict {
		t.Errorf("the first got %d, its twin %d", a.status, twin.status)
	}
}

func TestNoMoreIsPaidBackThanCame(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	p := b.intent("")
	of := "payment_intent=" + p.ID
	b.post("/v1/refunds", of, "invalid_request_error")
	b.must(b.Pay(p.ID))
	b.post("/v1/refunds", of+"&amount=2501", "invalid_request_error")
	b.post("/v1/refunds", of+"&amount=1000&metadata[refund]=re_1&reason=requested_by_customer", "")
	b.post("/v1/refunds", of+"&amount=1501", "invalid_request_error")
	if rest := b.post("/v1/refunds", of, ""); rest.Amount != 1500 || rest.Status != "succeeded" {
		t.Errorf("the rest is %+v", rest)
	}
	b.post("/v1/refunds", of, "charge_already_refunded")
	b.post("/v1/refunds", "payment_intent=pi_unknown", "resource_missing")
	list := b.get("/v1/refunds", of+"&limit=1")
	if len(list.Data) != 1 || !list.HasMore || list.Data[0].Amount != 1500 {
		t.Errorf("the list is %+v", list)
	}
	next := b.get("/v1/refunds", of+"&limit=1&starting_after="+list.Data[0].ID)
	if len(next.Data) != 1 || next.HasMore || next.Data[0].Metadata["refund"] != "re_1" || b.Refunds(p.ID, "refund")["re_1"] != 1000 {
		t.Errorf("the next page is %+v", next)
	}
	refunds := b.seen(p.ID, "succeeded").LatestCharge.(map[string]any)["refunds"].(map[string]any)["data"].([]any)
	if len(refunds) != 2 {
		t.Errorf("the charge has %d refunds", len(refunds))
	}
}

func TestARefundThatFailsFreesItsMoney(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	p := b.intent("")
	b.must(b.Pay(p.ID))
	b.HoldRefunds()
	r := b.post("/v1/refunds", "payment_intent="+p.ID, "")
	b.post("/v1/refunds", "payment_intent="+p.ID, "charge_already_refunded")
	b.SettleRefund(r.ID, "failed")
	if a := b.get("/v1/refunds/"+r.ID, ""); r.Status != "pending" || a.Status != "failed" {
		t.Errorf("it was %q and is %q", r.Status, a.Status)
	}
	b.post("/v1/refunds", "payment_intent="+p.ID, "")
}

func TestListsAndSearchFind(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{SearchLag: time.Minute})
	p := b.intent("&metadata[session]=cs_1")
	find := func(query string) int { return len(b.get("/v1/payment_intents/search", form("query", query)).Data) }
	if n := find(`metadata["attempt"]:"pay_1"`); n != 0 {
		t.Errorf("a new intent is found %d times before the index has it", n)
	}
	b.advance(time.Minute)
	for query, want := range map[string]int{
		`metadata["attempt"]:"pay_1"`: 1, `metadata['attempt']:'PAY_1' AND metadata['session']:'cs_1'`: 1, `metadata['attempt']:'pay_2'`: 0,
		`status:'succeeded'`: 0, `status:'requires_payment_method' AND metadata['attempt']:'pay_1'`: 1,
	} {
		if n := find(query); n != want {
			t.Errorf("%s finds %d, want %d", query, n, want)
		}
	}
	b.want("a bad query", b.get("/v1/payment_intents/search", form("query", "attempt=pay_1")), "invalid_request_error")
	b.session("")
	b.advance(time.Hour)
	newer := b.session("")
	for query, want := range map[string]int{
		"": 2, "limit=1": 1, "created[gte]=" + unix(b, 0): 1, "created[lt]=" + unix(b, 0): 1, "created[lte]=" + unix(b, 0): 2, "created[gt]=" + unix(b, 0): 0,
		"starting_after=" + newer.ID: 1, "status=open": 2, "status=complete": 0, "payment_intent=" + p.ID: 0,
	} {
		if a := b.get("/v1/checkout/sessions", query); len(a.Data) != want || a.HasMore != (query == "limit=1") {
			t.Errorf("?%s lists %d (more: %v), want %d", query, len(a.Data), a.HasMore, want)
		}
	}
	if ids := b.Find("attempt", "pay_1"); len(ids) != 1 || ids[0] != p.ID || len(b.Find("attempt", "pay_2")) != 2 {
		t.Errorf("Find gives %v", ids)
	}
	b.want("a bad expansion", b.get("/v1/payment_intents/"+p.ID, "expand[]=payment_intent"), "invalid_request_error")
}

func TestAmountsAreHeldToStripesRules(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	for _, c := range []struct{ amount, currency, booked, code string }{
		{"2500", "eur", "25.00 eur", ""}, {"500", "jpy", "500 jpy", ""}, {"12340", "kwd", "12.340 kwd", ""}, {"12345", "kwd", "", "invalid_request_error"},
		{"150000", "isk", "1500.00 isk", ""}, {"150050", "isk", "", "invalid_request_error"}, {"150000", "huf", "1500.00 huf", ""},
		{"99999999", "usd", "999999.99 usd", ""}, {"100000000", "usd", "", "amount_too_large"}, {"49", "eur", "", "amount_too_small"},
		{"0", "sek", "", "parameter_invalid_integer"}, {"100", "zzz", "", "invalid_request_error"}, {"100", "euro", "", "invalid_request_error"},
	} {
		a := b.post("/v1/payment_intents", "amount="+c.amount+"&currency="+c.currency, c.code)
		if c.code == "" && b.Booked(a.ID) != c.booked {
			t.Errorf("%s %s is booked as %s, want %s", c.amount, c.currency, b.Booked(a.ID), c.booked)
		}
	}
}

func TestTheNetworkFailsAsOrdered(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	const create = "POST /v1/payment_intents"
	for _, c := range []struct {
		name    string
		fault   stripefake.Fault
		arrives int
		served  int
		wants   error
	}{
		{"lost", stripefake.Lost, 1, 1, nil}, {"cut", stripefake.Cut, 1, 1, nil}, {"hang", stripefake.Hang, 1, 1, context.DeadlineExceeded},
		{"unreachable", stripefake.Unreachable, 0, 0, syscall.ECONNREFUSED}, {"503", stripefake.Refuse(503), 1, 0, nil},
	} {
		calls, charges := len(b.Calls()), b.Charges()
		b.FailNext(create, c.fault)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		resp, err := b.client.Do(b.request(http.MethodPost, "/v1/payment_intents", "amount=2500&currency=eur").WithContext(ctx))
		if err == nil {
			_, err = http.MaxBytesReader(nil, resp.Body, 1<<20).Read(make([]byte, 1<<20))
			resp.Body.Close()
		}
		cancel()
		if refused := c.fault.Status != 0; (err == nil || strings.Contains(err.Error(), "EOF") && resp != nil) != (refused || c.name == "cut") || (c.wants != nil && !errors.Is(err, c.wants)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(b.Calls())-calls != c.arrives || b.Charges()-charges != c.served {
			t.Errorf("%s: %d arrived and %d were served, want %d and %d", c.name, len(b.Calls())-calls, b.Charges()-charges, c.arrives, c.served)
		}
		b.intent("") // the next one goes through
	}
}

func TestNotificationsArriveSigned(t *testing.T) {
	t.Parallel()
	b := open(t, stripefake.Options{})
	got := make(chan *http.Request, 1)
	shop := stripeless(t, got)
	p := b.intent("")
	e := b.Event("payment_intent.succeeded", p.ID)
	status, err := b.Deliver(t.Context(), http.DefaultClient, shop, e)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the answer is %d, %v", status, err)
	}
	want := b.Sign(e.Body, time.Unix(b.clock.Load(), 0))
	if r := <-got; r.Header.Get("Stripe-Signature") != want || e.Object != p.ID {
		t.Errorf("the signature is %q, want %q", r.Header.Get("Stripe-Signature"), want)
	}
}
