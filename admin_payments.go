package checkout

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jopay/checkout/internal/canonjson"
	"github.com/jopay/checkout/internal/strictjson"
)

// adminQuery answers the questions of the admin. It reads only, and is safe for concurrent use.
type adminQuery struct {
	store *store
	days  *dayCache

	// A search in metadata looks through the first so many sessions that pass the other filters. On PostgreSQL an index then
	// finds what not more than rareBound sessions have; for the rest, and on SQLite, one page looks through searchBound
	// sessions and the next page goes on.
	searchFirst, rareBound, searchBound int
}

func newAdminQuery(s *store) *adminQuery {
	return &adminQuery{store: s, days: newDayCache(), searchFirst: 2_000, rareBound: 2_000, searchBound: 10_000}
}

// paymentFilter selects sessions for the payments list, newest first. Empty fields do not filter. Amounts are minor units;
// without a currency they mean every currency alike.
type paymentFilter struct {
	Mode                 Mode // required
	Status               Status
	PaymentStatus        PaymentStatus
	Currency             string
	AmountMin, AmountMax *int64    // both inclusive
	Email                string    // exactly as stored
	ID                   string    // of a session, payment or refund, or a provider's reference of a charge or refund
	Reference            string    // the merchant's own: client_reference_id
	MetadataKey          string    // with MetadataValue: a string, number or bool whose text is that
	MetadataValue        string    //
	From, To             time.Time // created; From inclusive, To exclusive
	After                string    // paymentPage.Older of the page before: older sessions
	Before               string    // paymentPage.Newer of the page behind: newer sessions
	Limit                int       // defaults to 50, at most 100
}

// paymentRow is a session as lists and the CSV show it. Money is in minor units, times have milliseconds.
type paymentRow struct {
	ID            string
	Mode          Mode
	Status        Status
	PaymentStatus PaymentStatus
	Amount        int64
	Tax           int64
	Refunded      int64
	Currency      string
	Email         string
	Reference     string
	Description   string // the name of the first item
	MoreItems     int    // how many items follow it
	Metadata      string // JSON
	Provider      string // of the last attempt; empty before the first one
	Method        string
	ProviderRef   string
	PaymentID     string // of the attempt that paid
	CreatedAt     time.Time
	CompletedAt   *time.Time
	ExpiredAt     *time.Time
}

// paymentPage is a part of the list, newest first whichever way it was reached. An empty cursor means that the list ends
// there. Searched is set where a search stopped at its bound: the page may be short or empty and yet have an Older or
// Newer one, which goes on from there.
type paymentPage struct {
	Rows         []paymentRow
	Older, Newer string
	Searched     bool
}

const (
	pageLimit    = 50
	maxPageLimit = 100
)

// paymentsPage reads one page. A cursor that is none is [ErrCursor].
func (q *adminQuery) paymentsPage(ctx context.Context, f paymentFilter) (paymentPage, error) {
	setDefault(&f.Limit, pageLimit)
	f.Limit = max(1, min(f.Limit, maxPageLimit))
	for _, cursor := range []string{f.After, f.Before} {
		if cursor != "" && !isID(prefixSession, cursor) {
			return paymentPage{}, ErrCursor
		}
	}
	c, err := q.conditions(ctx, f)
	if err != nil || c.nothing {
		return paymentPage{}, err
	}
	if f.MetadataKey == "" {
		rows, err := q.store.paymentRows(ctx, c, f.Limit+1)
		return f.page(rows), err
	}
	if !q.store.postgres {
		return q.searchPage(ctx, f, c, q.searchBound)
	}
	page, err := q.searchPage(ctx, f, c, q.searchFirst)
	if err != nil || !page.Searched {
		return page, err
	}
	rows, rare, err := q.store.rareRows(ctx, c, f.metadata(), q.rareBound, f.Limit+1)
	if err != nil || rare {
		return f.page(rows), err
	}
	return q.searchPage(ctx, f, c, q.searchBound)
}

// searchPage looks through the next bound sessions that pass all other conditions.
func (q *adminQuery) searchPage(ctx context.Context, f paymentFilter, c conditions, bound int) (paymentPage, error) {
	end, seen, err := q.store.searchEnd(ctx, c, bound)
	if err != nil || seen == 0 {
		return f.page(nil), err
	}
	rows, err := q.store.paymentRows(ctx, c.until(end).containing(f.metadata(), q.store.postgres), f.Limit+1)
	if err != nil {
		return paymentPage{}, err
	}
	page := f.page(rows)
	if len(rows) > f.Limit || seen < bound {
		return page, nil
	}
	page.Searched = true
	if c.ascending {
		page.Newer = end
	} else {
		page.Older = end
	}
	return page, nil
}

