package webhook

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MaxBody is the length in bytes of the longest body that Read takes: 1 MiB. The checkout sends at most 64 KiB.
const MaxBody = 1 << 20

// Read takes the body of r, verifies its signature and decodes it. It looks at HeaderSignature (see WithHeader) and,
// only if that is missing, at the Standard Webhooks headers. Nothing of an unverified body is returned. An event of an
// unknown type is no error. The body is not closed, the server does that.
func Read(r *http.Request, secret string, opts ...Option) (Event, error) {
	o, err := newOptions(secret, opts)
	if err != nil {
		return Event{}, err
	}
	signature := strings.Join(r.Header.Values(o.header), ",")
	if signature == "" && r.Header.Get(HeaderStandardSignature) == "" {
		return Event{}, ErrNotSigned
	}
	payload, err := readBody(r)
	if err != nil {
		return Event{}, err
	}
	if signature == "" {
		err = o.verifyStandard(payload, r.Header)
	} else {
		err = o.verify(payload, signature)
	}
	if err != nil {
		return Event{}, err
	}
	return o.event(payload, r.Header)
}

// event decodes a verified body. The original short body has no id; the one in the header counts only if it is signed.
func (o options) event(payload []byte, h http.Header) (Event, error) {
	e, err := decode(payload)
	if err == nil && e.ID == "" && o.verifyStandard(payload, h) == nil {
		e.ID = h.Get(HeaderID)
	}
	return e, err
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if r.ContentLength > MaxBody {
		return nil, ErrTooLarge
	}
	payload, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("webhook: reading the body: %w", err)
	}
	if len(payload) > MaxBody {
		return nil, ErrTooLarge
	}
	return payload, nil
}
