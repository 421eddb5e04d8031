package canonjson

// Object writes one JSON object with its members in the order of the calls. It is for keys that are constants of the
// calling code: it does not sort, so an array index as a key, or the same key twice, is the caller's mistake (Fixed
// finds it). The zero value is an empty object. The first error sticks and is returned by Bytes.
type Object struct {
	buf []byte
	err error
}

// String adds a text member.
func (o *Object) String(key, value string) {
	o.member(key, func(dst []byte) ([]byte, error) { return AppendString(dst, value) })
}

// NullString adds a text member, or null where value is nil: an absent value is sent, never left out.
func (o *Object) NullString(key string, value *string) {
	if value == nil {
		o.Null(key)
		return
	}
	o.String(key, *value)
}

// Int adds an integer member; beyond ±(2^53-1) it fails with ErrUnsafeInteger.
func (o *Object) Int(key string, value int64) {
	o.member(key, func(dst []byte) ([]byte, error) { return AppendInt(dst, value) })
}

// Bool adds true or false.
func (o *Object) Bool(key string, value bool) {
	literal := "false"
	if value {
		literal = "true"
	}
	o.Raw(key, []byte(literal))
}

// Null adds null.
func (o *Object) Null(key string) { o.Raw(key, []byte("null")) }

// Raw adds a value that is canonical already: the result of Canonical or of another Object. It is copied.
func (o *Object) Raw(key string, canonical []byte) {
	o.member(key, func(dst []byte) ([]byte, error) { return append(dst, canonical...), nil })
}

// Object adds what fill writes into a nested object.
func (o *Object) Object(key string, fill func(*Object)) {
	var inner Object
	fill(&inner)
	o.member(key, func(dst []byte) ([]byte, error) {
		p, err := inner.Bytes()
		return append(dst, p...), err
	})
}

func (o *Object) member(key string, value func([]byte) ([]byte, error)) {
	if o.err != nil {
		return
	}
	separator := byte(',')
	if len(o.buf) == 0 {
		separator = '{'
	}
	o.buf = append(o.buf, separator)
	if o.buf, o.err = AppendString(o.buf, key); o.err != nil {
		return
	}
	o.buf, o.err = value(append(o.buf, ':'))
}

// Bytes returns the finished object as a copy of its own, or the first error of the calls before. More members may be
// added afterwards.
func (o *Object) Bytes() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	if len(o.buf) == 0 {
		return []byte("{}"), nil
	}
	p := make([]byte, len(o.buf)+1)
	p[copy(p, o.buf)] = '}'
	return p, nil
}
