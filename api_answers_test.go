package checkout

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// apiShop is a shop on SQLite, for promises that no database changes.
func apiShop(t testing.TB, configure ...func(*Config)) *shop {
	t.Helper()
	return newShop(t, dbtest.Open(t, dbtest.SQLite, nil), configure...)
}

// liveKey makes a live key and gives its Authorization header.
func (s *shop) liveKey() string {
	s.t.Helper()
	secret, err := s.co.CreateKey(s.t.Context(), Live, "live")
	if err != nil {
		s.t.Fatal(err)
	}
	return "Bearer " + secret
}

// apiError is the error object of an answer.
type apiError struct {
	Type      string       `json:"type"`
	Code      string       `json:"code"`
	Message   string       `json:"message"`
	Param     *string      `json:"param"`
	Errors    []FieldError `json:"errors"`
	RequestID string       `json:"request_id"`
}

func apiErrorOf(t testing.TB, w *httptest.ResponseRecorder) apiError {
	t.Helper()
	var body struct {
		Error apiError `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("not an error object (%d): %s", w.Code, w.Body)
	}
	return body.Error
}

// wantRefusal holds an answer to its status, code and param; an empty param stands for null.
func wantRefusal(t testing.TB, w *httptest.ResponseRecorder, status int, code, param string) {
	t.Helper()
	e := apiErrorOf(t, w)
	if w.Code != status || e.Code != code || orEmpty(e.Param) != param {
		t.Errorf("answered %d %s at %q, want %d %s at %q: %.300s", w.Code, e.Code, orEmpty(e.Param), status, code, param, w.Body)
	}
	if e.Message == "" || e.Type == "" || e.RequestID == "" || e.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("an error needs type, message and the request id of its header: %.300s", w.Body)
	}
}

// patched is the seed's request with one member set to raw JSON, or removed when raw is empty. "item.x" is x of the
// first line item.
func patched(t testing.TB, at, raw string) string {
	t.Helper()
	body, items := map[string]json.RawMessage{}, []map[string]json.RawMessage{}
	apiMust(t, json.Unmarshal([]byte(seedBody), &body))
	apiMust(t, json.Unmarshal(body["line_items"], &items))
	name, inItem := strings.CutPrefix(at, "item.")
	target := body
	if inItem {
		target = items[0]
	}
	target[name] = json.RawMessage(raw)
	if raw == "" {
		delete(target, name)
	}
	if inItem {
		body["line_items"] = apiEncoded(t, items)
	}
	return string(apiEncoded(t, body))
}

func apiEncoded(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	apiMust(t, err)
	return b
}

func apiMust(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quoted is s as a JSON string.
func apiQuoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
