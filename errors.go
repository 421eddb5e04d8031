package checkout

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Error is a failure with a public side (status, code, message, param) and a private cause.
//
// Handlers write the public side to the client and log the cause beside the request id. Two errors are the same for
// [errors.Is] when their codes are equal, so callers compare with the named errors below. An Error is never changed
// after it was made; it is safe for concurrent use.
type Error struct {
	Status     int           // HTTP status
	Type       string        // invalid_request_error, authentication_error, …
	Code       string        // stable, machine readable: parameter_missing, session_not_pending, …
	Message    string        // one sentence for people; never holds a secret or anything about the inside
	Param      string        // path of the offending field, line_items[0].amount; empty where none applies
	Fields     []FieldError  // all refused fields at once; the first one is repeated above
	RetryAfter time.Duration // > 0 on 429 and 503: when a repeat makes sense
	Err        error         // private cause, for the log only
}

// FieldError is one refused field of a request.
type FieldError struct {
	Param   string `json:"param"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("checkout: %s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("checkout: %s: %s", e.Code, e.Message)
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an [*Error] with the same code.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.Code == e.Code
}

// The types of [Error], as they stand in the API's answers.
const (
	typeInvalidRequest = "invalid_request_error"
	typeAuthentication = "authentication_error"
	typePermission     = "permission_error"
	typeConflict       = "conflict_error"
	typeIdempotency    = "idempotency_error"
	typeRateLimit      = "rate_limit_error"
	typeAPI            = "api_error"
	typeProvider       = "provider_error"
)

// The errors callers compare with. The API's answers carry the same codes; field errors of a create have codes of
// their own, listed in [SessionParams].
var (
	ErrNotIssued        = &Error{Status: 404, Type: typeInvalidRequest, Code: "invoice_not_issued", Message: "This document has no number yet. Ask again in some seconds."}
	ErrNoFormat         = &Error{Status: 404, Type: typeInvalidRequest, Code: "invoice_format_missing", Message: "This document does not exist in this format."}
	ErrNotFound         = &Error{Status: 404, Type: typeInvalidRequest, Code: "resource_missing", Message: "There is no such object, or it belongs to the other mode."}
	ErrRouteUnknown     = &Error{Status: 404, Type: typeInvalidRequest, Code: "route_unknown", Message: "There is nothing at this address. Check the path and the base URL."}
	ErrMethodNotAllowed = &Error{Status: 405, Type: typeInvalidRequest, Code: "method_not_allowed", Message: "This address does not answer that method. The Allow header names those it does."}
	ErrBodyTooLarge     = &Error{Status: 413, Type: typeInvalidRequest, Code: "body_too_large", Message: "The request body is larger than this address takes."}
	ErrContentType      = &Error{Status: 415, Type: typeInvalidRequest, Code: "content_type_unsupported", Message: "Send the body as Content-Type: application/json."}
	ErrInvalidJSON      = &Error{Status: 400, Type: typeInvalidRequest, Code: "body_invalid_json", Message: "The request body is not valid JSON."}
	ErrBodyEmpty        = &Error{Status: 400, Type: typeInvalidRequest, Code: "body_empty", Message: "The request has no body. Send a JSON object."}
	ErrCursor           = &Error{Status: 400, Type: typeInvalidRequest, Code: "cursor_invalid", Message: "The cursor is not the id of a session."}
	ErrIdempotencyKey   = &Error{Status: 400, Type: typeInvalidRequest, Code: "idempotency_key_invalid", Message: "Idempotency-Key takes 1 to 255 printable ASCII characters, in one header."}
	ErrKeyReused        = &Error{Status: 422, Type: typeIdempotency, Code: "idempotency_key_reused", Message: "This Idempotency-Key was used with another request body. Use a new key for a new request."}

	ErrKeyMissing = &Error{Status: 401, Type: typeAuthentication, Code: "api_key_missing", Message: "Send your API key as Authorization: Bearer sk_test_… or sk_live_…."}
	ErrKeyInvalid = &Error{Status: 401, Type: typeAuthentication, Code: "api_key_invalid", Message: "This API key is not known here."}
	ErrKeyRevoked = &Error{Status: 401, Type: typeAuthentication, Code: "api_key_revoked", Message: "This API key was revoked. Use another one."}
	ErrKeyExpired = &Error{Status: 401, Type: typeAuthentication, Code: "api_key_expired", Message: "This API key has expired. Use another one."}

	ErrNotPending      = &Error{Status: 409, Type: typeConflict, Code: "session_not_pending", Message: "The session is already completed."}
	ErrNotSendable     = &Error{Status: 409, Type: typeConflict, Code: "invoice_not_sendable", Message: "This document cannot be sent: the buyer's e-mail address is not known, or no Mailer is set up."}
	ErrRefundExceeds   = &Error{Status: 409, Type: typeConflict, Code: "refund_exceeds_payment", Message: "More than is left of the payment cannot be refunded."}
	ErrRefundByHand    = &Error{Status: 409, Type: typeConflict, Code: "refund_not_supported", Message: "This payment's provider cannot refund. Pay back by hand."}
	ErrNotByHand       = &Error{Status: 409, Type: typeConflict, Code: "payment_not_manual", Message: "This payment is confirmed by its provider, not by hand."}
	ErrEndpointOff     = &Error{Status: 409, Type: typeConflict, Code: "endpoint_disabled", Message: "The webhook endpoint is switched off or was deleted."}
	ErrSecretLost      = &Error{Status: 409, Type: typeConflict, Code: "secret_lost", Message: "The endpoint's secret cannot be read any more: the key it was encrypted with is missing. Replace it with an overlap of 0, or bring the key back."}
	ErrOverlap         = &Error{Status: 409, Type: typeConflict, Code: "rotation_in_progress", Message: "A secret of this endpoint is being replaced already. Wait for the end of the overlap, or replace it with an overlap of 0, which ends both at once."}
	ErrKeyEnded        = &Error{Status: 409, Type: typeConflict, Code: "api_key_ended", Message: "This API key was revoked or has expired. Make a new one."}
	ErrRateLimited     = &Error{Status: 429, Type: typeRateLimit, Code: "rate_limited", Message: "Too many requests from this address. Wait a minute and try again.", RetryAfter: time.Minute}
	ErrTooManyAttempts = &Error{Status: 429, Type: typeRateLimit, Code: "too_many_attempts", Message: "Too many payment attempts. Start a new order or try again later.", RetryAfter: 10 * time.Minute}

	ErrInternal            = &Error{Status: 500, Type: typeAPI, Code: "internal", Message: "Something went wrong on our side. Nothing was lost; quote the request id when you ask."}
	ErrProviderUnavailable = &Error{Status: 502, Type: typeProvider, Code: "provider_unavailable", Message: "The payment service does not answer. Try again in a minute.", RetryAfter: time.Minute}
	ErrDatabaseBusy        = &Error{Status: 503, Type: typeAPI, Code: "database_busy", Message: "The database is busy or not reachable. Repeat the request with the same Idempotency-Key.", RetryAfter: 2 * time.Second}
)

// because gives a copy of a named error with its private cause.
func (e *Error) because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// saying gives a copy of a named error with a more precise sentence.
func (e *Error) saying(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// invalid makes one 400 answer of all refused fields, in the order they were found.
func invalid(fields []FieldError) *Error {
	first := fields[0]
	return &Error{
		Status: http.StatusBadRequest, Type: typeInvalidRequest,
		Code: first.Code, Message: first.Message, Param: first.Param, Fields: fields,
	}
}

// public finds the answer for any error; what is not an [*Error] is internal and shows nothing of itself.
func public(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return ErrInternal.because(err)
}
