package canonjson

import "errors"

// Every error of this package matches one of these with errors.Is.
var (
	// ErrSyntax: not one JSON value (RFC 8259) with nothing after it.
	ErrSyntax = errors.New("not valid JSON")
	// ErrText: invalid UTF-8, or a \u escape of half a surrogate pair.
	ErrText = errors.New("text is not valid Unicode")
	// ErrNUL: a string or key holds U+0000, which PostgreSQL cannot store.
	ErrNUL = errors.New("U+0000 is not allowed in text")
	// ErrDuplicate: two members of one object have the same name.
	ErrDuplicate = errors.New("duplicate member name")
	// ErrProto: a member is named "__proto__", for which fastify, koa and hapi refuse the whole body.
	ErrProto = errors.New(`member name "__proto__" is not allowed`)
	// ErrUnsafeInteger: an integer which float64, and so JavaScript, may not hold exactly: beyond ±(2^53-1).
	ErrUnsafeInteger = errors.New("integer is outside the safe range of 53 bits")
	// ErrRange: NaN, an infinity, or a number that float64 would turn into an infinity or into zero.
	ErrRange = errors.New("number is outside the range of float64")
	// ErrTooDeep: objects and arrays are nested deeper than the limit.
	ErrTooDeep = errors.New("JSON is nested too deeply")
	// ErrTooLarge: the canonical form has more bytes than the limit.
	ErrTooLarge = errors.New("JSON is too large")
	// ErrNotFixed: the bytes are not their own canonical form.
	ErrNotFixed = errors.New("JSON is not in canonical form")
)
