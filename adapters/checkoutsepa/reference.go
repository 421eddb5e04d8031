package checkoutsepa

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A reference is a creditor reference of ISO 11649: RF, two check digits and 16 characters of this alphabet, which has no
// letter that is misread as a digit (I, L, O) and no U.
const (
	alphabet      = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	bodyLength    = 16
	referenceSize = 4 + bodyLength

	maxReferences = 20
)

var (
	encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
	misread  = strings.NewReplacer("O", "0", "I", "1", "L", "1")
)

// referenceOf derives an attempt's reference: 80 bits of a hash. Two attempts of a million share one with a probability of
// less than one in 10^12.
func referenceOf(attempt string) string {
	sum := sha256.Sum256([]byte(attempt))
	body := encoding.EncodeToString(sum[:bodyLength*5/8])
	return fmt.Sprintf("RF%02d%s", 98-mod97(body+"RF00"), body)
}

// mod97 is the remainder of ISO 7064 for digits and capital letters, which count as 10 to 35.
func mod97(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if c >= 'A' {
			n = (n*100 + int(c-'A') + 10) % 97
		} else {
			n = (n*10 + int(c-'0')) % 97
		}
	}
	return n
}

// checksumFits is the rule that IBANs and creditor references share: the first four characters moved to the end.
func checksumFits(s string) bool {
	return mod97(s[4:]+s[:4]) == 1
}

// References finds what can be references of ours in what a payer wrote: those that stand there exactly before those that
// need a letter read as the digit it looks like (O as 0, I and L as 1), in the order of the text.
func (p *Provider) References(text string) []string {
	s := lettersAndDigits(text)
	var exact, mended []string
	for i := 0; i+referenceSize <= len(s); i++ {
		if s[i] != 'R' || s[i+1] != 'F' {
			continue
		}
		candidate := s[i : i+referenceSize]
		if ours(candidate) {
			exact = appendNew(exact, candidate)
		} else if fixed := misread.Replace(candidate); ours(fixed) {
			mended = appendNew(mended, fixed)
		}
	}
	return firstFew(exact, mended)
}

func firstFew(exact, mended []string) []string {
	for _, m := range mended {
		exact = appendNew(exact, m)
	}
	return exact[:min(len(exact), maxReferences)]
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) || len(list) == maxReferences {
		return list
	}
	return append(list, s)
}

// ours says whether s, which begins with RF and has the size, can be a reference that referenceOf gave.
func ours(s string) bool {
	if !isDigit(s[2]) || !isDigit(s[3]) {
		return false
	}
	for _, c := range []byte(s[4:]) {
		if strings.IndexByte(alphabet, c) < 0 {
			return false
		}
	}
	return checksumFits(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// lettersAndDigits is a text without what payers and banks put between the groups. Letters of other scripts stay as a byte
// that no reference has: they are no gap.
func lettersAndDigits(text string) string {
	var b strings.Builder
	for _, r := range text {
		r = unicode.ToUpper(r)
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteByte(byte(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteByte('?')
		}
	}
	return b.String()
}
