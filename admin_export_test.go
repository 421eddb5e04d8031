package checkout

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// export gives the CSV of a filter as records by column name, newest first.
func (s *shop) export(f paymentFilter) (list []map[string]string) {
	s.t.Helper()
	var out bytes.Buffer
	q := newAdminQuery(s.co.store)
	q.searchBound = 50
	if err := q.exportCSV(s.t.Context(), &out, f); err != nil {
		s.t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != strings.Count(out.String(), "\r\n") {
		s.t.Error("a line does not end with CR LF (RFC 4180)")
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil || !slices.Equal(records[0], exportColumns) {
		s.t.Fatalf("read back: %v, %v", records, err)
	}
	for _, fields := range records[1:] {
		line := map[string]string{}
		for i, name := range exportColumns {
			line[name] = fields[i]
		}
		list = append(list, line)
	}
	return list
}

func TestExportOfHostileValues(t *testing.T) {
	hostile := []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx", `"quoted", and; commas`, "two\nlines", "ünï 漢字 🙂", "'", "plain", "a=b"}
	eachShop(t, func(t *testing.T, s *shop) {
		for i, text := range hostile {
			at := s.clock.now().Add(time.Duration(len(hostile)-i) * time.Second) // the first one is the newest
			items, err := text2items(text)
			if err != nil {
				t.Fatal(err)
			}
			rec := sessionRecord{ID: newID(prefixSession, at), Mode: Test, Status: StatusCompleted, PaymentStatus: PaymentPaid, Amount: 123456, AmountTax: 5, AmountRefunded: 100,
				Currency: "kwd", LineItems: items, CustomerEmail: &text, Reference: &text, Metadata: `{"k":"=1"}`, Locale: "en", CreatedAt: millis(at), CompletedAt: pointerTo(millis(at)),
				SuccessURL: "https://shop.example/?token=secret", IdempotencyKey: pointer("idem-secret-" + fmt.Sprint(i))}
			if _, _, err := s.co.store.insertSession(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
		}
		list := s.export(paymentFilter{Mode: Test})
		if len(list) != len(hostile) {
			t.Fatalf("%d lines, want %d", len(list), len(hostile))
		}
		for i, line := range list {
			want := hostile[i]
			if strings.ContainsRune("=+-@\t\r", rune(want[0])) {
				want = "'" + want
			}
			want = strings.ReplaceAll(want, "\r", "") // a line break has one form
			for _, column := range []string{"customer_email", "client_reference_id"} {
				if line[column] != want {
					t.Errorf("%s of %q is %q, want %q", column, hostile[i], line[column], want)
				}
			}
			if line["description"] != want+" +1" {
				t.Errorf("description of %q is %q", hostile[i], line["description"])
			}
			for _, value := range line {
				if value != "" && strings.ContainsRune("=+-@\t\r", rune(value[0])) {
					t.Errorf("%q begins a formula", value)
				}
				if strings.Contains(value, "secret") {
					t.Errorf("%q is a secret", value)
				}
			}
		}
		first := list[0]
		want := map[string]string{"amount": "123.456", "amount_minor": "123456", "tax": "0.005", "tax_minor": "5", "refunded": "0.100", "refunded_minor": "100", "currency": "kwd",
			"mode": "test", "status": "completed", "payment_status": "paid", "metadata": `{"k":"=1"}`, "created_at": "2025-01-10T12:00:12Z", "completed_at": "2025-01-10T12:00:12Z", "expired_at": ""}
		for column, value := range want {
			if first[column] != value {
				t.Errorf("%s is %q, want %q", column, first[column], value)
			}
		}
	})
}

func text2items(name string) (string, error) { return text([]LineItem{{Name: name}, {Name: "More"}}) }

func pointerTo[T any](v T) *T { return &v }

// TestExportAgreesWithTheList has more sessions than a batch, on a database with one connection that the reader of the
// file needs too.
func TestExportAgreesWithTheList(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := rand.New(rand.NewPCG(3, 4))
		list := s.scatter(3*exportBatch, r)
		pool, err := s.db.DB()
		if err != nil {
			t.Fatal(err)
		}
		pool.SetMaxOpenConns(1)
		for _, f := range []paymentFilter{
			{Mode: Test}, {Mode: Live}, {Mode: Test, Status: StatusCompleted}, {Mode: Test, MetadataKey: "a", MetadataValue: "5"}, {Mode: Test, Currency: "chf", AmountMin: pointerTo(int64(1))},
			{Mode: Test, Limit: 1, After: list[300].ID, Before: list[100].ID}, {Mode: Test, Email: "b1@example.com"}, {Mode: Test, ID: "pi_unknown"},
		} {
			var want, got []string
			for _, one := range slices.Backward(list) {
				if one.meets(f) {
					want = append(want, one.ID)
				}
			}
			for _, line := range s.export(f) {
				got = append(got, line["id"])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", describe(f), diff)
			}
		}
		err = newAdminQuery(s.co.store).exportCSV(t.Context(), writer(func(p []byte) (int, error) { return len(p), s.co.store.ping(t.Context()) }), paymentFilter{Mode: Test})
		if err != nil {
			t.Errorf("a reader that needs the only connection: %v", err)
		}
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestExportStops(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.scatter(2*exportBatch, rand.New(rand.NewPCG(5, 6)))
		q := newAdminQuery(s.co.store)
		wrote := 0
		err := q.exportCSV(t.Context(), writer(func(p []byte) (int, error) { wrote++; return 0, errHost }), paymentFilter{Mode: Test})
		if !errors.Is(err, errHost) || wrote != 1 {
			t.Errorf("after %d writes to a reader that is gone: %v", wrote, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		lines := 0
		err = q.exportCSV(ctx, writer(func(p []byte) (int, error) { cancel(); lines += bytes.Count(p, []byte("\n")); return len(p), nil }), paymentFilter{Mode: Test})
		if !errors.Is(err, context.Canceled) || lines > exportBatch+1 {
			t.Errorf("after %d lines to nobody: %v", lines, err)
		}
	})
}
