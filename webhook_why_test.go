package checkout

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

const (
	whyTime = "1736510701"
	whyID   = "evt_019450a1b2c3"
	whyJSON = `{"event":"checkout.session.completed","data":{"id":"cs_1","amount_cents":2500,"customer_email":null,"metadata":{"zeta":"Käse & Brot/1","alpha":"x"}},"created_at":"2025-01-10T12:05:01Z"}`
)

var (
	whySecretNow  = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	whySecretOld  = "whsec_" + base64.StdEncoding.EncodeToString([]byte("fedcba9876543210fedcba9876543210"))
	whySecretElse = "whsec_" + base64.StdEncoding.EncodeToString([]byte("another endpoint's secret, 32 by"))
	whySecretLive = "whsec_" + base64.StdEncoding.EncodeToString([]byte("the secret of the other mode, 32"))
)

func whyExample() whySent {
	return whySent{
		Body: whyJSON, EventID: whyID,
		Signed: []whySigned{
			{1736510999, webhook.Sign([]byte(whyJSON), whySecretNow, time.Unix(1736510999, 0))},
			{1736510701, webhook.Sign([]byte(whyJSON), whySecretNow, time.Unix(1736510701, 0))},
		},
		Secrets: []whySecret{
			{Secret: whySecretNow},
			{Secret: whySecretOld, Mistake: "secret.previous"},
			{Secret: whySecretElse, Mistake: "secret.endpoint", Name: "https://else.example/hook"},
			{Secret: whySecretLive, Mistake: "secret.mode", Name: "https://live.example/hook"},
		},
	}
}

