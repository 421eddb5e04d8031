package stripefake

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// request is a call to the API whose key and form have been read.
type request struct {
	f           *Fake
	id          string // of the path
	form        url.Values
	metadata    map[string]string
	expand      expansion
	livemode    bool
	publishable bool
	requestID   string
	key         string // Idempotency-Key
}

type endpoint func(q *request) (map[string]any, *apiError)

// route serves one address of the API: faults, key, form, idempotency, and then the endpoint under the lock.
func (f *Fake) route(pattern string, serve endpoint) {
	f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		q, problem := f.read(r)
		fault := f.arrived(pattern, r, q)
		if fault.Status != 0 {
			problem = fault.refusal()
		}
		var a answer
		if problem != nil {
			a = answerOf(nil, problem)
		} else {
			a = f.once(r, q, fault, serve)
		}
		f.notify()
		fault.play(w, r, a)
		a.write(w, q.requestID)
	})
}

func (f *Fake) arrived(pattern string, r *http.Request, q *request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, Call{pattern, r.Method, r.URL.Path, q.key, q.form})
	return f.take(pattern, false)
}

func (f *Fake) read(r *http.Request) (*request, *apiError) {
	q := &request{f: f, id: r.PathValue("id"), requestID: "req_" + text(14), key: r.Header.Get("Idempotency-Key")}
	if problem := q.authenticate(r); problem != nil {
		return q, problem
	}
	if v := r.Header.Get("Stripe-Version"); v != "" && v != Version {
		return q, invalid("", "", "Invalid Stripe API version: "+v)
	}
	if len(q.key) > 255 {
		return q, invalid("", "", "Idempotency-Key is longer than 255 characters.")
	}
	encoded := r.URL.RawQuery
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the caller has gone
		}
		encoded = string(body)
	}
	var err error
	if q.form, err = url.ParseQuery(encoded); err != nil {
		return q, invalid("", "", "Invalid request: the form could not be read.")
	}
	var problem *apiError
	if q.expand, problem = readExpansion(q.list("expand")); problem != nil {
		return q, problem
	}
	q.metadata, problem = readMetadata(q.form, "metadata")
	return q, problem
}

func (q *request) authenticate(r *http.Request) *apiError {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, _ = r.BasicAuth()
	}
	for _, live := range []bool{true, false} {
		switch key {
		case q.f.SecretKey(live):
			q.livemode = live
			return nil
		case q.f.PublishableKey(live):
			q.livemode, q.publishable = live, true
			if !browsers(r) {
				return &apiError{Status: http.StatusForbidden, Type: invalidRequest, Code: "secret_key_required",
					Message: "This API call cannot be made with a publishable API key. Please use a secret API key."}
			}
			return nil
		}
	}
	return &apiError{Status: http.StatusUnauthorized, Type: invalidRequest, Message: "Invalid API Key provided: " + key[:min(8, len(key))] + "********"}
}

// browsers are what a buyer's browser may ask for with the publishable key, if it has the client secret.
func browsers(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/payment_intents/")
	return ok && (strings.HasSuffix(rest, "/confirm") || (r.Method == http.MethodGet && !strings.Contains(rest, "/") && rest != "search"))
}

func (f *Fake) noSuchAddress(w http.ResponseWriter, r *http.Request) {
	answerOf(nil, &apiError{Status: http.StatusNotFound, Type: invalidRequest, Message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + ")."}).
		write(w, "req_"+text(14))
}

// answer is what goes out.
type answer struct {
	status   int
	body     []byte
	replayed bool
}

func answerOf(object map[string]any, problem *apiError) answer {
	status, v := http.StatusOK, any(object)
	if problem != nil {
		status, v = problem.Status, map[string]any{"error": problem.object()}
	}
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // only texts, numbers, maps and lists are put in
	}
	return answer{status: status, body: body}
}

func (a answer) header(h http.Header, requestID string) {
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", requestID)
	h.Set("Stripe-Version", Version)
	if a.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
}

func (a answer) write(w http.ResponseWriter, requestID string) {
	a.header(w.Header(), requestID)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
