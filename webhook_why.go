package checkout

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
)

// whySent is what is known of a webhook whose signature a receiver did not find right.
type whySent struct {
	Body    string
	EventID string
	Signed  []whySigned // its attempts, newest first
	Secrets []whySecret // the one it is signed with first
}

// whySigned is how one attempt was signed: at Unix seconds, with this header.
type whySigned struct {
	At     int64
	Header string
}

// whySecret is a secret that the receiver may have. Mistake is empty for those it should have.
type whySecret struct {
	Secret  string
	Mistake string // secret.previous, secret.endpoint or secret.mode
	Name    string // for people: the URL of the endpoint it belongs to
}

// whyFinding is what a receiver has done: nothing wrong, or one or two of the usual mistakes.
type whyFinding struct {
	Found    bool
	Mistakes []string // keys of the catalogue under "why."; none: the signature is right and the comparison is wrong
	Name     string   // of the endpoint whose secret it was
	Time     int64    // the attempt it belongs to
}

// whyUnpairedBody is the length up to which two mistakes at once are tried: each try hashes the whole body.
const whyUnpairedBody = 16 << 10

// why401 finds out how a receiver has come to a signature: it makes the signatures that the usual mistakes make until one is
// the same. seen is the body as the receiver saw it, where it is known. It is pure and takes milliseconds.
func why401(sent whySent, computed, seen string) whyFinding {
	wanted := signaturesIn(computed)
	if len(wanted) == 0 {
		return whyFinding{}
	}
	bodies := whyBodies(sent.Body)
	if seen != "" {
		bodies = withBody(bodies, "body.changed", seen)
	}
	for most := 0; most <= 2; most++ {
		if most == 2 && len(sent.Body) > whyUnpairedBody {
			break
		}
		for _, at := range sent.Signed {
			if f := whyAt(sent, at, bodies, wanted, most); f.Found {
				return f
			}
		}
	}
	return whyFinding{}
}

// whyAt tries every combination of exactly most mistakes for one attempt.
func whyAt(sent whySent, at whySigned, bodies []whyBody, wanted [][]byte, most int) whyFinding {
	for _, s := range sent.Secrets {
		s.Mistake = s.mistakeAt(at, sent.Body)
		for _, k := range whyKeys(s.Secret) {
			for _, b := range bodies {
				mistakes := nonEmpty(s.Mistake, k.mistake, b.mistake)
				if len(mistakes) > most {
					continue
				}
				for _, how := range whyMethods {
					all := append(mistakes[:len(mistakes):len(mistakes)], nonEmpty(how.mistake)...)
					if len(all) == most && isAmong(how.sum(k.key, whyText{at, b.text, sent.EventID}), wanted) {
						return whyFinding{Found: true, Mistakes: all, Name: s.Name, Time: at.At}
					}
				}
			}
		}
	}
	return whyFinding{}
}

// mistakeAt says whether a secret was the wrong one for an attempt: what the header was signed with is never wrong, and the
// one in force now is, for what was signed before it was made.
func (s whySecret) mistakeAt(at whySigned, body string) string {
	right := hmacOf(sha256.New, []byte(s.Secret), whyText{at, body, ""}.right())
	sent := signaturesIn(at.Header)
	switch {
	case isAmong(right, sent):
		return ""
	case len(sent) == 0:
		return s.Mistake
	case s.Mistake == "":
		return "secret.newer"
	}
	return s.Mistake
}

// nonEmpty leaves out what is empty.
func nonEmpty(values ...string) (out []string) {
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

func isAmong(sum []byte, wanted [][]byte) bool {
	for _, w := range wanted {
		if hmac.Equal(sum, w) {
			return true
		}
	}
	return false
}

// signatureRule finds what can be a signature: 40, 64 or 128 hex digits, or base64 of as many bytes.
var signatureRule = regexp.MustCompile(`[0-9A-Fa-f]{128}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[A-Za-z0-9+/_-]{86}(?:==)?|[A-Za-z0-9+/_-]{43}=?|[A-Za-z0-9+/_-]{27}=?`)

// signaturesIn reads all signatures of a text: one alone, a header, or a line of a log. It gives the first ten.
func signaturesIn(text string) (sums [][]byte) {
	for _, part := range strings.FieldsFunc(text, notOfSignature) {
		for _, found := range []string{part, part[strings.IndexByte(part, '=')+1:]} {
			if sum := signatureOf(found); sum != nil && len(sums) < 10 && !isAmong(sum, sums) {
				sums = append(sums, sum)
			}
		}
	}
	return sums
}

func notOfSignature(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("+/_-=", r))
}

func signatureOf(text string) []byte {
	if signatureRule.FindString(text) != text {
		return nil
	}
	if sum, err := hex.DecodeString(text); err == nil {
		return sum
	}
	plain := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
	sum, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return nil
	}
	return sum
}

// whyKey is a secret as a receiver may have turned it into a key.
type whyKey struct {
	mistake string
	key     []byte
}

func whyKeys(secret string) []whyKey {
	bare := strings.TrimPrefix(secret, "whsec_")
	keys := []whyKey{
		{"", []byte(secret)},
		{"key.bare", []byte(bare)},
		{"key.newline", []byte(secret + "\n")},
		{"key.newline", []byte(secret + "\r\n")},
		{"key.newline", []byte(secret + " ")},
		{"key.quotes", []byte(`"` + secret + `"`)},
		{"key.quotes", []byte("'" + secret + "'")},
		{"key.empty", nil},
		{"key.unset", []byte("undefined")},
		{"key.hashed", sum256(secret)},
		{"key.hashed", []byte(hex.EncodeToString(sum256(secret)))},
	}
	if decoded, err := base64.StdEncoding.DecodeString(bare); err == nil {
		keys = append(keys, whyKey{"key.decoded", decoded})
	}
	return append(keys, whyKey{"key.decoded_whole", lenientBase64(secret)})
}

// lenientBase64 decodes as programs do that take both alphabets and pass over what is of neither.
func lenientBase64(s string) []byte {
	s = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(s)
	decoded, err := base64.RawStdEncoding.DecodeString(s[:len(s)-len(s)%4])
	if rest, tail := s[len(s)-len(s)%4:], []byte(nil); err == nil && len(rest) > 1 {
		tail, err = base64.RawStdEncoding.DecodeString(rest)
		decoded = append(decoded, tail...)
	}
	if err != nil {
		return []byte("\x00")
	}
	return bytes.Clone(decoded)
}
