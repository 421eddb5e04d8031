package webhook

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// request is a POST with the body; each header is "Name: value".
func request(body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// standard is the three Standard Webhooks headers for the body.
func standard(t *testing.T, body, secret string) []string {
	t.Helper()
	signature, err := SignStandard("evt_std", []byte(body), secret, vectorTime())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"webhook-id: evt_std", "webhook-timestamp: 1736510701", "webhook-signature: " + signature}
}

func TestRead(t *testing.T) {
	const withID = `{"event":"some.future.event","data":[1],"created_at":"2025-01-10T12:05:01Z","id":"evt_1"}`
	jopay := "X-JoPay-Signature: " + vectorHeader
	good, bad := standard(t, vectorBody, vectorSecret), standard(t, "{}", vectorSecret)
	signed := func(body string) string {
		return "X-JoPay-Signature: " + Sign([]byte(body), vectorSecret, vectorTime())
	}
	for _, tc := range []struct {
		name    string
		body    string
		headers []string
		wantID  string
		want    error
	}{
		{"own signature", vectorBody, []string{jopay}, "", nil},
		{"standard signature", vectorBody, good, "evt_std", nil},
		{"both", vectorBody, append(good, jopay), "evt_std", nil},
		{"id in the header is not signed", vectorBody, append(bad, jopay), "", nil},
		{"id in the body", withID, []string{signed(withID)}, "evt_1", nil},
		{"two header lines", vectorBody, []string{jopay, "X-JoPay-Signature: v1=00"}, "", nil},
		{"not signed", vectorBody, nil, "", ErrNotSigned},
		{"id and time only", vectorBody, good[:2], "", ErrNotSigned},
		{"own signature wrong, standard right", vectorBody, append(good, signed("{}")), "", ErrMismatch},
		{"standard signature wrong", vectorBody, bad, "", ErrMismatch},
		{"standard without id", vectorBody, good[1:], "", ErrMalformed},
		{"standard without time", vectorBody, []string{good[0], good[2]}, "", ErrMalformed},
		{"standard id changed", vectorBody, []string{"webhook-id: evt_2", good[1], good[2]}, "", ErrMismatch},
		{"standard time changed", vectorBody, []string{good[0], "webhook-timestamp: 1736510702", good[2]}, "", ErrMismatch},
		{"standard of another version", vectorBody, []string{good[0], good[1], "webhook-signature: v1a" + good[2][21:]}, "", ErrMismatch},
		{"not JSON", "hello", []string{signed("hello")}, "", ErrBody},
		{"not an event", "{}", []string{signed("{}")}, "", ErrBody},
		{"largest", vectorBody + strings.Repeat(" ", MaxBody-len(vectorBody)), []string{signed("{}")}, "", ErrMismatch},
		{"too large", strings.Repeat(" ", MaxBody+1), []string{signed("{}")}, "", ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := Read(request(tc.body, tc.headers...), vectorSecret, WithClock(vectorTime))
			if !errors.Is(err, tc.want) || e.ID != tc.wantID {
				t.Fatalf("got id %q, %v, want %q, %v", e.ID, err, tc.wantID, tc.want)
			}
			if (e.Type == "") != (tc.want != nil) {
				t.Errorf("got type %q with error %v", e.Type, err)
			}
		})
	}
}

func TestReadStandardRotation(t *testing.T) {
	fresh := NewSecret()
	e, err := Read(request(vectorBody, standard(t, vectorBody, vectorSecret)...), fresh, WithSecrets(vectorSecret), WithClock(vectorTime))
	if err != nil || e.Type != SessionCompleted {
		t.Errorf("got %+v, %v", e, err)
	}
	if _, err := Read(request(vectorBody, standard(t, vectorBody, vectorSecret)...), "plain", WithClock(vectorTime)); !errors.Is(err, ErrSecret) {
		t.Errorf("secret that Standard Webhooks cannot use: got %v, want ErrSecret", err)
	}
}

func TestReadTakesTimeOfStandardSignature(t *testing.T) {
	if _, err := Read(request(vectorBody, standard(t, vectorBody, vectorSecret)...), vectorSecret); !errors.Is(err, ErrTooOld) {
		t.Errorf("got %v, want ErrTooOld", err)
	}
}

func TestReadOtherHeader(t *testing.T) {
	r := request(vectorBody, "X-Acme-Signature: "+vectorHeader)
	if _, err := Read(r, vectorSecret, WithHeader("X-Acme-Signature"), WithClock(vectorTime)); err != nil {
		t.Error(err)
	}
}

func TestReadStopsAtMaxBody(t *testing.T) {
	r := request("", "X-JoPay-Signature: "+vectorHeader)
	r.ContentLength = -1
	endless := &countingReader{}
	r.Body = io.NopCloser(endless)
	if _, err := Read(r, vectorSecret); !errors.Is(err, ErrTooLarge) || endless.n > 2*MaxBody {
		t.Errorf("got %v after %d bytes, want ErrTooLarge", err, endless.n)
	}
	r.ContentLength, endless.n = MaxBody+1, 0
	if _, err := Read(r, vectorSecret); !errors.Is(err, ErrTooLarge) || endless.n > 0 {
		t.Errorf("announced: got %v after %d bytes, want ErrTooLarge at once", err, endless.n)
	}
}

type countingReader struct{ n int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n += len(p)
	return len(p), nil
}

func TestReadWithoutBody(t *testing.T) {
	r := request("", "X-JoPay-Signature: "+vectorHeader)
	r.Body = nil
	if _, err := Read(r, vectorSecret); !errors.Is(err, ErrMismatch) {
		t.Errorf("no body: got %v, want ErrMismatch", err)
	}
	r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := Read(r, vectorSecret); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("broken connection: got %v, want io.ErrUnexpectedEOF", err)
	}
	if _, err := Read(r, ""); !errors.Is(err, ErrSecret) {
		t.Errorf("no secret: got %v, want ErrSecret", err)
	}
}
