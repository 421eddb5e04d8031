package checkoutstripe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jopay/checkout"
)

// outcome is an error's kind as a word.
func outcome(err error) string {
	for word, kind := range map[string]error{
		"rejected": checkout.ErrRejected, "unavailable": checkout.ErrUnavailable, "no charge": checkout.ErrNoCharge, "forged": checkout.ErrNotAuthentic,
	} {
		if errors.Is(err, kind) {
			return word
		}
	}
	if err == nil {
		return "none"
	}
	return "no kind"
}

func TestErrorsByStatus(t *testing.T) {
	tests := []struct {
		status                 int
		kind                   string
		begin, observe, refund string
	}{
		{400, "invalid_request_error", "rejected", "no kind", "rejected"},
		{401, "invalid_request_error", "rejected", "no kind", "rejected"},
		{402, "card_error", "rejected", "no kind", "rejected"},
		{403, "invalid_request_error", "rejected", "no kind", "rejected"},
		{404, "invalid_request_error", "rejected", "no charge", "rejected"},
		{409, "invalid_request_error", "no kind", "no kind", "no kind"},
		{429, "invalid_request_error", "unavailable", "unavailable", "unavailable"},
		{500, "api_error", "no kind", "no kind", "no kind"},
		{502, "api_error", "no kind", "no kind", "no kind"},
		{503, "api_error", "unavailable", "unavailable", "unavailable"},
		{504, "api_error", "no kind", "no kind", "no kind"},
		{204, "", "no kind", "no kind", "no kind"},
		{302, "", "no kind", "no kind", "no kind"},
	}
	for _, tt := range tests {
		no := refused(tt.status, tt.kind, "some_code")
		c := newCompany(t, map[string][]said{makeIntents: {no}, makeSessions: {no}, getIntent: {no}})
		p := c.provider()
		r := request()
		for _, r.Scripted = range []bool{true, false} {
			if _, err := p.Begin(t.Context(), r); outcome(err) != tt.begin {
				t.Errorf("%d: Begin gives %v, want %s", tt.status, err, tt.begin)
			}
		}
		_, err := p.Observe(t.Context(), refOf(intentID))
		if outcome(err) != tt.observe {
			t.Errorf("%d: Observe gives %v, want %s", tt.status, err, tt.observe)
		}
		c.answers = map[string][]said{getIntent: {ok(intentJSON("succeeded", paidMore))}, listRefunds: {ok(listJSON(false))}, "POST /v1/refunds": {no}}
		if _, err := p.Refund(t.Context(), refundRequest(2500)); outcome(err) != tt.refund {
			t.Errorf("%d: Refund gives %v, want %s", tt.status, err, tt.refund)
		}
		if logged := strings.Contains(c.log.String(), "refuses the secret key"); logged != (tt.status == 401 || tt.status == 403) {
			t.Errorf("%d: the log says %q", tt.status, c.log.String())
		}
		wantSecretsKept(t, c, err)
	}
}

func wantSecretsKept(t *testing.T, c *company, errs ...error) {
	t.Helper()
	text := c.log.String()
	for _, err := range errs {
		if err != nil {
			text += err.Error()
		}
	}
	for _, secret := range []string{testKey, testPublishable, testSecret, buyer, "pi_3Nx_secret_x"} {
		if strings.Contains(text, secret) {
			t.Errorf("%.9s… got out: %s", secret, text)
		}
	}
}

func TestErrorsNameTheCause(t *testing.T) {
	c := newCompany(t, map[string][]said{makeIntents: {refused(400, "invalid_request_error", "amount_too_small")}})
	_, err := c.provider().Begin(t.Context(), request())
	for _, want := range []string{"400", "invalid_request_error", "amount_too_small", "req_77"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s in it", err, want)
		}
	}
}

