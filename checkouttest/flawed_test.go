package checkouttest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/jopay/checkout"
)

// flawed is a provider with one mistake. What is nil is done as it should be.
type flawed struct {
	*Provider
	flaw  flaw
	log   bytes.Buffer
	calls atomic.Int64
}

// flaw is what is done otherwise.
type flaw struct {
	name    string
	methods func(*flawed, checkout.MethodQuery) ([]checkout.Method, error)
	begin   func(*flawed, context.Context, checkout.BeginRequest) (checkout.Step, error)
	observe func(*flawed, context.Context, checkout.ChargeRef) (checkout.Observation, error)
	notice  func(*flawed, *http.Request, []byte) ([]checkout.Observation, error)
	refund  func(*flawed, context.Context, checkout.RefundRequest) (checkout.RefundObservation, error)
	cancel  func(*flawed, context.Context, checkout.ChargeRef) (checkout.Observation, error)

	complete func(*flawed, context.Context, checkout.ChargeRef) (checkout.Observation, error)
	settle   func(*flawed, checkout.ChargeRef, checkout.Evidence) (checkout.Observation, error)
	embed    *checkout.Embed
	ack      int // the status of every answer
}

func (f *flawed) Name() string {
	if f.flaw.name != "" {
		return f.flaw.name
	}
	return f.Provider.Name()
}

func (f *flawed) Methods(ctx context.Context, q checkout.MethodQuery) ([]checkout.Method, error) {
	if f.flaw.methods != nil {
		return f.flaw.methods(f, q)
	}
	return f.Provider.Methods(ctx, q)
}

func (f *flawed) Begin(ctx context.Context, r checkout.BeginRequest) (checkout.Step, error) {
	if f.flaw.begin != nil {
		return f.flaw.begin(f, ctx, r)
	}
	return f.Provider.Begin(ctx, r)
}

func (f *flawed) Observe(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	if f.flaw.observe != nil {
		return f.flaw.observe(f, ctx, ref)
	}
	return f.Provider.Observe(ctx, ref)
}

func (f *flawed) Notice(r *http.Request, body []byte) ([]checkout.Observation, error) {
	if f.flaw.notice != nil {
		return f.flaw.notice(f, r, body)
	}
	return f.Provider.Notice(r, body)
}

func (f *flawed) Refund(ctx context.Context, r checkout.RefundRequest) (checkout.RefundObservation, error) {
	if f.flaw.refund != nil {
		return f.flaw.refund(f, ctx, r)
	}
	return f.Provider.Refund(ctx, r)
}

func (f *flawed) Cancel(ctx context.Context, ref checkout.ChargeRef) (checkout.Observation, error) {
	if f.flaw.cancel != nil {
		return f.flaw.cancel(f, ctx, ref)
	}
	return f.Provider.Cancel(ctx, ref)
}

// Complete has nothing to do but to look.
func (f *flawed) Complete(ctx context.Context, ref checkout.ChargeRef, _ url.Values) (checkout.Observation, error) {
	if f.flaw.complete != nil {
		return f.flaw.complete(f, ctx, ref)
	}
	return f.Provider.Observe(ctx, ref)
}

func (f *flawed) Settle(ctx context.Context, ref checkout.ChargeRef, e checkout.Evidence) (checkout.Observation, error) {
	if f.flaw.settle != nil {
		return f.flaw.settle(f, ref, e)
	}
	if e.Amount != ref.Amount || e.Currency != ref.Currency {
		return checkout.Observation{}, errors.New("the evidence does not fit")
	}
	f.move(f.of1(ref), checkout.StateActionRequired, checkout.StateSucceeded, "")
	return f.Provider.Observe(ctx, ref)
}

func (f *flawed) Embed(bool) checkout.Embed {
	if f.flaw.embed != nil {
		return *f.flaw.embed
	}
	return checkout.Embed{Scripts: []string{"https://js.acme.example/v1.js"}, Frames: []string{"https://js.acme.example"}}
}

func (f *flawed) Ack(w http.ResponseWriter, err error) {
	switch {
	case f.flaw.ack != 0:
		w.WriteHeader(f.flaw.ack)
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
	}
}
