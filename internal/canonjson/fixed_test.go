package canonjson

import (
	"errors"
	"strings"
	"testing"
)

func TestFixedAccepts(t *testing.T) {
	for _, p := range []string{
		`{}`,
		`{"a":{},"b":[],"c":[{},[]],"d":null,"e":true,"f":false}`,
		`{"0":0,"9":0,"10":0,"4294967294":0,"4294967295":0,"01":0,"":0,"-0":0}`,
		`{"a":"\"\\\b\t\n\f\r\u0001\u000b\u001f/<>&` + "\x7f\u0080\u2028\u2029\ufeff\ufffd😀" + `"}`,
		`{"a":[0,-1,1.5,1e+21,1e-7,0.000001,5e-324,9007199254740991]}`,
		strings.Repeat(`{"a":`, 15) + `[]` + strings.Repeat("}", 15),
		`{"a":"` + strings.Repeat("x", MaxBytes-8) + `"}`,
	} {
		if err := Fixed([]byte(p)); err != nil {
			t.Errorf("%.80s: %v", p, err)
		}
	}
}

func TestFixedRefuses(t *testing.T) {
	for _, p := range []string{
		``, ` `, `{`, `}`, `[]`, `1`, `"a"`, `null`, "\ufeff{}",
		`{} `, ` {}`, "{}\n", `{}{}`, `{ }`, `{"a" :1}`, `{"a": 1}`, `{"a":1 }`, `{"a":1, "b":2}`,
		`{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":,"b":1}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1}`, `{a:1}`, `{"a":1`, `{"a":[1`,
		`{"a":"`, `{"a":"\`, `{"a":"\u00`, `{"a":nul}`, `{"a":nullx}`, `{"a":True}`,
		// strings
		`{"a":"\/"}`, `{"a":"\u003c"}`, `{"a":"\u000a"}`, `{"a":"\u0008"}`, `{"a":"\u001F"}`, `{"a":"\u000B"}`, `{"a":"\u0020"}`,
		`{"a":"\u2028"}`, `{"a":"\u007f"}`, `{"a":"\ud800"}`, `{"a":"\ud83d\ude00"}`, `{"a":"\u0000"}`, `{"a":"\v"}`,
		"{\"a\":\"\x00\"}", "{\"a\":\"\x1f\"}", "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"\xc0\xaf\":1}",
		// member order and names
		`{"a":1,"1":2}`, `{"10":1,"9":2}`, `{"2":1,"1":2}`, `{"a":1,"a":2}`, `{"1":1,"1":2}`, `{"x":0,"4294967294":1}`, `{"a":0,"0":1}`,
		`{"__proto__":1}`, `{"a":{"__proto__":1}}`, `{"a":[{"__proto__":1}]}`, `{"a":[{"b":1,"0":1}]}`,
		// numbers
		`{"a":-0}`, `{"a":1.0}`, `{"a":01}`, `{"a":1E5}`, `{"a":1e5}`, `{"a":1e21}`, `{"a":1e-07}`, `{"a":0.0000001}`, `{"a":1e400}`,
		`{"a":9007199254740992}`, `{"a":-9007199254740992}`, `{"a":9007199254740993}`, `{"a":100000000000000000000}`, `{"a":1e-400}`,
		`{"a":0.10000000000000001}`, `{"a":.5}`, `{"a":5.}`, `{"a":+1}`, `{"a":-}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":1-1}`, `{"a":0x10}`,
		strings.Repeat(`{"a":`, 16) + `[]` + strings.Repeat("}", 16),
		strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat("}", 5000),
	} {
		if err := Fixed([]byte(p)); !errors.Is(err, ErrNotFixed) {
			t.Errorf("%.80q: got %v, want ErrNotFixed", p, err)
		}
	}
	if err := Fixed([]byte(`{"a":"` + strings.Repeat("x", MaxBytes-7) + `"}`)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte too long: got %v, want ErrTooLarge", err)
	}
}
