package canonjson

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSafe is ECMAScript's Number.MAX_SAFE_INTEGER.
const maxSafe = 1<<53 - 1

// AppendString appends s as a JSON string. It fails with ErrText or ErrNUL and then returns dst as it was.
func AppendString(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			start = i + 1
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"'), nil
}

func checkText(s string) error {
	if !utf8.ValidString(s) {
		return ErrText
	}
	if strings.IndexByte(s, 0) >= 0 {
		return ErrNUL
	}
	return nil
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendInt appends n in decimal. It fails with ErrUnsafeInteger beyond ±(2^53-1) and then returns dst as it was.
func AppendInt(dst []byte, n int64) ([]byte, error) {
	if n > maxSafe || n < -maxSafe {
		return dst, ErrUnsafeInteger
	}
	return strconv.AppendInt(dst, n, 10), nil
}

// AppendFloat appends f as ECMAScript's Number::toString prints it; -0 becomes 0. It fails with ErrRange for NaN and
// infinities, and with ErrUnsafeInteger for magnitudes from 2^53 up to 1e21, which print as plain integers that other
// languages read exactly and JavaScript does not. On failure it returns dst as it was.
func AppendFloat(dst []byte, f float64) ([]byte, error) {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return dst, ErrRange
	case f == 0:
		return append(dst, '0'), nil
	case abs > maxSafe && abs < 1e21:
		return dst, ErrUnsafeInteger
	case abs >= 1e-6 && abs < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64), nil
	}
	return appendExponent(dst, f), nil
}

// appendExponent prints the exponent without strconv's padding zero: 1e-7 and not 1e-07.
func appendExponent(dst []byte, f float64) []byte {
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if tens := len(dst) - 2; dst[tens] == '0' && (dst[tens-1] == '-' || dst[tens-1] == '+') {
		dst[tens] = dst[tens+1]
		dst = dst[:tens+1]
	}
	return dst
}
