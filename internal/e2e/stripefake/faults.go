package stripefake

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"syscall"
)

// Fault is how the next request to an address goes wrong.
type Fault struct {
	Status  int // answered instead of being served
	name    string
	arrived chan<- struct{}
	release <-chan struct{}
}

// The faults of a network. Lost breaks the connection after the request was served and before a byte of the answer; Cut
// breaks it in the middle of the answer; Hang serves and never answers while the caller waits; Unreachable needs the
// client to go through [Fake.Transport], and nothing arrives.
var (
	Lost        = Fault{name: "lost"}
	Cut         = Fault{name: "cut"}
	Hang        = Fault{name: "hang"}
	Unreachable = Fault{name: "unreachable"}
)

// Refuse answers with an error status, such as 429, 500 or 503, without serving.
func Refuse(status int) Fault { return Fault{Status: status} }

// Hold closes arrived when the request's idempotency key is in use, and keeps the request until release is closed.
func Hold(arrived chan<- struct{}, release <-chan struct{}) Fault {
	return Fault{name: "hold", arrived: arrived, release: release}
}

// FailNext lets the next request to a pattern, such as POST /v1/refunds, go wrong. Several are used in turn.
func (f *Fake) FailNext(pattern string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[pattern] = append(f.faults[pattern], fault)
}

// take gives the next fault of an address: for the network those before arrival, for the server the others.
func (f *Fake) take(pattern string, network bool) Fault {
	list := f.faults[pattern]
	if len(list) == 0 || (list[0].name == Unreachable.name) != network {
		return Fault{}
	}
	f.faults[pattern] = list[1:]
	return list[0]
}

func (fault Fault) refusal() *apiError {
	e := &apiError{Status: fault.Status, Type: "api_error", Message: "An error of the test: " + strconv.Itoa(fault.Status)}
	if fault.Status == http.StatusTooManyRequests {
		e.Type, e.Code = invalidRequest, "rate_limit"
	}
	return e
}

func (fault Fault) wait(r *http.Request) {
	if fault.release == nil {
		return
	}
	close(fault.arrived)
	select {
	case <-fault.release:
	case <-r.Context().Done():
	}
}

// play lets the answer go wrong. It does not return when it has.
func (fault Fault) play(w http.ResponseWriter, r *http.Request, a answer) {
	switch fault.name {
	case Lost.name:
		panic(http.ErrAbortHandler)
	case Hang.name:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Cut.name:
		a.header(w.Header(), "req_cut")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.Join(errors.New("the test refuses the connection"), syscall.ECONNREFUSED)}

type transport struct {
	f    *Fake
	next http.RoundTripper
}

// Transport is next with a refused connection where Unreachable was ordered.
func (f *Fake) Transport(next http.RoundTripper) http.RoundTripper { return transport{f, next} }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, pattern := t.f.mux.Handler(r)
	t.f.mu.Lock()
	fault := t.f.take(pattern, true)
	t.f.mu.Unlock()
	if fault.name == Unreachable.name {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errRefused
	}
	return t.next.RoundTrip(r)
}
