// Package sealed keeps secrets in a database in a form that only the holder of a key outside of it can read.
//
// A sealed text is "v1:<key id>:<base64>", where the base64 (RFC 4648, no padding) holds the nonce and the AES-256-GCM
// box. Where the text lives (table, column and row) is bound into it, so that a text that was moved to another row does
// not open.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// The reasons why a text does not open. They say nothing of what is in it.
var (
	ErrNoKey   = errors.New("it was sealed with a key that is not here")
	ErrDamaged = errors.New("it does not open: it was changed, or moved from another row")
)

const (
	version   = "v1"
	keyLength = 32
	idBytes   = 4
)

// Place is where a sealed text lives.
type Place struct{ Table, Column, Row string }

// data keeps the parts apart, whatever is in them.
func (p Place) data() []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s", version, p.Table, p.Column, p.Row)
}

// Ring seals with its first key and opens with all of them. It is safe for concurrent use.
type Ring struct {
	seal string // the id of the key that seals; empty when none does
	keys map[string]cipher.AEAD
}

// New makes a ring of keys of any length, as random as 32 bytes. A nil key makes a ring that only opens, with the old
// ones.
func New(key []byte, old ...[]byte) (*Ring, error) {
	r := &Ring{keys: map[string]cipher.AEAD{}}
	for _, k := range old {
		if _, err := r.add(k); err != nil {
			return nil, err
		}
	}
	if key == nil {
		return r, nil
	}
	var err error
	r.seal, err = r.add(key)
	return r, err
}

// add derives what encrypts and the id from a key (RFC 5869), so that neither tells about the other or about the key.
func (r *Ring) add(key []byte) (id string, err error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "checkout secrets at rest", keyLength+idBytes)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(derived[:keyLength])
	if err != nil {
		return "", err
	}
	id = hex.EncodeToString(derived[keyLength:])
	r.keys[id], err = cipher.NewGCMWithRandomNonce(block)
	return id, err
}

// Seals reports whether the ring has a key that seals.
func (r *Ring) Seals() bool { return r.seal != "" }

// Is reports whether a text is sealed; the secrets of this module never look like that.
func Is(text string) bool { return strings.HasPrefix(text, version+":") }

// Seal gives the sealed form of a text, another one at each call. Without a key that seals it gives the text itself.
func (r *Ring) Seal(text string, at Place) string {
	if !r.Seals() {
		return text
	}
	box := r.keys[r.seal].Seal(nil, nil, []byte(text), at.data())
	return version + ":" + r.seal + ":" + base64.RawStdEncoding.EncodeToString(box)
}

// Open gives the text that was sealed for a place. A text that is not sealed is given back as it is.
func (r *Ring) Open(text string, at Place) (string, error) {
	if !Is(text) {
		return text, nil
	}
	id, encoded, _ := strings.Cut(strings.TrimPrefix(text, version+":"), ":")
	key, ok := r.keys[id]
	if !ok {
		return "", ErrNoKey
	}
	box, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", ErrDamaged
	}
	plain, err := key.Open(nil, nil, box, at.data())
	if err != nil {
		return "", ErrDamaged
	}
	return string(plain), nil
}
