package stripefake

import (
	"net/http"
	"time"
)

const keysLive = 24 * time.Hour

// replay is what is remembered under an idempotency key.
type replay struct {
	fingerprint string
	since       time.Time
	done        bool
	answer      answer
}

// once serves a request, or answers from what was answered under its key before. A request whose key is in use is refused,
// and one that fails before it changes anything leaves no trace under its key.
func (f *Fake) once(r *http.Request, q *request, fault Fault, serve endpoint) answer {
	if r.Method != http.MethodPost || q.key == "" {
		return f.serve(q, serve)
	}
	slot := modeWord(q.livemode) + " " + q.key
	known, problem := f.claim(slot, r.URL.Path+"?"+q.form.Encode())
	if problem != nil {
		return answerOf(nil, problem)
	}
	if known != nil {
		return *known
	}
	fault.wait(r)
	a := f.serve(q, serve)
	f.mu.Lock()
	defer f.mu.Unlock()
	if a.status != http.StatusOK && a.status != http.StatusPaymentRequired {
		delete(f.replays, slot)
		return a
	}
	f.replays[slot].done, f.replays[slot].answer = true, a
	return a
}

func (f *Fake) claim(slot, fingerprint string) (*answer, *apiError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.replays[slot]
	switch {
	case !ok || (known.done && f.opts.Now().Sub(known.since) > keysLive):
		f.replays[slot] = &replay{fingerprint: fingerprint, since: f.opts.Now()}
		return nil, nil
	case known.fingerprint != fingerprint:
		return nil, &apiError{Status: http.StatusBadRequest, Type: "idempotency_error",
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with."}
	case !known.done:
		return nil, &apiError{Status: http.StatusConflict, Type: "idempotency_error", Code: "idempotency_key_in_use",
			Message: "There is currently another in-progress request using this Idempotency-Key."}
	}
	again := known.answer
	again.replayed = true
	return &again, nil
}

func (f *Fake) serve(q *request, serve endpoint) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return answerOf(serve(q))
}