// What stands in the places of codes need not be a code.
func TestErrorsQuoteNoStrangers(t *testing.T) {
	for _, body := range []string{`{"error":{"type":"` + buyer + `","code":"<script>"}}`, "<html>" + buyer, `{"error":` + `"` + buyer + `"}`, ""} {
		c := newCompany(t, map[string][]said{makeIntents: {{status: 400, body: body, header: map[string]string{"Request-Id": buyer}}}})
		_, err := c.provider().Begin(t.Context(), request())
		if outcome(err) != "rejected" || strings.Contains(err.Error(), "<") {
			t.Errorf("the error is %v", err)
		}
		wantSecretsKept(t, c, err)
	}
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON": "<html>", "a number for an id": `{"id":7}`, "nothing": "", "too long": `{"id":"` + strings.Repeat("x", maxAnswer) + `"}`, "a list": "[]",
		"half an object": intentJSON("processing", "")[:40], "another currency of id": `{"latest_charge":{"id":1}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, map[string][]said{makeIntents: {ok(body)}})
			_, err := c.provider().Begin(t.Context(), request())
			wantNoKind(t, err)
			wantSecretsKept(t, c, err)
		})
	}
}

func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func at(url string) func(*Config) { return func(cfg *Config) { cfg.BaseURL = url } }

func TestUnreachable(t *testing.T) {
	c := newCompany(t, nil)
	p := c.provider(at(closedAddress(t)))
	_, beginErr := p.Begin(t.Context(), request())
	_, observeErr := p.Observe(t.Context(), refOf(intentID))
	_, refundErr := p.Refund(t.Context(), refundRequest(2500))
	for _, err := range []error{beginErr, observeErr, refundErr} {
		if outcome(err) != "unavailable" {
			t.Errorf("a refused connection gives %v", err)
		}
	}
}

// resolver fails every look-up of a name.
func TestNoSuchHost(t *testing.T) {
	dialer := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no name server") }}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	p := newCompany(t, nil).provider(func(cfg *Config) { cfg.BaseURL, cfg.HTTPClient = "https://api.stripe.invalid", client })
	if _, err := p.Begin(t.Context(), request()); outcome(err) != "unavailable" {
		t.Errorf("a name that is not found gives %v", err)
	}
}

func TestForeignCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	if _, err := newCompany(t, nil).provider(at(s.URL)).Begin(t.Context(), request()); outcome(err) != "unavailable" {
		t.Errorf("a certificate of nobody gives %v", err)
	}
}

// hijacked breaks the connection of the nth request and of all later ones, after it has arrived whole.
func hijacked(t *testing.T, nth int64, before func(http.ResponseWriter)) (*httptest.Server, *atomic.Int64) {
	var count atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if count.Add(1) < nth {
			before(w)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}))
	t.Cleanup(s.Close)
	return s, &count
}

// net/http repeats a request with an idempotency key on its own when a used connection breaks. The request has arrived:
// whether it may be repeated is not for net/http to say.
func TestBrokenConnectionIsNotRepeated(t *testing.T) {
	s, count := hijacked(t, 2, func(w http.ResponseWriter) { _, _ = io.WriteString(w, intentJSON("requires_payment_method", "")) })
	p := newCompany(t, nil).provider(at(s.URL))
	if _, err := p.Begin(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	_, err := p.Begin(t.Context(), request())
	wantNoKind(t, err)
	if count.Load() != 2 {
		t.Errorf("%d requests arrived, want 2", count.Load())
	}
}

// A reset is no refusal: the request had arrived.
func TestResetConnectionIsOpen(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil || conn.(*net.TCPConn).SetLinger(0) != nil {
			t.Error("the connection cannot be reset")
			return
		}
		conn.Close()
	}))
	defer s.Close()
	_, err := newCompany(t, nil).provider(at(s.URL)).Begin(t.Context(), request())
	if wantNoKind(t, err); !strings.Contains(err.Error(), "reset") {
		t.Errorf("the error is %v, want the reset", err)
	}
}

// transport is a host's own way to make a request.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An end of the context tells nothing, even while connecting: the caller asked no more.
func TestContextEndsWhileConnecting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, &net.OpError{Op: "dial", Err: errors.New("operation was canceled")}
	})}
	_, err := newCompany(t, nil).provider(func(cfg *Config) { cfg.HTTPClient = client }).Begin(ctx, request())
	wantNoKind(t, err)
}

func TestAnswerThatBreaksOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"id":`)
	}))
	defer s.Close()
	_, err := newCompany(t, nil).provider(at(s.URL)).Begin(t.Context(), request())
	wantNoKind(t, err)
}

// silent takes requests and answers none until the test ends.
func silent(t *testing.T) (url string, arrived chan struct{}) {
	arrived, done := make(chan struct{}, 9), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-done
	}))
	t.Cleanup(func() { close(done); s.Close() })
	return s.URL, arrived
}

func TestContextEnds(t *testing.T) {
	url, arrived := silent(t)
	p := newCompany(t, nil).provider(at(url))
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-arrived; cancel(nil) }()
	_, err := p.Begin(ctx, request())
	if wantNoKind(t, err); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want the context's", err)
	}
	_, err = p.Begin(ctx, request()) // it has ended before
	wantNoKind(t, err)
	_, err = p.Observe(ctx, refOf(intentID))
	wantNoKind(t, err)
}

func TestTimeOutIsOpen(t *testing.T) {
	url, _ := silent(t)
	p := newCompany(t, nil).provider(at(url), func(cfg *Config) { cfg.HTTPClient = &http.Client{Timeout: 50 * time.Millisecond} })
	_, err := p.Begin(t.Context(), request())
	if wantNoKind(t, err); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v, want the time-out", err)
	}
}

// With everything logged there is, nothing of a whole payment is to be read.
func TestNothingSecretIsLogged(t *testing.T) {
	c := newCompany(t, map[string][]said{
		makeIntents: {ok(intentJSON("requires_payment_method", ""))}, getIntent: {ok(intentJSON("succeeded", paidMore)), refused(401, "invalid_request_error", "api_key_expired")},
		listRefunds: {ok(listJSON(false))},
	})
	p := c.provider(func(cfg *Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	var std bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&std, nil)))
	defer slog.SetDefault(old)
	_, err1 := p.Begin(t.Context(), request())
	_, err2 := p.Observe(t.Context(), refOf(intentID))
	_, err3 := p.Observe(t.Context(), refOf(intentID))
	if err1 != nil || err2 != nil || outcome(err3) != "no kind" {
		t.Fatal(err1, err2, err3)
	}
	wantSecretsKept(t, c, err3)
	if std.Len() > 0 {
		t.Errorf("another logger was used: %s", std.String())
	}
}
