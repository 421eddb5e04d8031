// Package strictjson reads JSON the way money wants it: one value, no duplicate members, no invalid UTF-8, no lone
// surrogates, no NUL, nothing after the end, a bounded depth. Numbers keep their spelling, so that 25.0, 2.5e3 and
// 2500 can be told apart.
//
// The tokenizer is github.com/go-json-experiment/json/jsontext (RFC 8259, RFC 7493).
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind tells the six JSON types apart.
type Kind uint8

// The kinds of a [Value].
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value. Text holds the decoded string, the number as it was written, or "true" and "false"; Raw
// the bytes it was read from.
type Value struct {
	Kind    Kind
	Text    string
	Raw     []byte
	Members []Member
	Elems   []Value
}

// Member is one name and value of an object, in the order of the text.
type Member struct {
	Name  string
	Value Value
}

// The errors of [Parse]. Each is wrapped with the place where it was found.
var (
	ErrEmpty     = errors.New("the text is empty")
	ErrSyntax    = errors.New("not valid JSON")
	ErrDuplicate = errors.New("duplicate member")
	ErrTrailing  = errors.New("data after the end of the value")
	ErrDepth     = errors.New("nested too deeply")
	ErrNUL       = errors.New("the character U+0000 is not allowed")
)

// Get finds a member of an object by its exact name.
func (v Value) Get(name string) (Value, bool) {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Parse reads data, which may nest at most maxDepth levels.
func Parse(data []byte, maxDepth int) (Value, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return Value{}, ErrEmpty
	}
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	p := parser{dec: dec, data: data, maxDepth: maxDepth}
	v, err := p.value()
	if err != nil {
		return Value{}, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Value{}, fmt.Errorf("%w (byte %d)", ErrTrailing, dec.InputOffset())
	}
	return v, nil
}

type parser struct {
	dec      *jsontext.Decoder
	data     []byte
	maxDepth int
}

func (p *parser) value() (Value, error) {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return Value{}, p.wrap(err)
	}
	end := p.dec.InputOffset()
	switch tok.Kind() {
	case '{':
		return p.object(end - 1)
	case '[':
		return p.array(end - 1)
	case '"':
		s := tok.String()
		if strings.IndexByte(s, 0) >= 0 {
			return Value{}, fmt.Errorf("%w (%s)", ErrNUL, p.dec.StackPointer())
		}
		return Value{Kind: String, Text: s, Raw: p.tail(end)}, nil
	case '0':
		return Value{Kind: Number, Text: tok.String(), Raw: p.tail(end)}, nil
	case 't', 'f':
		return Value{Kind: Bool, Text: tok.String(), Raw: p.tail(end)}, nil
	default:
		return Value{Kind: Null, Text: "null", Raw: p.tail(end)}, nil
	}
}

// tail cuts a scalar's own bytes: the text up to end, without the white space and separators before it.
func (p *parser) tail(end int64) []byte {
	if p.data[end-1] != '"' {
		start := end
		for start > 0 && strings.IndexByte(" \t\r\n:,[", p.data[start-1]) < 0 {
			start--
		}
		return p.data[start:end]
	}
	start := end - 2
	for p.data[start] != '"' || escaped(p.data[:start]) {
		start--
	}
	return p.data[start:end]
}

// escaped tells whether the character behind before is escaped: an odd number of backslashes stands in front of it.
func escaped(before []byte) bool {
	n := 0
	for i := len(before) - 1; i >= 0 && before[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

func (p *parser) object(start int64) (Value, error) {
	if p.dec.StackDepth() > p.maxDepth {
		return Value{}, fmt.Errorf("%w: more than %d levels", ErrDepth, p.maxDepth)
	}
	v := Value{Kind: Object}
	for p.dec.PeekKind() != '}' {
		tok, err := p.dec.ReadToken()
		if err != nil {
			return Value{}, p.wrap(err)
		}
		name := tok.String()
		if strings.IndexByte(name, 0) >= 0 {
			return Value{}, fmt.Errorf("%w (in a member's name)", ErrNUL)
		}
		val, err := p.value()
		if err != nil {
			return Value{}, err
		}
		v.Members = append(v.Members, Member{Name: name, Value: val})
	}
	return p.close(v, start)
}

func (p *parser) array(start int64) (Value, error) {
	if p.dec.StackDepth() > p.maxDepth {
		return Value{}, fmt.Errorf("%w: more than %d levels", ErrDepth, p.maxDepth)
	}
	v := Value{Kind: Array}
	for p.dec.PeekKind() != ']' {
		val, err := p.value()
		if err != nil {
			return Value{}, err
		}
		v.Elems = append(v.Elems, val)
	}
	return p.close(v, start)
}

func (p *parser) close(v Value, start int64) (Value, error) {
	if _, err := p.dec.ReadToken(); err != nil {
		return Value{}, p.wrap(err)
	}
	v.Raw = p.data[start:p.dec.InputOffset()]
	return v, nil
}

// wrap names the place, and never repeats the text that was found there: it may be an e-mail or a card number.
func (p *parser) wrap(err error) error {
	kind, where := ErrSyntax, fmt.Sprintf("byte %d", p.dec.InputOffset())
	if errors.Is(err, jsontext.ErrDuplicateName) {
		kind = ErrDuplicate
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		where = fmt.Sprintf("byte %d", syntax.ByteOffset)
		if kind == ErrDuplicate {
			where = string(syntax.JSONPointer)
		}
	}
	return fmt.Errorf("%w (%s)", kind, where)
}
