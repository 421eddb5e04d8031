package checkout

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // to recognise it, not to rely on it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/jopay/checkout/internal/strictjson"
)

// whyText is what a signature can be made of: the time and header of an attempt, a body, and the event's id.
type whyText struct {
	whySigned
	body, id string
}

func (x whyText) time() string { return strconv.FormatInt(x.At, 10) }

// right is the text that is signed.
func (x whyText) right() string { return x.time() + "." + x.body }

// whyMethod is a way to make a signature with a key.
type whyMethod struct {
	mistake string
	sum     func(key []byte, x whyText) []byte
}

// whyOver is HMAC-SHA256 of a text that is put together in a certain way.
func whyOver(text func(x whyText) string) func([]byte, whyText) []byte {
	return func(key []byte, x whyText) []byte { return hmacOf(sha256.New, key, text(x)) }
}

// whyHash is HMAC of the right text with a certain hash.
func whyHash(h func() hash.Hash) func([]byte, whyText) []byte {
	return func(key []byte, x whyText) []byte { return hmacOf(h, key, x.right()) }
}

func hmacOf(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func sum256(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// whyMethods begins with the right one.
var whyMethods = []whyMethod{
	{"", whyOver(whyText.right)},
	{"time.missing", whyOver(func(x whyText) string { return x.body })},
	{"time.milliseconds", whyOver(func(x whyText) string { return x.time() + "000." + x.body })},
	{"time.no_dot", whyOver(func(x whyText) string { return x.time() + x.body })},
	{"time.separator", whyOver(func(x whyText) string { return x.time() + ":" + x.body })},
	{"time.separator", whyOver(func(x whyText) string { return x.time() + "\n" + x.body })},
	{"time.separator", whyOver(func(x whyText) string { return x.time() + ". " + x.body })},
	{"time.prefix", whyOver(func(x whyText) string { return "t=" + x.time() + "." + x.body })},
	{"time.swapped", whyOver(func(x whyText) string { return x.body + "." + x.time() })},
	{"time.empty", whyOver(func(x whyText) string { return "." + x.body })},
	{"time.empty", whyOver(func(x whyText) string { return "undefined." + x.body })},
	{"time.header", whyOver(func(x whyText) string { return x.Header + "." + x.body })},
	{"time.header", whyOver(func(x whyText) string { return x.Header + x.body })},
	{"body.missing", whyOver(func(x whyText) string { return x.time() + "." })},
	{"scheme.standard", standardSum},
	{"scheme.standard_key", whyOver(func(x whyText) string { return x.id + "." + x.right() })},
	{"hash.sha1", whyHash(sha1.New)},
	{"hash.sha512", whyHash(sha512.New)},
	{"hash.plain", func(key []byte, x whyText) []byte { return sum256(string(key) + x.right()) }},
	{"hash.plain", func(key []byte, x whyText) []byte { return sum256(x.right() + string(key)) }},
	{"hash.plain", func(_ []byte, x whyText) []byte { return sum256(x.right()) }},
	{"hash.swapped", func(key []byte, x whyText) []byte { return hmacOf(sha256.New, []byte(x.right()), string(key)) }},
}

// standardSum is what stands in the header of Standard Webhooks.
func standardSum(secret []byte, x whyText) []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(secret), "whsec_"))
	if err != nil {
		return nil
	}
	return hmacOf(sha256.New, key, x.id+"."+x.right())
}

// whyBody is a body as a receiver may have changed it before it made the signature.
type whyBody struct{ mistake, text string }

// whyBodies begins with the body as it was sent. What prints the same bytes again is no mistake and is left out.
func whyBodies(sent string) []whyBody {
	bodies := []whyBody{{"", sent}}
	add := func(mistake string, texts ...string) {
		for _, text := range texts {
			bodies = withBody(bodies, mistake, text)
		}
	}
	add("body.newline", sent+"\n", sent+"\r\n")
	add("body.twice", quotedJSON(sent), asciiJSON(quotedJSON(sent)))
	add("body.object", "[object Object]")
	add("body.encoded", base64.StdEncoding.EncodeToString([]byte(sent)), hex.EncodeToString([]byte(sent)))
	v, err := strictjson.Parse([]byte(sent), maxDepth)
	if err != nil {
		return bodies
	}
	add("body.data", dataOf(v))
	slashes := strings.ReplaceAll(sent, "/", `\/`)
	add("body.escaped", htmlJSON(sent), asciiJSON(sent), slashes, asciiJSON(slashes), asciiJSON(htmlJSON(sent)))
	for _, s := range jsonStyles {
		text := s.print(v, "")
		add(s.mistake, text, asciiJSON(text))
	}
	return bodies
}

// withBody adds a body that is not there yet.
func withBody(bodies []whyBody, mistake, text string) []whyBody {
	for _, b := range bodies {
		if b.text == text {
			return bodies
		}
	}
	return append(bodies, whyBody{mistake, text})
}

func dataOf(v strictjson.Value) string {
	data, _ := v.Get("data")
	return string(data.Raw)
}

// quotedJSON is the text as JSON prints a string: what comes of a body that is made JSON twice.
func quotedJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// htmlJSON escapes what some encoders escape for browsers.
func htmlJSON(s string) string {
	var b bytes.Buffer
	json.HTMLEscape(&b, []byte(s))
	return b.String()
}

// asciiJSON escapes everything beyond ASCII, in UTF-16 as JSON has it.
func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// jsonStyle is a way to print JSON that is not ours.
type jsonStyle struct {
	mistake              string
	comma, colon, indent string
	sorted               bool
}

var jsonStyles = []jsonStyle{
	{"body.spaces", ", ", ": ", "", false},
	{"body.spaces", ",", ": ", "  ", false},
	{"body.spaces", ",", ": ", "    ", false},
	{"body.spaces", ",", ": ", "\t", false},
	{"body.sorted", ",", ":", "", true},
	{"body.sorted", ", ", ": ", "", true},
	{"body.sorted", ",", ": ", "  ", true},
	{"body.sorted", ",", ": ", "    ", true},
}

func (s jsonStyle) print(v strictjson.Value, margin string) string {
	inner, open, shut := margin+s.indent, "{", "}"
	var parts []string
	switch {
	case v.Kind == strictjson.Object:
		members := v.Members
		if s.sorted {
			members = append([]strictjson.Member(nil), members...)
			sort.SliceStable(members, func(i, j int) bool { return members[i].Name < members[j].Name })
		}
		for _, m := range members {
			parts = append(parts, quotedJSON(m.Name)+s.colon+s.print(m.Value, inner))
		}
	case v.Kind == strictjson.Array:
		open, shut = "[", "]"
		for _, item := range v.Elems {
			parts = append(parts, s.print(item, inner))
		}
	default:
		return string(v.Raw)
	}
	if s.indent == "" || len(parts) == 0 {
		return open + strings.Join(parts, s.comma) + shut
	}
	return open + "\n" + inner + strings.Join(parts, s.comma+"\n"+inner) + "\n" + margin + shut
}
