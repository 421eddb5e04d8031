package canonjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes is the length of the longest payload that Fixed accepts: the most common receiver stops at 102,400.
	MaxBytes = 64 << 10

	// fixedDepth leaves room for the payload's own levels around a value that Canonical took by default.
	fixedDepth = 16
)

// Fixed returns nil only if p is one object, at most MaxBytes long, that obeys the rules of this package and is
// therefore exactly what JSON.stringify(JSON.parse(p)) prints. Otherwise the error matches ErrNotFixed or ErrTooLarge
// and names the byte. It is a second opinion on the encoder: it shares no code with it and reads the bytes alone.
func Fixed(p []byte) error {
	if len(p) > MaxBytes {
		return ErrTooLarge
	}
	s := scanner{p: p}
	if !s.next('{') || !s.object(1) {
		return fmt.Errorf("%w: byte %d", ErrNotFixed, s.i)
	}
	if s.i != len(p) {
		return fmt.Errorf("%w: byte %d follows the object", ErrNotFixed, s.i)
	}
	return nil
}

// scanner accepts canonical JSON and nothing else; depth counts the objects and arrays around. Each method moves past what it accepts and reports false, standing
// near the offending byte, otherwise.
type scanner struct {
	p []byte
	i int
}

func (s *scanner) next(c byte) bool {
	if s.i < len(s.p) && s.p[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) word(w string) bool {
	if bytes.HasPrefix(s.p[s.i:], []byte(w)) {
		s.i += len(w)
		return true
	}
	return false
}

func (s *scanner) value(depth int) bool {
	switch {
	case s.next('{'):
		return depth < fixedDepth && s.object(depth+1)
	case s.next('['):
		return depth < fixedDepth && s.array(depth+1)
	case s.next('"'):
		return s.text()
	case s.word("null"), s.word("true"), s.word("false"):
		return true
	}
	return s.number()
}

func (s *scanner) array(depth int) bool {
	if s.next(']') {
		return true
	}
	for s.value(depth) {
		if s.next(']') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
	return false
}

func (s *scanner) object(depth int) bool {
	if s.next('}') {
		return true
	}
	keys := keyOrder{seen: map[string]bool{}}
	for s.key(&keys) && s.value(depth) {
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
	return false
}

func (s *scanner) key(keys *keyOrder) bool {
	if !s.next('"') {
		return false
	}
	start := s.i
	if !s.text() {
		return false
	}
	return keys.accept(string(s.p[start:s.i-1])) && s.next(':')
}

// text accepts the rest of a string, after its opening quote.
func (s *scanner) text() bool {
	for s.i < len(s.p) {
		r, size := utf8.DecodeRune(s.p[s.i:])
		switch {
		case r < 0x20, r == utf8.RuneError && size == 1:
			return false
		case r == '\\':
			if size = escapeLen(s.p[s.i:]); size == 0 {
				return false
			}
		}
		s.i += size
		if r == '"' {
			return true
		}
	}
	return false
}

// escapeLen returns the length of the escape at the start of p, or 0 if JSON.stringify does not write it so.
// Its \u00xx are the control characters without a short form; U+0000 is among them but refused here.
func escapeLen(p []byte) int {
	if len(p) >= 2 && strings.IndexByte(`"\bfnrt`, p[1]) >= 0 {
		return 2
	}
	if len(p) < 6 || !bytes.HasPrefix(p, []byte(`\u00`)) {
		return 0
	}
	low := p[5]
	switch {
	case p[4] == '0' && strings.IndexByte("1234567bef", low) >= 0,
		p[4] == '1' && strings.IndexByte("0123456789abcdef", low) >= 0:
		return 6
	}
	return 0
}

// number accepts a literal that is its own shortest spelling. encoding/json prints floats by the same ECMAScript rule
// as our encoder, in code that is not ours.
func (s *scanner) number() bool {
	length := slices.IndexFunc(s.p[s.i:], func(c byte) bool { return strings.IndexByte("0123456789+-.e", c) < 0 })
	if length <= 0 {
		return false
	}
	literal := string(s.p[s.i : s.i+length])
	if !fixedNumber(literal) {
		return false
	}
	s.i += length
	return true
}

func fixedNumber(literal string) bool {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || literal == "-0" {
		return false
	}
	printed, err := json.Marshal(f)
	if err != nil || string(printed) != literal {
		return false
	}
	return safeIfInteger(literal)
}

// safeIfInteger reports false for plain integers that other languages keep exactly and JavaScript does not.
func safeIfInteger(literal string) bool {
	if strings.ContainsAny(literal, ".e") {
		return true
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	return err == nil && -1<<53 < n && n < 1<<53
}

// keyOrder follows the keys of one object. It compares spellings: a canonical string has only one.
type keyOrder struct {
	seen   map[string]bool
	last   string // the last array index
	others bool   // a key that is no array index came
}

func (k *keyOrder) accept(key string) bool {
	if key == "__proto__" || k.seen[key] {
		return false
	}
	k.seen[key] = true
	if !isIndexSpelling(key) {
		k.others = true
		return true
	}
	ascending := len(key) > len(k.last) || len(key) == len(k.last) && key > k.last
	k.last = key
	return ascending && !k.others
}

// isIndexSpelling reports whether key is the canonical decimal of 0 to 4294967294.
func isIndexSpelling(key string) bool {
	const last = "4294967294"
	for i := range len(key) {
		if key[i] < '0' || key[i] > '9' {
			return false
		}
	}
	if key == "" || key[0] == '0' && key != "0" {
		return false
	}
	return len(key) < len(last) || len(key) == len(last) && key <= last
}
