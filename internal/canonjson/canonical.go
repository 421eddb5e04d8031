package canonjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bounds what Canonical accepts. A zero field means its default.
type Limits struct {
	Bytes int // length of the canonical form. Defaults to MaxBytes.
	Depth int // nesting of objects and arrays; a flat object has 1. Defaults to 8.
}

const defaultDepth = 8

// Canonical turns one JSON value into its canonical form: same value, members in JavaScript's order, our spelling of
// strings and numbers. It never rounds an integer or drops a member; what it cannot keep it refuses with one of the
// errors of this package, wrapped with the JSON pointer (RFC 6901) of the place. A fraction becomes the float64
// nearest to it, as in every JavaScript program. raw is not changed and not kept.
func Canonical(raw []byte, lim Limits) ([]byte, error) {
	if lim.Bytes == 0 {
		lim.Bytes = MaxBytes
	}
	if lim.Depth == 0 {
		lim.Depth = defaultDepth
	}
	if !utf8.Valid(raw) {
		return nil, ErrText
	}
	// The tokenizer is told to let half surrogate pairs pass because it names them like any other syntax error;
	// unquote refuses them by name.
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowInvalidUTF8(true))
	c := canonicaliser{dec: dec, lim: lim, out: make([]byte, 0, min(len(raw), lim.Bytes))}
	if err := c.document(); err != nil {
		return nil, fmt.Errorf("%w at %q", err, dec.StackPointer())
	}
	return c.out, nil
}

type canonicaliser struct {
	dec *jsontext.Decoder
	lim Limits
	out []byte
}

func (c *canonicaliser) document() error {
	if err := c.value(0); err != nil {
		return err
	}
	if _, err := c.dec.ReadToken(); err != io.EOF {
		return ErrSyntax
	}
	return nil
}

// value reads the next value, which lies inside depth objects and arrays.
func (c *canonicaliser) value(depth int) error {
	var err error
	switch c.dec.PeekKind() {
	case '{':
		err = c.nested(depth+1, c.object)
	case '[':
		err = c.nested(depth+1, c.array)
	case '"':
		_, err = c.text()
	case '0':
		err = c.number()
	default:
		err = c.literal()
	}
	if err == nil && len(c.out) > c.lim.Bytes {
		return ErrTooLarge
	}
	return err
}

func (c *canonicaliser) nested(depth int, read func(depth int) error) error {
	if depth > c.lim.Depth {
		return ErrTooDeep
	}
	open, err := c.dec.ReadToken()
	if err != nil {
		return named(err)
	}
	c.out = append(c.out, byte(open.Kind()))
	if err := read(depth); err != nil {
		return err
	}
	end, err := c.dec.ReadToken()
	if err != nil {
		return named(err)
	}
	c.out = append(c.out, byte(end.Kind()))
	return nil
}

func (c *canonicaliser) array(depth int) error {
	for first := true; c.dec.PeekKind() != ']'; first = false {
		if !first {
			c.out = append(c.out, ',')
		}
		if err := c.value(depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *canonicaliser) object(depth int) error {
	start := len(c.out)
	var list members
	for c.dec.PeekKind() != '}' {
		m, err := c.member(depth)
		if err != nil {
			return err
		}
		list = append(list, m)
		c.out = append(c.out, ',')
	}
	if len(list) > 0 {
		list.sort(c.out, start)
		c.out = c.out[:len(c.out)-1]
	}
	return nil
}

func (c *canonicaliser) member(depth int) (member, error) {
	m := member{start: len(c.out)}
	key, err := c.text()
	if err != nil {
		return m, err
	}
	if key == "__proto__" {
		return m, ErrProto
	}
	m.index, m.isIndex = arrayIndex(key)
	c.out = append(c.out, ':')
	err = c.value(depth)
	m.end = len(c.out)
	return m, err
}

// text reads a string or a member name, writes it and returns what it says.
func (c *canonicaliser) text() (string, error) {
	quoted, err := c.dec.ReadValue()
	if err != nil {
		return "", named(err)
	}
	s, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return "", ErrText
	}
	text := string(s)
	c.out, err = AppendString(c.out, text)
	return text, err
}

func (c *canonicaliser) literal() error {
	token, err := c.dec.ReadToken()
	if err != nil {
		return named(err)
	}
	c.out = append(c.out, token.String()...)
	return nil
}

func (c *canonicaliser) number() error {
	token, err := c.dec.ReadValue()
	if err != nil {
		return named(err)
	}
	c.out, err = appendNumber(c.out, string(token))
	return err
}

// appendNumber appends the number that the JSON literal stands for.
func appendNumber(dst []byte, literal string) ([]byte, error) {
	if !strings.ContainsAny(literal, ".eE") {
		n, err := strconv.ParseInt(literal, 10, 64)
		if err != nil {
			return dst, ErrUnsafeInteger
		}
		return AppendInt(dst, n)
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return dst, ErrRange
	}
	digits, _, _ := strings.Cut(strings.ToLower(literal), "e")
	if f == 0 && strings.ContainsAny(digits, "123456789") {
		return dst, ErrRange
	}
	printed, err := AppendFloat(dst, f)
	if math.Abs(f) > maxSafe && err == nil && !sameDecimal(literal, string(printed[len(dst):])) {
		return dst, ErrUnsafeInteger
	}
	return printed, err
}

// sameDecimal reports whether two literals stand for the same number before any rounding. Their exponents are bounded
// by the range of float64 and the length of the document.
func sameDecimal(a, b string) bool {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0
}

// named gives a tokenizer's error our name; the reader is in memory, so every other error is about syntax.
func named(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return ErrDuplicate
	}
	return ErrSyntax
}
