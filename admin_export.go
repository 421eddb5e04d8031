package checkout

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jopay/checkout/internal/money"
)

// exportColumns are the columns of the CSV, one session a line, newest first.
//
// Amounts come twice: as a decimal of the currency's ISO 4217 digits with a dot, and in minor units. Times are RFC 3339 in
// UTC with whole seconds, empty where nothing has happened. description is the name of the first item and how many follow,
// provider, method and provider_reference are those of the last attempt, payment_id is the attempt that paid. metadata is
// JSON. Texts that a spreadsheet would take for a formula begin with an apostrophe.
var exportColumns = []string{
	"id", "created_at", "mode", "status", "payment_status", "currency", "amount", "amount_minor", "tax", "tax_minor",
	"refunded", "refunded_minor", "customer_email", "client_reference_id", "description", "provider", "method",
	"provider_reference", "payment_id", "completed_at", "expired_at", "metadata",
}

// exportBatch is how many sessions are in memory at once; none has more than the API's limits of items and metadata.
const exportBatch = 250

// exportCSV writes all sessions of a filter as RFC 4180 with a header line; its cursors and limit do not count. What is
// created meanwhile may or may not be there. The database is not held while w is written to. It ends with the error of ctx
// or of w.
func (q *adminQuery) exportCSV(ctx context.Context, w io.Writer, f paymentFilter) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(exportColumns); err != nil {
		return err
	}
	f.Before, f.After, f.Limit = "", "", exportBatch
	for {
		page, err := q.exportPage(ctx, f)
		if err != nil {
			return err
		}
		for _, r := range page.Rows {
			if err := out.Write(r.csv()); err != nil {
				return err
			}
		}
		if out.Flush(); out.Error() != nil || page.Older == "" {
			return out.Error()
		}
		f.After = page.Older
	}
}

// exportPage reads a batch. A search in metadata walks from end to end: that costs the same for a rare member and a common
// one, where the index would be asked anew for each batch.
func (q *adminQuery) exportPage(ctx context.Context, f paymentFilter) (paymentPage, error) {
	if err := ctx.Err(); err != nil {
		return paymentPage{}, err
	}
	c, err := q.conditions(ctx, f)
	if err != nil || c.nothing {
		return paymentPage{}, err
	}
	if f.MetadataKey != "" {
		return q.searchPage(ctx, f, c, q.searchBound)
	}
	rows, err := q.store.paymentRows(ctx, c, f.Limit+1)
	return f.page(rows), err
}

func (r paymentRow) csv() []string {
	description := r.Description
	if r.MoreItems > 0 {
		description += " +" + strconv.Itoa(r.MoreItems)
	}
	line := []string{
		r.ID, csvTime(&r.CreatedAt), string(r.Mode), string(r.Status), string(r.PaymentStatus), r.Currency,
		money.Decimal(r.Amount, r.Currency), strconv.FormatInt(r.Amount, 10), money.Decimal(r.Tax, r.Currency), strconv.FormatInt(r.Tax, 10),
		money.Decimal(r.Refunded, r.Currency), strconv.FormatInt(r.Refunded, 10), r.Email, r.Reference, description, r.Provider, r.Method,
		r.ProviderRef, r.PaymentID, csvTime(r.CompletedAt), csvTime(r.ExpiredAt), r.Metadata,
	}
	for i := range line {
		line[i] = noFormula(line[i])
	}
	return line
}

// noFormula keeps spreadsheets from running what a buyer or a shop has typed (OWASP, CSV injection).
func noFormula(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + s
	}
	return s
}

func csvTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

const (
	// exportTime is how long an export may take: hosts give a page seconds, and a shop's whole history needs more.
	exportTime = time.Hour

	byteOrderMark = "\ufeff"               // spreadsheets take a file without it for the system's own encoding
	csvIncomplete = "\r\n# incomplete\r\n" // on a line of its own, for where a proxy mends the break
)

// startExport gives a download its name and the time it may take. What it returns is to be deferred: a panic must not end in an
// error page behind half a file, which would look whole.
func (a *adminCall) startExport(contentType, name string) (deferred func()) {
	_ = http.NewResponseController(a.w).SetWriteDeadline(time.Now().Add(exportTime)) // the connection's clock, not ours; some have none
	h := a.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			a.breakOff(fmt.Errorf("panic: %v", p), "")
		} else if p != nil {
			panic(p)
		}
	}
}

// breakOff ends an export that is not whole: a broken connection is the only way left to say so.
func (a *adminCall) breakOff(err error, lastWords string) {
	a.cfg.Logger.WarnContext(a.ctx(), "checkout: an export broke off", "request", requestID(a.ctx()), "error", err)
	_, _ = io.WriteString(a.w, lastWords)
	panic(http.ErrAbortHandler)
}
