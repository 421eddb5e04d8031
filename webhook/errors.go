package webhook

import "errors"

// Every error of Verify and Read matches one of these with errors.Is, or is the connection's own. A handler answers
// all of them with 400: while a secret is being replaced, that makes the sender try the other one at once.
var (
	// ErrNotSigned: none of the signature headers is there.
	ErrNotSigned = errors.New("webhook: request is not signed")
	// ErrMalformed: a signature header cannot be read.
	ErrMalformed = errors.New("webhook: signature header is malformed")
	// ErrMismatch: no signature fits this body and these secrets.
	ErrMismatch = errors.New("webhook: signature does not match")
	// ErrTooOld: the signature is right but older than the tolerance: a replay, or a clock that runs fast here.
	ErrTooOld = errors.New("webhook: signature is too old")
	// ErrTooNew: the signature is right but lies in the future: a clock that runs slow here.
	ErrTooNew = errors.New("webhook: signature is from the future")
	// ErrTooLarge: the body is longer than MaxBody.
	ErrTooLarge = errors.New("webhook: body is too large")
	// ErrBody: the body is signed but is not an event this package can decode.
	ErrBody = errors.New("webhook: body is not a checkout event")
	// ErrSecret: the receiver's own secret is empty, or is not whsec_ and base64 where a signature needs it decoded.
	ErrSecret = errors.New("webhook: secret is empty or malformed")
)
