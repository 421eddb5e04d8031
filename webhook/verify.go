package webhook

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// Verify checks a HeaderSignature value against the body exactly as it was received. Any of several v1 may match, in
// any order; parts of other kinds are passed over. The comparison takes constant time. The signature is checked before
// its time, so ErrTooOld and ErrTooNew are said only of genuine ones.
func Verify(payload []byte, header, secret string, opts ...Option) error {
	o, err := newOptions(secret, opts)
	if err != nil {
		return err
	}
	return o.verify(payload, header)
}

func (o options) verify(payload []byte, header string) error {
	if header == "" {
		return ErrNotSigned
	}
	stamp, sums, err := parseHeader(header)
	if err != nil {
		return err
	}
	unix, err := parseStamp(stamp)
	if err != nil {
		return err
	}
	for _, s := range o.secrets {
		if matches(digest([]byte(s), stamp, payload), sums) {
			return o.checkTime(unix)
		}
	}
	return ErrMismatch
}

func (o options) verifyStandard(payload []byte, h http.Header) error {
	id, stamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	if id == "" {
		return ErrMalformed
	}
	unix, err := parseStamp(stamp)
	if err != nil {
		return err
	}
	sums := parseStandard(h.Get(HeaderStandardSignature))
	for _, s := range o.secrets {
		key, err := standardKey(s)
		if err != nil {
			return err
		}
		if matches(digest(key, id+"."+stamp, payload), sums) {
			return o.checkTime(unix)
		}
	}
	return ErrMismatch
}

// parseHeader splits "t=…,v1=…,v1=…" into its one time and its signatures.
func parseHeader(header string) (stamp string, sums [][]byte, err error) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			if stamp != "" {
				return "", nil, ErrMalformed
			}
			stamp = value
		case "v1":
			sum, err := hex.DecodeString(value)
			if err != nil {
				return "", nil, ErrMalformed
			}
			sums = append(sums, sum)
		}
	}
	if len(sums) == 0 {
		return "", nil, ErrMalformed
	}
	return stamp, sums, nil
}

// parseStandard takes the v1 entries out of "v1,<base64> v1a,<base64> …"; other versions are not ours to judge.
func parseStandard(header string) (sums [][]byte) {
	for _, part := range strings.Fields(header) {
		version, value, _ := strings.Cut(part, ",")
		sum, err := base64.StdEncoding.DecodeString(value)
		if version == "v1" && err == nil {
			sums = append(sums, sum)
		}
	}
	return sums
}

// parseStamp accepts digits only: the signed text is the stamp, a point and the body, so a stamp with a point in it
// could claim part of the body.
func parseStamp(stamp string) (int64, error) {
	unix, err := strconv.ParseUint(stamp, 10, 40)
	if err != nil {
		return 0, ErrMalformed
	}
	return int64(unix), nil
}

func matches(want []byte, sums [][]byte) bool {
	found := false
	for _, sum := range sums {
		if hmac.Equal(want, sum) {
			found = true
		}
	}
	return found
}
