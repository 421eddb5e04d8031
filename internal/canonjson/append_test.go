package canonjson

import (
	"errors"
	"math"
	"testing"
)

func TestAppendString(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"empty", "", `""`},
		{"html", "<a href='/x?a=1&b=2'>", `"<a href='/x?a=1&b=2'>"`},
		{"quotes", `say "hi" \o/`, `"say \"hi\" \\o/"`},
		{"short escapes", "\b\t\n\f\r", `"\b\t\n\f\r"`},
		{"other controls", "\x01\x07\x0b\x0e\x1f", `"\u0001\u0007\u000b\u000e\u001f"`},
		{"delete and C1", "\x7f\u0080\u009f", "\"\x7f\u0080\u009f\""},
		{"line separators", "a\u2028b\u2029c", "\"a\u2028b\u2029c\""},
		{"byte order mark and replacement", "\ufeff\ufffd", "\"\ufeff\ufffd\""},
		{"astral", "😀 𝒳", `"😀 𝒳"`},
		{"composed and decomposed", "\u00e9e\u0301", "\"\u00e9e\u0301\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := AppendString([]byte("x"), tc.in)
			if err != nil || string(got) != "x"+tc.want {
				t.Errorf("got %s, %v, want x%s", got, err, tc.want)
			}
		})
	}
}

func TestAppendStringRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"a\xffb":       ErrText,
		"\xed\xa0\x80": ErrText, // a surrogate spelled in UTF-8
		"a\x00b":       ErrNUL,
	} {
		got, err := AppendString([]byte("x"), in)
		if !errors.Is(err, want) || string(got) != "x" {
			t.Errorf("%q: got %q, %v, want x, %v", in, got, err, want)
		}
	}
}

func TestAppendInt(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", -7: "-7", maxSafe: "9007199254740991", -maxSafe: "-9007199254740991",
		maxSafe + 1: "", -maxSafe - 1: "", math.MaxInt64: "", math.MinInt64: "",
	} {
		got, err := AppendInt(nil, n)
		if string(got) != want || (want == "") != errors.Is(err, ErrUnsafeInteger) {
			t.Errorf("%d: got %q, %v, want %q", n, got, err, want)
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for _, tc := range []struct {
		f    float64
		want string
		err  error
	}{
		{0, "0", nil},
		{math.Copysign(0, -1), "0", nil},
		{1, "1", nil},
		{-2.5, "-2.5", nil},
		{0.1, "0.1", nil},
		{100000, "100000", nil},
		{0.000001, "0.000001", nil},
		{0.0000001, "1e-7", nil},
		{-1.5e-9, "-1.5e-9", nil},
		{1e-10, "1e-10", nil},
		{1e-100, "1e-100", nil},
		{5e-324, "5e-324", nil},
		{math.MaxFloat64, "1.7976931348623157e+308", nil},
		{1e21, "1e+21", nil},
		{-1.25e22, "-1.25e+22", nil},
		{math.Pi, "3.141592653589793", nil},
		{maxSafe, "9007199254740991", nil},
		{maxSafe + 1, "", ErrUnsafeInteger},
		{1e20, "", ErrUnsafeInteger},
		{-1e20, "", ErrUnsafeInteger},
		{math.NaN(), "", ErrRange},
		{math.Inf(1), "", ErrRange},
		{math.Inf(-1), "", ErrRange},
	} {
		got, err := AppendFloat(nil, tc.f)
		if string(got) != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%g: got %q, %v, want %q, %v", tc.f, got, err, tc.want, tc.err)
		}
	}
}
