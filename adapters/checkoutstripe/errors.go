package checkoutstripe

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"

	"github.com/jopay/checkout"
)

// refusal is an answer that is no object: Stripe's codes and its id of the request, and nothing else of it.
type refusal struct {
	status              int
	kind, code, request string
}

func (e *refusal) Error() string {
	return fmt.Sprintf("checkoutstripe: Stripe answers %d, type %q, code %q, request %q", e.status, e.kind, e.code, e.request)
}

// conflicts is true when the key was used for another request before. That one may have made a charge.
func (e *refusal) conflicts() bool { return e.kind == "idempotency_error" }

var wordRule = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// word keeps what looks like one of Stripe's codes or ids. An answer need not be from Stripe.
func word(s string) string {
	if wordRule.MatchString(s) {
		return s
	}
	return ""
}

func (a *api) refusal(ctx context.Context, answer *http.Response, body []byte) error {
	var said struct {
		Error struct {
			Type string `json:"type"`
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // a proxy's page has no codes
	e := &refusal{status: answer.StatusCode, kind: word(said.Error.Type), code: word(said.Error.Code), request: word(answer.Header.Get("Request-Id"))}
	if e.status == http.StatusUnauthorized || e.status == http.StatusForbidden {
		a.log.ErrorContext(ctx, "checkoutstripe: Stripe refuses the secret key: it was revoked, or it lacks a permission",
			"status", e.status, "code", e.code, "request", e.request)
	}
	return e
}

// transportError is ErrUnavailable only if no connection came about. The cause is named without the address, whose
// query is not for logs.
func transportError(ctx context.Context, err error) error {
	if ctx.Err() == nil && neverConnected(err) {
		return fmt.Errorf("%w: %w", checkout.ErrUnavailable, plainCause(ctx, err))
	}
	return fmt.Errorf("checkoutstripe: no answer: %w", plainCause(ctx, err))
}

func neverConnected(err error) bool {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	return (errors.As(err, &dial) && dial.Op == "dial") || errors.As(err, &certificate)
}

func plainCause(ctx context.Context, err error) error {
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &network):
		return network
	case errors.As(err, &certificate):
		return certificate
	}
	return errors.New("the connection broke")
}

// ofWrite says what an error means for a charge or a refund that was asked for.
func ofWrite(err error) error {
	var e *refusal
	if !errors.As(err, &e) {
		return err
	}
	switch e.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %w", checkout.ErrUnavailable, e)
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound:
		if !e.conflicts() {
			return fmt.Errorf("%w: %w", checkout.ErrRejected, e)
		}
	}
	return e
}

// ofRead says what an error means for a question. That a key is refused tells nothing of the charge.
func ofRead(err error) error {
	var e *refusal
	if !errors.As(err, &e) {
		return err
	}
	switch e.status {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w", checkout.ErrNoCharge, e)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %w", checkout.ErrUnavailable, e)
	}
	return e
}

// unsure takes an error's kind away. After a charge was made, a question that fails must not read as if none had been.
func unsure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("checkoutstripe: the charge was made, but how it stands is not known: %v", err)
}

func rejected(why string) error { return fmt.Errorf("%w: %s", checkout.ErrRejected, why) }

func noCharge(why string) error { return fmt.Errorf("%w: %s", checkout.ErrNoCharge, why) }
