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
			{1736510600, webhook.Sign([]byte(whyJSON), whySecretOld, time.Unix(1736510600, 0))}, // before the secret was rolled
		},
		Secrets: []whySecret{
			{Secret: whySecretNow},
			{Secret: whySecretOld, Mistake: "secret.previous"},
			{Secret: whySecretElse, Mistake: "secret.endpoint", Name: "https://else.example/hook"},
			{Secret: whySecretLive, Mistake: "secret.mode", Name: "https://live.example/hook"},
		},
	}
}

// signHMAC is the test's own HMAC.
func signHMAC(key, text string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// reprinted prints the example as other languages do.
func reprinted(t *testing.T, indent string) string {
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
		{"the right one", signHMAC(whySecretNow, right), "", nil},
		{"in capitals", strings.ToUpper(signHMAC(whySecretNow, right)), "", nil},
		{"without whsec_", signHMAC(whySecretNow[6:], right), "", nonEmpty("key.bare")},
		{"decoded", signHMAC(string(decoded), right), "", nonEmpty("key.decoded")},
		{"a line break behind the secret", signHMAC(whySecretNow+"\n", right), "", nonEmpty("key.newline")},
		{"quotes around the secret", signHMAC(`"`+whySecretNow+`"`, right), "", nonEmpty("key.quotes")},
		{"no secret", signHMAC("", right), "", nonEmpty("key.empty")},
		{"undefined", signHMAC("undefined", right), "", nonEmpty("key.unset")},
		{"a trailing line break", signHMAC(whySecretNow, right+"\n"), "", nonEmpty("body.newline")},
		{"indented", signHMAC(whySecretNow, whyTime+"."+pretty), "", nonEmpty("body.spaces")},
		{"as Python prints it", signHMAC(whySecretNow, whyTime+"."+python), "", nonEmpty("body.spaces")},
		{"as PHP prints it", signHMAC(whySecretNow, whyTime+"."+php), "", nonEmpty("body.escaped")},
		{"sorted", signHMAC(whySecretNow, whyTime+"."+strings.ReplaceAll(reprinted(t, ""), `\u0026`, "&")), "", nonEmpty("body.sorted")},
		{"sorted and indented", signHMAC(whySecretNow, whyTime+"."+strings.ReplaceAll(reprinted(t, "    "), `\u0026`, "&")), "", nonEmpty("body.sorted")},
		{"only data", signHMAC(whySecretNow, whyTime+`.{"id":"cs_1","amount_cents":2500,"customer_email":null,"metadata":{"zeta":"Käse & Brot/1","alpha":"x"}}`), "", nonEmpty("body.data")},
		{"an object as text", signHMAC(whySecretNow, whyTime+".[object Object]"), "", nonEmpty("body.object")},
		{"nothing of the body", signHMAC(whySecretNow, whyTime+"."), "", nonEmpty("body.missing")},
		{"in base64", signHMAC(whySecretNow, whyTime+"."+base64.StdEncoding.EncodeToString([]byte(whyJSON))), "", nonEmpty("body.encoded")},
		{"a body of its own", signHMAC(whySecretNow, whyTime+"."+`{"event":1}`), `{"event":1}`, nonEmpty("body.changed")},
		{"a body of its own that was pasted and is printed otherwise", signHMAC(whySecretNow, whyTime+"."+pretty), pretty, nonEmpty("body.spaces")},
		{"no time", signHMAC(whySecretNow, whyJSON), "", nonEmpty("time.missing")},
		{"milliseconds", signHMAC(whySecretNow, whyTime+"000."+whyJSON), "", nonEmpty("time.milliseconds")},
		{"no dot", signHMAC(whySecretNow, whyTime+whyJSON), "", nonEmpty("time.no_dot")},
		{"a colon", signHMAC(whySecretNow, whyTime+":"+whyJSON), "", nonEmpty("time.separator")},
		{"t= with the time", signHMAC(whySecretNow, "t="+right), "", nonEmpty("time.prefix")},
		{"the other way round", signHMAC(whySecretNow, whyJSON+"."+whyTime), "", nonEmpty("time.swapped")},
		{"the whole header", signHMAC(whySecretNow, header+"."+whyJSON), "", nonEmpty("time.header")},
		{"the old secret", signHMAC(whySecretOld, right), "", nonEmpty("secret.previous")},
		{"another endpoint's secret", signHMAC(whySecretElse, right), "", nonEmpty("secret.endpoint")},
		{"the other mode's secret", signHMAC(whySecretLive, right), "", nonEmpty("secret.mode")},
		{"the new secret for an old attempt", signHMAC(whySecretNow, "1736510600."+whyJSON), "", nonEmpty("secret.newer")},
		{"the old secret for its own attempt", signHMAC(whySecretOld, "1736510600."+whyJSON), "", nil},
		{"the old secret for its own attempt, without its beginning", signHMAC(whySecretOld[6:], "1736510600."+whyJSON), "", nonEmpty("key.bare")},
		{"the other scheme", signHMAC(string(decoded), whyID+"."+right), "", nonEmpty("scheme.standard")},
		{"the other scheme's text", signHMAC(whySecretNow, whyID+"."+right), "", nonEmpty("scheme.standard_key")},
		{"SHA-1", hex.EncodeToString(sha1Sum.Sum(nil)), "", nonEmpty("hash.sha1")},
		{"SHA-512", hex.EncodeToString(sha512Sum.Sum(nil)), "", nonEmpty("hash.sha512")},
		{"no HMAC", hex.EncodeToString(plain[:]), "", nonEmpty("hash.plain")},
		{"key and text swapped", signHMAC(right, whySecretNow), "", nonEmpty("hash.swapped")},
		{"two mistakes", signHMAC(whySecretNow[6:], whyTime+"."+whyJSON+"\n"), "", nonEmpty("key.bare", "body.newline")},
		{"an old secret without its beginning", signHMAC(whySecretOld[6:], right), "", nonEmpty("secret.previous", "key.bare")},
		{"two more", signHMAC(string(decoded), whyJSON), "", nonEmpty("key.decoded", "time.missing")},
	} {
		got := why401(whyExample(), c.computed, c.seen)
		if !got.Found || !slices.Equal(got.Mistakes, c.want) {
			t.Errorf("%s: %+v, want %v", c.name, got, c.want)
		}
	}
	sent := whyExample()
	sent.Body, sent.Signed = strings.ReplaceAll(whyJSON, "&", "and"), []whySigned{{At: 1736510701}}
	if got := why401(sent, signHMAC(whySecretNow, whyTime+"."+string(twice)), ""); !slices.Equal(got.Mistakes, nonEmpty("body.twice")) {
		t.Errorf("JSON in JSON: %+v", got)
	}
}

func TestWhy401ReadsSignaturesAsTheyArePasted(t *testing.T) {
	sum := signHMAC(whySecretElse, "1736510999."+whyJSON)
	raw, _ := hex.DecodeString(sum)
	for _, text := range []string{
		sum, " " + sum + "\n", "v1=" + sum, "sha256=" + sum, "t=1736510999,v1=" + sum, `{"expected":"` + sum + `","got":"x"}`,
		base64.StdEncoding.EncodeToString(raw), "v1," + base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		"signature mismatch: got " + strings.Repeat("ab", 32) + ", computed " + sum,
	} {
		got := why401(whyExample(), text, "")
		if !slices.Equal(got.Mistakes, nonEmpty("secret.endpoint")) || got.Name != "https://else.example/hook" || got.Time != 1736510999 {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestWhy401SaysNothingItDoesNotKnow(t *testing.T) {
	for _, text := range []string{"", "no signature", strings.Repeat("00", 32), signHMAC("whsec_unknown", "x"), "évt" + strings.Repeat("é", 64), strings.Repeat("a", 10000)} {
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
