package checkout

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// paymentsScreen is the list of sessions with its filter.
type paymentsScreen struct {
	Rows           []paymentLine
	Newer, Older   string // addresses of the neighbouring pages
	CSV            string
	Filtered       bool
	Searched       bool // the search has stopped before the end of the list
	Query          url.Values
	Currencies     []string
	Statuses       []Status
	PaymentStatus  []PaymentStatus
	Start          *startHelp // when there is no payment yet
	AmountCurrency string     // of the amounts in the filter
}

// paymentLine is a session in the list.
type paymentLine struct {
	paymentRow
	Standing standing
}

var (
	listStatuses        = []Status{StatusPending, StatusCompleted, StatusExpired}
	listPaymentStatuses = []PaymentStatus{
		PaymentUnpaid, PaymentRequiresAction, PaymentProcessing, PaymentPaid, PaymentNotRequired, PaymentPartiallyRefunded, PaymentRefunded,
	}

	// filterFields are the parameters of the list; everything else in an address is left out of links.
	filterFields = []string{"status", "payment_status", "currency", "min", "max", "email", "id", "reference", "metadata", "from", "to"}
)

// getPayments is GET /{mode}/payments.
func (a *adminCall) getPayments() error {
	f, s, problems, err := a.paymentFilter()
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return a.showForm(http.StatusBadRequest, "payments", "payments", s, problems)
	}
	q := a.r.URL.Query()
	f.After, f.Before = q.Get("after"), q.Get("before")
	page, err := a.queries.paymentsPage(a.ctx(), f)
	if err != nil {
		return err
	}
	for _, r := range page.Rows {
		s.Rows = append(s.Rows, paymentLine{r, standingOf(r.Status, r.PaymentStatus)})
	}
	s.Searched = page.Searched
	s.Newer, s.Older = a.pageLink(s.Query, "before", page.Newer), a.pageLink(s.Query, "after", page.Older)
	if len(page.Rows) == 0 && !s.Filtered && f.After == "" && f.Before == "" {
		s.Start, err = a.startHelp()
	}
	return errorOr(err, func() error { return a.show(http.StatusOK, "payments", "payments", s) })
}

func errorOr(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// pageLink is the address of a neighbouring page, empty without a cursor.
func (a *adminCall) pageLink(filter url.Values, param, cursor string) string {
	if cursor == "" {
		return ""
	}
	q := url.Values{param: {cursor}}
	if lang := a.r.URL.Query().Get("lang"); lang != "" {
		q.Set("lang", a.lang)
	}
	return "?" + strings.TrimPrefix(filter.Encode()+"&"+q.Encode(), "&")
}

// paymentFilter reads the filter of an address, and begins the screen that shows it again.
func (a *adminCall) paymentFilter() (paymentFilter, *paymentsScreen, []FieldError, error) {
	known, err := a.store.currencies(a.ctx(), a.mode)
	s := &paymentsScreen{Query: url.Values{}, Currencies: known, Statuses: listStatuses, PaymentStatus: listPaymentStatuses}
	for _, field := range filterFields {
		if v := strings.TrimSpace(shorten(a.r.URL.Query().Get(field), 600)); v != "" {
			s.Query.Set(field, v)
		}
	}
	s.Filtered = len(s.Query) > 0
	s.CSV = "/payments.csv"
	if s.Filtered {
		s.CSV += "?" + s.Query.Encode()
	}
	q := s.Query
	f := paymentFilter{
		Mode: a.mode, Status: Status(q.Get("status")), PaymentStatus: PaymentStatus(q.Get("payment_status")), Currency: asciiLower(q.Get("currency")),
		Email: q.Get("email"), ID: q.Get("id"), Reference: q.Get("reference"),
	}
	if err != nil {
		return f, s, nil, err
	}
	problems := slices.Concat(a.filterWords(&f, q), a.filterDates(&f, q), a.filterAmounts(&f, s), a.filterMetadata(&f, q))
	return f, s, problems, nil
}

// filterWords refuses words that are not in the lists: an address was written by hand.
func (a *adminCall) filterWords(f *paymentFilter, q url.Values) (problems []FieldError) {
	if f.Status != "" && !slices.Contains(listStatuses, f.Status) {
		problems = append(problems, a.wrong("status", "choice"))
	}
	if f.PaymentStatus != "" && !slices.Contains(listPaymentStatuses, f.PaymentStatus) {
		problems = append(problems, a.wrong("payment_status", "choice"))
	}
	if strings.ContainsRune(strings.Join(slices.Concat(q["email"], q["id"], q["reference"], q["currency"]), ""), 0) {
		problems = append(problems, a.wrong("id", "parameter_invalid_string"))
	}
	return problems
}

// filterDates reads whole days of UTC, the last one inclusive.
func (a *adminCall) filterDates(f *paymentFilter, q url.Values) (problems []FieldError) {
	for _, d := range []struct {
		param string
		to    *time.Time
		add   int
	}{{"from", &f.From, 0}, {"to", &f.To, 1}} {
		if q.Get(d.param) == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, q.Get(d.param))
		if err != nil || day.Year() < 1970 {
			problems = append(problems, a.wrong(d.param, "date"))
			continue
		}
		*d.to = day.AddDate(0, 0, d.add)
	}
	return problems
}

