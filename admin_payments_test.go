package checkout

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jopay/checkout/internal/canonjson"
)

// scattered is a session as a test has made it, with what the list can be asked for.
type scattered struct {
	sessionRecord
	metadata map[string]any
	ids      []string // of its payments, refunds and their references
}

// awkward are names and texts that a careless search mixes up.
var awkward = []any{"5", 5, "true", true, "a", `,"a":"5"`, `{"a":5}`, `my"a`, "ü\n", "", 0.5, "0.5", `\`, "%", "A"}

func randomMetadata(r *rand.Rand) (map[string]any, string) {
	m := map[string]any{}
	for range r.IntN(4) {
		key := fmt.Sprint(awkward[r.IntN(len(awkward))])
		if key != "" {
			m[key] = awkward[r.IntN(len(awkward))]
		}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	text, err := canonjson.Canonical(raw, canonjson.Limits{Bytes: maxMetadataBytes, Depth: 1})
	if err != nil {
		panic(err)
	}
	return m, string(text)
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// scatter stores n random sessions over three days, in both modes, and gives them oldest first.
func (s *shop) scatter(n int, r *rand.Rand) (list []scattered) {
	s.t.Helper()
	err := s.co.store.transact(s.t.Context(), func(t tx) error {
		for i := range n {
			at := s.clock.now().Add(time.Duration(i) * 3 * 24 * time.Hour / time.Duration(n)).Truncate(time.Millisecond)
			one := randomSession(at, i, r)
			if _, _, err := t.insertSession(one.sessionRecord); err != nil {
				return err
			}
			if err := one.pay(t, i); err != nil {
				return err
			}
			list = append(list, one)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func randomSession(at time.Time, i int, r *rand.Rand) scattered {
	metadata, text := randomMetadata(r)
	one := scattered{metadata: metadata, sessionRecord: sessionRecord{
		ID: newID(prefixSession, at), Mode: pick(r, Test, Test, Live), Amount: int64(r.IntN(30)) * 100, Currency: pick(r, "eur", "eur", "usd", "jpy"),
		LineItems: fmt.Sprintf(`[{"name":"Item %d"},{"name":"More"}]`, i), Metadata: text, Locale: "en", CreatedAt: millis(at), Attempts: r.IntN(3),
	}}
	one.Status, one.PaymentStatus = pick(r, StatusPending, StatusExpired), pick(r, PaymentUnpaid, PaymentNotRequired)
	if r.IntN(2) > 0 {
		one.Status, one.PaymentStatus = StatusCompleted, pick(r, PaymentPaid, PaymentRefunded, PaymentPartiallyRefunded, PaymentNotRequired)
	}
	if r.IntN(3) > 0 {
		one.CustomerEmail = pointer(fmt.Sprintf("b%d@example.com", r.IntN(9)))
	}
	if r.IntN(3) > 0 {
		one.Reference = pointer(fmt.Sprintf("R-%d", r.IntN(9)))
	}
	return one
}

// pay stores the attempts a session counts, and a refund of the last one.
func (one *scattered) pay(t tx, i int) error {
	for n := 1; n <= one.Attempts; n++ {
		at := fromMillis(one.CreatedAt)
		p := paymentRecord{ID: newID(prefixPayment, at), SessionID: one.ID, Mode: one.Mode, Ordinal: n, Provider: []string{"first", "second", "third"}[(i+n)%3], Method: fmt.Sprintf("m%d", n), State: attemptFailed}
		ref, charge := fmt.Sprintf("pi_%d_%d", i, n), fmt.Sprintf("ch_%d_%d", i, n)
		if _, err := t.insertPayment(p, 0); err != nil {
			return err
		}
		if err := t.one(`UPDATE {payments} SET ref = ?, charge_id = ? WHERE id = ?`, ref, charge, p.ID); err != nil {
			return err
		}
		one.ids = append(one.ids, p.ID, ref, charge)
		if n < one.Attempts {
			continue
		}
		refund := refundRecord{ID: newID(prefixRefund, at), SessionID: one.ID, PaymentID: p.ID, Mode: one.Mode, Origin: originRequest, State: refundSucceeded, Amount: 1, Currency: "eur", ProviderRef: pointer(fmt.Sprintf("re_%d", i))}
		if _, err := t.insertRefund(refund); err != nil {
			return err
		}
		one.ids = append(one.ids, refund.ID, *refund.ProviderRef)
	}
	return nil
}

// meets is the filter once more, without a database.
func (one scattered) meets(f paymentFilter) bool {
	created := fromMillis(one.CreatedAt)
	value, has := one.metadata[f.MetadataKey]
	for _, no := range []bool{
		one.Mode != f.Mode,
		f.Status != "" && one.Status != f.Status,
		f.PaymentStatus != "" && one.PaymentStatus != f.PaymentStatus,
		f.Currency != "" && one.Currency != f.Currency,
		f.AmountMin != nil && one.Amount < *f.AmountMin,
		f.AmountMax != nil && one.Amount > *f.AmountMax,
		f.Email != "" && orEmpty(one.CustomerEmail) != f.Email,
		f.Reference != "" && orEmpty(one.Reference) != f.Reference,
		f.ID != "" && one.ID != f.ID && !slices.Contains(one.ids, f.ID),
		f.MetadataKey != "" && (!has || fmt.Sprint(value) != f.MetadataValue),
		!f.From.IsZero() && created.Before(f.From),
		!f.To.IsZero() && !created.Before(f.To),
	} {
		if no {
			return false
		}
	}
	return true
}

// randomFilter asks for what some sessions have, one to three things at once.
func randomFilter(list []scattered, r *rand.Rand) paymentFilter {
	f := paymentFilter{Mode: pick(r, Test, Test, Live), Limit: 1 + r.IntN(40)}
	for range 1 + r.IntN(3) {
		some := list[r.IntN(len(list))]
		switch r.IntN(11) {
		case 0:
			f.Status = some.Status
		case 1:
			f.PaymentStatus = some.PaymentStatus
		case 2:
			f.Currency = pick(r, some.Currency, some.Currency, "chf")
		case 3:
			f.AmountMin = &some.Amount
		case 4:
			f.AmountMax = &some.Amount
		case 5:
			f.Email = pick(r, orEmpty(some.CustomerEmail), "nobody@example.com")
		case 6:
			f.Reference = orEmpty(some.Reference)
		case 7:
			f.ID = pick(r, append(some.ids, some.ID, "pi_unknown")...)
		case 8, 9:
			f.MetadataKey, f.MetadataValue = fmt.Sprint(pick(r, awkward...)), fmt.Sprint(pick(r, awkward...))
		default:
			f.From = fromMillis(some.CreatedAt)
			f.To = f.From.Add(time.Duration(r.IntN(72)) * time.Hour)
		}
	}
	return f
}

// walkPages walks from a filter's cursor to the end of the list. Every page but one that stopped its search is full.
func walkPages(t *testing.T, q *adminQuery, f paymentFilter, between func()) (ids []string) {
	t.Helper()
	down := f.Before == ""
	for range 1000 {
		p, err := q.paymentsPage(t.Context(), f)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		page := rowIDs(p.Rows)
		next := p.Older
		if down {
			ids, f.After = append(ids, page...), p.Older
		} else {
			ids, f.Before, next = append(page, ids...), p.Newer, p.Newer
		}
		if next == "" {
			return ids
		}
		if len(page) < f.Limit && !p.Searched {
			t.Fatalf("a page of %d of %d is not the last: %+v", len(page), f.Limit, f)
		}
		between()
	}
	t.Fatalf("the list has no end: %+v", f)
	return nil
}

func rowIDs(rows []paymentRow) (ids []string) {
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestPaymentFiltersAgreeWithANaiveOne(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 1))
		list := s.scatter(300, r)
		q := newAdminQuery(s.co.store)
		q.searchFirst, q.searchBound = 20, 50
		found := 0
		for range 400 {
			f := randomFilter(list, r)
			q.rareBound = pick(r, 5, 1000)
			var want []string
			for _, one := range slices.Backward(list) {
				if one.meets(f) {
					want = append(want, one.ID)
				}
			}
			found += len(want)
			if diff := cmp.Diff(want, walkPages(t, q, f, func() {})); diff != "" {
				t.Fatalf("seed %d, %s, down (-want +got):\n%s", seed, describe(f), diff)
			}
			f.Before = prefixSession + hex44("0")
			if diff := cmp.Diff(want, walkPages(t, q, f, func() {})); diff != "" {
				t.Fatalf("seed %d, %s, up (-want +got):\n%s", seed, describe(f), diff)
			}
		}
		if found < 400 {
			t.Errorf("400 filters found only %d sessions: they prove little", found)
		}
	})
}

func describe(f paymentFilter) string {
	text, err := json.Marshal(f)
	return fmt.Sprint(string(text), err)
}

func TestPaymentRowsShowTheLastAttempt(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		list := s.scatter(60, rand.New(rand.NewPCG(1, 2)))
		q := newAdminQuery(s.co.store)
		p, err := q.paymentsPage(t.Context(), paymentFilter{Mode: Test, Limit: 100})
		if err != nil || len(p.Rows) < 20 || p.Older != "" || p.Newer != "" {
			t.Fatalf("%d rows, older %q, newer %q, %v", len(p.Rows), p.Older, p.Newer, err)
		}
		for _, row := range p.Rows {
			i := slices.IndexFunc(list, func(one scattered) bool { return one.ID == row.ID })
			one := list[i]
			want := paymentRow{
				ID: one.ID, Mode: Test, Status: one.Status, PaymentStatus: one.PaymentStatus, Amount: one.Amount, Currency: one.Currency,
				Email: orEmpty(one.CustomerEmail), Reference: orEmpty(one.Reference), Description: fmt.Sprintf("Item %d", i), MoreItems: 1,
				Metadata: one.Metadata, CreatedAt: fromMillis(one.CreatedAt),
			}
			if n := one.Attempts; n > 0 {
				want.Provider, want.Method, want.ProviderRef = []string{"first", "second", "third"}[(i+n)%3], fmt.Sprintf("m%d", n), fmt.Sprintf("pi_%d_%d", i, n)
			}
			if diff := cmp.Diff(want, row); diff != "" {
				t.Errorf("session %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

func TestPagesHaveNoGapsWhileSessionsArrive(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		ids := s.fill(23)
		q := newAdminQuery(s.co.store)
		made := 0
		arrive := func() { s.clock.advance(time.Second); s.create(seedBody); made++ }
		if diff := cmp.Diff(ids, walkPages(t, q, paymentFilter{Mode: Test, Limit: 5}, arrive)); diff != "" {
			t.Errorf("down (-want +got):\n%s", diff)
		}
		before := made
		up := walkPages(t, q, paymentFilter{Mode: Test, Limit: 5, Before: ids[22]}, func() {
			if made < before+6 {
				arrive()
			}
		})
		if len(up) != 22+made || !slices.Equal(up[made:], ids[:22]) || !slices.IsSortedFunc(up, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("up: %d sessions, want %d: %v", len(up), 22+made, up)
		}
	})
}

func TestPageCursors(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		ids := s.fill(6)
		q := newAdminQuery(s.co.store)
		for name, c := range map[string]struct {
			filter       paymentFilter
			want         []string
			newer, older string
		}{
			"first":   {paymentFilter{Limit: 2}, ids[:2], "", ids[1]},
			"second":  {paymentFilter{Limit: 2, After: ids[1]}, ids[2:4], ids[2], ids[3]},
			"last":    {paymentFilter{Limit: 2, After: ids[3]}, ids[4:], ids[4], ""},
			"behind":  {paymentFilter{Limit: 2, After: ids[5]}, nil, "", ""},
			"back":    {paymentFilter{Limit: 2, Before: ids[4]}, ids[2:4], ids[2], ids[3]},
			"to top":  {paymentFilter{Limit: 2, Before: ids[2]}, ids[:2], "", ids[1]},
			"all":     {paymentFilter{}, ids, "", ""},
			"too few": {paymentFilter{Limit: -5}, ids[:1], "", ids[0]},
		} {
			c.filter.Mode = Test
			p, err := q.paymentsPage(t.Context(), c.filter)
			if err != nil || !slices.Equal(rowIDs(p.Rows), c.want) || p.Newer != c.newer || p.Older != c.older {
				t.Errorf("%s: %v, newer %q, older %q, %v", name, rowIDs(p.Rows), p.Newer, p.Older, err)
			}
		}
		for _, f := range []paymentFilter{{After: "cs_1"}, {Before: "' OR 1=1"}} {
			if _, err := q.paymentsPage(t.Context(), f); !errors.Is(err, ErrCursor) {
				t.Errorf("%+v: %v", f, err)
			}
		}
	})
}

func TestPaymentFiltersOfNonsenseFindNothing(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.create(seedBody)
		q := newAdminQuery(s.co.store)
		for _, bad := range []string{"\x00", "a\xff"} {
			for _, f := range []paymentFilter{{Email: bad}, {ID: bad}, {Reference: bad}, {Currency: bad}, {Status: Status(bad)}, {PaymentStatus: PaymentStatus(bad)}, {MetadataKey: bad}, {MetadataKey: "order_id", MetadataValue: bad}} {
				f.Mode = Test
				if p, err := q.paymentsPage(t.Context(), f); err != nil || len(p.Rows) != 0 {
					t.Errorf("%+v: %d rows, %v", f, len(p.Rows), err)
				}
			}
		}
		for _, f := range []paymentFilter{{Status: StatusPending, PaymentStatus: PaymentPaid}, {Status: StatusCompleted, PaymentStatus: PaymentUnpaid}, {ID: strings.Repeat("x", 10_000)}, {MetadataKey: "x"}} {
			f.Mode = Test
			if p, err := q.paymentsPage(t.Context(), f); err != nil || len(p.Rows) != 0 || p.Older != "" {
				t.Errorf("%+v: %d rows, %v", f, len(p.Rows), err)
			}
		}
	})
}