// page cuts the row that was read to see whether there are more, and sets the cursors.
func (f paymentFilter) page(rows []paymentRow) (p paymentPage) {
	more := len(rows) > f.Limit
	if more {
		rows = rows[:f.Limit]
	}
	older, newer := more, f.After != ""
	if f.ascending() {
		slices.Reverse(rows)
		older, newer = true, more
	}
	p.Rows = rows
	if len(rows) == 0 {
		return p
	}
	if older {
		p.Older = rows[len(rows)-1].ID
	}
	if newer {
		p.Newer = rows[0].ID
	}
	return p
}

func (f paymentFilter) ascending() bool { return f.Before != "" }

// conditions turns a filter into SQL over the sessions. What has to be looked up first is looked up here.
func (q *adminQuery) conditions(ctx context.Context, f paymentFilter) (conditions, error) {
	c := conditions{ascending: f.ascending(), nothing: f.contradicts()}
	if c.nothing {
		return c, nil
	}
	c.add("mode = ?", f.Mode)
	if f.PaymentStatus.taken() {
		f.Status = "" // says no more
	}
	for _, e := range []struct{ condition, value string }{
		{"status = ?", string(f.Status)}, {"payment_status = ?", string(f.PaymentStatus)}, {"customer_email = ?", f.Email},
		{"client_reference_id = ?", f.Reference}, {"id < ?", f.After}, {"id > ?", f.Before},
		{"id >= ?", timeCursor(f.From)}, {"id < ?", timeCursor(f.To)},
	} {
		if e.value != "" {
			c.add(e.condition, e.value)
		}
	}
	if err := q.addAmount(ctx, f, &c); err != nil || f.ID == "" {
		return c, err
	}
	ids, err := q.store.sessionsOf(ctx, strings.TrimSpace(f.ID))
	c.addIn("id", ids)
	return c, err
}

// contradicts tells filters that no session can meet: texts that are none, which the database would refuse, and statuses
// that exclude each other, of which it would have to look at every candidate to know.
func (f paymentFilter) contradicts() bool {
	for _, text := range []string{string(f.Status), string(f.PaymentStatus), f.Currency, f.Email, f.ID, f.Reference, f.MetadataKey, f.MetadataValue} {
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return true
		}
	}
	if f.MetadataKey != "" && len(f.metadata()) == 0 {
		return true
	}
	switch f.Status {
	case StatusPending, StatusExpired:
		return f.PaymentStatus.taken()
	case StatusCompleted:
		return f.PaymentStatus == PaymentUnpaid
	}
	return false
}

// taken tells that money was taken for a session: only completed ones have such a payment status.
func (s PaymentStatus) taken() bool {
	return s == PaymentPaid || s == PaymentPartiallyRefunded || s == PaymentRefunded
}

// timeCursor is an id as the first session of a moment would have it, empty for no time.
func timeCursor(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return prefixSession + timeDigits(t)
}

// addAmount names all currencies where the filter names none: the index begins with the currency.
func (q *adminQuery) addAmount(ctx context.Context, f paymentFilter, c *conditions) error {
	if f.Currency != "" {
		c.add("currency = ?", asciiLower(f.Currency))
	}
	if f.AmountMin == nil && f.AmountMax == nil {
		return nil
	}
	if f.Currency == "" {
		known, err := q.store.currencies(ctx, f.Mode)
		if err != nil {
			return err
		}
		c.addIn("currency", known)
	}
	if f.AmountMin != nil {
		c.add("amount >= ?", *f.AmountMin)
	}
	if f.AmountMax != nil {
		c.add("amount <= ?", *f.AmountMax)
	}
	return nil
}

// metadata gives the JSON objects with one member that the filter may mean: its value as a string, and as a number or bool
// if it is the text of one.
func (f paymentFilter) metadata() (objects []string) {
	var asText canonjson.Object
	asText.String(f.MetadataKey, f.MetadataValue)
	text, err := asText.Bytes()
	if err != nil {
		return nil
	}
	objects = append(objects, string(text))
	v, err := strictjson.Parse([]byte(f.MetadataValue), 1)
	if err != nil || (v.Kind != strictjson.Number && v.Kind != strictjson.Bool) {
		return objects
	}
	var asIs canonjson.Object
	asIs.Raw(f.MetadataKey, []byte(f.MetadataValue))
	if text, err = asIs.Bytes(); err == nil {
		text, err = canonjson.Canonical(text, canonjson.Limits{Bytes: maxMetadataBytes, Depth: 1})
	}
	if err == nil {
		objects = append(objects, string(text))
	}
	return objects
}
