package stripespec

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Wrap checks every request to and every answer of a handler below /v1/, and calls report for each violation. What the
// handler answers is kept until it ends and goes out only then. What a handler that panics has written is not checked.
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
		if panicked := serve(next, recorder, r); panicked != nil {
			breakOff(w, recorder)
			panic(panicked)
		}
		if err := s.CheckAnswer(r.Method, r.URL.Path, recorder.Code, recorder.Header(), recorder.Body.Bytes()); err != nil {
			report(err)
		}
		pass(w, recorder)
	})
}

func serve(next http.Handler, w http.ResponseWriter, r *http.Request) (panicked any) {
	defer func() { panicked = recover() }()
	next.ServeHTTP(w, r)
	return nil
}

func pass(w http.ResponseWriter, recorder *httptest.ResponseRecorder) {
	for key, list := range recorder.Header() {
		w.Header()[key] = list
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// breakOff sends what was written before a handler gave up, which the client can then see is not all.
func breakOff(w http.ResponseWriter, recorder *httptest.ResponseRecorder) {
	if recorder.Body.Len() == 0 {
		return
	}
	pass(w, recorder)
	_ = http.NewResponseController(w).Flush()
}