// filterAmounts reads amounts in major units, which mean nothing without a currency; a shop with one has named it.
func (a *adminCall) filterAmounts(f *paymentFilter, s *paymentsScreen) (problems []FieldError) {
	s.AmountCurrency = f.Currency
	if s.AmountCurrency == "" && len(s.Currencies) == 1 {
		s.AmountCurrency = s.Currencies[0]
	}
	for _, m := range []struct {
		param string
		to    **int64
	}{{"min", &f.AmountMin}, {"max", &f.AmountMax}} {
		typed := s.Query.Get(m.param)
		if typed == "" {
			continue
		}
		if s.AmountCurrency == "" {
			return append(problems, a.wrong("currency", "amount_currency"))
		}
		minor, ok := parseAmount(typed, s.AmountCurrency)
		if !ok {
			problems = append(problems, a.wrong(m.param, "amount", "example", a.typedAmount(1250, s.AmountCurrency)))
			continue
		}
		*m.to, f.Currency = &minor, s.AmountCurrency
	}
	return problems
}

func (a *adminCall) filterMetadata(f *paymentFilter, q url.Values) []FieldError {
	pair := q.Get("metadata")
	if pair == "" {
		return nil
	}
	key, value, ok := strings.Cut(pair, "=")
	if f.MetadataKey, f.MetadataValue = strings.TrimSpace(key), strings.TrimSpace(value); !ok || f.MetadataKey == "" {
		return []FieldError{a.wrong("metadata", "metadata")}
	}
	return nil
}

// getPaymentsCSV is GET /{mode}/payments.csv: the same filter, all pages, streamed.
func (a *adminCall) getPaymentsCSV() error {
	f, _, problems, err := a.paymentFilter()
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return invalid(problems)
	}
	defer a.startExport("text/csv; charset=utf-8; header=present", "payments-"+string(a.mode)+"-"+a.now().Format(time.DateOnly)+".csv")()
	_, _ = io.WriteString(a.w, byteOrderMark)
	if err := a.queries.exportCSV(a.ctx(), a.w, f); err != nil {
		a.breakOff(err, csvIncomplete)
	}
	return nil
}

// startHelp is what somebody needs to make a first session.
type startHelp struct {
	Curl string
	Key  string // prefix of the key that the command needs; empty when there is none yet
}

func (a *adminCall) startHelp() (*startHelp, error) {
	keys, err := a.Keys(a.ctx())
	if err != nil {
		return nil, err
	}
	h := &startHelp{}
	for _, k := range keys {
		if k.Mode == a.mode && works(k, a.now()) {
			h.Key = k.Prefix
		}
	}
	h.Curl = "curl " + a.base + a.cfg.APIPath + `/sessions \
  -H "Authorization: Bearer ` + cmp.Or(h.Key, "sk_"+string(a.mode)+"_") + `…" \
  -H "Content-Type: application/json" \
  -d '{"line_items":[{"name":"Premium Coffee Beans","amount":2500,"currency":"eur","quantity":1}],` +
		`"success_url":"` + a.base + `/thanks","cancel_url":"` + a.base + `/cart"}'`
	return h, nil
}

func works(k Key, now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}
