package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Names of the signature headers. A sender may be set to another word than JoPay; see WithHeader.
const (
	HeaderSignature         = "X-JoPay-Signature"
	HeaderID                = "Webhook-Id"        // Standard Webhooks: the event's id
	HeaderTimestamp         = "Webhook-Timestamp" // Standard Webhooks: Unix seconds
	HeaderStandardSignature = "Webhook-Signature" // Standard Webhooks: what SignStandard returns
)

const secretPrefix = "whsec_"

// NewSecret returns a new signing secret: whsec_ and 32 random bytes in base64 (RFC 4648, with padding).
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// Sign returns the value of HeaderSignature, "t=<unix seconds>,v1=<hex>". While a secret is being replaced, others
// holds the second one and adds its v1 after the first: a receiver that reads only one v1 reads that of secret.
func Sign(payload []byte, secret string, t time.Time, others ...string) string {
	stamp := strconv.FormatInt(t.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + stamp)
	for _, s := range append([]string{secret}, others...) {
		b.WriteString(",v1=" + hex.EncodeToString(digest([]byte(s), stamp, payload)))
	}
	return b.String()
}

// SignStandard returns the value of HeaderStandardSignature, "v1,<base64>", and the same again after a space for each
// of others. id and t go into HeaderID and HeaderTimestamp as they are. The error is ErrSecret.
func SignStandard(id string, payload []byte, secret string, t time.Time, others ...string) (string, error) {
	stamp := strconv.FormatInt(t.Unix(), 10)
	var list []string
	for _, s := range append([]string{secret}, others...) {
		key, err := standardKey(s)
		if err != nil {
			return "", err
		}
		sum := digest(key, id+"."+stamp, payload)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(sum))
	}
	return strings.Join(list, " "), nil
}

// standardKey is the part of a secret that Standard Webhooks signs with.
func standardKey(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) == 0 {
		return nil, ErrSecret
	}
	return key, nil
}

// digest is the HMAC-SHA256 of "<head>.<payload>".
func digest(key []byte, head string, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(head + "."))
	mac.Write(payload)
	return mac.Sum(nil)
}
