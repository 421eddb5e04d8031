package stripespec

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Wrap checks every request to and every answer of a handler below /v1/, and calls report for each violation. What the
// handler answers is kept until it ends and goes out only then; a handler that panics breaks the connection with nothing
// sent.
func (s *Spec) Wrap(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") || r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the caller has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err := s.CheckRequest(r, body); err != nil {
			report(err)
		}
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		if err := s.CheckAnswer(r.Method, r.URL.Path, recorder.Code, recorder.Header(), recorder.Body.Bytes()); err != nil {
			report(err)
		}
		for key, list := range recorder.Header() {
			w.Header()[key] = list
		}
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	})
}
