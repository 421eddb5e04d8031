package canonjson

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"empty object", ` { } `, `{}`},
		{"white space", "{ \"a\" :\t[ 1 ,\r\n null ] }\n", `{"a":[1,null]}`},
		{"own order stays", `{"b":1,"a":2,"":3,"!":4}`, `{"b":1,"a":2,"":3,"!":4}`},
		{"indices first", `{"b":1,"10":2,"a":3,"9":4,"0":5}`, `{"0":5,"9":4,"10":2,"b":1,"a":3}`},
		{"largest index", `{"x":0,"4294967295":1,"4294967294":2,"4294967296":3,"9007199254740992":4}`,
			`{"4294967294":2,"x":0,"4294967295":1,"4294967296":3,"9007199254740992":4}`},
		{"no indices", `{"01":1,"-0":2,"1.0":3,"１":4,"+1":5,"1e1":6," 1":7,"1_0":8,"1":9}`,
			`{"1":9,"01":1,"-0":2,"1.0":3,"１":4,"+1":5,"1e1":6," 1":7,"1_0":8}`},
		{"index spelled by escape", `{"a":1,"\u0031":2}`, `{"1":2,"a":1}`},
		{"nested objects sorted", `{"z":{"b":[{"k":0,"2":1,"1":2}],"7":{}}}`, `{"z":{"7":{},"b":[{"1":2,"2":1,"k":0}]}}`},
		{"html", `{"k":"<b>&amp;</b>"}`, `{"k":"<b>&amp;</b>"}`},
		{"html escaped", `{"k":"\u003cb\u003e\u0026"}`, `{"k":"<b>&"}`},
		{"line separators", `{"\u2028":"\u2029"}`, "{\"\u2028\":\"\u2029\"}"},
		{"solidus and ASCII escaped", `{"\/":"\u0061\/"}`, `{"/":"a/"}`},
		{"upper-case escapes", `{"k":"\u001F\u000B\u0009"}`, `{"k":"\u001f\u000b\t"}`},
		{"delete escaped", `{"k":"\u007f\u0080"}`, "{\"k\":\"\x7f\u0080\"}"},
		{"surrogate pair", `{"k":"\ud83d\ude00"}`, `{"k":"😀"}`},
		{"byte order mark inside", `{"k":"\ufeff"}`, "{\"k\":\"\ufeff\"}"},
		{"composed and decomposed twins", `{"\u00e9":1,"e\u0301":2}`, "{\"\u00e9\":1,\"e\u0301\":2}"},
		{"names of prototypes", `{"constructor":"a","prototype":"b","toJSON":"c","hasOwnProperty":"d","length":"e","then":"f"}`,
			`{"constructor":"a","prototype":"b","toJSON":"c","hasOwnProperty":"d","length":"e","then":"f"}`},
		{"names that differ in case", `{"a":1,"A":2}`, `{"a":1,"A":2}`},
		{"proto as value", `{"k":"__proto__"}`, `{"k":"__proto__"}`},
		{"integers", `[0,-0,7,-7,9007199254740991,-9007199254740991]`, `[0,0,7,-7,9007199254740991,-9007199254740991]`},
		{"floats that are integers", `[1.0,1E5,-0.0,-0e9,25.00e2,0e999999]`, `[1,100000,0,0,2500,0]`},
		{"exponents", `[1e21,1E+21,1.50e22,0.000001,1e-6,1e-7,0.00000012,5e-324,1e-10]`,
			`[1e+21,1e+21,1.5e+22,0.000001,0.000001,1e-7,1.2e-7,5e-324,1e-10]`},
		{"seventeen digits", `[0.10000000000000001,3.14159265358979323846]`, `[0.1,3.141592653589793]`},
		{"literals", `[null,true,false]`, `[null,true,false]`},
		{"eight levels", `[[[[[[[[]]]]]]]]`, `[[[[[[[[]]]]]]]]`},
		{"scalar", ` "x" `, `"x"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Canonical([]byte(tc.in), Limits{})
			if err != nil || string(got) != tc.want {
				t.Fatalf("got  %s, %v\nwant %s", got, err, tc.want)
			}
			if err := Fixed(fmt.Appendf(nil, `{"data":%s}`, got)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     error
	}{
		{"nothing", ``, ErrSyntax},
		{"white space", ` `, ErrSyntax},
		{"cut off", `{"a":1`, ErrSyntax},
		{"second value", `{} {}`, ErrSyntax},
		{"trailing comma", `{"a":1,}`, ErrSyntax},
		{"trailing comma in array", `[1,]`, ErrSyntax},
		{"mismatched", `{"a":[}`, ErrSyntax},
		{"byte order mark", "\ufeff{}", ErrSyntax},
		{"name is a number", `{1:2}`, ErrSyntax},
		{"single quotes", `{'a':1}`, ErrSyntax},
		{"raw control", "{\"a\":\"\n\"}", ErrSyntax},
		{"leading zero", `{"a":01}`, ErrSyntax},
		{"NaN", `{"a":NaN}`, ErrSyntax},
		{"bare word", `{"a":nul}`, ErrSyntax},
		{"bad escape", `{"a":"\x41"}`, ErrSyntax},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", ErrText},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", ErrText},
		{"lone high surrogate", `{"a":"\ud800"}`, ErrText},
		{"lone low surrogate", `{"a":"\udc00x"}`, ErrText},
		{"swapped surrogates", `{"a":"\ude00\ud83d"}`, ErrText},
		{"lone surrogate as name", `{"\ud800":1}`, ErrText},
		{"NUL", `{"a":"\u0000"}`, ErrNUL},
		{"NUL in name", `{"\u0000":1}`, ErrNUL},
		{"duplicate", `{"a":1,"b":2,"a":3}`, ErrDuplicate},
		{"duplicate by escape", `{"a":1,"\u0061":3}`, ErrDuplicate},
		{"duplicate index", `{"1":1,"1":3}`, ErrDuplicate},
		{"duplicate inside", `{"x":[{"a":1,"a":1}]}`, ErrDuplicate},
		{"proto", `{"__proto__":"x"}`, ErrProto},
		{"proto by escape", `{"\u005f_proto__":{}}`, ErrProto},
		{"proto inside", `{"x":[{"__proto__":{}}]}`, ErrProto},
		{"2^53", `[9007199254740992]`, ErrUnsafeInteger},
		{"-2^53", `[-9007199254740992]`, ErrUnsafeInteger},
		{"2^53+1 as float", `[9007199254740993.0]`, ErrUnsafeInteger},
		{"max int64", `[9223372036854775807]`, ErrUnsafeInteger},
		{"beyond int64", `[1000000000000000000000]`, ErrUnsafeInteger},
		{"1e20", `[1e20]`, ErrUnsafeInteger},
		{"rounded large float", `[1234567890123456789012345e3]`, ErrUnsafeInteger},
		{"1e400", `[1e400]`, ErrRange},
		{"-1e400", `[-1e400]`, ErrRange},
		{"1e-400", `[1e-400]`, ErrRange},
		{"nine levels", `[[[[[[[[[]]]]]]]]]`, ErrTooDeep},
		{"sixty levels", strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60), ErrTooDeep},
		{"long value", `"` + strings.Repeat("x", MaxBytes) + `"`, ErrTooLarge},
		{"long by escapes", `"` + strings.Repeat(`\u0001`, MaxBytes/6+1) + `"`, ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Canonical([]byte(tc.in), Limits{})
			if !errors.Is(err, tc.want) || got != nil {
				t.Errorf("got %.80q, %v, want %v", got, err, tc.want)
			}
		})
	}
}

func TestCanonicalLimits(t *testing.T) {
	for _, tc := range []struct {
		in   string
		lim  Limits
		want error
	}{
		{`{"a":"b"}`, Limits{Bytes: 9}, nil},
		{` {"a" : "b"} `, Limits{Bytes: 9}, nil},
		{`{"a":"b"}`, Limits{Bytes: 8}, ErrTooLarge},
		{`{"a":"b"}`, Limits{Depth: 1}, nil},
		{`{"a":{}}`, Limits{Depth: 1}, ErrTooDeep},
		{`{"a":[]}`, Limits{Depth: 1}, ErrTooDeep},
	} {
		if _, err := Canonical([]byte(tc.in), tc.lim); !errors.Is(err, tc.want) {
			t.Errorf("%s %+v: got %v, want %v", tc.in, tc.lim, err, tc.want)
		}
	}
}

func TestCanonicalNamesThePlace(t *testing.T) {
	_, err := Canonical([]byte(`{"a":[0,{"b":1e400}]}`), Limits{})
	if err == nil || !strings.Contains(err.Error(), `"/a/1/b"`) {
		t.Errorf("got %v, want the pointer /a/1/b", err)
	}
}

func TestCanonicalSortsManyIndices(t *testing.T) {
	const n = 2000
	in := make([]string, n)
	for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		in[i] = fmt.Sprintf(`"%d":%d`, k, k)
	}
	in = append(in, `"tail":0`)
	in[0], in[n] = in[n], in[0]
	got, err := Canonical([]byte("{"+strings.Join(in, ",")+"}"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Fixed(got); err != nil || !strings.HasSuffix(string(got), `"1999":1999,"tail":0}`) {
		t.Errorf("%v in %.60s…", err, got)
	}
}
