package canonjson

import (
	"errors"
	"testing"
)

func TestObjectKeepsTheOrderOfTheCalls(t *testing.T) {
	email := "a&b@example.com"
	var o Object
	o.String("zeta", "<1>")
	o.NullString("customer_email", &email)
	o.NullString("client_reference_id", nil)
	o.Int("amount_cents", 2500)
	o.Bool("livemode", false)
	o.Bool("test", true)
	o.Raw("metadata", []byte("{}"))
	o.Object("failure", func(o *Object) { o.Null("decline_code") })
	got, err := o.Bytes()
	const want = `{"zeta":"<1>","customer_email":"a&b@example.com","client_reference_id":null,"amount_cents":2500,` +
		`"livemode":false,"test":true,"metadata":{},"failure":{"decline_code":null}}`
	if err != nil || string(got) != want {
		t.Fatalf("got  %s, %v\nwant %s", got, err, want)
	}
	if err := Fixed(got); err != nil {
		t.Error(err)
	}
}

func TestObjectBytesIsACopy(t *testing.T) {
	var o Object
	if p, err := o.Bytes(); string(p) != "{}" || err != nil {
		t.Errorf("zero value: %s, %v", p, err)
	}
	o.Int("a", 1)
	first, _ := o.Bytes()
	o.Int("b", 2)
	if second, _ := o.Bytes(); string(first) != `{"a":1}` || string(second) != `{"a":1,"b":2}` {
		t.Errorf("got %s and %s", first, second)
	}
}

func TestObjectKeepsTheFirstError(t *testing.T) {
	for name, tc := range map[string]struct {
		fill func(*Object)
		want error
	}{
		"value":  {func(o *Object) { o.String("k", "\xff"); o.Int("n", 1<<60) }, ErrText},
		"key":    {func(o *Object) { o.Bool("\x00", true); o.String("k", "\xff") }, ErrNUL},
		"int":    {func(o *Object) { o.Int("n", 1<<60); o.Null("later") }, ErrUnsafeInteger},
		"nested": {func(o *Object) { o.Object("in", func(o *Object) { o.String("k", "\xff") }) }, ErrText},
	} {
		var o Object
		tc.fill(&o)
		if p, err := o.Bytes(); !errors.Is(err, tc.want) || p != nil {
			t.Errorf("%s: got %q, %v, want %v", name, p, err, tc.want)
		}
	}
}
