package checkoutsepa

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Line is money on a statement: one transfer, also where the bank has booked several of them in one sum.
type Line struct {
	Row     int    // where it stands in the file, counted from 1
	Account string // as the file calls it, without spaces; empty where a CSV file says nothing

	// Key names the line for ever, so that it counts once whatever file it comes in: the account, the bank's reference, the
	// booking day and the amount. Where the bank gives no reference, or gives one to different lines of a day and amount, it
	// is the account, a hash over all that is told, and a running number of equal lines of the day in the file.
	Key string

	Reference  string // the creditor reference, if there is one
	Text       string // what the payer wrote
	EndToEndID string // the payer's own reference
	Payer      string
	Amount     int64  // minor units of Currency, negative for money that went out
	Currency   string // ISO 4217, lower case
	BookedAt   time.Time

	Ignored string // one of the reasons below; empty for money that has come
	Problem string // what of it cannot be understood; such a line is never recorded
}

// The reasons for a line to be no payment.
const (
	IgnoredDebit    = "debit"                 // money went out
	IgnoredPending  = "pending"               // not booked yet: it may never be
	IgnoredReversal = "reversal"              // a booking taken back
	IgnoredReturn   = "return"                // a transfer of the shop's that could not be delivered: a refund, say
	IgnoredBatch    = "batch_without_details" // one sum for many transfers: the bank tells them in a camt.054
	IgnoredNothing  = "no_booking"            // a line without money, such as a balance
	IgnoredAccount  = "other_account"         // not the provider's account
	IgnoredCurrency = "other_currency"        // not euros
	IgnoredLarge    = "larger_than_orders"    // more than any order can cost, and without a reference of ours
)

// maxFile is the size of a file that is read, in bytes.
const maxFile = 64 << 20

var errTooLarge = errors.New("the file is larger than 64 MiB: have the bank make one for each month or day")

// bounded ends in an error, where io.LimitReader ends as if the file did.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(buf []byte) (int, error) {
	n, err := b.r.Read(buf)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// draft is a line before it has its key.
type draft struct {
	Line
	bankRef string // the bank's own reference of the line, if there is one
	day     string // of the booking, in the bank's own zone: 2006-01-02; empty where it is not understood
}

// placeholders are what banks write where they have no reference.
var placeholders = map[string]bool{
	"NONREF": true, "NOTPROVIDED": true, "NOTAVAILABLE": true, "NOREF": true, "NOREFERENCE": true, "UNKNOWN": true, "NA": true,
}

// realReference is a reference, or nothing for a placeholder.
func realReference(s string) string {
	s = strings.TrimSpace(s)
	bare := lettersAndDigits(s)
	if placeholders[bare] || strings.Trim(bare, "0") == "" {
		return ""
	}
	return s
}

// counts says whether the line is money that has come, as far as the file tells.
func (d draft) counts() bool { return d.Ignored == "" && d.Problem == "" }

// A name is a key that is not sure to be one line's alone. Money that has come shares its names with no other lines, so that
// a line which is not booked yet, say, changes nothing.
type name struct {
	counts bool
	key    string
}

// withKeys gives every line its key. A reference of the bank's under which the file has different lines of one day and
// amount names none of them. Nothing else in the file matters: the same line has the same key in the file of its day and in
// that of the month.
func withKeys(drafts []draft) []Line {
	shared := sharedNames(drafts)
	lines, equal := make([]Line, 0, len(drafts)), map[name]int{}
	for _, d := range drafts {
		if n := (name{d.counts(), d.bankKey()}); d.bankRef != "" && !shared[n] {
			d.Key = n.key
		} else {
			n.key = d.hash()
			equal[n]++
			d.Key = fmt.Sprintf("%s:%s:%d", d.account(), n.key, equal[n])
		}
		lines = append(lines, d.Line)
	}
	return lines
}

func sharedNames(drafts []draft) map[name]bool {
	shared, first := map[name]bool{}, map[name]string{}
	for _, d := range drafts {
		if d.bankRef == "" {
			continue
		}
		n := name{d.counts(), d.bankKey()}
		if seen, ok := first[n]; ok && seen != d.content() {
			shared[n] = true
		}
		first[n] = d.content()
	}
	return shared
}

// maxKeyPart keeps a key well below the 200 bytes that checkout.Transfer takes.
const maxKeyPart = 64

func (d draft) bankKey() string {
	ref := d.bankRef
	if len(ref) > maxKeyPart {
		ref = digest(ref)
	}
	return fmt.Sprintf("%s:%s:%s:%d", d.account(), ref, d.day, d.Amount)
}

func (d draft) account() string {
	if len(d.Account) > maxKeyPart {
		return digest(d.Account)
	}
	return cmp.Or(d.Account, "-")
}

func (d draft) content() string {
	return strings.Join([]string{d.Currency, d.Payer, d.Reference, d.Text, d.EndToEndID}, "\x00")
}

func (d draft) hash() string {
	return digest(fmt.Sprintf("%s\x00%s\x00%d\x00%s", d.Account, d.day, d.Amount, d.content()))
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// oneLine joins what the bank has cut into pieces.
func oneLine(pieces ...string) string {
	return strings.Join(strings.Fields(strings.Join(pieces, " ")), " ")
}
