// Package canonjson writes JSON which a JavaScript program gives back byte for byte: for everything it writes,
// p == JSON.stringify(JSON.parse(p)) holds.
//
// The published receiver computes its HMAC over JSON.stringify(req.body) and not over the bytes it was sent, so a
// webhook body that changes in that round trip is refused as forged. encoding/json changes in it (it escapes < > &
// and U+2028), and so does RFC 8785 (it sorts "10" before "9", JavaScript does not).
//
// The rules, all from ECMA-262 (JSON.stringify, OrdinaryOwnPropertyKeys, Number::toString):
//
//   - no white space, UTF-8, no byte order mark;
//   - in strings only ", \ and bytes below 0x20 are escaped, the latter as \b \t \n \f \r or lower-case \u00xx;
//   - keys that are array indices (canonical decimal of 0 to 4294967294) come first, ascending by number, then the
//     others in the order in which they were given;
//   - safe integers in plain decimal, other numbers as ECMAScript prints them; integers that float64 may round and
//     numbers that it turns into an infinity or into zero are refused;
//   - refused because some receivers or databases refuse them: the key "__proto__", U+0000, text that is not Unicode.
//
// Object builds our own payloads, Canonical brings a merchant's JSON into this form, and Fixed checks a finished
// payload once more before it is stored. All functions are pure and safe for concurrent use; an Object belongs to
// one goroutine.
package canonjson
