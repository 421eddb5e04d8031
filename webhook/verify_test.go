package webhook

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestVerifyHeaders(t *testing.T) {
	body := []byte(vectorBody)
	sum := strings.TrimPrefix(vectorHeader, "t=1736510701,v1=")
	wrong := strings.Repeat("0", 64)
	for _, tc := range []struct {
		name, header string
		want         error
	}{
		{"as sent", vectorHeader, nil},
		{"leads", vectorHeader + ",v1=" + wrong, nil},
		{"follows", "t=1736510701,v1=" + wrong + ",v1=" + sum, nil},
		{"time last", "v1=" + sum + ",t=1736510701", nil},
		{"spaces", "t=1736510701, v1=" + sum, nil},
		{"upper case", "t=1736510701,v1=" + strings.ToUpper(sum), nil},
		{"other schemes", "v0=x,t=1736510701,v2=y,v1=" + sum + ",z", nil},
		{"absent", "", ErrNotSigned},
		{"wrong", "t=1736510701,v1=" + wrong, ErrMismatch},
		{"other time", "t=1736510702,v1=" + sum, ErrMismatch},
		{"cut short", "t=1736510701,v1=" + sum[:62], ErrMismatch},
		{"empty signature", "t=1736510701,v1=", ErrMismatch},
		{"other scheme only", "t=1736510701,v0=" + sum, ErrMalformed},
		{"no time", "v1=" + sum, ErrMalformed},
		{"two times", "t=1736510701,t=1736510701,v1=" + sum, ErrMalformed},
		{"time is text", "t=now,v1=" + sum, ErrMalformed},
		{"time is negative", "t=-1736510701,v1=" + sum, ErrMalformed},
		{"time has a point", "t=1736510701.5,v1=" + sum, ErrMalformed},
		{"time overflows", "t=99999999999999999999,v1=" + sum, ErrMalformed},
		{"not hexadecimal", "t=1736510701,v1=zz", ErrMalformed},
		{"words", "hello", ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := Verify(body, tc.header, vectorSecret, WithClock(vectorTime)); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestVerifyBody(t *testing.T) {
	changed := strings.Replace(vectorBody, "2500", "2501", 1)
	for _, body := range []string{"", changed, vectorBody + "\n", vectorBody[:len(vectorBody)-1]} {
		if err := Verify([]byte(body), vectorHeader, vectorSecret, WithClock(vectorTime)); !errors.Is(err, ErrMismatch) {
			t.Errorf("%.20q: got %v, want ErrMismatch", body, err)
		}
	}
}

func TestVerifyTolerance(t *testing.T) {
	for _, tc := range []struct {
		late time.Duration
		opts []Option
		want error
	}{
		{late: 300 * time.Second},
		{late: -300 * time.Second},
		{late: 301 * time.Second, want: ErrTooOld},
		{late: -301 * time.Second, want: ErrTooNew},
		{late: time.Hour, opts: []Option{WithTolerance(time.Hour)}},
		{late: time.Second, opts: []Option{WithTolerance(0)}, want: ErrTooOld},
	} {
		clock := WithClock(func() time.Time { return vectorTime().Add(tc.late) })
		err := Verify([]byte(vectorBody), vectorHeader, vectorSecret, append(tc.opts, clock)...)
		if !errors.Is(err, tc.want) {
			t.Errorf("%v late: got %v, want %v", tc.late, err, tc.want)
		}
	}
}

func TestVerifyJudgesTimeOnlyOfGenuineSignatures(t *testing.T) {
	err := Verify([]byte(vectorBody), vectorHeader, "another")
	if !errors.Is(err, ErrMismatch) {
		t.Errorf("old and forged: got %v, want ErrMismatch", err)
	}
	if err := Verify([]byte(vectorBody), vectorHeader, vectorSecret); !errors.Is(err, ErrTooOld) {
		t.Errorf("old and genuine: got %v, want ErrTooOld", err)
	}
}

func TestVerifyRotation(t *testing.T) {
	body, old, fresh := []byte("{}"), NewSecret(), NewSecret()
	now := WithClock(vectorTime)
	both := Sign(body, old, vectorTime(), fresh)
	for _, secret := range []string{old, fresh} {
		if err := Verify(body, both, secret, now); err != nil {
			t.Errorf("two signatures, one secret: %v", err)
		}
		if err := Verify(body, Sign(body, secret, vectorTime()), fresh, now, WithSecrets(old)); err != nil {
			t.Errorf("one signature, two secrets: %v", err)
		}
	}
	if err := Verify(body, both, NewSecret(), now); !errors.Is(err, ErrMismatch) {
		t.Errorf("third secret: got %v, want ErrMismatch", err)
	}
}

func TestVerifyRefusesEmptySecrets(t *testing.T) {
	forged := Sign([]byte(vectorBody), "", vectorTime())
	for _, err := range []error{
		Verify([]byte(vectorBody), forged, "", WithClock(vectorTime)),
		Verify([]byte(vectorBody), forged, vectorSecret, WithClock(vectorTime), WithSecrets("")),
	} {
		if !errors.Is(err, ErrSecret) {
			t.Errorf("got %v, want ErrSecret", err)
		}
	}
}
