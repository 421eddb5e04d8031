package webhook

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestSignShape(t *testing.T) {
	shape := regexp.MustCompile(`^t=\d{10},v1=[0-9a-f]{64}(,v1=[0-9a-f]{64})*$`)
	lead := Sign([]byte("{}"), "lead", vectorTime())
	both := Sign([]byte("{}"), "lead", vectorTime(), "other")
	other := Sign([]byte("{}"), "other", vectorTime())
	if !shape.MatchString(lead) || !shape.MatchString(both) {
		t.Errorf("%s or %s has another shape", lead, both)
	}
	if want := lead + strings.TrimPrefix(other, "t=1736510701"); both != want {
		t.Errorf("got %s, want %s", both, want)
	}
}

func TestSignStandardRotation(t *testing.T) {
	old, fresh := NewSecret(), NewSecret()
	a, errA := SignStandard("evt_1", nil, old, vectorTime())
	b, errB := SignStandard("evt_1", nil, fresh, vectorTime())
	both, err := SignStandard("evt_1", nil, old, vectorTime(), fresh)
	if errA != nil || errB != nil || err != nil || both != a+" "+b {
		t.Errorf("got %q, %v, want %q and %q", both, err, a, b)
	}
}

func TestSignStandardRefusesSecrets(t *testing.T) {
	for _, secret := range []string{"", "secret", secretPrefix, secretPrefix + "!", "c2VjcmV0"} {
		if got, err := SignStandard("evt_1", nil, secret, time.Time{}); !errors.Is(err, ErrSecret) {
			t.Errorf("%q: got %q, %v, want ErrSecret", secret, got, err)
		}
		if got, err := SignStandard("evt_1", nil, NewSecret(), time.Time{}, secret); !errors.Is(err, ErrSecret) {
			t.Errorf("second %q: got %q, %v, want ErrSecret", secret, got, err)
		}
	}
}

func TestNewSecret(t *testing.T) {
	a, b := NewSecret(), NewSecret()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(a, "whsec_"))
	if err != nil || len(key) != 32 || len(a) != 50 || a == b {
		t.Errorf("got %q and %q", a, b)
	}
}