// sign is the test's own HMAC.
func sign(key, text string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// other prints the example as other languages do.
func other(t *testing.T, indent string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(whyJSON), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(v, "", indent)
	if indent == "" {
		b, err = json.Marshal(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhy401NamesTheMistake(t *testing.T) {
	right := whyTime + "." + whyJSON
	decoded, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(whySecretNow, "whsec_"))
	header := webhook.Sign([]byte(whyJSON), whySecretNow, time.Unix(1736510701, 0))
	php := strings.NewReplacer("/", `\/`, "ä", `\u00e4`).Replace(whyJSON)
	python := strings.NewReplacer(`":`, `": `, `,"`, `, "`, "ä", `\u00e4`).Replace(whyJSON)
	pretty := "{\n  \"event\": \"checkout.session.completed\",\n  \"data\": {\n    \"id\": \"cs_1\",\n    \"amount_cents\": 2500,\n    \"customer_email\": null,\n" +
		"    \"metadata\": {\n      \"zeta\": \"Käse & Brot/1\",\n      \"alpha\": \"x\"\n    }\n  },\n  \"created_at\": \"2025-01-10T12:05:01Z\"\n}"
	twice, _ := json.Marshal(strings.ReplaceAll(whyJSON, "&", "and"))
	sha1Sum, sha512Sum, plain := hmac.New(sha1.New, []byte(whySecretNow)), hmac.New(sha512.New, []byte(whySecretNow)), sha256.Sum256([]byte(whySecretNow+right))
	sha1Sum.Write([]byte(right))
	sha512Sum.Write([]byte(right))
	for _, c := range []struct {
		name, computed, seen string
		want                 []string
	}{
		{"the right one", sign(whySecretNow, right), "", nil},
		{"in capitals", strings.ToUpper(sign(whySecretNow, right)), "", nil},
		{"without whsec_", sign(whySecretNow[6:], right), "", list("key.bare")},
		{"decoded", sign(string(decoded), right), "", list("key.decoded")},
		{"a line break behind the secret", sign(whySecretNow+"\n", right), "", list("key.newline")},
		{"quotes around the secret", sign(`"`+whySecretNow+`"`, right), "", list("key.quotes")},
		{"no secret", sign("", right), "", list("key.empty")},
		{"undefined", sign("undefined", right), "", list("key.unset")},
		{"a trailing line break", sign(whySecretNow, right+"\n"), "", list("body.newline")},
		{"indented", sign(whySecretNow, whyTime+"."+pretty), "", list("body.spaces")},
		{"as Python prints it", sign(whySecretNow, whyTime+"."+python), "", list("body.spaces")},
		{"as PHP prints it", sign(whySecretNow, whyTime+"."+php), "", list("body.escaped")},
		{"sorted", sign(whySecretNow, whyTime+"."+strings.ReplaceAll(other(t, ""), `\u0026`, "&")), "", list("body.sorted")},
		{"sorted and indented", sign(whySecretNow, whyTime+"."+strings.ReplaceAll(other(t, "    "), `\u0026`, "&")), "", list("body.sorted")},
		{"only data", sign(whySecretNow, whyTime+`.{"id":"cs_1","amount_cents":2500,"customer_email":null,"metadata":{"zeta":"Käse & Brot/1","alpha":"x"}}`), "", list("body.data")},
		{"an object as text", sign(whySecretNow, whyTime+".[object Object]"), "", list("body.object")},
		{"nothing of the body", sign(whySecretNow, whyTime+"."), "", list("body.missing")},
		{"in base64", sign(whySecretNow, whyTime+"."+base64.StdEncoding.EncodeToString([]byte(whyJSON))), "", list("body.encoded")},
		{"a body of its own", sign(whySecretNow, whyTime+"."+`{"event":1}`), `{"event":1}`, list("body.changed")},
		{"a body of its own that was pasted and is printed otherwise", sign(whySecretNow, whyTime+"."+pretty), pretty, list("body.spaces")},
		{"no time", sign(whySecretNow, whyJSON), "", list("time.missing")},
		{"milliseconds", sign(whySecretNow, whyTime+"000."+whyJSON), "", list("time.milliseconds")},
		{"no dot", sign(whySecretNow, whyTime+whyJSON), "", list("time.no_dot")},
		{"a colon", sign(whySecretNow, whyTime+":"+whyJSON), "", list("time.separator")},
		{"t= with the time", sign(whySecretNow, "t="+right), "", list("time.prefix")},
		{"the other way round", sign(whySecretNow, whyJSON+"."+whyTime), "", list("time.swapped")},
		{"the whole header", sign(whySecretNow, header+"."+whyJSON), "", list("time.header")},
		{"the old secret", sign(whySecretOld, right), "", list("secret.previous")},
		{"another endpoint's secret", sign(whySecretElse, right), "", list("secret.endpoint")},
		{"the other mode's secret", sign(whySecretLive, right), "", list("secret.mode")},
		{"the other scheme", sign(string(decoded), whyID+"."+right), "", list("scheme.standard")},
		{"the other scheme's text", sign(whySecretNow, whyID+"."+right), "", list("scheme.standard_key")},
		{"SHA-1", hex.EncodeToString(sha1Sum.Sum(nil)), "", list("hash.sha1")},
		{"SHA-512", hex.EncodeToString(sha512Sum.Sum(nil)), "", list("hash.sha512")},
		{"no HMAC", hex.EncodeToString(plain[:]), "", list("hash.plain")},
		{"key and text swapped", sign(right, whySecretNow), "", list("hash.swapped")},
		{"two mistakes", sign(whySecretNow[6:], whyTime+"."+whyJSON+"\n"), "", list("key.bare", "body.newline")},
		{"an old secret without its beginning", sign(whySecretOld[6:], right), "", list("secret.previous", "key.bare")},
		{"two more", sign(string(decoded), whyJSON), "", list("key.decoded", "time.missing")},
	} {
		got := why401(whyExample(), c.computed, c.seen)
		if !got.Found || !slices.Equal(got.Mistakes, c.want) {
			t.Errorf("%s: %+v, want %v", c.name, got, c.want)
		}
	}
	sent := whyExample()
	sent.Body = strings.ReplaceAll(whyJSON, "&", "and")
	if got := why401(sent, sign(whySecretNow, whyTime+"."+string(twice)), ""); !slices.Equal(got.Mistakes, list("body.twice")) {
		t.Errorf("JSON in JSON: %+v", got)
	}
}

func TestWhy401ReadsSignaturesAsTheyArePasted(t *testing.T) {
	sum := sign(whySecretElse, "1736510999."+whyJSON)
	raw, _ := hex.DecodeString(sum)
	for _, text := range []string{
		sum, " " + sum + "\n", "v1=" + sum, "sha256=" + sum, "t=1736510999,v1=" + sum, `{"expected":"` + sum + `","got":"x"}`,
		base64.StdEncoding.EncodeToString(raw), "v1," + base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		"signature mismatch: got " + strings.Repeat("ab", 32) + ", computed " + sum,
	} {
		got := why401(whyExample(), text, "")
		if !slices.Equal(got.Mistakes, list("secret.endpoint")) || got.Name != "https://else.example/hook" || got.Time != 1736510999 {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestWhy401SaysNothingItDoesNotKnow(t *testing.T) {
	for _, text := range []string{"", "no signature", strings.Repeat("00", 32), sign("whsec_unknown", "x"), "évt" + strings.Repeat("é", 64), strings.Repeat("a", 10000)} {
		if got := why401(whyExample(), text, "x"); got.Found {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestWhy401IsQuickWithALongBody(t *testing.T) {
	sent := whyExample()
	sent.Body = `{"a":"` + strings.Repeat("é/<", 12_000) + `"}`
	for range 13 {
		sent.Signed = append(sent.Signed, whySigned{1, "t=1"})
	}
	began := time.Now()
	why401(sent, strings.Repeat("00", 32), strings.Repeat("x", 60_000))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestLenientBase64(t *testing.T) {
	for _, text := range []string{"", "a", "ab", "abc", "abcd", "abcd_-+/", "!"} {
		got := lenientBase64(text)
		if want, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(text)); err == nil && string(got) != string(want) {
			t.Errorf("%q: %x, want %x", text, got, want)
		}
	}
	// Node.js 20: Buffer.from("whsec_MDEyMzQ1Njc4OWFiY2RlZg==", "base64")
	if got := hex.EncodeToString(lenientBase64("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")); got != "c21b1e73f303132333435363738396162636465660" {
		t.Errorf("a whole secret is decoded to %s", got)
	}
}
