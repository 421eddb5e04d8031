package sealed

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
)

var (
	keyA  = bytes.Repeat([]byte("a"), 32)
	keyB  = bytes.Repeat([]byte("b"), 32)
	place = Place{"endpoints", "secret", "we_1"}
)

func ring(t *testing.T, key []byte, old ...[]byte) *Ring {
	t.Helper()
	r, err := New(key, old...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealedTextsOpenWhereTheyBelong(t *testing.T) {
	r := ring(t, keyA)
	text := r.Seal("secret", place)
	if !regexp.MustCompile(`^v1:[0-9a-f]{8}:[A-Za-z0-9+/]{46}$`).MatchString(text) || !Is(text) || strings.Contains(text, "secret") {
		t.Errorf("sealed as %s", text)
	}
	if text == r.Seal("secret", place) {
		t.Error("the same secret looks the same twice")
	}
	if got, err := ring(t, keyA).Open(text, place); got != "secret" || err != nil {
		t.Errorf("opened as %q, %v", got, err)
	}
	for name, other := range map[string]Place{
		"table": {"keys", "secret", "we_1"}, "column": {"endpoints", "previous_secret", "we_1"}, "row": {"endpoints", "secret", "we_2"},
		"seam": {"endpoints", "secretwe_1", ""},
	} {
		if got, err := r.Open(text, other); got != "" || !errors.Is(err, ErrDamaged) {
			t.Errorf("in another %s it opens as %q, %v", name, got, err)
		}
	}
}

func TestOldKeysOpenAndDoNotSeal(t *testing.T) {
	before := ring(t, keyA).Seal("secret", place)
	if got, err := ring(t, keyB).Open(before, place); got != "" || !errors.Is(err, ErrNoKey) {
		t.Errorf("without its key it opens as %q, %v", got, err)
	}
	after := ring(t, keyB, keyA)
	if got, err := after.Open(before, place); got != "secret" || err != nil {
		t.Errorf("opened as %q, %v", got, err)
	}
	if _, err := ring(t, keyA).Open(after.Seal("secret", place), place); !errors.Is(err, ErrNoKey) {
		t.Errorf("the old key was used to seal: %v", err)
	}
	again := ring(t, keyA, keyA)
	if got, err := again.Open(again.Seal("secret", place), place); got != "secret" || err != nil {
		t.Errorf("a key that is both old and new opens as %q, %v", got, err)
	}
}

func TestWithoutAKeyNothingIsSealed(t *testing.T) {
	r := ring(t, nil, keyA)
	if got := r.Seal("secret", place); got != "secret" || r.Seals() || !ring(t, keyA).Seals() {
		t.Errorf("%q, seals: %v", got, r.Seals())
	}
	if got, err := r.Open("secret", place); got != "secret" || err != nil {
		t.Errorf("a readable secret opens as %q, %v", got, err)
	}
	if got, err := r.Open(ring(t, keyA).Seal("secret", place), place); got != "secret" || err != nil {
		t.Errorf("an old key opens %q, %v", got, err)
	}
}

func TestDamagedTextsDoNotOpen(t *testing.T) {
	r := ring(t, keyA)
	text := r.Seal("secret", place)
	for i := range len(text) {
		if i < len("v1:") {
			continue
		}
		changed := []byte(text)
		if changed[i]++; changed[i] == '[' { // not of the alphabet
			changed[i] = 'A'
		}
		if got, err := r.Open(string(changed), place); err == nil || got != "" {
			t.Errorf("with another character at %d it opens as %q", i, got)
		}
	}
	for _, broken := range []string{"v1:", "v1::", text[:12], text[:30], text + "!", strings.ToUpper(text)} {
		if got, err := r.Open(broken, place); err == nil && got != broken {
			t.Errorf("%q opens as %q", broken, got)
		}
	}
}
