package checkout

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// The prefixes of all ids. Behind each stand 44 lower-case hex digits: 12 of the time in Unix milliseconds, so that ids
// sort by time, and 32 from crypto/rand (128 bit), so that they cannot be guessed.
const (
	prefixSession  = "cs_"
	prefixPayment  = "pay_"
	prefixEvent    = "evt_"
	prefixDelivery = "dlv_"
	prefixEndpoint = "we_"
	prefixKey      = "key_"
	prefixRefund   = "re_"
	prefixCharge   = "ch_" // the sandbox's own
	prefixTransfer = "tr_"
	prefixAudit    = "aud_"
	prefixAttempt  = "att_"
	prefixDocument = "inv_" // receipts, invoices and credit notes
	prefixMail     = "mail_"
)

const idDigits = 44

func newID(prefix string, now time.Time) string {
	var random [16]byte
	rand.Read(random[:]) // never fails since Go 1.24: it ends the process instead
	return prefix + timeDigits(now) + hex.EncodeToString(random[:])
}

func timeDigits(t time.Time) string {
	return fmt.Sprintf("%012x", max(t.UnixMilli(), 0))
}

// isID tells whether s has the shape of an id with this prefix; nothing else is ever asked of the database.
func isID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || len(digits) != idDigits {
		return false
	}
	return strings.Trim(digits, "0123456789abcdef") == ""
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomBase62 gives n characters without modulo bias. 43 of them hold 256 bit.
func randomBase62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		rand.Read(buf[:])
		for _, b := range buf {
			if b < 248 && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out)
}

// shortID keeps enough of an id for a log to be searched and too little to open the page with it.
func shortID(id string) string {
	if len(id) <= 16 {
		return id
	}
	return id[:16] + "…"
}
