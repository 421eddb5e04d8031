package checkout

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// secretWatch looks through every answer and log of a test's shop, files among them: a secret may be shown once, in the
// answer to the post that made it.
type secretWatch struct {
	mu      sync.Mutex
	shown   map[string]bool // secrets, and those a test has told of
	allowed map[string]string
	again   []string
}

var (
	secretMarks = []string{"sk_test_", "sk_live_", "whsec_"}
	secretForms = regexp.MustCompile(`sk_(?:test|live)_[0-9A-Za-z]{43}|whsec_[A-Za-z0-9+/]{43}=`)
)

// secretTail is how much of a secret's end gives it away: the four characters that people tell it by do not.
const secretTail = 20

// know tells of a secret that a call in process has given.
func (s *secretWatch) know(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown == nil {
		s.shown = map[string]bool{}
	}
	s.shown[secret] = true
}

// allow lets a test print a secret, for a reason.
func (s *secretWatch) allow(secret, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.allowed == nil {
		s.allowed = map[string]string{}
	}
	s.allowed[secret] = reason
}

// see looks through an answer.
func (s *secretWatch) see(r *http.Request, w *httptest.ResponseRecorder) {
	text := w.Body.String() + "\n" + w.Header().Get("Location")
	if strings.Contains(text, "&#43;") { // base64 in HTML
		text = html.UnescapeString(text)
	}
	fresh := s.look(r.Method+" "+r.URL.Path, text)
	for _, secret := range fresh {
		if r.Method != http.MethodPost || w.Code >= 300 {
			s.note(secret, fmt.Sprintf("%s %s, which answers %d", r.Method, r.URL.Path, w.Code))
		}
		s.know(secret)
	}
}

// look finds secrets again, and gives those that were not shown before.
func (s *secretWatch) look(place, text string) (fresh []string) {
	s.mu.Lock()
	known := make([]string, 0, len(s.shown))
	for secret := range s.shown {
		known = append(known, secret)
	}
	s.mu.Unlock()
	for _, secret := range known {
		if strings.Contains(text, secret[max(0, len(secret)-secretTail):]) {
			s.note(secret, place)
		}
	}
	for _, mark := range secretMarks {
		if !strings.Contains(text, mark) {
			continue
		}
		for _, secret := range secretForms.FindAllString(text, -1) {
			if strings.HasPrefix(secret, mark) && !s.has(secret) {
				fresh = append(fresh, secret)
			}
		}
	}
	return fresh
}

func (s *secretWatch) has(secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown[secret]
}

func (s *secretWatch) note(secret, place string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.allowed[secret] == "" {
		s.again = append(s.again, secret[:12]+"… in "+place)
	}
}

// finish looks through the log, and fails the test where a secret was shown that must not be.
func (s *secretWatch) finish(t testing.TB, log string) {
	t.Helper()
	for _, secret := range s.look("the log", log) {
		s.note(secret, "the log")
	}
	for _, what := range s.again {
		t.Errorf("a secret is shown again: %s", what)
	}
}

// The watch itself must see: a second showing, a first one in a get, one in the log, a tail.
func TestTheWatchSeesSecrets(t *testing.T) {
	key, other := "sk_test_"+randomBase62(keyRandom), "sk_live_"+randomBase62(keyRandom)
	answer := func(s *secretWatch, method, text string) {
		w := httptest.NewRecorder()
		_, _ = w.WriteString(text)
		s.see(httptest.NewRequestWithContext(t.Context(), method, "/x", nil), w)
	}
	for name, c := range map[string]struct {
		run  func(s *secretWatch)
		log  string
		want int
	}{
		"once":           {func(s *secretWatch) { answer(s, "POST", key) }, "", 0},
		"twice":          {func(s *secretWatch) { answer(s, "POST", key); answer(s, "POST", "x"+key) }, "", 1},
		"a get":          {func(s *secretWatch) { answer(s, "GET", key) }, "", 1},
		"a tail":         {func(s *secretWatch) { s.know(key); answer(s, "GET", key[len(key)-secretTail:]) }, "", 1},
		"told by four":   {func(s *secretWatch) { s.know(key); answer(s, "GET", key[:12]+"…"+key[len(key)-4:]) }, "", 0},
		"in the log":     {func(*secretWatch) {}, other, 1},
		"again in a log": {func(s *secretWatch) { answer(s, "POST", other) }, other, 1},
		"allowed":        {func(s *secretWatch) { s.know(key); s.allow(key, "this test prints it"); answer(s, "GET", key) }, "", 0},
	} {
		s := &secretWatch{}
		c.run(s)
		for _, secret := range s.look("the log", c.log) {
			s.note(secret, "the log")
		}
		if len(s.again) != c.want {
			t.Errorf("%s: %d showings are too many, want %d: %v", name, len(s.again), c.want, s.again)
		}
	}
}
