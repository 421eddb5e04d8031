package noderx

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// merchant makes up legal metadata objects as hostile clients might send them: every spelling that JSON allows.
type merchant struct{ *rand.Rand }

var keys = []string{
	"order_id", "0", "1", "9", "10", "007", "01", "-0", "-1", "1.0", "1e1", "4294967293", "4294967294", "4294967295",
	"4294967296", "9007199254740992", "１", "", " ", "!", "a", "A", "ſ", "constructor", "prototype", "toString", "toJSON",
	"hasOwnProperty", "length", "then", "valueOf", "\u2028", "\ufeff", "\ufffd", "é", "e\u0301", "<b>", "a&b", `"`, `\`, "\n",
	"\x7f", "😀", "__proto", "__proto___", "id", "data",
}

var texts = []string{
	"", "12345", "a&b", "<script>alert('x')</script>", "\u2028", "\u2029", `say "hi"`, `C:\new`, "/", "</", "\b\t\n\f\r",
	"\x01\x02\x0b\x0e\x1f", "\x7f\u0080\u009f", "\ufeff", "\ufffd", "😀", "👩‍👩‍👧", "𝒳", "\U0010ffff", "é", "e\u0301", "null", "__proto__",
	`\u003c`, `\ud800`, "%00", "ÿ", "\ud7ff\ue000", "日本語", "\u200e\u202e", " \u00a0\u3000 ", "'`${x}`'",
}

var numbers = []string{
	"0", "-0", "-0.0", "1", "-7", "1.0", "1.50", "1E5", "1e5", "1e21", "1E+21", "-1e21", "1.25e22", "1e23", "1e-6", "0.000001",
	"1e-7", "0.00000012", "1e-10", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "9007199254740991",
	"-9007199254740991", "9007199254740991.0", "0.1", "0.10000000000000001", "3.14159265358979323846", "123456.789e3", "4.35",
}

// metadata returns one JSON object with up to 12 members.
func (m merchant) metadata() string { return m.object(12, 2) }

func (m merchant) object(size, depth int) string {
	var b strings.Builder
	seen := map[string]bool{"__proto__": true}
	b.WriteByte('{')
	for range m.IntN(size + 1) {
		key := m.key()
		if seen[key] {
			continue
		}
		if len(seen) > 1 {
			b.WriteByte(',')
		}
		seen[key] = true
		b.WriteString(m.space() + m.spell(key) + m.space() + ":" + m.space() + m.value(depth) + m.space())
	}
	return b.String() + "}"
}

func (m merchant) key() string {
	switch m.IntN(4) {
	case 0:
		return fmt.Sprint(m.Uint64() >> m.IntN(64))
	case 1:
		return m.text()
	}
	return pick(m, keys)
}

func (m merchant) value(depth int) string {
	switch kind := m.IntN(12); {
	case kind == 0:
		return pick(m, []string{"true", "false", "null"})
	case kind <= 3:
		return m.number()
	case kind == 4 && depth > 0:
		return m.object(4, depth-1)
	case kind == 5 && depth > 0:
		return "[" + m.value(depth-1) + " ," + m.value(depth-1) + "]"
	case kind == 6:
		return m.spell(strings.Repeat(m.text(), 1+m.IntN(20)))
	}
	return m.spell(m.text())
}

func (m merchant) number() string {
	switch m.IntN(4) {
	case 0:
		return fmt.Sprint(m.Int64N(1<<54-1) - (1<<53 - 1))
	case 1:
		return fmt.Sprintf("%.*e", m.IntN(20), m.NormFloat64()/1e3)
	}
	return pick(m, numbers)
}

func (m merchant) text() string {
	switch m.IntN(3) {
	case 0:
		return pick(m, texts) + pick(m, texts)
	case 1:
		return string([]rune{m.char(), m.char(), m.char()})
	}
	return pick(m, texts)
}

// char is any Unicode character but U+0000.
func (m merchant) char() rune {
	c := 1 + m.Int32N(1<<m.IntN(17)+1)
	if utf16.IsSurrogate(c) {
		return 0x1f600 + c&63
	}
	return c
}

// spell writes s as a JSON string with escapes where they are needed and, now and then, where they are not.
func (m merchant) spell(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case (c == '/' || c == '"' || c == '\\') && m.IntN(2) == 0:
			b.WriteString(`\` + string(c))
		case c < 0x20 || c == '"' || c == '\\' || m.IntN(8) == 0:
			b.WriteString(m.escape(c))
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + `"`
}

func (m merchant) escape(c rune) string {
	format := pick(m, []string{`\u%04x`, `\u%04X`})
	if high, low := utf16.EncodeRune(c); c > 0xffff {
		return fmt.Sprintf(format+format, high, low)
	}
	return fmt.Sprintf(format, c)
}

func (m merchant) space() string { return pick(m, []string{"", "", "", " ", "\n\t"}) }

func pick(m merchant, list []string) string { return list[m.IntN(len(list))] }
